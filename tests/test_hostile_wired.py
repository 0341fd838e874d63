"""Hostile text where the parts come together: the log, the workers, the commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer, Reply
from projects import Project, questions, server_config
from test_secrets import SECRET, echoing, keyed, leaks

EVIL = "\x1b]52;c;eA==\x07\x9b31m\u202e\ud800"


def test_key_that_a_server_repeats_in_a_header_is_in_no_log(tmp_path: Path) -> None:
    def answer(asked: dict[str, Any]) -> Reply:
        headers = {"x-request-id": SECRET, "set-cookie": f"k={SECRET}"}
        return replace(echoing(asked), headers=headers)

    with LoopbackServer(answer, models=[{"id": "loopback"}]) as server:
        project = keyed(tmp_path, server.base_url)
        result = project.run(
            "suites", "-rA", "--log-level=DEBUG", "--log-file=reports/log.txt",
            "-o", "log_cli=true", "--junitxml=reports/junit.xml", "-o", "junit_logging=all",
            "--medbench-max-tries=1",
        )  # fmt: skip
    assert "request_id" in (tmp_path / "reports" / "log.txt").read_text(encoding="utf-8")
    assert leaks(project, result.out) == []


@pytest.mark.parametrize("workers", ["0", "2"])
def test_model_that_raises_anything_is_an_error_of_its_item(tmp_path: Path, workers: str) -> None:
    project = Project(tmp_path)
    project.suite(questions(3), gates="", suite='task = "_x: (y)"')
    project.write(
        "model.py",
        f"def answer(request):\n    if request.item == 'q000':\n"
        f"        raise RuntimeError({EVIL!r})\n    return 'A'\n",
    )
    result = project.run(
        "suites", "--medbench-model=python:model:answer", "-n", workers, "--color=no",
        "--strict-markers",
    )  # fmt: skip
    assert result.status == 11, result.out
    assert [line["status"] for line in project.journal()] == ["error", "wrong", "wrong"]
    assert all(line.isprintable() for line in result.out.split("\n"))


@pytest.mark.parametrize(
    "models",
    [
        Reply(status=302, headers={"Location": "http://[x"}, body={}),
        Reply(body='{"data":[{"id":"loopback","x":' + "[" * 600 + "]" * 600 + "}]}"),
    ],
    ids=["redirect", "deep"],
)
def test_model_list_that_cannot_be_read_is_no_defect(tmp_path: Path, models: Reply) -> None:
    with LoopbackServer("A", models=models) as server:
        project = Project(tmp_path, {"K": SECRET})
        project.config(server_config(server.base_url, further='api_key_env = "K"'))
        project.suite(questions(2), gates="")
        result = project.run("suites")
    assert result.status in (4, 10)
    assert "defect" not in result.out


def test_run_made_by_someone_else_is_listed_harmlessly(tmp_path: Path) -> None:
    project = Project(tmp_path)
    plan = {"model": {"name": EVIL[:-1]}, "planned": 1}
    project.write(".medbench/runs/one/plan.json", json.dumps(plan))
    verdicts = {"verdict": EVIL[:-1], "exit_status": {}}
    project.write(".medbench/runs/one/verdicts.json", json.dumps(verdicts))
    result = project.command("-c", "from pytest_medbench.cli import main; main(['runs'])")
    assert "one" in result.out
    assert "Traceback" not in result.out
    assert all(line.isprintable() for line in result.out.split("\n"))
