"""What an item came to: the only thing that leaves the process that ran it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """The six ends an item can come to; planned items are the sum of these."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSABLE = "unparsable"
    ERROR = "error"
    SKIPPED = "skipped"
    UNSCORED = "unscored"


SCORED = frozenset({Status.CORRECT, Status.WRONG, Status.UNPARSABLE})
MISSING = frozenset({Status.ERROR, Status.SKIPPED})


class Cause(StrEnum):
    """Why no answer could be read from a response that arrived."""

    NO_ANSWER = "no answer found"
    CONTRADICTORY = "contradictory answers"
    TRUNCATED = "truncated"
    CONTENT_FILTER = "content filter"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Score:
    """How one response compares with its item's target.

    Parameters
    ----------
    value : float
        In [0, 1]; 0 when `cause` is set.
    answer : str or None
        The answer that was read from the response, in canonical form.
    cause : Cause or None
        Why no answer could be read.
    parts : mapping of str to float
        The numbers in [0, 1] that `value` was made of.
    """

    value: float
    answer: str | None = None
    cause: Cause | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One item's end.

    Parameters
    ----------
    suite, id : str
        Which item.
    status : Status
    score : float or None
        In [0, 1]; None unless the status is correct, wrong or unparsable.
    answer : str or None
        The answer read from the response, at most 80 characters.
    reason : str or None
        A `Cause` for unparsable, the message for error and skipped.
    parts : mapping of str to float
        The parts of the score.
    tries : int
        Requests sent for it; 0 when the cache answered.
    asked_at : float
        When the response arrived, seconds since the epoch; 0 if none did.
    served_by : str or None
        What the server said it is: its `model` and `system_fingerprint`.
    scores : tuple of float
        Those of the repeats, if the item was asked several times.
    """

    suite: str
    id: str
    status: Status
    score: float | None = None
    answer: str | None = None
    reason: str | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    tries: int = 0
    asked_at: float = 0.0
    served_by: str | None = None
    scores: tuple[float, ...] = ()

    @property
    def from_cache(self) -> bool:
        """Whether a stored response was used."""
        return self.tries == 0 and self.asked_at > 0

    def to_wire(self) -> list[Any]:
        """Give the fields as plain values, for xdist and for the journal."""
        return [
            self.suite,
            self.id,
            self.status.value,
            self.score,
            self.answer,
            self.reason,
            dict(self.parts),
            self.tries,
            self.asked_at,
            self.served_by,
            # Most have none, and a field that is left out costs nothing.
            *([list(self.scores)] if self.scores else []),
        ]

    @classmethod
    def from_wire(cls, values: Sequence[Any]) -> Outcome:
        """Read what `to_wire` gave."""
        suite, id_, status, *rest = values
        outcome = cls(suite, id_, Status(status), *rest)
        # JSON and xdist know no tuples.
        if isinstance(outcome.scores, tuple):
            return outcome
        return replace(outcome, scores=tuple(outcome.scores))
