"""Writes requests into the files of batches, as many as the provider takes in one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pytest_medbench.batch.state import BatchFolder, Record, telling
from pytest_medbench.runs import RunError

URL = "/v1/chat/completions"
# Some readers take these for the end of a line; inside JSON they can only stand in a string.
_BREAKS = {char.encode(): f"\\u{ord(char):04x}".encode() for char in "\u0085\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider takes, and how often it is asked again.

    Parameters
    ----------
    requests : int
        The most in one file.
    bytes : int
        The most in one file.
    rounds : int
        How often a request that brought no answer is sent, the first time included.

    References
    ----------
    OpenAI, Batch API: 50,000 requests and 200 MB a file.
    """

    requests: int = 50_000
    bytes: int = 200_000_000
    rounds: int = 3


def line(key: bytes, body: bytes) -> bytes:
    """Give the line of one request; `body` is what a live request would have."""
    for character, escaped in _BREAKS.items():
        body = body.replace(character, escaped)
    return b'{"custom_id":"%s","method":"POST","url":"%s","body":%s}\n' % (
        key.hex().encode(),
        URL.encode(),
        body,
    )


class Writer:
    """Spreads lines over files; a file that is full is closed and recorded.

    Parameters
    ----------
    folder : BatchFolder
    requests, size : int
        The most requests and bytes in one file.
    turn : int
        The round the requests are in.
    """

    def __init__(self, folder: BatchFolder, requests: int, size: int, turn: int = 1) -> None:
        self._folder = folder
        self._most = requests
        self._size = size
        self._turn = turn
        self._token = ""
        self._lines: BinaryIO | None = None
        self._keys: BinaryIO | None = None
        self._written = 0
        self._count = 0
        self.records: list[Record] = []

    def add(self, key: bytes, text: bytes) -> bool:
        """Write a line; False if no file can hold it.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        if len(text) > self._size:
            return False
        if self._count == self._most or self._written + len(text) > self._size:
            self.finish()
        with telling(self._folder.path):
            if self._lines is None or self._keys is None:
                self._token = secrets.token_hex(16)
                self._lines = self._folder.requests(self._token).open("xb")
                self._keys = self._folder.keys_path(self._token).open("xb")
            self._lines.write(text)
            self._keys.write(key)
        self._count += 1
        self._written += len(text)
        return True

    def finish(self) -> None:
        """Close and record the file in hand, if there is one."""
        if self._lines is None or self._keys is None:
            return
        with telling(self._folder.path):
            for file in (self._lines, self._keys):
                file.flush()
                os.fsync(file.fileno())
        self.close()
        record = Record(self._token, self._count, self._turn)
        self._folder.save(record)
        self.records.append(record)
        self._count = self._written = 0

    def close(self) -> None:
        """Close the files without a record, which makes them litter."""
        for file in (self._lines, self._keys):
            if file is not None:
                file.close()
        self._lines = self._keys = None


def picked(
    folder: BatchFolder, record: Record, wanted: Collection[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """Give key and line of the requests of a batch that are wanted again.

    Raises
    ------
    RunError
        If the batch's files cannot be read.
    """
    keys = folder.keys(record)
    path = folder.requests(record.token)
    with telling(path, "read"), path.open("rb") as file:
        count = 0
        for key, text in zip(keys, file, strict=False):
            count += 1
            if key in wanted:
                yield key, text
    if count != len(keys):
        raise RunError(f"{path}: {count} lines: expected {len(keys)}; delete it, and run again")
