"""Durations in weeks and days, as gestational age is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_medbench.answers.cues import conclusion, statements
from pytest_medbench.answers.reading import Reading, settle
from pytest_medbench.answers.text import visible, without_echo
from pytest_medbench.outcomes import Cause

_WEEKS = r"(?:weeks?|wks?\.?|w(?![a-z])|周|星期|孕周)"
_DAYS = r"(?:days?|d(?![a-z])|天|日)"
_Q = r"[\s'\"]{0,2}"
_PAIR = re.compile(
    rf"(?<![\w.+/-])(?:孕)?\(?{_Q}(?P<w1>\d{{1,3}}){_Q}-?{_WEEKS}{_Q}(?:(?:,|，|and|\+|又|零|;|&)?{_Q}(?:and\s)?\+?"
    rf"(?P<d1>\d{{1,2}}){_Q}-?{_DAYS})?"
    rf"|(?<![\w.+/-])(?P<w2>\d{{1,2}})\s?\+\s?(?P<d2>[0-6])(?!\d)(?:\s?{_WEEKS})?"
    rf"|(?<![\w.+/-])(?P<w3>\d{{1,2}})(?:\s|\s?\+\s?|-)(?P<d3>[0-6])/7(?!\d)(?:\s?{_WEEKS})?"
    r"|\(\s?(?P<w4>\d{1,3})\s?,\s?(?P<d4>\d{1,2})\s?\)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\*\*|__|[`$]|\\text\s?(?=\{)|\\[,;! ]")
_LEAD = re.compile(
    r"[\s{\[<\"'“:：=]{0,6}(?:(?:about|approximately|around|约|孕)\s?)?[\s{\[<\"'“]{0,3}"
)
_EXAMPLE = re.compile(r"(?:such as|e\.g\.,?|for example,?|例如|如|比如)\s?$", re.IGNORECASE)
_MOST_PAIRS = 200

WeeksDays = tuple[int, int]


def read_weeks_days(text: str, *, prompt: str = "", partial: bool = False) -> Reading[WeeksDays]:
    """Read the one (weeks, days) pair a response gives.

    `5 weeks and 3 days`, `5w3d`, `5+3`, `5 3/7 weeks`, `(5, 3)`, `孕5周+3天`; weeks alone are
    zero days. Nothing is carried over: 13 days stay 13. Parameters as for `read_number`.
    """
    shown, echoed = without_echo(visible(text), prompt) if prompt else (visible(text), False)
    shown = _MARKUP.sub("", shown).strip()
    final: list[WeeksDays] = []
    stated: list[WeeksDays] = []
    for statement in statements(shown):
        lead = _LEAD.match(shown, statement.at)
        found = _PAIR.match(shown, lead.end() if lead else statement.at)
        if found and not (partial and found.end() >= len(shown)):
            (final if statement.final else stated).append(_pair(found))
    for answers in (final, stated):
        settled = settle(answers)
        if settled is not None:
            return settled
    if echoed or partial:
        return Reading(None, Cause.NO_ANSWER)
    settled = settle(_pairs(shown))
    if settled is not None and settled.cause:
        settled = settle(_pairs(conclusion(shown))) or settled
    return settled or Reading(None, Cause.NO_ANSWER)


def _pairs(text: str) -> Iterator[WeeksDays]:
    for count, found in enumerate(_PAIR.finditer(text)):
        if count >= _MOST_PAIRS:
            return
        if not _EXAMPLE.search(text[max(0, found.start() - 16) : found.start()]):
            yield _pair(found)


def _pair(found: re.Match[str]) -> WeeksDays:
    for number in "1234":
        if found[f"w{number}"]:
            return int(found[f"w{number}"]), int(found[f"d{number}"] or 0)
    raise AssertionError("a match has weeks in one of its four forms")
