"""`weeks_days`: a duration in weeks and days."""

from __future__ import annotations

from pytest_medbench.answers import is_partial, prompt_text, read_weeks_days, why_missing
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.registry import NoOptions, scorer
from pytest_medbench.suites import Item, Traits


def _inspect(item: Item, options: NoOptions) -> Traits:
    target = item.target
    pair = isinstance(target, list) and len(target) == 2
    if not pair or not all(type(part) is int and part >= 0 for part in target) or target[1] > 6:
        raise ValueError(f"target = {target!r}, expected [weeks, days] such as [38, 6]")
    return Traits()


@scorer("weeks_days", template="weeks_days", inspect=_inspect)
def weeks_days(item: Item, response: Response, options: NoOptions) -> Score:
    """Score 1 where the response gives the target's weeks and days, both exactly."""
    found = read_weeks_days(
        response.text, prompt=prompt_text(item.input), partial=is_partial(response)
    )
    if found.answer is None:
        return Score(0.0, None, why_missing(found.cause or Cause.NO_ANSWER, response))
    weeks, days = found.answer
    return Score(float([weeks, days] == item.target), f"{weeks} weeks {days} days")
