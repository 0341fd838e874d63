"""Numbers with their units in a free text, in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from pytest_medbench.answers.numbers import chinese_number
from pytest_medbench.answers.units import Unit, compound, known_units

ROUNDING = 1e-6

_DIGITS = r"(?:\d{1,3}(?:,\d{3}){1,4}(?![\d,])(?:\.\d{1,20})?|\d{1,20}(?:\.\d{1,20})?|\.\d{1,20})"
_ARABIC = (
    rf"(?P<digits>{_DIGITS})"
    r"(?:\s?[x×*]\s?10\s?\^?\s?(?P<power>-?\d{1,2})|\s?(?P<wan>[万亿]))?"
)
_CHINESE = "[零〇一二两三四五六七八九十百千万点半]{1,12}"
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
)
_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {
    **{word: float(value) for value, word in enumerate(_ONES)},
    **{word: 10.0 * value for value, word in enumerate(_TENS, 3)},
    "half": 0.5,
}
_TIMES = {"once": 1.0, "twice": 2.0, "thrice": 3.0}
_TIMES_A_DAY = {"qd": 1.0, "bid": 2.0, "tid": 3.0, "qid": 4.0}
_SPOKEN = "|".join(sorted([*_WORDS, *_TIMES, *_TIMES_A_DAY], key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?<![a-z0-9.^_])(?<![a-z]-)(?<!\d,)(?P<sign>(?<![0-9)%°\]-])-)?"
    rf"(?:{_ARABIC}|(?P<percent>百分之)?(?P<chinese>{_CHINESE})|(?P<word>{_SPOKEN})\b"
    r"|(?P<article>an?)(?= (?:second|minute|hour|day|week|fortnight|month|year)\b))"
)
_HALF = re.compile(r"\s?(?:and a half\b|个半(?=小时|月|星期|钟头))")
# "For a week", "an hour later" are durations; "two drinks a week" is a rate.
_DURATION_BEFORE = re.compile(
    r"\b(?:for|in|within|after|of|about|around|approximately|than|least|most|over|under|nearly|almost"
    r"|only|lasts?|lasted|lasting|takes?|waits?|until|before|every|is|was|to|up to)\s$"
)
_DURATION_AFTER = re.compile(
    r" [a-z]{3,9} (?:ago|later|before|after|long|apart|earlier|and a half"
    r"|or (?:so|more|less|two))\b"
)
_OF_ONE = re.compile(r"(?: of)? an?\b")
# A bare letter is a unit of body temperature, and nothing else: "2 C. difficile".
_BARE_DEGREES = {"c": (30.0, 45.0), "f": (86.0, 113.0)}
_RANGE = re.compile(rf"\s?(?:-\s?to\b|-|–|—|~|to\b|至|到)\s?{_ARABIC}")
_BETWEEN = re.compile(rf"\s?(?:and\b|和|与)\s?{_ARABIC}")
_BETWEEN_BEFORE = re.compile(r"(?:\bbetween|在|介于)\s?$")
_EACH = re.compile(
    r"(?:每|一)(?P<span>日|天|小时|分钟|分|周|公斤|千克|kg|月|年)(?:体重)?[^\d,;。]{0,6}$"
)
_DAILY = re.compile(r"\b(?:daily|day|24 ?h|24 hours)\b|[每一](?:日|天)|日(?:最大)?剂?量|24 ?小时")
_DAY_NAMES = frozenset({"d", "day", "天", "日"})
_ADVERBS = {"daily": "d", "hourly": "h", "weekly": "week", "monthly": "month"}
_MOST_DENOMINATORS = 3


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, or a range of numbers.

    Parameters
    ----------
    start, end : int
        Where it stands.
    low, high : float
        The number, or the ends of the range, each in the unit `over` has for it.
    over : tuple of (str, str)
        The names of the numerators; "" for a bare number.
    under : tuple of str
        The names of the denominators.
    each : str
        What 每日, 每公斤 … before it names; "" for nothing.
    """

    start: int
    end: int
    low: float
    high: float
    over: tuple[str, str]
    under: tuple[str, ...]
    each: str = ""

    def equals(self, value: float, unit: Unit, tolerance: float, *, daily: bool = False) -> bool:
        """Tell whether it is a value in a unit of the same dimensions.

        Parameters
        ----------
        value : float
            In `unit`.
        unit : Unit
        tolerance : float
            Relative; both ends of a range have to be within it.
        daily : bool
            Whether the sentence says that amounts are those of a day.
        """
        wanted = unit.value(value)
        slack = (tolerance + ROUNDING) * abs(wanted) + ROUNDING * ROUNDING
        for under in self._denominators(daily):
            lower, upper = _compound(self.over[0], under), _compound(self.over[1], under)
            if lower.dimensions == upper.dimensions == unit.dimensions:
                ends = lower.value(self.low), upper.value(self.high)
                if all(abs(end - wanted) <= slack for end in ends):
                    return True
        return False

    def _denominators(self, daily: bool) -> Iterator[tuple[str, ...]]:
        yield self.under
        if self.each:
            yield (*self.under, self.each)
        if not _DAY_NAMES.isdisjoint(self.under):
            yield tuple(name for name in self.under if name not in _DAY_NAMES)
        elif daily:
            yield (*self.under, "d")


@lru_cache(maxsize=1024)
def _compound(over: str, under: tuple[str, ...]) -> Unit:
    return compound(over, list(under))


def is_daily(text: str, start: int, end: int) -> bool:
    """Tell whether a sentence says that its amounts are those of a day."""
    return _DAILY.search(text, start, end) is not None


