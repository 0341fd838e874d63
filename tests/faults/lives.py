"""What befalls a process that asks a model, and the parts that make it happen."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from faults.ledger import Ledger
from pytest_medbench import clock
from pytest_medbench.cache import Mode, Store
from pytest_medbench.exchange import Request, Response
from pytest_medbench.models import ModelError

KILLED = 137


class Point(StrEnum):
    """Where a process is killed: just after the event, or in the middle of it."""

    ASKED = "asked"
    ARRIVED = "arrived"
    COMMITTING = "in a transaction"
    KEPT = "kept"
    HANDED = "handed over"
    TORN = "in a journal's line"
    JOURNALLED = "journalled"


class Fault(StrEnum):
    """What a model does instead of answering a request at once."""

    TOO_MANY = "429"
    TOO_MANY_WAIT = "429 with Retry-After"
    BROKEN = "500"
    LOST = "connection lost"
    LATE = "late"
    NEVER = "never"
    DEFECT = "exception"


class Full(StrEnum):
    """Which disk has no more room."""

    CACHE = "the cache's"
    RUN = "the run's"
    BOTH = "both"


@dataclass(frozen=True)
class Life:
    """What one process lives through.

    Parameters
    ----------
    faults : tuple of (Fault or None)
        What befalls the requests, in the order sent; None and all further ones are answered.
    gone_from, gone_for : int
        From which request on the server is away, and for how many.
    window : int
        Requests in flight.
    ahead : int
        Items submitted at a time.
    backwards : bool
        Whether the items run in reverse order.
    kill : (Point, int) or None
        The process dies at this point, the so-manieth time it gets there (from 1).
    close_after, halt_after : int or None
        Items taken until the run is stopped in an orderly way.
    grace : float
        Seconds that what is in flight then has.
    full : (Full, int) or None
        The disk, and the transaction from which on it is full.
    journal_full : int or None
        The line that does not fit on the journal's disk, from 1.
    clock : float
        Seconds by which this process's clock is wrong.
    """

    faults: tuple[Fault | None, ...] = ()
    gone_from: int = 0
    gone_for: int = 0
    window: int = 4
    ahead: int = 12
    backwards: bool = False
    kill: tuple[Point, int] | None = None
    close_after: int | None = None
    halt_after: int | None = None
    grace: float = 0.0
    full: tuple[Full, int] | None = None
    journal_full: int | None = None
    clock: float = 0.0


class Deaths:
    """Ends the process where the life says so."""

    def __init__(self, kill: tuple[Point, int] | None) -> None:
        self._at, self._left = kill or (None, 0)

    def pass_by(self, point: Point) -> None:
        """Die if this is the time and place."""
        if self.is_due(point):
            os._exit(KILLED)

    def is_due(self, point: Point) -> bool:
        """Count an arrival at a point; tell whether the process dies here."""
        if point is not self._at:
            return False
        self._left -= 1
        return self._left == 0


class ScriptedModel:
    """Gives each item the answer it always gives, after the faults of this life."""

    name = "scripted"
    cacheable = True
    is_control = False
    concurrency: int | None = None
    requests_per_minute: float | None = None

    def __init__(self, life: Life, ledger: Ledger, deaths: Deaths) -> None:
        self._life = life
        self._ledger = ledger
        self._deaths = deaths
        self._requests = 0

    async def start(self) -> None:
        pass

    def fingerprint(self) -> Mapping[str, Any]:
        return {"kind": "scripted", "revision": "1"}

    def wire(self, request: Request) -> Mapping[str, Any]:
        return {"messages": list(request.messages)}

    async def answer(self, request: Request) -> Response:
        number, self._requests = self._requests, self._requests + 1
        self._ledger.note("asked", request.item)
        self._deaths.pass_by(Point.ASKED)
        if self._life.gone_from <= number < self._life.gone_from + self._life.gone_for:
            raise ModelError("connection refused", retry=True)
        if number < len(self._life.faults):
            await _suffer(self._life.faults[number])
        response = answer_of(request.item)
        self._ledger.note("answered", request.item)
        self._deaths.pass_by(Point.ARRIVED)
        return response

    async def close(self) -> None:
        pass


async def _suffer(fault: Fault | None) -> None:
    match fault:
        case Fault.TOO_MANY:
            raise ModelError("HTTP 429", retry=True, slow_down=True)
        case Fault.TOO_MANY_WAIT:
            raise ModelError("HTTP 429", retry=True, slow_down=True, retry_after=0.01)
        case Fault.BROKEN:
            raise ModelError("HTTP 500", retry=True)
        case Fault.LOST:
            raise ModelError("connection lost", retry=True)
        case Fault.LATE:
            await asyncio.sleep(0.01)
        case Fault.NEVER:
            await asyncio.Event().wait()
        case Fault.DEFECT:
            raise RuntimeError("off by one")


def answer_of(item: str) -> Response:
    """Give what the model always says to an item: right, wrong, cut off or filtered."""
    number = int(item[1:])
    right, wrong = "ABCD"[number % 4], "ABCD"[(number + 1) % 4]
    text, finish_reason = (
        [(right, "stop")] * 3
        + [(wrong, "stop"), ("I would have to think about", "length"), ("", "content_filter")]
    )[number % 6]
    return Response(text, finish_reason, system_fingerprint=item, arrived_at=clock.now())


class WatchedStore(Store):
    """Notes where a response was kept, and lets the process die beside it."""

    def __init__(
        self, cache: Path, run: Path, mode: Mode, ledger: Ledger, deaths: Deaths, **more: Any
    ) -> None:
        super().__init__(cache, run, mode, **more)
        self._ledger = ledger
        self._deaths = deaths

    def save(
        self, entries: Sequence[tuple[bytes, Response]], *, model: str, shared: bool = True
    ) -> None:
        super().save(entries, model=model, shared=shared)
        own = self.trouble is not None or self.mode in (Mode.READ, Mode.OFF)
        for _, response in entries:
            self._ledger.note("own" if own else "shared", str(response.system_fingerprint))
        if entries:
            self._deaths.pass_by(Point.KEPT)


def mortal(life: Life, deaths: Deaths) -> type[sqlite3.Connection]:
    """Make connections whose process dies in a transaction, or whose disk runs full."""

    class Mortal(sqlite3.Connection):
        commits = 0

        def __init__(self, database: Any, *arguments: Any, **more: Any) -> None:
            super().__init__(database, *arguments, **more)
            self._disk = Full.CACHE if "cache" in str(database) else Full.RUN

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                deaths.pass_by(Point.COMMITTING)
                self._write()
            return super().execute(sql, *parameters)

        def _write(self) -> None:
            Mortal.commits += 1
            if life.full is None:
                return
            disk, begins = life.full
            if Mortal.commits >= begins and disk in (self._disk, Full.BOTH):
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error

    return Mortal


def fill_disk_of(path: Path) -> None:
    """Leave a file no more room than for half a line; nor any other file of this process."""
    size = path.stat().st_size + 40
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
