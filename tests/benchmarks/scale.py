"""Many items, many processes: time, CPU and memory of the real command.

Usage: python tests/benchmarks/scale.py [PART]... [--items 100000] [--repeats 1]

`cache`: every response in the cache, serial. `resume`: the second half, or all but the last
1,000, are not in it; when does the first new request reach the server? `control`: answers of
`control:first`. `cache-n2` and `control-n2`: the same with two workers. `window` and
`window-n2`: 2,000 items, 200 ms, 200 in flight in one process and 64 in each of two, as the
ratio of what is left after start-up (the same command with two items) to the ideal.

RSS is the sum over all processes and counts shared pages in each; PSS counts them once.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from footprint import Footprint, measure
from speed import median, with_url, write_project

from pytest_medbench import models
from pytest_medbench.cache import Cache, KeyMaker
from pytest_medbench.exchange import Response
from pytest_medbench.prompts import Prompter
from pytest_medbench.scorers import bind
from pytest_medbench.suites import read_suite
from pytest_medbench.taxonomy import load_taxonomy

HERE = Path(__file__).parent
CACHE = Path(".medbench/cache/responses.sqlite")
HEAD = f"{'part':<22}{'items':>9}{'s':>8}{'CPU s':>8}{'RSS MB':>8}{'PSS MB':>8}{'status':>8}  "


@contextmanager
def serving(folder: Path, delay: float = 0.0) -> Iterator[tuple[str, Path]]:
    """Run the server in a process of its own; give its URL and the file of its stamps."""
    stamps = folder / "stamps"
    script = str(HERE / "stamped_server.py")
    command = [sys.executable, script, str(stamps), "--delay", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), stamps
        finally:
            process.kill()


@contextmanager
def project(items: int, delay: float = 0.0) -> Iterator[tuple[Path, str, Path]]:
    """Write a project with a server beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder, delay) as (url, stamps):
            write_project(folder, items)
            with_url(folder, url)
            yield folder, url, stamps


def fill(folder: Path, url: str, stored: Callable[[int], bool]) -> None:
    """Put the responses into the cache that a run would have put there."""
    alias = {"base_url": url, "model": "m", "revision": "1"}
    model = models.resolve("server", aliases={"server": alias}, root=folder, environ={})
    asyncio.run(_started(model))
    make_key = KeyMaker(model.fingerprint())
    suite = read_suite(folder / "suites/speed/suite.toml", load_taxonomy(), bind)
    prompter, read = Prompter(suite), suite.reader()
    response = Response(
        "A", input_tokens=10, output_tokens=1, model="m", system_fingerprint="lean",
        arrived_at=time.time(),
    )  # fmt: skip
    requests = (
        prompter.request(read(entry)) for at, entry in enumerate(suite.entries) if stored(at)
    )
    cache = Cache(folder / CACHE)
    cache.put_many((make_key(model.wire(request), 0), response) for request in requests)
    cache.close()
    read.close()


async def _started(model: models.Model) -> None:
    await model.start()
    await model.close()


def command(*flags: str, model: str = "server") -> list[str]:
    """Give the command under measurement."""
    return [
        sys.executable, "-m", "pytest", "suites", f"--medbench-model={model}", "-q",
        "-p", "no:randomly", *flags,
    ]  # fmt: skip


def run(folder: Path, *flags: str, model: str = "server") -> Footprint:
    """Measure the command; stop where it did not come to a verdict."""
    done = measure(command(*flags, model=model), folder)
    if done.status not in (0, 1, 10):
        raise SystemExit(f"{flags} ended with {done.status}:\n{done.out[-3000:]}")
    return done


def show(part: str, items: int, done: Footprint, more: str = "") -> None:
    """Print a row."""
    each = " + ".join(f"{used:.0f}" for _, used in sorted(done.each.items()) if used > 20)
    print(
        f"{part:<22}{items:>9,}{done.seconds:>8.1f}{done.cpu:>8.1f}{done.rss:>8.0f}"
        f"{done.pss:>8.0f}{done.status:>8}  RSS of each {each}{more and '; ' + more}",
        flush=True,
    )


def cached(*flags: str) -> Callable[[int, int], None]:
    """Give the part that finds every response in the cache."""

    def part(items: int, repeats: int) -> None:
        with project(items) as (folder, url, stamps):
            fill(folder, url, lambda at: True)
            for _ in range(repeats):
                done = run(folder, *flags)
                asked = stamps.read_text().count("\n")
                show(" ".join(["cache", *flags]), items, done, f"{asked} asked")

    return part


def controlled(*flags: str) -> Callable[[int, int], None]:
    """Give the part that asks a control."""

    def part(items: int, repeats: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            write_project(Path(name), items)
            for _ in range(repeats):
                done = run(Path(name), *flags, model="control:first")
                show(" ".join(["control", *flags]), items, done)

    return part


def cut_off(folder: Path, lines: int) -> None:
    """Begin a run and kill it once its journal has so many lines."""
    runs = folder / ".medbench" / "runs"
    with subprocess.Popen(command(), cwd=folder, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            journal = next(runs.glob("*/journal*.jsonl"), None)
            if journal is not None and journal.read_bytes().count(b"\n") >= lines:
                process.kill()
            time.sleep(0.2)


def resume(items: int, repeats: int) -> None:
    """Print how long the first new request takes after a run that was killed."""
    for title, stored in (
        ("resume half", lambda at: at < items // 2),
        ("resume last 1,000", lambda at: at < items - 1000),
    ):
        for _ in range(repeats):
            with project(items) as (folder, url, stamps):
                fill(folder, url, stored)
                known = sum(map(stored, range(items)))
                cut_off(folder, known)
                os.truncate(stamps, 0)
                done = run(folder)
                asked = [float(line) for line in stamps.read_text().split()]
                show(
                    title, items, done,
                    f"first of {len(asked):,} new requests after "
                    f"{min(asked, default=math.nan) - done.begun:.1f} s",
                )  # fmt: skip


def windowed(in_flight: int, *flags: str) -> Callable[[int, int], None]:
    """Give the part that compares a run with its ideal, start-up taken off."""
    flight = (f"--medbench-concurrency={in_flight}", "--medbench-cache=off", *flags)
    processes = 2 if "2" in flags else 1

    def part(items: int, repeats: int) -> None:
        items = 2_000
        ideal = items * 0.2 / (in_flight * processes)
        ratios = []
        with project(2 * processes, 0.2) as (small, _, _), project(items, 0.2) as (folder, _, _):
            for _ in range(repeats):
                start = run(small, *flight)
                done = run(folder, *flight)
                ratios.append((done.seconds - start.seconds) / ideal)
                more = f"start-up {start.seconds:.2f} s, ratio {ratios[-1]:.2f}"
                show(" ".join(["window", *flags]), items, done, more)
        print(f"  ideal {ideal:.2f} s, median ratio {median(ratios):.2f}")

    return part


PARTS: dict[str, Callable[[int, int], None]] = {
    "cache": cached(),
    "resume": resume,
    "control": controlled(),
    "cache-n2": cached("-n", "2"),
    "control-n2": controlled("-n", "2"),
    "window": windowed(200),
    "window-n2": windowed(64, "-n", "2"),
}


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    os.environ.pop("CI", None)
    print(HEAD)
    for name in arguments.parts:
        PARTS[name](arguments.items, arguments.repeats)


if __name__ == "__main__":
    main()
