"""Cases as a pytest user meets them: statuses, selection, stopping, neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import KEY, Project, Result, questions

SERIAL_AND_PARALLEL = pytest.mark.parametrize("workers", ["0", "2"])
MUST = {"id": "must", "input": "Which one?", "options": ["a", "b"], "target": "A"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.key_model()
    return made


def of_every_status(project: Project) -> str:
    """Write a suite and a model that bring each status once; give the model's flag."""
    items = questions(6, specialty="internal_medicine/cardiology")
    items[5]["target"] = None
    project.suite([*items, {**MUST, "must_pass": True}])
    project.write(
        "suites/conftest.py",
        "import pytest\n"
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        if item.name == 'q004':\n"
        "            item.add_marker(pytest.mark.skip(reason='under review'))\n",
    )
    return project.answer(q001="A", q002="I would rather not.", q003=None, q005="B", must="B")


def test_every_status_has_a_word_a_letter_and_a_colour(project: Project) -> None:
    model = of_every_status(project)
    loud = project.run("suites", model, "-v", "-rs", "--color=yes")
    words = {
        "q000": "\x1b[32mCORRECT\x1b[0m",
        "q001": "\x1b[33mWRONG\x1b[0m",
        "q002": "\x1b[33m\x1b[1mUNPARSABLE\x1b[0m",
        "q003": "\x1b[31m\x1b[1mERROR\x1b[0m",
        "q004": "\x1b[33mSKIPPED\x1b[0m",
        "q005": "\x1b[36mUNSCORED\x1b[0m",
        "must": "\x1b[31mWRONG (FAILED)\x1b[0m",
    }
    for item, word in words.items():
        assert f"suite.toml::{item} {word}" in loud.out
    assert "under review" in loud.out
    assert loud.status == 1

    quiet = project.run("suites", model, "-q")
    assert ".wuEs-F" in quiet.out
    counts = "1 failed, 1 skipped, 1 error, 1 correct, 1 unparsable, 1 unscored, 1 wrong"
    for count in counts.split(", "):
        assert count in quiet.out.splitlines()[-1]
    assert "must-pass item wrong: answered 'B', score 0" in quiet.out
    assert "no answer from this model" in quiet.out


@SERIAL_AND_PARALLEL
def test_statuses_add_up_to_the_plan(project: Project, workers: str) -> None:
    model = of_every_status(project)
    project.run("suites", model, "-n", workers)
    counts = project.verdicts()["counts"]
    assert {name: count for name, count in counts.items() if count} == {
        "correct": 1, "wrong": 2, "unparsable": 1, "error": 1, "skipped": 1, "unscored": 1,
    }  # fmt: skip
    assert [line["status"] for line in project.journal()] == [
        "wrong", "correct", "wrong", "unparsable", "error", "unscored",
    ]  # fmt: skip


def collected(project: Project, *arguments: str) -> list[str]:
    result = project.run("suites", "--collect-only", "-q", "--strict-markers", *arguments)
    assert result.status in (0, 5), result.out
    return [line.partition("::")[2] for line in result.out.splitlines() if "suite.toml::" in line]


def test_labels_are_markers_and_ids_are_keywords(project: Project) -> None:
    project.suite(
        [
            *questions(2, prefix="c", specialty="internal_medicine/cardiology", task="skip"),
            *questions(2, prefix="s", specialty="surgery", safety=["medication"], task="medbench"),
        ]
    )
    assert collected(project) == ["c000", "c001", "s000", "s001"]
    assert collected(project, "--strict", "-m", "cardiology") == ["c000", "c001"]
    assert collected(project, "-m", "internal_medicine and not medication") == ["c000", "c001"]
    assert collected(project, "-m", "medication and label_medbench") == ["s000", "s001"]
    # A task named like one of pytest's marks must not skip anything.
    assert collected(project, "-m", "label_skip") == ["c000", "c001"]
    assert collected(project, "-m", "skip") == []
    assert collected(project, "-k", "000 and not s0") == ["c000"]
    ran = project.run("suites", KEY, "--strict-markers", "--strict", "-W", "error")
    assert "4 correct" in ran.out
    assert ran.status == 0


