"""Projects run in shards, and their runs merged."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from projects import KEY, Project, Result, questions

from pytest_medbench.cli import main

GATES = 'overall = 0.6\n"specialty.*" = { min = 0.4, min_items = 3 }'
MERGE = "from pytest_medbench.cli import main; raise SystemExit(main())"
Change = Callable[[dict[str, Any]], object]


def items() -> list[dict[str, Any]]:
    cardiac = questions(8, specialty="internal_medicine/cardiology")
    return [*cardiac, *questions(8, prefix="s", specialty="surgery", safety=["medication"])]


def medbench(project: Project, *arguments: str | Path, ci: bool = False) -> Result:
    """Run the command in a process of its own."""
    return project.command("-c", MERGE, *map(str, arguments), ci=ci)


def merge(project: Project, *arguments: str | Path) -> Result:
    """Run the command in this process, at a desk."""
    home = str(project.root / ".medbench")
    said = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        patch.delenv("CI", raising=False)
        status = main(["merge", *map(str, arguments), "--home", home])
    return Result(status, said.getvalue())


def run_shard(project: Project, part: str, *arguments: str) -> Path:
    """Run a shard; give its folder."""
    before = set(project.runs())
    result = project.run("suites", f"--medbench-shard={part}", *arguments)
    (folder,) = set(project.runs()) - before or pytest.fail(result.out)
    return folder


def new_project(root: Path, **suite_: Any) -> Project:
    project = Project(root)
    project.key_model()
    project.config(f"[tool.medbench.gates]\n{GATES}\n")
    project.suite(items(), **suite_)
    return project


def change(folder: Path, edit: Change, name: str = "plan.json") -> None:
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    edit(document)
    (folder / name).write_text(json.dumps(document), encoding="utf-8")


def change_journal(folder: Path, edit: Change) -> None:
    """Edit the first line of a run's journal."""
    path = folder / "journal-main.jsonl"
    first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    line = json.loads(first)
    edit(line)
    path.write_text(json.dumps(line) + "\n" + "".join(rest), encoding="utf-8")


def assert_refused(project: Project, result: Result, *parts: str) -> None:
    assert result.status == 2, result.out
    assert result.out.startswith("medbench: ")
    assert len(result.out.splitlines()) == 1
    for part in parts:
        assert part in result.out


def edited(project: Project, path: str, old: str, new: str) -> None:
    file = project.root / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def merged_after(project: Project, model: str, *arguments: str) -> Result:
    """Run two shards with this model and merge them."""
    shards = [run_shard(project, f"{number}/2", model, *arguments) for number in (1, 2)]
    return merge(project, *shards)


def make_sharded(root: Path) -> Project:
    """Three shards that answer all rightly, and beside them the whole run, in `whole`."""
    project = new_project(root)
    whole = project.run("suites", KEY)
    assert whole.status == 0, whole.out
    project.write("whole.txt", whole.out)
    project.runs()[0].rename(project.root / "whole")
    for part in ("1/3", "2/3", "3/3"):
        run_shard(project, part, KEY)
    return project
