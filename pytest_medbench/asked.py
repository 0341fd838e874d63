"""One item for a user's own test: asked for when a fixture wants the response."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pytest_medbench.exchange import Failure, Response
from pytest_medbench.outcomes import Outcome
from pytest_medbench.suites import Entry, Item, Suite

Ask = Callable[["Asked"], tuple[Item | None, Response | Failure, Outcome]]


class NoResponseError(AssertionError):
    """No response arrived, so the test can say nothing about the model."""


class Asked:
    """What the fixtures of one parametrized test stand on.

    Parameters
    ----------
    suite : Suite
    entry : Entry
    ask : callable
        Gives the item, the response and the outcome.
    """

    PARAMETER: ClassVar = "_medbench_asked"

    def __init__(self, suite: Suite, entry: Entry, ask: Ask) -> None:
        self.suite = suite
        self.entry = entry
        self._ask = ask
        self._result: tuple[Item | None, Response | Failure, Outcome] | None = None

    @property
    def nodeid(self) -> str:
        """The key under which the broker knows it; no case has it."""
        return f"asked::{self.suite.name}::{self.entry.id}"

    @property
    def is_known(self) -> bool:
        """Whether it was asked for already."""
        return self._result is not None

    @property
    def item(self) -> Item:
        """The item, read again."""
        return self.suite.reader()(self.entry)

    def response(self) -> Response:
        """Give the model's response."""
        result = self._once()[1]
        if isinstance(result, Failure):
            raise NoResponseError(result.reason)
        return result

    def outcome(self) -> Outcome:
        """Give the scored outcome; status error if no response arrived."""
        return self._once()[2]

    def _once(self) -> tuple[Item | None, Response | Failure, Outcome]:
        if self._result is None:
            self._result = self._ask(self)
        return self._result
