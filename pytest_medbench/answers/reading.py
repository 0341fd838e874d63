"""What an extractor hands back: an answer, or why there is none."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pytest_medbench.answers.refusals import is_refusal
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """An answer read from a response.

    Parameters
    ----------
    answer : T or None
        In canonical form; None where there is none.
    cause : Cause or None
        Why there is none: `NO_ANSWER` or `CONTRADICTORY`; None where `answer` is set.
    """

    answer: T | None = None
    cause: Cause | None = None


NOTHING: Reading[None] = Reading(None, Cause.NO_ANSWER)
CONTRADICTORY: Reading[None] = Reading(None, Cause.CONTRADICTORY)


def settle(answers: Iterable[H]) -> Reading[H] | None:
    """Give the one answer all statements agree on; None where nothing was stated."""
    stated = set(answers)
    if not stated:
        return None
    if len(stated) > 1:
        return Reading(None, Cause.CONTRADICTORY)
    return Reading(stated.pop())


def is_partial(response: Response) -> bool:
    """Tell whether the text stops where the model was cut off."""
    return response.finish_reason in ("length", "content_filter")


def why_missing(cause: Cause, response: Response) -> Cause:
    """Say more precisely why nothing was read.

    Parameters
    ----------
    cause : Cause
        What the extractor said.
    response : Response
        `finish_reason` content_filter and length come before a refusal in the text; a
        contradiction stays one.
    """
    if cause is not Cause.NO_ANSWER:
        return cause
    if response.finish_reason == "content_filter":
        return Cause.CONTENT_FILTER
    if response.finish_reason == "length":
        return Cause.TRUNCATED
    if is_refusal(response.text):
        return Cause.REFUSAL
    return Cause.NO_ANSWER
