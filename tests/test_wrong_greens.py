"""Runs that must not be green, each through the real command: gates, plans, lost answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from loopback import CONTENT_FILTER, error_reply
from projects import Project, questions
from wrong_projects import KeyServer, doses, model, prompt_of, serve, wrong_project

RIGHT = model("right")
ALLOW = "--medbench-allow-partial"
SAFE = 'overall = 0.6\n"safety.*" = 0.6'
MARKING = """\
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        if item.name.startswith({prefix!r}):
            item.add_marker(pytest.mark.{mark})
"""
DROPPING = """\
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.name != {name!r}]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return wrong_project(tmp_path)


def gates(project: Project, text: str) -> None:
    project.config(f"[tool.medbench.gates]\n{text}\n")


MISSPELT = {
    '"safety.medicaton" = 0.5': "'medication'",
    '"specialty.internal_medicine/cardiologie" = 0.5': "'internal_medicine/cardiology'",
    'require = ["suite.demmo"]': "'demo'",
}


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("\n".join(MISSPELT), list(MISSPELT.values())),
        ('"saftey.*" = 0.5', ["'safety'"]),
        ('"safety.*" = { mni = 0.5 }', ["'min'"]),
    ],
)
def test_misspelt_gate_is_a_usage_error_before_any_question(
    project: Project, text: str, nearest: list[str]
) -> None:
    project.suite(doses(12))
    gates(project, text)
    result = project.run("suites", RIGHT)
    assert result.status == 4
    for spelling in nearest:
        assert f"did you mean {spelling}?" in result.out
    assert "correct" not in result.out


def test_run_without_gates_is_undecided_unless_that_is_meant(project: Project) -> None:
    project.suite(questions(12), gates="")
    result = project.run("suites", RIGHT)
    assert result.status == 10
    assert "no gate was decided" in result.out
    meant = project.run("suites", RIGHT, "--medbench-report-only", ci=True)
    assert meant.status == 0
    assert project.verdicts()["verdict"] is None
    assert "PASS" not in meant.out


@pytest.mark.parametrize(
    ("text", "answers", "status"),
    [
        ("overall = 0.6", "inverted", 1),
        ('"specialty.*" = 0.6', "right", 10),
        ("", "mute", 11),
    ],
)
def test_report_only_forgives_nothing_but_missing_gates(
    project: Project, text: str, answers: str, status: int
) -> None:
    project.suite(questions(12), gates=text)
    assert project.run("suites", model(answers), "--medbench-report-only").status == status


def test_content_filter_is_an_answer_and_no_error(project: Project) -> None:
    project.suite([*doses(12), *questions(40)], gates=SAFE)
    with KeyServer(project.root) as server:
        server.instead = lambda asked, right: (
            CONTENT_FILTER if "Dose" in prompt_of(asked) else right
        )
        serve(project, server)
        result = project.run("suites")
    counts = project.verdicts()["counts"]
    assert (counts["correct"], counts["unparsable"], counts["error"]) == (40, 12, 0)
    assert {line["reason"] for line in project.journal()} == {None, "content filter"}
    assert result.status == 1
    assert "safety.medication of demo" in result.line("BLOCK   ")


@pytest.mark.parametrize(("prefix", "skipped"), [("", 1012), ("d003", 1)])
def test_skipped_items_leave_the_run_incomplete(
    project: Project, prefix: str, skipped: int
) -> None:
    project.suite([*doses(12), *questions(1000)], gates=SAFE)
    project.write("conftest.py", MARKING.format(prefix=prefix, mark="skip"))
    result = project.run("suites", RIGHT)
    assert project.verdicts()["counts"]["skipped"] == skipped
    assert result.status == 11


