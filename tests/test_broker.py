"""The broker over real HTTP: each key gets its response, and what is kept of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from brokers import (
    echo,
    question,
    reason,
    running,
    served,
    take,
    text,
)
from loopback import LoopbackServer, Reply, error_reply

from pytest_medbench.cache import Cache, Mode
from pytest_medbench.exchange import Request, Response
from pytest_medbench.models.controls import Control


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
