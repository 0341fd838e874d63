"""The broker over real HTTP: window, retries, limits, what is kept, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import math
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import CONTENT_FILTER, LoopbackServer, Reply, error_reply

from pytest_medbench.broker import Broker
from pytest_medbench.cache import Cache, Mode, Store
from pytest_medbench.dispatch import STOPPED
from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.limits import AdaptiveLimit, Backoff, Pace
from pytest_medbench.models import Model, ModelError
from pytest_medbench.models.controls import Control
from pytest_medbench.models.openai import OpenAIModel

QUICK = Backoff(base=0.01, cap=0.02)
BUSY = error_reply(503, message="busy")
TOO_MANY = error_reply(429, message="slow down")


def question(text: object = "Which dose?", sample: int = 0) -> Request:
    return Request("s", str(text), [{"role": "user", "content": str(text)}], sample=sample)


def echo(asked: Mapping[str, Any]) -> str:
    return str(asked["messages"][-1]["content"])


def served(server: LoopbackServer, **more: Any) -> OpenAIModel:
    more.setdefault("revision", "1")
    return OpenAIModel("ours", base_url=server.base_url, model="m", **more)


@contextmanager
def running(
    folder: Path, model: Model, mode: Mode = Mode.ON, grace: float = 0.0, **more: Any
) -> Iterator[Broker]:
    more.setdefault("backoff", QUICK)
    store = Store(folder / "cache.sqlite", folder / "run.sqlite", mode)
    broker = Broker(model, store, **more)
    broker.start()
    try:
        yield broker
    finally:
        broker.close(grace)
        store.close()


def take(broker: Broker, key: object) -> Response | Failure:
    return broker.take(key, timeout=30)


def text(result: Response | Failure) -> str:
    assert isinstance(result, Response), result
    return result.text


def reason(result: Response | Failure) -> str:
    assert isinstance(result, Failure), result
    return result.reason


class FakeModel:
    """A model in the test's own hands; the parts under test are all real."""

    name = "fake"
    cacheable = True
    is_control = False
    concurrency: int | None = None

    def __init__(self) -> None:
        self.closed = False

    async def start(self) -> None:
        pass

    def fingerprint(self) -> Mapping[str, Any]:
        return {"revision": "1"}

    def wire(self, request: Request) -> Mapping[str, Any]:
        return {"messages": list(request.messages)}

    async def answer(self, request: Request) -> Response:
        return Response("A")

    async def close(self) -> None:
        self.closed = True


