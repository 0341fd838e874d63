"""The JUnit file: valid XML with the items' statuses and the gates' verdicts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from projects import KEY, Project, questions

HOSTILE = "\x1b[31mno\x00 ]]> <evil attr='1'>&entity; \ud800 \ufffe \u202e"


def read(project: Project) -> ET.Element:
    suite = ET.parse(project.root / "junit.xml").getroot().find("testsuite")  # noqa: S314 - ours
    assert suite is not None
    return suite


def by_name(suite: ET.Element, classname: str) -> dict[str, ET.Element]:
    return {
        case.get("name", ""): case
        for case in suite.findall("testcase")
        if case.get("classname") == classname
    }


def check_counts(suite: ET.Element) -> None:
    cases = suite.findall("testcase")
    assert int(suite.get("tests", "")) == len(cases)
    for attribute, element in (("failures", "failure"), ("errors", "error")):
        having = [case for case in cases if case.find(element) is not None]
        assert int(suite.get(attribute, "")) == len(having)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_statuses_and_verdicts_stand_in_the_file(tmp_path: Path, workers: str) -> None:
    project = Project(tmp_path)
    items = questions(8, specialty="surgery")
    items[0]["must_pass"] = True
    project.suite(
        items,
        gates='overall = 0.95\n"specialty.surgery" = { min = 0.5, rule = "confidence" }\n'
        '"language.en" = 0.3',
    )
    model = project.answer(q000="B", q001="A", q002=HOSTILE, q003="C")
    project.write("test_own.py", "def test_one():\n    pass\n")
    result = project.run(".", model, "--junitxml=junit.xml", "-n", workers)
    assert result.status == 1
    suite = read(project)
    check_counts(suite)

    cases = by_name(suite, "suites.demo.suite.toml")
    said = {name: case.findtext("system-out") or "" for name, case in cases.items()}
    assert said["q001"] == "medbench status: wrong, answered 'A', score 0"
    assert said["q002"].startswith("medbench status: unparsable")
    assert said["q007"] == "medbench status: correct, answered 'D', score 1"
    failure = cases["q000"].find("failure")
    assert failure is not None
    assert "must-pass item wrong: answered 'B'" in failure.get("message", "")
    assert [name for name in cases if cases[name].find("failure") is not None] == ["q000"]

    gates = by_name(suite, "medbench.gates")
    shown = {name: (case[0].tag if len(case) else "passed") for name, case in gates.items()}
    assert shown == {
        "overall of demo": "failure",
        "specialty.surgery of demo": "error",
        "language.en of demo": "passed",
        "the whole run": "failure",
    }
    properties = {
        each.get("name"): each.get("value") for each in suite.findall("properties/property")
    }
    assert properties["medbench.verdict"] == project.verdicts()["verdict"] == "BLOCK"
    assert properties["medbench.exit_status"] == "1"
    assert properties["medbench.run"] == project.runs()[-1].name
    # pytest's own figures count no gate.
    assert "1 failed" in result.out.splitlines()[-1]
    assert "1 passed" in result.out.splitlines()[-1]


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_hostile_answer_in_a_failure_leaves_the_file_valid(tmp_path: Path, family: str) -> None:
    project = Project(tmp_path)
    project.suite(
        [{"id": "must", "input": "Name it.", "target": "insulin", "must_pass": True}],
        scorer="text",
        gates="",
    )
    model = project.answer(must=HOSTILE)
    project.run("suites", model, "--junitxml=junit.xml", "-o", f"junit_family={family}")
    text = (project.root / "junit.xml").read_text(encoding="utf-8")
    assert not any(ord(character) < 32 and character not in "\n\r\t" for character in text)
    assert "\u202e" not in text
    suite = read(project)
    check_counts(suite)
    case = by_name(suite, "suites.demo.suite.toml")["must"]
    assert "wrong" in (case.findtext("system-out") or "")


def test_undecided_gate_is_an_error_and_a_passed_run_is_green(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.key_model()
    project.suite(questions(8), gates='overall = { min = 0.9, rule = "confidence" }')
    assert project.run("suites", KEY, "--junitxml=junit.xml").status == 10
    suite = read(project)
    check_counts(suite)
    (overall, whole) = by_name(suite, "medbench.gates").values()
    for case in (overall, whole):
        error = case.find("error")
        assert error is not None
        assert error.get("message", "").startswith("INCONCLUSIVE: ")

    project.suite(questions(8), gates="overall = 0.9")
    assert project.run("suites", KEY, "--junitxml=junit.xml").status == 0
    suite = read(project)
    check_counts(suite)
    assert suite.get("failures") == suite.get("errors") == "0"
    assert list(by_name(suite, "medbench.gates")) == ["overall of demo", "the whole run"]
