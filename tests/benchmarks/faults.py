"""The table of faults and what was lost to them, by the real command against a real server.

Usage: python tests/benchmarks/faults.py [server|own|commands|schedules]... [--write]

With `--keep FILE` the parts that are done are kept there, and not made again.

`server`, `own`: a row for each fault of the server and of this side, serial and with two workers.
`commands`: 24 runs that are killed at random points until one is whole. `schedules`: 3,000
schedules of faults in one process tree. `--write` makes docs/faults.md of all four.

Root can mount small disks; others get the rows of full and read-only disks left out. The clock is
set by libfaketime (Debian's package of that name), or by MEDBENCH_FAKETIME=FILE.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from faults.commands import Command, FaultServer, made, outcomes, run  # noqa: E402
from faults.disks import mounted, remount  # noqa: E402
from faults.rows import IN_FLIGHT, Row, Scenario, after, back_after, meet  # noqa: E402
from faults.trials import Kill, Trial, end_by, expected, may_take, play  # noqa: E402

WORKERS: tuple[tuple[str, ...], ...] = ((), ("-n", "2"))
TRIALS, SCHEDULES = 24, 3_000
PAGE = TESTS.parent / "docs" / "faults.md"
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
HEAD = (
    "| fault | run | items | answers given | lost | wrong statuses | asked again | "
    "exit status (right) | as it should be |\n" + "|---" * 9 + "|"
)


def server_faults(scratch: Path) -> Iterator[Scenario]:
    """Give the faults of the server."""
    error = ("error", None)
    for title, fault in {
        "bursts of 429": "429",
        "bursts of 429 with Retry-After: 1": "429-retry-after",
        "500 on every tenth request": "500",
        "connection cut in the middle of the body": "cut",
        "body that is not JSON": "not-json",
        "empty choices": "no-choices",
    }.items():
        yield Scenario(title, fault)
    yield Scenario("request never answered", "never", flags=("--medbench-timeout=3",))
    yield Scenario(
        "400 on one item: content filter",
        "filtered",
        endings={"q003": ("unparsable", "content filter")},
    )
    yield Scenario(
        "400 on one item: context length", "too-long", endings={"q003": error}, expected=(11,)
    )
    yield Scenario(
        "finish_reason length and content_filter",
        "finish",
        endings={"q003": ("unparsable", "truncated"), "q004": ("unparsable", "content filter")},
    )
    yield Scenario("redirect on one item", "redirect", endings={"q003": error}, expected=(11,))
    yield Scenario("server that redirects", "moved", expected=(4,))
    yield Scenario(
        "certificate that does not verify", expected=(4,), certificate=certificate(scratch)
    )
    yield Scenario("server dies, back after 20 s", "dies", meanwhile=back_after(20))
    yield Scenario("server gone for good", "dies", flags=("--medbench-outage=10",), expected=(11,))


def certificate(folder: Path) -> Path:
    """Make a certificate that nobody has signed."""
    key, path = folder / "key.pem", folder / "both.pem"
    if not path.exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-keyout", key, "-out", path],
            check=True, capture_output=True,
        )  # fmt: skip
        path.write_bytes(key.read_bytes() + path.read_bytes())
    return path


def own_faults(scratch: Path, workers: Sequence[str]) -> Iterator[Scenario]:
    """Give the faults on this side."""
    for kill in Kill:
        if workers or kill not in (Kill.KILL_CONTROLLER, Kill.KILL_WORKER):
            yield killed(kill, 2 if workers else 1)
    yield Scenario("two runs at once in one folder", meanwhile=second_run)
    if os.geteuid() == 0:
        yield from disk_faults()
    library = find_faketime()
    for offset in ("-2d", "+2d") if library else ():
        yield jumping_clock(scratch, library, offset)


def killed(kill: Kill, workers: int) -> Scenario:
    """Give the scenario of a signal."""
    return Scenario(
        str(kill),
        expected=expected(kill),
        meanwhile=after(15, lambda command: end_by(kill, command)),
        in_flight=may_take(kill, workers=workers),
    )


def second_run(command: Command, server: FaultServer) -> None:
    """Run the same project again at the same time."""
    other = Command(command.project, f"--medbench-concurrency={IN_FLIGHT}", said="other.txt")
    result = other.end()
    if result.status != 0:
        raise SystemExit(f"the second run ended with {result.status}:\n{result.out}")


def disk_faults() -> Iterator[Scenario]:
    """Give the faults of a disk, each a small file system of its own."""

    def on(place: str, options: str) -> Callable[[Path], AbstractContextManager[object]]:
        return lambda root: mounted(root / ".medbench" / place, options)

    def room(place: str) -> Callable[[Path], None]:
        return lambda root: remount(root / ".medbench" / place, "rw,size=10m")

    yield Scenario(
        "disk full under the cache; room, `--medbench-resume=last`",
        around=on("cache", "size=60k"), expected=(11,), mend=room("cache"),
        again=("--medbench-resume=last",),
    )  # fmt: skip
    yield Scenario(
        "disk full under the run's folder; room, the same command",
        around=on("runs", "size=12k"), expected=(11,), mend=room("runs"),
    )  # fmt: skip
    for place, title in {"cache": "cache", "runs": "run's folder"}.items():
        yield Scenario(
            f"read-only {title}", around=on(place, "ro,size=1m"), expected=(4,), mend=room(place)
        )


def find_faketime() -> str:
    """Find the library that sets a process's clock; empty if there is none."""
    named = os.environ.get("MEDBENCH_FAKETIME")
    return named or next(map(str, Path("/").glob(FAKETIME.lstrip("/"))), "")


