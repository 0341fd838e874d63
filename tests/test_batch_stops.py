"""A batch run that is stopped at any point is taken up by the next, and nothing is paid twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from batch_server import BatchServer, End, Fault
from batches import Batcher, questions, texts
from brokers import echo
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loopback import Reply, error_reply

from pytest_medbench.batch import BatchReport, Limits, state
from pytest_medbench.cache import Store
from pytest_medbench.models import ModelError
from pytest_medbench.models.openai import Called, OpenAIModel
from pytest_medbench.runs import RunError

TESTS = Path(__file__).parent
RUN = """
import sys
from pathlib import Path
from batches import Batcher, questions
class Server:
    base_url = sys.argv[2]
batcher = Batcher(Path(sys.argv[1]), Server())
batcher.said = type("Said", (list,), {"append": lambda self, line: print(line, flush=True)})()
print(batcher.run(questions(5)).answered)
"""


class Killed(BaseException):
    """What a SIGKILL is to code that has no say in it."""


class Fuse:
    """Ends a run before the n-th step that leaves a trace; nothing leaves one from then on."""

    def __init__(self, steps: int | None) -> None:
        self.left = steps
        self.burnt = 0

    def burn(self) -> None:
        self.burnt += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


class Fused(OpenAIModel):
    """A model whose every call may be the last, before it is made or before its answer is read."""

    fuse: Fuse

    async def call(self, *args: Any, **more: Any) -> Called:
        self.fuse.burn()
        called = await super().call(*args, **more)
        self.fuse.burn()
        return called

    async def download(self, file_id: str) -> AsyncGenerator[bytes, None]:
        self.fuse.burn()
        async for piece in super().download(file_id):
            for start in range(0, len(piece), 700):
                yield piece[start : start + 700]
                self.fuse.burn()


@contextmanager
def fused(batcher: Batcher, steps: int | None) -> Iterator[Fuse]:
    """End every run of a batcher after so many steps."""
    fuse = Fuse(steps)
    write, save = state.write_whole, Store.save

    def writing(*args: Any) -> None:
        fuse.burn()
        write(*args)
        fuse.burn()

    def saving(self: Store, *args: Any, **more: Any) -> None:
        fuse.burn()
        save(self, *args, **more)
        fuse.burn()

    def make() -> Fused:
        model = Fused("ours", base_url=batcher.server.base_url, model="m", revision="1")
        model.fuse = fuse
        return model

    batcher.make = make
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "write_whole", writing)
        patch.setattr(Store, "save", saving)
        # A process that ends loses nothing it has written; only a machine that ends does.
        patch.setattr(os, "fsync", lambda fd: None)
        yield fuse


def run_to_the_end(batcher: Batcher, count: int) -> BatchReport:
    """Run as a user does, who types the command again until nothing is missing."""
    for _ in range(4):
        try:
            with fused(batcher, None):
                report = batcher.run(questions(count))
        except ModelError:
            continue
        if not report.reasons:
            return report
    raise AssertionError(batcher.said)


def assert_nothing_lost_or_paid_twice(batcher: Batcher, count: int, report: BatchReport) -> None:
    wanted = {request.item: request.item for request in questions(count)}
    assert texts(batcher.outcomes(questions(count), report)) == wanted
    batcher.server.settle()
    assert len(batcher.server.carried_out) == count
    assert set(batcher.server.carried_out.values()) == {1}
    assert batcher.states() == []


def test_killed_before_any_step_it_is_taken_up(tmp_path: Path) -> None:
    ends = [End("expired", answered=0.5)]
    with BatchServer(echo, ends=ends, looks=0) as server:
        whole = Batcher(tmp_path / "whole", server)
        with fused(whole, None) as fuse:
            whole.run(questions(2))
        assert fuse.burnt > 30
        for steps in range(fuse.burnt):
            server.ends.extend(ends)
            server.carried_out.clear()
            batcher = Batcher(tmp_path / str(steps), server)
            with fused(batcher, steps), pytest.raises(Killed):
                batcher.run(questions(2))
            report = run_to_the_end(batcher, 2)
            server.ends.clear()
            assert_nothing_lost_or_paid_twice(batcher, 2, report)


ENDS = st.sampled_from(
    [
        End(),
        End(),
        End("expired", answered=0.5),
        End("expired", answered=0.3, listed=False),
        End("cancelled", answered=0.6),
        End("failed", problems=[{"code": "oops", "message": "no", "line": None}]),
        End("failed", problems=[{"code": "token_limit_exceeded", "message": "too many"}]),
        End("failed", problems=[{"code": "invalid", "message": "bad line", "line": 1}]),
        End(mangle=lambda lines: [b"junk\n", *lines[::-1], *lines]),
    ]
)
FAULTS = st.sampled_from(
    [
        Fault("POST /files", error_reply(503)),
        Fault("POST /files", None, done=True),
        Fault("POST /batches", error_reply(500)),
        Fault("POST /batches", error_reply(504), done=True),
        Fault("POST /batches", None),
        Fault("POST /batches", None, done=True),
        Fault("POST /batches", error_reply(400)),
        Fault("POST /batches", error_reply(429)),
        Fault("POST /batches", Reply(body="?"), done=True),
        Fault("GET /batches", error_reply(500)),
        Fault("GET /batches/", None),
        Fault("GET /batches/", Reply(body="[]")),
        Fault("content", error_reply(502)),
        Fault("content", None, done=True),
    ]
)


@settings(max_examples=15)
@given(
    count=st.integers(1, 12),
    most=st.integers(1, 6),
    looks=st.integers(0, 2),
    ends=st.lists(ENDS, max_size=6),
    faults=st.lists(FAULTS, max_size=5),
    kills=st.lists(st.integers(0, 60), max_size=4),
)
@example(
    count=3, most=2, looks=0, ends=[], kills=[],
    faults=[Fault("POST /batches", None, done=True), Fault("GET /batches", error_reply(500))],
)  # fmt: skip
def test_no_schedule_of_faults_and_kills_loses_or_pays_twice(
    count: int,
    most: int,
    looks: int,
    ends: list[End],
    faults: list[Fault],
    kills: list[int],
) -> None:
    with (
        TemporaryDirectory() as folder,
        BatchServer(echo, ends=ends, faults=faults, looks=looks) as server,
    ):
        batcher = Batcher(Path(folder), server, limits=Limits(requests=most))
        for steps in kills:
            try:
                with fused(batcher, steps):
                    batcher.run(questions(count))
            except (Killed, ModelError):
                continue
        server.ends.clear()
        server.faults.clear()
        report = run_to_the_end(batcher, count)
        assert_nothing_lost_or_paid_twice(batcher, count, report)


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_process_ended_while_it_waits_leaves_its_batch_to_the_next(
    tmp_path: Path, by: signal.Signals
) -> None:
    with BatchServer(echo, looks=1_000_000) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(tmp_path), server.base_url],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert server.idle.wait(60)
        process.send_signal(by)
        out, _ = process.communicate(timeout=60)
        assert process.returncode != 0
        if by is signal.SIGINT:
            assert "KeyboardInterrupt" in out
            assert "1 batch with 5 requests at the provider; the same command picks up" in out
        server.batches[0].looks = 0
        batcher = Batcher(tmp_path, server)
        report = batcher.run(questions(5))
        assert "batch: 5 requests, 0 of them answered before; 1 batch of an earlier run picked up" \
            in batcher.said  # fmt: skip
        assert_nothing_lost_or_paid_twice(batcher, 5, report)
    assert len(server.batches) == 1


def test_deadline_leaves_the_batch_under_way_and_says_so(tmp_path: Path) -> None:
    with BatchServer(echo, looks=1_000_000) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(
            questions(4), stop=lambda: "the deadline" if server.idle.is_set() else None
        )
        assert (report.stopped, report.answered) == ("the deadline", 0)
        assert any("left (the deadline); 1 batch with 4 requests" in line for line in batcher.said)
        found = texts(batcher.outcomes(questions(1), report))
        assert "the same command picks it up" in found["question 0"]
        server.looks = server.batches[0].looks = 0
        assert batcher.run(questions(6)).answered == 6
    assert [len(keys) for keys in server.created] == [4, 2]


def test_two_runs_at_once_share_one_batch(tmp_path: Path) -> None:
    with BatchServer(echo, looks=20) as server, ThreadPoolExecutor(2) as pool:
        batchers = [Batcher(tmp_path, server, poll=0.01) for _ in range(2)]
        reports = list(pool.map(lambda batcher: batcher.run(questions(5)), batchers))
    assert sorted((report.answered, report.stored) for report in reports) == [(0, 5), (5, 0)]
    assert len(server.batches) == 1


def test_batch_of_another_plan_is_neither_waited_for_nor_forgotten(tmp_path: Path) -> None:
    with BatchServer(echo, looks=1_000_000) as server:
        batcher = Batcher(tmp_path, server)
        batcher.run(questions(3), stop=lambda: "enough" if server.idle.is_set() else None)
        server.looks = 0
        assert batcher.run(questions(2, start=10)).answered == 2
        server.batches[0].looks = 0
        assert batcher.run(questions(3)).answered == 3
    assert len(server.batches) == 2


def test_another_setting_is_another_model_and_waits_for_no_batch_of_the_first(
    tmp_path: Path,
) -> None:
    with BatchServer(echo, looks=1_000_000) as server:
        batcher = Batcher(tmp_path, server)
        batcher.run(questions(3), stop=lambda: "enough" if server.idle.is_set() else None)
        server.looks = 0
        batcher.make = lambda: OpenAIModel(
            "ours", base_url=server.base_url, model="m", revision="2"
        )
        assert batcher.run(questions(3)).answered == 3


def test_creation_that_cannot_be_looked_up_is_not_repeated(tmp_path: Path) -> None:
    faults = [Fault("POST /batches", None, done=True), Fault("GET /batches", error_reply(404))]
    with BatchServer(echo, faults=faults) as server:
        batcher = Batcher(tmp_path, server)
        with pytest.raises(ModelError, match="whether the batch was created is not known"):
            batcher.run(questions(3))
        assert batcher.run(questions(3)).answered == 3
    assert len(server.batches) == 1


def test_lookup_that_fails_at_the_next_start_says_what_to_do(tmp_path: Path) -> None:
    lost = Fault("GET /batches", error_reply(404))
    with BatchServer(echo, faults=[Fault("POST /batches", None), lost, lost]) as server:
        batcher = Batcher(tmp_path, server)
        for said in ("not known", r"a batch of 3 requests may be under way.*delete .*\.json"):
            with pytest.raises(ModelError, match=said):
                batcher.run(questions(3))
        assert batcher.run(questions(3)).answered == 3
    assert len(server.batches) == 1


def test_batch_of_another_account_is_not_sent_again(tmp_path: Path) -> None:
    unknown = [Fault("GET /batches/", error_reply(404))]
    with BatchServer(echo, faults=unknown) as server:
        batcher = Batcher(tmp_path, server)
        with pytest.raises(ModelError, match="use the account it was made with"):
            batcher.run(questions(3))
        assert batcher.run(questions(3)).answered == 3
    assert len(server.batches) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"format": 1, "token": "t"}'])
def test_record_that_cannot_be_read_is_named_and_nothing_sent(tmp_path: Path, text: str) -> None:
    with BatchServer(echo, looks=1_000_000) as server:
        batcher = Batcher(tmp_path, server)
        batcher.run(questions(1), stop=lambda: "enough" if server.idle.is_set() else None)
        (record,) = [path for path in batcher.states() if path.suffix == ".json"]
        record.write_text(text)
        with pytest.raises(RunError, match=record.name):
            batcher.run(questions(2))
    assert len(server.batches) == 1


def test_folder_that_cannot_be_written_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / ".medbench").write_text("a file")
    with BatchServer(echo) as server, pytest.raises(RunError, match="cannot be written"):
        Batcher(tmp_path, server).run(questions(1))
    assert server.calls == []


def test_run_ends_though_its_server_has_gone_and_says_what_goes_on(tmp_path: Path) -> None:
    gone = threading.Event()
    with BatchServer(echo, looks=1_000_000) as server:
        batcher = Batcher(tmp_path, server, patience=0.05)
        server.faults = [Fault("GET /batches/", error_reply(500))] * 10_000
        with pytest.raises(ModelError, match="HTTP 500"):
            batcher.run(questions(2), stop=lambda: None if not gone.is_set() else "gone")
    assert any("1 batch with 2 requests at the provider" in line for line in batcher.said)
