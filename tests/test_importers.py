"""Public data sets become suites, whole and without a silent loss."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from public_data import items, mx, one, problems, read, v4, write_rows

from pytest_medbench.importers import (
    IMPORTERS,
    Report,
    import_medbench_v4,
    import_medxpertqa,
    import_pubmedqa,
)
from pytest_medbench.importers.answer_choices import MARKER
from pytest_medbench.importers.medxpertqa import SPECIALTIES
from pytest_medbench.importers.writing import MAX_PROBLEMS
from pytest_medbench.suites.schema import MAX_LINE
from pytest_medbench.taxonomy import load_taxonomy


class TestHostileInput:
    LINES = (
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"question": "a", "answer": NaN}',
        b'{"question": "a", "question": "b"}',
        b'{"question": "\\ud800", "answer": "", "other": {"id": 1, "source": "s"}}',
        b'{"question": "a", "answer": "", "other": {"id": 1}}',
        b'{"question": "a", "answer": "", "other": {"id": true, "source": "s"}}',
        b'{"question": "a", "other": {"id": 1, "source": "s"}}',
        b'{"question": 3, "answer": "", "other": {"id": 1, "source": "s"}}',
        b'{"question": " ", "answer": "", "other": {"id": 1, "source": "s"}}',
        b'{"question": "a", "answer": "", "other": {"id": %s, "source": "s"}}' % (b"9" * 5000),
        b"[" * 100_000,
        b'{"question": "a", "answer": "", "other": {"id": 1, "source": "s"}, "x": %s1%s}'
        % (b"[" * 500, b"]" * 500),
    )

    @pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
    @pytest.mark.parametrize("importer", [import_medbench_v4, import_medxpertqa])
    def test_bad_line_is_a_problem_and_the_rest_is_written(
        self, tmp_path: Path, line: bytes, importer: Callable[..., Report]
    ) -> None:
        good = v4("甲？" + MARKER + "(A) x (B) y") | {"label": ["A"]}
        path = tmp_path / "MedHC.jsonl"
        path.write_bytes(line + b"\n" + json.dumps(good).encode() + b"\n")
        report = importer(path, tmp_path / "suites")
        assert [problem.line for problem in report.problems] == [1]
        assert report.items == 1
        assert len(read(one(report)).entries) == 1

    def test_huge_line_is_a_problem(self, tmp_path: Path) -> None:
        path = tmp_path / "MedHC.jsonl"
        good = json.dumps(v4("甲？")).encode()
        path.write_bytes(good + b"\n" + b"x" * (2 * MAX_LINE + 5) + b"\n" + good + b"\n")
        report = import_medbench_v4(path, tmp_path / "suites")
        assert [problem.line for problem in report.problems] == [2]
        assert [row["meta"]["medbench_v4"]["line"] for row in items(one(report))] == [1, 3]

    def test_question_that_would_grow_over_the_limit_is_a_problem(self, tmp_path: Path) -> None:
        path = write_rows(tmp_path / "MedHC.jsonl", [v4("x" * (MAX_LINE - 100)), v4("y", 2)])
        report = import_medbench_v4(path, tmp_path / "suites")
        assert [problem.line for problem in report.problems] == [1]

    def test_problems_are_counted_beyond_the_limit(self, tmp_path: Path) -> None:
        path = write_rows(tmp_path / "MedHC.jsonl", ["{"] * (MAX_PROBLEMS + 50) + [v4("甲？")])
        report = import_medbench_v4(path, tmp_path / "suites")
        assert len(report.problems) == MAX_PROBLEMS
        assert report.omitted == 50

    def test_file_without_a_good_row_writes_nothing(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "in" / "MedHC.jsonl", ["{"])
        report = import_medbench_v4(tmp_path / "in", tmp_path / "suites")
        assert not report.written
        assert list((tmp_path / "suites").iterdir()) == []

    @pytest.mark.parametrize("importer", [import_medbench_v4, import_medxpertqa])
    def test_name_of_a_file_that_is_no_text_is_a_problem(
        self, tmp_path: Path, importer: Callable[..., Report]
    ) -> None:
        path = tmp_path / "M\udcff.jsonl"
        try:
            write_rows(path, [v4("Q" + MARKER + "(A) x (B) y") | {"label": "A"}])
        except OSError:
            pytest.skip("this file system takes only names that are text")
        report = importer(path, tmp_path / "suites")
        assert not report.ok
        assert not report.written

    @pytest.mark.parametrize("name", sorted(IMPORTERS))
    @pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b"{", None])
    def test_every_importer_reports_a_file_it_cannot_use(
        self, tmp_path: Path, name: str, content: bytes | None
    ) -> None:
        path = tmp_path / "ori_pqal.json"
        if content is not None:
            path.write_bytes(content)
        report = IMPORTERS[name](path, tmp_path / "suites")
        assert not report.ok
        assert not report.written


class TestWriting:
    def test_suite_that_is_there_is_not_touched(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "MedHC.jsonl", [v4("甲？")])
        folder = one(import_medbench_v4(tmp_path, tmp_path / "suites"))
        write_rows(tmp_path / "MedHC.jsonl", [v4("乙？")])
        report = import_medbench_v4(tmp_path, tmp_path / "suites")
        assert "already holds a suite" in str(report.problems[0])
        assert items(folder)[0]["input"] == "甲？"

    def test_force_replaces_the_suite_and_keeps_other_files(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "MedHC.jsonl", [v4("甲？")])
        folder = one(import_medbench_v4(tmp_path, tmp_path / "suites"))
        (folder / "notes.md").write_text("mine")
        write_rows(tmp_path / "MedHC.jsonl", [v4("乙？")])
        assert import_medbench_v4(tmp_path, tmp_path / "suites", force=True).ok
        assert items(folder)[0]["input"] == "乙？"
        assert (folder / "notes.md").read_text() == "mine"

    def test_folder_of_another_kind_is_not_touched_even_by_force(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "MedHC.jsonl", [v4("甲？")])
        other = tmp_path / "suites" / "medbench-v4-medhc"
        other.mkdir(parents=True)
        (other / "thesis.tex").write_text("mine")
        report = import_medbench_v4(tmp_path, tmp_path / "suites", force=True)
        assert not report.ok
        assert [path.name for path in other.iterdir()] == ["thesis.tex"]

    def test_no_scratch_is_left(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "MedHC.jsonl", [v4("甲？")])
        import_medbench_v4(tmp_path, tmp_path / "suites")
        assert [path.name for path in (tmp_path / "suites").iterdir()] == ["medbench-v4-medhc"]

    def test_titles_with_quotes_survive_the_toml(self, tmp_path: Path) -> None:
        path = write_rows(tmp_path / 'Med"x\\\x7f\t.jsonl', [v4("甲？")])
        suite = read(one(import_medbench_v4(path, tmp_path / "suites")))
        assert 'Med"x\\\x7f\t' in suite.spec.suite.title


def pqa(question: str, decision: str = "yes") -> dict[str, Any]:
    return {
        "QUESTION": question,
        "CONTEXTS": ["First part.", "Second part."],
        "LABELS": ["METHODS", "RESULTS"],
        "MESHES": ["Humans"],
        "YEAR": "2012",
        "final_decision": decision,
        "LONG_ANSWER": "THE CONCLUSION",
    }


class TestPubMedQA:
    def test_conclusion_is_never_shown(self, tmp_path: Path) -> None:
        (tmp_path / "ori_pqal.json").write_text(json.dumps({"11": pqa("Does it?")}))
        folder = one(import_pubmedqa(tmp_path, tmp_path / "suites"))
        (row,) = items(folder)
        assert row["input"] == "First part.\n\nSecond part.\n\nQuestion: Does it?"
        assert row["target"] == "yes"
        assert row["meta"]["year"] == "2012"
        assert "THE CONCLUSION" not in (folder / "items.jsonl").read_text()
        assert [entry.problem for entry in read(folder).entries] == [None]

    def test_only_the_test_set_where_it_is_there(self, tmp_path: Path) -> None:
        entries = {"1": pqa("A?", "no"), "2": pqa("B?"), "3": pqa("C?", "maybe")}
        (tmp_path / "ori_pqal.json").write_text(json.dumps(entries))
        (tmp_path / "test_ground_truth.json").write_text('{"3": "maybe", "1": "no"}')
        report = import_pubmedqa(tmp_path / "ori_pqal.json", tmp_path / "suites")
        assert sorted(row["id"] for row in items(one(report))) == ["1", "3"]
        assert report.ok

    def test_test_set_that_disagrees_is_a_problem(self, tmp_path: Path) -> None:
        (tmp_path / "ori_pqal.json").write_text(json.dumps({"1": pqa("A?"), "2": pqa("B?")}))
        (tmp_path / "test_ground_truth.json").write_text('{"1": "no", "2": "yes", "9": "yes"}')
        report = import_pubmedqa(tmp_path, tmp_path / "suites")
        assert report.items == 1
        assert [message.partition(":")[0].split()[1] for _, message in problems(report)] == [
            "1",
            "9",
        ]

    @pytest.mark.parametrize(
        "change",
        [{"QUESTION": ""}, {"CONTEXTS": []}, {"CONTEXTS": [3]}, {"final_decision": "perhaps"}],
    )
    def test_entry_that_cannot_be_used_is_named(
        self, tmp_path: Path, change: dict[str, Any]
    ) -> None:
        entries = {"1": pqa("A?") | change, "2": pqa("B?")}
        (tmp_path / "ori_pqal.json").write_text(json.dumps(entries))
        report = import_pubmedqa(tmp_path, tmp_path / "suites")
        assert report.items == 1
        assert "PMID 1: " in str(report.problems[0])

    def test_pmid_that_stands_twice_is_a_problem(self, tmp_path: Path) -> None:
        entry = json.dumps(pqa("A?"))
        (tmp_path / "ori_pqal.json").write_text(f'{{"1": {entry}, "1": {entry}}}')
        report = import_pubmedqa(tmp_path, tmp_path / "suites")
        assert "'1' stands twice" in str(report.problems[0])


class TestMedXpertQA:
    def test_options_from_the_text(self, tmp_path: Path) -> None:
        path = write_rows(
            tmp_path / "medqa_input.jsonl",
            [mx("Which?", ["one", "V(D)J", "both (A) & one"], ["C"], id="t-1")],
        )
        folder = one(import_medxpertqa(path, tmp_path / "suites"))
        assert folder.name == "medqa"
        (row,) = items(folder)
        assert (row["input"], row["target"], row["id"]) == ("Which?", "C", "t-1")
        assert row["options"] == ["one", "V(D)J", "both (A) & one"]
        assert [entry.problem for entry in read(folder).entries] == [None]

    def test_missing_id_is_the_row(self, tmp_path: Path) -> None:
        path = write_rows(tmp_path / "mmlu_medical_input.jsonl", [mx("Q?", ["a", "b"])] * 2)
        assert [row["id"] for row in items(one(import_medxpertqa(path, tmp_path / "suites")))] == [
            "row-1",
            "row-2",
        ]

    def test_repeated_id_is_a_problem(self, tmp_path: Path) -> None:
        path = write_rows(tmp_path / "medqa.jsonl", [mx("Q?", ["a", "b"], id="x")] * 2)
        report = import_medxpertqa(path, tmp_path / "suites")
        ((line, message),) = problems(report)
        assert line == 2
        assert "'x' is already used" in message

    def test_choices_that_can_be_read_in_two_ways_are_a_problem(self, tmp_path: Path) -> None:
        rows = [mx("Q?", ["a", "b or (B) indeed", "c"]), mx("R?", ["a", "b"])]
        report = import_medxpertqa(write_rows(tmp_path / "q.jsonl", rows), tmp_path / "suites")
        ((line, message),) = problems(report)
        assert line == 1
        assert "more than one way" in message
        assert report.items == 1

    def test_listed_options_settle_what_the_text_leaves_open(self, tmp_path: Path) -> None:
        options = ["a", "b or (B) indeed", "c"]
        listed = [
            {"letter": letter, "content": option}
            for letter, option in zip("ABC", options, strict=True)
        ]
        path = write_rows(tmp_path / "q.jsonl", [mx("Q?", options) | {"options": listed}])
        assert items(one(import_medxpertqa(path, tmp_path / "suites")))[0]["options"] == options

    @pytest.mark.parametrize(
        "change",
        [
            {"label": ["C"]},
            {"label": ["A", "B"]},
            {"label": []},
            {"label": "AB"},
            {"label": None},
            {"options": [{"letter": "A", "content": "a"}, {"letter": "C", "content": "b"}]},
            {"options": [{"letter": "A", "content": "a"}, {"letter": "B", "content": "other"}]},
            {"options": "AB"},
            {"options": []},
            {"images": [{"image_path": "/etc/passwd"}]},
            {"images": [{}]},
            {"images": "x"},
            {"id": "a::b"},
            {"question": "no choices"},
            {"question": MARKER + "(A) a (B) b"},
            {"question": "Q?" + MARKER + "(A) only"},
            {"question": "Q?" + MARKER + "(B) a (A) b"},
            {"question": "Q?" + MARKER + "(A) (B) b"},
            {"question": "Q?" + MARKER + "(A) a" + MARKER + "(A) a (B) b"},
            {"question": "Q?" + MARKER + "(A) a\n(B) b"},
        ],
    )
    def test_row_that_cannot_be_used_is_named(self, tmp_path: Path, change: dict[str, Any]) -> None:
        rows = [mx("Q?", ["a", "b"]) | change, mx("R?", ["a", "b"])]
        report = import_medxpertqa(write_rows(tmp_path / "q.jsonl", rows), tmp_path / "suites")
        assert [problem.line for problem in report.problems] == [1]
        assert report.items == 1

    def test_two_options_that_are_the_same_leave_the_item_unscored(self, tmp_path: Path) -> None:
        rows = [mx("Q?", ["a", "none ", "none"]), mx("R?", ["a", "b"])]
        report = import_medxpertqa(write_rows(tmp_path / "q.jsonl", rows), tmp_path / "suites")
        ((line, message),) = problems(report)
        assert line == 1
        assert "without a score" in message
        assert [row["target"] for row in items(one(report))] == [None, "A"]
        assert items(one(report))[0]["meta"]["label"] == "A"
        assert [entry.problem for entry in read(one(report)).entries] == [None, None]

    def test_images_make_a_vlm_suite(self, tmp_path: Path) -> None:
        rows = [mx("Q?", ["a", "b"], images=[{"image_path": "MM-0-a.jpeg"}], id="MM-0")]
        folder = one(import_medxpertqa(write_rows(tmp_path / "m.jsonl", rows), tmp_path / "suites"))
        assert read(folder).spec.suite.track == "vlm"
        assert items(folder)[0]["meta"]["images"] == ["MM-0-a.jpeg"]

    def test_only_clinical_subjects_have_a_specialty(self, tmp_path: Path) -> None:
        rows = [mx("Q?", ["a", "b"], subject_name=name) for name in ("Skin", "Anatomy")]
        folder = one(import_medxpertqa(write_rows(tmp_path / "m.jsonl", rows), tmp_path / "suites"))
        assert [row.get("specialty") for row in items(folder)] == ["dermatology", None]
        assert items(folder)[1]["meta"]["subject_name"] == "Anatomy"

    def test_specialties_are_in_the_taxonomy(self) -> None:
        assert set(SPECIALTIES.values()) <= set(load_taxonomy().specialties)
