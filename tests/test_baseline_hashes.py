"""What voids a baseline, item by item, and by which name it is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from projects import Project, questions

from pytest_medbench.baselines.hashes import NAMES, made_with, suite_hashes
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.options import Options

FINGERPRINT: Mapping[str, Any] = {
    "kind": "openai",
    "model": "ours-1",
    "base_url": "http://127.0.0.1:1/v1",
    "revision": "sha256:1",
    "settings": {"temperature": 0, "max_tokens": 64},
    "system": None,
}


def _hashes(
    root: Path, fingerprint: Mapping[str, Any] = FINGERPRINT, **further: Any
) -> tuple[dict[str, str], dict[str, str]]:
    """Give the hashes of the only suite, and of its items by id."""
    catalogue = Catalogue(Options(root=root))
    try:
        suite = catalogue.read(root / "suites" / "demo" / "suite.toml")
        ids = {"demo": {entry.id for entry in suite.entries}}
        items = made_with(catalogue, ids, fingerprint, **further)
        named = suite_hashes(catalogue, suite, fingerprint, **further)
        return named, {item: digest for (_, item), digest in items.items()}
    finally:
        catalogue.close()


def _items() -> list[dict[str, Any]]:
    return [*questions(3), *questions(2, prefix="v", group="pair")]


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in before if before[name] != after.get(name)}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.suite(_items())
    return project


def test_the_same_suite_has_the_same_hashes(project: Project) -> None:
    before = _hashes(project.root)
    assert before == _hashes(project.root)
    assert set(before[0]) == set(NAMES)
    assert all(len(digest) == 16 for hashes in before for digest in hashes.values())
    assert len(set(before[1].values())) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"input": "Another question?"},
        {"options": ["aspirin", "heparin", "insulin", "tramadol"]},
        {"options": ["heparin", "aspirin", "insulin", "warfarin"]},
        {"target": "D"},
        {"language": "zh"},
    ],
)
def test_editing_an_item_voids_that_item_alone(project: Project, change: dict[str, Any]) -> None:
    named, before = _hashes(project.root)
    items = _items()
    items[1] |= change
    project.suite(items)
    named_after, after = _hashes(project.root)
    assert _changed(before, after) == {"q001"}
    assert named == named_after


@pytest.mark.parametrize(
    "change",
    [
        {"specialty": "surgery"},
        {"safety": ["medication"], "harm": "death", "must_pass": True},
        {"rationale": "because", "source": "a book", "meta": {"n": 1}},
        {"reviewed_by": "a reviewer", "reviewed_on": "2026-01-01", "difficulty": 3},
        {"cluster": "case 1"},
    ],
)
def test_labels_void_nothing(project: Project, change: dict[str, Any]) -> None:
    before = _hashes(project.root)
    items = _items()
    items[1] |= change
    project.suite(items)
    assert _hashes(project.root) == before


def test_a_group_that_lost_a_member_is_void_and_no_other(project: Project) -> None:
    _, before = _hashes(project.root)
    project.suite(_items()[:-1])
    assert _changed(before, _hashes(project.root)[1]) == {"v000", "v001"}


def test_an_item_added_elsewhere_voids_nothing(project: Project) -> None:
    _, before = _hashes(project.root)
    project.suite([*questions(1, prefix="a"), *_items()])
    assert not _changed(before, _hashes(project.root)[1])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"prompt": 'system = "You are a pharmacist."'}, {"prompt"}),
        ({"prompt": 'text = "{input} {options}"'}, {"prompt"}),
        ({"prompt": 'strategy = "cot"'}, {"prompt", "strategy"}),
        ({"score": 'group_rule = "mean"'}, {"group_rule"}),
        ({"score": "correct_at = 0.5"}, {"scorer"}),
        ({"scorer": "text", "prompt": 'template = "choice"'}, {"scorer"}),
    ],
)
def test_what_changed_in_the_suite_is_named_and_voids_all_items(
    project: Project, change: dict[str, str], named: set[str]
) -> None:
    before, items = _hashes(project.root)
    project.suite(_items(), **change)
    after, changed = _hashes(project.root)
    assert _changed(before, after) == named
    assert _changed(items, changed) == set(items)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"settings": {"temperature": 0.7, "max_tokens": 64}}, {"decoding"}),
        ({"settings": {"temperature": 0, "max_tokens": 64, "seed": 1}}, {"decoding"}),
        ({"system": "Answer briefly."}, {"prompt"}),
    ],
)
def test_how_the_model_is_asked_voids(
    project: Project, change: dict[str, Any], named: set[str]
) -> None:
    before, items = _hashes(project.root)
    after, changed = _hashes(project.root, {**FINGERPRINT, **change})
    assert _changed(before, after) == named
    assert _changed(items, changed) == set(items)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "ours-2", "revision": "sha256:2", "name": "new", "served": {"id": "x"}},
        {"base_url": "http://127.0.0.1:2/v1"},
        {"settings": {"max_tokens": 64, "temperature": 0.0, "top_p": None}},
    ],
)
def test_the_model_itself_voids_nothing(project: Project, change: dict[str, Any]) -> None:
    assert _hashes(project.root, {**FINGERPRINT, **change}) == _hashes(project.root)


def test_a_setting_that_the_suite_overrules_does_not_count(project: Project) -> None:
    settings = {"temperature": 0, "max_tokens": 999}
    assert _hashes(project.root, {**FINGERPRINT, "settings": settings}) == _hashes(project.root)


@pytest.mark.parametrize(("name", "value"), [("repeats", 3), ("judge", "another")])
def test_repeats_and_judge_void(project: Project, name: str, value: Any) -> None:
    before, items = _hashes(project.root)
    after, changed = _hashes(project.root, **{name: value})
    assert _changed(before, after) == {name}
    assert _changed(items, changed) == set(items)


def test_a_model_without_settings_has_hashes(project: Project) -> None:
    named, items = _hashes(project.root, {"kind": "control", "model": "control:first"})
    assert set(named) == set(NAMES)
    assert len(items) == 5


def test_a_line_that_cannot_be_read_has_no_hash(project: Project) -> None:
    project.suite([*_items(), "no json"])
    assert len(_hashes(project.root)[1]) == 5
