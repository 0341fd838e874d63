"""The broker: how it starts, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from brokers import (
    BUSY,
    FakeModel,
    question,
    reason,
    running,
    served,
    take,
    text,
)
from loopback import LoopbackServer, Reply

from pytest_medbench.broker import Broker
from pytest_medbench.cache import Store
from pytest_medbench.dispatch import STOPPED
from pytest_medbench.limits import AdaptiveLimit, Backoff
from pytest_medbench.models import ModelError


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
