"""The time of day while the machine's clock is set."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from brokers import echo, question, running, served, take, text
from hypothesis import given
from hypothesis import strategies as st
from loopback import LoopbackServer, error_reply

from pytest_medbench import clock
from pytest_medbench.cache import Store
from pytest_medbench.exchange import Request, Response
from pytest_medbench.models.controls import Control

DAY = 86_400.0


def jump(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + days * DAY)


def test_it_is_the_wall_clock_as_long_as_nobody_sets_that() -> None:
    assert abs(clock.now() - time.time()) < 60


@given(st.integers(2, 200))
def test_it_never_goes_back(count: int) -> None:
    times = [clock.now() for _ in range(count)]
    assert times == sorted(times)


@pytest.mark.parametrize("days", [-400, 400])
class TestJump:
    def test_responses_keep_their_date_and_their_age(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float
    ) -> None:
        began = clock.now()
        with LoopbackServer(echo) as server:
            asked = served(server, revision=None)
            with running(tmp_path, asked) as broker:
                broker.submit_many([(0, question(0))])
                text(take(broker, 0))
                jump(monkeypatch, days)
                broker.submit_many([(1, question(1))])
                text(take(broker, 1))
                broker.submit_many([(n, question(n)) for n in (0, 1)])
                again = [take(broker, n) for n in (0, 1)]
        for result in again:
            assert isinstance(result, Response)
            assert result.tries == 0
            assert began <= result.arrived_at <= clock.now()
        assert len(server.requests) == 2

    def test_waits_and_deadlines_are_as_long_as_ever(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float
    ) -> None:
        script = [error_reply(503), error_reply(429, Retry_After="0.2"), "B"]
        with LoopbackServer(script=script) as server, running(tmp_path, served(server)) as broker:
            broker.wait_ready()
            jump(monkeypatch, days)
            broker.submit_many([("a", question())])
            assert text(take(broker, "a")) == "B"

    def test_control_and_store_use_it_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float
    ) -> None:
        jump(monkeypatch, days)
        store = Store(tmp_path / "c", tmp_path / "r")
        store.save([(bytes(32), Response("A", arrived_at=clock.now()))], model="m")
        assert store.lookup([bytes(32)], has_revision=False)
        store.close()
        began = clock.now()
        with running(tmp_path, Control("first")) as broker:
            broker.submit_many([("a", Request("s", "a", [], options=("x", "y")))])
            result = take(broker, "a")
        assert isinstance(result, Response)
        assert began <= result.arrived_at <= clock.now()
