"""The run's folder: its plan, its journal, its verdicts."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json, to_json

from pytest_medbench.errors import MedbenchError
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Outcome

PLAN = "plan.json"
VERDICTS = "verdicts.json"
STORE = "responses.sqlite"
LOCK = "lock"


class RunError(MedbenchError):
    """A run's folder that cannot be written or read."""


class RunFolder:
    """`.medbench/runs/<id>/`.

    Parameters
    ----------
    home : Path
        The `.medbench` folder.
    run_id : str
    path : Path, optional
        Where else the folder is to be.

    Raises
    ------
    RunError
        If the folder cannot be made.
    """

    def __init__(self, home: Path, run_id: str, path: Path | None = None) -> None:
        self.id = run_id
        self._lock: BinaryIO | None = None
        self.path = path or home / "runs" / run_id
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            ignore = home / ".gitignore"
            if path is None and not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot be made: {error.strerror}; a run needs a writable folder"
            ) from error

    def claim(self) -> None:
        """Keep other processes from going on with this run while this one does.

        Raises
        ------
        RunError
            If another process has it.
        """
        path = self.path / LOCK
        try:
            self._lock = path.open("a+b")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise RunError(
                f"{self.path}: another process is at work on this run; wait until it has ended"
            ) from error
        except OSError as error:
            raise RunError(f"{path}: cannot be opened: {error.strerror}") from error

    def release(self) -> None:
        """Let others go on with this run."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def is_planned(self) -> bool:
        """Whether the plan is there; a worker on another machine does not see it."""
        return (self.path / PLAN).is_file()

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """Write the plan; it is fixed before the first request."""
        _write_whole(self.path / PLAN, plan)

    def write_verdicts(self, verdicts: Mapping[str, Any]) -> None:
        """Write what was decided."""
        _write_whole(self.path / VERDICTS, verdicts)

    def journal(self, process: str) -> Journal:
        """Open the journal of one process."""
        return Journal(self.path / f"journal-{process}.jsonl")

    def samples(self, process: str) -> Journal:
        """Open the journal of the single repeats, where items are asked several times."""
        return Journal(self.path / f"samples-{process}.jsonl")


class Journal:
    """Outcomes with their responses, one JSON line each, appended before the case reports."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            _cut_torn_line(self._fd)
        except OSError as error:
            raise RunError(f"{path}: cannot be opened: {error.strerror}") from error

    def append(self, outcome: Outcome, response: Response | None, sample: int = 0) -> None:
        """Write one outcome and the response it was made from."""
        self.write(outcome, {} if response is None else answer_of(response), sample)

    def write(self, outcome: Outcome, answer: Mapping[str, Any], sample: int = 0) -> None:
        """Write one outcome and what `answer_of` gave."""
        line = {
            "suite": outcome.suite,
            "id": outcome.id,
            "sample": sample,
            "status": outcome.status,
            "score": outcome.score,
            "answer": outcome.answer,
            "reason": outcome.reason,
            "parts": outcome.parts,
            "tries": outcome.tries,
            "asked_at": outcome.asked_at,
            "served_by": outcome.served_by,
            "scores": outcome.scores,
            **answer,
        }
        data = _json(line) + b"\n"
        before = os.fstat(self._fd).st_size
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError as error:
            # Half a line would spoil the one that comes after it.
            os.ftruncate(self._fd, before)
            raise RunError(
                f"{self._path}: cannot be written: {error.strerror}; make room and run again, "
                "stored responses are not asked again"
            ) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def answer_of(response: Response) -> dict[str, Any]:
    """Give what a journal holds of a response."""
    return {
        "text": response.text,
        "finish_reason": response.finish_reason,
        "input_tokens": response.input_tokens,
        "output_tokens": response.output_tokens,
        "latency": round(response.latency, 4),
    }


def _cut_torn_line(fd: int, chunk: int = 65_536) -> None:
    """Take away what a killed process left behind the last whole line."""
    end = os.fstat(fd).st_size
    while end:
        start = max(0, end - chunk)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    os.ftruncate(fd, end)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One line of `medbench runs`."""

    id: str
    path: Path
    model: str
    planned: int
    verdict: str
    exit_status: int | None


def list_runs(home: Path) -> list[RunInfo]:
    """Give the runs under `.medbench`, newest first."""
    folders = sorted((home / "runs").glob("*/"), reverse=True)
    return [_info(folder) for folder in folders if (folder / PLAN).is_file()]


def _info(folder: Path) -> RunInfo:
    try:
        plan = read_plan(folder)
        verdicts = _read_whole(folder / VERDICTS) if (folder / VERDICTS).is_file() else {}
    except RunError:
        # One damaged run must not hide the others.
        return RunInfo(folder.name, folder, "?", 0, "cannot be read", None)
    model, planned = plan.get("model"), plan.get("planned")
    status = verdicts.get("exit_status")
    return RunInfo(
        id=folder.name,
        path=folder,
        model=str(model.get("name", "?")) if isinstance(model, dict) else "?",
        planned=planned if isinstance(planned, int) else 0,
        verdict=str(verdicts.get("verdict", "not decided")),
        exit_status=status if isinstance(status, int) else None,
    )


def read_plan(folder: Path) -> dict[str, Any]:
    """Read a run's plan.

    Raises
    ------
    RunError
        If there is none, or it cannot be read.
    """
    return _read_whole(folder / PLAN)


def read_verdicts(folder: Path) -> dict[str, Any]:
    """Read what was decided of a run.

    Raises
    ------
    RunError
        If nothing was, or it cannot be read.
    """
    return _read_whole(folder / VERDICTS)


def journals(folder: Path) -> list[Path]:
    """Give the journals of a run, one for each process, in the order in which they count."""
    return sorted(folder.glob("journal*.jsonl"))


def read_journal(folder: Path) -> Iterator[dict[str, Any]]:
    """Give every line of every journal of a run; a torn last line is left out."""
    for path in journals(folder):
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield _parsed(path, line)


def _parsed(path: Path, line: bytes) -> dict[str, Any]:
    try:
        value = from_json(line)
    except ValueError as error:
        raise RunError(f"{path}: a line is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}: a line is no JSON object: {line[:80]!r}")
    return value


def _json(value: Mapping[str, Any], indent: int | None = None) -> bytes:
    try:
        return to_json(value, inf_nan_mode="null", indent=indent)
    except ValueError:
        # Half a surrogate pair, which a server may send and UTF-8 cannot hold.
        text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
        return text.encode("utf-8", errors="replace")


def _write_whole(path: Path, value: Mapping[str, Any]) -> None:
    part = path.with_suffix(".part")
    try:
        part.write_bytes(_json(value, indent=1) + b"\n")
        part.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from error


def _read_whole(path: Path) -> dict[str, Any]:
    try:
        value = from_json(path.read_bytes())
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RunError(f"{path}: is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}: expected a JSON object")
    return value
