"""Numbers as models write them: units, thousands, powers of ten, Chinese numerals."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from pytest_medbench.answers.cues import conclusion, statements
from pytest_medbench.answers.reading import Reading, settle
from pytest_medbench.answers.text import visible, without_echo
from pytest_medbench.outcomes import Cause

_DIGITS = r"(?:\d{1,3}(?:,\d{3}){1,6}(?![\d,])(?:\.\d{1,40})?|\d{1,40}(?:\.\d{1,40})?|\.\d{1,40})"
_POWER = (
    r"(?:[eE][+-]?\d{1,3}(?!\d)"
    r"|\s?(?:[x×*·]|\\times|\\cdot)\s?10\s?\^?\s?[({]?(?P<power>[+-]?\d{1,3})[)}]?)"
)
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9_.^])(?<![A-Za-z]-)(?<!\d,)(?P<sign>[+-]?)(?P<digits>{_DIGITS})(?![\d]|\.\d|,\d)"
    rf"(?P<scale>{_POWER})?(?P<chinese>\s?[万亿])?"
)
_RANGE = re.compile(
    r"(?:\s?[a-zA-Z%°μµ]{1,8})?\s?(?:-|–|—|~|～|to\b|至|到|and\b|or\b|或|±|\+/-|\\pm)\s?[-+]?\.?\d"
    r"|\s?[/:÷]\s?\.?\d"
)
_BOUND = re.compile(
    r"(?:[≤≥＜＞]|[<>]=?|\b(?:less|more|greater|fewer|lower|higher|under|over|above|below)(?:\sthan)?"
    r"|\bat\s(?:least|most)|\bup\sto|\bbetween|小于|大于|不足|超过|至少|至多|低于|高于|[\d%]\s?(?:-|–|~|to|至|/|±))\s?$",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"\s?[:：是为约]{0,2}\s?(?P<percent>百分之)?(?P<number>[负零〇一二两三四五六七八九十百千万点]{1,20})"
    r"(?![^\W\d_A-Za-z]?[一二三四五六七八九十])"
)
_WORDS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
]
_WORD = re.compile(
    rf"\s?(?P<word>{'|'.join(sorted(_WORDS, key=len, reverse=True))})\b", re.IGNORECASE
)
_MARKUP = re.compile(
    r"\*\*|__|[`$]|\\[,;! ()\[\]]|\\(?:text|mathrm|mathbf|textbf)\s?(?=\{)|\\approx"
)
_LEAD = re.compile(
    r"[\s({\[<\"'“=≈~:：]{0,6}"
    r"(?:(?:approximately|about|around|roughly|nearly|exactly|equal to|a score of|a"
    r"|大约|约为|大概|约|等于|共)\s?){0,3}[\s({\[<\"'“=≈~$]{0,4}"
)
_UNIT = re.compile(r"[^\d\n]{0,40}")
_MOST_NUMBERS = 500


def read_number(text: str, *, prompt: str = "", partial: bool = False) -> Reading[float]:
    """Read the one number a response gives.

    Units and a percent sign are stripped (`12 %` is 12), `1,234.5` is one number, `12,5` and
    `1.234,5` are none, ranges, bounds (`< 5`, `at least 5`) and fractions (`4/10`) are none.
    Announced answers come first, then a response that holds one number, then the result in the
    last line.

    Parameters
    ----------
    text : str
        The response, as it came.
    prompt : str
        What was asked; its repetition is cut out.
    partial : bool
        Whether the text was cut off: a number at its very end may lack digits and does not count.

    Returns
    -------
    Reading of float
        Finite. Contradictory where different numbers, or a range, are given as the answer.
    """
    shown, echoed = without_echo(visible(text), prompt) if prompt else (visible(text), False)
    shown = _MARKUP.sub("", shown).strip()
    final: list[float | None] = []
    stated: list[float | None] = []
    for statement in statements(shown):
        found = _number_at(shown, statement.at, partial)
        if found is not _ABSENT:
            (final if statement.final else stated).append(found)
    for answers in (final, stated):
        settled = settle(answers)
        if settled is not None:
            return _definite(settled)
    return _unannounced(shown, echoed, partial)


_ABSENT = math.inf


def _definite(settled: Reading[float | None]) -> Reading[float]:
    if settled.answer is None:
        return Reading(None, Cause.CONTRADICTORY)
    return Reading(settled.answer)


def _number_at(text: str, at: int, partial: bool) -> float | None:
    """Read the number at a place; None for a range or a bound, infinity for no number."""
    lead = _LEAD.match(text, at)
    start = lead.end() if lead else at
    found = _NUMBER.match(text, start)
    if found is None:
        # The answer's sign may have been taken for a dash, and a unit may come first.
        found = _NUMBER.match(text, at)
    if found is not None:
        if partial and found.end() >= len(text.rstrip()):
            return _ABSENT
        if _RANGE.match(text, found.end()) or _BOUND.search(
            text[max(0, found.start() - 24) : found.start()]
        ):
            closed = (
                text[found.start() - 1 : found.start()] == "<"
                and text[found.end() : found.end() + 1] == ">"
            )
            return _value(found) if closed else None
        return _value(found)
    spelt = _spelt(text, start)
    return _ABSENT if spelt is None else spelt


def _value(found: re.Match[str]) -> float:
    digits, scale = found["digits"].replace(",", ""), found["scale"]
    if scale is not None:
        digits += f"e{found['power'] if found['power'] is not None else scale[1:]}"
    number = float(digits)
    if found["chinese"]:
        number *= 1e4 if "万" in found["chinese"] else 1e8
    number = -number if found["sign"] == "-" else number
    return number + 0.0 if math.isfinite(number) else _ABSENT


def _spelt(text: str, at: int) -> float | None:
    word = _WORD.match(text, at)
    if word:
        return float(_WORDS.index(word["word"].lower()))
    found = _CHINESE.match(text, at)
    if found is None:
        return None
    return chinese_number(found["number"])


def chinese_number(numeral: str) -> float | None:
    """Read a simple Chinese numeral below 10⁸: 二十五, 一百零三, 三点五; None if it is none."""
    sign = -1.0 if numeral.startswith("负") else 1.0
    whole, point, decimals = numeral.removeprefix("负").partition("点")
    digits = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
    units = {"十": 10, "百": 100, "千": 1000}
    total = section = 0
    digit: int | None = None
    for char in whole:
        if char in digits:
            if digit:
                return None
            digit = digits[char]
        elif char in units:
            section += (1 if digit is None else digit) * units[char]
            digit = None
        elif char == "万":
            total, section, digit = total + (section + (digit or 0)) * 10_000, 0, None
        else:
            return None
    if not whole or (point and not decimals) or any(char not in digits for char in decimals):
        return None
    places = "".join(str(digits[char]) for char in decimals)
    return sign * float(f"{total + section + (digit or 0)}.{places or 0}")


def _unannounced(text: str, echoed: bool, partial: bool) -> Reading[float]:
    if not text:
        return Reading(None, Cause.NO_ANSWER)
    numbers = list(_definite_numbers(text, partial))
    values = {value for value, _ in numbers}
    if values == {None}:
        return Reading(None, Cause.CONTRADICTORY)
    if len(numbers) < _MOST_NUMBERS and len(values) == 1 and None not in values:
        start = numbers[0][1]
        alone = start < 12 and _UNIT.fullmatch(text, start + 1) is not None
        if not partial or alone or text[:start].strip(" ({[<\"'“=≈~:：") == "":
            value = numbers[0][0]
            return Reading(value)
    if not numbers and not echoed:
        spelt = _spelt(text, 0) if len(text) < 24 else None
        return Reading(spelt) if spelt is not None else Reading(None, Cause.NO_ANSWER)
    if partial or echoed:
        return Reading(None, Cause.NO_ANSWER)
    return _result(conclusion(text))


def _definite_numbers(text: str, partial: bool) -> Iterator[tuple[float | None, int]]:
    """Go through the numbers in a text; None stands for a range or a bound."""
    end = len(text.rstrip())
    for count, found in enumerate(_NUMBER.finditer(text)):
        if count >= _MOST_NUMBERS:
            return
        before = text[max(0, found.start() - 24) : found.start()]
        if _in_unit(text, found) or (partial and found.end() >= end):
            continue
        vague = _RANGE.match(text, found.end()) or _BOUND.search(before)
        closed = before.endswith("<") and text[found.end() : found.end() + 1] == ">"
        value = None if vague and not closed else _value(found)
        if value != _ABSENT:
            yield value, found.start()


def _in_unit(text: str, found: re.Match[str]) -> bool:
    """Tell whether a number is part of a unit, such as mL/min/1.73 m², or counts a list."""
    before = text[: found.start()][-2:]
    after = text[found.end() : found.end() + 2]
    if len(before) == 2 and before[1] == "/" and before[0].isalpha():
        return True
    starts_line = before == "" or before.endswith("\n")
    return starts_line and (after in (". ", ") ") or after.startswith("、"))


def _result(line: str) -> Reading[float]:
    """Read what a last sentence concludes with: the number after `=`, or its only one."""
    for sign in ("≈", "="):
        _, found, after = line.rpartition(sign)
        if found:
            line = after
            break
    values = {value for value, _ in _definite_numbers(line, False)}
    if len(values) != 1:
        return Reading(None, Cause.CONTRADICTORY if values else Cause.NO_ANSWER)
    value = values.pop()
    return Reading(None, Cause.CONTRADICTORY) if value is None else Reading(value)


def read_integer(text: str, *, prompt: str = "", partial: bool = False) -> Reading[int]:
    """Read a whole number; `3.5` is none. Parameters as for `read_number`."""
    found = read_number(text, prompt=prompt, partial=partial)
    if found.answer is None:
        return Reading(None, found.cause)
    if not found.answer.is_integer():
        return Reading(None, Cause.NO_ANSWER)
    return Reading(int(found.answer))
