"""What becomes of tries that are lost: the item's own fault, or an outage of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from pytest_medbench.breaker import Breaker
from pytest_medbench.exchange import Failure, Response
from pytest_medbench.jobs import GRACE, Job


class Outages:
    """Takes note of lost tries and of answers, and lives through outages. In the event loop.

    Parameters
    ----------
    name : str
        The model's.
    outage : float
        Seconds until an outage stops the run; see `Breaker`.
    again : callable
        Queues jobs whose tries were lost to an outage.
    ended, event, halt : callable
        As of `Dispatcher`.
    """

    def __init__(
        self,
        name: str,
        outage: float,
        *,
        again: Callable[[Iterable[Job]], None],
        ended: Callable[[Job, Response | Failure], None],
        event: Callable[[str, str], None],
        halt: Callable[[str, float], None],
    ) -> None:
        self.breaker: Breaker[Job] = Breaker(outage)
        self._name = name
        self._again = again
        self._ended = ended
        self._event = event
        self._halt = halt
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._held: list[tuple[Job, Failure]] = []
        self._last = ""
        self._back_at = float("-inf")

    def heard(self) -> bool:
        """Take note that the server said something; tell whether that ends an outage."""
        now = self._loop.time()
        self.release()
        if not self.breaker.answered(now):
            return False
        self._back_at = now
        if self._timer is not None:
            self._timer.cancel()
        self._event("back", f"{self._name!r} answers again")
        return True

    def lost(self, job: Job, reason: str, sent_at: float, *, final: bool, window: int) -> bool:
        """Take note that a try brought no answer; tell whether that is an outage's fault.

        Parameters
        ----------
        job : Job
        reason : str
        sent_at : float
            When the try was sent, on the loop's clock.
        final : bool
            Whether the item may have no other try.
        window : int
            How many requests may be in flight.
        """
        self._last = reason
        job.lost += 1
        if self.breaker.is_open or sent_at < self._back_at:  # a connection outlives its server
            return job.excuse()
        now, suspect = self._loop.time(), job.lost > 1
        if not self.breaker.lost(job, now, suspect=suspect, final=final, window=window):
            return False
        excused = job.excused
        self._begin()
        return job.excused > excused

    def hold(self, job: Job, failure: Failure) -> None:
        """Wait with a failure until it is known whose fault it is: the next answer will tell."""
        self._held.append((job, failure))

    def release(self) -> None:
        """End what was held: it was the items' own fault."""
        if self._held:
            held, self._held = self._held, []
            for job, failure in held:
                self._ended(job, failure)

    def close(self) -> list[Job]:
        """Watch no more; give the jobs that were held."""
        if self._timer is not None:
            self._timer.cancel()
        held, self._held = self._held, []
        return [job for job, _ in held]

    def _begin(self) -> None:
        row = self.breaker.row
        for job in set(row):
            job.outages += 1
        for job in row:
            job.excuse()
        held, self._held = self._held, []
        self._again(job for job, _ in held)
        self._timer = self._loop.call_at(self.breaker.gives_up_at, self._gone)
        self._event(
            "outage",
            f"{self._name!r} does not answer ({self._last}); it is tried every few seconds, for "
            f"{self.breaker.outage:g} s at the most",
        )

    def _gone(self) -> None:
        self._halt(
            f"the server of {self._name!r} has not answered for {self.breaker.outage:g} s "
            f"(last: {self._last}); what was answered is kept: start the same command again to "
            "go on",
            min(GRACE, self.breaker.outage),
        )