def jumping_clock(scratch: Path, library: str, offset: str) -> Scenario:
    """Give the scenario of a clock that is set while the run is under way."""
    said = scratch / f"clock{offset}"
    said.write_text("+0\n")
    return Scenario(
        f"clock set by {offset.replace('d', ' days')}",
        environ={
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(said),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        },
        meanwhile=after(10, lambda command: said.write_text(f"{offset}\n")),
        mend=lambda root: said.write_text("+0\n"),
    )


class Table:
    """Makes the rows, and prints each as it comes.

    Parameters
    ----------
    scratch : Path
        A folder for the projects.
    only : str
        Part of the titles wanted.
    """

    def __init__(self, scratch: Path, only: str) -> None:
        self._scratch = scratch
        self._only = only
        self._made = 0
        self.twice = 0
        with FaultServer() as server:
            project = made(scratch / "undisturbed", server.base_url)
            assert run(project).status == 0
            self.undisturbed = outcomes(project)

    def rows(self, scenarios: Iterator[Scenario], workers: Sequence[str]) -> Iterator[Row]:
        """Meet each fault."""
        for scenario in scenarios:
            if self._only not in scenario.title:
                continue
            row = self._meet(scenario, workers)
            self.twice += row.twice
            print(row, flush=True)
            if not row.is_right:
                print(row.said, file=sys.stderr)
            yield row

    def _meet(self, scenario: Scenario, workers: Sequence[str]) -> Row:
        while True:
            self._made += 1
            try:
                return meet(scenario, workers, self._scratch / str(self._made), self.undisturbed)
            except AssertionError as error:
                # libfaketime now and then hangs a process as it starts.
                print(f"{scenario.title}: once more: {error}", file=sys.stderr, flush=True)
                if not scenario.environ:
                    raise

    def server(self) -> str:
        """Give the table of the server's faults."""
        scratch = self._scratch
        rows = [row for w in WORKERS for row in self.rows(server_faults(scratch), w)]
        return _table(rows)

    def own(self) -> str:
        """Give the table of this side's faults."""
        scratch = self._scratch
        rows = [row for w in WORKERS for row in self.rows(own_faults(scratch, w), w)]
        return _table(rows)

    def commands(self) -> str:
        """Play the trials, and say what came of them."""
        lines, kills, lost, may, wrong = [], 0, 0, 0, 0
        for seed in range(TRIALS):
            trial = Trial.drawn(seed)
            report = play(trial, self._scratch / f"trial-{seed}", self.undisturbed)
            kills += len(trial.kills)
            lost += report.lost
            may += report.may_be_lost
            wrong += bool(report.wrong)
            said = "; ".join(report.wrong) or "as undisturbed"
            statuses = " ".join(map(str, report.statuses))
            cells = [trial, report.lost, report.may_be_lost, statuses, said.splitlines()[0]]
            lines.append(f"| {' | '.join(map(str, cells))} |")
            print(lines[-1], flush=True)
            if report.wrong:
                print(*report.wrong, sep="\n", file=sys.stderr)
        head = "| schedule | lost | in flight, at most | exit statuses | outcomes |\n"
        return (
            f"{TRIALS} schedules, {kills} runs ended before their time, {wrong} schedules with "
            f"anything wrong; {lost} answers lost of at most {may} in flight at a "
            f"SIGKILL or a second Ctrl-C. With no failure in {TRIALS}, at most "
            f"{bound(TRIALS):.1%} of such schedules fail (95 %).\n\n"
            + head + "|---" * 5 + "|\n" + "\n".join(lines)
        )  # fmt: skip

    def schedules(self) -> str:
        """Run the schedules over broker, cache and journal, and say what came of them."""
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider",
             str(TESTS / "test_fault_schedules.py"), "-k", "schedule_of_faults"],
            env={**os.environ, "MEDBENCH_SCHEDULES": str(SCHEDULES)},
            cwd=TESTS.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
        line = re.search(r"^\d+ schedules.*$", done.stdout, re.MULTILINE)
        if done.returncode or line is None:
            raise SystemExit(f"the schedules failed:\n{done.stdout}\n{done.stderr}")
        text = f"{line[0]}. They took {time.monotonic() - begun:,.0f} s."
        print(text, flush=True)
        return text


