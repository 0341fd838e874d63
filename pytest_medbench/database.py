"""Responses in one SQLite file, keyed by the whole request."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from pytest_medbench.errors import MedbenchError
from pytest_medbench.exchange import Response

_T = TypeVar("_T")
_FORMAT = b"medbench-1\0"
_BUSY_SECONDS = 60.0
_BATCH = 500
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# The table's name carries the format, so that versions of this project share a file in peace.
_CREATE = """
CREATE TABLE IF NOT EXISTS responses_1 (
    key BLOB PRIMARY KEY, arrived_at REAL NOT NULL, model TEXT NOT NULL, response BLOB NOT NULL
)"""
_SELECT = "SELECT key, arrived_at, response FROM responses_1 WHERE arrived_at >= ? AND key IN (%s)"
_INSERT = "INSERT OR REPLACE INTO responses_1 VALUES (?, ?, ?, ?)"
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class CacheError(MedbenchError):
    """The cache cannot be read or written; says which file, why, and what to do."""


class KeyMaker:
    """Makes the cache keys of one model.

    Parameters
    ----------
    fingerprint : mapping
        What `Model.fingerprint` gave: plain JSON values.
    """

    def __init__(self, fingerprint: Mapping[str, Any]) -> None:
        self._start = hashlib.sha256(_FORMAT + _identity(fingerprint))

    @classmethod
    def of_identity(cls, identity: str) -> KeyMaker:
        """Give that of a model of which only `identity_of` is known. Raises ValueError."""
        maker = cls({})
        maker._start = hashlib.sha256(_FORMAT + bytes.fromhex(identity))
        return maker

    def __call__(self, wire: Mapping[str, Any], sample: int) -> bytes:
        """Give the sha256 of the model, the whole request and the sample's number."""
        digest = self._start.copy()
        digest.update(f"{sample}\0{_canonical(wire)}".encode())
        return digest.digest()


def identity_of(fingerprint: Mapping[str, Any]) -> str:
    """Give what stands for a model in its keys: 64 hex digits."""
    return _identity(fingerprint).hex()


