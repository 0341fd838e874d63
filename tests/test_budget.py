"""A budget is never exceeded, never stops a run too early, and is shared exactly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spenders import PRICE, asking, reporting, spend

from pytest_medbench.budget import Budget
from pytest_medbench.errors import ConfigError
from pytest_medbench.limits import Spent
from pytest_medbench.price import DOLLAR, Price
from pytest_medbench.shares import even_part, split_concurrency, split_rate
from pytest_medbench.tokens import most_input_tokens

# What is set aside for one request.
MOST = PRICE.cost(most_input_tokens(asking()), 100)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def why(budget: Budget, wire: dict[str, Any] | None = None) -> str:
    with pytest.raises(Spent) as caught:
        budget.reserve(wire or asking())
    return str(caught.value)


def send(budget: Budget, read: int = 10, written: int = 1) -> None:
    ticket = budget.reserve(asking())
    assert ticket is not None
    budget.settle(ticket, reporting(read, written))


class TestRequests:
    def test_no_more_than_the_limit_are_sent(self) -> None:
        budget = Budget(max_requests=3)
        for _ in range(3):
            send(budget)
        assert why(budget) == (
            "3 requests are sent; what was answered is kept: start the same command again with a "
            "larger --medbench-max-requests to go on"
        )
        assert why(budget) == why(budget)

    def test_a_try_without_a_response_counts(self) -> None:
        budget = Budget(max_requests=1)
        budget.settle(budget.reserve(asking()), None)
        assert "1 requests are sent" in why(budget)

    def test_what_is_in_flight_is_waited_for(self) -> None:
        budget = Budget(max_requests=1)
        ticket = budget.reserve(asking())
        assert budget.reserve(asking()) is None
        budget.settle(ticket, reporting(1, 1))
        assert "requests are sent" in why(budget)

    def test_without_limits_everything_may_be_sent(self) -> None:
        budget = Budget()
        for _ in range(1000):
            send(budget)
        assert budget.spending().requests == 1000
        assert budget.seconds_left is None

    def test_money_is_counted_where_only_requests_are_limited(self) -> None:
        budget = Budget(max_requests=10, price=PRICE)
        send(budget, 1_000_000, 1_000_000)
        assert budget.spending().usd == 12.5


class TestMoney:
    def test_the_most_is_set_aside_and_what_it_cost_is_booked(self) -> None:
        budget = Budget(usd=2 * MOST / DOLLAR, price=PRICE)
        first, second = budget.reserve(asking()), budget.reserve(asking())
        assert first is not None
        assert second is not None
        assert budget.reserve(asking()) is None
        budget.settle(first, reporting(10, 1))
        assert budget.reserve(asking()) is None
        budget.settle(second, reporting(10, 1))
        assert budget.reserve(asking()) is not None

    def test_the_reason_tells_the_sums(self) -> None:
        budget = Budget(usd=5.0, price=PRICE)
        wire = asking("?", 20_000)
        for _ in range(24):
            budget.settle(budget.reserve(wire), reporting(400, 20_000))
        assert why(budget, wire) == (
            "the budget of 5.00 USD is spent (4.82 USD, 24 requests; the next one may cost up to "
            "0.20 USD); what was answered is kept: start the same command again with a larger "
            "--medbench-budget-usd to go on"
        )

    def test_a_try_without_a_response_costs_nothing(self) -> None:
        budget = Budget(usd=MOST / DOLLAR, price=PRICE)
        for _ in range(5):
            budget.settle(budget.reserve(asking()), None)
        assert budget.spending().usd == 0
        assert budget.spending().requests == 5

    def test_a_response_that_reports_no_tokens_costs_the_most(self) -> None:
        budget = Budget(usd=2 * MOST / DOLLAR, price=PRICE)
        send(budget, 0, 0)
        send(budget, 0, 0)
        assert "is spent" in why(budget)

    def test_a_request_without_a_limit_of_its_own_is_taken_for_4096_tokens(self) -> None:
        most = PRICE.cost(most_input_tokens(asking()), 4096)
        assert Budget(usd=most / DOLLAR, price=PRICE).reserve(asking(most=None)) is not None
        assert "is spent" in why(Budget(usd=most / DOLLAR - 1e-6, price=PRICE), asking(most=None))

    def test_a_server_that_reports_more_than_the_most_is_believed_from_then_on(self) -> None:
        budget = Budget(usd=10 * MOST / DOLLAR, price=PRICE)
        ticket = budget.reserve(asking())
        budget.settle(ticket, reporting(most_input_tokens(asking()) * 4, 400))
        assert budget.spending().usd == 4 * MOST / DOLLAR
        assert budget.reserve(asking()) is not None
        assert budget.reserve(asking()) is None, "two would cost 8 of the 6 that are left"

    def test_many_that_report_more_at_once_raise_the_most_only_once(self) -> None:
        budget = Budget(usd=100 * MOST / DOLLAR, price=PRICE)
        tickets = [budget.reserve(asking()) for _ in range(20)]
        for ticket in tickets:
            budget.settle(ticket, reporting(2 * most_input_tokens(asking()), 200))
        assert budget.reserve(asking()) is not None

    def test_a_ticket_is_settled_once(self) -> None:
        budget = Budget(usd=1.0, price=PRICE)
        ticket = budget.reserve(asking())
        budget.settle(ticket, reporting(1000, 0))
        budget.settle(ticket, reporting(1000, 0))
        assert budget.spending().requests == 1
        assert budget.spending().usd == pytest.approx(0.0025)

    def test_a_request_that_costs_more_than_all_is_not_sent(self) -> None:
        assert "(0.00 USD, 0 requests; the next one may cost up to" in why(
            Budget(usd=0.01, price=PRICE), asking(most=1_000_000)
        )

    def test_a_free_model_is_never_stopped(self) -> None:
        budget = Budget(usd=0.0, price=Price(0.0, 0.0))
        for _ in range(100):
            send(budget)

    def test_dollars_need_a_price(self) -> None:
        with pytest.raises(ConfigError, match="needs the model's price"):
            Budget(usd=1.0)


class TestDeadline:
    def test_nothing_is_sent_after_it(self) -> None:
        clock = Clock()
        budget = Budget(seconds=7200, clock=clock)
        clock.now += 7199.0
        ticket = budget.reserve(asking())
        assert budget.seconds_left == 1.0
        clock.now += 1.0
        assert why(budget) == (
            "the time of 7,200 s that --medbench-deadline gives is over; what was answered is "
            "kept: start the same command again to go on"
        )
        assert budget.seconds_left == 0.0
        budget.settle(ticket, reporting(1, 1))

    def test_a_reason_once_given_stays(self) -> None:
        clock = Clock()
        budget = Budget(seconds=10, max_requests=1, clock=clock)
        send(budget)
        first = why(budget)
        clock.now += 10.0
        assert why(budget) == first


class TestFixedShares:
    @given(whole=st.integers(0, 10**15), parts=st.integers(1, 40))
    def test_parts_add_up_to_the_whole(self, whole: int, parts: int) -> None:
        cut = [even_part(whole, number, parts) for number in range(parts)]
        assert sum(cut) == whole
        assert max(cut) - min(cut) <= 1
        assert even_part(whole, parts, parts) == 0

    def test_each_machine_gets_its_part_and_a_replacement_none(self) -> None:
        sent = [
            spend(Budget(max_requests=10, share=(number, 3)), window=2, seed=number)["requests"]
            for number in range(4)
        ]
        assert sent == [3, 3, 4, 0]

    @given(limit=st.integers(1, 500), workers=st.integers(1, 64))
    def test_concurrency_adds_up_to_the_limit(self, limit: int, workers: int) -> None:
        cut = [split_concurrency(limit, workers, index) for index in range(workers)]
        assert min(cut) >= 1
        assert sum(cut) == max(limit, workers)
        assert split_concurrency(limit, workers, workers) == cut[0]

    def test_a_rate_is_split_evenly(self) -> None:
        assert split_rate(600, 4) == 150.0
