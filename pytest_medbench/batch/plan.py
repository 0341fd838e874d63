"""Which requests have a response, which are with a batch, and which have to be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from pytest_medbench.batch.files import Limits, Writer, line
from pytest_medbench.batch.state import BatchFolder, Record
from pytest_medbench.cache import KeyMaker, Store
from pytest_medbench.exchange import Request
from pytest_medbench.models import completions
from pytest_medbench.models.base import Model

_TOGETHER = 500


class Plan:
    """The requests of a run, by their cache keys.

    Parameters
    ----------
    folder : BatchFolder
    store : Store
    model : Model
        Started.
    limits : Limits

    Attributes
    ----------
    open : dict of bytes to int
        Requests without an answer, with the number of open batches that hold them.
    reasons : dict of bytes to str
        Why a request brought no answer and is not sent again.
    new : list of Record
        Batches to send.
    requests, stored, answered : int
        Different requests; of them answered before; of them answered by a batch.
    """

    def __init__(self, folder: BatchFolder, store: Store, model: Model, limits: Limits) -> None:
        fingerprint = model.fingerprint()
        self.limits = limits
        self.open: dict[bytes, int] = {}
        self.reasons: dict[bytes, str] = {}
        self.requests = 0
        self.stored = 0
        self.answered = 0
        self._folder = folder
        self._store = store
        self._model = model
        self._make_key = KeyMaker(fingerprint)
        self._has_revision = fingerprint.get("revision") is not None
        self._covered: dict[bytes, int] = {}
        self._known: set[bytes] = set()
        self._writer = Writer(folder, limits.requests, limits.bytes)

    @property
    def new(self) -> list[Record]:
        """Batches to send."""
        return self._writer.records

    def cover(self, records: Iterable[Record]) -> None:
        """Take note of what batches of an earlier run hold."""
        for record in records:
            for key in self._folder.keys(record):
                self._covered[key] = self._covered.get(key, 0) + 1

    async def read(self, requests: Iterable[Request]) -> None:
        """Go through the run's requests, and write down those that have to be sent.

        Raises
        ------
        CacheError, RunError
            If a file cannot be read or written.
        """
        rest = iter(requests)
        try:
            while some := list(islice(rest, _TOGETHER)):
                self._read(some)
                await asyncio.sleep(0)  # where Ctrl-C and a deadline come through
            self._writer.finish()
        finally:
            self._writer.close()
        self._covered = {}
        self._known = set()

    def _read(self, some: Sequence[Request]) -> None:
        wires: dict[bytes, Mapping[str, Any]] = {}
        for request in some:
            wire = self._model.wire(request)
            key = self._make_key(wire, request.sample)
            if key not in self._known:
                self._known.add(key)
                wires[key] = wire
        self.requests += len(wires)
        stored = self._store.lookup(list(wires), has_revision=self._has_revision)
        self.stored += len(stored)
        for key, wire in wires.items():
            if key in stored:
                continue
            self.open[key] = self._covered.get(key, 0)
            if not self.open[key]:
                self._add(key, wire)

    def _add(self, key: bytes, wire: Mapping[str, Any]) -> None:
        text = line(key, completions.encode(wire))
        if self._writer.add(key, text):
            self.open[key] = 1
        else:
            self.give_up(
                key,
                f"the request has {len(text):,} bytes, and a batch takes {self.limits.bytes:,} at "
                "the most: run without --medbench-batch",
            )

    def needed_of(self, records: Iterable[Record]) -> list[Record]:
        """Give those of an earlier run's batches that hold a request which has no answer."""
        return [
            record
            for record in records
            if any(key in self.open for key in self._folder.keys(record))
        ]

    def has_all(self, keys: Sequence[bytes]) -> bool:
        """Whether every one of these requests has a stored response."""
        found = self._store.lookup(keys, has_revision=self._has_revision)
        return len(found) == len(set(keys))

    def answer(self, keys: Iterable[bytes]) -> None:
        """Take note of answers that are stored."""
        for key in keys:
            if self.open.pop(key, None) is not None:
                self.answered += 1

    def give_up(self, key: bytes, reason: str) -> None:
        """Take note that a request is not sent again."""
        self.open.pop(key, None)
        self.reasons[key] = reason
