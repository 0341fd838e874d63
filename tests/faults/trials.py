"""Runs of the real command that are killed at random points, until one of them is whole."""

from __future__ import annotations

import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from projects import Project

from faults.commands import ITEMS, Command, FaultServer, made, outcomes, run, wait_for_death

IN_FLIGHT = 4
DELAY = 0.1
FINISHED = (0, 1, 10)


class Kill(StrEnum):
    """How a run is ended before its time."""

    INTERRUPT = "Ctrl-C"
    INTERRUPT_TWICE = "Ctrl-C twice"
    TERMINATE = "SIGTERM"
    KILL = "SIGKILL of every process"
    KILL_CONTROLLER = "SIGKILL of the controller"
    KILL_WORKER = "SIGKILL of a worker"


ORDERLY = frozenset({Kill.INTERRUPT, Kill.TERMINATE})
SERIAL = (Kill.INTERRUPT, Kill.INTERRUPT_TWICE, Kill.TERMINATE, Kill.KILL)


@dataclass(frozen=True)
class Trial:
    """A schedule over whole commands.

    Parameters
    ----------
    workers : tuple of str
        xdist's flags.
    kills : tuple of (Kill, int)
        How each run ends, after how many further requests.
    resumed : bool
        Whether the same run is gone on with, without a cache; else a new one takes what the cache
        holds.
    """

    workers: tuple[str, ...]
    kills: tuple[tuple[Kill, int], ...]
    resumed: bool

    @classmethod
    def drawn(cls, seed: int) -> Trial:
        """Draw one."""
        draw = random.Random(seed)
        parallel = draw.random() < 0.5
        kinds = list(Kill) if parallel else SERIAL
        kills = [(draw.choice(kinds), draw.randint(1, 25)) for _ in range(draw.randint(1, 2))]
        return cls(("-n", "2") if parallel else (), tuple(kills), draw.random() < 0.5)

    def __str__(self) -> str:
        how = ", ".join(f"{kill} after {after}" for kill, after in self.kills)
        again = "--medbench-resume=last" if self.resumed else "the same command"
        return f"{' '.join(self.workers) or 'serial'}: {how}; {again}"


@dataclass
class Report:
    """What came of a trial.

    Parameters
    ----------
    wrong : list of str
        What should not have been; empty if all was well.
    may_be_lost : int
        Answers that were in flight at a SIGKILL, at the most.
    asked_again : int
        Answers that a run asked for though an earlier one had been given them.
    dropped : int
        Requests that the server was still to answer when nobody waited any more.
    statuses : list of int
        Exit statuses of the commands.
    """

    wrong: list[str] = field(default_factory=list)
    may_be_lost: int = 0
    asked_again: int = 0
    dropped: int = 0
    statuses: list[int] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Answers that came, or were about to come, in vain."""
        return self.asked_again + self.dropped


def end_by(kill: Kill, command: Command) -> list[int]:
    """End a run; give the processes that may outlive it."""
    match kill:
        case Kill.INTERRUPT:
            command.signal(signal.SIGINT)
        case Kill.INTERRUPT_TWICE:
            command.insist()
        case Kill.TERMINATE:
            command.signal(signal.SIGTERM, group=False)
        case Kill.KILL:
            command.signal(signal.SIGKILL)
        case Kill.KILL_CONTROLLER:
            left = command.workers()
            command.signal(signal.SIGKILL, group=False)
            return left
        case Kill.KILL_WORKER:
            command.kill_worker()
    return []


def expected(kill: Kill) -> tuple[int, ...]:
    """Give the exit statuses that are right for a run that was ended so."""
    match kill:
        case Kill.INTERRUPT | Kill.TERMINATE:
            return (2,)
        case Kill.INTERRUPT_TWICE:
            # The second may come while the first is still being heard.
            return (2, -signal.SIGINT)
        case Kill.KILL_WORKER:
            return (11, 0)
        case _:
            return (-signal.SIGKILL,)


def may_take(kill: Kill, *, workers: int) -> int:
    """Give the answers that a kill may take with it at the most.

    What is in flight in each process that is killed, and as much that has arrived and is being
    written.
    """
    if kill in ORDERLY:
        return 0
    return 2 * IN_FLIGHT * (1 if kill is Kill.KILL_WORKER else workers)


def play(trial: Trial, folder: Path, undisturbed: Sequence[str]) -> Report:
    """Play a trial in a new project."""
    report = Report()
    with FaultServer(delay=DELAY) as server:
        project = made(folder, server.base_url)
        flags = [f"--medbench-concurrency={IN_FLIGHT}", *trial.workers]
        flags += ["--medbench-cache=off"] if trial.resumed else []
        for kill, after in trial.kills:
            if _play_one(kill, after, Command(project, *flags), server, project, report):
                report.may_be_lost += may_take(kill, workers=2 if trial.workers else 1)
            if trial.resumed and "--medbench-resume=last" not in flags:
                flags.append("--medbench-resume=last")
        whole = run(project, *flags)
        report.statuses.append(whole.status)
        server.settle()
        report.asked_again = server.asked_again
        report.dropped = server.count("refused")
    if whole.status != 0:
        report.wrong.append(f"the last run ended with {whole.status}:\n{whole.out}")
    if outcomes(project) != list(undisturbed):
        report.wrong.append("outcomes are not those of an undisturbed run")
    if report.lost > report.may_be_lost:
        report.wrong.append(f"{report.asked_again} asked for again, {report.dropped} dropped")
    return report


def _play_one(
    kill: Kill, after: int, command: Command, server: FaultServer, project: Project, report: Report
) -> bool:
    """Let a run be killed; tell whether there was still one to kill."""
    before = server.count("asked")
    came = server.wait_for(before + after, unless=command.has_ended)
    left = end_by(kill, command) if came and not command.has_ended() else None
    result = command.end()
    wait_for_death(left or [])
    server.settle()
    server.next_run()
    report.statuses.append(result.status)
    if left is None:  # there was nothing left to ask for
        if result.status != 0:
            report.wrong.append(f"an undisturbed run ended with {result.status}:\n{result.out}")
        return False
    finished = result.status in FINISHED and len(outcomes(project)) == ITEMS
    if result.status not in expected(kill) and not finished:
        report.wrong.append(f"{kill}: exit status {result.status}:\n{result.out}")
    if result.status in FINISHED and not finished:
        report.wrong.append(f"{kill}: {result.status} for a run that did not finish")
    return True
