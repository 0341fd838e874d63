"""The real command and its server, each in a process of its own, that tests kill."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from projects import Project, Result, questions, server_config

from pytest_medbench.runs import read_journal

TIMING = ("asked_at", "latency", "tries")
SERVER = Path(__file__).with_name("server.py")
ITEMS = 40
PATIENCE = 120.0


class FaultServer:
    """A server process, told which fault it has; it may die and be started again.

    Parameters
    ----------
    fault : str
        A key of `faults.server.FAULTS`.
    delay : float
        Seconds until each answer.
    certificate : Path or None
        PEM file of key and certificate, for https.

    Attributes
    ----------
    base_url : str
    events : dict of str to Counter
        How often each item was `asked`, `given`, `refused`.
    """

    def __init__(
        self, fault: str = "none", *, delay: float = 0.0, certificate: Path | None = None
    ) -> None:
        self.events: dict[str, Counter[str]] = {
            name: Counter() for name in ("asked", "given", "refused")
        }
        self._fault = fault
        self._further = ["--delay", str(delay)]
        if certificate is not None:
            self._further += ["--certificate", str(certificate)]
        self._changed = threading.Condition()
        self._known: Counter[str] = Counter()
        self._again = self._twice = 0
        self._port = "0"
        self.base_url = ""

    def __enter__(self) -> FaultServer:
        self.start(self._fault)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self, fault: str = "none") -> None:
        """Start, or start again on the same port."""
        command = [sys.executable, str(SERVER), "--port", self._port, "--fault", fault]
        self._process = subprocess.Popen(
            [*command, *self._further], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        assert self.base_url, "the server did not start"
        self._port = self.base_url.rpartition(":")[2].partition("/")[0]
        self._reader = threading.Thread(target=self._read, args=[self._process], daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            event, _, item = line.strip().partition(" ")
            with self._changed:
                self.events[event][item] += 1
                self._changed.notify_all()

    def without_certificate(self) -> None:
        """Serve http when started again."""
        self._further = self._further[:2]

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.wait_for_death()

    def wait_for_death(self, *, unless: Callable[[], bool] = lambda: False) -> None:
        """Wait until it has ended, and all it said has been read; or something else is true."""
        until = time.monotonic() + PATIENCE
        while self._process.poll() is None and not unless():
            assert time.monotonic() < until, "the server does not end"
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
        if self._process.poll() is None:
            return
        self._reader.join(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def count(self, event: str) -> int:
        """Give how many events of a kind there were."""
        with self._changed:
            return self.events[event].total()

    def wait_for(
        self, count: int, event: str = "asked", *, unless: Callable[[], bool] = lambda: False
    ) -> bool:
        """Wait until there were so many events, or something else has come true.

        Returns
        -------
        bool
            Whether there were as many.
        """
        until = time.monotonic() + PATIENCE
        with self._changed:
            while self.events[event].total() < count:
                if unless():
                    return False
                assert time.monotonic() < until, f"{self.events[event].total()} of {count} {event}"
                self._changed.wait(0.05)
            return True

    def settle(self) -> None:
        """Wait until it has done with all that it was asked."""
        until = time.monotonic() + PATIENCE
        with self._changed:
            while self._under_way():
                assert time.monotonic() < until, f"{self._under_way()} requests are not ended"
                self._changed.wait(0.05)

    def _under_way(self) -> int:
        asked, given, refused = (self.events[e].total() for e in ("asked", "given", "refused"))
        return asked - given - refused

    def items(self, event: str) -> list[str]:
        """Give the numbers of the items that had an event."""
        with self._changed:
            return list(self.events[event])

    def next_run(self) -> None:
        """Take all that has been given so far as known to the runs that come."""
        self._again, self._twice = self.asked_again, self.twice
        self._known = self.events["given"].copy()

    @property
    def asked_again(self) -> int:
        """Whole answers that runs asked for though an earlier run had been given them."""
        return self._again + sum(n for item, n in self._new().items() if item in self._known)

    @property
    def twice(self) -> int:
        """Whole answers that one run was given twice.

        Two workers may ask for the same item when one takes over from the other; that costs an
        answer, and loses none.
        """
        new = self._new()
        return self._twice + sum(n - 1 for item, n in new.items() if item not in self._known)

    def _new(self) -> Counter[str]:
        with self._changed:
            return self.events["given"] - self._known


class Command:
    """`pytest suites` in a session of its own, so that its process group can be signalled.

    Parameters
    ----------
    project : Project
    flags : str
    environ : mapping
        Further variables.
    said : str
        The file for what it prints.
    """

    def __init__(
        self,
        project: Project,
        *flags: str,
        environ: Mapping[str, str] | None = None,
        said: str = "said.txt",
    ) -> None:
        kept = {name: value for name, value in os.environ.items() if name != "CI"}
        self.project = project
        self._said = project.root / said
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-p", "no:randomly", "suites", *flags],
                cwd=project.root,
                env={**kept, "COLUMNS": "120", **project.environ, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The serial process, or the controller of workers."""
        return self._process.pid

    def workers(self) -> list[int]:
        """Give the process ids of xdist's workers."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        if not path.exists():
            pytest.skip("workers are found by Linux's list of a process's children")
        return [int(pid) for pid in path.read_text().split()]

    def signal(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal, to the whole process group as a terminal does, or to one process."""
        if group:
            os.killpg(self.pid, number)
        else:
            os.kill(self.pid, number)

    def insist(self) -> None:
        """Press Ctrl-C again and again, ten times a second, until it has ended."""
        while not self.has_ended():
            self.signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)

    def kill_worker(self) -> None:
        """Kill one of xdist's workers."""
        os.kill(self.workers()[0], signal.SIGKILL)

    def kill(self) -> None:
        """End it and all its workers, if they have not ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def has_ended(self) -> bool:
        """Tell whether it has ended."""
        return self._process.poll() is not None

    def end(self) -> Result:
        """Wait for the end of the command."""
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end after {PATIENCE:g} s:\n{self.said()}") from None
        return Result(status, self.said())

    def said(self) -> str:
        """Give what it has printed so far."""
        return self._said.read_text(encoding="utf-8", errors="replace")


def wait_for_death(pids: Sequence[int]) -> None:
    """Wait until processes that are no children of this one have ended."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            waiting = os.pidfd_open(pid)
            ended, _, _ = select.select([waiting], [], [], PATIENCE)
            os.close(waiting)
            assert ended, f"process {pid} still runs after {PATIENCE:g} s"


