"""`--medbench-batch` through the real command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from batch_server import BatchServer, End
from projects import Project, questions, server_config

BATCH = ("--medbench-batch", "--medbench-batch-poll=0.05")
MODELS = [{"id": "loopback", "object": "model"}]


def project_of(folder: Path, server: BatchServer, further: str = 'revision = "1"') -> Project:
    project = Project(folder)
    project.suite(questions(12))
    project.config(server_config(server.base_url, further=further))
    return project


def live_requests(server: BatchServer) -> int:
    return len(server.requests)


def plain(project: Project) -> list[tuple[Any, ...]]:
    keys = ("suite", "id", "status", "score", "answer", "reason", "text")
    return [tuple(line.get(key) for key in keys) for line in project.journal()]


def answer(asked: dict[str, Any]) -> str:
    number = int(asked["messages"][-1]["content"].split("Question ")[1].split(":")[0])
    return "ABCD"[number % 4] if number % 3 else "I would rather not say"


@pytest.mark.parametrize("flags", [(), ("-n", "2")], ids=["serial", "-n 2"])
@pytest.mark.parametrize("mode", ["on", "off"])
def test_outcomes_are_those_of_a_live_run(
    tmp_path: Path, flags: tuple[str, ...], mode: str
) -> None:
    with BatchServer(answer, models=MODELS) as server:
        live = project_of(tmp_path / "live", server)
        expected = live.run("suites")
        before = live_requests(server)
        project = project_of(tmp_path / "batch", server)
        result = project.run("suites", *BATCH, f"--medbench-cache={mode}", *flags)
        assert live_requests(server) == before
    assert plain(project) == plain(live)
    assert result.status == expected.status
    assert project.verdicts()["counts"] == live.verdicts()["counts"]
    # Its answers lie in the store when the cases run, and are new all the same.
    assert "0 of 12 answers came from the cache" in result.out


def test_answers_without_a_revision_are_not_doubted(tmp_path: Path) -> None:
    with BatchServer(answer, models=MODELS) as server:
        project = project_of(tmp_path, server, further="")
        project.run("suites", *BATCH)
    assert project.verdicts()["doubts"] == []


def test_what_no_batch_answers_is_an_error_and_never_asked_live(tmp_path: Path) -> None:
    ends = [End("expired", answered=0.5)] * 4
    with BatchServer(answer, models=MODELS, ends=ends) as server:
        project = project_of(tmp_path, server)
        result = project.run("suites", *BATCH)
        assert live_requests(server) == 0
    errors = [line for line in project.journal() if line["status"] == "error"]
    assert 0 < len(errors) < 12
    assert all("batch" in line["reason"] for line in errors)
    assert result.status == 11


def test_a_batch_that_a_deadline_left_is_picked_up_by_the_same_command(tmp_path: Path) -> None:
    with BatchServer(answer, models=MODELS, looks=1_000_000) as server:
        project = project_of(tmp_path, server)
        left = project.run("suites", *BATCH, "--medbench-deadline=4s")
        assert left.status == 11, left.out
        assert "12 not run" in left.out
        server.looks = 1
        for batch in server.batches:
            batch.looks = 1
        done = project.run("suites", *BATCH)
        assert len(server.batches) == 1
        assert max(server.carried_out.values()) == 1
    assert project.verdicts()["counts"]["error"] == 0
    assert done.status == 0


@pytest.mark.parametrize("limit", ["--medbench-max-requests=5", "--medbench-budget-usd=0.0000001"])
def test_a_batch_over_a_limit_is_not_sent(tmp_path: Path, limit: str) -> None:
    price = 'revision = "1"\nprice = { input = 2.5, output = 10.0 }'
    with BatchServer(answer, models=MODELS) as server:
        project = project_of(tmp_path, server, further=price)
        result = project.run("suites", *BATCH, limit)
        assert server.batches == []
    assert result.status == 4
    assert "nothing was sent" in result.out


def test_a_model_without_a_batch_service_is_a_usage_error(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite(questions(4))
    result = project.run("suites", *BATCH, "--medbench-model=control:first")
    assert result.status == 4
    assert "batch" in result.out
