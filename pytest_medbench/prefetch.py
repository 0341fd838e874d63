"""Keeps the broker ahead of the cases that are about to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from pytest_medbench.errors import SuiteError
from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.suites import Entry, Item, Suite

if TYPE_CHECKING:
    from pytest_medbench.broker import Broker
    from pytest_medbench.catalogue import Catalogue


class Askable(Protocol):
    """What can be asked for: a case, or an item of a user's own test."""

    @property
    def nodeid(self) -> str:
        """The key under which the broker knows it."""

    @property
    def suite(self) -> Suite:
        """Its suite."""

    @property
    def entry(self) -> Entry:
        """Its entry in the suite."""


Upcoming = Callable[[], Iterable[Askable]]

PATIENCE = 10.0


class Prefetcher:
    """A window over the upcoming cases whose requests are with the broker.

    The window is wider than the requests in flight, so that one slow answer does not leave the
    others idle, and narrow enough that a stopped run has not asked for much in vain.

    Parameters
    ----------
    catalogue : Catalogue
    broker : Broker
    upcoming : callable
        Gives the cases that will run, the next one first; may give ones it gave before.
    concurrency : int
        Requests in flight.
    waiting : callable
        Called every few seconds while a case waits for its answer.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        broker: Broker,
        upcoming: Upcoming,
        *,
        concurrency: int,
        waiting: Callable[[], None],
    ) -> None:
        self._catalogue = catalogue
        self._broker = broker
        self._upcoming = upcoming
        self._waiting = waiting
        self._width = max(4 * concurrency, 256)
        self._refill_below = self._width - max(concurrency, 64)
        self._window: dict[str, Item] = {}

    def take(self, case: Askable) -> tuple[Item | None, Response | Failure]:
        """Give a case's item and the response to it, waiting for it if need be."""
        key = case.nodeid
        if key not in self._window or len(self._window) <= self._refill_below:
            self._fill(case)
        item = self._window.get(key)
        if item is None:
            return None, Failure(self._why_not(case))
        while True:
            try:
                result = self._broker.take(key, timeout=PATIENCE)
                break
            except TimeoutError:
                self._waiting()
        del self._window[key]
        return item, result

    def _fill(self, case: Askable) -> None:
        batch: list[tuple[str, Request]] = []
        for upcoming in self._ahead(case):
            item = self._read(upcoming)
            if item is not None:
                self._window[upcoming.nodeid] = item
                batch.append((upcoming.nodeid, self._catalogue.request(upcoming.suite, item)))
            if len(self._window) >= self._width:
                break
        if batch:
            self._broker.submit_many(batch)

    def _ahead(self, case: Askable) -> Iterator[Askable]:
        # The case in hand is asked for first, whatever order the session runs in.
        if case.nodeid not in self._window:
            yield case
        for upcoming in self._upcoming():
            if upcoming.nodeid not in self._window:
                yield upcoming

    def _read(self, case: Askable) -> Item | None:
        if case.entry.problem is not None:
            return None
        try:
            return self._catalogue.item(case.suite, case.entry)
        except SuiteError:
            return None

    def _why_not(self, case: Askable) -> str:
        try:
            self._catalogue.item(case.suite, case.entry)
        except SuiteError as error:
            return str(error)
        return "the item could not be asked for"
