"""Calendar dates as models write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Literal

from pytest_medbench.answers.cues import conclusion, statements
from pytest_medbench.answers.reading import Reading, settle
from pytest_medbench.answers.text import visible, without_echo
from pytest_medbench.outcomes import Cause

Order = Literal["mdy", "dmy"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DATE = re.compile(
    r"(?<![\d/.-])(?:(?P<y1>\d{4})\s?(?P<s1>[-/.年])\s?(?P<m1>\d{1,2})\s?(?:(?P=s1)|月)\s?(?P<d1>\d{1,2})(?:\s?[日号]|(?!\d))"
    r"|(?P<a>\d{1,2})(?P<s2>[-/.])(?P<b>\d{1,2})(?P=s2)(?P<y2>\d{4})(?!\d)"
    rf"|(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\s?(?:of\s)?[-\s]?(?P<m3>{_MONTH})[-,\s]{{1,2}}(?P<y3>\d{{4}})(?!\d))"
    rf"|\b(?P<m4>{_MONTH})\s?(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?[,\s]{{1,2}}(?P<y4>\d{{4}})(?!\d)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\*\*|__|[`$]|\\text\s?(?=\{)")
_LEAD = re.compile(r"[\s({\[<\"'“:：]{0,6}(?:(?:on|about|approximately|around)\s)?")
_MOST_DATES = 200


def read_date(
    text: str, *, order: Order = "mdy", prompt: str = "", partial: bool = False
) -> Reading[date]:
    """Read the one calendar date a response gives.

    Parameters
    ----------
    text : str
        The response, as it came.
    order : {'mdy', 'dmy'}
        How `03/05/2026` is meant. `25/03/2026`, which fits one order only, is read in that one.
        Years have four digits.
    prompt, partial
        As for `read_number`.

    Returns
    -------
    Reading of datetime.date
        Contradictory where different dates are given as the answer.
    """
    shown, echoed = without_echo(visible(text), prompt) if prompt else (visible(text), False)
    shown = _MARKUP.sub("", shown).strip()
    final: list[date] = []
    stated: list[date] = []
    for statement in statements(shown):
        lead = _LEAD.match(shown, statement.at)
        found = _DATE.match(shown, lead.end() if lead else statement.at)
        day = _day(found, order) if found else None
        if found and day and not (partial and found.end() >= len(shown)):
            (final if statement.final else stated).append(day)
    for answers in (final, stated):
        settled = settle(answers)
        if settled is not None:
            return settled
    if echoed or (partial and _DATE.match(shown) is None):
        return Reading(None, Cause.NO_ANSWER)
    settled = settle(_days(shown, order))
    if settled is not None and settled.cause and not partial:
        settled = settle(_days(conclusion(shown), order)) or settled
    return settled or Reading(None, Cause.NO_ANSWER)


def _days(text: str, order: Order) -> Iterator[date]:
    for count, found in enumerate(_DATE.finditer(text)):
        if count >= _MOST_DATES:
            return
        day = _day(found, order)
        if day is not None:
            yield day


def _day(found: re.Match[str], order: Order) -> date | None:
    if found["y1"]:
        return _valid(found["y1"], found["m1"], found["d1"])
    if found["y2"]:
        first, second = (found["a"], found["b"]) if order == "mdy" else (found["b"], found["a"])
        return _valid(found["y2"], first, second) or _valid(found["y2"], second, first)
    number = "3" if found["y3"] else "4"
    month = _MONTHS.index(found[f"m{number}"][:3].lower()) + 1
    return _valid(found[f"y{number}"], str(month), found[f"d{number}"])


def _valid(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
