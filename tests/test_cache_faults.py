"""Responses that cannot be kept where they belong: none is lost, no more are asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from brokers import asking, echo, kept_in, question, reason, served, take, text
from loopback import LoopbackServer, Reply

from pytest_medbench.cache import Cache, CacheError, Mode, Store
from pytest_medbench.exchange import Failure, Response
from pytest_medbench.models.controls import Control


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def take_away(folder: Path) -> None:
    """Put a file where the folder was, so that nobody, root neither, can write into it."""
    folder.rename(folder.with_name(f"{folder.name}-elsewhere"))
    folder.write_text("")


class TestStart:
    @pytest.mark.parametrize("mode", [Mode.ON, Mode.REFRESH])
    def test_cache_that_cannot_be_written_is_found_before_anything_is_asked(
        self, tmp_path: Path, mode: Mode
    ) -> None:
        (tmp_path / "cache").write_text("")
        with (
            LoopbackServer() as server,
            kept_in(tmp_path, mode) as store,
            asking(served(server), store) as broker,
        ):
            for _ in range(2):
                with pytest.raises(CacheError, match=r"cache/cache\.sqlite cannot be used.*folder"):
                    broker.wait_ready()
                with pytest.raises(CacheError, match=r"cache/cache\.sqlite cannot be used"):
                    broker.submit_many([("a", question())])
        assert server.requests == []

    @pytest.mark.parametrize("mode", [Mode.READ, Mode.OFF])
    def test_mode_that_does_not_write_it_does_not_need_it(self, tmp_path: Path, mode: Mode) -> None:
        (tmp_path / "cache").write_text("")
        with (
            LoopbackServer() as server,
            kept_in(tmp_path, mode) as store,
            asking(served(server), store) as broker,
        ):
            broker.wait_ready()

    def test_control_needs_none(self, tmp_path: Path) -> None:
        (tmp_path / "cache").write_text("")
        with kept_in(tmp_path) as store, asking(Control("first"), store) as broker:
            broker.wait_ready()

    def test_check_leaves_what_is_stored_as_it_is(self, tmp_path: Path) -> None:
        cache = Cache(tmp_path / "responses.sqlite")
        cache.put_many([(key(1), Response("A", arrived_at=1.0))])
        for _ in range(3):
            cache.check()
        assert cache.get_many([key(1)])[key(1)].text == "A"
        cache.close()


class TestShared:
    def test_answers_go_into_the_run_and_no_more_is_asked(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(echo) as server,
            kept_in(tmp_path) as store,
            asking(served(server), store, concurrency=2) as broker,
        ):
            broker.submit_many([(0, question(0))])
            text(take(broker, 0))
            server.answer = lambda asked: Reply(echo(asked), stall=True)
            broker.submit_many([(n, question(n)) for n in (1, 2)])
            server.wait_for(3)
            take_away(tmp_path / "cache")
            server.release()
            assert [text(take(broker, n)) for n in (1, 2)] == ["1", "2"]
            said = broker.stopped
            assert said is not None
            assert str(tmp_path / "cache" / "cache.sqlite") in said
            place = tmp_path / "run" / "run.sqlite"
            assert said.endswith(f"kept in {place}, where --medbench-resume takes them over")
            broker.submit_many([(9, question(9))])
            assert take(broker, 9) == Failure(said, 0, stopped=True)
            assert len(server.requests) == 3

    def test_resumed_run_takes_them_over(self, tmp_path: Path) -> None:
        with LoopbackServer(echo) as server:
            with kept_in(tmp_path) as store, asking(served(server), store) as broker:
                broker.wait_ready()
                take_away(tmp_path / "cache")
                store.save([(bytes(32), Response("x", arrived_at=1.0))], model="m")
                broker.halt("no lookup in between", 0.0)
            assert store.trouble is not None
            (tmp_path / "cache").unlink()
            with kept_in(tmp_path, resumed=True) as again:
                assert again.lookup([bytes(32)], has_revision=False)[bytes(32)].text == "x"

    def test_cache_that_can_no_longer_be_read_stops_the_run(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(echo) as server,
            kept_in(tmp_path) as store,
            asking(served(server), store) as broker,
        ):
            broker.wait_ready()
            take_away(tmp_path / "cache")
            broker.submit_many([(0, question(0))])
            result = take(broker, 0)
            assert result == Failure(reason(result), 0, stopped=True)
            assert "cache.sqlite cannot be used" in reason(result)
        assert server.requests == []

    def test_full_disk_is_no_loss(self, tmp_path: Path) -> None:
        code = """
