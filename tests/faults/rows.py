"""One row of the table of faults: a run that meets one, and the runs after it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from projects import Project, Result

from faults.commands import ITEMS, Command, FaultServer, made, outcomes, run
from faults.server import STAMP
from pytest_medbench.runs import read_journal

IN_FLIGHT = 4
DELAY = 0.1

Ended = tuple[str, str | None]


@dataclass(frozen=True)
class Scenario:
    """A fault, what it does to a run, and what must come of it.

    Parameters
    ----------
    title : str
    fault : str
        The server's; see `faults.server.FAULTS`.
    flags : tuple of str
        For the run that meets the fault.
    again : tuple of str
        For the run after it.
    expected : tuple of int
        The exit statuses that are right for the run that meets the fault.
    endings : mapping of str to (status, reason)
        The items that end differently there, by right.
    meanwhile : callable or None
        Does something to the command, the server or the project while the run is under way.
    environ : mapping of str to str
    in_flight : int
        Answers that a kill may take with it.
    certificate : Path or None
        The server's, for https.
    around : callable
        Gives, for the project's folder, the context of all its runs.
    mend : callable or None
        Called with the project's folder before the run after the fault.
    """

    title: str
    fault: str = "none"
    flags: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    expected: tuple[int, ...] = (0,)
    endings: Mapping[str, Ended] = field(default_factory=dict)
    meanwhile: Callable[[Command, FaultServer], None] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    in_flight: int = 0
    certificate: Path | None = None
    around: Callable[[Path], AbstractContextManager[object]] = nullcontext
    mend: Callable[[Path], object] | None = None


@dataclass(frozen=True)
class Row:
    """What came of it.

    Parameters
    ----------
    scenario : Scenario
    workers : str
    given : int
        Items that the server answered whole before the run that met the fault had ended, or would
        have answered, had the request not been dropped.
    kept : int
        Those of them that are on disk at its end.
    wrong : int
        Items that it gave another status than an undisturbed run does, error for want of an
        answer aside, and those that the runs after it did not put right.
    again : int
        Answers that the runs after it asked for though they had been given.
    twice : int
        Answers that were given twice in one run.
    status, then : int
        Exit statuses of the run that met the fault, and of the one after it.
    said : str
        What the run printed.
    """

    scenario: Scenario
    workers: str
    given: int
    kept: int
    wrong: int
    again: int
    twice: int
    status: int
    then: int
    said: str

    @property
    def is_right(self) -> bool:
        """Whether nothing was lost that could have been kept, and all statuses are right."""
        return (
            self.again <= self.scenario.in_flight
            and self.given - self.kept <= self.scenario.in_flight
            and self.wrong == 0
            and self.status in self.scenario.expected
            and self.then == 0
        )

    def __str__(self) -> str:
        expected = " or ".join(map(str, self.scenario.expected))
        cells = [
            self.scenario.title,
            self.workers or "serial",
            ITEMS,
            self.given,
            self.given - self.kept,
            self.wrong,
            self.again,
            f"{self.status} ({expected})",
            "yes" if self.is_right else "**no**",
        ]
        return f"| {' | '.join(map(str, cells))} |"


def meet(
    scenario: Scenario, workers: Sequence[str], folder: Path, undisturbed: Sequence[str]
) -> Row:
    """Let a run meet the fault, then run again without it."""
    with (
        FaultServer(scenario.fault, delay=DELAY, certificate=scenario.certificate) as server,
        scenario.around(folder),
    ):
        project = made(folder, server.base_url)
        flags = [f"--medbench-concurrency={IN_FLIGHT}", *workers]
        command = Command(project, *flags, *scenario.flags, environ=scenario.environ)
        try:
            if scenario.meanwhile is not None:
                scenario.meanwhile(command, server)
            result = command.end()
        finally:
            command.kill()
        if scenario.fault == "none":
            server.settle()
        # A server without a fault answers all that it is asked.
        before = set(server.items("asked" if scenario.fault == "none" else "given"))
        server.next_run()
        kept = before & on_disk(project)
        wrong = wrong_endings(project, undisturbed, scenario.endings)
        server.kill()
        then = _run_again(scenario, flags, project, server)
        stored = {item: end for item, end in scenario.endings.items() if end[0] != "error"}
        wrong |= wrong_endings(project, undisturbed, stored, whole=True)
    return Row(
        scenario, " ".join(workers), len(before), len(kept), len(wrong), server.asked_again,
        server.twice,        result.status, then.status, f"{result.out}\n{then.out}",
    )  # fmt: skip


def _run_again(
    scenario: Scenario, flags: Sequence[str], project: Project, server: FaultServer
) -> Result:
    if scenario.mend is not None:
        scenario.mend(project.root)
    if scenario.certificate is not None:
        server.without_certificate()
        made(project.root, server.base_url.replace("https", "http"))
    server.start()
    return run(project, *flags, *scenario.again)


def on_disk(project: Project) -> set[str]:
    """Give the items with a response in any file of the project, by the server's numbers."""
    found = set()
    for folder in project.runs():
        for line in read_journal(folder):
            if "text" in line:
                found.add(str(int(line["id"][1:])))
    for path in project.root.glob(".medbench/**/responses.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            for (response,) in connection.execute("SELECT response FROM responses_1"):
                found.add(str(json.loads(response)["tokens"][0] - STAMP))
    return found


def wrong_endings(
    project: Project,
    undisturbed: Sequence[str],
    endings: Mapping[str, Ended],
    *,
    whole: bool = False,
) -> set[str]:
    """Give the items of the last run that did not end as they should.

    Parameters
    ----------
    project : Project
    undisturbed : sequence of str
        Outcomes without any fault.
    endings : mapping of str to (status, reason)
        What the fault makes of single items.
    whole : bool
        Whether every item should have ended.
    """
    wanted = {line["id"]: line for line in map(json.loads, undisturbed)}
    ended = project.runs() and {line["id"]: line for line in map(json.loads, outcomes(project))}
    wrong = set(wanted) - set(ended or ()) if whole else set()
    for item, line in (ended or {}).items():
        status, reason = endings.get(item, (wanted[item]["status"], wanted[item]["reason"]))
        right = line["status"] == status and str(reason or "") in str(line["reason"] or "")
        error = line["status"] == "error" and line["score"] is None and not whole
        if not right and not error:
            wrong.add(item)
    return wrong


def after(count: int, act: Callable[[Command], object]) -> Callable[[Command, FaultServer], None]:
    """Do something to the command once the server has seen so many requests."""

    def meanwhile(command: Command, server: FaultServer) -> None:
        server.wait_for(count, unless=command.has_ended)
        act(command)

    return meanwhile


def back_after(seconds: float) -> Callable[[Command, FaultServer], None]:
    """Start the server again some seconds after it died."""

    def meanwhile(command: Command, server: FaultServer) -> None:
        server.wait_for_death(unless=command.has_ended)
        if not command.has_ended():
            threading.Event().wait(seconds)
            server.start()

    return meanwhile