@SERIAL_AND_PARALLEL
def test_last_failed_brings_back_wrong_and_unparsable_items(project: Project, workers: str) -> None:
    project.suite(questions(6))
    model = project.answer(q001="A", q002="I would rather not.", q003=None)
    assert project.run("suites", model, "-n", workers).status == 11

    again = project.run("suites", model, "--lf", "-n", workers)
    assert project.verdicts()["planned"] == 3
    assert again.status == 1
    assert "part: 3 of 6 (--lf), not a release gate" in again.out

    right = project.run("suites", KEY, "--lf", "-n", workers)
    assert (project.verdicts()["planned"], right.status) == (3, 10)
    # Nothing is left that failed: everything runs, and the whole plan may pass.
    whole = project.run("suites", KEY, "--lf", "-n", workers)
    assert (project.verdicts()["planned"], whole.status) == (6, 0)


def test_failed_first_asks_wrong_items_first(project: Project) -> None:
    project.suite(questions(4))
    model = project.answer(q002="A")
    project.run("suites", model)
    second = project.run("suites", model, "--ff", "-v")
    ran = [line.split()[0] for line in second.out.splitlines() if "suite.toml::" in line]
    assert [name.partition("::")[2] for name in ran] == ["q002", "q000", "q001", "q003"]
    assert second.status == 0


@pytest.mark.parametrize(
    ("further", "not_run", "status"),
    [
        (["-x"], 2, 11),
        (["--maxfail=1", "--medbench-strict"], 4, 1),
        (["--maxfail=2"], 0, 1),
    ],
)
def test_stop_counts_failures_and_is_never_green(
    project: Project, further: list[str], not_run: int, status: int
) -> None:
    project.suite([*questions(5), {**MUST, "must_pass": True}], gates="overall = 0.6")
    model = project.answer(q001="A", q002="?", q003=None, must="B")
    result = project.run("suites", model, *further)
    assert project.verdicts()["counts"]["not run"] == not_run
    assert result.status == status


@pytest.mark.parametrize(("failing", "status"), [("q000", 11), ("must", 1)])
def test_stop_in_parallel_ends_like_a_serial_one(
    project: Project, failing: str, status: int
) -> None:
    item = {**MUST, "id": "aaa", "must_pass": True}
    project.suite([item, *questions(40)], gates="overall = 0.6")
    model = project.answer(**({"q000": None} if failing == "q000" else {"aaa": "B"}))
    result = project.run("suites", model, "-n", "2", "-x", "--dist=loadfile")
    assert project.verdicts()["counts"]["not run"] > 0
    assert result.status == status


def test_strict_reports_every_wrong_item_as_failed(project: Project) -> None:
    project.suite(questions(4))
    result = project.run("suites", project.answer(q001="A"), "--medbench-strict", "-v")
    assert "q001 WRONG (FAILED)" in result.out
    assert result.status == 1
    assert project.verdicts()["verdict"] == "PASS"


HOSTILE = "\x1b[31mB\x07\u202e <script>alert(1)</script> \x00\r\n\x9b2J"


@SERIAL_AND_PARALLEL
def test_hostile_answer_is_printed_escaped(project: Project, workers: str) -> None:
    items = [
        {"id": id_, "input": f"Name {id_}.", "target": "insulin", "must_pass": True}
        for id_ in ("must", "raises")
    ]
    project.suite(items, scorer="text", gates="")
    project.write(
        "model.py",
        f"TEXT = {HOSTILE!r}\n"
        "def answer(request):\n"
        "    if request.item == 'raises':\n"
        "        raise RuntimeError(TEXT)\n"
        "    return TEXT\n",
    )
    model = "--medbench-model=python:model:answer"
    result = project.run("suites", model, "-vv", "--color=no", "-n", workers)
    assert "must-pass item wrong: answered" in result.out
    assert "raised RuntimeError: " in result.out
    assert "<script>" in result.out.lower()
    for character in "\x1b\x07\u202e\x00\x9b":
        assert character not in result.out
    assert result.status == 1


