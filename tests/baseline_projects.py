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

# What the plugin does after the last test, as far as syrupy is concerned.
CONFTEST = """
import os
import pytest

@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    from pytest_medbench.baselines.guard import guard
    guard(session)

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session):
    result = yield
    from pytest_medbench.baselines import accepting, extension, finding, making
    from pytest_medbench.plugin import _known
    from pytest_medbench.runs import read_plan
    known = _known(session.config)
    if known is None or known.is_worker or known.account is None:
        return result
    account = known.account
    finished = making.Finished(
        known.folder.id, read_plan(known.folder.path), known.catalogue, account.outcomes,
        account.decision.verdict, known._stops.why,
    )
    key = os.environ.get("ACCEPT_AS") or finished.model
    dirname = extension.snapshots_dirname(session.config)
    suites = known.catalogue.suites
    try:
        if extension.wants_update(session.config):
            made = accepting.prepare(
                finished, key, reason=os.environ.get("REASON"), dirname=dirname,
                compared_with=os.environ.get("BASELINE"), today=os.environ.get("TODAY"),
            )
            problems = extension.assert_snapshots(
                session, suites, {each.suite.name: each.baseline for each in made},
                anchors={each.suite.name: each.anchor for each in made if each.anchor},
                update=True,
            )
        else:
            named = os.environ.get("BASELINE")
            found = finding.find(suites, named or key, named=bool(named), dirname=dirname)
            problems = [*found.problems, *found.anchor_problems]
            problems += extension.assert_snapshots(
                session, suites, found.baselines, update=False,
                failed=os.environ.get("FAILED", "").split(),
            )
    except Exception as error:
        problems = [f"{type(error).__name__}: {error}"]
    for problem in problems:
        known.say(f"baseline: {problem}")
    return result
"""


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


def run(project: Project, *arguments: str, **environ: str) -> Result:
    """Run pytest with a model that knows the key, and a conftest that accepts."""
    project.write("conftest.py", CONFTEST)
    project.environ = {"TODAY": DAY, **environ}
    named = any(argument.startswith("--medbench-model") for argument in arguments)
    model = [] if named else ["--medbench-model=python:key:right"]
    return project.run(*model, *arguments)
