"""Micro-F1 pools the labels of all items, where the score is each item's own F1."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import Project, questions

from pytest_medbench.pooled import Pooled

LABELS = st.sets(st.sampled_from("ABCDEF"), min_size=1)


def test_labels_are_pooled_over_the_items_of_a_run(tmp_path: Path) -> None:
    project = Project(tmp_path)
    rows = questions(4)
    targets = ["A", "ABC", "BD", "C"]
    items = [{**row, "target": target} for row, target in zip(rows, targets, strict=True)]
    project.suite(items, scorer="multi", score='credit = "f1"\ngroup_rule = "mean"')
    model = project.answer(q000="A, B", q001="A, B, C", q002="A", q003="no idea")
    result = project.run("suites", model)
    # 4 right of 6 given and 7 wanted; the mean of the items' own F1 is 41.7.
    line = "micro-F1 of demo: 61.5 over 4 items (4 labels right, 6 given, 7 wanted)"
    assert line in result.out
    (row,) = [each for each in project.verdicts()["slices"] if each["key"] == "overall"]
    assert row["score"] == pytest.approx((2 / 3 + 1 + 0 + 0) / 4)


def test_only_suites_scored_by_f1_have_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite([{**row, "target": "AC"} for row in questions(2)], scorer="multi")
    assert "micro-F1" not in project.run("suites", project.answer(q000="A", q001="A, C")).out


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1))
def test_it_lies_between_nothing_and_all(pairs: list[tuple[set[str], set[str]]]) -> None:
    hits = sum(len(given & wanted) for given, wanted in pairs)
    given_, wanted_ = (sum(len(pair[at]) for pair in pairs) for at in (0, 1))
    score = Pooled(len(pairs), hits, given_, wanted_).micro_f1
    assert 0 <= score <= 1
    assert (score == 1) == all(given == wanted for given, wanted in pairs)
