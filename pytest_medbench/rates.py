"""What the early stop is to tell apart: `[tool.medbench.sequential]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pytest_medbench.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of unsafe answers, and errors, of sequential tests.

    Parameters
    ----------
    p0 : float or None
        Rate of unsafe clusters that is acceptable, in (0, 1); None for what each slice's gate
        lets through.
    p1 : float or None
        Rate that is to be found, over p0, under 1; None for three times the odds of p0.
    alpha : float
        Chance to stop a run, at any time, though the rate of each slice is at most its p0; in
        (0, 0.5].
    beta : float
        Chance of a test of fixed size to miss p1, in (0, 0.5]; it sizes the test that stands
        beside in the plan, and no more.
    """

    p0: float | None = None
    p1: float | None = None
    alpha: float = 0.05
    beta: float = 0.1


def read_rates(table: Mapping[str, Any], place: str) -> Rates:
    """Read the table. Raises ConfigError for a key or a value that cannot be."""
    where = place.replace("[tool.medbench]", "[tool.medbench.sequential]")
    known = [field.name for field in fields(Rates)]
    for key, value in table.items():
        if key not in known:
            hint = nearest(key, known) or "; known are " + ", ".join(known)
            raise ConfigError(f"{where}: unknown key {key!r}{hint}")
        most = 1.0 if key in ("p0", "p1") else 0.5
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value <= most or value == 1:
            expected = "over 0 and under 1" if most == 1 else "over 0 and at most 0.5"
            raise ConfigError(f"{where}: {key} = {value!r}: expected a number {expected}")
    rates = Rates(**table)
    if rates.p1 is not None and (rates.p0 is None or rates.p1 <= rates.p0):
        raise ConfigError(f"{where}: p1 = {rates.p1:g}: expected p0 as well, and p1 over it")
    return rates
