"""Bad input: one clear message with the place, an exit status that is not 0, and no crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import LoopbackServer
from projects import KEY, Project, Result, questions, server_config

Spoil = Callable[[Project], list[str]]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.key_model()
    made.suite(questions(4, specialty="surgery"))
    made.write("test_ordinary.py", "def test_ordinary():\n    pass\n")
    return made


def flags(*arguments: str) -> Spoil:
    return lambda project: list(arguments)


def config(text: str) -> Spoil:
    def spoil(project: Project) -> list[str]:
        project.config(text)
        return [KEY]

    return spoil


def two_tables(project: Project) -> list[str]:
    project.config("[tool.medbench]\n")
    project.write("pyproject.toml", "[tool.medbench]\n")
    return [KEY]


def failing_import(project: Project) -> list[str]:
    project.write("broken.py", "import a_module_that_is_not_there\n")
    return ["--medbench-model=python:broken:answer"]


def unreachable(project: Project) -> list[str]:
    project.config(server_config("http://127.0.0.1:9/v1"))
    return ["--medbench-max-tries=2"]


def key_not_set(project: Project) -> list[str]:
    project.config(server_config("http://127.0.0.1:9/v1", further='api_key_env = "NOT_SET_KEY"'))
    return []


IMPOSSIBLE: dict[str, tuple[Spoil, list[str]]] = {
    "no model": (flags(), ["no model is named", "--medbench-model="]),
    "unknown control": (flags("--medbench-model=control:rnadom"), ["'random'"]),
    "unknown kind": (flags("--medbench-model=pyhton:key:right"), ["'python'"]),
    "no such callable": (flags("--medbench-model=python:key:rihgt"), ["'key'", "'right'"]),
    "failing import": (failing_import, ["'broken'", "a_module_that_is_not_there"]),
    "unreachable": (unreachable, ["http://127.0.0.1:9/v1", "cannot be reached"]),
    "key not set": (key_not_set, ["NOT_SET_KEY"]),
    "cache mode": (flags(KEY, "--medbench-cache=refesh"), ["--medbench-cache", "'refresh'"]),
    "shard": (flags(KEY, "--medbench-shard=3/2"), ["--medbench-shard=3/2", "I/N"]),
    "sample": (flags(KEY, "--medbench-sample=0"), ["--medbench-sample=0", "1 or more"]),
    "label": (flags(KEY, "--medbench-specialty=surgry"), ["surgry", "'surgery'"]),
    "gate": (config("[tool.medbench.gates]\noveral = 0.5\n"), ["medbench.toml", "'overall'"]),
    "key": (config("[tool.medbench]\nmodle = 'x'\n"), ["medbench.toml", "'model'"]),
    "not TOML": (config("[tool.medbench\n"), ["medbench.toml", "line 1"]),
    "two tables": (two_tables, ["medbench.toml", "pyproject.toml", "keep one"]),
}
# The others are found by the same code of the controller.
ALSO_PARALLEL = ["no model", "failing import", "cache mode", "label", "gate", "not TOML"]


def check_clear(result: Result, said: list[str]) -> None:
    assert result.status not in (0, 3, 5), result.out
    for text in ("INTERNALERROR", "Traceback", "crashed"):
        assert text not in result.out
    # A collection error is said once where it happened and once in pytest's summary.
    spoken = [line for line in result.out.splitlines() if all(text in line for text in said)]
    assert 1 <= len(spoken) <= 2, result.out


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_run_is_a_usage_error_before_any_case(project: Project, name: str) -> None:
    spoil, said = IMPOSSIBLE[name]
    result = project.run(".", *spoil(project))
    check_clear(result, said)
    assert result.status == 4
    assert "correct" not in result.out


@pytest.mark.parametrize("name", ALSO_PARALLEL)
def test_impossible_parallel_run_says_so_once(project: Project, name: str) -> None:
    spoil, said = IMPOSSIBLE[name]
    result = project.run(".", *spoil(project), "-n", "2")
    check_clear(result, said)
    assert "correct" not in result.out


def test_misspelt_flag_is_argparse_s_usage_error(project: Project) -> None:
    result = project.run("suites", KEY, "--medbench-sampel=3")
    assert result.status == 4
    assert "--medbench-sampel" in result.out


@pytest.mark.parametrize("workers", ["0", "2"])
def test_model_that_the_server_does_not_list_is_named(project: Project, workers: str) -> None:
    with LoopbackServer(models=[{"id": "another", "object": "model"}]) as server:
        project.config(server_config(server.base_url))
        result = project.run("suites", "-n", workers)
        check_clear(result, [server.base_url, "'loopback'", "another"])
        assert server.requests == []


GOOD = {"id": "x", "input": "Which?", "options": ["a", "b"], "target": "A"}


def spoilt_lines() -> list[str | dict[str, object]]:
    return [
        *questions(2),
        "{broken",
        {**GOOD, "traget": "A"},
        {**GOOD, "id": "q001"},
        {key: value for key, value in GOOD.items() if key != "target"},
        {**GOOD, "id": "y", "specialty": "surgrey"},
        {**GOOD, "id": "a::b"},
        {**GOOD, "id": "last"},
    ]


def line_messages(project: Project) -> dict[str, str]:
    journal = {line["id"]: line for line in project.journal()}
    assert {line["status"] for line in journal.values()} == {"correct", "error"}
    return {key: line["reason"] for key, line in journal.items() if line["status"] == "error"}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_bad_line_is_a_case_of_its_own_and_the_rest_runs(project: Project, workers: str) -> None:
    project.suite(spoilt_lines())
    result = project.run("suites", KEY, "-n", workers, "-v")
    assert result.status == 11
    assert "INTERNALERROR" not in result.out
    assert project.verdicts()["counts"]["correct"] == 3
    messages = line_messages(project)
    assert sorted(messages) == [f"line-{number}" for number in range(3, 9)]
    said = {
        "line-3": "JSON",
        "line-4": "'target'",
        "line-5": "line 2",
        "line-6": "target",
        "line-7": "'surgery'",
        "line-8": "::",
    }
    for item, text in said.items():
        place = f"items.jsonl:{item.removeprefix('line-')}"
        assert place in messages[item]
        assert text in messages[item]
        assert f"suite.toml::{item} - error: " in result.out


def test_line_that_is_not_utf_8_spoils_only_itself(project: Project) -> None:
    path = project.root / "suites" / "demo" / "items.jsonl"
    path.write_bytes(path.read_bytes() + b'{"id": "\xff"}\n' + json.dumps(GOOD).encode() + b"\n")
    assert project.run("suites", KEY).status == 11
    assert list(line_messages(project)) == ["line-5"]
    assert "UTF-8" in line_messages(project)["line-5"]


def same_name(project: Project) -> None:
    project.suite(questions(2), name="second")
    path = project.root / "suites" / "second" / "suite.toml"
    path.write_text(path.read_text().replace('"second"', '"demo"'))


def not_utf_8(project: Project) -> None:
    (project.root / "suites" / "demo" / "suite.toml").write_bytes(b"\xff[suite]\nname='x'\n")


SUITES: dict[str, tuple[Callable[[Project], object], list[str]]] = {
    "no items": (lambda project: project.suite([]), ["items.jsonl", "no items"]),
    "unknown key": (
        lambda project: project.suite(questions(2), suite="lisence = 'MIT'"),
        ["suite.toml:4", "'licence'"],
    ),
    "not UTF-8": (not_utf_8, ["suite.toml:1", "UTF-8"]),
    "same name": (same_name, ["second/suite.toml", "'demo'"]),
}


@pytest.mark.parametrize("name", SUITES)
def test_bad_suite_is_a_collection_error(project: Project, name: str) -> None:
    spoil, said = SUITES[name]
    spoil(project)
    project.suite(questions(4), name="fine")
    result = project.run(".", KEY)
    check_clear(result, said)
    assert result.status == 2
    assert "1 error during collection" in result.out
    assert project.runs() == [] or not (project.runs()[-1] / "verdicts.json").exists()


def test_suite_beside_a_bad_one_is_a_part(project: Project) -> None:
    project.suite([], name="empty")
    for further in (["--continue-on-collection-errors"], ["-n", "2"]):
        result = project.run(".", KEY, *further)
        check_clear(result, ["empty/items.jsonl", "no items"])
        assert result.status == 1
        assert project.verdicts()["verdict"] == "INCONCLUSIVE"
        assert "collection errors" in result.out


def test_suite_files_of_other_projects_are_left_alone(project: Project) -> None:
    project.write("other/suite.toml", "[tests]\nname = 'not ours'\n")
    project.write("broken/suite.toml", "[[[ no TOML at all")
    result = project.run(".", KEY)
    assert result.status == 0
    assert "4 correct" in result.out
    assert project.run("other", "broken").status == 5
    named = project.run("other/suite.toml", KEY)
    check_clear(named, ["other/suite.toml", "'suite' is missing"])


def test_suite_that_is_not_asked_for_is_not_read(project: Project) -> None:
    project.suite([], name="empty")
    project.write("suites/empty/test_beside.py", "def test_beside():\n    pass\n")
    result = project.run("suites/demo", "suites/empty/test_beside.py", KEY)
    assert result.status == 0, result.out
    assert "part" not in result.line("PASS:")


def test_suite_outside_the_rootdir_runs_in_parallel(project: Project) -> None:
    project.write("inside/pytest.ini", "[pytest]\n")
    project.write("inside/test_it.py", "def test_it():\n    pass\n")
    arguments = ["suites/demo", "inside", "--rootdir=inside", "--medbench-model=control:first"]
    for workers in ("0", "2"):
        result = project.run(*arguments, "-c", "inside/pytest.ini", "-n", workers)
        assert result.status in (1, 10), result.out
        assert "4 items planned" in result.out
