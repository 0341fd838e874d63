"""Responses on disk: identity, several processes, kills, corrupt files."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pytest_medbench.cache import Cache, CacheError, cache_key
from pytest_medbench.exchange import Response

TEXT = st.text(st.characters(exclude_categories=[]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
TABLE = st.dictionaries(TEXT, JSON, max_size=4)
NOW = 1_800_000_000.0


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def response(text: str = "A", arrived_at: float = NOW) -> Response:
    return Response(text, arrived_at=arrived_at)


def reverse(value: Any) -> Any:
    """The same JSON value with every mapping in the opposite order."""
    if isinstance(value, dict):
        return {name: reverse(entry) for name, entry in reversed(value.items())}
    if isinstance(value, list):
        return [reverse(entry) for entry in value]
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are written alike: 1, 1.0 and true are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


def run_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def overwrite_end(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


def cut_short(path: Path) -> None:
    os.truncate(path, 6000)


class TestKey:
    @given(TABLE, TABLE, st.integers(0, 99))
    def test_order_of_keys_does_not_matter(
        self, model: dict[str, Any], wire: dict[str, Any], sample: int
    ) -> None:
        assert cache_key(model, wire, sample) == cache_key(reverse(model), reverse(wire), sample)

    @given(TABLE, TABLE)
    @example({"seed": 1}, {"seed": 1.0})
    @example({"seed": 1}, {"seed": True})
    @example({"stop": None}, {})
    def test_any_change_of_request_or_model_changes_it(
        self, one: dict[str, Any], other: dict[str, Any]
    ) -> None:
        assume(not same(one, other))
        assert cache_key({}, one, 0) != cache_key({}, other, 0)
        assert cache_key(one, {}, 0) != cache_key(other, {}, 0)

    @given(TABLE, TABLE)
    def test_model_and_request_are_not_mixed_up(
        self, one: dict[str, Any], other: dict[str, Any]
    ) -> None:
        assume(not same(one, other))
        assert cache_key(one, other, 0) != cache_key(other, one, 0)

    @given(st.integers(0, 1000), st.integers(0, 1000))
    def test_each_sample_has_its_own(self, one: int, other: int) -> None:
        assert (cache_key({}, {}, one) == cache_key({}, {}, other)) == (one == other)

    def test_is_the_same_in_every_process_and_version(self) -> None:
        stored = cache_key({"model": "m"}, {"messages": [{"content": "剂量？"}]}, 0)
        code = (
            "from pytest_medbench.cache import cache_key\n"
            "print(cache_key({'model': 'm'}, {'messages': [{'content': '剂量？'}]}, 0).hex())"
        )
        out, _ = run_python(code).communicate(timeout=60)
        assert out.strip() == stored.hex()
        # A change of the key asks everything again: that is for a release to say, not to happen.
        assert stored.hex().startswith("d7ca65906200e82d")


class TestCache:
    @given(
        st.builds(
            Response,
            text=TEXT,
            finish_reason=st.sampled_from(["stop", "length", "content_filter"]),
            top_logprobs=st.lists(
                st.tuples(TEXT, st.floats(max_value=0, allow_nan=False)), max_size=3
            ).map(tuple),
            tool_calls=st.lists(TABLE, max_size=2).map(tuple),
            input_tokens=st.integers(0, 10**6),
            output_tokens=st.integers(0, 10**6),
            latency=st.integers(0, 10**6).map(lambda n: n / 1000),
            model=st.none() | TEXT,
            system_fingerprint=st.none() | TEXT,
            arrived_at=st.floats(0, 4e9),
            tries=st.integers(1, 8),
        )
    )
    def test_gives_back_what_was_put_in(
        self, tmp_path_factory: pytest.TempPathFactory, stored: Response
    ) -> None:
        cache = Cache(tmp_path_factory.mktemp("cache") / "responses.sqlite")
        cache.put_many([(key(1), stored)])
        assert cache.get_many([key(1)]) == {key(1): replace(stored, tries=0)}
        cache.close()

    def test_finds_many_with_one_call_and_leaves_out_the_missing(self, tmp_path: Path) -> None:
        cache = Cache(tmp_path / "new" / "folder" / "responses.sqlite")
        cache.put_many((key(n), response(str(n))) for n in range(2000))
        found = cache.get_many(key(n) for n in range(0, 4000, 2))
        assert {k: r.text for k, r in found.items()} == {key(n): str(n) for n in range(0, 2000, 2)}

    def test_last_response_counts(self, tmp_path: Path) -> None:
        cache = Cache(tmp_path / "responses.sqlite")
        cache.put_many([(key(1), response("A"))])
        cache.put_many([(key(1), response("B"))])
        assert cache.get_many([key(1)])[key(1)].text == "B"

    def test_row_that_cannot_be_read_is_a_miss(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        cache = Cache(path)
        cache.put_many([(key(n), response()) for n in range(6)])
        broken = [b"\xff\xfe", b"{", b"[]", b'{"text": 1}', b"null"]
        with sqlite3.connect(path) as connection:
            for n, stored in enumerate(broken):
                connection.execute(
                    "UPDATE responses_1 SET response = ? WHERE key = ?", (stored, key(n))
                )
        connection.close()
        assert list(cache.get_many(key(n) for n in range(6))) == [key(5)]

    def test_several_threads_write_at_once(self, tmp_path: Path) -> None:
        cache = Cache(tmp_path / "responses.sqlite")

        def write(start: int) -> None:
            for n in range(start, start + 50):
                cache.put_many([(key(n), response(str(n)))])

        threads = [threading.Thread(target=write, args=(50 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(cache.get_many(key(n) for n in range(200))) == 200
        cache.close()

    def test_two_processes_write_one_file_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        code = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("error")
from pytest_medbench.cache import Cache
from pytest_medbench.exchange import Response
cache, start = Cache(Path(sys.argv[1])), int(sys.argv[2])
for n in range(start, start + 300):
    cache.put_many([(n.to_bytes(32, "big"), Response(str(n), arrived_at=1.0))])
cache.close()
"""
        writers = [run_python(code, path, start) for start in (0, 300)]
        for writer in writers:
            _, said = writer.communicate(timeout=60)
            assert (writer.returncode, said) == (0, "")
        assert len(Cache(path).get_many(key(n) for n in range(600))) == 600

    def test_what_was_put_in_survives_a_kill(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        code = """
import sys
from pathlib import Path
from pytest_medbench.cache import Cache
from pytest_medbench.exchange import Response
cache = Cache(Path(sys.argv[1]))
for n in range(10**9):
    cache.put_many([(n.to_bytes(32, "big"), Response(str(n), arrived_at=1.0))])
    print(n, flush=True)
"""
        writer = run_python(code, path)
        assert writer.stdout is not None
        while int(writer.stdout.readline()) < 40:
            pass
        os.kill(writer.pid, signal.SIGKILL)
        rest, _ = writer.communicate(timeout=60)
        kept = int(rest.split()[-1]) if rest.endswith("\n") and rest.split() else 40
        cache = Cache(path)
        assert len(cache.get_many(key(n) for n in range(kept + 1))) == kept + 1
        cache.put_many([(key(kept + 10), response())])
        cache.close()


class TestCorruptFile:
    def test_is_set_aside_with_a_warning_and_a_new_one_begun(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        path.write_bytes(b"this is no database" * 500)
        cache = Cache(path)
        with pytest.warns(UserWarning, match=r"responses\.sqlite is corrupt.*a new one is begun"):
            assert cache.get_many([key(1)]) == {}
        cache.put_many([(key(1), response())])
        assert cache.get_many([key(1)])
        (aside,) = tmp_path.glob("*.corrupt-*")
        assert aside.read_bytes().startswith(b"this is no database")

    @pytest.mark.parametrize("spoil", [overwrite_end, cut_short])
    def test_is_found_once_its_pages_are_read(
        self, tmp_path: Path, spoil: Callable[[Path], None]
    ) -> None:
        path = tmp_path / "responses.sqlite"
        cache = Cache(path)
        cache.put_many((key(n), response("x" * 900)) for n in range(300))
        cache.close()
        spoil(path)
        with pytest.warns(UserWarning, match="is corrupt"):
            cache.put_many((key(n), response()) for n in range(300))
        assert len(cache.get_many(key(n) for n in range(300))) == 300

    @pytest.mark.filterwarnings("error")
    def test_warning_as_error_loses_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        path.write_bytes(b"no database" * 500)
        cache = Cache(path)
        with pytest.raises(UserWarning):
            cache.put_many([(key(1), response())])
        assert cache.get_many([key(1)])

    def test_two_processes_that_find_it_at_once_share_the_new_one(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        path.write_bytes(b"no database" * 500)
        code = """
import sys
from pathlib import Path
from pytest_medbench.cache import Cache
from pytest_medbench.exchange import Response
cache, start = Cache(Path(sys.argv[1])), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for n in range(start, start + 50):
    cache.put_many([(n.to_bytes(32, "big"), Response(str(n), arrived_at=1.0))])
"""
        command = [sys.executable, "-W", "ignore", "-c", code, str(path)]
        finders = [
            subprocess.Popen(
                [*command, str(start)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for start in (0, 50, 100)
        ]
        for finder in finders:
            assert finder.stdout is not None
            assert finder.stdout.readline() == "ready\n"
        for finder in finders:
            assert finder.stdin is not None
            finder.stdin.write("\n")
            finder.stdin.flush()
        for finder in finders:
            _, said = finder.communicate(timeout=60)
            assert (finder.returncode, said) == (0, "")
        assert len(list(tmp_path.glob("*.corrupt-*"))) == 1
        assert len(Cache(path).get_many(key(n) for n in range(150))) == 150

    def test_one_that_another_process_has_set_aside_by_then_is_not_set_aside_again(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "responses.sqlite"
        path.write_bytes(b"no database" * 500)

        class Slower(Cache):
            def _set_aside(self, reason: str) -> None:
                with pytest.warns(UserWarning, match="is corrupt"):
                    Cache(path).put_many([(key(1), response())])
                super()._set_aside(reason)

        slower = Slower(path)
        slower.put_many([(key(2), response())])
        assert len(slower.get_many([key(1), key(2)])) == 2
        assert len(list(tmp_path.glob("*.corrupt-*"))) == 1

    def test_other_open_connection_follows_to_the_new_file(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        early = Cache(path)
        early.put_many([(key(1), response())])
        path.rename(tmp_path / "responses.sqlite.corrupt-by-another")
        early.put_many([(key(2), response())])
        assert list(Cache(path).get_many([key(1), key(2)])) == [key(2)]

    def test_is_left_alone_where_nothing_may_be_written(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        path.write_bytes(b"no database" * 500)
        with pytest.warns(UserWarning, match="is corrupt.*not used"):
            assert Cache(path, read_only=True).get_many([key(1)]) == {}
        assert [entry.name for entry in tmp_path.iterdir()] == ["responses.sqlite"]


class TestUnusablePlace:
    def test_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        cache = Cache(tmp_path / "file" / "responses.sqlite")
        with pytest.raises(CacheError, match=r"file/responses\.sqlite cannot be used.*folder"):
            cache.put_many([(key(1), response())])

    def test_full_disk_says_so(self, tmp_path: Path) -> None:
        code = """
import resource, signal, sys
from pathlib import Path
from pytest_medbench.cache import Cache, CacheError
from pytest_medbench.exchange import Response
cache = Cache(Path(sys.argv[1]))
cache.put_many([(bytes(32), Response("x", arrived_at=1.0))])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    for n in range(1, 10**6):
        cache.put_many([(n.to_bytes(32, "big"), Response("x" * 50_000, arrived_at=1.0))])
except CacheError as error:
    print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY)[:1] * 2)
print(len(cache.get_many([bytes(32)])))
"""
        writer = run_python(code, tmp_path / "responses.sqlite")
        out, said = writer.communicate(timeout=60)
        message, found = out.strip().splitlines()
        assert (writer.returncode, said, found) == (0, "", "1")
        assert "responses.sqlite" in message
        assert "room" in message