def test_gate_that_nothing_decides_is_ten(project: Project) -> None:
    blank = [{**row, "target": None} for row in questions(40)]
    scored_part = "overall = { min = 0.6, scored_part = true }"
    project.suite(questions(40), name="nameless", gates='"specialty.*" = 0.6')
    project.suite(questions(3, specialty="surgery"), name="small", gates='"specialty.*" = 0.6')
    project.suite(questions(40), name="unsafe", gates='"safety.medication" = 0.9')
    project.suite(questions(40), name="required", gates='require = ["harm.death"]')
    project.suite(blank, name="blank")
    project.suite(questions(40), name="judged", scorer="judge", gates=scored_part)
    gates(project, "overall = 0.6")
    said = {
        "specialty.* of nameless": "no planned item with a target has such a label",
        "specialty.surgery of small": "3 groups have a score; a verdict needs 10",
        "safety.medication of unsafe": "no planned item with a target is in this slice",
        "harm.death of required": "required, and no planned item with a target",
        "overall of blank": "no planned item with a target is in this slice",
        "overall of judged": "only a judge can score its 40 groups",
        "overall": "a task of it has no item that a rule can score",
    }
    result = project.run("suites", RIGHT)
    verdicts = {
        f"{row['gate']['key']} of {row['gate']['scope']}".removesuffix(" of None"): row
        for row in project.verdicts()["verdicts"]
    }
    for name, sentence in said.items():
        row = verdicts.pop(name.replace("specialty.surgery", "specialty.*"))
        assert row["verdict"] == "INCONCLUSIVE"
        assert sentence in row["reason"]
    assert verdicts == {}
    assert result.status == 10
    # Without the other six, one such gate alone leaves the run undecided.
    assert project.run("suites/blank", RIGHT).status == 10
    assert project.run("suites/nameless", RIGHT).status == 10


def test_control_is_at_best_ten_however_low_the_gates(project: Project) -> None:
    project.suite(
        questions(40, specialty="surgery"),
        gates="overall = { min = 0.01, allow_below_chance = true }",
    )
    gates(project, '"specialty.*" = { min = 0.01, allow_below_chance = true }')
    for control in ("random", "first", "longest"):
        result = project.run("suites", f"--medbench-model=control:{control}")
        assert project.verdicts()["verdict"] == "INCONCLUSIVE"
        assert {row["verdict"] for row in project.verdicts()["verdicts"]} == {"PASS"}
        assert result.status == 10
        assert "no model was asked" in result.out


def test_gates_that_a_blind_answer_passes_are_a_usage_error(project: Project) -> None:
    low = {
        "a": "overall = 0.25",
        "b": "overall = { max_wrong = 30 }",
        "c": '"specialty.*" = { max_wrong = 1000 }',
    }
    for name, text in low.items():
        project.suite(questions(40, specialty="surgery"), name=name, gates=text)
    result = project.run("suites", model("always_a"))
    assert result.status == 4
    for said in (
        "min = 0.25 on overall: the longest option reaches 0.250 of its 40 groups",
        "max_wrong = 30 on overall: the longest option is wrong in 30 of its 40 groups",
        "max_wrong = 1000 on specialty.surgery: the longest option is wrong in 30",
    ):
        assert said in result.out


def test_part_is_never_green_in_ci(project: Project) -> None:
    project.suite(questions(40))
    part = project.run("suites", RIGHT, "-k", "q00", ci=True)
    assert part.status == 10
    assert "part: 10 of 40 (-k), not a release gate" in part.out
    allowed = project.run("suites", RIGHT, "-k", "q00", ALLOW, ci=True)
    assert allowed.status == 10
    assert "never allowed where CI is set" in allowed.out
    assert project.run("suites", RIGHT, "-k", "q00", ALLOW).status == 0


@pytest.mark.parametrize(("name", "further", "status"), [("q001", [], 10), ("must", [ALLOW], 11)])
def test_item_dropped_by_a_hook_is_missed(
    project: Project, name: str, further: list[str], status: int
) -> None:
    project.suite([*questions(40), {**doses(1)[0], "id": "must", "must_pass": True}])
    project.write("conftest.py", DROPPING.format(name=name))
    result = project.run("suites", RIGHT, *further)
    assert "part: 40 of 41" in result.out
    assert result.status == status


def test_lost_requests_are_errors_and_no_wrong_answers(project: Project) -> None:
    project.suite(questions(40))
    with KeyServer(project.root) as server:
        lost = sorted(server.key)[::10]
        server.instead = lambda asked, right: (
            error_reply(500) if prompt_of(asked) in lost else right
        )
        serve(project, server)
        result = project.run("suites", "--medbench-max-tries=1")
    counts = project.verdicts()["counts"]
    assert (counts["correct"], counts["wrong"], counts["error"]) == (36, 0, 4)
    assert result.status == 11
    assert "4 of 40" in result.out
    assert {line["score"] for line in project.journal()} == {1.0, None}


def test_answer_of_another_item_is_wrong(project: Project) -> None:
    project.suite(questions(40))
    assert project.run("suites", model("shifted")).status == 1
    assert project.verdicts()["counts"]["wrong"] == 40


