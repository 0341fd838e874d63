"""Keeps requests in flight in a background thread, so that a case finds its response waiting."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from pytest_medbench.cache import CacheError, KeyMaker, Store
from pytest_medbench.desk import Desk, Keeper, Stats
from pytest_medbench.dispatch import Dispatcher
from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.jobs import GRACE, STOPPED, Job, Patience
from pytest_medbench.limits import AdaptiveLimit, Allowance, Backoff, Pace
from pytest_medbench.models.base import Model, ModelError
from pytest_medbench.starting import start

_CLOSE_DEADLINE = 10.0


class Broker:
    """Asks one model, through the cache, ahead of the cases that need the responses.

    All methods are for one thread, the one that runs the cases; only `halt` and `stopped` are for
    any.

    Parameters
    ----------
    model : Model
    store : Store
    concurrency : int
        The most requests in flight; the model's own wish can only lower it.
    max_tries : int
        Requests sent for one item at the most; those lost to an outage do not count.
    deadline : float
        Seconds from an item's first request until it is given up; an outage's do not count.
    request_timeout : float or None
        Seconds until a single request counts as lost; None leaves that to the model.
    requests_per_minute : float or None
        The most requests sent in a minute; None for the model's own wish.
    backoff : Backoff
        How long to wait between tries.
    on_event : callable or None
        Called in the broker's thread with a kind (`retry`, `slow-down`, `outage`, `back`) and a
        sentence.
    outage : float
        Seconds without any answer after which the server counts as gone, and the broker halts;
        see `Breaker`.
    allowance : Allowance or None
        What may be spent; None for no limit.
    """

    def __init__(
        self,
        model: Model,
        store: Store,
        *,
        concurrency: int = 64,
        max_tries: int = 8,
        deadline: float = 900.0,
        request_timeout: float | None = None,
        requests_per_minute: float | None = None,
        backoff: Backoff | None = None,
        on_event: Callable[[str, str], None] | None = None,
        outage: float = 120.0,
        allowance: Allowance | None = None,
    ) -> None:
        self._model = model
        self._store = store
        self._concurrency = concurrency
        self._pace = Pace(requests_per_minute or model.requests_per_minute)
        self._patience = Patience(max_tries, deadline, request_timeout, backoff or Backoff())
        self._on_event = on_event or (lambda kind, message: None)
        self._desk = Desk()
        self._keeper = Keeper(store, model, self._desk, self.halt)
        self._outage = outage
        self._allowance = allowance
        self._thread = threading.Thread(target=self._run, name="medbench-broker", daemon=True)
        self._looping = threading.Event()
        self._ready = threading.Event()
        self._start_error: ModelError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._why_halted: str | None = None
        self._halted_until = math.inf
        self._checked = False
        self._limit: AdaptiveLimit | None = None
        self._dispatcher: Dispatcher | None = None
        self._make_key: KeyMaker | None = None
        self._has_revision = False

    def start(self) -> None:
        """Start the thread and, inside it, the model. Returns at once."""
        self._thread.start()

    def wait_ready(self) -> None:
        """Wait until the model has started, and try whether its responses can be kept.

        Raises
        ------
        ModelError
            If it cannot be used.
        CacheError
            If the cache cannot be written; nothing has been asked then.
        """
        while not self._ready.wait(1.0):
            if not self._thread.is_alive():
                break
        if self._start_error is not None:
            raise ModelError(self._start_error.reason, retry=self._start_error.retry)
        if self._desk.broken is not None and self._make_key is None:
            raise ModelError(self._desk.broken)
        if not self._checked and self._model.cacheable and not self._model.is_control:
            with contextlib.suppress(Warning):  # as when responses are kept: see `Keeper`
                self._store.check()
        self._checked = True

    def submit_many(
        self, requests: Sequence[tuple[Hashable, Request]], *, fresh: bool = False
    ) -> None:
        """Look all up in the cache with one query, and queue those that are not there.

        Waits until the model has started, because what it is belongs to the cache key. After a
        halt those that are not there end at once.

        Parameters
        ----------
        requests : sequence of (key, Request)
        fresh : bool
            Ask anew, whatever is stored.

        Raises
        ------
        ModelError
            If the model cannot be used.
        CacheError
            If the cache cannot be written, before the first request. A cache that can no longer
            be read later on halts the broker.
        ValueError
            If a key is submitted that has not been taken yet.
        """
        self.wait_ready()
        new = self._desk.admit(self._jobs(requests), merge=self._model.cacheable)
        if new and not fresh and self._may_be_stored():
            hits = self._hits([job.digest for job in new])
            for job in new:
                if job.digest in hits:
                    self._desk.end(job, hits[job.digest])
            new = [job for job in new if job.digest not in hits]
        if new:
            self._send(new)

    def _jobs(self, requests: Sequence[tuple[Hashable, Request]]) -> list[Job]:
        assert self._make_key is not None
        make_key, wire = self._make_key, self._model.wire
        return [
            Job(request, make_key(wire(request), request.sample), [key])
            for key, request in requests
        ]

    def _hits(self, digests: list[bytes]) -> Mapping[bytes, Response]:
        """Look up what is stored; without a cache that can be read nothing more is asked."""
        try:
            return self._store.lookup(
                digests, has_revision=self._has_revision, shared=self._model.cacheable
            )
        except CacheError as error:
            self.halt(str(error), GRACE)
            return {}

    def _may_be_stored(self) -> bool:
        return self._model.cacheable or (self._store.resumed and not self._model.is_control)

    def _send(self, jobs: list[Job]) -> None:
        if self.stopped is None and self._loop is not None and self._dispatcher is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended: the desk says why
                self._loop.call_soon_threadsafe(self._dispatcher.add, jobs)
                if self._thread.is_alive():
                    return
        for job in jobs:
            self._desk.end(job, Failure(self.stopped or STOPPED, stopped=True))

    def take(self, key: Hashable, timeout: float | None = None) -> Response | Failure:
        """Wait for a response that is on disk, or for the failure, and hand it over once.

        Raises
        ------
        KeyError
            If the key was not submitted, or has been taken or forgotten.
        TimeoutError
            If it is not there after `timeout` seconds; it can still be taken later.
        """
        until = None if timeout is None else time.monotonic() + timeout
        ended = self._desk.take(key)
        while isinstance(ended, threading.Event):
            left = 1.0 if until is None else min(1.0, until - time.monotonic())
            if left <= 0:
                raise TimeoutError(f"no response for {key!r} within {timeout:g} s")
            if not ended.wait(left) and not self._thread.is_alive():
                self._desk.fail_all(self.stopped or STOPPED)
            ended = self._desk.take(key)
        return ended

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Drop what nobody waits for any more: what has not been sent is not sent."""
        self._desk.forget(keys)

    @property
    def in_flight(self) -> int:
        """Requests sent and not yet answered."""
        return self._dispatcher.in_flight if self._dispatcher is not None else 0

    @property
    def backlog(self) -> int:
        """Keys submitted and not yet taken or forgotten."""
        return self._desk.backlog

    def has_answers(self) -> bool:
        """Tell whether a response waits to be taken, or may still come."""
        return self._desk.has_answers()

    def stats(self) -> Stats:
        """Give the counts so far."""
        desk = self._desk
        return Stats(
            answered=desk.answered,
            cached=desk.cached,
            failed=desk.failed,
            retried=self._dispatcher.retried if self._dispatcher is not None else 0,
            in_flight=self.in_flight,
            limit=self._limit.value if self._limit is not None else 0,
            input_tokens=desk.input_tokens,
            output_tokens=desk.output_tokens,
        )

    @property
    def stopped(self) -> str | None:
        """Why nothing more is sent; None while it works. For any thread, at any time."""
        return self._desk.broken or self._why_halted

    def halt(self, reason: str, grace: float) -> None:
        """Send nothing more, from any thread; returns at once.

        What is queued or waits for another try ends with `reason`; what is in flight has `grace`
        seconds to arrive and be kept, and ends the same way if it does not. When halted again the
        first reason and the earlier end count.
        """
        self._why_halted = self._why_halted or reason
        self._halted_until = min(self._halted_until, time.monotonic() + grace)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended by itself
                self._loop.call_soon_threadsafe(self._halt)

    def close(self, grace: float = 0.0) -> None:
        """Send nothing more, wait up to `grace` seconds for what is in flight, and end the thread.

        What arrives in time is kept. The rest become failures; all can still be taken. After a
        halt its own grace counts.
        """
        if self._thread.ident is None:
            return
        self._looping.wait()
        if self._why_halted is None:
            self.halt(STOPPED, grace)
        self._thread.join(max(0.0, self._halted_until - time.monotonic()) + _CLOSE_DEADLINE)
        self._desk.fail_all(self._why_halted or STOPPED)

    def _run(self) -> None:
        self._keeper.start()
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._break(error)
        finally:
            self._keeper.close()
            self._desk.fail_all(self.stopped or STOPPED)
            self._looping.set()
            self._ready.set()

    def _break(self, error: BaseException) -> None:
        """Fail everything after a defect of the broker: nobody may wait for ever."""
        self._desk.break_down(
            f"the request broker stopped ({type(error).__name__}: {error}); this is a defect of "
            "pytest-medbench, please report it"
        )
        self.halt(STOPPED, 0.0)

    def _halt(self) -> None:
        """Pass a halt on, in the event loop's thread."""
        assert self._stop is not None
        if self._dispatcher is not None:
            grace = self._halted_until - time.monotonic()
            self._dispatcher.halt(self.stopped or STOPPED, grace)
        self._stop.set()

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._looping.set()
        if self._why_halted is not None:  # before there was a loop to tell
            self._stop.set()
        try:
            if await self._start_model():
                self._prepare()
                if self._why_halted is not None:  # before there was a dispatcher to tell
                    self._halt()
                self._ready.set()
                await self._stop.wait()
        finally:
            if self._dispatcher is not None:
                await self._dispatcher.drained()
            await self._model.close()

    async def _start_model(self) -> bool:
        """Start the model, unless the broker is closed first; tell whether it can be used."""
        assert self._stop is not None
        starting = asyncio.ensure_future(start(self._model, self._patience, self._on_event))
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        for task in (starting, stopped):
            task.cancel()
        await asyncio.wait([starting, stopped])
        if starting.cancelled():
            self._start_error = ModelError(self.stopped or STOPPED)
            return False
        error = starting.exception()
        if isinstance(error, ModelError):
            self._start_error = error
        elif error is not None:
            raise error
        return error is None

    def _prepare(self) -> None:
        fingerprint = self._model.fingerprint()
        self._has_revision = fingerprint.get("revision") is not None
        wish = self._model.concurrency
        self._limit = AdaptiveLimit(min(self._concurrency, wish or self._concurrency))
        self._dispatcher = Dispatcher(
            self._model,
            self._limit,
            self._pace,
            self._patience,
            self._outage,
            allowance=self._allowance,
            ended=self._keeper.put,
            event=self._on_event,
            halt=self.halt,
            broken=self._break,
        )
        self._make_key = KeyMaker(fingerprint)
