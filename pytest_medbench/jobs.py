"""One request on its way to a model, and how patient one is with it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from pytest_medbench.exchange import Request
from pytest_medbench.limits import Backoff

STOPPED = "stopped before an answer arrived"
# Seconds: what is in flight when nothing more may be sent is paid for.
GRACE = 10.0
# An item that was under way each time the server went down is what brings it down.
_OUTAGES = 3


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
        When the first of them was sent, on the circuit breaker's clock of uptime.
    dropped : bool
        Whether nobody waits for it any more.
    lost : int
        Tries that brought no answer and count as its own.
    excused : int
        Tries that were lost to an outage and count against nothing.
    outages : int
        How often the server went down while it was under way.
    """

    request: Request
    digest: bytes
    keys: list[Hashable] = field(default_factory=list)
    tries: int = 0
    first_sent: float = 0.0
    dropped: bool = False
    lost: int = 0
    excused: int = 0
    outages: int = 0

    @property
    def spent(self) -> int:
        """The tries that count against the most it may have."""
        return self.tries - self.excused

    def excuse(self) -> bool:
        """Take one lost try for an outage's; tell whether the item is still believed."""
        if self.outages > _OUTAGES:
            return False
        self.lost -= 1
        self.excused += 1
        return True


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often one request is tried; outages of the server do not count.

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
