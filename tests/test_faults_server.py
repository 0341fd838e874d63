"""Faults of the server, through the real command: what passes, what lasts, what ends a run."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faults.commands import ITEMS, Command, FaultServer, made, outcomes, run
from loopback import LoopbackServer, Reply
from projects import Result

FEW = "--medbench-concurrency=4"
BOTH = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["serial", "-n 2"])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    with FaultServer() as server:
        project = made(tmp_path_factory.mktemp("undisturbed"), server.base_url)
        result = run(project)
    assert result.status == 0, result.out
    found = outcomes(project)
    assert len(found) == ITEMS
    return found


@BOTH
def test_what_passes_is_survived_and_written_down(
    tmp_path: Path, undisturbed: list[str], workers: Sequence[str]
) -> None:
    with FaultServer("passing") as server:
        project = made(tmp_path, server.base_url)
        result = run(project, FEW, "--medbench-timeout=2", *workers)
    assert result.status == 0, result.out
    assert outcomes(project) == undisturbed
    tries = {line["id"]: line["tries"] for line in project.journal()}
    assert all(tries[f"q00{number}"] >= 2 for number in range(1, 9))
    assert {tries[f"q{number:03}"] for number in range(9, ITEMS)} <= {0, 1}


def test_burst_of_refusals_slows_the_run_down_and_costs_no_item(
    tmp_path: Path, undisturbed: list[str]
) -> None:
    with FaultServer("429-retry-after") as server:
        project = made(tmp_path, server.base_url)
        result = run(project)
        assert server.twice == 0
    assert result.status == 0, result.out
    assert outcomes(project) == undisturbed


@dataclass(frozen=True)
class Lasting:
    """A run against a server with lasting faults, and the one after it without."""

    first: Result
    lines: dict[str, dict[str, Any]]
    again: Result
    given_more: int
    asked_again: int


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Lasting:
    with FaultServer("lasting") as server:
        project = made(tmp_path_factory.mktemp("lasting"), server.base_url)
        first = run(project, "--medbench-timeout=1", "--medbench-max-tries=2")
        lines = {line["id"]: line for line in project.journal()}
        server.kill()
        given = server.count("given")
        server.next_run()
        server.start()
        again = run(project)
        return Lasting(first, lines, again, server.count("given") - given, server.asked_again)


@pytest.mark.parametrize(
    ("item", "status", "reason", "tries"),
    [
        ("q001", "error", "too many tokens", 1),
        ("q002", "error", "redirects", 1),
        ("q003", "error", "out of memory", 2),
        ("q004", "error", "no answer within 1 s", 2),
        ("q006", "unparsable", "content filter", 1),
        ("q007", "unparsable", "truncated", 1),
        ("q008", "unparsable", "content filter", 1),
    ],
)
def test_what_lasts_is_in_the_journal_with_status_reason_and_tries(
    lasting: Lasting, item: str, status: str, reason: str, tries: int
) -> None:
    line = lasting.lines[item]
    assert (line["status"], line["tries"]) == (status, tries)
    assert reason in line["reason"]
    assert line["score"] == (None if status == "error" else 0.0)


def test_run_with_errors_is_incomplete_and_counts_them(lasting: Lasting) -> None:
    assert lasting.first.status == 11, lasting.first.out
    assert "4 errors" in lasting.first.out


def test_next_run_asks_for_what_is_missing_only(lasting: Lasting) -> None:
    assert lasting.again.status == 0, lasting.again.out
    assert lasting.given_more == 4
    assert lasting.asked_again == 0


@BOTH
def test_server_that_dies_and_comes_back_costs_no_item(
    tmp_path: Path, undisturbed: list[str], workers: Sequence[str]
) -> None:
    with FaultServer("dies", delay=0.05) as server:
        project = made(tmp_path, server.base_url)
        command = Command(project, FEW, *workers)
        server.wait_for_death()
        server.start()
        result = command.end()
    assert result.status == 0, result.out
    assert outcomes(project) == undisturbed


@BOTH
def test_server_that_is_gone_ends_the_run_and_the_next_goes_on(
    tmp_path: Path, undisturbed: list[str], workers: Sequence[str]
) -> None:
    with FaultServer("dies", delay=0.05) as server:
        project = made(tmp_path, server.base_url)
        stopped = run(project, FEW, "--medbench-outage=2", *workers)
        assert stopped.status == 11, stopped.out
        assert "same command" in stopped.out
        assert all("text" in line for line in project.journal()), "an item is blamed"
        server.wait_for_death()
        server.start()
        server.next_run()
        result = run(project, FEW, *workers)
        assert result.status == 0, result.out
        assert "taken over" in result.out
        assert server.asked_again == 0
    assert outcomes(project) == undisturbed


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-keyout", path, "-out", path.with_suffix(".crt")],
            check=True, capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"openssl cannot make a certificate here: {error}")
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


def test_certificate_that_does_not_verify_is_a_usage_error(
    tmp_path: Path, certificate: Path
) -> None:
    with FaultServer(certificate=certificate) as server:
        result = run(made(tmp_path, server.base_url))
        assert server.count("asked") == 0
    assert result.status == 4, result.out
    assert "certificate" in result.out.lower()


def test_server_that_redirects_is_a_usage_error(tmp_path: Path) -> None:
    with LoopbackServer(models=Reply(status=301, headers={"Location": "/v2"}, body="")) as server:
        result = run(made(tmp_path, server.base_url))
        assert server.requests == []
    assert result.status == 4, result.out
    assert "set base_url of 'server' to the final address" in result.out
