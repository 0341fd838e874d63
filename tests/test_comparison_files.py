"""What a run's folder holds of a comparison, however hostile what was asked and answered is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from accepted import accept, against, held
from hypothesis import example, given
from hypothesis import strategies as st
from made_suites import answer, entry, suite
from projects import Project, questions
from stored_runs import store_run

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.confirming import Fresh
from pytest_medbench.gates.regression import Comparison, Confirmation
from pytest_medbench.options import Options
from pytest_medbench.report.changed_texts import Texts, folder_in, read_texts
from pytest_medbench.report.comparison_files import (
    COLUMNS,
    LONGEST_CELL,
    defused,
    document,
    table,
    to_bytes,
    write_comparison_files,
)
from pytest_medbench.runs import RunError

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1")


def _comparison() -> Comparison:
    """One deadly flip, one mild one, one loss, one item still wrong and one that got better."""
    made = suite(
        [
            entry("dead", safety=("medication",), harm="death"),
            entry("mild", safety=("medication",), harm="mild"),
            entry("plain"),
            entry("still", safety=("emergency",), harm="severe"),
            entry("better"),
        ]
    )
    return held(made, answer(made, "wwwwc"), against(accept(made, "cccww")))[0]


def _texts(**changed: Any) -> dict[tuple[str, str, str], Texts]:
    given_ = {"question": "Q?", "options": None, "expected": "A", "accepted": "old", "new": "now"}
    text = Texts(**{**given_, **changed})
    return {("baseline", "exam", id_): text for id_ in ("dead", "mild", "plain", "still")}


def _cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_regressions_stand_by_harm_and_category() -> None:
    found = document(_comparison(), _texts())
    assert [(each["harm"], each["safety"]) for each in found["regressions"]] == [
        ("death", ["medication"]),
        ("mild", ["medication"]),
        (None, []),
    ]
    assert found["counts"] == {
        "regressions": 3,
        "flips": 2,
        "still_wrong": 1,
        "improvements": 1,
    }
    item = found["regressions"][0]["items"][0]
    shown = {name: item[name] for name in ("question", "expected", "accepted_answer", "new_answer")}
    assert shown == {
        "question": "Q?",
        "expected": "A",
        "accepted_answer": "old",
        "new_answer": "now",
    }
    assert "question" not in found["improvements"][0]


def test_a_text_that_nobody_kept_is_said_to_be_that() -> None:
    found = document(_comparison(), _texts(accepted=None))
    assert found["regressions"][0]["items"][0]["accepted_answer"] == "text not kept"
    assert document(_comparison(), {})["still_wrong"][0]["items"][0]["new_answer"] == (
        "text not kept"
    )


def test_the_table_has_a_row_for_each_slice_and_item() -> None:
    comparison = _comparison()
    rows = _cells(table(comparison, _texts()))
    assert [row["row"] for row in rows] == ["slice"] * len(comparison.slices) + ["item"] * 5
    overall = next(row for row in rows if row["key"] == "overall")
    assert float(overall["difference"]) < 0, "a figure is no formula"
    dead = next(row for row in rows if row["key"] == "dead")
    assert (dead["harm"], dead["flip"], dead["blocks"], dead["new_answer"]) == (
        "death",
        "yes",
        "yes",
        "now",
    )


def test_redacted_neither_file_holds_a_text(tmp_path: Path) -> None:
    patient = "patient 4711"
    texts = _texts(question=patient, accepted=patient, new=patient, expected=patient)
    comparison = _comparison()
    marked = tuple(
        replace(change, was_answer=patient, now_answer=patient) for change in comparison.items
    )
    comparison = replace(comparison, items=marked)
    fresh = [Fresh(Confirmation("exam", "mild", None, (False,)), (patient,))]
    write_comparison_files(tmp_path, comparison, texts, fresh, redact=True)
    for path in tmp_path.iterdir():
        assert patient not in path.read_text()
        assert "dead" in path.read_text()
    write_comparison_files(tmp_path, comparison, texts, fresh)
    for path in tmp_path.iterdir():
        assert patient in path.read_text()


def test_without_a_baseline_nothing_is_written(tmp_path: Path) -> None:
    write_comparison_files(tmp_path, held(suite([entry("a")]), {})[0], {})
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_a_run_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"comparison\.json"):
        write_comparison_files(tmp_path / "none", _comparison(), {})


@given(st.text() | st.sampled_from(FORMULAS))
@example("\ud800")
@example("a\x00b")
@example("x" * 40_000)
def test_no_cell_is_a_formula_and_each_row_is_one_line(text: str) -> None:
    cell = defused(text)
    assert not cell.lstrip(" ").startswith(tuple("=+-@\t\r＝＋－＠"))
    assert len(cell) <= LONGEST_CELL
    texts = _texts(question=text, new=text, options=[text], expected={"dose": text})
    whole = table(_comparison(), texts)
    assert len(whole.splitlines()) == len(_cells(whole)) + 1
    for row in _cells(whole):
        assert set(row) == set(COLUMNS)
        assert not any(
            value.startswith(tuple("=+@\t\r")) for value in row.values() if value is not None
        )


@given(
    st.recursive(
        st.none() | st.floats() | st.text() | st.characters(categories=["Cs"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )
)
def test_any_target_and_answer_is_json(value: Any) -> None:
    texts = _texts(expected=value, question=value, new=value if isinstance(value, str) else "x")
    read = json.loads(to_bytes(document(_comparison(), texts)))
    item = read["regressions"][0]["items"][0]
    if isinstance(value, str):
        assert item["new_answer"] == value


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.suite(questions(4))
    return made


@contextmanager
def _stored(project: Project) -> Iterator[tuple[Comparison, Catalogue, Path]]:
    """Two runs on disk, and what a comparison of them names."""
    store_run(project, "old", {"demo": {"q000": "A because"}})
    new = store_run(project, "new", {"demo": {"q000": "B rather", "q001": "E"}})
    catalogue = Catalogue(Options(root=project.root))
    made = catalogue.read(project.root / "suites/demo/suite.toml")
    outcomes = answer(made, "wwcc")
    comparison, _ = held(made, outcomes, against(accept(made, "cccc", run="old")))
    yield comparison, catalogue, new
    catalogue.close()


def test_texts_come_from_both_runs_and_the_suite(project: Project) -> None:
    with _stored(project) as (comparison, catalogue, new):
        found = read_texts(comparison, catalogue, new, folder_in(project.root / ".medbench"))
    assert found["baseline", "demo", "q000"] == Texts(
        "Question 0: which one is meant?",
        ["aspirin", "heparin", "insulin", "warfarin"],
        "A",
        "A because",
        "B rather",
    )
    assert set(found) == {("baseline", "demo", "q000"), ("baseline", "demo", "q001")}


def test_texts_survive_a_damaged_run_and_a_changed_suite(project: Project) -> None:
    with _stored(project) as (comparison, catalogue, new):
        (project.root / ".medbench/runs/old/journal-main.jsonl").write_text("<<<<<<< ours\n")
        items = project.root / "suites/demo/items.jsonl"
        items.write_text(items.read_text().replace("Question", "Riddle"))
        found = read_texts(comparison, catalogue, new, folder_in(project.root / ".medbench"))
    text = found["baseline", "demo", "q000"]
    assert (text.question, text.accepted, text.new) == (None, None, "B rather")


@pytest.mark.parametrize("run", ["", ".", "..", "../old", "a/b", "a\\b", "a\0b", "/etc"])
def test_a_snapshot_cannot_name_a_folder_elsewhere(tmp_path: Path, run: str) -> None:
    assert folder_in(tmp_path)(run) is None
