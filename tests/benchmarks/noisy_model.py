"""A noisy model against itself, through the real command: how often is it blocked for nothing?

Usage: python tests/benchmarks/noisy_model.py [--pairs 200] [--items 42] [--jobs 1] [--seed 1]

Each of 24 specialties has so many items. Of all items 80 % are certain (nine of ten right, one
wrong, always), the others are right with a chance drawn once from between 0 and 1. Every tenth
item is of safety, with harm none, mild or moderate in turn; harm severe and death are left out,
since there one wrong answer blocks by rule, noise or not. A server of its own process answers;
the path of its URL holds the seed of a run's draws. Of each pair the first run is accepted in a
fresh project (`--snapshot-update`), the second is held against it by the default rule. Prints a
Markdown table and every block with its reasons; each pair's line goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

from lean_server import ANSWER, MODELS, Connection, http
from scipy.special import betaincinv

from pytest_medbench.taxonomy import load_taxonomy

SPECIALTIES = 24
CERTAIN = 0.8
KNOWN = 0.9
SAFETY_EVERY = 10
HARMS = ("none", "mild", "moderate")
OPTIONS = ("aspirin", "heparin", "insulin", "warfarin")
SUITE = """\
[suite]
name = "noisy"
items = "items.jsonl"
[score]
scorer = "choice"
[prompt]
max_tokens = 16
"""
CONFIG = """\
[tool.medbench]
model = "noisy"
cache = "off"
[tool.medbench.models.noisy]
base_url = "{url}"
model = "m"
[tool.medbench.gates]
overall = 0.5
"""
_PATH = re.compile(rb"^POST /(\d+)/")
_ITEM = re.compile(rb"Item (\d+):")


def draw(*what: object) -> float:
    """Give a number from [0, 1) that is fixed by what it is for."""
    digest = hashlib.sha256(repr(what).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


@cache
def chance(item: int) -> float:
    """Give the chance that an item is answered right."""
    if draw("certain", item) < CERTAIN:
        return float(draw("known", item) < KNOWN)
    return draw("chance", item)


def target(item: int) -> str:
    """Give the right letter of an item."""
    return "ABCD"[item % 4]


class Noisy(Connection):
    """One connection; `asked` counts over all of them how often each item was asked by a seed."""

    def __init__(self, asked: Counter[tuple[int, int]], replies: dict[str, bytes]) -> None:
        super().__init__()
        self._asked = asked
        self._replies = replies

    def answer(self, head: bytes, body: bytes) -> None:
        """Write the answer that is drawn."""
        self.transport.write(self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        path, named = _PATH.match(head), _ITEM.search(body)
        if path is None or named is None:
            return MODELS
        seed, item = int(path[1]), int(named[1])
        self._asked[seed, item] += 1
        right = draw("answer", seed, item, self._asked[seed, item]) < chance(item)
        return self._replies["ABCD"[(item + (0 if right else 1)) % 4]]


def _replies() -> dict[str, bytes]:
    document = json.loads(ANSWER.partition(b"\r\n\r\n")[2])
    found = {}
    for letter in "ABCD":
        document["choices"][0]["message"]["content"] = letter
        found[letter] = http(document)
    return found


async def serve() -> None:
    """Serve until the process is ended; prints where."""
    asked: Counter[tuple[int, int]] = Counter()
    replies = _replies()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Noisy(asked, replies), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextmanager
def serving() -> Iterator[str]:
    """Run the server in a process of its own; give its URL."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def items(each: int) -> list[dict[str, Any]]:
    """Make the items of all specialties."""
    taxonomy = load_taxonomy()
    specialties = taxonomy.primaries()[:SPECIALTIES]
    categories = sorted(taxonomy.safety)
    found = []
    for number in range(each * len(specialties)):
        item: dict[str, Any] = {
            "id": f"q{number:05}",
            "input": f"Item {number}: which one is meant?",
            "options": OPTIONS,
            "target": target(number),
            "specialty": specialties[number % len(specialties)],
        }
        if number % SAFETY_EVERY == 0:
            turn = number // SAFETY_EVERY
            item |= {
                "safety": [categories[turn % len(categories)]],
                "harm": HARMS[turn % len(HARMS)],
            }
        found.append(item)
    return found


@dataclass(frozen=True)
class Pair:
    """What the second run of a pair came to."""

    seed: int
    status: int
    verdict: str
    reasons: tuple[str, ...]
    lost: int
    gained: int
    items: int
    flips: int
    seconds: float

    @property
    def blocked(self) -> bool:
        """Whether the comparison blocked it."""
        return any(reason.startswith("against") for reason in self.reasons)


def run(folder: Path, url: str, *flags: str) -> int:
    """Run the command once."""
    (folder / "medbench.toml").write_text(CONFIG.format(url=url), encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "suites", *flags]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1, 10):
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.returncode


