"""Fuzz every extractor, scorer and reader; run it as a script.

    python tests/benchmarks/fuzz.py --minutes 10

Inputs are made from the fragments that the readers look for, short and 100 kB long, and mutated.
Where `atheris` can be imported (it need not be) each target is also fuzzed by coverage, in a
process of its own. What counts: an exception that is not this project's own, an error message
that could not be shown, and more than 50 ms of CPU for 100 kB (half a second for a file's reader).
A finding is made smaller, written as a file into `--findings`, and fails the run.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz_inputs import LONG, made, mutated, seeds

if TYPE_CHECKING:
    from fuzz_targets import Target

HANGS = 5.0
MOST_KEPT = 400


@dataclass(frozen=True)
class Finding:
    """Something that must not be.

    Parameters
    ----------
    target, what : str
        Two findings that are alike in both are one.
    data : bytes
        The input.
    """

    target: str
    what: str
    data: bytes


class _TooLong(BaseException):
    """No `except Exception` in the code under test may catch it."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise _TooLong


def allowed_seconds(target: Target, size: int) -> float:
    """Give the CPU seconds that an input of this size may take."""
    return target.seconds * max(1.0, size / LONG)


def check(target: Target, data: bytes) -> str | None:
    """Run a target on an input; text says what is wrong."""
    allowed = allowed_seconds(target, len(data))
    begun = time.thread_time()
    wrong = _run(target, data)
    taken = time.thread_time() - begun
    if wrong is not None or taken <= allowed:
        return wrong
    for _ in range(3):  # a collection of garbage, or another process on this core, is no finding
        begun = time.thread_time()
        _run(target, data)
        taken = min(taken, time.thread_time() - begun)
    return "too slow" if taken > allowed else None


def _run(target: Target, data: bytes) -> str | None:
    from fuzz_targets import is_allowed  # only now: atheris has to see the modules being loaded

    signal.setitimer(signal.ITIMER_VIRTUAL, HANGS)
    try:
        target.run(data)
    except _TooLong:
        return "too slow"
    except Exception as error:
        return None if is_allowed(target, error) else _described(error)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None


def _described(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "pytest_medbench" in frame.filename] or frames
    return f"{type(error).__name__} in {Path(ours[-1].filename).name}:{ours[-1].lineno}"


def smaller(target: Target, data: bytes, what: str, seconds: float = 5.0) -> bytes:
    """Take pieces out of an input as long as the same goes wrong."""
    end = time.monotonic() + seconds
    size = len(data) // 2
    while size and time.monotonic() < end:
        at = 0
        while at < len(data) and time.monotonic() < end:
            shorter = data[:at] + data[at + size :]
            if check(target, shorter) == what:
                data = shorter
            else:
                at += size
        size //= 2
    return data


class Fuzzer:
    """Tries inputs on targets, and keeps what it finds.

    Parameters
    ----------
    folder : Path
        Where findings are written.
    """

    def __init__(self, folder: Path) -> None:
        self.findings: list[Finding] = []
        self._known: set[tuple[str, str]] = set()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def tried(self, target: Target, data: bytes) -> bool:
        """Try one input; True where it was fine."""
        wrong = check(target, data)
        if wrong is None:
            return True
        if (target.name, wrong) not in self._known:
            self._known.add((target.name, wrong))
            least = data if wrong == "too slow" else smaller(target, data, wrong)
            name = f"{target.name}-{hashlib.sha256(least).hexdigest()[:12]}"
            (self._folder / name).write_bytes(least)
            self.findings.append(Finding(target.name, wrong, least))
            print(f"FOUND {target.name}: {wrong}: {least[:200]!r} ({len(least)} bytes)", flush=True)
        return False

    def by_chance(
        self, target: Target, inputs: list[bytes], rng: random.Random, seconds: float
    ) -> int:
        """Make and mutate inputs for a while; gives how many."""
        end, count = time.monotonic() + seconds, 0
        for data in inputs:
            self.tried(target, data)
        kept: list[bytes] = []
        while time.monotonic() < end:
            # Seeds stay what most inputs are made from: what is mutated often is read no further.
            known = kept if kept and rng.random() < 0.3 else inputs
            fresh = rng.random() < 0.3
            data = made(target.kind, rng) if fresh else mutated(rng.choice(known), inputs, rng)
            count += 1
            if self.tried(target, data) and len(data) < LONG // 10:
                kept.append(data)
                del kept[:-MOST_KEPT]
        return count + len(inputs)


