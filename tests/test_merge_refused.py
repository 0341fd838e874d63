"""Runs that are not the shards of one plan: nothing is merged, and the reason is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from projects import KEY, Project
from sharded import (
    Change,
    assert_refused,
    change,
    change_journal,
    edited,
    make_sharded,
    merge,
    run_shard,
)


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_sharded(tmp_path_factory.mktemp("sharded"))


@pytest.fixture
def project(sharded: Project, tmp_path: Path) -> Project:
    """Give a copy of the project with its three shards."""
    shutil.copytree(sharded.root, tmp_path / "copy")
    return Project(tmp_path / "copy")


def test_missing_shard_is_named(project: Project) -> None:
    first, _, third = project.runs()
    assert_refused(project, merge(project, first, third), "shard 2/3 is missing")
    assert len(project.runs()) == 3


def test_shard_given_twice_is_refused(project: Project) -> None:
    first, second, third = project.runs()
    again = run_shard(project, "2/3", KEY)
    for twin in (second, again):
        result = merge(project, first, second, third, twin)
        assert_refused(project, result, "shard 2/3 is given twice", str(twin.name))


def test_shards_of_another_cut_are_refused(project: Project) -> None:
    first, second, _ = project.runs()
    other = run_shard(project, "3/4", KEY)
    assert_refused(project, merge(project, first, second, other), "into 3 and into 4")


def test_overlap_is_refused(project: Project) -> None:
    first, second, third = project.runs()
    stolen = json.loads((first / "plan.json").read_text(encoding="utf-8"))["suites"][0]["selected"]
    change(second, lambda plan: plan["suites"][0]["selected"].append(stolen[0]))
    assert_refused(project, merge(project, first, second, third), stolen[0], "another shard")


def test_item_moved_to_another_shard_is_refused(project: Project) -> None:
    first, second, third = project.runs()
    taken: list[str] = []
    change(second, lambda plan: taken.append(plan["suites"][0]["selected"].pop()))
    change(first, lambda plan: plan["suites"][0]["selected"].extend(taken))
    assert_refused(project, merge(project, first, second, third), taken[0], "another shard")


def test_whole_run_alone_is_nothing_to_merge(project: Project) -> None:
    whole = project.root / "whole"
    assert_refused(project, merge(project, whole), "nothing to merge")
    assert_refused(project, merge(project, *project.runs(), whole), str(whole), "no shard")


def test_folder_that_is_no_run_is_refused(project: Project) -> None:
    assert_refused(project, merge(project, *project.runs(), "nowhere"), "nowhere", "no run")


@pytest.mark.parametrize(
    ("path", "old", "new", "named"),
    [
        ("suites/demo/items.jsonl", "Question 3", "Question three", "its digest is"),
        ("suites/demo/suite.toml", "max_tokens = 16", "max_tokens = 17", "its digest is"),
    ],
)
def test_suite_changed_since_is_refused(
    project: Project, path: str, old: str, new: str, named: str
) -> None:
    edited(project, path, old, new)
    assert_refused(project, merge(project, *project.runs()), "suite.toml", named)


def test_suite_that_is_gone_is_refused(project: Project) -> None:
    shutil.rmtree(project.root / "suites")
    assert_refused(project, merge(project, *project.runs()), "there is no suite", "--home")


@pytest.mark.parametrize(
    ("path", "old", "new", "named"),
    [
        ("suites/demo/items.jsonl", "Question 3", "Question three", "suites.demo.digest"),
        ("medbench.toml", "overall = 0.6", "overall = 0.5", "gates.overall.min: 0.6 and 0.5"),
        ("medbench.toml", "overall = 0.6\n", "", "gates.overall"),
    ],
)
def test_shard_of_another_plan_is_refused(
    project: Project, path: str, old: str, new: str, named: str
) -> None:
    first, second, third = project.runs()
    shutil.rmtree(third)
    edited(project, path, old, new)
    third = run_shard(project, "3/3", KEY)
    assert_refused(project, merge(project, first, second, third), "shard 3/3", named)


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("--medbench-model=python:key:always_a", "differ in model.name"),
        ("--medbench-strict", "differ in settings.strict"),
        ("--medbench-sample=16", "differ in settings.sample"),
    ],
)
def test_shard_run_otherwise_is_refused(project: Project, argument: str, named: str) -> None:
    first, second, third = project.runs()
    shutil.rmtree(third)
    third = run_shard(project, "3/3", KEY, argument)
    assert_refused(project, merge(project, first, second, third), named)


def test_prompt_made_by_other_code_is_refused(project: Project) -> None:
    for folder in project.runs():
        change(folder, lambda plan: plan["suites"][0].update(prompt_digest="0" * 64))
    assert_refused(project, merge(project, *project.runs()), "its prompt_digest is")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ({"id": "q999"}, "which it did not plan"),
        ({"status": "fine"}, "holds no outcome"),
        ({"parts": 3}, "holds no outcome"),
    ],
)
def test_strange_line_of_a_journal_is_refused(
    project: Project, line: Mapping[str, Any], named: str
) -> None:
    change_journal(project.runs()[1], lambda known: known.update(line))
    assert_refused(project, merge(project, *project.runs()), named)


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("plan.json", lambda plan: plan.pop("narrowed_by")),
        ("plan.json", lambda plan: plan["gates"][0].update(colour="red")),
        ("plan.json", lambda plan: plan["gates"][0].update(min="\x1b[2J")),
        ("plan.json", lambda plan: plan["settings"].update(shard=[4, 3])),
        ("plan.json", lambda plan: plan.update(suites=[])),
        ("verdicts.json", lambda verdicts: verdicts.pop("doubts")),
    ],
)
def test_damaged_run_is_refused(project: Project, name: str, edit: Change) -> None:
    for folder in project.runs():
        change(folder, edit, name)
    result = merge(project, *project.runs())
    assert_refused(project, result)
    assert "\x1b" not in result.out
