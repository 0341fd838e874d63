"""Faults on this side, through the real command: signals, kills, disks, clocks, two at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from faults.commands import ITEMS, Command, FaultServer, lost, made, outcomes, run, wait_for_death
from faults.disks import mounted, read_only, remount

IN_FLIGHT = 4
FEW = f"--medbench-concurrency={IN_FLIGHT}"
SERIAL: Sequence[str] = ()
PARALLEL = ("-n", "2")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    with FaultServer() as server:
        project = made(tmp_path_factory.mktemp("undisturbed"), server.base_url)
        result = run(project)
    assert result.status == 0, result.out
    return outcomes(project)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(delay=0.2) as server:
        yield server


@pytest.mark.parametrize("workers", [SERIAL, PARALLEL], ids=["serial", "-n 2"])
def test_interrupted_run_keeps_what_is_in_flight_and_the_next_goes_on(
    tmp_path: Path,
    server: FaultServer,
    undisturbed: list[str],
    workers: Sequence[str],
) -> None:
    project = made(tmp_path, server.base_url)
    command = Command(project, FEW, *workers)
    server.wait_for(10)
    command.signal(signal.SIGINT)
    result = command.end()
    assert result.status == 2, result.out
    assert "items planned" in result.out
    server.settle()
    assert server.count("refused") == 0
    assert server.count("given") < ITEMS
    server.next_run()
    result = run(project, FEW, *workers)
    assert result.status == 0, result.out
    assert "taken over" in result.out
    assert outcomes(project) == undisturbed
    assert server.asked_again == 0


def test_second_interrupt_ends_at_once(tmp_path: Path, undisturbed: list[str]) -> None:
    with FaultServer("hangs", delay=0.05) as server:
        project = made(tmp_path, server.base_url)
        command = Command(project, FEW)
        server.wait_for(10 + IN_FLIGHT)
        command.insist()
        result = command.end()
        assert result.status == 2, result.out
        assert "ended at once" in result.out
        server.kill()
        server.start()
        server.next_run()
        result = run(project, FEW)
        assert result.status == 0, result.out
        assert server.asked_again == 0
    assert outcomes(project) == undisturbed


def test_killed_run_loses_no_more_than_is_in_flight(
    tmp_path: Path, server: FaultServer, undisturbed: list[str]
) -> None:
    project = made(tmp_path, server.base_url)
    command = Command(project, FEW)
    server.wait_for(15)
    command.signal(signal.SIGKILL)
    assert command.end().status == -signal.SIGKILL
    server.settle()
    server.next_run()
    result = run(project, FEW)
    assert result.status == 0, result.out
    assert "taken over" in result.out
    assert outcomes(project) == undisturbed
    # What had just arrived and was being written comes on top.
    assert server.asked_again <= 2 * IN_FLIGHT


def test_items_of_a_killed_worker_are_run_again_or_named(
    tmp_path: Path, server: FaultServer, undisturbed: list[str]
) -> None:
    project = made(tmp_path, server.base_url)
    command = Command(project, FEW, *PARALLEL)
    server.wait_for(10)
    command.kill_worker()
    result = command.end()
    counts = project.verdicts()["counts"]
    assert sum(counts.values()) == project.verdicts()["planned"] == ITEMS
    missing = counts["error"] + counts["not run"]
    assert result.status == (11 if missing else 0), result.out
    server.settle()
    server.next_run()
    result = run(project, FEW)
    assert result.status == 0, result.out
    assert outcomes(project) == undisturbed
    assert server.asked_again <= 2 * IN_FLIGHT


def test_workers_of_a_killed_controller_ask_for_nothing_more(
    tmp_path: Path, server: FaultServer, undisturbed: list[str]
) -> None:
    project = made(tmp_path, server.base_url)
    command = Command(project, FEW, *PARALLEL)
    server.wait_for(10)
    workers = command.workers()
    command.signal(signal.SIGKILL, group=False)
    command.end()
    wait_for_death(workers)
    assert server.count("asked") < ITEMS
    server.settle()
    server.next_run()
    result = run(project, FEW)
    assert result.status == 0, result.out
    assert outcomes(project) == undisturbed
    assert server.asked_again <= 2 * IN_FLIGHT


class TestDisk:
    def test_cache_that_cannot_be_written_is_found_before_the_first_request(
        self, tmp_path: Path, server: FaultServer
    ) -> None:
        project = made(tmp_path / "project", server.base_url)
        with read_only(tmp_path / "cache"):
            result = run(project, f"--medbench-cache-dir={tmp_path}/cache")
        assert result.status == 4, result.out
        assert server.count("asked") == 0
        assert f"{tmp_path}/cache" in result.out

    def test_run_folder_that_cannot_be_written_is_found_before_the_first_request(
        self, tmp_path: Path, server: FaultServer
    ) -> None:
        project = made(tmp_path / "project", server.base_url)
        with read_only(project.root / ".medbench"):
            result = run(project)
        assert result.status == 4, result.out
        assert server.count("asked") == 0
        assert ".medbench" in result.out

    def test_full_cache_disk_ends_the_run_and_loses_nothing(
        self, tmp_path: Path, server: FaultServer, undisturbed: list[str]
    ) -> None:
        project = made(tmp_path / "project", server.base_url)
        with mounted(tmp_path / "cache", "size=60k") as cache:
            flags = [FEW, f"--medbench-cache-dir={cache}"]
            result = run(project, *flags)
            assert result.status == 11, result.out
            assert "full" in result.out
            remount(cache, "size=10m")
            server.next_run()
            result = run(project, *flags, "--medbench-resume=last")
            assert result.status == 0, result.out
        assert outcomes(project) == undisturbed
        assert server.asked_again == 0

    def test_full_run_disk_ends_the_run_and_loses_nothing(
        self, tmp_path: Path, server: FaultServer, undisturbed: list[str]
    ) -> None:
        project = made(tmp_path / "project", server.base_url)
        with mounted(project.root / ".medbench", "size=24k") as home:
            flags = [FEW, f"--medbench-cache-dir={tmp_path}/cache", "-p", "no:cacheprovider"]
            result = run(project, *flags)
            assert result.status == 11, result.out
            remount(home, "size=10m")
            server.next_run()
            result = run(project, *flags)
            assert result.status == 0, result.out
            assert lost(project, undisturbed) == 0
        assert server.asked_again == 0


def test_two_runs_at_once_share_one_folder(
    tmp_path: Path, server: FaultServer, undisturbed: list[str]
) -> None:
    project = made(tmp_path, server.base_url)
    commands = [Command(project, FEW, said=f"said-{number}.txt") for number in range(2)]
    results = [command.end() for command in commands]
    assert [result.status for result in results] == [0, 0], results
    assert [outcomes(project, run) for run in project.runs()] == [undisturbed, undisturbed]


JUMPING = """
import time

real, calls = time.time, 0

def jumping():
    global calls
    calls += 1
    return real() + (0 if calls < 40 else -90_000)

time.time = jumping
"""


def test_clock_that_is_set_back_costs_nothing(
    tmp_path: Path, server: FaultServer, undisturbed: list[str]
) -> None:
    project = made(tmp_path, server.base_url)
    project.write("conftest.py", JUMPING)
    command = Command(project, FEW)
    server.wait_for(10)
    command.signal(signal.SIGINT)
    assert command.end().status == 2
    server.settle()
    server.next_run()
    result = run(project, FEW)
    assert result.status == 0, result.out
    assert outcomes(project) == undisturbed
    assert server.asked_again == 0