class TestAsking:
    def test_each_key_gets_its_own_response(self, tmp_path: Path) -> None:
        with LoopbackServer(echo) as server, running(tmp_path, served(server)) as broker:
            broker.submit_many([(n, question(n)) for n in range(200)])
            assert [text(take(broker, n)) for n in reversed(range(200))] == [
                str(n) for n in reversed(range(200))
            ]
            assert broker.backlog == 0
            stats = broker.stats()
            assert (stats.answered, stats.cached, stats.failed, stats.retried) == (200, 0, 0, 0)
            assert (stats.input_tokens, stats.output_tokens) == (2000, 200)

    def test_no_more_than_the_limit_is_in_flight(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(delay=0.02) as server,
            running(tmp_path, served(server), concurrency=7) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(60)])
            for n in range(60):
                take(broker, n)
            assert server.max_in_flight == 7

    def test_wish_of_the_model_lowers_the_limit(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(delay=0.01) as server,
            running(tmp_path, served(server, concurrency=2), concurrency=7) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(20)])
            for n in range(20):
                take(broker, n)
            assert server.max_in_flight == 2
            assert broker.stats().limit == 2

    def test_take_waits_no_longer_than_it_is_told(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([("a", question())])
            with pytest.raises(TimeoutError, match=r"no response for 'a' within 0\.05 s"):
                broker.take("a", timeout=0.05)
            server.wait_for(1)
            assert (broker.backlog, broker.in_flight) == (1, 1)
            server.release()
            assert text(take(broker, "a")) == "A"

    def test_key_that_was_not_submitted_or_was_taken_is_an_error(self, tmp_path: Path) -> None:
        with LoopbackServer() as server, running(tmp_path, served(server)) as broker:
            with pytest.raises(KeyError):
                broker.take("a")
            broker.submit_many([("a", question())])
            take(broker, "a")
            with pytest.raises(KeyError):
                broker.take("a")

    def test_key_that_waits_to_be_taken_cannot_be_submitted_again(self, tmp_path: Path) -> None:
        with LoopbackServer() as server, running(tmp_path, served(server)) as broker:
            broker.submit_many([("a", question())])
            with pytest.raises(ValueError, match="'a' is submitted already"):
                broker.submit_many([("a", question())])
            take(broker, "a")
            broker.submit_many([("a", question())])
            assert text(take(broker, "a")) == "A"

    def test_same_request_in_flight_is_asked_once(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([("a", question()), ("b", question())])
            server.wait_for(1)
            broker.submit_many([("c", question()), ("d", question(sample=1))])
            server.release()
            assert [text(take(broker, key)) for key in "abcd"] == ["A"] * 4
            assert len(server.requests) == 2  # the second sample is a request of its own

    def test_forgotten_request_is_not_sent(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server), concurrency=1) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(3)])
            server.wait_for(1)
            broker.forget([1, "never seen"])
            assert broker.backlog == 2
            server.release()
            take(broker, 0)
            take(broker, 2)
            with pytest.raises(KeyError):
                broker.take(1)
            assert [echo(sent) for sent in server.requests] == ["0", "2"]

    def test_forgotten_request_can_be_wanted_again(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server), concurrency=1) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(2)])
            broker.forget([1])
            broker.submit_many([(1, question(1))])
            server.release()
            assert text(take(broker, 1)) == "A"


