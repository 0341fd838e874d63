"""`yes_no`: yes, no, maybe, or other fixed words."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pytest_medbench.answers import is_partial, prompt_text, read_label, why_missing
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.registry import scorer
from pytest_medbench.suites import Item, Traits


class YesNoOptions(BaseModel):
    """Options of `yes_no`.

    Parameters
    ----------
    labels : list of str
        The words that can be the answer, two or more; a target is one of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: list[Annotated[str, Field(min_length=1)]] = Field(["yes", "no", "maybe"], min_length=2)

    @field_validator("labels")
    @classmethod
    def _different(cls, labels: list[str]) -> list[str]:
        if len({label.casefold() for label in labels}) < len(labels):
            raise ValueError("labels are alike, expected different words")
        return labels


def _inspect(item: Item, options: YesNoOptions) -> Traits:
    if not isinstance(item.target, str) or item.target not in options.labels:
        raise ValueError(f"target = {item.target!r}, expected one of {', '.join(options.labels)}")
    return Traits(item.target)


@scorer("yes_no", template="yes_no", options=YesNoOptions, inspect=_inspect)
def yes_no(item: Item, response: Response, options: YesNoOptions) -> Score:
    """Score 1 where the response gives the target's label or a synonym of it."""
    found = read_label(
        response.text,
        options.labels,
        prompt=prompt_text(item.input),
        partial=is_partial(response),
    )
    if found.answer is None:
        return Score(0.0, None, why_missing(found.cause or Cause.NO_ANSWER, response))
    return Score(float(found.answer == item.target), found.answer)
