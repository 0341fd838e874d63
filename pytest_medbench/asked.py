"""One item for a user's own test: asked for when a fixture wants the response."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from pytest_medbench.errors import ConfigError, MedbenchError
from pytest_medbench.exchange import Failure, Response
from pytest_medbench.outcomes import Outcome
from pytest_medbench.suites import SUITE_FILE, Entry, Item, Suite

if TYPE_CHECKING:
    from pytest_medbench.catalogue import Catalogue

Read = Callable[[Suite, Entry], Item]
Ask = Callable[["Asked"], tuple[Item | None, Response | Failure, Outcome]]


class NoResponseError(MedbenchError):
    """No response arrived, so the test can say nothing about the model."""


class Asked:
    """What the fixtures of one parametrized test stand on.

    Parameters
    ----------
    suite : Suite
    entry : Entry
    read : callable
        Gives the item of an entry.
    ask : callable
        Gives the item, the response and the outcome.
    """

    PARAMETER: ClassVar = "_medbench_asked"
    ASKING: ClassVar = frozenset({"medbench_response", "medbench_score"})

    def __init__(self, suite: Suite, entry: Entry, read: Read, ask: Ask) -> None:
        self.suite = suite
        self.entry = entry
        self._read = read
        self._ask = ask
        self._result: tuple[Item | None, Response | Failure, Outcome] | None = None

    @property
    def nodeid(self) -> str:
        """The key under which the broker knows it; no case has it."""
        return f"asked::{self.suite.name}::{self.entry.id}"

    @classmethod
    def of(cls, item: pytest.Item) -> Asked | None:
        """Give what a test is parametrized with, None for any other test."""
        call = getattr(item, "callspec", None)
        return None if call is None else call.params.get(cls.PARAMETER)

    def is_wanted_by(self, item: pytest.Item) -> bool:
        """Tell whether a test will ask for the response and nobody has."""
        names = getattr(item, "fixturenames", ())
        return self._result is None and not self.ASKING.isdisjoint(names)

    @property
    def item(self) -> Item:
        """The item, read again."""
        return self._read(self.suite, self.entry)

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


def parametrize(
    metafunc: pytest.Metafunc, mark: pytest.Mark, root: Path, catalogue: Catalogue, ask: Ask
) -> None:
    """Run a test once for each item of the suite that its mark names.

    Raises
    ------
    ConfigError
        If the mark names no suite.
    SuiteError
        If the suite cannot be used.
    """
    test = metafunc.definition.nodeid
    if len(mark.args) != 1 or not isinstance(mark.args[0], str) or mark.kwargs:
        raise ConfigError(
            f'{test}: name one suite, such as @pytest.mark.medbench("suites/exam"), '
            "by its folder relative to the rootdir"
        )
    path = root / mark.args[0]
    path = path if path.name == SUITE_FILE else path / SUITE_FILE
    if not path.is_file():
        raise ConfigError(f"{test}: @pytest.mark.medbench({mark.args[0]!r}): there is no {path}")
    suite = catalogue.read(path)
    asked = [Asked(suite, entry, catalogue.item, ask) for entry in suite.entries]
    metafunc.fixturenames.append(Asked.PARAMETER)
    metafunc.parametrize(Asked.PARAMETER, asked, ids=[entry.id for entry in suite.entries])
