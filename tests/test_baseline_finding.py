"""Which baseline a run is compared with, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from baseline_projects import baseline, put
from projects import Project, questions

from pytest_medbench.baselines.finding import Found, find
from pytest_medbench.baselines.names import FOLDER, pair_of
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.errors import ConfigError
from pytest_medbench.options import Options


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    for name in ("demo", "more"):
        project.suite(questions(2), name=name)
    return project


def _put(project: Project, key: str, *suites: str, anchor: bool = True) -> None:
    for suite in suites or ("demo", "more"):
        folder = project.root / "suites" / suite
        put(folder, baseline(key, suite))
        if anchor:
            put(folder, baseline(key, suite), "anchor")


def _find(project: Project, key: str, *, named: bool = False) -> Found:
    catalogue = Catalogue(Options(root=project.root))
    suites = [catalogue.read(path) for path in sorted(project.root.rglob("suite.toml"))]
    return find(suites, key, named=named)


def test_the_models_own_baseline_and_anchor_are_found(project: Project) -> None:
    _put(project, "ours")
    _put(project, "theirs")
    found = _find(project, "ours")
    assert set(found.baselines) == set(found.anchors) == {"demo", "more"}
    assert found.baselines["more"].key == "ours"
    assert found.problems == found.anchor_problems == found.notes == ()


def test_no_snapshot_of_any_model_is_no_failure(project: Project) -> None:
    found = _find(project, "ours")
    assert not found.problems
    assert found.notes == ("no baseline yet: 'demo', 'more'; --snapshot-update accepts a run",)


def test_a_named_baseline_that_is_nowhere_is_a_problem_even_then(project: Project) -> None:
    found = _find(project, "ours", named=True)
    assert "baseline 'ours' is not found" in found.problems[0]
    assert "--medbench-accept-as=ours" in found.problems[0]


def test_a_misspelt_baseline_names_the_nearest(project: Project) -> None:
    _put(project, "ours-2026-10")
    _put(project, "theirs")
    found = _find(project, "ours-2026-01", named=True)
    assert not found.baselines
    assert "did you mean 'ours-2026-10'?" in found.problems[0]
    assert "--medbench-baseline=ours-2026-10" in found.problems[0]


def test_a_renamed_candidate_is_told_what_to_type(project: Project) -> None:
    _put(project, "ours")
    found = _find(project, "candidate-7b")
    assert not found.baselines
    assert "no baseline is named" in found.problems[0]
    assert "'ours'" in found.problems[0]
    assert "--medbench-baseline=ours" in found.problems[0]


def test_a_suite_that_was_never_accepted_is_noted_beside_one_that_was(project: Project) -> None:
    _put(project, "ours", "demo")
    found = _find(project, "ours", named=True)
    assert set(found.baselines) == {"demo"}
    assert not found.problems
    assert "no baseline yet: 'more'" in found.notes[0]


def test_a_suite_with_other_models_snapshots_only_is_a_problem(project: Project) -> None:
    _put(project, "ours", "demo")
    _put(project, "theirs")
    found = _find(project, "ours")
    assert set(found.baselines) == {"demo"}
    assert "'more'" in found.problems[0]
    assert "--medbench-baseline=theirs" in found.problems[0]


def test_a_damaged_baseline_is_a_problem_and_the_other_suites_stay(project: Project) -> None:
    _put(project, "ours")
    path = pair_of(project.root / "suites" / "demo" / FOLDER, "ours").items
    path.write_text("nonsense")
    found = _find(project, "ours")
    assert set(found.baselines) == {"more"}
    assert f"baseline 'ours' of suite 'demo': {path}:1: " in found.problems[0]


@pytest.mark.parametrize("gone", ["baseline", "anchor"])
def test_one_of_baseline_and_anchor_without_the_other_is_a_problem(
    project: Project, gone: str
) -> None:
    _put(project, "ours")
    pair = pair_of(project.root / "suites" / "demo" / FOLDER, "ours", gone)  # type: ignore[arg-type]
    pair.summary.unlink()
    pair.items.unlink()
    found = _find(project, "ours")
    problems = found.problems if gone == "baseline" else found.anchor_problems
    assert f"the {gone}" in problems[0]
    assert "is missing" in problems[0]
    assert ("demo" in found.baselines) is (gone == "anchor")


def test_a_baseline_copied_by_hand_is_none(project: Project) -> None:
    _put(project, "ours")
    folder = project.root / "suites" / "demo" / FOLDER
    for path, copy in zip(
        (pair_of(folder, "ours").summary, pair_of(folder, "ours").items),
        (pair_of(folder, "copy").summary, pair_of(folder, "copy").items),
        strict=True,
    ):
        copy.write_bytes(path.read_bytes())
    found = _find(project, "copy", named=True)
    assert "a copied baseline is none" in " ".join(found.problems)


def test_a_key_that_cannot_be_one_is_a_usage_error(project: Project) -> None:
    with pytest.raises(ConfigError, match="expected 1 to 200 printable"):
        _find(project, "a\nb", named=True)
