"""Sends a plan through the batch service and waits for it; can be stopped and started anywhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from pytest_medbench import clock
from pytest_medbench.batch.collecting import Collector
from pytest_medbench.batch.files import Limits
from pytest_medbench.batch.model import with_batches
from pytest_medbench.batch.plan import Plan
from pytest_medbench.batch.report import BatchReport
from pytest_medbench.batch.state import BatchFolder, Record
from pytest_medbench.cache import Store
from pytest_medbench.errors import MedbenchError
from pytest_medbench.exchange import Request
from pytest_medbench.limits import Backoff
from pytest_medbench.models.base import Model, ModelError
from pytest_medbench.models.batches import BatchService, Seen
from pytest_medbench.models.openai import OpenAIModel

__all__ = ["Limits", "run_batch"]

_WATCH = 0.25
_LOCKED = 1.0


def run_batch(
    model: Model,
    store: Store,
    requests: Iterable[Request],
    *,
    home: Path,
    say: Callable[[str], None],
    stop: Callable[[], str | None] = lambda: None,
    poll: float = 30.0,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    backoff: Backoff | None = None,
    patience: float = 900.0,
    unsure: float = 30.0,
) -> BatchReport:
    """Ask for everything that is not stored through the provider's batch service, and store it.

    Returns once every request has a response in the store or a reason why it has none, or when
    `stop` says so. Batches that are under way then, or when an exception ends it (KeyboardInterrupt
    as well), go on at the provider, and the next call with the same `home` and model picks them up.
    Only one process at a time works on the batches of a model; others wait for it.

    Parameters
    ----------
    model : Model
        An OpenAIModel, not started; it is started and closed again.
    store : Store
        Made with `resumed` and with `resumed_since` (the present, if no run is resumed): otherwise
        what is stored here in the modes `read`, `refresh` and `off` is not found by the cases.
    requests : iterable of Request
        Gone through once; may give the same request several times.
    home : Path
        The `.medbench` folder.
    say : callable
        Prints a line for the person who waits.
    stop : callable
        Asked four times a second; a text ends the wait.
    poll : float
        Seconds between two looks at a batch.
    limits : Limits
    backoff : Backoff or None
        How long to wait between tries of a call that failed.
    patience : float
        Seconds until a call that keeps failing is given up.
    unsure : float
        Seconds for which a batch whose creation was not confirmed may still turn up.

    Raises
    ------
    ConfigError
        If the model is of a kind that has no batch service.
    ModelError
        If the server has none, refuses, or cannot be reached.
    CacheError, RunError
        If a file cannot be read or written.
    """
    live = with_batches(model)
    service = BatchService(
        live, backoff=backoff or Backoff(), patience=patience, unsure=unsure, told=say
    )
    run = _Run(live, service, store, home, poll, limits, say)
    return asyncio.run(_watched(run, requests, stop))


async def _watched(
    run: _Run, requests: Iterable[Request], stop: Callable[[], str | None]
) -> BatchReport:
    task = asyncio.ensure_future(run.run(requests))
    stopped: str | None = None
    try:
        while not task.done():
            await asyncio.wait([task], timeout=_WATCH)
            stopped = None if task.done() else stop()
            if stopped is not None:
                break
        else:
            await task
    except asyncio.CancelledError:
        stopped = "interrupted"
        raise
    except MedbenchError:
        stopped = "see the error"
        raise
    finally:
        # Being cancelled anywhere is no worse than being killed there, which the records bear.
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        await run.close(stopped)
    return run.report(stopped)


class _Run:
    """One run over the batches of one model."""

    def __init__(
        self,
        model: OpenAIModel,
        service: BatchService,
        store: Store,
        home: Path,
        poll: float,
        limits: Limits,
        say: Callable[[str], None],
    ) -> None:
        self._model = model
        self._service = service
        self._store = store
        self._home = home
        self._poll = poll
        self._limits = limits
        self._say = say
        self._folder: BatchFolder | None = None
        self._plan: Plan | None = None
        self._collector: Collector | None = None
        self._waiting: list[Record] = []
        self._ids: list[str] = []
        self._said: dict[str, tuple[str, int]] = {}

    async def run(self, requests: Iterable[Request]) -> None:
        """Do everything, to the end."""
        await self._service.again(self._model.start)
        folder = self._folder = BatchFolder(self._home, self._model.fingerprint())
        await self._enter(folder)
        earlier = await self._earlier(folder)
        plan = self._plan = Plan(folder, self._store, self._model, self._limits)
        plan.cover(earlier)
        await plan.read(requests)
        self._waiting = plan.needed_of(earlier) + plan.new
        self._collector = Collector(folder, self._store, self._model, self._service, plan)
        self._announce(len(plan.new))
        while self._waiting:
            await self._round(self._collector)
            if self._waiting:
                await asyncio.sleep(self._poll)
        for record in folder.records():
            # One that was killed before it could say that all is stored has nothing left to bring.
            if record.collected or plan.has_all(folder.keys(record)):
                folder.remove(record)

    async def _enter(self, folder: BatchFolder) -> None:
        told = False
        while True:
            if folder.try_lock():
                return
            if not told:
                self._say("batch: another process works on this model's batches; waiting for it")
                told = True
            await asyncio.sleep(min(self._poll, _LOCKED))

    async def _earlier(self, folder: BatchFolder) -> list[Record]:
        """Give the batches that exist at the provider; what was never sent is made anew."""
        found = []
        for record in folder.records():
            if record.sent_at is not None and record.batch is None:
                await self._find(folder, record)
            if record.batch is None:
                folder.remove(record)
            else:
                found.append(record)
        return found

    async def _find(self, folder: BatchFolder, record: Record) -> None:
        assert record.sent_at is not None
        try:
            last = min(clock.now(), record.sent_at + self._service.patience)
            seen = await self._service.find(record.token, record.sent_at, last)
        except ModelError as error:
            raise ModelError(
                f"{error.reason}; a batch of {record.requests:,} requests may be under way, and "
                f"is looked for by the same command; if the provider has none with the metadata "
                f"{record.token}, delete {folder.path / record.token}.json",
                retry=error.retry,
            ) from None
        if seen is not None:
            record.batch = seen.id
            folder.save(record)

    def _announce(self, new: int) -> None:
        assert self._plan is not None
        plan = self._plan
        earlier = len(self._waiting) - new
        line = f"batch: {plan.requests:,} requests, {plan.stored:,} of them answered before"
        if earlier:
            line += f"; {_batches(earlier)} of an earlier run picked up"
        if new:
            sent = sum(record.requests for record in plan.new)
            line += f"; {sent:,} to send in {_batches(new)}"
        self._say(line)

    async def _round(self, collector: Collector) -> None:
        """Send what may be sent, and look at the rest."""
        for record in [record for record in self._waiting if record.batch is None]:
            if self._may_send(collector):
                await self._send(record)
        for record in [record for record in self._waiting if record.batch is not None]:
            assert record.batch is not None
            seen = await self._service.look(record.batch)
            self._progress(seen)
            if seen.ended:
                self._waiting += await collector.collect(record, seen, self._say)
                self._waiting.remove(record)

    def _may_send(self, collector: Collector) -> bool:
        return not collector.one_at_a_time or all(r.batch is None for r in self._waiting)

    async def _send(self, record: Record) -> None:
        assert self._folder is not None
        if record.file is None:
            record.file = await self._service.upload(self._folder.requests(record.token))
            self._folder.save(record)
        if record.sent_at is None:
            record.sent_at = clock.now()
            self._folder.save(record)
        seen = await self._service.create(record.file, record.token, record.sent_at)
        record.batch = seen.id
        self._folder.save(record)
        self._say(f"batch {seen.id}: {record.requests:,} requests sent")

    def _progress(self, seen: Seen) -> None:
        if seen.id not in self._ids:
            self._ids.append(seen.id)
        now = (seen.status, seen.done)
        if self._said.get(seen.id) != now:
            self._said[seen.id] = now
            counted = f", {seen.done:,} of {seen.total:,} done" if seen.total else ""
            self._say(f"batch {seen.id}: {seen.status.replace('_', ' ')}{counted}")

    async def close(self, stopped: str | None) -> None:
        """Let go of the model and the folder, and say what goes on."""
        if self._folder is not None:
            self._folder.unlock()
        with contextlib.suppress(Exception):
            await self._model.close()
        under_way = [record for record in self._waiting if record.sent_at is not None]
        if stopped is not None and under_way:
            count = sum(record.requests for record in under_way)
            self._say(
                f"batch: left ({stopped}); {_batches(len(under_way))} with {count:,} requests at "
                "the provider; the same command picks up what they bring"
            )

    def report(self, stopped: str | None) -> BatchReport:
        """Say what it came to."""
        plan, collector = self._plan, self._collector
        fingerprint = self._model.fingerprint()
        if plan is None:
            return BatchReport(fingerprint, stopped=stopped)
        return BatchReport(
            fingerprint,
            requests=plan.requests,
            stored=plan.stored,
            answered=plan.answered,
            reasons=plan.reasons,
            batches=tuple(self._ids),
            stopped=stopped,
            input_tokens=collector.input_tokens if collector is not None else 0,
            output_tokens=collector.output_tokens if collector is not None else 0,
        )


def _batches(count: int) -> str:
    return f"{count} batch" + ("" if count == 1 else "es")