def by_coverage(name: str, seconds: float, corpus: Path, findings: Path) -> tuple[int, str]:
    """Fuzz one target with atheris in a process of its own; gives executions and its output."""
    command = [
        *(sys.executable, __file__, "--child", name, "--seconds", str(seconds)),
        *("--corpus", str(corpus), "--findings", str(findings)),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + 120,
        check=False,
    )
    said = re.search(r"Done (\d+) runs", done.stderr)
    found = "".join(line + "\n" for line in done.stdout.splitlines() if line.startswith("FOUND"))
    if said is None:
        found += f"FOUND {name}: the process ended with {done.returncode}: {done.stderr[-500:]!r}\n"
    return int(said[1]) if said else 0, found


def child(name: str, seconds: float, corpus: Path, findings: Path) -> None:
    """Fuzz one target with atheris; never returns."""
    import atheris

    with atheris.instrument_imports(include=["pytest_medbench"]):
        from fuzz_targets import every_target

        target = next(each for each in every_target() if each.name == name)
    fuzzer = Fuzzer(findings)

    def one_input(data: bytes) -> None:
        fuzzer.tried(target, data)

    arguments = [f"-max_total_time={seconds:.0f}", "-max_len=6000", "-timeout=60"]
    # Where the process that starts this one has grown, its memory would count as this one's.
    arguments.append("-rss_limit_mb=0")
    atheris.Setup(
        [sys.argv[0], *arguments, str(corpus)],
        one_input,
    )
    atheris.Fuzz()


def every_seed(target: Target) -> Iterator[bytes]:
    """Give what a target's fuzzing begins with: good inputs, and what was found before."""
    yield from seeds()[target.kind]
    yield from target.seeds
    known = Path(__file__).parents[1] / "corpus"
    yield from (path.read_bytes() for path in sorted(known.glob("*")) if path.is_file())


def run(targets: Sequence[Target], seconds: float, arguments: argparse.Namespace) -> int:
    """Fuzz each target for its share of the time; gives how many findings there are."""
    guided = importlib.util.find_spec("atheris") is not None and not arguments.no_atheris
    print(
        f"{len(targets)} targets, {seconds:.0f} s each, " + ("atheris" if guided else "no atheris")
    )
    fuzzer, found, total = Fuzzer(arguments.findings), "", 0
    for target in targets:
        rng = random.Random(f"{arguments.seed} {target.name}")
        inputs = list(every_seed(target))
        count = fuzzer.by_chance(target, inputs, rng, seconds * (0.4 if guided else 1.0))
        runs = 0
        if guided:
            corpus = arguments.corpus / target.name
            corpus.mkdir(parents=True, exist_ok=True)
            for data in inputs:
                (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
            runs, said = by_coverage(target.name, seconds * 0.6, corpus, arguments.findings)
            found += said
        print(f"{target.name:<28}{count:>9,} by chance{runs:>9,} by coverage", flush=True)
        total += count + runs
    print(found, end="")
    print(f"{total:,} executions, {len(fuzzer.findings) + found.count('FOUND')} findings")
    return len(fuzzer.findings) + found.count("FOUND")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--target", default="*", help="a name, or a pattern such as 'answers.*'")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--findings", type=Path, help="a folder; a temporary one by default")
    parser.add_argument("--corpus", type=Path, help="a folder where atheris goes on from last time")
    parser.add_argument("--no-atheris", action="store_true", help="do not use it where it is there")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0.0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Run the command: 1 where something was found."""
    arguments = _arguments()
    signal.signal(signal.SIGVTALRM, _stop)
    if arguments.child:
        child(arguments.child, arguments.seconds, arguments.corpus, arguments.findings)
    from fuzz_targets import every_target

    scratch = Path(tempfile.mkdtemp(prefix="medbench-fuzz-"))
    arguments.findings = arguments.findings or scratch / "findings"
    arguments.corpus = arguments.corpus or scratch / "corpus"
    print(f"findings go to {arguments.findings}")
    targets = [each for each in every_target() if fnmatch(each.name, arguments.target)]
    return 1 if run(targets, 60.0 * arguments.minutes / len(targets), arguments) else 0


if __name__ == "__main__":
    sys.exit(main())
