"""Whose answers a run is made of: stored ones, another model's, several models'."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import CONTENT_FILTER, Reply
from projects import Project, questions
from wrong_projects import REVISION, KeyServer, prompt_of, serve, wrong_project

COUNT = 40
ALL = f"{COUNT} of {COUNT} answers came from the cache, the oldest "
ALLOW = "--medbench-allow-partial"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = wrong_project(tmp_path)
    made.suite(questions(COUNT), gates="overall = 0.9")
    return made


@pytest.fixture
def server(project: Project) -> Iterator[KeyServer]:
    with KeyServer(project.root) as running:
        serve(project, running)
        yield running


def asked(server: KeyServer) -> int:
    """Give how many chat requests have come since the last time."""
    count = len(server.requests)
    server.requests.clear()
    return count


def make_older(project: Project, hours: float) -> None:
    """Move all stored answers into the past."""
    path = project.root / ".medbench" / "cache" / "responses.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE responses_1 SET arrived_at = arrived_at - ?", (hours * 3600,))
    connection.close()


def stored(project: Project) -> int:
    path = project.root / ".medbench" / "cache" / "responses.sqlite"
    with sqlite3.connect(path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM responses_1").fetchone()
    connection.close()
    return int(count)


def worse(asked: dict[str, Any], right: str) -> str:
    return "ABCD"["ABCD".index(right) - 1]


def test_worse_model_behind_the_same_name_is_found_out(project: Project, server: KeyServer) -> None:
    first = project.run("suites")
    assert (first.status, asked(server)) == (0, COUNT)
    again = project.run("suites")
    assert (again.status, asked(server)) == (0, 20)
    assert ALL in again.out
    server.instead = worse
    swapped = project.run("suites")
    assert swapped.status == 10
    assert "the cache is not trusted: 20 of 20 items asked afresh came out differently" in (
        swapped.out
    )
    assert ALL in swapped.out
    assert project.run("suites", "--medbench-cache=refresh").status == 1


def test_other_model_that_says_so_is_found_out_though_it_answers_alike(
    project: Project, server: KeyServer
) -> None:
    assert project.run("suites").status == 0
    server.instead = lambda asked, right: Reply(right, system_fingerprint="fp-2")
    result = project.run("suites")
    assert result.status == 10
    assert "asked afresh the server says it is loopback fp-2" in result.out
    assert "the answers are of loopback fp-1" in result.out


def test_another_revision_is_asked_anew(project: Project, server: KeyServer) -> None:
    serve(project, server, further=REVISION)
    assert (project.run("suites").status, asked(server)) == (0, COUNT)
    again = project.run("suites")
    assert (again.status, asked(server)) == (0, 0)
    assert ALL in again.out
    server.instead = worse
    serve(project, server, further=REVISION.replace("build-1", "build-2"))
    assert (project.run("suites").status, asked(server)) == (1, COUNT)
    # The answers of the first build are still there, with nothing of the second among them.
    serve(project, server, further=REVISION)
    assert (project.run("suites").status, asked(server)) == (0, 0)


def test_any_other_question_is_asked_anew(project: Project, server: KeyServer) -> None:
    def again() -> tuple[int, int]:
        status = project.run("suites").status
        return status, asked(server)

    serve(project, server, further=REVISION)
    assert again() == (0, COUNT)
    serve(project, server, further=f"{REVISION}\ntemperature = 0.7")
    assert again() == (0, COUNT)
    serve(project, server, further=f'{REVISION}\nsystem = "Be brief."')
    assert again() == (0, COUNT)
    server.models = [{"id": "loopback", "created": 2}]
    assert again() == (0, COUNT)
    project.suite(questions(COUNT), prompt='system = "Think."', gates="overall = 0.9")
    assert again() == (0, COUNT)
    # Another key is no other question: the stored answers are scored by it.
    rows = [{**row, "target": worse({}, row["target"])} for row in questions(COUNT)]
    project.suite(rows, prompt='system = "Think."', gates="overall = 0.9")
    assert again() == (1, 0)


@pytest.mark.parametrize("field", ["system_fingerprint", "model"])
def test_server_that_changes_half_way_leaves_the_run_undecided(
    project: Project, server: KeyServer, field: str
) -> None:
    by_name = field == "model"

    def instead(asked: dict[str, Any], right: str) -> Reply:
        late = int(re.findall(r"Question (\d+)", asked["messages"][-1]["content"])[-1]) >= 25
        said = "new" if late else "old"
        return Reply(right, model=said) if by_name else Reply(right, system_fingerprint=said)

    server.instead = instead
    result = project.run("suites", "-n", "2" if by_name else "0")
    assert result.status == 10
    old, new = ("old fp-1", "new fp-1") if by_name else ("loopback old", "loopback new")
    assert f"{old} for 25 answers, {new} for 15 answers" in result.out


def test_filter_before_the_model_is_no_other_model(project: Project, server: KeyServer) -> None:
    server.instead = lambda asked, right: (
        CONTENT_FILTER if prompt_of(asked) == min(server.key) else right
    )
    result = project.run("suites")
    assert project.verdicts()["counts"]["unparsable"] == 1
    assert result.status == 0


def test_stored_answers_of_before_a_change_are_not_mixed_with_later_ones(
    project: Project, server: KeyServer
) -> None:
    serve(project, server, further=REVISION)
    assert project.run("suites", "-k", "q00", ALLOW).status == 0
    server.instead = lambda asked, right: Reply(right, system_fingerprint="fp-2")
    result = project.run("suites")
    assert result.status == 10
    assert "loopback fp-2 for 30 answers, loopback fp-1 for 10 answers" in result.out


def test_old_answers_are_asked_again_unless_a_revision_is_declared(
    project: Project, server: KeyServer
) -> None:
    project.run("suites")
    make_older(project, 25)
    asked(server)
    assert (project.run("suites").status, asked(server)) == (0, COUNT)
    make_older(project, 2)
    assert project.run("suites", "--medbench-max-cache-age=1").status == 0
    assert asked(server) == COUNT


def test_age_of_stored_answers_is_told(project: Project, server: KeyServer) -> None:
    serve(project, server, further=REVISION)
    project.run("suites")
    make_older(project, 25)
    asked(server)
    result = project.run("suites")
    assert (result.status, asked(server)) == (0, 0)
    assert f"{ALL}25.0 h old" in result.out
    assert any(f"{ALL}25.0 h old" in note for note in project.verdicts()["notes"])


def test_cache_modes_do_what_they_say(project: Project, server: KeyServer) -> None:
    serve(project, server, further=REVISION)
    assert (project.run("suites", "--medbench-cache=off").status, asked(server)) == (0, COUNT)
    assert not (project.root / ".medbench" / "cache" / "responses.sqlite").exists()
    assert (project.run("suites", "-k", "q00", ALLOW).status, asked(server)) == (0, 10)
    assert (project.run("suites", "--medbench-cache=read").status, asked(server)) == (0, 30)
    assert stored(project) == 10
    server.instead = worse
    assert (project.run("suites", "--medbench-cache=off").status, asked(server)) == (1, COUNT)
    assert stored(project) == 10
    assert (project.run("suites", "--medbench-cache=refresh").status, asked(server)) == (1, COUNT)
    assert stored(project) == COUNT
    assert (project.run("suites").status, asked(server)) == (1, 0)


def test_two_runs_at_once_share_one_cache(project: Project, server: KeyServer) -> None:
    serve(project, server, further=REVISION)
    server.delay = 0.05
    command = [sys.executable, "-m", "pytest", "suites", "-q", "-p", "no:cacheprovider"]
    runs = [
        subprocess.Popen(command, cwd=project.root, stdout=subprocess.DEVNULL) for _ in range(2)
    ]
    assert [run.wait(120) for run in runs] == [0, 0]
    assert len(project.runs()) == 2
    assert stored(project) == COUNT
    server.delay = 0.0
    asked(server)
    assert (project.run("suites").status, asked(server)) == (0, 0)


def test_callable_is_stored_only_under_its_own_fingerprint(project: Project) -> None:
    marked = (
        "import wrong_models\n\ndef answer(request):\n    return wrong_models.{0}(request)\n\n{1}\n"
    )
    for mark, kept in (("", 0), ("answer.fingerprint = '{}'", COUNT)):
        for number, (text, status) in enumerate((("right", 0), ("inverted", 1)), start=1):
            project.write("mine.py", marked.format(text, mark.format(text)))
            assert project.run("suites", "--medbench-model=python:mine:answer").status == status
            path = project.root / ".medbench" / "cache" / "responses.sqlite"
            assert (stored(project) if path.exists() else 0) == number * kept
