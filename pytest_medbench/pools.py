"""Where a process takes its part of a budget from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pytest_medbench.errors import MedbenchError


class LedgerError(MedbenchError):
    """The ledger cannot be read or written; says which file and why."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Requests, and money in millionths of a millionth of a dollar."""

    requests: int = 0
    money: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.requests + other.requests, self.money + other.money)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.requests - other.requests, self.money - other.money)

    def __bool__(self) -> bool:
        return self.requests != 0 or self.money != 0

    def covers(self, other: Amount) -> bool:
        """Tell whether `other` can be taken from it."""
        return self.requests >= other.requests and self.money >= other.money


class UsedUp(Exception):  # noqa: N818 - caught within this package, it is no error of the person
    """A request does not fit, and nothing that is held may come back.

    Parameters
    ----------
    left : Amount
        What is left.
    """

    def __init__(self, left: Amount) -> None:
        super().__init__(left)
        self.left = left


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run has spent.

    Parameters
    ----------
    spent : Amount
        By responses and tries without one.
    lost : Amount
        Held by processes that were killed: counted as spent, because they may have.
    """

    spent: Amount = Amount()
    lost: Amount = Amount()


class Pool(Protocol):
    """Where a process takes its part of the budget from."""

    def lease(self, kept: Amount, spent: Amount, need: Amount) -> Amount | None:
        """Hold `kept` alone from now on, book `spent`, and take what covers `need`.

        Returns
        -------
        Amount or None
            None where it does not fit now and may once something comes back.

        Raises
        ------
        UsedUp
            Where it never will.
        LedgerError
            If the file cannot be used.
        """

    def give_back(self, kept: Amount, spent: Amount) -> None:
        """Hold `kept` alone from now on and book `spent`. Raises LedgerError."""

    def is_waited_for(self) -> bool:
        """Tell whether another process waits for what this one may not need."""

    def totals(self) -> Totals:
        """Give what was booked by all. Raises LedgerError."""

    def close(self) -> None:
        """Let go of the file."""


class Purse:
    """A pool for one process alone.

    Parameters
    ----------
    limit : Amount
    """

    def __init__(self, limit: Amount) -> None:
        self._limit = limit
        self._spent = Amount()

    def lease(self, kept: Amount, spent: Amount, need: Amount) -> Amount | None:
        """See `Pool.lease`."""
        self._spent += spent
        left = self._limit - self._spent - kept
        if left.covers(need):
            return need
        if kept:
            return None
        raise UsedUp(left)

    def give_back(self, kept: Amount, spent: Amount) -> None:
        """See `Pool.give_back`."""
        self._spent += spent

    def is_waited_for(self) -> bool:
        """See `Pool.is_waited_for`."""
        return False

    def totals(self) -> Totals:
        """See `Pool.totals`."""
        return Totals(self._spent)

    def close(self) -> None:
        """See `Pool.close`."""
