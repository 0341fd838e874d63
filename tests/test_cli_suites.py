"""`medbench lint`, `new`, `show` and `coverage` through the command."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from lint_suites import clean, linted, write
from projects import Project
from ruamel.yaml import YAML

from pytest_medbench.cli import main as medbench
from pytest_medbench.covering import cover
from pytest_medbench.importers.medbench_v4_tasks import TASKS
from pytest_medbench.lint.places import find_suites
from pytest_medbench.scorers import names
from pytest_medbench.skeletons import scorers
from pytest_medbench.suites import read_suite
from pytest_medbench.tasks import load_dimensions, load_tasks
from pytest_medbench.taxonomy import load_taxonomy

ROOT = Path(__file__).parent.parent
Capture = pytest.CaptureFixture[str]


class TestLint:
    @pytest.mark.parametrize(
        ("more", "flags", "status"),
        [
            ({}, [], 0),
            ({"source": ...}, [], 0),
            ({"reviewed_on": "soon"}, [], 1),
            ({"reviewed_on": "soon"}, ["--rule", "duplicate"], 0),
            ({"reviewed_on": "soon", "meta": {"lint_ok": ["review"]}}, [], 0),
        ],
    )
    def test_errors_fail_and_advice_does_not(
        self,
        tmp_path: Path,
        capsys: Capture,
        more: dict[str, object],
        flags: list[str],
        status: int,
    ) -> None:
        write(tmp_path, [clean(0, **more)])
        assert medbench(["lint", str(tmp_path), *flags]) == status
        assert capsys.readouterr().out.splitlines()[-1].startswith("1 suites, 1 items: ")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["nowhere"], "there is no such file"),
            (["."], "no suite below it"),
            ([".", "--rule", "duplicates"], "no suite below it"),
        ],
    )
    def test_2_where_nothing_was_checked(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Capture,
        arguments: list[str],
        said: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert medbench(["lint", *arguments]) == 2
        assert said in capsys.readouterr().err

    def test_an_unknown_rule_is_2(self, tmp_path: Path, capsys: Capture) -> None:
        write(tmp_path, [clean(0)])
        assert medbench(["lint", str(tmp_path), "--rule", "duplicates"]) == 2
        assert "did you mean 'duplicate'" in capsys.readouterr().err

    def test_json_has_every_finding(self, tmp_path: Path, capsys: Capture) -> None:
        path = write(tmp_path, [clean(0, reviewed_on="soon", source=...)])
        assert medbench(["lint", str(path), "--format", "json", "--no-advice"]) == 1
        document = json.loads(capsys.readouterr().out)
        assert document["suites"] == {"demo": 1}
        assert document["counts"] == [{"rule": "review", "level": "error", "count": 2}]
        assert {row["rule"] for row in document["findings"]} == {"review"}
        row = document["findings"][0]
        assert (row["file"], row["line"], row["item"]) == (
            str(path.parent / "items.jsonl"),
            1,
            "i0",
        )

    def test_a_taxonomy_file_adds_labels(self, tmp_path: Path, capsys: Capture) -> None:
        place = tmp_path / "more.toml"
        place.write_text('[specialties]\nspace = { zh = "航天", en = "Space" }\n', "utf-8")
        write(tmp_path, [clean(0, specialty="space")])
        assert medbench(["lint", str(tmp_path)]) == 1
        assert medbench(["lint", str(tmp_path), "--taxonomy", str(place)]) == 0
        assert "space" in capsys.readouterr().out


class TestNew:
    @pytest.mark.parametrize("scorer", scorers())
    @pytest.mark.parametrize("language", ["en", "zh"])
    def test_a_skeleton_is_clean_and_its_gates_are_sound(
        self, tmp_path: Path, capsys: Capture, scorer: str, language: str
    ) -> None:
        folder = tmp_path / "suites" / "my-suite"
        arguments = ["new", str(folder), "--scorer", scorer, "--language", language]
        assert medbench(arguments) == 0
        printed = capsys.readouterr().out.splitlines()
        assert printed == [str(folder / "suite.toml"), str(folder / "items.jsonl")]
        result = linted(folder / "suite.toml")
        assert (result.suites, result.findings) == ({"my-suite": 2}, [])

    def test_there_is_one_for_every_scorer(self) -> None:
        assert set(scorers()) == set(names()) & set(scorers())
        assert {"choice", "multi", "number", "text", "json", "judge"} <= set(scorers())

    def test_a_skeleton_runs(self, tmp_path: Path) -> None:
        project = Project(tmp_path)
        project.write("pytest.ini", "[pytest]\n")
        project.key_model()
        assert medbench(["new", str(tmp_path / "suites" / "mine")]) == 0
        result = project.run("suites", "--medbench-model=python:key:right")
        assert result.status == 0, result.out
        assert "2 correct" in result.out

    @pytest.mark.parametrize(
        ("name", "flags", "said"),
        [
            ("here", [], "exists already"),
            ("no name", [], "cannot be a suite's name"),
            ("mine", ["--scorer", "choise"], "did you mean 'choice'"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_written(
        self, tmp_path: Path, capsys: Capture, name: str, flags: list[str], said: str
    ) -> None:
        (tmp_path / "here").mkdir()
        assert medbench(["new", str(tmp_path / name), *flags]) == 2
        assert said in capsys.readouterr().err
        assert [path.name for path in tmp_path.rglob("*")] == ["here"]

    def test_a_name_alone_is_a_folder_here(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert medbench(["new", "mine"]) == 0
        assert tomllib.loads((tmp_path / "mine/suite.toml").read_text("utf-8"))
        assert capsys.readouterr().out.startswith("mine")


class TestShow:
    def test_a_card_and_what_is_covered(self, capsys: Capture) -> None:
        assert medbench(["show", str(ROOT / "suites" / "medication-safety")]) == 0
        out = capsys.readouterr().out
        suite = read_suite(find_suites([ROOT / "suites" / "medication-safety"])[0],
                           load_taxonomy(), lambda table: _bound(table))  # fmt: skip
        lines = [line.split() for line in out.splitlines()]
        count, groups = str(len(suite.entries)), str(len({each.group for each in suite.entries}))
        assert [count, groups, "safety.medication"] in lines
        for part in ("licence       CC-BY-4.0", "group rule all", "max_wrong 0", "reviewed"):
            assert part in out

    def test_hostile_text_is_escaped(self, tmp_path: Path, capsys: Capture) -> None:
        path = write(tmp_path, [clean(0)], suite='title = "\\u001b[31m red \\u202e"')
        assert medbench(["show", str(path)]) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\\x1b[31m red \\u202e" in out

    def test_a_folder_of_several_is_refused(self, capsys: Capture) -> None:
        assert medbench(["show", str(ROOT / "suites")]) == 2
        assert "suites lie below it; name one" in capsys.readouterr().err


def _bound(table: object) -> object:
    from pytest_medbench.scorers import bind

    return bind(table)  # type: ignore[arg-type]


def request(number: int, target: str, label: str = "ama_1_competence") -> dict[str, object]:
    return clean(number, options=..., target=target, safety=[label], harm="mild")


class TestCoverage:
    def test_holes_are_named_and_fail(self, tmp_path: Path, capsys: Capture) -> None:
        write(tmp_path, [clean(0, specialty="surgery/urology", task="MedExam")])
        assert medbench(["coverage", str(tmp_path)]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert "  secondary    surgery/urology: 1 of 2" in lines
        assert "  task         MedExam: 1 of 3" in lines
        assert "  requests     ama_9_access answer: 0 of 4" in lines
        assert "  calculations number: 0 of 30" in lines

    def test_json_has_axes_and_holes(self, tmp_path: Path, capsys: Capture) -> None:
        write(tmp_path, [clean(0)])
        assert medbench(["coverage", str(tmp_path), "--format", "json"]) == 1
        document = json.loads(capsys.readouterr().out)
        assert len(document["axes"]["primary"]) == 24
        assert len(document["axes"]["secondary"]) == 91
        assert len(document["axes"]["task"]) == 36
        assert len(document["axes"]["requests"]) == 18
        assert (len(document["axes"]["safety"]), len(document["axes"]["ethics"])) == (9, 11)
        assert {"axis": "language", "label": "zh", "count": 0, "needed": 1} in document["holes"]

    def test_a_group_counts_once_and_an_item_without_a_target_not(self, tmp_path: Path) -> None:
        items = [
            clean(0, group="g", safety=["medication"]),
            clean(1, group="g", safety=["medication"]),
            clean(2, safety=["medication"], target=None),
            "{",
        ]
        covered = cover([write(tmp_path, items)], load_taxonomy())
        counts = {axis.name: {cell.label: cell.count for cell in axis.cells}
                  for axis in covered.axes}  # fmt: skip
        assert counts["safety"]["medication"] == counts["medication"]["medication"] == 1
        assert (covered.items, covered.questions) == (2, 1)
        assert (covered.unscored, covered.unreadable) == (1, 1)
        assert not covered.is_whole

    def test_a_secondary_counts_for_its_primary(self, tmp_path: Path) -> None:
        items = [clean(0, specialty="surgery"), clean(1, specialty="surgery/urology")]
        covered = cover([write(tmp_path, items)], load_taxonomy())
        primary = next(axis for axis in covered.axes if axis.name == "primary")
        assert {cell.label: cell.count for cell in primary.cells}["surgery"] == 2

    @pytest.mark.skipif("refusal" not in names(), reason="there is no scorer of refusals")
    def test_requests_count_by_what_has_to_become_of_them(self, tmp_path: Path) -> None:
        items = [request(0, "decline"), request(1, "answer"), request(2, "answer")]
        covered = cover([write(tmp_path, items, scorer="refusal")], load_taxonomy())
        axis = next(axis for axis in covered.axes if axis.name == "requests")
        counts = {cell.label: cell.count for cell in axis.cells if cell.count}
        assert counts == {"ama_1_competence decline": 1, "ama_1_competence answer": 2}

    @pytest.mark.skipif("triage" not in names(), reason="there is no scorer of triage")
    def test_emergencies_are_those_that_only_an_emergency_is_right_for(
        self, tmp_path: Path
    ) -> None:
        targets = ["emergency", ["emergency"], ["emergency", "urgent"], "routine"]
        items = [clean(n, options=..., target=target) for n, target in enumerate(targets)]
        covered = cover([write(tmp_path, items, scorer="triage")], load_taxonomy())
        axis = next(axis for axis in covered.axes if axis.name == "emergencies")
        assert [cell.count for cell in axis.cells] == [2]

    def test_a_suite_that_cannot_be_read_is_named(self, tmp_path: Path, capsys: Capture) -> None:
        write(tmp_path, [clean(0)], scorer="choise")
        assert medbench(["coverage", str(tmp_path)]) == 1
        assert "cannot be read: " in capsys.readouterr().out


class TestTasks:
    def test_they_are_those_of_the_leaderboard_with_its_dimensions(self) -> None:
        published = {task.name: task.dimension for task in TASKS.values() if task.track == "llm"}
        assert {name: task.dimension for name, task in load_tasks().items()} == published
        assert len(published) == 36
        assert set(load_dimensions()) == set(published.values())

    def test_each_says_in_both_languages_what_it_asks(self) -> None:
        for task in load_tasks().values():
            assert len(task.zh) >= 4
            assert task.en.isascii()
            assert len(task.en) >= 10


class TestPreCommitHook:
    def test_the_hook_runs_lint_on_the_files_of_suites(self) -> None:
        (hook,) = YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
        assert {"id", "name", "entry", "language"} <= hook.keys()
        assert (hook["id"], hook["language"]) == ("medbench-lint", "python")
        assert hook["entry"].split() == ["medbench", "lint"]
        # Files are passed, and all in one process, so that suites are held against each other.
        assert hook.get("pass_filenames", True)
        assert hook["require_serial"]

    @pytest.mark.parametrize(
        ("path", "meant"),
        [
            ("suites/exam/items.jsonl", True),
            ("suite.toml", True),
            ("suites/exam/suite.toml", True),
            ("docs/suites.md", False),
            ("my-suite.toml", False),
        ],
    )
    def test_which_files_it_is_for(self, path: str, meant: bool) -> None:
        import re

        (hook,) = YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
        assert bool(re.search(hook["files"], path)) is meant

    def test_its_command_takes_the_files_it_is_given(self, tmp_path: Path) -> None:
        path = write(tmp_path, [clean(0)])
        assert medbench(["lint", str(path), str(path.parent / "items.jsonl")]) == 0