def made(root: Path, url: str, *, items: int = ITEMS, further: str = "") -> Project:
    """Make a project of one suite that asks a server; the gate is one it passes."""
    project = Project(root)
    project.suite(questions(items), gates="overall = 0.5")
    project.config(server_config(url, further=f'revision = "1"\n{further}'))
    return project


def run(project: Project, *flags: str, environ: Mapping[str, str] | None = None) -> Result:
    """Run the command to its end."""
    return Command(project, *flags, environ=environ).end()


def outcomes(project: Project, folder: Path | None = None) -> list[str]:
    """Give a run's outcomes, one line an item, without what depends on time.

    Parameters
    ----------
    project : Project
    folder : Path or None
        The run's; None for the last one.
    """
    last: dict[str, dict[str, Any]] = {}
    for line in read_journal(folder or project.runs()[-1]):
        known = last.get(line["id"])
        # Of two for one item, such as one of a killed worker, that with a response counts.
        if known is None or known["status"] == "error" or line["status"] != "error":
            last[line["id"]] = line
    return [
        json.dumps({key: value for key, value in line.items() if key not in TIMING})
        for _, line in sorted(last.items())
    ]


def lost(project: Project, wanted: Sequence[str]) -> int:
    """Count the items whose outcome is not the one wanted."""
    return len(set(wanted) - set(outcomes(project)))
