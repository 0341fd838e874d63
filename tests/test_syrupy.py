"""Baselines are syrupy snapshots: its flags, its report and its exit status go on working."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from baseline_projects import run, snapshots
from projects import Project, questions

UPDATE = "--snapshot-update"
OURS = {"ours.json", "ours.items.jsonl", "ours.anchor.json", "ours.anchor.items.jsonl"}


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of two suites with the model `ours` accepted."""
    project = Project(tmp_path_factory.mktemp("accepted"))
    project.key_model()
    for name in ("demo", "more"):
        project.suite(questions(8, specialty="surgery"), name=name)
    result = run(project, UPDATE, "suites", accept_as="ours")
    assert result.status == 0, result.out
    assert result.line("snapshots generated") == "4 snapshots generated."
    return project


@pytest.fixture
def project(accepted: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    shutil.copytree(accepted.root, tmp_path / "project")
    return Project(tmp_path / "project")


def test_accepting_writes_two_files_and_the_anchor(accepted: Project) -> None:
    files = snapshots(accepted)
    assert set(files) == OURS
    assert files["ours.json"] == files["ours.anchor.json"]
    document = json.loads(files["ours.json"])
    assert (document["key"], document["suite"], document["verdict"]) == ("ours", "demo", "PASS")
    assert document["model"]["name"] == "python:key:right"
    assert document["slices"]["specialty.surgery"]["score"] == 1.0
    assert len(files["ours.items.jsonl"].splitlines()) == 8


def _without_run(files: dict[str, bytes]) -> dict[str, bytes]:
    return {
        name: re.sub(rb'"(run|accepted_on)": "[^"]*"', b"", data) for name, data in files.items()
    }


def test_another_model_leaves_the_first_as_it_was_and_workers_write_the_same_bytes(
    project: Project,
) -> None:
    before = snapshots(project)
    model = project.answer(q000="C")
    serial = {}
    for workers in ((), ("-n", "4")):
        result = run(
            project,
            UPDATE,
            "--snapshot-details",
            *workers,
            model,
            "suites",
            accept_as="a/b",
            baseline="ours",
        )
        assert result.status == 0, result.out
        assert result.line("snapshots generated") == "4 snapshots generated."
        assert "unused" not in result.out
        assert "Generated" in result.out
        assert "suites/demo/__snapshots__/a%2Fb.json" in result.out
        after = snapshots(project)
        assert {name: after.pop(name) for name in before} == before
        assert len(after) == 4
        serial = serial or after
        assert _without_run(after) == _without_run(serial)
        for suite in ("demo", "more"):
            for path in (project.root / "suites" / suite / "__snapshots__").glob("a%2Fb*"):
                path.unlink()


def test_a_changed_answer_is_updated_and_the_anchor_stays(project: Project) -> None:
    before = snapshots(project)
    model = project.answer(q000="C")
    result = run(project, UPDATE, "--snapshot-details", model, "suites", accept_as="ours")
    assert result.line("snapshots updated") == "2 snapshots updated."
    after = snapshots(project)
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"ours.json", "ours.items.jsonl"}
    old, new = (files["ours.items.jsonl"].splitlines() for files in (before, after))
    assert [index for index in range(8) if old[index] != new[index]] == [0]


def test_a_snapshot_passes_where_the_comparison_stands_whatever_the_scores(
    project: Project,
) -> None:
    before = snapshots(project)
    model = project.answer(q000="C")
    result = run(project, model, "suites", baseline="ours")
    assert result.line("snapshots passed") == "2 snapshots passed."
    assert snapshots(project) == before


def test_a_snapshot_that_is_void_fails_and_gates_decide(project: Project) -> None:
    before = snapshots(project)
    project.suite(questions(8, specialty="surgery"), prompt='system = "Be brief."')
    result = run(project, "suites", baseline="ours")
    assert "snapshots failed" in result.out or "snapshot failed" in result.out
    assert result.status == 10, result.out
    assert snapshots(project) == before