def test_must_pass_item_without_a_target_is_never_green(project: Project) -> None:
    project.suite([*questions(40), {**doses(1)[0], "target": None, "must_pass": True}])
    assert project.run("suites", RIGHT).status == 11


@pytest.mark.parametrize("name", ["safety", "ordinary", "report only", "deselected"])
def test_line_that_cannot_be_read_is_never_green(project: Project, name: str) -> None:
    rows = doses(40) if name == "safety" else questions(1000)
    rule = "" if name == "report only" else "overall = 0.6"
    project.suite([*rows, '{"id": "lost", "input": "Which'], gates=rule)
    further = {
        "report only": ["--medbench-report-only"],
        "deselected": [ALLOW, "--deselect", f"suites/demo/suite.toml::line-{len(rows) + 1}"],
    }
    result = project.run("suites", RIGHT, *further.get(name, []))
    assert result.status == 11
    assert (
        f"1 lines cannot be read, and what they ask is not known: demo::line-{len(rows) + 1}"
        in (result.out)
    )


SCORERS = """\
import sys
import pytest
from pytest_medbench.scorers import scorer

SCORES = {"q001": float("nan"), "q002": 2.0, "q003": None, "q004": True}

@scorer("mine", template="choice")
def mine(item, response, options):
    if item.id == "q000":
        raise RuntimeError("no score for this one")
    if item.id == "q005":
        pytest.exit("all is well", returncode=0)
    return SCORES.get(item.id, float(response.text == item.target))

@scorer("leaving", template="choice")
def leaving(item, response, options):
    sys.exit(0)
"""


def test_scorer_that_fails_makes_errors_and_no_verdict(project: Project) -> None:
    project.write("conftest.py", SCORERS)
    project.suite(questions(40), scorer="mine")
    assert project.run("suites", RIGHT).status == 11
    errors = {line["id"] for line in project.journal() if line["status"] == "error"}
    assert errors == {"q000", "q001", "q002", "q003", "q005"}
    assert project.verdicts()["counts"]["wrong"] == 0
    project.suite(questions(40), scorer="leaving")
    assert project.run("suites", RIGHT).status not in (0, 5)


HOOKS = {
    "an exit status set to 0": """\
def pytest_sessionfinish(session):
    session.exitstatus = 0
""",
    "expected failures": MARKING.format(prefix="", mark="xfail"),
    "cases that are swallowed": """\
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    return True
""",
    "an early end that claims to be fine": """\
import pytest

def pytest_runtest_logreport(report):
    if report.nodeid.endswith("q039"):
        pytest.exit("all is well", returncode=0)
""",
}


@pytest.mark.parametrize("name", HOOKS)
def test_hook_of_the_user_s_own_turns_nothing_green(project: Project, name: str) -> None:
    project.suite([*questions(40), {**doses(1)[0], "must_pass": True}])
    project.write("conftest.py", HOOKS[name])
    answers = "right" if name.startswith(("cases", "an early")) else "inverted"
    result = project.run("suites", model(answers))
    assert result.status in (1, 2, 11)
    assert project.verdicts()["verdict"] != "PASS"


@pytest.mark.parametrize("name", ["raising", "mute"])
def test_model_that_gives_no_answer_makes_errors(project: Project, name: str) -> None:
    project.suite(questions(40))
    assert project.run("suites", model(name)).status == 11
    assert project.verdicts()["counts"]["error"] == 40


def test_worker_that_dies_leaves_the_run_incomplete(project: Project) -> None:
    project.suite(questions(40))
    project.write(
        "dying.py",
        "import os, wrong_models\n\ndef answer(request):\n"
        "    if request.item == 'q030':\n        os._exit(0)\n"
        "    return wrong_models.right(request)\n",
    )
    result = project.run(
        "suites", "--medbench-model=python:dying:answer", "-n", "2", "--max-worker-restart=0"
    )
    assert result.status in (1, 11)
    assert project.verdicts()["verdict"] != "PASS"


def test_items_changed_while_they_are_asked_are_errors(project: Project) -> None:
    path = project.suite(questions(900)).parent / "items.jsonl"
    project.write(
        "editing.py",
        "import wrong_models\nfrom pathlib import Path\n\ndef answer(request):\n"
        "    given = wrong_models.right(request)\n"
        f"    path = Path({str(path)!r})\n"
        "    path.write_text(path.read_text().replace('heparin', 'heparan'))\n"
        "    return given\n",
    )
    result = project.run("suites", "--medbench-model=python:editing:answer")
    assert result.status == 11
    assert "the file was changed meanwhile" in result.out
