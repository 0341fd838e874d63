"""Baselines for tests: made up, and accepted by a real run of pytest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from projects import Project, Result

from pytest_medbench.baselines.files import to_bytes, write_pair
from pytest_medbench.baselines.names import FOLDER, Which, pair_of
from pytest_medbench.baselines.records import Figures, ItemRecord, SuiteBaseline
from pytest_medbench.outcomes import Status

DIGEST = "0123456789abcdef"
DAY = "2026-11-01"


def item(id_: str = "q001", **changed: Any) -> ItemRecord:
    """Make an item's record."""
    values: dict[str, Any] = {
        "status": Status.CORRECT,
        "score": 1.0,
        "answer": "B",
        "made_with": DIGEST,
    }
    return ItemRecord(id_, **{**values, **changed})


def baseline(key: str = "ours", suite: str = "demo", **changed: Any) -> SuiteBaseline:
    """Make a baseline of two items."""
    values: dict[str, Any] = {
        "run": "20261101-000000-aaaaaa",
        "accepted_on": DAY,
        "reason": None,
        "verdict": "PASS",
        "model": {"name": key, "revision": None},
        "repeats": 1,
        "hashes": {"prompt": DIGEST},
        "slices": {"overall": Figures(0.5, 0.1, 0.9, 2)},
        "items": {
            "q001": item(),
            "q002": item("q002", status=Status.WRONG, score=0.0, answer="#0123456789ab"),
        },
    }
    return SuiteBaseline(key, suite, **{**values, **changed})


def put(folder: Path, made: SuiteBaseline, which: Which = "baseline") -> None:
    """Write a baseline beside a suite."""
    write_pair(pair_of(folder / FOLDER, made.key, which), *to_bytes(made))


def snapshots(project: Project, suite: str = "demo") -> dict[str, bytes]:
    """Give the files of a suite's snapshots by name."""
    folder = project.root / "suites" / suite / FOLDER
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}


def run(project: Project, *arguments: str, **flags: str) -> Result:
    """Run pytest with a model that knows the key; `accept_as` is `--medbench-accept-as`."""
    # syrupy takes a process that inherits this for a worker, which reports nothing.
    project.environ["PYTEST_XDIST_WORKER"] = ""
    named = any(argument.startswith("--medbench-model") for argument in arguments)
    model = [] if named else ["--medbench-model=python:key:right"]
    given = [f"--medbench-{name.replace('_', '-')}={value}" for name, value in flags.items()]
    return project.run(*model, *arguments, *given)
