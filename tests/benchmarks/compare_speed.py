"""Seconds that `medbench compare` takes for two runs of many items.

Usage: python tests/benchmarks/compare_speed.py [--items 100000]
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from projects import Project, questions
from stored_runs import store_run

COMMAND = "from pytest_medbench.cli import main; raise SystemExit(main())"


def main() -> None:
    """Write both runs, and compare them twice: as text and as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    items = parser.parse_args().items
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        project.suite(questions(items, specialty="surgery"))
        for run in ("a", "b"):
            wrong = {f"q{number:03}": "E" for number in range(items) if draw.random() < 0.1}
            store_run(project, run, {"demo": wrong})
        for form in ("text", "json"):
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", COMMAND, "compare", "a", "b", "--format", form],
                cwd=folder,
                stdout=subprocess.DEVNULL,
                check=False,
            )
            print(f"{form:<5}{items:>9,} items {time.perf_counter() - started:6.1f} s")


if __name__ == "__main__":
    main()
