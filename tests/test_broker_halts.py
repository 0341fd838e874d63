"""The broker that is told to stop, or may spend no more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from brokers import (
    BUSY,
    FakeModel,
    asking,
    kept_in,
    question,
    reason,
    running,
    served,
    take,
    text,
)
from loopback import CONTENT_FILTER, LoopbackServer, Reply, error_reply

from pytest_medbench.cache import Mode
from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.jobs import STOPPED
from pytest_medbench.limits import Backoff, Spent
from pytest_medbench.models import ModelError

WHY = "interrupted"
ANSWERED = [{"role": "user", "content": "first"}]


def halted(tries: int = 0) -> Failure:
    return Failure(WHY, tries, stopped=True)


class TestHalt:
    def test_what_is_queued_ends_at_once_and_what_is_in_flight_may_arrive(
        self, tmp_path: Path
    ) -> None:
        with LoopbackServer(Reply(stall=True)) as server:
            with running(tmp_path, served(server), concurrency=2) as broker:
                broker.submit_many([(n, question(n)) for n in range(9)])
                server.wait_for(2)
                assert broker.stopped is None
                broker.halt(WHY, grace=30.0)
                assert broker.stopped == WHY
                assert [take(broker, n) for n in range(2, 9)] == [halted()] * 7
                assert broker.backlog == 2
                server.release()
                assert [text(take(broker, n)) for n in range(2)] == ["A"] * 2
                assert len(server.requests) == 2
            with running(tmp_path, served(server)) as broker:
                broker.submit_many([(0, question(0))])
                assert take(broker, 0).tries == 0

    def test_what_does_not_arrive_within_the_grace_ends_too(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([("a", question())])
            server.wait_for(1)
            broker.halt(WHY, grace=0.1)
            assert take(broker, "a") == halted(1)

    def test_second_halt_cuts_the_grace_and_leaves_the_reason(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([("a", question())])
            server.wait_for(1)
            broker.halt(WHY, grace=3600.0)
            broker.halt("again", grace=0.0)
            assert take(broker, "a") == halted(1)
            assert broker.stopped == WHY

    def test_what_waits_for_another_try_ends_at_once(self, tmp_path: Path) -> None:
        failed = threading.Event()
        with (
            LoopbackServer(BUSY) as server,
            running(
                tmp_path,
                served(server),
                backoff=Backoff(base=3600.0, uniform=lambda low, high: high),
                deadline=1e6,
                on_event=lambda kind, said: failed.set(),
            ) as broker,
        ):
            broker.submit_many([("a", question())])
            assert failed.wait(30)
            broker.halt(WHY, grace=30.0)
            assert take(broker, "a") == halted(1)

    def test_try_that_fails_in_the_grace_is_no_fault_of_its_item(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(status=503, stall=True, body={})) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([("a", question())])
            server.wait_for(1)
            broker.halt(WHY, grace=30.0)
            server.release()
            assert take(broker, "a") == halted(1)

    def test_item_that_is_refused_in_the_grace_is_an_error_of_its_own(self, tmp_path: Path) -> None:
        refusal = error_reply(400, message="too long")
        with (
            LoopbackServer(Reply(status=400, body=refusal.body, stall=True)) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([("a", question())])
            server.wait_for(1)
            broker.halt(WHY, grace=30.0)
            server.release()
            result = take(broker, "a")
            assert result == Failure(reason(result), 1, stopped=False)
            assert "too long" in reason(result)

    def test_stored_answers_are_still_served_and_misses_end_at_once(self, tmp_path: Path) -> None:
        with LoopbackServer() as server, running(tmp_path, served(server)) as broker:
            broker.submit_many([("a", question("a"))])
            text(take(broker, "a"))
            broker.halt(WHY, grace=0.0)
            broker._thread.join(30)
            broker.submit_many([(key, question(key)) for key in "ab"])
            assert (take(broker, "a").tries, take(broker, "b")) == (0, halted())

    def test_miss_leaves_what_is_in_flight_alone(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([("a", question("a"))])
            server.wait_for(1)
            broker.halt(WHY, grace=30.0)
            broker.submit_many([("b", question("b"))])
            assert take(broker, "b") == halted()
            server.release()
            assert text(take(broker, "a")) == "A"

    def test_halt_before_the_model_has_started_ends_the_start(self, tmp_path: Path) -> None:
        class Never(FakeModel):
            async def start(self) -> None:
                await asyncio.Event().wait()

        with running(tmp_path, Never()) as broker:
            broker.halt(WHY, grace=30.0)
            with pytest.raises(ModelError, match=WHY):
                broker.wait_ready()

    def test_close_after_it_waits_for_its_grace(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([("a", question())])
            server.wait_for(1)
            broker.halt(WHY, grace=30.0)
            threading.Timer(0.1, server.release).start()
            broker.close(grace=0.0)
            assert text(take(broker, "a")) == "A"
            assert broker.stopped == WHY

    def test_from_many_threads_at_once_one_reason_counts(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(100)])
            threads = [
                threading.Thread(target=broker.halt, args=(f"thread {n}", 0.0)) for n in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert {reason(take(broker, n)) for n in range(100)} == {broker.stopped}

    def test_closed_broker_says_that_it_stopped(self, tmp_path: Path) -> None:
        with running(tmp_path, FakeModel()) as broker:
            broker.wait_ready()
        assert broker.stopped == STOPPED


class Tickets:
    """An allowance of so many requests, and so many at once."""

    def __init__(self, total: int, at_once: int = 1000) -> None:
        self.total = total
        self.at_once = at_once
        self.out: dict[object, Mapping[str, Any]] = {}
        self.settled: list[Response | None] = []
        self.most = 0

    def reserve(self, wire: Mapping[str, Any]) -> object | None:
        if len(self.settled) + len(self.out) >= self.total:
            raise Spent(f"{self.total} requests were sent")
        if len(self.out) >= self.at_once:
            return None
        ticket = object()
        self.out[ticket] = wire
        self.most = max(self.most, len(self.out))
        return ticket

    def settle(self, ticket: object, response: Response | None) -> None:
        del self.out[ticket]
        self.settled.append(response)


class TestAllowance:
    def test_broker_halts_when_it_is_spent_and_keeps_what_is_paid_for(self, tmp_path: Path) -> None:
        tickets = Tickets(5)
        with LoopbackServer(delay=0.05) as server:
            with running(tmp_path, served(server), allowance=tickets) as broker:
                broker.submit_many([(n, question(n)) for n in range(20)])
                results = [take(broker, n) for n in range(20)]
                assert [text(result) for result in results[:5]] == ["A"] * 5
                spent = Failure("5 requests were sent", 0, stopped=True)
                assert results[5:] == [spent] * 15
                assert broker.stopped == spent.reason
            assert len(server.requests) == 5
        assert (len(tickets.settled), tickets.out) == (5, {})

    def test_it_may_hold_requests_back(self, tmp_path: Path) -> None:
        tickets = Tickets(100, at_once=2)
        with (
            LoopbackServer(delay=0.01) as server,
            running(tmp_path, served(server), allowance=tickets) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(20)])
            assert [text(take(broker, n)) for n in range(20)] == ["A"] * 20
            assert (tickets.most, server.max_in_flight) == (2, 2)

    def test_it_is_asked_again_after_others_have_spent(self, tmp_path: Path) -> None:
        class Elsewhere(Tickets):
            refusals = 3

            def reserve(self, wire: Mapping[str, Any]) -> object | None:
                self.refusals -= 1
                return None if self.refusals >= 0 else super().reserve(wire)

        with (
            LoopbackServer() as server,
            running(tmp_path, served(server), allowance=Elsewhere(9)) as broker,
        ):
            broker.submit_many([("a", question())])
            assert text(take(broker, "a")) == "A"

    def test_each_try_has_a_ticket_of_its_own_and_the_whole_request(self, tmp_path: Path) -> None:
        tickets = Tickets(9)
        script = [BUSY, Reply("A" * 99, cut=True), CONTENT_FILTER]
        with (
            LoopbackServer(script=script) as server,
            running(tmp_path, served(server), allowance=tickets) as broker,
        ):
            seen: list[Mapping[str, Any]] = []
            reserve = tickets.reserve
            tickets.reserve = lambda wire: seen.append(wire) or reserve(wire)  # type: ignore[func-returns-value]
            broker.submit_many([("a", question("first"))])
            result = take(broker, "a")
            assert result.tries == 3
            assert [wire["messages"] for wire in seen] == [ANSWERED] * 3
        assert [one and one.finish_reason for one in tickets.settled] == [
            None,
            None,
            "content_filter",
        ]

    def test_tickets_of_what_was_cut_off_are_settled(self, tmp_path: Path) -> None:
        tickets = Tickets(9)
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server), allowance=tickets) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(3)])
            server.wait_for(3)
        assert (tickets.settled, tickets.out) == ([None] * 3, {})

    def test_stored_answers_need_none(self, tmp_path: Path) -> None:
        with LoopbackServer() as server, running(tmp_path, served(server)) as broker:
            broker.submit_many([("a", question())])
            text(take(broker, "a"))
            with running(tmp_path, served(server), allowance=Tickets(0)) as other:
                other.submit_many([("a", question())])
                assert take(other, "a").tries == 0
                assert other.stopped is None

    def test_defect_of_an_allowance_hangs_nobody(self, tmp_path: Path) -> None:
        class Defective(Tickets):
            def settle(self, ticket: object, response: Response | None) -> None:
                raise RuntimeError("off by a cent")

        with running(tmp_path, FakeModel(), allowance=Defective(9), concurrency=1) as broker:
            broker.submit_many([(n, question(n)) for n in range(9)])
            results = [take(broker, n) for n in range(9)]
            assert "off by a cent" in reason(results[-1])
            assert broker.stopped == reason(results[-1])


class Unnamed(FakeModel):
    """A model that says nothing about which version it is."""

    cacheable = False

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append(request.item)
        return Response("A")


class TestResumed:
    @pytest.mark.parametrize("mode", list(Mode))
    def test_answers_of_a_model_without_fingerprint_are_found_again(
        self, tmp_path: Path, mode: Mode
    ) -> None:
        model = Unnamed()
        for resumed, tries in ((False, 1), (True, 0), (False, 1)):
            with (
                kept_in(tmp_path, mode, resumed=resumed) as store,
                asking(model, store) as broker,
            ):
                broker.submit_many([("a", question())])
                assert take(broker, "a").tries == tries
        assert len(model.asked) == 2
