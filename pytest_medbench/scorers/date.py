"""`date`: a calendar date."""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pytest_medbench.answers import is_partial, prompt_text, read_date, why_missing
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.registry import scorer
from pytest_medbench.suites import Item, Traits


class DateOptions(BaseModel):
    """Options of `date`.

    Parameters
    ----------
    order : {'mdy', 'dmy'}
        How a response's `03/05/2026` is meant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    order: Literal["mdy", "dmy"] = "mdy"


def _inspect(item: Item, options: DateOptions) -> Traits:
    try:
        day = datetime.date.fromisoformat(item.target)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != item.target:
        raise ValueError(f'target = {item.target!r}, expected a date such as "2026-03-05"')
    return Traits()


@scorer("date", template="date", options=DateOptions, inspect=_inspect)
def date(item: Item, response: Response, options: DateOptions) -> Score:
    """Score 1 where the response gives the target's day."""
    found = read_date(
        response.text,
        order=options.order,
        prompt=prompt_text(item.input),
        partial=is_partial(response),
    )
    if found.answer is None:
        return Score(0.0, None, why_missing(found.cause or Cause.NO_ANSWER, response))
    answer = found.answer.isoformat()
    return Score(float(answer == item.target), answer)
