"""Speed beside the bare client, as ratios measured in one run.

Usage: python tests/benchmarks/speed.py [window|cpu|cache|unused]... [--repeats 5]

`window`: 2,000 choice items, a server that answers after 200 ms, 64 in flight, one process; wall
time of the whole command over the ideal 6.25 s, beside the bare `AsyncOpenAI` client.
`cpu`: CPU an item against an instant server, (CPU at 20,000 - CPU at 2,000) / 18,000, for the
command and for the bare client. `cache`: the same with every response in the cache.
`unused`: what an installed but unused plugin adds to `pytest --collect-only`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ITEMS, DELAY, IN_FLIGHT = 2_000, 0.2, 64
IDEAL = ITEMS * DELAY / IN_FLIGHT

BARE = """
import asyncio, sys
from openai import AsyncOpenAI, DefaultAioHttpClient

async def main(url, items, in_flight):
    queue = iter(range(items))
    async with DefaultAioHttpClient() as http:
        client = AsyncOpenAI(base_url=url, api_key="none", http_client=http, max_retries=0)

        async def work():
            for number in queue:
                await client.chat.completions.create(
                    model="m", temperature=0, max_tokens=16,
                    messages=[{"role": "user", "content": f"Question {number}? A. a B. b"}],
                )

        await asyncio.gather(*(work() for _ in range(in_flight)))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def write_project(folder: Path, items: int) -> None:
    """Write a suite of choice items."""
    suite = folder / "suites" / "speed"
    suite.mkdir(parents=True)
    (suite / "suite.toml").write_text(
        '[suite]\nname = "speed"\nitems = "items.jsonl"\n[score]\nscorer = "choice"\n'
        "[prompt]\nmax_tokens = 16\n[gates]\noverall = 0.9\n"
    )
    with (suite / "items.jsonl").open("w") as file:
        for number in range(items):
            item = {
                "id": f"q{number:06}",
                "input": f"Question {number}: which of these is the right one?",
                "options": ["one", "two", "three", "four"],
                "target": "ABCD"[number % 4],
                "specialty": "internal_medicine/cardiology",
            }
            file.write(json.dumps(item) + "\n")
    (folder / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\n[tool.medbench.models.server]\n"
        'base_url = "URL"\nmodel = "m"\nrevision = "1"\n'
    )


@contextmanager
def serving(delay: float) -> Iterator[str]:
    """Run the server in a process of its own."""
    command = [sys.executable, str(HERE / "lean_server.py"), "--delay", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def cost(command: list[str], folder: Path) -> tuple[float, float]:
    """Give wall and CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def pytest_command(*flags: str) -> list[str]:
    """Give the command under measurement."""
    return [
        sys.executable, "-m", "pytest", "suites", "--medbench-model=server", "-q", *flags
    ]  # fmt: skip


def with_url(folder: Path, url: str) -> None:
    """Point the project at a server."""
    path = folder / "pyproject.toml"
    path.write_text(path.read_text().replace("URL", url))


def window(repeats: int) -> None:
    """Print wall time over the ideal."""
    ours, bare = [], []
    with serving(DELAY) as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, ITEMS)
        with_url(folder, url)
        for _ in range(repeats):
            ours.append(cost(pytest_command("--medbench-cache=off"), folder)[0] / IDEAL)
            client = [sys.executable, "-c", BARE, url, str(ITEMS), str(IN_FLIGHT)]
            bare.append(cost(client, folder)[0] / IDEAL)
    report("window: wall / ideal", ours, bare)


def cpu(repeats: int) -> None:
    """Print marginal CPU an item against an instant server."""
    ours, bare = [], []
    with serving(0.0) as url:
        for _ in range(repeats):
            ours.append(marginal(lambda f: cost(pytest_command("--medbench-cache=off"), f)[1], url))
            bare.append(marginal_bare(url))
    report("cpu: ms an item", ours, bare)


def marginal(measure: Callable[[Path], float], url: str) -> float:
    """Give milliseconds an item between 2,000 and 20,000 items."""
    used = []
    for items in (2_000, 20_000):
        with tempfile.TemporaryDirectory() as name:
            write_project(Path(name), items)
            with_url(Path(name), url)
            used.append(measure(Path(name)))
    return 1000 * (used[1] - used[0]) / 18_000


def marginal_bare(url: str) -> float:
    """Give the bare client's milliseconds an item."""
    used = [
        cost([sys.executable, "-c", BARE, url, str(items), str(IN_FLIGHT)], HERE)[1]
        for items in (2_000, 20_000)
    ]
    return 1000 * (used[1] - used[0]) / 18_000


def cache(repeats: int) -> None:
    """Print marginal CPU an item with every response in the cache."""

    def second_run(folder: Path) -> float:
        cost(pytest_command(), folder)
        return cost(pytest_command(), folder)[1]

    with serving(0.0) as url:
        ours = [marginal(second_run, url) for _ in range(repeats)]
    report("cache: ms an item", ours, [])


def unused(repeats: int) -> None:
    """Print what the plugin adds to a project that does not use it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_plain.py").write_text("def test_plain():\n    pass\n")
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
        with_it, without = [], []
        for _ in range(4 * repeats):
            with_it.append(1000 * cost(command, folder)[0])
            without.append(1000 * cost([*command, "-p", "no:medbench"], folder)[0])
    report("unused: ms of --collect-only", with_it, without)
    print(f"  difference of the medians: {median(with_it) - median(without):.1f} ms")


def median(values: list[float]) -> float:
    """Give the median."""
    return statistics.median(values)


def report(title: str, ours: list[float], bare: list[float]) -> None:
    """Print medians, ranges and the ratio."""
    line = f"{title}: ours {median(ours):.3f} ({min(ours):.3f}-{max(ours):.3f})"
    if bare:
        line += f", beside it {median(bare):.3f} ({min(bare):.3f}-{max(bare):.3f})"
        line += f", ratio {median(ours) / median(bare):.2f}"
    print(line, flush=True)


def main() -> None:
    """Run the parts that are named, or all."""
    parts = {"window": window, "cpu": cpu, "cache": cache, "unused": unused}
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[*parts, []], default=list(parts))
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    os.environ.pop("CI", None)
    for name in arguments.parts:
        parts[name](arguments.repeats)


if __name__ == "__main__":
    main()