def _identity(fingerprint: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(_canonical(fingerprint).encode()).digest()


def cache_key(fingerprint: Mapping[str, Any], wire: Mapping[str, Any], sample: int) -> bytes:
    """Give the key a response is stored under: 32 bytes, the same for any order of keys."""
    return KeyMaker(fingerprint)(wire, sample)


class Cache:
    """One SQLite file of responses, for several threads and processes at once.

    A file that SQLite finds corrupt is renamed to `*.corrupt-<time>` with a warning, and a new
    one is begun.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made when first needed.
    read_only : bool
        Never write, not even to set a corrupt file aside; a file that is not there is empty.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._notices: list[str] = []

    def get_many(self, keys: Iterable[bytes], *, since: float = 0.0) -> dict[bytes, Response]:
        """Give the stored responses of these keys, with `tries` 0.

        Parameters
        ----------
        keys : iterable of bytes
        since : float
            Seconds since the epoch; what arrived earlier is not given.

        Raises
        ------
        CacheError
            If the file cannot be read.
        """
        wanted = list(keys)
        if not wanted or (self._read_only and not self.path.exists()):
            return {}
        found = self._run(lambda connection: _select(connection, wanted, since))
        return found or {}

    def put_many(self, entries: Iterable[tuple[bytes, Response]], model: str = "") -> None:
        """Store responses in one transaction; on return they survive the end of this process.

        Raises
        ------
        CacheError
            If the file cannot be written.
        """
        rows = [(key, response.arrived_at, model, _encode(response)) for key, response in entries]
        if rows:
            self._run(lambda connection: _insert(connection, rows))

    def check(self) -> None:
        """Try whether the file can be written; on return it is there.

        Raises
        ------
        CacheError
            If it cannot.
        """
        # Writes a page, where an empty transaction would not; no reader looks at the number.
        self._run(lambda connection: connection.execute("PRAGMA user_version = 1"))

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._connections:
            self._connections.pop().close()
        self._local = threading.local()

    def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        for _ in range(3):
            try:
                done = work(self._connection())
            except sqlite3.DatabaseError as error:
                if not self._begin_anew(error):
                    raise CacheError(self._advice(error)) from error
                if not self._read_only:
                    continue
                done = None
            except OSError as error:
                raise CacheError(self._advice(error)) from error
            self._announce()
            return done
        raise CacheError(f"cache {self.path} is found corrupt again and again; check the disk")

    def _begin_anew(self, error: sqlite3.DatabaseError) -> bool:
        """Do what can be done about a file that holds nothing that can be used."""
        if self._read_only and "no such table" in str(error):
            return True
        if not _is_corrupt(error):
            return False
        if self._read_only:
            self._notices.append(f"cache {self.path} is corrupt ({error}) and not used")
        else:
            self._set_aside(str(error))
        return True

    def _connection(self) -> sqlite3.Connection:
        """Give this thread's connection, a new one if another process set the file aside."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None and self._local.inode == _inode(self.path):
            return connection
        if self._read_only:
            connection = self._open_read_only()
            self._local.inode = _inode(self.path)
        else:
            connection = self._open()
        self._local.connection = connection
        self._connections.append(connection)
        return connection

    def _open(self) -> sqlite3.Connection:
        # Two processes that both switch a new file to WAL can be told it is locked in spite of
        # the busy timeout; hence the lock. It also keeps a file in place while it is opened.
        with self._locked():
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._local.inode = _inode(self.path)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(_CREATE)
            except BaseException:
                connection.close()
                raise
            self._local.inode = _inode(self.path)
        return connection

    def _open_read_only(self) -> sqlite3.Connection:
        address = f"file:{quote(str(self.path))}?mode=ro"
        # A WAL file in a folder that cannot be written can only be read as unchanging.
        if not os.access(self.path.parent, os.W_OK):
            address += "&immutable=1"
        return sqlite3.connect(
            address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(self.path.name + "-lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _set_aside(self, reason: str) -> None:
        """Rename the file, unless another process has done so since it was found corrupt."""
        self._local.connection = None
        with self._locked():
            if self._local.inode != _inode(self.path):
                return
            stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + f"-{os.getpid()}"
            aside = self.path.with_name(f"{self.path.name}.corrupt-{stamp}")
            # The database goes first: a connection that is open elsewhere then sees that it was
            # moved and leaves the new file's write-ahead log alone when it closes.
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
        self._notices.append(
            f"cache {self.path} is corrupt ({reason}); it is kept as {aside.name}, a new one is "
            "begun, and what it held is asked again"
        )

    def _announce(self) -> None:
        # Said last, because `-W error` turns a warning into an exception.
        while self._notices:
            warnings.warn(self._notices.pop(), stacklevel=4)

    def _advice(self, error: Exception) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return f"cache {self.path}: the disk is full; make room and run again"
        if code == sqlite3.SQLITE_BUSY:
            return (
                f"cache {self.path} was locked by another process for {_BUSY_SECONDS:.0f} s; "
                "end that process, or use another cache folder"
            )
        return (
            f"cache {self.path} cannot be used ({error}); check that its folder exists, can be "
            "written and has room, or name another cache folder"
        )


def _select(
    connection: sqlite3.Connection, keys: list[bytes], since: float
) -> dict[bytes, Response]:
    found = {}
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        sql = _SELECT % ",".join("?" * len(batch))
        for key, arrived_at, stored in connection.execute(sql, (since, *batch)):
            response = _decode(stored, arrived_at)
            if response is not None:
                found[key] = response
    return found


def _insert(connection: sqlite3.Connection, rows: list[tuple[bytes, float, str, bytes]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(_INSERT, rows)
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _encode(response: Response) -> bytes:
    stored: dict[str, Any] = {"text": response.text, "finish_reason": response.finish_reason}
    if response.top_logprobs:
        stored["top_logprobs"] = response.top_logprobs
    if response.tool_calls:
        stored["tool_calls"] = [dict(call) for call in response.tool_calls]
    stored["tokens"] = [response.input_tokens, response.output_tokens]
    stored["latency"] = round(response.latency, 4)
    if response.model is not None:
        stored["model"] = response.model
    if response.system_fingerprint is not None:
        stored["system_fingerprint"] = response.system_fingerprint
    # A model may write half of a surrogate pair, which plain UTF-8 refuses.
    return _compact(stored).encode("utf-8", "surrogatepass")


def _decode(stored: bytes, arrived_at: float) -> Response | None:
    """Read a stored response; None, so that it is asked again, if it cannot be read."""
    try:
        values = json.loads(stored.decode("utf-8", "surrogatepass"))
        input_tokens, output_tokens = values["tokens"]
        return Response(
            text=values["text"],
            finish_reason=values["finish_reason"],
            top_logprobs=tuple((token, value) for token, value in values.get("top_logprobs", ())),
            tool_calls=tuple(values.get("tool_calls", ())),
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            latency=values["latency"],
            model=values.get("model"),
            system_fingerprint=values.get("system_fingerprint"),
            arrived_at=arrived_at,
            tries=0,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _is_corrupt(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    # A file cut short is an I/O error to SQLite.
    return code & 0xFF in _CORRUPT or code == sqlite3.SQLITE_IOERR_SHORT_READ
