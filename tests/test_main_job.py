"""The main job from end to end: the starter suites, a server, a verdict."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from projects import Project, Result
from wrong_projects import REVISION, STARTERS, KeyServer, serve, with_starters, wrong_project

from pytest_medbench import scorers

SIZES = {
    path.parent.name: len(path.read_text(encoding="utf-8").splitlines())
    for path in sorted(STARTERS.glob("*/items.jsonl"))
}
NAMES = list(SIZES)
ITEMS = sum(SIZES.values())
JUDGED = "writing-judged"
RIGHT = ITEMS - SIZES[JUDGED]
GATES = {
    name: tomllib.loads((STARTERS / name / "suite.toml").read_text("utf-8")).get("gates", {})
    for name in NAMES
}
HEX = re.compile(r"[0-9a-f]{16,64}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = wrong_project(tmp_path_factory.mktemp("main_job"))
    with_starters(made)
    return made


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[KeyServer]:
    with KeyServer(project.root) as running:
        serve(project, running, further=REVISION)
        yield running


@pytest.fixture(scope="module")
def first(project: Project, server: KeyServer) -> Result:
    """Run once; everything below looks at what this left."""
    result = project.run("suites", "-p", "no:cacheprovider")
    assert len(server.requests) == ITEMS, result.out
    return result


def document(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return found


def folder_of(project: Project) -> Path:
    return project.runs()[0]


def without_time(verdicts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in verdicts.items() if key != "notes"}


def test_right_answers_pass_and_exit_zero(project: Project, first: Result) -> None:
    assert first.status == 0
    ended = f"{RIGHT} correct, {SIZES[JUDGED]} unscored"
    assert f"{ITEMS} items planned: {ended}" in first.out
    assert f"{ended} in " in first.out.splitlines()[-1]
    assert len(first.out.splitlines()) <= 60


def test_terminal_and_verdicts_agree(project: Project, first: Result) -> None:
    verdicts = document(folder_of(project), "verdicts.json")
    assert (verdicts["verdict"], verdicts["exit_status"]) == ("PASS", 0)
    assert verdicts["planned"] == ITEMS
    assert verdicts["counts"]["correct"] == RIGHT
    assert f"{verdicts['headline']} (exit status 0; all of it: .medbench/runs/" in first.out
    table = first.out.partition("asked for  slice")[2]
    shown = 0
    for row in verdicts["verdicts"]:
        lines = [line for line in table.splitlines() if line.endswith(f" {row['slice']['title']}")]
        # The worst twenty stand there, and all of them in verdicts.json.
        assert len(lines) <= 1
        for line in lines:
            shown += 1
            assert line.split()[:2] == [row["verdict"], f"{100 * row['slice']['score']:.1f}"]
            assert f"{100 * row['slice']['low']:.1f}" in line
    assert shown == 20
    gated = {name for name, gates in GATES.items() if gates}
    assert {row["gate"]["scope"] for row in verdicts["verdicts"]} == {None, *gated}


def test_plan_says_what_was_asked_of_whom(project: Project, first: Result) -> None:
    plan = document(folder_of(project), "plan.json")
    assert (plan["planned"], plan["partial"]) == (ITEMS, None)
    assert (plan["model"]["name"], plan["model"]["revision"]) == ("server", "build-1")
    assert plan["model"]["served"] == {"id": "loopback"}
    assert [suite["name"] for suite in plan["suites"]] == NAMES
    for suite in plan["suites"]:
        assert HEX.fullmatch(suite["digest"])
        assert HEX.fullmatch(suite["prompt_digest"])
        assert suite["digest"] != suite["prompt_digest"]
        assert suite["scorer"]["scorer"] in scorers.names()
        assert suite["selected"] == "all"
    assert plan["settings"]["cache"] == "on"
    assert {"pytest-medbench", "pytest", "openai", "python"} <= set(plan["versions"])
    assert len(plan["gates"]) == sum(map(len, GATES.values()))
    assert "commit" in plan


def test_journal_has_every_item_once(project: Project, first: Result) -> None:
    lines = [
        json.loads(line)
        for path in folder_of(project).glob("journal*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    keys = {(line["suite"], line["id"]) for line in lines}
    assert len(lines) == len(keys) == ITEMS
    ends = {(line["suite"] == JUDGED, line["status"]) for line in lines}
    assert ends == {(False, "correct"), (True, "unscored")}
    assert {line["served_by"] for line in lines} == {"loopback fp-1"}


def test_run_is_listed(project: Project, first: Result) -> None:
    main = "from pytest_medbench.cli import main; raise SystemExit(main())"
    listed = project.command("-c", main, "runs")
    assert listed.status == 0
    line = listed.line(folder_of(project).name)
    for word in ("server", str(ITEMS), "PASS"):
        assert word in line


@pytest.mark.parametrize("workers", ["0", "2"])
def test_second_run_asks_nothing_and_decides_the_same(
    project: Project, server: KeyServer, first: Result, workers: str
) -> None:
    server.requests.clear()
    again = project.run("suites", "-p", "no:cacheprovider", "-n", workers)
    assert again.status == 0
    assert server.requests == []
    assert f"{ITEMS} of {ITEMS} answers came from the cache" in again.out
    verdicts = without_time(project.verdicts())
    assert verdicts == without_time(document(folder_of(project), "verdicts.json"))


def test_parallel_run_decides_as_a_serial_one_about_a_model_that_errs(
    project: Project, server: KeyServer, first: Result
) -> None:
    server.instead = lambda asked, right: "C" if right in "ABCD" else right
    found = []
    for workers in ("0", "2"):
        result = project.run("suites", "--medbench-cache=off", "-n", workers)
        assert result.status == 1
        found.append(without_time(project.verdicts()))
        assert found[-1]["verdict"] == "BLOCK"
    server.instead = lambda asked, right: right
    assert found[0] == found[1]