import resource, signal, sys
from pathlib import Path
from pytest_medbench.cache import Store
from pytest_medbench.exchange import Response
store = Store(Path(sys.argv[1]) / "cache.sqlite", Path(sys.argv[1]) / "run.sqlite")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
keys = [n.to_bytes(32, "big") for n in range(16)]
for key in keys:
    store.save([(key, Response("x" * 50_000, arrived_at=1e9))], model="m")
    if store.trouble:
        break
print(store.trouble)
store.close()
kept = keys[: keys.index(key) + 1]
resumed = Store(
    Path(sys.argv[1]) / "cache.sqlite", Path(sys.argv[1]) / "run.sqlite", resumed=True
)
print(len(kept), len(resumed.lookup(kept, has_revision=True)))
resumed.close()
"""
        command = [sys.executable, "-c", code, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        trouble, counts = done.stdout.splitlines()
        assert (done.returncode, done.stderr) == (0, "")
        assert "cache.sqlite" in trouble
        assert "room" in trouble
        kept, found = map(int, counts.split())
        assert kept == found < 16


class TestBoth:
    def test_response_that_can_be_kept_nowhere_is_a_failure_and_stops_the_run(
        self, tmp_path: Path
    ) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            kept_in(tmp_path) as store,
            asking(served(server), store, concurrency=1) as broker,
        ):
            (tmp_path / "run").write_text("")
            broker.submit_many([(n, question(n)) for n in range(3)])
            server.wait_for(1)
            take_away(tmp_path / "cache")
            server.release()
            results = [take(broker, n) for n in range(3)]
            said = "the response arrived and could not be kept: cache"
            arrived = [result for result in results if reason(result).startswith(said)]
            assert results[0] in arrived
            assert not any(result.stopped for result in arrived if isinstance(result, Failure))
            assert broker.stopped is not None
            assert broker.stopped.startswith("responses arrive and cannot be kept: cache")
            assert len(server.requests) == len(arrived)

    def test_error_names_the_last_place(self, tmp_path: Path) -> None:
        for name in ("cache", "run"):
            (tmp_path / name).write_text("")
        store = Store(tmp_path / "cache" / "c.sqlite", tmp_path / "run" / "r.sqlite")
        with pytest.raises(CacheError, match=r"run/r\.sqlite"):
            store.save([(key(1), Response("A"))], model="m")
        assert store.trouble is None


class TestKills:
    WRITER = """
import sys
from pathlib import Path
from pytest_medbench.cache import Cache
from pytest_medbench.exchange import Response
cache, start = Cache(Path(sys.argv[1])), int(sys.argv[2])
for n in range(start, 10**9):
    batch = range(10 * n, 10 * n + 10)
    cache.put_many([(k.to_bytes(32, "big"), Response(str(k), arrived_at=1.0)) for k in batch])
    print(n, flush=True)
"""

    def test_two_writers_of_one_file_that_are_killed_leave_it_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        starts = [0, 10**6]
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", self.WRITER, str(path), str(start)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for start in starts
        ]
        done = []
        for writer, start in zip(writers, starts, strict=True):
            assert writer.stdout is not None
            while int(writer.stdout.readline()) < start + 20:
                pass
        for writer, start in zip(writers, starts, strict=True):
            writer.kill()
            rest, _ = writer.communicate(timeout=60)
            whole = [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
            done.append((start, int(whole[-1]) if whole else start + 20))
        cache = Cache(path)
        for start, last in done:
            keys = [key(n) for n in range(10 * start, 10 * last + 10)]
            assert len(cache.get_many(keys)) == len(keys)
            # A transaction that was cut off is there as a whole or not at all.
            after = [key(n) for n in range(10 * last + 10, 10 * last + 20)]
            assert len(cache.get_many(after)) in (0, 10)
        cache.check()
        cache.close()
        assert sorted(entry.name for entry in tmp_path.iterdir() if "corrupt" in entry.name) == []