@pytest.mark.parametrize("plugin", ["xdist", "cacheprovider", "terminal", "junitxml", "skipping"])
def test_run_ends_the_same_without_a_plugin_of_pytest(project: Project, plugin: str) -> None:
    project.suite(questions(4), gates="overall = 0.9")
    result = project.run("suites", project.answer(q001="A"), "-p", f"no:{plugin}")
    assert result.status == 1
    assert project.verdicts()["verdict"] == "BLOCK"
    assert "INTERNALERROR" not in result.out


@pytest.mark.parametrize("plugin", ["cacheprovider", "terminal"])
def test_parallel_run_ends_the_same_without_a_plugin_of_pytest(
    project: Project, plugin: str
) -> None:
    project.suite(questions(4), gates="overall = 0.9")
    result = project.run("suites", project.answer(q001="A"), "-p", f"no:{plugin}", "-n", "2")
    assert result.status == 1
    assert project.verdicts()["verdict"] == "BLOCK"


def test_collect_only_needs_no_model_and_leaves_nothing(project: Project) -> None:
    project.suite(questions(2))
    result = project.run("suites", "--collect-only")
    assert result.status == 0
    assert "<Case q001>" in result.out
    assert not (project.root / ".medbench").exists()


TRACED = """\
import pytest

@pytest.fixture(scope="module", autouse=True)
def module(request):
    note("up " + request.node.name)
    yield
    note("down " + request.node.name)

def note(line):
    with open({log!r}, "a") as file:
        file.write(line + "\\n")

def test_one():
    note("test " + __name__)
"""
PACKAGE = """\
import pytest

@pytest.fixture(scope="package", autouse=True)
def package():
    with open({log!r}, "a") as file:
        file.write("up {name}\\n")
    yield
    with open({log!r}, "a") as file:
        file.write("down {name}\\n")
    {end}
"""


def with_traced_tests(project: Project, *, end: str = "") -> Path:
    """Write ordinary tests with fixtures before, between and after the cases of two suites."""
    log = project.root / "log.txt"
    for name in ("a", "b"):
        project.suite(questions(3), name=name)
        project.write(f"suites/{name}/__init__.py", "")
        project.write(f"suites/{name}/test_{name}.py", TRACED.format(log=str(log)))
        project.write(f"suites/{name}/test_later_{name}.py", TRACED.format(log=str(log)))
        project.write(
            f"suites/{name}/conftest.py",
            PACKAGE.format(log=str(log), name=name, end=end if name == "a" else ""),
        )
    project.write("suites/__init__.py", "")
    return log


def test_fixtures_of_neighbours_are_set_up_and_torn_down_in_order(project: Project) -> None:
    log = with_traced_tests(project)
    arguments = [
        "suites/a/test_a.py", "suites/b/suite.toml", "suites/a/test_later_a.py",
        "suites/a/suite.toml", "suites/b/test_b.py", "suites/b/suite.toml::q000",
    ]  # fmt: skip
    result = project.run(*arguments, KEY, "--medbench-allow-partial", "-W", "error")
    assert "3 passed" in result.out
    assert result.status == 0, result.out
    lines = log.read_text().splitlines()
    open_now: list[str] = []
    for line in lines:
        word, _, name = line.partition(" ")
        if word == "up":
            assert name not in open_now
            open_now.append(name)
        elif word == "down":
            assert open_now.pop() == name
        else:
            assert len(open_now) == 2
    assert open_now == []


def test_failing_teardown_before_a_test_that_follows_cases_is_an_error_of_its_own(
    project: Project,
) -> None:
    with_traced_tests(project, end="raise RuntimeError('the teardown failed')")
    result = project.run("suites/a/test_a.py", "suites/a/suite.toml", "suites/b/test_b.py", KEY)
    assert "INTERNALERROR" not in result.out
    assert "the teardown failed" in result.out
    assert result.status == 1
    assert "2 passed, 1 error, 3 correct" in result.out
    assert project.verdicts()["verdict"] == "PASS"


@SERIAL_AND_PARALLEL
def test_failed_ordinary_test_beside_a_passing_suite_is_one(project: Project, workers: str) -> None:
    project.suite(questions(3))
    project.write("suites/test_own.py", "def test_one():\n    assert 0\n")
    result: Result = project.run("suites", KEY, "-n", workers)
    assert result.status == 1
    assert project.verdicts()["verdict"] == "PASS"
