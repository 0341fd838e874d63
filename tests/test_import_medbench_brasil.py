"""The Brazilian exams become suites, and their published results runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from public_data import items, one, read, write_rows

from pytest_medbench.baselines.making import check_acceptable, make_baselines
from pytest_medbench.baselines.whole_run import read_finished
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.cli import main
from pytest_medbench.importers import import_medbench_brasil, import_medbench_brasil_runs
from pytest_medbench.options import Options
from pytest_medbench.outcomes import Cause, Status
from pytest_medbench.runs import read_plan, read_verdicts

EXAM = "exam-2031"
SYSTEM = "Answer with a letter."
RUN = "medbench-brasil-acme_one"


def question(number: int = 1, /, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"{EXAM}-q{number:02}",
        "editionId": EXAM,
        "number": number,
        "stem": f"Question {number}?",
        "options": {"A": "one", "B": "two", "C": "three", "D": "four"},
        "correct": "B",
        "specialty": ["pediatria"],
        "annulled": False,
        "hasImage": False,
        "hasTable": False,
    } | changed


def edition(*questions: Any, **changed: Any) -> dict[str, Any]:
    return {"id": EXAM, "year": 2031, "publishedAt": "2031-05-01", "questions": questions} | changed


def answers(model: str, letters: dict[int, list[str | None]], **changed: Any) -> dict[str, Any]:
    """Give a file of results, by the questions' numbers; the target is B."""
    return {
        "modelId": model,
        "runsPerQuestion": 3,
        "perQuestion": [
            {
                "questionId": f"{EXAM}-q{number:02}",
                "runs": [{"parsed": letter, "correct": letter == "B"} for letter in given],
            }
            for number, given in letters.items()
        ],
    } | changed


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def publish(source: Path, *questions: Any, **results: Any) -> Path:
    """Write a repository with one edition, and results by the files' names."""
    write(source / "packages/dataset/data/exam/2031.json", edition(*questions))
    for name, value in results.items():
        write(source / "results" / EXAM / f"{name}.json", value)
    return source


ONE = answers("acme/one", {1: ["B", "B", "B"], 2: ["B", "A", None], 3: [None, None, "C"]})
THREE = (question(1), question(2), question(3))


