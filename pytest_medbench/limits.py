"""How many requests may be in flight, and how long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_medbench.errors import MedbenchError
from pytest_medbench.exchange import Response


class Spent(MedbenchError):  # noqa: N818 - no error: the run did what it was allowed
    """Nothing more may be sent; the text says which allowance is used up."""


class Allowance(Protocol):
    """What a run may spend; asked in the event loop's thread before each try, retries too."""

    def reserve(self, wire: Mapping[str, Any]) -> object | None:
        """Give a ticket to send one request, or None: not now, because of what is in flight.

        Parameters
        ----------
        wire : mapping
            The whole request, as `Model.wire` gives it.

        Raises
        ------
        Spent
            When nothing more may be sent.
        """

    def settle(self, ticket: object, response: Response | None) -> None:
        """Take note how the try of a ticket ended: once for each; None if no response came."""


class AdaptiveLimit:
    """The number of requests in flight that a server bears: additive increase, halving.

    It halves when the server says there are too many requests, at most once for the requests
    that were in flight together, and grows by one for each full window that is answered. After an
    outage it doubles with each window (slow start), up to where it was.

    Parameters
    ----------
    ceiling : int
        The most requests in flight, at least 1.

    References
    ----------
    D.-M. Chiu and R. Jain, "Analysis of the increase and decrease algorithms for congestion
    avoidance in computer networks", Computer Networks and ISDN Systems 17 (1989).
    """

    def __init__(self, ceiling: int) -> None:
        self.ceiling = max(1, ceiling)
        self._limit = float(self.ceiling)
        self._proven = 0.0
        self._halved_at = float("-inf")

    @property
    def value(self) -> int:
        """The requests that may be in flight now: 1 ... ceiling."""
        return int(self._limit)

    def answered(self) -> None:
        """Take note of a response."""
        if self._limit < self.ceiling:
            step = 1.0 if self._limit < self._proven else 1 / self._limit
            self._limit = min(float(self.ceiling), self._limit + step)

    def slow_down(self, sent_at: float, now: float) -> bool:
        """Take note that the server has too many requests; tell whether the limit was halved.

        Parameters
        ----------
        sent_at, now : float
            Seconds on one clock: when the refused request was sent, and the present.
        """
        if sent_at < self._halved_at:
            return False
        self._halved_at = now
        self._limit = self._proven = max(1.0, self._limit / 2)
        return True

    def restart(self, in_flight: int) -> None:
        """Take note that the server is back from an outage, with so many requests in flight."""
        self._proven = max(self._proven, self._limit)
        self._limit = float(min(max(1, in_flight), self.value))


class Pace:
    """Spaces requests evenly.

    Parameters
    ----------
    per_minute : float or None
        The most requests sent in a minute; None for no limit.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._next = float("-inf")

    def wait(self, now: float) -> float:
        """Give the seconds until the next request may be sent; 0 if it may be sent now."""
        return max(0.0, self._next - now)

    def sent(self, now: float) -> None:
        """Take note that a request was sent."""
        self._next = max(self._next, now) + self._gap


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with full jitter.

    Parameters
    ----------
    base : float
        Seconds; the longest wait after the first try. It doubles with each further try.
    cap : float
        Seconds; no wait of our own is longer.
    cap_asked : float
        Seconds; no wait that the server asks for is longer.
    uniform : callable
        Draws a number between two.

    References
    ----------
    M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015).
    """

    base: float = 1.0
    cap: float = 60.0
    cap_asked: float = 120.0
    uniform: Callable[[float, float], float] = random.uniform

    def delay(self, tries: int, asked: float | None = None) -> float:
        """Give the seconds to wait after so many tries (from 1).

        Parameters
        ----------
        tries : int
        asked : float or None
            Seconds the server asked to wait (Retry-After): never less than that is waited, up
            to `cap_asked`, with a little more so that not all come back at the same moment.
        """
        if asked is not None:
            asked = min(max(asked, 0.0), self.cap_asked)
            return asked + self.uniform(0.0, min(self.base, 0.1 + asked / 10))
        return self.uniform(0.0, min(self.cap, self.base * 2.0 ** min(tries - 1, 60)))