class TestCache:
    def test_second_run_asks_nothing_and_says_so(self, tmp_path: Path) -> None:
        with LoopbackServer(echo) as server:
            for tries in (1, 0):
                with running(tmp_path, served(server)) as broker:
                    broker.submit_many([(n, question(n)) for n in range(50)])
                    for n in range(50):
                        result = take(broker, n)
                        assert isinstance(result, Response)
                        assert (result.text, result.tries) == (str(n), tries)
                        assert result.arrived_at > 0
            assert len(server.requests) == 50
            assert broker.stats().cached == 50

    def test_response_is_on_disk_before_it_can_be_taken(self, tmp_path: Path) -> None:
        reader = Cache(tmp_path / "cache.sqlite", read_only=True)
        with LoopbackServer(echo) as server, running(tmp_path, served(server)) as broker:
            for n in range(20):
                broker.submit_many([(n, question(n))])
                take(broker, n)
                (digest,) = (job.digest for job in broker._jobs([(n, question(n))]))
                assert reader.get_many([digest])[digest].text == str(n)
        reader.close()

    @pytest.mark.parametrize(
        "change",
        [
            {"revision": "2"},
            {"settings": {"temperature": 1}},
            {"system": "Be brief."},
        ],
    )
    def test_other_version_or_setting_is_another_model(
        self, tmp_path: Path, change: dict[str, Any]
    ) -> None:
        with LoopbackServer() as server:
            for more in ({}, change):
                with running(tmp_path, served(server, **more)) as broker:
                    broker.submit_many([("a", question())])
                    take(broker, "a")
            assert len(server.requests) == 2

    def test_other_weights_behind_the_same_name_are_another_model(self, tmp_path: Path) -> None:
        with LoopbackServer(models=[{"id": "m", "root": "weights-1"}]) as server:
            for root in ("weights-1", "weights-2"):
                server.models = [{"id": "m", "root": root}]
                with running(tmp_path, served(server, revision=None)) as broker:
                    broker.submit_many([("a", question())])
                    take(broker, "a")
            assert len(server.requests) == 2

    @pytest.mark.parametrize(
        "reply", [error_reply(400), Reply(body="no JSON"), Reply("A" * 99, cut=True)]
    )
    def test_failures_are_never_kept(self, tmp_path: Path, reply: Reply) -> None:
        with LoopbackServer(script=[reply], answer="B") as server:
            with running(tmp_path, served(server), max_tries=1) as broker:
                broker.submit_many([("a", question())])
                reason(take(broker, "a"))
            with running(tmp_path, served(server), max_tries=1) as broker:
                broker.submit_many([("a", question())])
                assert text(take(broker, "a")) == "B"

    @pytest.mark.parametrize("mode", [Mode.READ, Mode.OFF])
    def test_what_was_paid_for_is_kept_in_the_run(self, tmp_path: Path, mode: Mode) -> None:
        with LoopbackServer() as server, running(tmp_path, served(server), mode) as broker:
            broker.submit_many([("a", question())])
            take(broker, "a")
            (job,) = broker._jobs([("b", question())])
        assert Cache(tmp_path / "run.sqlite").get_many([job.digest])
        assert not (tmp_path / "cache.sqlite").exists()

    def test_response_that_cannot_be_kept_is_a_failure(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with (
            LoopbackServer() as server,
            running(tmp_path / "file", served(server), Mode.REFRESH) as broker,
        ):
            broker.submit_many([("a", question())])
            said = reason(take(broker, "a"))
        assert said.startswith("the response arrived and could not be kept: cache")

    @pytest.mark.filterwarnings("error")
    def test_corrupt_cache_file_loses_no_response(self, tmp_path: Path) -> None:
        (tmp_path / "cache.sqlite").write_bytes(b"no database" * 500)
        with (
            LoopbackServer() as server,
            running(tmp_path, served(server), Mode.REFRESH) as broker,
        ):
            broker.submit_many([("a", question())])
            assert text(take(broker, "a")) == "A"
        assert list(tmp_path.glob("cache.sqlite.corrupt-*"))

    def test_control_is_neither_looked_up_nor_kept(self, tmp_path: Path) -> None:
        asked = [(n, Request("s", str(n), [], options=("x", "yy"))) for n in range(9)]
        with running(tmp_path, Control("longest")) as broker:
            broker.submit_many(asked)
            assert {text(take(broker, n)) for n in range(9)} == {"B"}
        assert list(tmp_path.iterdir()) == []

    def test_two_runs_at_once_share_one_file(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(echo) as server,
            running(tmp_path, served(server)) as one,
            running(tmp_path, served(server)) as other,
        ):
            for broker in (one, other):
                broker.submit_many([(n, question(n)) for n in range(100)])
            for broker in (one, other):
                assert [text(take(broker, n)) for n in range(100)] == [str(n) for n in range(100)]


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


class TestStart:
    def test_start_runs_in_the_background(self, tmp_path: Path) -> None:
        may_start = threading.Event()

        class Slow(FakeModel):
            async def start(self) -> None:
                await asyncio.to_thread(may_start.wait, 30)

        with running(tmp_path, Slow()) as broker:
            assert not broker._ready.is_set()
            may_start.set()
            broker.wait_ready()
            broker.submit_many([("a", question())])
            assert text(take(broker, "a")) == "A"

    def test_model_that_cannot_start_is_an_error_for_each_who_waits(self, tmp_path: Path) -> None:
        with LoopbackServer(models=[{"id": "other"}]) as server:
            asked = served(server)
            with running(tmp_path, asked) as broker:
                for _ in range(2):
                    with pytest.raises(ModelError, match="does not serve 'm'"):
                        broker.wait_ready()
                with pytest.raises(ModelError, match="does not serve 'm'"):
                    broker.submit_many([("a", question())])
        assert asked._client is None

    def test_server_that_is_busy_at_the_start_is_asked_again(self, tmp_path: Path) -> None:
        class Busy(FakeModel):
            starts = 0

            async def start(self) -> None:
                self.starts += 1
                if self.starts < 3:
                    raise ModelError("busy", retry=True)

        model = Busy()
        with running(tmp_path, model) as broker:
            broker.wait_ready()
        assert model.starts == 3

    def test_defect_at_the_start_is_an_error_for_who_waits(self, tmp_path: Path) -> None:
        class Defective(FakeModel):
            async def start(self) -> None:
                raise RuntimeError("no such layer")

        with (
            running(tmp_path, Defective()) as broker,
            pytest.raises(ModelError, match="no such layer"),
        ):
            broker.wait_ready()


class TestEnd:
    def test_what_arrives_within_the_grace_is_kept(self, tmp_path: Path) -> None:
        with LoopbackServer(Reply(delay=0.2)) as server:
            with running(tmp_path, served(server), concurrency=1, grace=30) as broker:
                broker.submit_many([(n, question(n)) for n in range(2)])
                server.wait_for(1)
            assert text(take(broker, 0)) == "A"
            assert reason(take(broker, 1)) == STOPPED
            assert len(server.requests) == 1
            with running(tmp_path, served(server)) as broker:
                broker.submit_many([(0, question(0))])
                assert take(broker, 0).tries == 0

    def test_what_does_not_is_a_failure_and_nobody_waits(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(tmp_path, served(server)) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(5)])
            server.wait_for(5)
            broker.close(grace=0.1)
            assert [reason(take(broker, n)) for n in range(5)] == [STOPPED] * 5
            broker.submit_many([("late", question("late"))])
            assert reason(take(broker, "late")) == STOPPED

    def test_waiting_retries_end_with_it(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(BUSY) as server,
            running(tmp_path, served(server), backoff=Backoff(base=60.0)) as broker,
        ):
            broker.submit_many([("a", question())])
            server.wait_for(1)
            broker.close(grace=30)
            assert STOPPED in reason(take(broker, "a"))

    def test_broker_closed_while_the_model_starts_does_not_wait_for_it(
        self, tmp_path: Path
    ) -> None:
        class Never(FakeModel):
            async def start(self) -> None:
                await asyncio.Event().wait()

        model = Never()
        with running(tmp_path, model) as broker:
            pass
        assert model.closed
        with pytest.raises(ModelError, match=STOPPED):
            broker.wait_ready()

    def test_broker_that_was_never_started_can_be_closed(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "c", tmp_path / "r")
        Broker(FakeModel(), store).close()

    def test_defect_of_the_broker_fails_all_and_hangs_nobody(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def defect(self: AdaptiveLimit) -> None:
            raise RuntimeError("off by one")

        monkeypatch.setattr(AdaptiveLimit, "answered", defect)
        with LoopbackServer() as server, running(tmp_path, served(server)) as broker:
            broker.submit_many([(n, question(n)) for n in range(3)])
            said = [reason(take(broker, n)) for n in range(3)]
            assert all("off by one" in one and "defect of pytest-medbench" in one for one in said)
            broker.submit_many([("late", question("late"))])
            assert "off by one" in reason(take(broker, "late"))

    def test_it_leaves_no_warning_and_no_thread_behind(self, tmp_path: Path) -> None:
        code = """
import sys
from pathlib import Path
from pytest_medbench.broker import Broker
from pytest_medbench.cache import Store
from pytest_medbench.exchange import Request
from pytest_medbench.models.openai import OpenAIModel
model = OpenAIModel("m", base_url=sys.argv[1], model="m")
broker = Broker(model, Store(Path(sys.argv[2]) / "c", Path(sys.argv[2]) / "r"))
broker.start()
broker.submit_many([(n, Request("s", str(n), [])) for n in range(9)])
sys.stdin.readline()
broker.close(0.05)
print(broker.take(0).reason)
"""
        with LoopbackServer(Reply(stall=True)) as server:
            command = [sys.executable, "-X", "dev", "-W", "error", "-c", code, server.base_url]
            asker = subprocess.Popen(
                [*command, str(tmp_path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            server.wait_for(1)
            out, said = asker.communicate("\n", timeout=60)
        assert (asker.returncode, out.strip(), said) == (0, STOPPED, "")

    def test_nothing_is_left_for_the_garbage_collector_to_complain_about(
        self, tmp_path: Path
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with (
                LoopbackServer(Reply(stall=True)) as server,
                running(tmp_path, served(server)) as broker,
            ):
                broker.submit_many([("a", question())])
                server.wait_for(1)
            gc.collect()
        assert "medbench-broker" not in {thread.name for thread in threading.enumerate()}


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