class TestSuite:
    def test_prompt_is_the_one_that_was_asked(self, tmp_path: Path) -> None:
        source = publish(tmp_path / "in", question())
        request = {"messages": [{"role": "system", "content": SYSTEM}]}
        raw = source / "results" / EXAM / "x.raw.jsonl"
        write_rows(raw, [{"requestParams": request}])
        folder = one(import_medbench_brasil(source, tmp_path))
        catalogue = Catalogue(Options(root=tmp_path))
        suite = catalogue.read(folder / "suite.toml")
        item = catalogue.item(suite, suite.entries[0])
        assert catalogue.request(suite, item).messages == [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": "Question 1?\n\nA) one\nB) two\nC) three\nD) four"},
        ]
        catalogue.close()

    @pytest.mark.parametrize(
        "request_",
        [
            {"system": SYSTEM, "messages": [{"role": "user", "content": "Q"}]},
            {"messages": [{"role": "system", "content": SYSTEM}]},
            {"systemInstruction": {"parts": [{"text": SYSTEM}]}},
        ],
    )
    def test_system_message_is_found_in_any_api(self, tmp_path: Path, request_: Any) -> None:
        source = publish(tmp_path / "in", question())
        write_rows(source / "results" / EXAM / "x.raw.jsonl", [{"requestParams": request_}])
        suite = read(one(import_medbench_brasil(source, tmp_path)))
        assert suite.spec.prompt.system == SYSTEM

    def test_without_raw_responses_there_is_no_system_message(self, tmp_path: Path) -> None:
        suite = read(one(import_medbench_brasil(publish(tmp_path / "in", question()), tmp_path)))
        assert suite.spec.prompt.system is None

    def test_first_specialty_makes_the_slice_and_all_are_kept(self, tmp_path: Path) -> None:
        source = publish(
            tmp_path / "in",
            question(specialty=["cirurgia", "pediatria"]),
            question(2, specialty=[]),
        )
        first, second = items(one(import_medbench_brasil(source, tmp_path)))
        assert first["specialty"] == "surgery"
        assert first["meta"]["specialty"] == ["cirurgia", "pediatria"]
        assert "specialty" not in second

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"annulled": True}, "was annulled"),
            ({"hasImage": True}, "needs an image"),
            ({"hasTable": True}, "needs a table"),
            ({"correct": "E"}, "expected one letter of ABCD"),
            ({"correct": "AB"}, "expected one letter of ABCD"),
            ({"correct": ""}, "expected one letter of ABCD"),
            ({"stem": " "}, "'stem'"),
            ({"options": {"B": "x", "A": "y"}}, "in order"),
            ({"options": {"A": "x", "B": ""}}, "in order"),
            ({"options": ["x", "y"]}, "in order"),
            ({"specialty": ["astrology"]}, "'astrology' is not known"),
            ({"specialty": "pediatria"}, "a list of texts"),
            ({"id": ""}, "id"),
        ],
    )
    def test_question_that_is_left_out_is_named(
        self, tmp_path: Path, changed: dict[str, Any], said: str
    ) -> None:
        source = publish(tmp_path / "in", question(1) | changed, question(2))
        report = import_medbench_brasil(source, tmp_path)
        (problem,) = report.problems
        assert said in problem.message
        assert changed.get("id", f"{EXAM}-q01") in problem.message
        assert [row["id"] for row in items(one(report))] == [f"{EXAM}-q02"]

    def test_a_name_that_leads_elsewhere_writes_nothing(self, tmp_path: Path) -> None:
        path = write(tmp_path / "in" / "a.json", edition(question(), id="../../etc"))
        report = import_medbench_brasil(path, tmp_path / "out")
        assert not report.ok
        assert not report.written

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists))
    def test_nothing_in_a_question_raises(
        self, tmp_path_factory: pytest.TempPathFactory, value: Any
    ) -> None:
        folder = tmp_path_factory.mktemp("any")
        strange = [question(number, **{key: value}) for number, key in enumerate(question(), 2)]
        path = write(folder / "a.json", edition(question(1), value, *strange))
        report = import_medbench_brasil(path, folder / "out")
        assert report.items + len(report.problems) >= len(strange) + 1
        assert not [entry for entry in read(one(report)).entries if entry.problem]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project with the suite of three questions; what was published lies in `in`."""
    root = tmp_path / "project"
    import_medbench_brasil(publish(tmp_path / "in", *THREE, one=ONE), root / "suites")
    return root


class TestRuns:
    def test_repeats_are_one_outcome_with_their_scores(self, tmp_path: Path, project: Path) -> None:
        report = import_medbench_brasil_runs(tmp_path / "in", project)
        assert report.ok
        finished = read_finished(one(report), project)
        assert finished.repeats == 3
        assert finished.model == "acme/one"
        first, second, third = finished.outcomes.values()
        assert (first.status, first.score, first.scores) == (Status.CORRECT, 1.0, (1.0, 1.0, 1.0))
        assert (second.status, second.scores) == (Status.WRONG, (1.0, 0.0, 0.0))
        assert second.score == pytest.approx(1 / 3)
        assert (third.status, third.reason) == (Status.UNPARSABLE, Cause.NO_ANSWER)
        finished.catalogue.close()

    def test_each_repeat_is_kept(self, tmp_path: Path, project: Path) -> None:
        folder = one(import_medbench_brasil_runs(tmp_path / "in", project))
        lines = (folder / "samples-main.jsonl").read_text(encoding="utf-8").splitlines()
        kept = [(row["sample"], row["answer"]) for row in map(json.loads, lines)]
        assert kept[3:6] == [(0, "B"), (1, "A"), (2, None)]

    def test_run_can_be_accepted(self, tmp_path: Path, project: Path) -> None:
        folder = one(import_medbench_brasil_runs(tmp_path / "in", project))
        finished = read_finished(folder, project)
        check_acceptable(finished, "imported")
        made = make_baselines(finished, "one", "imported", "2031-06-01")[EXAM]
        assert made.items[f"{EXAM}-q02"].scores == (1.0, 0.0, 0.0)
        assert made.slices["overall"].score == pytest.approx(4 / 9, abs=1e-6)
        finished.catalogue.close()

    def test_verdict_is_decided_by_the_suites_gates(self, tmp_path: Path, project: Path) -> None:
        path = project / "suites" / EXAM / "suite.toml"
        path.write_text(path.read_text(encoding="utf-8") + "\n[gates]\noverall = 0.9\n")
        folder = one(import_medbench_brasil_runs(tmp_path / "in", project))
        assert read_verdicts(folder)["verdict"] == "BLOCK"

    @pytest.mark.parametrize(
        ("old", "new"), [("Question 2?", "Question two?"), ('"target":"B"', '"target":"C"')]
    )
    def test_suite_that_asks_something_else_has_no_runs(
        self, tmp_path: Path, project: Path, old: str, new: str
    ) -> None:
        path = project / "suites" / EXAM / "items.jsonl"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        report = import_medbench_brasil_runs(tmp_path / "in", project)
        assert not report.written
        assert "not what the models were asked" in report.problems[0].message

    def test_without_the_suites_it_says_how_to_make_them(self, tmp_path: Path) -> None:
        source = publish(tmp_path / "in", *THREE, one=ONE)
        report = import_medbench_brasil_runs(source, tmp_path / "empty")
        assert not report.written
        assert "medbench import medbench-brasil" in report.problems[0].message

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ([], "expected a JSON object"),
            (ONE | {"modelId": " "}, "'modelId'"),
            (ONE | {"modelId": "a\x1b[2J"}, "'modelId'"),
            (ONE | {"runsPerQuestion": 2}, "expected a list of 2"),
            (ONE | {"runsPerQuestion": True}, "'runsPerQuestion'"),
            (ONE | {"perQuestion": []}, "'perQuestion'"),
            (ONE | {"perQuestion": ONE["perQuestion"] * 2}, "each once"),
            (answers("x", {9: ["B"] * 3}), "the suite's ids"),
            (answers("x", {1: ["B", "B", "BB"]}), "'parsed'"),
            (ONE, "another file is of model 'acme/one'"),
            (answers("acme/one", {1: ["B"]}, runsPerQuestion=1), "another file is of model"),
        ],
    )
    def test_results_that_cannot_be_used_are_left_out_whole(
        self, tmp_path: Path, project: Path, value: Any, said: str
    ) -> None:
        write(tmp_path / "in" / "results" / EXAM / "two.json", value)
        report = import_medbench_brasil_runs(tmp_path / "in", project)
        (problem,) = report.problems
        assert problem.place.name == "two.json"
        assert said in problem.message
        assert one(report).name == RUN

    def test_published_as_right_with_another_letter_is_left_out(
        self, tmp_path: Path, project: Path
    ) -> None:
        wrong = answers("x", {1: ["B", "B", "A"]})
        wrong["perQuestion"][0]["runs"][2]["correct"] = True
        write(tmp_path / "in" / "results" / EXAM / "x.json", wrong)
        report = import_medbench_brasil_runs(tmp_path / "in", project)
        assert "correct = True, and the target is 'B'" in report.problems[0].message
        assert one(report).name == RUN

    def test_question_without_an_answer_is_named_and_leaves_the_run_short(
        self, tmp_path: Path, project: Path
    ) -> None:
        write(tmp_path / "in" / "results" / EXAM / "one.json", answers("one", {1: ["B"] * 3}))
        report = import_medbench_brasil_runs(tmp_path / "in", project)
        assert [problem.message for problem in report.problems] == [
            f"{EXAM}-q02: no answer was published",
            f"{EXAM}-q03: no answer was published",
        ]
        assert read_verdicts(one(report))["exit_status"] == 11

    def test_earlier_import_is_replaced_only_by_force(self, tmp_path: Path, project: Path) -> None:
        folder = one(import_medbench_brasil_runs(tmp_path / "in", project))
        (folder / "mark").touch()
        again = import_medbench_brasil_runs(tmp_path / "in", project)
        assert "force" in again.problems[0].message
        assert (folder / "mark").exists()
        assert import_medbench_brasil_runs(tmp_path / "in", project, force=True).ok
        assert not (folder / "mark").exists()
        assert sorted(path.name for path in (project / ".medbench").iterdir()) == [
            ".gitignore",
            "runs",
        ]

    def test_run_of_this_project_is_never_replaced(self, tmp_path: Path, project: Path) -> None:
        place = project / ".medbench" / "runs" / RUN
        write(place / "plan.json", {"format": 1})
        report = import_medbench_brasil_runs(tmp_path / "in", project, force=True)
        assert "was not imported" in report.problems[0].message
        assert read_plan(place) == {"format": 1}

    def test_names_of_models_do_not_lead_elsewhere(self, tmp_path: Path, project: Path) -> None:
        strange = answers("../../x", {number: ["B"] * 3 for number in (1, 2, 3)})
        write(tmp_path / "in" / "results" / EXAM / "one.json", strange)
        folder = one(import_medbench_brasil_runs(tmp_path / "in", project))
        assert folder.parent == project / ".medbench" / "runs"

    def test_the_command_writes_suites_then_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        publish(tmp_path / "in", *THREE, one=ONE)
        monkeypatch.chdir(tmp_path)
        assert main(["import", "medbench-brasil", "in", "-o", "suites"]) == 0
        assert main(["import", "medbench-brasil-runs", "in", "-o", "."]) == 0
        assert main(["runs"]) == 0
        assert "acme/one" in capsys.readouterr().out
