"""Reads an option that is a range of a quantity."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf

from pytest_medbench.answers import fold

_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_UNIT = r"([^\d\s](?:[^\d]{0,30}[^\d\s])?)?"
_TO = r"(?:-|–|—|~|to|至|到)"
_BETWEEN = re.compile(rf"{_NUMBER} ?(%|[^\W\d_]{{0,4}}) ?{_TO} ?{_NUMBER} ?{_UNIT}")
_UNDER = re.compile(
    r"(?:<|<=|≤|less than|under|below|fewer than|up to|at most|低于|小于|少于|不超过) ?"
    rf"{_NUMBER} ?{_UNIT}"
)
_OVER = re.compile(
    r"(?:>|>=|≥|more than|over|above|greater than|at least|高于|大于|多于|超过|至少) ?"
    rf"{_NUMBER} ?{_UNIT}"
)
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers an option stands for, and their unit.

    Parameters
    ----------
    low, high : float
        May be infinite.
    unit : str
        As it is written, lower case.
    """

    low: float
    high: float
    unit: str

    def overlaps(self, other: Range) -> bool:
        """Tell whether they share more than an end.

        Limits on one side, such as ≤ 50 and ≤ 100, are answers to "what is the limit" and do not.
        """
        if self.unit != other.unit or self._side == other._side != 0:
            return False
        return max(self.low, other.low) < min(self.high, other.high)

    @property
    def _side(self) -> int:
        """-1 where only an upper limit is given, 1 where only a lower one is, else 0."""
        return (self.high == inf) - (self.low == -inf)


def read_range(text: str) -> Range | None:
    """Read `5–10 mg`, `< 5 mg`, `at least 5 mg`; None for all other texts."""
    if len(text) > _LONGEST:
        return None
    said = " ".join(fold(text).lower().rstrip("。.").split())
    if found := _BETWEEN.fullmatch(said):
        low, high = float(found[1]), float(found[3])
        return Range(low, high, found[4] or found[2] or "") if low < high else None
    if found := _UNDER.fullmatch(said):
        return Range(-inf, float(found[1]), found[2] or "")
    if found := _OVER.fullmatch(said):
        return Range(float(found[1]), inf, found[2] or "")
    return None
