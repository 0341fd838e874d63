"""Projects in which a version was accepted by the real command, and runs held against it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from projects import KEY, Project, Result, questions

from pytest_medbench.baselines.names import FOLDER

OURS = KEY.partition("=")[2]
UPDATE = "--snapshot-update"
BASELINE = f"--medbench-baseline={OURS}"
ALLOW = "--medbench-allow-partial"
SPECIALTIES = ("oncology", "dermatology", "surgery")


def empty_project(root: Path) -> Project:
    """Make a project whose runs are no part of the workers that test it."""
    # syrupy would take a run of its own for one of ours, and leave its report out.
    return Project(root, {"PYTEST_XDIST_WORKER": ""})


def copy_of(project: Project, root: Path) -> Project:
    """Copy a project."""
    shutil.copytree(project.root, root)
    return empty_project(root)


def new_project(root: Path) -> Project:
    """Make a project of two suites, `demo` with three specialties and the small `more`."""
    project = empty_project(root)
    project.key_model()
    project.config("[tool.medbench.gates]\noverall = 0.6\n")
    project.suite(items(), gates="")
    project.suite(more_items(), name="more", gates="")
    return project


def items() -> list[dict[str, Any]]:
    """Give the items of `demo`: 20 of each specialty."""
    return [item for specialty in SPECIALTIES for item in _items(20, specialty[0], specialty)]


def more_items() -> list[dict[str, Any]]:
    """Give the items of `more`: 5 of a specialty that `demo` has too."""
    return _items(5, "m", SPECIALTIES[0])


def _items(count: int, prefix: str, specialty: str) -> list[dict[str, Any]]:
    # Each question is asked once, so that none shares its answer with another item.
    return [
        {**item, "input": f"{prefix}: {item['input']}"}
        for item in questions(count, prefix=prefix, specialty=specialty)
    ]


def accepted_project(root: Path) -> Project:
    """Make the project and accept the model that knows the key, under its own name."""
    project = new_project(root)
    result = project.run("suites", KEY, UPDATE)
    assert result.status == 0, result.out
    assert "4 snapshots generated." in result.out
    return project


def snapshots(project: Project) -> dict[str, bytes]:
    """Give what is in the snapshots' folders of all suites, by path."""
    return {
        str(path.relative_to(project.root)): data
        for path, data in project.files("suites")
        if FOLDER in path.parts
    }


def findings(result: Result) -> list[str]:
    """Give the printed lines that count against a run."""
    return [line.removeprefix("! ") for line in result.out.splitlines() if line.startswith("! ")]


def worse(project: Project, count: int, *, prefix: str = "o") -> str:
    """Write a model that is wrong for the first so many items of a prefix; give its flag."""
    wrong = {f"{prefix}{number:03}": "ABCD"[(number + 1) % 4] for number in range(count)}
    return project.answer(**wrong)


def wrote_down(project: Project) -> int:
    """Count the items that the last run's journal holds."""
    return len({(line["suite"], line["id"]) for line in project.journal()})


def rewrite(project: Project, change: dict[str, Any], *, suite: str, id_: str) -> None:
    """Change the keys of one item."""
    path = project.root / "suites" / suite / "items.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    changed = [{**row, **change} if row["id"] == id_ else row for row in rows]
    assert changed != rows
    path.write_text("".join(json.dumps(row) + "\n" for row in changed), encoding="utf-8")