def bound(count: int) -> float:
    """Give the share of failures that so many trials without one rule out, at 95 %."""
    return 1 - 0.05 ** (1 / count)


def _table(rows: Sequence[Row]) -> str:
    return "\n".join([HEAD, *map(str, rows)])


PAGE_TEXT = """\
# What faults cost

A run of 40 items with {in_flight} requests in flight in each process meets one fault, by the real
command against a real server in a process of its own, and is run again without it. Its answers and
the statuses of its items are held against those of a run without faults.

- **answers given**: items that the server had answered whole before the run with the fault ended,
  or was about to, where the fault is on this side.
- **lost**: those of them that are in no file of the project afterwards.
- **wrong statuses**: items with another status than without the fault, in the first run or after
  the second; an `error` for want of an answer is no other status, a score would be.
- **asked again**: answers that the second run asked for although they had been given.
- **exit status**: of the run with the fault, and in brackets the right one. The run after it ended
  with 0 wherever the last column says yes.

A kill takes with it what is in flight, at most {in_flight} answers for each process that is
killed, and what has just arrived and is being written, at most as many again.
A negative exit status is the signal that ended the process. Of all answers in the two tables,
{twice} were given to two processes of one run, or to the two runs at once.

## Faults of the server

{server}

## Faults on this side

{own}

{left_out}

## Whole commands, killed at random points

Each schedule kills the command once or twice, after a random number of requests, then lets it run
to its end: the same command again, or `--medbench-resume=last` with no cache. "As undisturbed" says
that the outcomes are those of a serial run without any fault, byte for byte once sorted, and that
no status was 0, 1 or 10 before all items had run.

{commands}

## Schedules over broker, cache and journal

Each is drawn by hypothesis: processes that ask through the real broker, cache and journal, with a
model that refuses, fails, hangs, is late or goes away; that are killed before, in and after any
write, stopped, or run into a full disk, with a clock that is wrong; that resume, start anew in any
cache mode, or run beside each other; and between them journals that are torn and caches that are
cut short, overwritten or removed. After each process: no item asked for whose answer is on disk, no
answer handed over that is not, no score without an answer, one status for each item, a journal that
reads and holds what was reported. At the end the outcomes are those of a run without any fault.

{schedules}

## How this page was made

`python tests/benchmarks/faults.py --write`, on {date}: {versions}.
"""


def write_page(parts: dict[str, object]) -> None:
    """Write docs/faults.md."""
    names = ("pytest-medbench", "pytest", "pytest-xdist", "openai", "hypothesis")
    versions = [f"{name} {version(name)}" for name in names]
    left_out = [] if os.geteuid() == 0 else ["Without root no disk was made full or read-only."]
    left_out += [] if find_faketime() else ["Without libfaketime no clock was set."]
    PAGE.write_text(
        PAGE_TEXT.format(
            **parts,
            in_flight=IN_FLIGHT,
            left_out=" ".join(left_out),
            date=time.strftime("%Y-%m-%d"),
            versions=", ".join([*versions, f"Python {platform.python_version()}",
                                f"{platform.system()}, {os.cpu_count()} processors"]),
        ).replace("\n\n\n", "\n\n"),
        encoding="utf-8",
    )  # fmt: skip


def main() -> None:
    """Run the parts that are named, or all."""
    names = ("server", "own", "commands", "schedules")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*names, []], default=[])
    parser.add_argument("--only", default="", help="rows whose title holds this text")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument("--keep", type=Path, help="a file for the parts that are done")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as name:
        table = Table(Path(name), arguments.only)
        kept = arguments.keep
        parts = json.loads(kept.read_text()) if kept and kept.exists() else {}
        for part in arguments.parts or names:
            if part not in parts:
                parts[part] = getattr(table, part)()
                parts["twice"] = parts.get("twice", 0) + table.twice
                table.twice = 0
                if kept:
                    kept.write_text(json.dumps(parts))
    print(f"{parts['twice']} answers given to two processes of one run, or to two runs at once")
    if arguments.write and set(parts) >= set(names):
        write_page(parts)


if __name__ == "__main__":
    main()