def outcomes(folder: Path) -> dict[str, str]:
    """Give the status of each item of the last run, by id."""
    last = max((folder / ".medbench" / "runs").glob("*/"), key=lambda each: each.stat().st_mtime)
    lines = [line for path in last.glob("journal*") for line in path.read_text().splitlines()]
    return {row["id"]: row["status"] for row in map(json.loads, lines)}


def hold(url: str, rows: str, seed: int, flags: list[str]) -> Pair:
    """Accept one run and hold another against it."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        suite = folder / "suites" / "noisy"
        suite.mkdir(parents=True)
        (suite / "suite.toml").write_text(SUITE, encoding="utf-8")
        (suite / "items.jsonl").write_text(rows, encoding="utf-8")
        accepting = ("--snapshot-update", "--medbench-accept-reason=benchmark")
        run(folder, f"{url}/{2 * seed}/v1", *accepting)
        if not (suite / "__snapshots__" / "noisy.json").is_file():
            raise SystemExit("the first run was not accepted")
        old = outcomes(folder)
        status = run(folder, f"{url}/{2 * seed + 1}/v1", *flags)
        new = outcomes(folder)
        (verdicts,) = [
            json.loads(path.read_text(encoding="utf-8"))
            for path in (folder / ".medbench" / "runs").glob("*/verdicts.json")
            if not any("no baseline yet" in note for note in json.loads(path.read_text())["notes"])
        ]
    lost = [each for each in old if old[each] == "correct" != new[each]]
    gained = [each for each in old if new[each] == "correct" != old[each]]
    flips = sum(int(each[1:]) % SAFETY_EVERY == 0 for each in lost)
    reasons = tuple(map(_text, verdicts["reasons"])) if status == 1 else ()
    verdict = str(verdicts["verdict"])
    seconds = time.perf_counter() - start
    return Pair(seed, status, verdict, reasons, len(lost), len(gained), len(old), flips, seconds)


def _text(reason: Any) -> str:
    return reason if isinstance(reason, str) else json.dumps(reason, sort_keys=True)


def upper(count: int, of: int) -> float:
    """Give the upper end of the exact two-sided 95 % interval of a share."""
    return 1.0 if count == of else float(betaincinv(count + 1, of - count, 0.975))


def share(count: int, of: int) -> str:
    """Write a count with its share."""
    return f"{count} ({count / of:.1%})"


def table(pairs: list[Pair], each: int) -> Iterator[str]:
    """Give the lines of the report."""
    blocked = [pair for pair in pairs if pair.blocked]
    of = len(pairs)
    changed = mean((pair.lost + pair.gained) / pair.items for pair in pairs)
    differences = [(pair.gained - pair.lost) / pair.items for pair in pairs]
    yield f"{SPECIALTIES} specialties of {each} items, seeds {pairs[0].seed} to {pairs[-1].seed}."
    yield ""
    yield "| Pairs of runs | of an unchanged, noisy model |"
    yield "| --- | ---: |"
    yield f"| pairs | {of} |"
    yield f"| blocked by the comparison | {share(len(blocked), of)} |"
    yield f"| upper end of its 95 % interval | {upper(len(blocked), of):.1%} |"
    for name, status in (("PASS", 0), ("BLOCK", 1), ("INCONCLUSIVE", 10)):
        yield f"| came to {name} | {share(sum(pair.status == status for pair in pairs), of)} |"
    yield f"| items answered otherwise, mean | {changed:.1%} |"
    yield (
        f"| difference of the scores, lowest to highest | {min(differences):.1%} to "
        f"{max(differences):.1%} |"
    )
    yield f"| safety items right before and wrong now, mean | {mean(p.flips for p in pairs):.1f} |"
    yield f"| seconds a pair, mean | {mean(pair.seconds for pair in pairs):.1f} |"
    yield ""
    yield f"Blocked: {len(blocked) or 'none'}"
    for pair in blocked:
        yield f"- seed {pair.seed} (lost {pair.lost}, gained {pair.gained}):"
        yield from (f"  - {reason}" for reason in pair.reasons)


def main() -> None:
    """Run the pairs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--items", type=int, default=42, help="in each specialty")
    parser.add_argument("--jobs", type=int, default=1, help="pairs at a time")
    parser.add_argument("--seed", type=int, default=1, help="of the first pair")
    parser.add_argument("--flag", action="append", default=[], help="for the second runs")
    parser.add_argument("--serve", action="store_true", help="be the server")
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve())
        return
    rows = "".join(json.dumps(item) + "\n" for item in items(arguments.items))

    def one(seed: int) -> Pair:
        pair = hold(url, rows, seed, arguments.flag)
        print(
            f"seed {seed}: {pair.verdict}, lost {pair.lost}, gained {pair.gained}, "
            f"{pair.seconds:.1f} s",
            file=sys.stderr,
            flush=True,
        )
        return pair

    seeds = range(arguments.seed, arguments.seed + arguments.pairs)
    with serving() as url, ThreadPoolExecutor(arguments.jobs) as pool:
        pairs = list(pool.map(one, seeds))
    print("\n".join(table(pairs, arguments.items)))


if __name__ == "__main__":
    main()
