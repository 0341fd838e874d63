"""What is on disk about batches, so that a process stopped at any point leaves none behind.

One folder a model, and in it up to three files a batch, named by its token: `.jsonl` the requests,
`.keys` their cache keys in the same order, 32 bytes each, and `.json` the record. The record is
written last: without it the others are litter.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pytest_medbench.runs import RunError

KEY_BYTES = 32
_FORMAT = 1


@dataclass(slots=True)
class Record:
    """One batch.

    Parameters
    ----------
    token : str
        Made here and sent along, so that the batch can be found again at the provider.
    requests : int
    round : int
        1 for requests sent for the first time.
    file : str or None
        The provider's id of the uploaded file.
    sent_at : float or None
        Seconds since the epoch; when the provider was first asked to create the batch. From then
        on the batch may exist, whether an answer came or not.
    batch : str or None
        The provider's id of the batch.
    collected : bool
        Whether its answers were stored. The record stays until the whole plan is answered: a run
        that keeps its responses to itself may have to fetch them again.
    """

    token: str
    requests: int
    round: int = 1
    file: str | None = None
    sent_at: float | None = None
    batch: str | None = None
    collected: bool = False


class BatchFolder:
    """The batches of one model under `.medbench/batches`.

    Parameters
    ----------
    home : Path
        The `.medbench` folder.
    fingerprint : mapping
        What `Model.fingerprint` gave.

    Raises
    ------
    RunError
        If the folder cannot be made.
    """

    def __init__(self, home: Path, fingerprint: Mapping[str, Any]) -> None:
        canonical = json.dumps(fingerprint, sort_keys=True).encode()
        self.path = home / "batches" / hashlib.sha256(canonical).hexdigest()[:16]
        with telling(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self._lock: int | None = None

    def try_lock(self) -> bool:
        """Keep other processes out until this one ends; False if one is in."""
        with telling(self.path):
            fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._lock = fd
        return True

    def unlock(self) -> None:
        """Let others in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def requests(self, token: str) -> Path:
        """Where a batch's requests are."""
        return self.path / f"{token}.jsonl"

    def keys_path(self, token: str) -> Path:
        """Where the keys of a batch's requests are."""
        return self.path / f"{token}.keys"

    def keys(self, record: Record) -> list[bytes]:
        """Give the keys of a batch's requests, in their order.

        Raises
        ------
        RunError
            If they cannot be read.
        """
        path = self.keys_path(record.token)
        with telling(path, "read"):
            data = path.read_bytes()
        if len(data) != record.requests * KEY_BYTES:
            raise RunError(
                f"{path}: {len(data)} bytes: expected {record.requests * KEY_BYTES}; a batch of "
                f"{record.requests} requests ({record.batch}) cannot be matched any more: delete "
                f"{record.token}.json beside it, and its items are sent again"
            )
        return [data[at : at + KEY_BYTES] for at in range(0, len(data), KEY_BYTES)]

    def save(self, record: Record) -> None:
        """Write a record whole.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        write_whole(self.path / f"{record.token}.json", {"format": _FORMAT, **asdict(record)})

    def records(self) -> list[Record]:
        """Read all records, and take away what has none.

        Raises
        ------
        RunError
            If one cannot be read.
        """
        with telling(self.path, "read"):
            found = [_read(path) for path in sorted(self.path.glob("*.json"))]
            kept = {record.token for record in found}
            for path in self.path.iterdir():
                if path.suffix in (".jsonl", ".keys", ".part") and path.stem not in kept:
                    path.unlink()
        return found

    def remove(self, record: Record) -> None:
        """Forget a batch; its record goes last."""
        with telling(self.path):
            for suffix in (".jsonl", ".keys", ".json"):
                (self.path / f"{record.token}{suffix}").unlink(missing_ok=True)


def write_whole(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file that is there whole or not at all, whatever happens to the machine.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    part = path.with_suffix(".part")
    with telling(path):
        with part.open("wb") as file:
            file.write(json.dumps(value, indent=1).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _read(path: Path) -> Record:
    advice = (
        "look with the provider whether a batch of this project is under way, then delete the file"
    )
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: is not JSON ({error}); {advice}") from error
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        raise RunError(f"{path}: expected a record of format {_FORMAT}; {advice}")
    names = {field.name for field in fields(Record)}
    try:
        return Record(**{name: value[name] for name in names})
    except KeyError as error:
        raise RunError(f"{path}: key {error} is missing; {advice}") from error


@contextlib.contextmanager
def telling(path: Path, doing: str = "written") -> Iterator[None]:
    """Turn an error of the disk into one that says what to do."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{path}: cannot be {doing}: {error.strerror or error}; batches need a folder that can "
            "be written and has room; what was sent so far is picked up by the same command"
        ) from error
