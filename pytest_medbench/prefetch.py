"""Keeps the broker ahead of the cases that are about to run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
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

Key = str | tuple[str, int]

PATIENCE = 10.0
# Windows that what is likely new may fill ahead of its turn: a resumed run first walks through all
# that is stored, and the model would have nothing to do meanwhile.
EARLY = 4


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
    likely_new : iterable, optional
        Those of the cases, in the same order, that an earlier run left unanswered: up to four
        windows of them are asked for at once, however late their turn comes.
    loses : bool
        Whether cases can be given to another process: then `upcoming` gives all that are left, and
        of `likely_new` only the first four windows are asked for early.
    repeats : int
        How often each case is asked, from 1.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        broker: Broker,
        upcoming: Upcoming,
        *,
        concurrency: int,
        waiting: Callable[[], None],
        likely_new: Iterable[Askable] | None = None,
        loses: bool = False,
        repeats: int = 1,
    ) -> None:
        self._catalogue = catalogue
        self._broker = broker
        self._upcoming = upcoming
        self._waiting = waiting
        self._repeats = repeats
        self._width = max(4 * concurrency, 256) // repeats or 1
        self._refill_below = self._width - (max(concurrency, 64) // repeats or 1)
        self._window: dict[str, Item] = {}
        self._likely_new = iter(() if likely_new is None else likely_new)
        # Those of the window whose turn is not near.
        self._early: set[str] = set()
        self._loses = loses

    def take(self, case: Askable) -> tuple[Item | None, Response | Failure]:
        """Give a case's item and the response to it; see `take_all`."""
        item, (first, *_) = self.take_all(case)
        return item, first

    def take_all(self, case: Askable) -> tuple[Item | None, list[Response | Failure]]:
        """Give a case's item and the responses to it, waiting for them if need be.

        After a stop of the broker nothing more is asked for: what it has no answer to is a failure
        that says `stopped`.
        """
        key = case.nodeid
        stopped = self._broker.stopped
        if stopped is not None and key not in self._window:
            return None, [Failure(stopped, stopped=True)]
        if stopped is None and (key not in self._window or self._near <= self._refill_below):
            self._fill(case)
        item = self._window.get(key)
        if item is None:
            return None, [Failure(self._why_not(case))]
        results = [self._wait_for(each) for each in self._keys(key)]
        del self._window[key]
        self._early.discard(key)
        return item, results

    def _wait_for(self, key: Key) -> Response | Failure:
        while True:
            try:
                return self._broker.take(key, timeout=PATIENCE)
            except TimeoutError:
                self._waiting()

    def _keys(self, node_id: str) -> list[Key]:
        """Give the keys of a case's repeats with the broker."""
        if self._repeats == 1:
            return [node_id]
        return [(node_id, sample) for sample in range(self._repeats)]

    def has_answers(self) -> bool:
        """Tell whether cases that are still to come have an answer, or may get one."""
        return self._broker.has_answers()

    @property
    def _near(self) -> int:
        return len(self._window) - len(self._early)

    def _fill(self, case: Askable) -> None:
        batch: list[tuple[Key, Request]] = []
        left = set()
        # The case in hand is asked for first, whatever order the session runs in.
        for upcoming in itertools.chain([case], self._upcoming()):
            self._early.discard(upcoming.nodeid)
            left.add(upcoming.nodeid)
            if upcoming is case or not _may_be_skipped(upcoming):
                self._take_in(upcoming, batch)
            if self._near >= self._width:
                break
        else:
            self._forget_all_but(left)
        # What is near goes first: to find out what is likely new may take its time.
        self._submit(batch)
        self._submit(self._early_batch())

    def _submit(self, batch: list[tuple[Key, Request]]) -> None:
        if batch:
            self._broker.submit_many(batch)

    def _forget_all_but(self, left: set[str]) -> None:
        """Take back what has not been sent yet and another process will ask for."""
        lost = self._window.keys() - left if self._loses else ()
        if lost:
            self._broker.forget(each for key in lost for each in self._keys(key))
            self._early -= lost
            for key in lost:
                del self._window[key]

    def _early_batch(self) -> list[tuple[Key, Request]]:
        batch: list[tuple[Key, Request]] = []
        while len(self._early) < EARLY * self._width:
            case = next(self._likely_new, None)
            if case is None:
                break
            if not _may_be_skipped(case) and self._take_in(case, batch):
                self._early.add(case.nodeid)
        if self._loses:
            # What is far ahead may be another's by the next time.
            self._likely_new = iter(())
        return batch

    def _take_in(self, case: Askable, batch: list[tuple[Key, Request]]) -> bool:
        """Read a case's item and add its request to a batch, unless that was done before."""
        key = case.nodeid
        item = None if key in self._window else self._read(case)
        if item is not None:
            self._window[key] = item
            for sample, each in enumerate(self._keys(key)):
                batch.append((each, self._catalogue.request(case.suite, item, sample)))
        return item is not None

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


def _may_be_skipped(case: Askable) -> bool:
    return bool(getattr(case, "may_be_skipped", False))
