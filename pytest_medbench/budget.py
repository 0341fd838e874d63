"""What a run may spend: requests, money, time; shared exactly by the processes of one run."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_medbench.errors import ConfigError
from pytest_medbench.exchange import Response
from pytest_medbench.ledger import Ledger
from pytest_medbench.limits import Spent
from pytest_medbench.pools import Amount, LedgerError, Pool, Purse, Totals, UsedUp
from pytest_medbench.price import DOLLAR, Price, in_units, shown_usd
from pytest_medbench.shares import even_part
from pytest_medbench.tokens import most_input_tokens, most_output_tokens

_NO_LIMIT = 1 << 62
_KEPT = "what was answered is kept: start the same command again"


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run has cost.

    Parameters
    ----------
    requests : int
        Sent, tries without a response among them.
    usd : float
        By the price and the tokens that the responses report.
    lost_requests, lost_usd
        What processes that were killed had set aside; it counts as spent.
    """

    requests: int
    usd: float
    lost_requests: int
    lost_usd: float


@dataclass(slots=True, eq=False)
class _Ticket:
    """Leave to send one request: what is set aside, and the most it should cost."""

    bound: Amount
    most: int
    settled: bool = False


class Budget:
    """An `Allowance` of requests, of money, and of time.

    Before each try the most it can cost is set aside, and replaced by what it did cost once its
    response is there, so that what the responses report never adds up to more than the budget.
    The most is as many input tokens as the messages have bytes in UTF-8, with something for the
    template, and `max_tokens` output tokens, 4,096 where the request sets none. Where a response
    reports more than that, as servers do that count tokens of reasoning or of large images in
    their own way, that is booked, and what follows is set aside in the same proportion.

    A response that reports no tokens costs what was set aside for it. A try without a response
    costs a request and no money: 429 and 5xx, of which a busy server sends thousands, are not
    billed, and nothing tells them from a request that a server answered too late and did bill.

    Parameters
    ----------
    max_requests : int or None
        The most requests that are sent, retries among them.
    usd : float or None
        The most that is spent, in US dollars.
    price : Price or None
        What tokens cost; needed for `usd`.
    seconds : float or None
        From now on, after which nothing more is sent.
    ledger : Path or None
        The file that the processes of a run share, in a folder they all see. What it holds of
        an earlier start of the run counts. None for a process that cannot see it, or is alone.
    share : (int, int)
        Which process this is, from 0, and how many there are. Without a ledger it may spend an
        even part; one with a number too many, which replaces one that was killed, may spend none.
    clock : callable
        Gives seconds, and never goes back.

    Raises
    ------
    ConfigError
        If dollars are limited and the price is not known.
    """

    def __init__(
        self,
        *,
        max_requests: int | None = None,
        usd: float | None = None,
        price: Price | None = None,
        seconds: float | None = None,
        ledger: Path | None = None,
        share: tuple[int, int] = (0, 1),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if usd is not None and price is None:
            raise ConfigError("--medbench-budget-usd needs the model's price")
        self._max_requests = max_requests
        self._usd = usd
        self._price = price or Price(0.0, 0.0)
        self._seconds = seconds
        self._clock = clock
        self._until = None if seconds is None else clock() + seconds
        self._pool = _pool(max_requests, usd, ledger, share)
        self._lock = threading.Lock()
        self._surplus = Amount()
        self._reserved = Amount()
        self._unbooked = Amount()
        self._worst = 1.0
        self._over: str | None = None

    def reserve(self, wire: Mapping[str, Any]) -> object | None:
        """Set aside the most that one try of a request can cost.

        Returns
        -------
        object or None
            A ticket for `settle`; None where it does not fit now, and may when something settles
            that is in flight here or in another process.

        Raises
        ------
        Spent
            When nothing more may be sent.
        """
        with self._lock:
            if self._over is None and self._until is not None and self._clock() >= self._until:
                self._over = self._why_deadline()
            if self._over is not None:
                raise Spent(self._over)
            most = self._most(wire)
            need = Amount(1, most if self._worst == 1.0 else int(most * self._worst) + 1)
            if not self._surplus.covers(need) and not self._lease(need):
                return None
            self._surplus -= need
            self._reserved += need
            return _Ticket(need, most)

    def _most(self, wire: Mapping[str, Any]) -> int:
        if self._usd is None:
            return 0
        return self._price.cost(most_input_tokens(wire), most_output_tokens(wire)[0])

    def _lease(self, need: Amount) -> bool:
        try:
            granted = self._pool.lease(self._reserved, self._unbooked, need)
        except UsedUp as used_up:
            self._unbooked = Amount()
            self._over = self._why_used_up(need, used_up.left)
            raise Spent(self._over) from None
        except LedgerError as error:
            self._over = f"{error}; {_KEPT} once that is mended"
            raise Spent(self._over) from None
        self._unbooked = Amount()
        self._surplus = granted or Amount()
        return granted is not None

    def settle(self, ticket: object, response: Response | None) -> None:
        """Replace what was set aside by what the try did cost.

        Parameters
        ----------
        ticket : object
            From `reserve`; one that was settled before is left alone.
        response : Response or None
            None where no response came.
        """
        assert isinstance(ticket, _Ticket)
        with self._lock:
            if ticket.settled:
                return
            ticket.settled = True
            cost = self._cost(ticket, response)
            self._reserved -= ticket.bound
            self._unbooked += Amount(1, cost)
            over = ticket.bound.money - cost
            self._surplus += Amount(0, max(over, -self._surplus.money))
            if not self._reserved or self._is_waited_for():
                self._give_back()

    def _cost(self, ticket: _Ticket, response: Response | None) -> int:
        if response is None:
            return 0
        if self._usd is not None and not response.input_tokens and not response.output_tokens:
            return ticket.bound.money
        cost = self._price.cost(response.input_tokens, response.output_tokens)
        if ticket.most:
            self._worst = max(self._worst, cost / ticket.most)
        return cost

    def _is_waited_for(self) -> bool:
        with contextlib.suppress(OSError):
            return self._pool.is_waited_for()
        return False

    def _give_back(self) -> None:
        # Where the file cannot be written the amounts stay held, and the next `reserve` says so.
        with contextlib.suppress(LedgerError):
            self._pool.give_back(self._reserved, self._unbooked)
            self._surplus = self._unbooked = Amount()

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the deadline, 0 after it; None without one."""
        return None if self._until is None else max(0.0, self._until - self._clock())

    def spending(self) -> Spending:
        """Give what all processes of the run have booked, and this one has spent."""
        with self._lock:
            totals = self._totals()
        return Spending(
            totals.spent.requests,
            totals.spent.money / DOLLAR,
            totals.lost.requests,
            totals.lost.money / DOLLAR,
        )

    def close(self) -> None:
        """Return what is left; what was not settled counts as spent."""
        with self._lock:
            self._unbooked += self._reserved
            self._reserved = Amount()
            self._give_back()
            self._pool.close()

    def _totals(self) -> Totals:
        try:
            booked = self._pool.totals()
        except LedgerError:
            booked = Totals()
        return Totals(booked.spent + self._unbooked, booked.lost)

    def _why_used_up(self, need: Amount, left: Amount) -> str:
        totals = self._totals()
        used = totals.spent + totals.lost
        lost = _lost(totals.lost)
        if left.requests < need.requests:
            what, flag = f"{self._max_requests:,} requests are sent", "--medbench-max-requests"
            figures = f"{shown_usd(used.money)} USD" if self._usd is not None else ""
        else:
            budget = shown_usd(in_units(self._usd or 0.0))
            what, flag = f"the budget of {budget} USD is spent", "--medbench-budget-usd"
            figures = (
                f"{shown_usd(used.money)} USD, {used.requests:,} requests; the next one may cost "
                f"up to {shown_usd(need.money)} USD"
            )
        told = "; ".join(part for part in (figures, lost) if part)
        return f"{what}{f' ({told})' if told else ''}; {_KEPT} with a larger {flag} to go on"

    def _why_deadline(self) -> str:
        return (
            f"the time of {self._seconds:,.0f} s that --medbench-deadline gives is over; {_KEPT} "
            "to go on"
        )


def _lost(lost: Amount) -> str:
    if not lost:
        return ""
    money = f"{shown_usd(lost.money)} USD" if lost.money else f"{lost.requests:,} requests"
    return f"{money} of it held by processes that were killed"


def _pool(
    max_requests: int | None, usd: float | None, ledger: Path | None, share: tuple[int, int]
) -> Pool:
    number, workers = share
    requests = _NO_LIMIT if max_requests is None else max_requests
    money = _NO_LIMIT if usd is None else in_units(usd)
    if max_requests is None and usd is None:
        return Purse(Amount(requests, money))
    if ledger is not None:
        return Ledger(ledger, Amount(requests, money), workers)
    return Purse(Amount(even_part(requests, number, workers), even_part(money, number, workers)))
