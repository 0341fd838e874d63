"""Going on with a run that was cut off."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import LoopbackServer
from projects import KEY, Project, questions, server_config

from pytest_medbench.errors import ConfigError
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.resuming import check_same, find_run, read_earlier, unfinished
from pytest_medbench.runs import RunError, RunFolder
from pytest_medbench.worker import unanswered

MODEL = {"name": "m", "kind": "openai", "revision": None}
SUITES = [{"name": "demo", "digest": "d1", "prompt_digest": "p1"}]


def plan_of(**changes: Any) -> dict[str, Any]:
    return {
        "created": "2026-11-22T06:30:00Z",
        "planned": 3,
        "model": MODEL,
        "suites": SUITES,
        "gates": [],
        "taxonomy": [],
        "narrowed_by": [],
        "settings": {"sample": None, "seed": 0, "shard": None, "strict": False},
        **changes,
    }


def folder_of(home: Path, run: str, **changes: Any) -> RunFolder:
    folder = RunFolder(home, run)
    folder.write_plan(plan_of(**changes))
    return folder


def test_last_is_the_newest_run_with_a_plan(tmp_path: Path) -> None:
    folder_of(tmp_path, "20261122-063000-aaaaaa")
    folder_of(tmp_path, "20261122-064500-bbbbbb")
    RunFolder(tmp_path, "20261122-070000-cccccc")  # died before it had a plan
    assert find_run(tmp_path, "last") == "20261122-064500-bbbbbb"
    assert find_run(tmp_path, "20261122-063000-aaaaaa") == "20261122-063000-aaaaaa"


def test_an_unknown_run_is_refused_with_the_nearest(tmp_path: Path) -> None:
    folder_of(tmp_path, "20261122-063000-aaaaaa")
    with pytest.raises(ConfigError, match="20261122-063000-aaaaaa"):
        find_run(tmp_path, "20261122-063000-aaaaab")
    with pytest.raises(ConfigError, match="no such run"):
        find_run(tmp_path / "empty", "last")


def test_answered_are_the_items_with_a_response(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "r1")
    journal = folder.journal("main")
    journal.append(Outcome("demo", "a", Status.CORRECT, 1.0, tries=1, asked_at=10.0), None)
    journal.append(Outcome("demo", "b", Status.ERROR, reason="no answer", tries=8), None)
    journal.append(Outcome("demo", "c", Status.UNSCORED, tries=1, asked_at=2e9), None)
    journal.close()
    earlier = read_earlier(folder.path)
    assert earlier.answered == {("demo", "a"), ("demo", "c")}
    # The clock had been set back: the answer is older than the run.
    assert earlier.since == 10.0
    assert str(earlier) == "run r1 was cut off with 2 of 3 items"


def test_a_run_without_a_verdict_is_unfinished_and_a_decided_one_is_not(tmp_path: Path) -> None:
    cut = folder_of(tmp_path, "r1")
    assert unfinished(tmp_path, plan_of(), but="r2") is not None
    cut.write_verdicts({"stopped": "interrupted by SIGINT"})
    assert unfinished(tmp_path, plan_of(), but="r2") is not None
    cut.write_verdicts({"stopped": None})
    assert unfinished(tmp_path, plan_of(), but="r2") is None
    assert unfinished(tmp_path, plan_of(), but="r1") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {**MODEL, "revision": "r2"}},
        {"suites": [{"name": "demo", "digest": "d2", "prompt_digest": "p1"}]},
        {"suites": [{"name": "demo", "digest": "d1", "prompt_digest": "p2"}]},
    ],
)
def test_an_unfinished_run_of_another_plan_is_left_alone(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    folder_of(tmp_path, "r1", **changes)
    assert unfinished(tmp_path, plan_of(), but="r2") is None


def test_a_damaged_run_is_left_alone(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "r1")
    folder.path.joinpath("plan.json").write_text('{"model": ')
    assert unfinished(tmp_path, plan_of(), but="r2") is None


def test_a_worker_knows_what_of_its_share_was_left_unanswered(tmp_path: Path) -> None:
    cut = folder_of(tmp_path, "r1")
    journal = cut.journal("gw1")
    journal.append(Outcome("demo", "b", Status.CORRECT, 1.0, tries=1, asked_at=10.0), None)
    journal.close()
    own = RunFolder(tmp_path, "r2")
    demo = SimpleNamespace(name="demo")
    share = [SimpleNamespace(suite=demo, entry=SimpleNamespace(id=name)) for name in "abc"]

    def left() -> list[str]:
        return [case.entry.id for case in unanswered(tmp_path, own, None, lambda: share)]

    assert left() == []  # on another machine, where no plan is seen
    own.write_plan(plan_of())
    assert left() == ["a", "c"]
    cut.write_verdicts({"stopped": None})
    assert left() == []


@given(st.sampled_from(["model", "suites", "gates", "taxonomy", "narrowed_by", "seed", "strict"]))
def test_another_plan_is_named(name: str) -> None:
    now = plan_of()
    then = plan_of()
    if name in now:
        then[name] = ["another"]
    else:
        then["settings"] = {**then["settings"], name: "another"}
    check_same(now, plan_of())
    with pytest.raises(ConfigError, match=rf"other {name} in its plan"):
        check_same(then, now)


def test_a_run_is_claimed_by_one_process(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "r1")
    folder.claim()
    with pytest.raises(RunError, match="another process"):
        RunFolder(tmp_path, "r1").claim()
    folder.release()
    with (tmp_path / "runs/r1/lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_run_with_the_cache_off_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite(questions(12))
    with LoopbackServer("A", models=[{"id": "loopback"}]) as server:
        project.config(server_config(server.base_url, further='revision = "1"'))
        first = project.run("suites", "--medbench-cache=off", "--medbench-max-requests=5")
        assert first.status == 11, first.out
        assert len(server.requests) == 5
        assert "go on" in first.out
        second = project.run("suites", "--medbench-cache=off", "--medbench-resume=last")
        assert len(server.requests) == 12
    assert "was cut off with 5 of 12 items" in second.out
    (run,) = project.runs()
    plan = json.loads((run / "plan.json").read_text())
    assert len(plan["resumed"]) == 1
    assert {line["id"] for line in project.journal()} == {f"q{at:03}" for at in range(12)}
    assert second.status == 1  # "A" is right for a quarter: the gate blocks


def test_the_next_run_says_what_it_takes_over_from_the_cache(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite(questions(12))
    with LoopbackServer("A", models=[{"id": "loopback"}]) as server:
        project.config(server_config(server.base_url, further='revision = "1"'))
        assert project.run("suites", "--medbench-max-requests=5").status == 11
        second = project.run("suites")
        assert len(server.requests) == 12
    assert "was cut off with 5 of 12 items" in second.out
    assert "5 of 12 answers came from the cache" in second.out


def test_another_model_is_no_continuation(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite(questions(4))
    project.key_model()
    assert project.run("suites", KEY).status == 0
    result = project.run("suites", "--medbench-model=python:key:wrong", "--medbench-resume=last")
    assert result.status == 4
    assert "other model in its plan" in result.out
