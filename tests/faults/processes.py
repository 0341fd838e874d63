"""Processes that run the items of a run through the real broker, cache and journal.

Each is a forked child. One that is killed ends itself with no clean-up at all, so that nothing is
left of it but its files.
"""

from __future__ import annotations

import functools
import os
import signal
import sqlite3
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.ledger import Events, Ledger
from faults.lives import (
    KILLED,
    Deaths,
    Life,
    Point,
    ScriptedModel,
    WatchedStore,
    fill_disk_of,
    mortal,
)
from pytest_medbench import clock
from pytest_medbench.broker import Broker
from pytest_medbench.cache import CacheError, Mode
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.exchange import Failure, Response
from pytest_medbench.limits import Backoff
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.resuming import read_earlier
from pytest_medbench.runs import STORE, Journal, RunError, RunFolder
from pytest_medbench.suites import Suite

_PATIENCE = 30


@dataclass(frozen=True)
class Run:
    """A run's folder, how it uses the cache, and how many items it has."""

    home: Path
    id: str
    mode: Mode
    items: int

    def begin(self, wrong_by: float) -> None:
        """Write the plan, by a clock that is wrong by some seconds."""
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + wrong_by))
        self.folder.write_plan({"created": created, "planned": self.items})

    @property
    def folder(self) -> RunFolder:
        """Open the folder."""
        return RunFolder(self.home, self.id)

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder.path / "journal-main.jsonl"

    @property
    def cache(self) -> Path:
        """The file that runs share."""
        return self.home / "cache" / "responses.sqlite"


@dataclass(frozen=True)
class Ended:
    """A process that is no more.

    Parameters
    ----------
    killed : bool
    stopped : str or None
        Why it ended before the last item, if it did.
    events : Events
        `asked`, `answered`, `shared` or `own` (kept there), `handed` over, `journalled` with the
        outcome.
    """

    killed: bool
    stopped: str | None
    events: Events

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """What was written down, by item."""
        values = self.events.values("journalled")
        return {item: Outcome.from_wire(value) for item, value in values.items()}


class Process:
    """Runs the items of a run, as a session of the real command does.

    Parameters
    ----------
    run : Run
    life : Life
    catalogue : Catalogue
    suite : Suite
    ledger : Ledger
    resumed : bool
        Whether the run has had another process before.
    """

    def __init__(
        self,
        run: Run,
        life: Life,
        catalogue: Catalogue,
        suite: Suite,
        ledger: Ledger,
        *,
        resumed: bool,
    ) -> None:
        self._run = run
        self._life = life
        self._catalogue = catalogue
        self._suite = suite
        self._ledger = ledger
        self._deaths = Deaths(life.kill)
        self._lines = 0
        self._wear(life)
        self._store = WatchedStore(
            run.cache,
            run.folder.path / STORE,
            run.mode,
            ledger,
            self._deaths,
            resumed=resumed,
            resumed_since=read_earlier(run.folder.path).since if resumed else None,
        )
        self._broker = Broker(
            ScriptedModel(life, ledger, self._deaths),
            self._store,
            concurrency=life.window,
            max_tries=4,
            request_timeout=0.05,
            outage=0.1,
            backoff=Backoff(uniform=lambda low, high: 0.0),
        )

    def _wear(self, life: Life) -> None:
        """Change what the whole process stands on; it ends with this life."""
        right = clock.now
        clock.now = lambda: right() + life.clock
        sqlite3.connect = functools.partial(sqlite3.connect, factory=mortal(life, self._deaths))

    def live(self) -> None:
        """Run the items; a life that is to be killed does not come back."""
        journal = self._run.folder.journal("main")
        self._broker.start()
        try:
            stopped = self._run_items(journal)
        except (RunError, CacheError) as error:
            stopped = str(error)
        self._broker.close(self._life.grace)
        self._take_the_rest()
        journal.close()
        self._store.close()
        if stopped is not None:
            self._ledger.note("stopped", "", stopped)

    def _run_items(self, journal: Journal) -> str | None:
        todo = self._suite.entries[: self._run.items]
        todo = todo[::-1] if self._life.backwards else todo
        for number, entry in enumerate(todo):
            if number % self._life.ahead == 0:
                self._submit(todo[number : number + self._life.ahead])
            if number == self._life.close_after:
                return "interrupted"
            if number == self._life.halt_after:
                self._broker.halt("interrupted", self._life.grace)
            result = self._broker.take(entry.id, timeout=_PATIENCE)
            if isinstance(result, Failure) and result.stopped:
                assert self._broker.stopped, "stopped items of a run that was not"
                return result.reason
            self._write(journal, entry.id, result)
        return None

    def _submit(self, entries: Sequence[Any]) -> None:
        self._broker.submit_many(
            [
                (entry.id, self._catalogue.request(self._suite, self._item(entry.id)))
                for entry in entries
            ]
        )

    def _item(self, item: str) -> Any:
        return self._catalogue.item(self._suite, self._suite.entry(item))

    def _write(self, journal: Journal, item: str, result: Response | Failure) -> None:
        if isinstance(result, Failure):
            outcome = Outcome(
                self._suite.name, item, Status.ERROR, reason=result.reason, tries=result.tries
            )
            journal.append(outcome, None)
        else:
            self._ledger.note("handed", item)
            self._deaths.pass_by(Point.HANDED)
            outcome = self._catalogue.grade(self._suite, self._item(item), result)
            self._before_the_line()
            journal.append(outcome, result)
        self._ledger.note("journalled", item, outcome.to_wire())
        self._deaths.pass_by(Point.JOURNALLED)

    def _before_the_line(self) -> None:
        if self._deaths.is_due(Point.TORN):
            tear(self._run, '{"suite":"s","id":"q00')
            os._exit(KILLED)
        self._lines += 1
        if self._lines == self._life.journal_full:
            fill_disk_of(self._run.journal)

    def _take_the_rest(self) -> None:
        """Acknowledge what arrived in the grace."""
        for entry in self._suite.entries[: self._run.items]:
            try:
                result = self._broker.take(entry.id, timeout=_PATIENCE)
            except KeyError:
                continue
            if isinstance(result, Response):
                self._ledger.note("handed", entry.id)


def tear(run: Run, half: str) -> None:
    """Leave half a line in the journal."""
    with run.journal.open("ab") as file:
        file.write(half.replace("\n", "").encode())


@dataclass(frozen=True)
class Child:
    """A process under way."""

    pid: int
    ledger: Ledger

    def end(self) -> Ended:
        """Wait for its end."""
        events = self.ledger.all()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert status in (0, KILLED), f"the process ended with {status}, see its traceback"
        return Ended(status == KILLED, events.values("stopped").get(""), events)


def begin(run: Run, life: Life, catalogue: Catalogue, suite: Suite, *, resumed: bool) -> Child:
    """Begin a process."""
    ledger = Ledger()
    pid = os.fork()
    if pid:
        return Child(pid, ledger)
    signal.alarm(2 * _PATIENCE)
    status = 1
    try:
        Process(run, life, catalogue, suite, ledger, resumed=resumed).live()
        status = 0
    except BaseException:
        traceback.print_exc()
    os._exit(status)
