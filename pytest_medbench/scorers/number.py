"""`number`: a number within limits."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pytest_medbench.answers import is_partial, prompt_text, read_number, why_missing
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.registry import scorer
from pytest_medbench.suites import Item, Traits

_KEYS = {"value", "lower", "upper"}
# Limits such as 105 % of 100 are no binary fractions.
_ROUNDING = 1e-9


class NumberOptions(BaseModel):
    """Options of `number`.

    Parameters
    ----------
    abs_tolerance : float
        How far the answer may be from the target, in the target's unit.
    rel_tolerance : float
        How far, as a share of the target; 0.05 is MedCalc-Bench's rule for equations. The wider
        of the two tolerances holds.
    integer : bool
        The answer is rounded (half to even) and has to equal the target: MedCalc-Bench's rule
        for scores that count points.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    abs_tolerance: float = Field(0.0, ge=0, allow_inf_nan=False)
    rel_tolerance: float = Field(0.0, ge=0, le=1)
    integer: bool = False


def is_number(value: object) -> bool:
    """Tell whether a value is a finite int or float, and no bool."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _inspect(item: Item, options: NumberOptions) -> Traits:
    target = item.target
    wanted = 'expected a finite number, or {"value": …, "lower": …, "upper": …}'
    if isinstance(target, dict):
        if set(target) - _KEYS or "value" not in target or not all(map(is_number, target.values())):
            raise ValueError(f"target = {target!r}, {wanted}")
        lower, upper = limits(target, options)
        if not lower <= target["value"] <= upper:
            raise ValueError(f"target = {target!r}, expected lower ≤ value ≤ upper")
    elif not is_number(target):
        raise ValueError(f"target = {target!r}, {wanted}")
    value = target["value"] if isinstance(target, dict) else target
    if options.integer and value != round(value):
        raise ValueError(f"target = {target!r}, expected a whole number as integer = true")
    return Traits()


def limits(target: Any, options: NumberOptions) -> tuple[float, float]:
    """Give the lowest and the highest right answer; limits in the target come first."""
    value = target["value"] if isinstance(target, dict) else target
    slack = max(options.abs_tolerance, options.rel_tolerance * abs(value))
    given = target if isinstance(target, dict) else {}
    return given.get("lower", value - slack), given.get("upper", value + slack)


def is_right(answer: float, target: Any, options: NumberOptions) -> bool:
    """Tell whether a number is within the limits of a target."""
    value = target["value"] if isinstance(target, dict) else target
    if options.integer:
        return bool(round(answer) == value)
    lower, upper = limits(target, options)
    slack = _ROUNDING * max(abs(lower), abs(upper))
    return bool(lower - slack <= answer <= upper + slack)


@scorer("number", template="number", options=NumberOptions, inspect=_inspect)
def number(item: Item, response: Response, options: NumberOptions) -> Score:
    """Score 1 where the number the response gives is within the limits."""
    found = read_number(response.text, prompt=prompt_text(item.input), partial=is_partial(response))
    if found.answer is None:
        return Score(0.0, None, why_missing(found.cause or Cause.NO_ANSWER, response))
    return Score(float(is_right(found.answer, item.target, options)), f"{found.answer:.10g}")
