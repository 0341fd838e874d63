"""Tells a server that has gone from an item that it cannot answer."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)

MANY = 8
WITNESSES = 3
SECONDS = 3.0
_FIRST = 1.0
_LONGEST = 5.0


class Breaker(Generic[Item]):
    """A circuit breaker: opens when a server has stopped to answer, closes when it answers again.

    A try is lost if it ended with no answer at all, for a reason that lies with the server: no
    connection, none in time, a body cut short, garbage, a status of 5xx. Whatever else the server
    says, a 429 or a 400 too, is an answer, and ends the row of lost tries.

    The circuit opens once a row of lost tries, with no answer to anything in between,

    - holds at least 3 items that had lost no try before this row (its witnesses), and
    - is long: as many tries as there may be in flight and no less than 8; or 8 tries that span
      3 s; or an item would have to be given up now, for want of tries or of time.

    So an item that fails time and again while others are answered never opens it: every answer
    ends the row. Nor do such items at the end of a run, when only they are left and nothing is
    answered any more: they lost tries before, while the server was answering others, and bear no
    witness. One or two items that are left alone with a silent server do not open it either:
    nothing tells whether it is they or the server, and their own tries end them. Three fresh
    items and more that are never answered, with nothing answered in between, count as an outage.
    An item that has no try left is not given up before one or the other is known.

    While it is open, single requests probe the server, the waits between them doubling from 1 to
    5 s, or longer if the server asked for it. A probe does not wait for the end of the one before:
    a request that hangs on a dead connection must not hide that the server has come back.

    All times are seconds on one clock that never goes back.

    Parameters
    ----------
    outage : float
        Seconds until an open circuit means that the server has gone for good.

    References
    ----------
    M. T. Nygard, "Release It!", 2nd edition (2018), chapter 5.
    """

    def __init__(self, outage: float) -> None:
        self.outage = outage
        self.is_open = False
        self.row: list[Item] = []
        self._first_gap = min(_FIRST, outage / 8)
        self._longest_gap = min(_LONGEST, outage / 4)
        self._witnesses: set[Item] = set()
        self._row_began = 0.0
        self._opened_at = 0.0
        self._gap = 0.0
        self._next_probe = 0.0
        self._down = 0.0

    @property
    def troubled(self) -> bool:
        """Whether an answer would change anything."""
        return self.is_open or bool(self.row)

    def lost(self, item: Item, now: float, *, suspect: bool, final: bool, window: int) -> bool:
        """Take note of a lost try; tell whether the circuit opens now.

        What was lost before is in `row`, an item once for each of its tries, until an answer comes.

        Parameters
        ----------
        item : hashable
        now : float
        suspect : bool
            Whether the item lost a try before that is its own.
        final : bool
            Whether the item would have to be given up now.
        window : int
            How many requests may be in flight.
        """
        if self.is_open:
            return False
        if not self.row:
            self._row_began = now
        self.row.append(item)
        if not suspect:
            self._witnesses.add(item)
        if len(self._witnesses) < WITNESSES or not (final or self._is_long(now, window)):
            return False
        self.is_open = True
        self._opened_at = now
        self._gap = self._first_gap
        self._next_probe = now + self._gap
        return True

    def _is_long(self, now: float, window: int) -> bool:
        lost = len(self.row)
        return lost >= max(MANY, window) or (lost >= MANY and now - self._row_began >= SECONDS)

    def answered(self, now: float) -> bool:
        """Take note that the server said something; tell whether this closes the circuit."""
        self.row.clear()
        self._witnesses.clear()
        if not self.is_open:
            return False
        self.is_open = False
        self._down += now - self._opened_at
        return True

    def wait(self, now: float) -> float:
        """Give the seconds until the next request may be sent; 0 if it may be sent now."""
        return max(0.0, self._next_probe - now) if self.is_open else 0.0

    def sent(self, now: float) -> None:
        """Take note that a request was sent."""
        if self.is_open:
            self._gap = min(2 * self._gap, self._longest_gap)
            self._next_probe = max(self._next_probe, now + self._gap)

    def postpone(self, until: float) -> None:
        """Send no probe before `until`: the server asked for it."""
        self._next_probe = max(self._next_probe, until)

    @property
    def gives_up_at(self) -> float:
        """When an open circuit means that the server has gone for good."""
        return self._opened_at + self.outage

    def uptime(self, now: float) -> float:
        """Give a clock that stands still while the circuit is open, for the patience with items."""
        return (self._opened_at if self.is_open else now) - self._down
