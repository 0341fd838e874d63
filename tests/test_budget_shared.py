"""One budget for several processes: shared exactly, also when one of them is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spenders import PRICE, asking, reporting, spend

from pytest_medbench.budget import Budget
from pytest_medbench.ledger import LEASE, Ledger
from pytest_medbench.limits import Spent
from pytest_medbench.pools import Amount
from pytest_medbench.price import DOLLAR
from pytest_medbench.tokens import most_input_tokens

SPENDERS = Path(__file__).with_name("spenders.py")


def why(budget: Budget, wire: dict[str, Any] | None = None) -> str:
    with pytest.raises(Spent) as caught:
        budget.reserve(wire or asking())
    return str(caught.value)


def send(budget: Budget, read: int = 10, written: int = 1) -> None:
    ticket = budget.reserve(asking())
    assert ticket is not None
    budget.settle(ticket, reporting(read, written))


LIMITS = st.sampled_from([{"max_requests": 7}, {"max_requests": 400}, {"usd": 0.02}, {"usd": 1.0}])
STEPS = st.lists(
    st.tuples(st.sampled_from("rrrrsxc"), st.integers(0, 2), st.integers(0, 300)), max_size=120
)


class Processes:
    """Several budgets on one ledger, each as a process of its own would have it."""

    def __init__(self, folder: Path, limits: dict[str, Any]) -> None:
        self.limits = limits
        self.make: Callable[[int], Budget] = lambda number: Budget(
            **limits, price=PRICE, ledger=folder / "budget.json", share=(number, 3)
        )
        self.budgets = {number: self.make(number) for number in range(3)}
        self.flying: dict[int, list[tuple[object, int]]] = {number: [] for number in range(3)}
        self.refused: set[int] = set()
        self.requests = 0
        self.money = 0

    def step(self, kind: str, number: int, size: int) -> None:
        if kind == "r":
            self.reserve(number, size)
        elif kind == "s" and self.flying[number]:
            self.settle(number, size)
        elif kind == "x":
            self.kill(number)
        elif kind == "c":
            self.close(number)

    def reserve(self, number: int, size: int) -> bool:
        wire = asking("é" * size, 50)
        try:
            ticket = self.budgets[number].reserve(wire)
        except Spent:
            assert number in self.refused or not any(self.flying.values()), "stopped too early"
            self.refused.add(number)
            return False
        if ticket is None:
            assert any(self.flying.values()), "waits for nothing"
            return False
        self.flying[number].append((ticket, most_input_tokens(wire)))
        self.requests += 1
        return True

    def settle(self, number: int, size: int) -> None:
        ticket, most = self.flying[number].pop(size % len(self.flying[number]))
        if size % 7 == 0:
            self.budgets[number].settle(ticket, None)
            return
        read, written = 1 + size % most, size % 51
        self.budgets[number].settle(ticket, reporting(read, written))
        self.money += PRICE.cost(read, written)

    def kill(self, number: int) -> None:
        """Let go of the files as the end of a process does, and start another in its place."""
        pool = self.budgets[number]._pool
        assert isinstance(pool, Ledger)
        for fd in (pool._fd, pool._life):
            if fd is not None:
                os.close(fd)
        pool._fd = pool._life = None
        self.replace(number)

    def close(self, number: int) -> None:
        self.budgets[number].close()
        self.replace(number)

    def replace(self, number: int) -> None:
        self.flying[number].clear()
        self.refused.discard(number)
        self.budgets[number] = self.make(number)

    def check(self) -> None:
        assert self.requests <= self.limits.get("max_requests", self.requests)
        assert self.money <= self.limits.get("usd", 1e9) * DOLLAR


class TestSharedByProcesses:
    @settings(max_examples=150)
    @given(limits=LIMITS, steps=STEPS)
    @example(limits={"max_requests": 7}, steps=[("r", 0, 1), ("x", 0, 0), ("r", 1, 0)])
    def test_no_schedule_exceeds_it_or_waits_for_nothing(
        self, limits: dict[str, Any], steps: list[tuple[str, int, int]]
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            processes = Processes(Path(folder), limits)
            for step in steps:
                processes.step(*step)
                processes.check()
            for number in range(3):
                processes.close(number)
            # A file beside the ledger stands for a process that was killed, until it is noticed.
            killed = sum(kind == "x" for kind, _, _ in steps)
            assert len(list(Path(folder).iterdir())) <= 1 + killed

    @settings(max_examples=50)
    @given(
        limit=st.integers(0, 600),
        steps=st.lists(st.tuples(st.sampled_from("rrs"), st.integers(0, 2), st.integers(0, 300))),
    )
    def test_the_last_request_can_be_sent_by_any_of_them(
        self, limit: int, steps: list[tuple[str, int, int]]
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            processes = Processes(Path(folder), {"max_requests": limit})
            for step in steps:
                processes.step(*step)
            for number, flying in processes.flying.items():
                while flying:
                    processes.settle(number, 1)
            while processes.reserve(1, 1):
                processes.settle(1, 1)
            assert processes.requests == limit
            for budget in processes.budgets.values():
                budget.close()

    def test_a_surplus_is_given_to_who_waits_for_it(self, tmp_path: Path) -> None:
        processes = Processes(tmp_path, {"max_requests": 48})
        assert processes.reserve(0, 1), "which takes a twelfth, more than it needs"
        assert processes.reserve(0, 1)
        while processes.reserve(1, 1):
            pass
        assert processes.requests == 2 + 48 - 4
        processes.settle(0, 1)
        assert processes.reserve(1, 1), "though the other one still waits for an answer"
        for budget in processes.budgets.values():
            budget.close()

    def test_while_one_waits_the_others_take_no_more_than_they_need(self, tmp_path: Path) -> None:
        ledger = tmp_path / "budget.json"
        first, second = (Ledger(ledger, Amount(1000, 1000), 1) for _ in range(2))
        assert first.lease(Amount(), Amount(), Amount(1, 10)) == Amount(64, 250)
        assert second.lease(Amount(), Amount(), Amount(1, 900)) is None
        assert first.is_waited_for()
        first.give_back(Amount(1, 10), Amount())
        assert first.lease(Amount(1, 10), Amount(), Amount(1, 10)) == Amount(1, 10)
        second.close()
        assert not first.is_waited_for()
        assert first.lease(Amount(2, 20), Amount(), Amount(1, 10)) == Amount(64, 245)
        first.close()

    def test_what_was_not_settled_counts_as_spent(self, tmp_path: Path) -> None:
        budget = Budget(max_requests=3, ledger=tmp_path / "budget.json")
        assert budget.reserve(asking()) is not None
        budget.close()
        again = Budget(max_requests=3, ledger=tmp_path / "budget.json")
        assert spend(again, window=1, seed=1)["requests"] == 2
        again.close()

    def test_the_file_is_not_touched_for_each_request(self, tmp_path: Path) -> None:
        ledger = tmp_path / "budget.json"
        budget = Budget(max_requests=100_000, price=PRICE, ledger=ledger, share=(0, 2))
        held = budget.reserve(asking())
        before = ledger.stat().st_mtime_ns
        for _ in range(LEASE - 1):
            send(budget)
        assert ledger.stat().st_mtime_ns == before
        budget.settle(held, None)
        budget.close()
        assert ledger.stat().st_mtime_ns > before

    def test_what_a_killed_process_held_counts_as_spent(self, tmp_path: Path) -> None:
        processes = Processes(tmp_path, {"max_requests": 24})
        assert processes.reserve(0, 1)
        processes.kill(0)
        while processes.reserve(1, 1):
            processes.settle(1, 1)
        assert processes.requests == 1 + 24 - 2, "a twelfth of 24 was held"
        assert why(processes.budgets[1]).startswith(
            "24 requests are sent (2 requests of it held by processes that were killed)"
        )
        spending = processes.budgets[1].spending()
        assert (spending.requests, spending.lost_requests) == (22, 2)
        for budget in processes.budgets.values():
            budget.close()
        assert [path.name for path in tmp_path.iterdir()] == ["budget.json"]

    def test_an_earlier_start_of_the_run_counts(self, tmp_path: Path) -> None:
        for limit, sent in ((10, 10), (10, 0), (14, 4)):
            budget = Budget(max_requests=limit, ledger=tmp_path / "budget.json")
            assert spend(budget, window=3, seed=1)["requests"] == sent
            budget.close()

    @pytest.mark.parametrize("content", ["{", "no ledger at all", ' {"format": 2}', " []"])
    def test_a_file_that_is_no_ledger_stops_the_run(self, tmp_path: Path, content: str) -> None:
        ledger = tmp_path / "budget.json"
        ledger.write_text(content, encoding="utf-8")
        budget = Budget(max_requests=10, ledger=ledger)
        assert f"{ledger}: is no ledger of a budget" in why(budget)
        budget.close()
        assert ledger.read_text(encoding="utf-8") == content

    def test_a_ledger_that_cannot_be_written_stops_the_run(self, tmp_path: Path) -> None:
        budget = Budget(max_requests=10, ledger=tmp_path / "gone" / "budget.json")
        assert "cannot be written: No such file or directory" in why(budget)
        budget.close()


def started(ledger: Path, limits: dict[str, Any], number: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SPENDERS), str(ledger), json.dumps(limits), str(number), "3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


class TestRealProcesses:
    @pytest.mark.parametrize("limits", [{"max_requests": 3000}, {"usd": 0.5}], ids=str)
    def test_three_spend_one_budget_while_one_is_killed(
        self, tmp_path: Path, limits: dict[str, Any]
    ) -> None:
        ledger = tmp_path / "budget.json"
        held = started(ledger, limits, -1)
        assert held.stdout is not None
        assert held.stdout.readline() == "holding\n"
        spending = [started(ledger, limits, number) for number in range(3)]
        for process in spending:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in spending:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        held.kill()
        held.communicate(timeout=60)
        sums = [json.loads(process.communicate(timeout=60)[0]) for process in spending]
        assert all(process.returncode == 0 for process in spending)
        requests = sum(each["requests"] for each in sums)
        money = sum(each["money"] for each in sums)
        books = json.loads(ledger.read_text(encoding="utf-8")[1:])
        assert books["spent"] == [requests, money]
        assert books["held"] == {}
        if "usd" in limits:
            used = money + books["lost"][1]
            assert 0.98 * limits["usd"] * DOLLAR < used <= limits["usd"] * DOLLAR
        else:
            assert requests == 3000 - books["lost"][0]
            assert 0 < books["lost"][0] <= LEASE
