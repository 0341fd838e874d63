"""Workers: the same outcomes and verdicts as one process, and no item lost with a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from projects import KEY, Project, questions

from pytest_medbench.distributed import _Queue, cost_of

# What depends on when an answer came, not on what was answered.
TIMING = ("asked_at", "latency", "tries")


def made(root: Path) -> Project:
    project = Project(root)
    project.suite(
        [
            *questions(10, prefix="c", specialty="internal_medicine/cardiology"),
            *questions(10, prefix="s", specialty="surgery", safety=["medication"], harm="mild"),
        ],
        name="one",
        gates='overall = 0.6\n"safety.medication" = 0.95',
    )
    project.suite([*questions(9, group="g"), "{broken"], name="two", gates="overall = 0.99")
    return project


def outcomes(project: Project) -> list[dict[str, Any]]:
    lines = [
        {key: value for key, value in line.items() if key not in TIMING}
        for line in project.journal()
    ]
    # With --dist=each every worker asks; an id counts once.
    return [line for at, line in enumerate(lines) if line not in lines[:at]]


def decided(project: Project) -> dict[str, Any]:
    verdicts = project.verdicts()
    return {key: value for key, value in verdicts.items() if key not in ("model", "notes")}


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Any, Any]:
    project = made(tmp_path_factory.mktemp("serial"))
    model = project.answer(c001="A", s002="?", q003=None)
    result = project.run("suites", model)
    return result.status, outcomes(project), decided(project)


@pytest.mark.parametrize(
    "flags",
    [
        ["-n", "2"],
        ["-n", "4"],
        ["-n", "2", "--dist=loadscope"],
        ["-n", "2", "--dist=loadfile"],
        ["-n", "2", "--dist=worksteal"],
        ["-n", "2", "--dist=loadgroup"],
        ["-n", "2", "--dist=each"],
        ["-n", "2", "--maxschedchunk=2"],
        ["-n", "0"],
    ],
    ids=" ".join,
)
def test_outcomes_and_verdicts_are_those_of_one_process(
    tmp_path: Path, serial: tuple[int, Any, Any], flags: list[str]
) -> None:
    project = made(tmp_path)
    model = project.answer(c001="A", s002="?", q003=None)
    result = project.run("suites", model, *flags)
    status, lines, verdicts = serial
    # The place of a broken line is an absolute path.
    assert _without_places(outcomes(project)) == _without_places(lines)
    assert _without_places(decided(project)) == _without_places(verdicts)
    assert result.status == status == 1


def _without_places(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(word.rpartition("/")[2] for word in value.split())
    if isinstance(value, list):
        return [_without_places(each) for each in value]
    if isinstance(value, dict):
        return {key: _without_places(each) for key, each in value.items()}
    return value


@pytest.mark.parametrize(
    ("flags", "warned"),
    [
        (["--dist=load"], None),
        (["--dist=worksteal"], None),
        (["--dist=loadgroup"], None),
        (["--dist=load", "--maxschedchunk=9"], "--maxschedchunk leaves workers without requests"),
        (["--dist=loadscope"], "--dist=loadscope keeps each suite on one worker"),
        (["--dist=loadfile"], "--dist=loadfile keeps each suite on one worker"),
        (["--dist=each"], "--dist=each has every worker ask for every item"),
        (["--dist=no"], None),
    ],
    ids=str,
)
def test_what_costs_speed_is_said(
    pytester: pytest.Pytester, flags: list[str], warned: str | None
) -> None:
    said = cost_of(pytester.parseconfigure("--tx=2*popen", *flags))
    assert said is None if warned is None else str(said).startswith(warned)


def test_queue_of_a_worker_is_a_list_that_is_cheap_to_shorten() -> None:
    queue, plain = _Queue(range(9)), list(range(9))
    for each in (queue, plain):
        each.remove(3)
        each.extend([11, 12])
    assert (queue.pop(0), queue.pop(), queue.pop(2)) == (plain.pop(0), plain.pop(), plain.pop(2))
    assert queue[-3:] == plain[-3:]
    assert list(queue) == plain
    assert len(queue) == len(plain)


def test_items_in_xdist_groups_keep_their_ids(tmp_path: Path) -> None:
    project = made(tmp_path)
    project.key_model()
    project.write(
        "conftest.py",
        "import pytest\n"
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        item.add_marker(pytest.mark.xdist_group(item.name[0]))\n",
    )
    result = project.run("suites/one", KEY, "-n", "2", "--dist=loadgroup")
    assert result.status == 0, result.out
    assert project.verdicts()["counts"]["correct"] == 20


DYING = """
import os
import key

def answer(request):
    if request.item == "s005":
        os._exit(1)
    return key.right(request)
"""


@pytest.mark.parametrize("flags", [[], ["--max-worker-restart=0"], ["--dist=loadfile"]])
def test_dead_worker_loses_no_item_silently(tmp_path: Path, flags: list[str]) -> None:
    project = made(tmp_path)
    project.key_model()
    project.write("model.py", DYING)
    model = "--medbench-model=python:model:answer"
    result = project.run("suites/one", model, "-n", "2", "--medbench-concurrency=1", *flags)
    assert result.status in (1, 11), result.out
    assert "INTERNALERROR" not in result.out
    counts = project.verdicts()["counts"]
    assert sum(counts.values()) == project.verdicts()["planned"] == 20
    assert counts["error"] + counts["not run"] >= 1
    assert project.verdicts()["verdict"] != "PASS"


def test_interrupted_parallel_run_is_not_green(tmp_path: Path) -> None:
    project = made(tmp_path)
    project.key_model()
    project.write(
        "conftest.py",
        "def pytest_runtest_logreport(report):\n"
        "    if report.nodeid.endswith('c005') and not hasattr(report, 'node'):\n"
        "        raise KeyboardInterrupt\n",
    )
    result = project.run("suites/one", KEY, "-n", "2")
    assert result.status not in (0, 5, 10), result.out