def quantities(text: str) -> list[Quantity]:
    """Find the numbers of a prepared text with their units; a range is one quantity.

    Chinese numerals count only with a unit or a measure word behind them; `three`, `twice`,
    `bid`, 半小时 and 百分之五 are read.
    """
    found: list[Quantity] = []
    for number in _NUMBER.finditer(text):
        if not found or number.start() >= found[-1].end:
            quantity = _quantity(text, number)
            if quantity is not None:
                found.append(quantity)
    return found


def _quantity(text: str, number: re.Match[str]) -> Quantity | None:
    value = _value(number)
    if value is None or (number["article"] and not _is_duration(text, number)):
        return None
    value, at = _and_a_half(text, number, value)
    low = high = value
    first, at = _numerator(text, at)
    if first in _BARE_DEGREES and not _is_temperature(text, number.end(), first, value):
        first, at = "", number.end()
    more = _HALF.match(text, at) if number["article"] else None
    if more is not None:
        low, high, at = value + 0.5, value + 0.5, more.end()
    second = first
    above = _upper_end(text, number, at) if number["digits"] is not None else None
    if above is not None:
        second, at, first, high = _range(text, above, first, at, low)
    if number["percent"]:
        first = second = "%"
    if number["word"] in _TIMES or number["word"] in _TIMES_A_DAY:
        first = second = "次"
    under, at = _denominators(text, at)
    if number["word"] in _TIMES_A_DAY:
        under = ["d"]
    if number["chinese"] is not None and not first and not under:
        return None
    each = _EACH.search(text[max(0, number.start() - 12) : number.start()])
    return Quantity(
        number.start(), at, low, high, (first, second), tuple(under), each["span"] if each else ""
    )


def _and_a_half(text: str, number: re.Match[str], value: float) -> tuple[float, int]:
    """Give the value and where its unit may begin: "half an hour", 一个半小时."""
    at = number.end()
    if number["word"] == "half":
        of_one = _OF_ONE.match(text, at)
        return value, of_one.end() if of_one is not None else at
    half = None if number["article"] else _HALF.match(text, at)
    return (value + 0.5, half.end()) if half is not None else (value, at)


def _is_duration(text: str, article: re.Match[str]) -> bool:
    start, end = article.span()
    before = _DURATION_BEFORE.search(text[max(0, start - 16) : start])
    return before is not None or _DURATION_AFTER.match(text, end) is not None or start == 0


def _is_temperature(text: str, at: int, unit: str, value: float) -> bool:
    low, high = _BARE_DEGREES[unit]
    return low <= value <= high or text.startswith(("deg", "°"), at + (text[at : at + 1] == " "))


def _range(
    text: str, above: re.Match[str], first: str, at: int, low: float
) -> tuple[str, int, str, float]:
    """Give the second unit, the end, the first unit and the upper end of what may be a range."""
    second, end = _numerator(text, above.end())
    units = known_units()
    if first and second and units[first][0] != units[second][0]:
        return first, at, first, low
    return second or first, end, first or second, _arabic(above)


def _upper_end(text: str, number: re.Match[str], at: int) -> re.Match[str] | None:
    found = _RANGE.match(text, at)
    if found is None and _BETWEEN_BEFORE.search(text[max(0, number.start() - 10) : number.start()]):
        found = _BETWEEN.match(text, at)
    return found


def _value(number: re.Match[str]) -> float | None:
    if number["digits"] is not None:
        value = _arabic(number)
        return -value if number["sign"] else value
    said = number["chinese"]
    if number["article"]:
        return 1.0
    if said is None:
        return (_WORDS | _TIMES | _TIMES_A_DAY)[number["word"]]
    half = 0.5 if said.endswith("半") else 0.0
    whole = said.removesuffix("半")
    numeral = chinese_number(whole) if whole else 0.0
    return None if numeral is None else numeral + half


def _arabic(number: re.Match[str]) -> float:
    value = float(number["digits"].replace(",", ""))
    if number["power"]:
        value *= 10.0 ** int(number["power"])
    if number["wan"]:
        value *= 1e4 if number["wan"] == "万" else 1e8
    return value


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Give the patterns of a numerator and of a denominator."""
    names = sorted((name for name in known_units() if name), key=len, reverse=True)
    spelt = "|".join(
        re.escape(name) + ("(?![a-z])" if "a" <= name[-1] <= "z" else "") for name in names
    )
    over = rf"[\s-]?(?:deg(?:rees?)?\.? ?)?(?P<unit>{spelt})"
    per = r"\s?(?:/|每|per\b|an?\b|each\b|every\b)\s?"
    under = (
        rf"(?:{per}(?:24(?=\s?h|\s?小时)\s?)?(?P<unit>分钟|{spelt})"
        r"|\s?(?:once |, )?(?P<adverb>daily|hourly|weekly|monthly)\b"
        r"|\s?/\s?1\.73\s?(?:m2|m\^2|㎡|平方米))(?:体重| of body ?weight| body ?weight)?"
    )
    return re.compile(over), re.compile(under)


def _numerator(text: str, at: int) -> tuple[str, int]:
    found = _patterns()[0].match(text, at)
    return (found["unit"], found.end()) if found is not None else ("", at)


def _denominators(text: str, at: int) -> tuple[list[str], int]:
    names: list[str] = []
    for _ in range(_MOST_DENOMINATORS):
        found = _patterns()[1].match(text, at)
        if found is None:
            break
        if found["adverb"]:
            names.append(_ADVERBS[found["adverb"]])
        elif found["unit"]:
            names.append("d" if _is_whole_day(text, at, found) else found["unit"])
        at = found.end()
    return names, at


def _is_whole_day(text: str, at: int, found: re.Match[str]) -> bool:
    return "24" in text[at : found.start("unit")]
