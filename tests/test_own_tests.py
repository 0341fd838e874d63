"""Ordinary tests of a user's own over the items of a suite."""

from __future__ import annotations

from pathlib import Path

import pytest
from loopback import LoopbackServer
from projects import KEY, Project, questions, server_config

OWN = """
import pytest

@pytest.mark.medbench("suites/demo")
def test_scored(medbench_item, medbench_response, medbench_score):
    assert medbench_score.id == medbench_item.id
    assert medbench_response.text in "ABCD"
    assert medbench_score.status == "correct"

@pytest.mark.medbench("suites/demo")
def test_item_alone_is_not_asked_for(medbench_item):
    assert medbench_item.options

@pytest.mark.medbench("suites/demo/suite.toml")
@pytest.mark.parametrize("further", [1, 2])
def test_with_parameters(medbench_item, further):
    assert medbench_item.id.startswith("q")
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.key_model()
    made.suite(questions(12))
    return made


@pytest.mark.parametrize("workers", ["0", "2"])
def test_each_item_is_a_test_and_several_requests_are_in_flight(
    project: Project, workers: str
) -> None:
    project.write("tests/test_own.py", OWN)
    with LoopbackServer(delay=0.2, answer="A", models=None) as server:
        project.config(server_config(server.base_url))
        result = project.run("tests", "-n", workers, "--strict-markers", "-W", "error")
        assert "9 failed" in result.out
        assert "39 passed" in result.out
        assert result.status == 1
        assert len(server.requests) == 12
        assert server.max_in_flight >= 4
    # They feed no gate: there is no verdict.
    assert "medbench: " not in result.out
    assert not any((run / "verdicts.json").exists() for run in project.runs())


@pytest.mark.parametrize("workers", ["0", "2"])
def test_own_tests_beside_the_cases_of_the_same_suite(project: Project, workers: str) -> None:
    project.write("test_own.py", OWN)
    model = project.answer(q001="A")
    result = project.run(".", model, "-n", workers)
    assert "1 failed" in result.out.splitlines()[-1]
    assert "11 correct" in result.out
    assert "1 wrong" in result.out
    assert result.status == 1
    assert project.verdicts()["verdict"] == "PASS"
    assert project.verdicts()["planned"] == 12


def test_test_without_a_response_errors_with_the_reason(project: Project) -> None:
    project.write("test_own.py", OWN)
    result = project.run("test_own.py", project.answer(q001=None), "-k", "q001 and scored")
    assert "no answer from this model" in result.out
    assert "1 error" in result.out
    assert result.status == 1


MISUSES = {
    "@pytest.mark.medbench\n": "name one suite",
    "@pytest.mark.medbench()\n": "name one suite",
    "@pytest.mark.medbench('suites/demo', 'suites/other')\n": "name one suite",
    "@pytest.mark.medbench('suites/dmeo')\n": "there is no",
    "": "mark the test with",
}


@pytest.mark.parametrize("mark", MISUSES)
def test_misuse_says_what_to_write(project: Project, mark: str) -> None:
    project.write("test_own.py", f"import pytest\n{mark}def test_it(medbench_item):\n    pass\n")
    result = project.run("test_own.py", KEY)
    assert result.status in (1, 2)
    assert MISUSES[mark] in result.out
    assert "test_own.py::test_it" in result.line(MISUSES[mark])
    assert "1 error" in result.out


def test_broken_suite_and_missing_model_are_said_clearly(project: Project) -> None:
    project.write("test_own.py", OWN)
    result = project.run("test_own.py", "-k", "scored and q000")
    assert "no model is named" in result.out
    assert result.status != 0
    project.suite([], name="demo")
    parallel = project.run("test_own.py", KEY, "-n", "2")
    assert "no items" in parallel.out
    assert "INTERNALERROR" not in parallel.out
    assert parallel.status == 1