def test_update_new_only_leaves_what_is_there(project: Project) -> None:
    shutil.rmtree(project.root / "suites" / "more" / "__snapshots__")
    before = snapshots(project)
    model = project.answer(q000="C")
    result = run(project, "--snapshot-update-new-only", model, "suites", accept_as="ours")
    assert result.line("snapshots generated") == "2 snapshots generated."
    assert snapshots(project) == before
    assert set(snapshots(project, "more")) == OURS


def test_a_damaged_baseline_is_named_and_accepting_with_a_reason_mends_it(
    project: Project,
) -> None:
    before = snapshots(project)
    path = project.root / "suites" / "demo" / "__snapshots__" / "ours.json"
    path.write_text("<<<<<<< HEAD\n" + path.read_text())
    damaged = path.read_bytes()
    result = run(project, UPDATE, "suites", accept_as="ours")
    assert "ours.json:1: holds conflict markers of a merge" in result.out
    assert "accepting it needs a reason" in result.out
    assert path.read_bytes() == damaged
    assert len(project.journal()) == 16
    result = run(project, UPDATE, "suites", accept_as="ours", accept_reason="mended")
    assert result.line("snapshots updated") == "2 snapshots updated."
    assert json.loads(path.read_bytes())["reason"] == "mended"
    after = snapshots(project)
    assert {name for name in before if before[name] != after[name]} == {"ours.json"}


def test_what_cannot_be_written_is_said_with_its_place(project: Project) -> None:
    part = project.root / "suites" / "demo" / "__snapshots__" / "new.items.jsonl.part"
    part.mkdir()
    result = run(project, UPDATE, "suites", accept_as="new", baseline="ours")
    assert "new.items.jsonl: cannot be written" in result.out
    part.rmdir()
    assert "new.json" not in snapshots(project)
    assert "new.json" in snapshots(project, "more")


def test_a_part_is_never_accepted(project: Project) -> None:
    before = snapshots(project)
    result = run(project, UPDATE, "-k", "q001", "suites", accept_as="ours", accept_reason="because")
    assert "cannot be accepted as a baseline: it is a part" in result.out
    assert snapshots(project) == before


def test_another_folder_name_is_kept_to_and_the_same_run_again_writes_nothing(
    project: Project,
) -> None:
    arguments = (UPDATE, "--snapshot-dirname=accepted", "suites")
    assert "4 snapshots generated" in run(project, *arguments, accept_as="ours").out
    before = dict(project.files("suites/demo/accepted"))
    assert len(before) == 4
    result = run(project, *arguments, accept_as="ours")
    assert result.line("snapshots passed") == "2 snapshots passed."
    assert dict(project.files("suites/demo/accepted")) == before


def test_without_syrupy_nothing_is_written(project: Project) -> None:
    before = snapshots(project)
    result = run(project, "-p", "no:syrupy", "suites", baseline="ours")
    assert result.status == 0, result.out
    assert snapshots(project) == before


TESTS = """
def test_plain():
    assert 1 + 1 == 2
"""
SNAPSHOT_TESTS = (
    TESTS
    + """
def test_same(snapshot):
    assert {"a": 1} == snapshot
"""
)


def test_test_files_beside_a_suite_cost_no_model_its_baseline(project: Project) -> None:
    before = snapshots(project)
    project.write("suites/demo/test_own.py", SNAPSHOT_TESTS)
    result = run(project, UPDATE, "-n", "2", accept_as="new", baseline="ours")
    assert result.status == 0, result.out
    assert "unused" not in result.out
    after = snapshots(project)
    assert {name: after[name] for name in before} == before


def test_leftovers_of_ordinary_tests_are_still_found_and_deleted(project: Project) -> None:
    project.write("suites/demo/test_own.py", TESTS)
    leftover = project.write("suites/demo/__snapshots__/test_own.ambr", SNAPSHOT)
    result = run(project, "suites", baseline="ours")
    assert "2 snapshots passed. 1 snapshot unused." in result.out
    status = result.status
    result = run(project, "suites", UPDATE, accept_as="ours")
    assert "1 unused snapshot deleted" in result.out
    assert not leftover.exists()
    assert set(snapshots(project)) == OURS
    assert status == 1, "syrupy failed for the unused one"


SNAPSHOT = """# serializer version: 1
# name: test_gone
  dict({
    'a': 1,
  })
# ---
"""
