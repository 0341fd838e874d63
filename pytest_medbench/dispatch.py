"""Asks a model from inside an event loop: how many at once, how often again, and when to stop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace

from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.limits import AdaptiveLimit, Backoff, Pace
from pytest_medbench.models.base import Model, ModelError

STOPPED = "stopped before an answer arrived"


@dataclass(slots=True, eq=False)
class Job:
    """One request on its way.

    Parameters
    ----------
    request : Request
    digest : bytes
        Its cache key.
    keys : list
        The keys it was submitted under.
    tries : int
        Requests sent so far.
    first_sent : float
        On the loop's clock; when the first of them was sent.
    dropped : bool
        Whether nobody waits for it any more.
    """

    request: Request
    digest: bytes
    keys: list[Hashable] = field(default_factory=list)
    tries: int = 0
    first_sent: float = 0.0
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often one request is tried.

    Parameters
    ----------
    max_tries : int
        Requests sent for one item at the most.
    deadline : float
        Seconds from the first of them until no other is sent and the last counts as lost.
    request_timeout : float or None
        Seconds until a single request counts as lost; None leaves that to the model.
    backoff : Backoff
    """

    max_tries: int = 8
    deadline: float = 900.0
    request_timeout: float | None = None
    backoff: Backoff = field(default_factory=Backoff)


class Dispatcher:
    """Keeps as many requests in flight as the limit allows. Lives in one event loop.

    Parameters
    ----------
    model : Model
        Started.
    limit : AdaptiveLimit
    pace : Pace
    patience : Patience
    ended : callable
        Called once for each job, with its response or its failure.
    event : callable
        Called with a kind (`retry`, `slow-down`) and a sentence.
    broken : callable
        Called with an exception that is a defect of this class.
    """

    def __init__(
        self,
        model: Model,
        limit: AdaptiveLimit,
        pace: Pace,
        patience: Patience,
        *,
        ended: Callable[[Job, Response | Failure], None],
        event: Callable[[str, str], None],
        broken: Callable[[BaseException], None],
    ) -> None:
        self._model = model
        self._limit = limit
        self._pace = pace
        self._patience = patience
        self._ended = ended
        self._event = event
        self._broken = broken
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Job] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: dict[Job, asyncio.TimerHandle] = {}
        self._paused_until = float("-inf")
        self._alarm: asyncio.TimerHandle | None = None
        self._stopping = False
        self.retried = 0

    @property
    def in_flight(self) -> int:
        """Requests sent and not yet answered."""
        return len(self._tasks)

    def add(self, jobs: Iterable[Job]) -> None:
        """Queue jobs, and send what may be sent."""
        if self._stopping:
            for job in jobs:
                self._ended(job, Failure(STOPPED, job.tries))
            return
        self._queue.extend(jobs)
        self._pump()

    async def stop(self, grace: float) -> None:
        """Send nothing more, wait up to `grace` seconds for what is in flight, fail the rest."""
        self._stopping = True
        if self._alarm is not None:
            self._alarm.cancel()
        for timer in self._waiting.values():
            timer.cancel()
        for job in [*self._waiting, *self._queue]:
            self._ended(job, Failure(STOPPED, job.tries))
        self._waiting.clear()
        self._queue.clear()
        tasks = list(self._tasks)
        if tasks:
            if grace > 0:
                await asyncio.wait(tasks, timeout=grace)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _pump(self) -> None:
        try:
            while self._queue and len(self._tasks) < self._limit.value:
                if self._queue[0].dropped:
                    self._ended(self._queue.popleft(), Failure(STOPPED))
                    continue
                now = self._loop.time()
                wait = max(self._paused_until - now, self._pace.wait(now))
                if wait > 0:
                    self._wake_in(wait)
                    return
                self._send(self._queue.popleft(), now)
        except Exception as error:
            self._broken(error)

    def _wake_in(self, seconds: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(seconds, self._pump)

    def _send(self, job: Job, now: float) -> None:
        if job.tries == 0:
            job.first_sent = now
        job.tries += 1
        self._pace.sent(now)
        task = self._loop.create_task(self._ask(job, now))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._broken(error)
        elif not self._stopping:
            self._pump()

    async def _ask(self, job: Job, sent_at: float) -> None:
        allowed = self._seconds_allowed(job, sent_at)
        try:
            async with asyncio.timeout(allowed):
                response = await self._model.answer(job.request)
        except asyncio.CancelledError:
            self._ended(job, Failure(STOPPED, job.tries))
        except ModelError as error:
            self._unanswered(job, error, sent_at)
        except TimeoutError:
            reason = f"no answer within {allowed:.3g} s"
            self._unanswered(job, ModelError(reason, retry=True), sent_at)
        except Exception as error:
            # A model's own defect: the run goes on, the item says what happened.
            self._ended(job, Failure(f"{type(error).__name__}: {error}", job.tries))
        else:
            self._limit.answered()
            if job.tries > 1 or not response.arrived_at:
                arrived_at = response.arrived_at or time.time()
                response = replace(response, tries=job.tries, arrived_at=arrived_at)
            self._ended(job, response)

    def _seconds_allowed(self, job: Job, now: float) -> float:
        left = job.first_sent + self._patience.deadline - now
        if left <= 0:  # a pause the server asked for held it back; it was promised this try
            left = 1.0
        timeout = self._patience.request_timeout
        return left if timeout is None else min(timeout, left)

    def _unanswered(self, job: Job, error: ModelError, sent_at: float) -> None:
        now = self._loop.time()
        delay = self._patience.backoff.delay(job.tries, error.retry_after)
        if error.slow_down:
            self._slow_down(error, sent_at, now)
        reason = self._why_not_again(job, error, now + delay)
        if reason is not None:
            self._ended(job, Failure(reason, job.tries))
            return
        self.retried += 1
        self._event("retry", f"try {job.tries} brought no answer: {error.reason}")
        # Waiting holds no slot: other requests go on in the meantime.
        self._waiting[job] = self._loop.call_later(delay, self._again, job)

    def _slow_down(self, error: ModelError, sent_at: float, now: float) -> None:
        if self._limit.slow_down(sent_at, now):
            self._event("slow-down", f"{self._limit.value} in flight from now on: {error.reason}")
        if error.retry_after is not None:
            # The server names a time for everyone, not only for the request it refused.
            pause = min(error.retry_after, self._patience.backoff.cap_asked)
            self._paused_until = max(self._paused_until, now + pause)

    def _why_not_again(self, job: Job, error: ModelError, again_at: float) -> str | None:
        tries = f"{job.tries} tr{'y' if job.tries == 1 else 'ies'}"
        if self._stopping:
            return f"{error.reason} ({STOPPED})"
        if not error.retry:
            return error.reason
        if job.tries >= self._patience.max_tries:
            return f"{error.reason} (gave up after {tries})"
        if again_at > job.first_sent + self._patience.deadline:
            return (
                f"{error.reason} (gave up after {tries}: the next would come later than the "
                f"{self._patience.deadline:g} s an item may take)"
            )
        return None

    def _again(self, job: Job) -> None:
        del self._waiting[job]
        self._queue.appendleft(job)
        self._pump()
