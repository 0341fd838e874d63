"""Asks a model from inside an event loop: how many at once, how often again, and when to stop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from pytest_medbench import clock
from pytest_medbench.exchange import Failure, Response
from pytest_medbench.jobs import GRACE, STOPPED, Job, Patience
from pytest_medbench.limits import AdaptiveLimit, Allowance, Pace, Spent
from pytest_medbench.models.base import Model, ModelError
from pytest_medbench.outages import Outages

__all__ = ["STOPPED", "Dispatcher", "Job", "Patience"]

_ASK_AGAIN = 0.2


class Dispatcher:
    """Keeps as many requests in flight as the limit allows. Lives in one event loop.

    Parameters
    ----------
    model : Model
        Started.
    limit : AdaptiveLimit
    pace : Pace
    patience : Patience
    outage : float
        Seconds without any answer after which the server counts as gone.
    allowance : Allowance or None
    ended : callable
        Called once for each job, with its response or its failure.
    event : callable
        Called with a kind (`retry`, `slow-down`, `outage`, `back`) and a sentence.
    halt : callable
        Called with a reason and a grace when nothing more can or may be sent.
    broken : callable
        Called with an exception that is a defect of this class.
    """

    def __init__(
        self,
        model: Model,
        limit: AdaptiveLimit,
        pace: Pace,
        patience: Patience,
        outage: float,
        *,
        allowance: Allowance | None = None,
        ended: Callable[[Job, Response | Failure], None],
        event: Callable[[str, str], None],
        halt: Callable[[str, float], None],
        broken: Callable[[BaseException], None],
    ) -> None:
        self._model = model
        self._limit = limit
        self._pace = pace
        self._patience = patience
        self._allowance = allowance
        self._ended = ended
        self._event = event
        self._halt = halt
        self._broken = broken
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Job] = deque()
        self._tasks: set[asyncio.Task[Response | None]] = set()
        self._tickets: dict[asyncio.Task[Response | None], object] = {}
        self._waiting: dict[Job, asyncio.TimerHandle] = {}
        self._paused_until = float("-inf")
        self._alarm: asyncio.TimerHandle | None = None
        self._stopped: str | None = None
        self._outages = Outages(
            model.name, outage, again=self._queue.extend, ended=ended, event=event, halt=halt
        )
        self.retried = 0

    @property
    def in_flight(self) -> int:
        """Requests sent and not yet answered."""
        return len(self._tasks)

    def add(self, jobs: Iterable[Job]) -> None:
        """Queue jobs, and send what may be sent."""
        if self._stopped is not None:
            self._give_up(jobs)
            return
        self._queue.extend(jobs)
        self._pump()

    def halt(self, reason: str, grace: float) -> None:
        """Send nothing more; what is in flight has `grace` seconds, the rest ends at once.

        When halted again the first reason and the shorter grace count.
        """
        if self._stopped is None:
            self._stopped = reason
            for timer in (self._alarm, *self._waiting.values()):
                if timer is not None:
                    timer.cancel()
            self._give_up([*self._waiting, *self._queue, *self._outages.close()])
            self._waiting.clear()
            self._queue.clear()
        self._loop.call_later(max(0.0, grace), self._cut_off)

    async def drained(self) -> None:
        """Halt, unless that has been done, and wait until nothing is in flight any more."""
        if self._stopped is None:
            self.halt(STOPPED, 0.0)
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _cut_off(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _give_up(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._ended(job, Failure(self._stopped or STOPPED, job.tries, stopped=True))

    def _pump(self) -> None:
        try:
            while self._queue and len(self._tasks) < self._limit.value and self._stopped is None:
                if self._queue[0].dropped:
                    self._give_up([self._queue.popleft()])
                    continue
                now = self._loop.time()
                wait = self._wait(now)
                if wait > 0:
                    self._wake_in(wait)
                    return
                ticket = None
                if self._allowance is not None:
                    ticket = self._allowance.reserve(self._model.wire(self._queue[0].request))
                    if ticket is None:
                        self._wake_in(_ASK_AGAIN)
                        return
                self._send(self._queue.popleft(), now, ticket)
        except Spent as spent:
            self._halt(str(spent), GRACE)
        except Exception as error:
            self._broken(error)

    def _wait(self, now: float) -> float:
        wait = max(self._paused_until - now, self._pace.wait(now))
        return max(wait, self._outages.breaker.wait(now))

    def _wake_in(self, seconds: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(seconds, self._pump)

    def _send(self, job: Job, now: float, ticket: object) -> None:
        if job.tries == 0:
            job.first_sent = self._outages.breaker.uptime(now)
        job.tries += 1
        self._pace.sent(now)
        self._outages.breaker.sent(now)
        task = self._loop.create_task(self._ask(job, now))
        self._tasks.add(task)
        if ticket is not None:
            self._tickets[task] = ticket
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Response | None]) -> None:
        self._tasks.discard(task)
        try:
            response = None if task.cancelled() else task.result()
            if self._allowance is not None:
                self._allowance.settle(self._tickets.pop(task), response)
        except Exception as error:
            self._broken(error)
        else:
            if self._stopped is None:
                if not (self._tasks or self._queue or self._waiting):
                    self._outages.release()  # nobody is left to tell whether it is the server
                self._pump()

    async def _ask(self, job: Job, sent_at: float) -> Response | None:
        allowed = self._seconds_allowed(job, sent_at)
        try:
            async with asyncio.timeout(allowed):
                response = await self._model.answer(job.request)
        except asyncio.CancelledError:
            self._give_up([job])
        except ModelError as error:
            self._unanswered(job, error, sent_at)
        except TimeoutError:
            reason = f"no answer within {allowed:.3g} s"
            self._unanswered(job, ModelError(reason, retry=True), sent_at)
        except Exception as error:
            # A model's own defect: the run goes on, the item says what happened.
            self._ended(job, Failure(f"{type(error).__name__}: {error}", job.tries))
        else:
            if self._outages.breaker.troubled:
                self._heard()
            self._limit.answered()
            if job.tries > 1 or not response.arrived_at:
                arrived_at = response.arrived_at or clock.now()
                response = replace(response, tries=job.tries, arrived_at=arrived_at)
            self._ended(job, response)
            return response
        return None

    def _seconds_allowed(self, job: Job, now: float) -> float:
        left = job.first_sent + self._patience.deadline - self._outages.breaker.uptime(now)
        if left <= 0:  # a pause the server asked for held it back; it was promised this try
            left = 1.0
        timeout = self._patience.request_timeout
        return left if timeout is None else min(timeout, left)

    def _unanswered(self, job: Job, error: ModelError, sent_at: float) -> None:
        now = self._loop.time()
        lost = error.retry and error.lost
        if not lost:
            self._heard()
        if error.slow_down:
            self._slow_down(error, sent_at, now)
        delay = self._patience.backoff.delay(max(1, job.spent), error.retry_after)
        reason = self._why_not_again(job, error, self._outages.breaker.uptime(now) + delay)
        if self._stopped is not None:
            own = not error.retry
            self._ended(job, Failure(error.reason if own else self._stopped, job.tries, not own))
            return
        if lost and self._outages.lost(
            job, error.reason, sent_at, final=reason is not None, window=self._limit.value
        ):
            if error.retry_after is not None:
                pause = min(error.retry_after, self._patience.backoff.cap_asked)
                self._outages.breaker.postpone(now + pause)
            self._try_again(job, error)
            # Behind the others, in case the item has a part in it.
            self._queue.append(job)
        elif reason is None:
            self._try_again(job, error)
            # Waiting holds no slot: other requests go on in the meantime.
            self._waiting[job] = self._loop.call_later(delay, self._again, job)
        elif lost:
            self._outages.hold(job, Failure(reason, job.tries))
        else:
            self._ended(job, Failure(reason, job.tries))

    def _try_again(self, job: Job, error: ModelError) -> None:
        self.retried += 1
        self._event("retry", f"try {job.tries} brought no answer: {error.reason}")

    def _slow_down(self, error: ModelError, sent_at: float, now: float) -> None:
        if self._limit.slow_down(sent_at, now):
            self._event("slow-down", f"{self._limit.value} in flight from now on: {error.reason}")
        if error.retry_after is not None:
            # The server names a time for everyone, not only for the request it refused.
            pause = min(error.retry_after, self._patience.backoff.cap_asked)
            self._paused_until = max(self._paused_until, now + pause)

    def _why_not_again(self, job: Job, error: ModelError, again_at: float) -> str | None:
        tries = f"{job.tries} tr{'y' if job.tries == 1 else 'ies'}"
        if not error.retry:
            return error.reason
        if job.spent >= self._patience.max_tries:
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

    def _heard(self) -> None:
        """Take note that the server said something, if only that it cannot answer this."""
        if self._outages.heard():
            # This request's own task has not ended yet: it is one of those in flight.
            self._limit.restart(len(self._tasks))
