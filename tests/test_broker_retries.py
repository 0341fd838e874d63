"""The broker: tries, waits, and how much a server bears."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from brokers import (
    BUSY,
    TOO_MANY,
    FakeModel,
    question,
    reason,
    running,
    served,
    take,
    text,
)
from hypothesis import given
from hypothesis import strategies as st
from loopback import CONTENT_FILTER, LoopbackServer, Reply, error_reply

from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.limits import AdaptiveLimit, Backoff, Pace


class TestRetries:
    def ask(self, folder: Path, *script: str | Reply, **more: Any) -> Response | Failure:
        with LoopbackServer(script=script) as server, running(folder, served(server), **more) as b:
            b.submit_many([("a", question())])
            return take(b, "a")

    def test_passing_troubles_are_survived_and_counted(self, tmp_path: Path) -> None:
        result = self.ask(
            tmp_path, BUSY, TOO_MANY, Reply("A" * 99, cut=True), Reply(body="<html>"), "B"
        )
        assert isinstance(result, Response)
        assert (result.text, result.tries) == ("B", 5)

    def test_it_gives_up_after_so_many_tries(self, tmp_path: Path) -> None:
        result = self.ask(tmp_path, BUSY, BUSY, BUSY, max_tries=3)
        assert isinstance(result, Failure)
        assert result.tries == 3
        assert "busy (gave up after 3 tries)" in result.reason

    def test_lasting_trouble_is_tried_once(self, tmp_path: Path) -> None:
        result = self.ask(tmp_path, error_reply(400, message="bad request"))
        assert isinstance(result, Failure)
        assert (result.tries, "bad request" in result.reason) == (1, True)

    def test_content_filter_is_a_response_and_tried_once(self, tmp_path: Path) -> None:
        result = self.ask(tmp_path, CONTENT_FILTER)
        assert isinstance(result, Response)
        assert (result.finish_reason, result.tries) == ("content_filter", 1)

    def test_stalled_request_is_sent_again(self, tmp_path: Path) -> None:
        result = self.ask(tmp_path, Reply(stall=True), "B", request_timeout=0.3)
        assert isinstance(result, Response)
        assert (result.text, result.tries) == ("B", 2)

    def test_no_try_begins_after_the_deadline(self, tmp_path: Path) -> None:
        result = self.ask(tmp_path, error_reply(503, Retry_After="40"), deadline=20.0)
        assert reason(result).endswith(
            "(gave up after 1 try: the next would come later than the 20 s an item may take)"
        )

    def test_stalled_server_ends_with_the_deadline(self, tmp_path: Path) -> None:
        result = self.ask(tmp_path, Reply(stall=True), deadline=0.3)
        assert "no answer within 0.3 s" in reason(result)

    def test_server_says_when_to_come_back(self, tmp_path: Path) -> None:
        arrivals: list[float] = []

        def answer(asked: dict[str, Any]) -> str | Reply:
            arrivals.append(time.monotonic())
            return error_reply(429, Retry_After="0.4") if len(arrivals) == 1 else "B"

        with LoopbackServer(answer) as server, running(tmp_path, served(server)) as broker:
            broker.submit_many([("a", question())])
            assert text(take(broker, "a")) == "B"
        assert arrivals[1] - arrivals[0] >= 0.4

    def test_waiting_for_the_next_try_holds_no_slot(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(script=[BUSY], answer="B") as server,
            running(
                tmp_path,
                served(server),
                concurrency=1,
                backoff=Backoff(base=60.0, uniform=lambda low, high: high),
            ) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(5)])
            assert [text(take(broker, n)) for n in range(1, 5)] == ["B"] * 4
            assert broker.stats().retried == 1

    def test_too_many_requests_halve_the_limit_and_it_recovers(self, tmp_path: Path) -> None:
        events: list[str] = []
        with (
            LoopbackServer(script=[TOO_MANY], delay=0.002) as server,
            running(
                tmp_path,
                served(server),
                concurrency=8,
                on_event=lambda kind, said: events.append(f"{kind}: {said}"),
            ) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(150)])
            for n in range(150):
                text(take(broker, n))
            assert broker.stats().limit == 8
        assert any(event.startswith("slow-down: 4 in flight from now on") for event in events)
        assert any(event.startswith("retry: try 1 brought no answer") for event in events)

    def test_server_that_bears_three_at_once_answers_all(self, tmp_path: Path) -> None:
        def answer(asked: dict[str, Any]) -> str | Reply:
            return TOO_MANY if server._in_flight > 3 else Reply("A", delay=0.005)

        with (
            LoopbackServer(answer) as server,
            running(tmp_path, served(server), concurrency=32, max_tries=20) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(100)])
            assert [text(take(broker, n)) for n in range(100)] == ["A"] * 100

    def test_defect_of_a_model_fails_its_item_and_no_other(self, tmp_path: Path) -> None:
        class Defective(FakeModel):
            async def answer(self, request: Request) -> Response:
                if request.item == "1":
                    raise RuntimeError("no such layer")
                return Response("A")

        with running(tmp_path, Defective()) as broker:
            broker.submit_many([(n, question(n)) for n in range(3)])
            assert reason(take(broker, 1)) == "RuntimeError: no such layer"
            assert text(take(broker, 2)) == "A"


class TestLimits:
    @given(st.integers(1, 200), st.lists(st.booleans(), max_size=300))
    def test_limit_stays_between_one_and_its_ceiling(self, ceiling: int, said: list[bool]) -> None:
        limit = AdaptiveLimit(ceiling)
        for now, answered in enumerate(said):
            before = limit.value
            if answered:
                limit.answered()
                assert before <= limit.value <= before + 1
            else:
                limit.slow_down(now, now)
                assert limit.value >= max(1, before // 2)
            assert 1 <= limit.value <= ceiling

    def test_requests_refused_together_halve_it_once(self) -> None:
        limit = AdaptiveLimit(64)
        assert limit.slow_down(sent_at=1.0, now=2.0)
        assert not limit.slow_down(sent_at=1.5, now=2.1)
        assert limit.value == 32
        assert limit.slow_down(sent_at=2.5, now=3.0)
        assert limit.value == 16

    def test_after_an_outage_it_doubles_with_each_window_up_to_where_it_was(self) -> None:
        limit = AdaptiveLimit(64)
        limit.slow_down(0.0, 1.0)
        limit.restart(in_flight=1)
        windows = []
        while limit.value < 32:
            windows.append(limit.value)
            for _ in range(limit.value):
                limit.answered()
        assert windows == [1, 2, 4, 8, 16]
        for _ in range(33):
            limit.answered()
        assert limit.value == 33

    @given(st.integers(1, 200), st.integers(0, 400))
    def test_outage_never_raises_it(self, ceiling: int, in_flight: int) -> None:
        limit = AdaptiveLimit(ceiling)
        limit.restart(in_flight)
        assert limit.value == min(max(1, in_flight), ceiling)

    def test_it_recovers_by_one_a_window(self) -> None:
        limit = AdaptiveLimit(64)
        limit.slow_down(0.0, 1.0)
        for _ in range(33):
            limit.answered()
        assert limit.value == 33

    @given(st.integers(1, 10_000), st.none() | st.floats(allow_nan=False))
    def test_wait_is_bounded_and_never_shorter_than_asked(
        self, tries: int, asked: float | None
    ) -> None:
        backoff = Backoff(base=1.0, cap=60.0, cap_asked=120.0)
        delay = backoff.delay(tries, asked)
        assert 0 <= delay <= 121.0
        if asked is None:
            assert delay <= min(60.0, 2.0 ** (tries - 1)) if tries < 50 else delay <= 60.0
        else:
            assert delay >= min(max(asked, 0.0), 120.0)

    @given(st.integers(1, 40))
    def test_wait_takes_the_whole_range_from_nothing_to_twice_the_last(self, tries: int) -> None:
        longest = Backoff(uniform=lambda low, high: high)
        shortest = Backoff(uniform=lambda low, high: low)
        assert shortest.delay(tries) == 0
        assert longest.delay(tries) == min(60.0, 2.0 ** (tries - 1))

    @given(st.floats(1, 10_000), st.integers(1, 50))
    def test_pace_sends_no_more_in_a_minute_than_allowed(
        self, per_minute: float, count: int
    ) -> None:
        pace, now = Pace(per_minute), 0.0
        for _ in range(count):
            now += pace.wait(now)
            assert math.isclose(pace.wait(now), 0.0, abs_tol=1e-6)
            pace.sent(now)
        assert now >= (count - 1) * 60.0 / per_minute - 1e-6

    def test_pace_holds_requests_back(self, tmp_path: Path) -> None:
        with (
            LoopbackServer() as server,
            running(tmp_path, served(server, requests_per_minute=1200)) as broker,
        ):
            begun = time.monotonic()
            broker.submit_many([(n, question(n)) for n in range(5)])
            for n in range(5):
                take(broker, n)
            # A lower bound on a wait that was asked for, which no slow machine can break.
            assert time.monotonic() - begun >= 4 * 60 / 1200
