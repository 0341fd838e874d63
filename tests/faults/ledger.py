"""What a process did, through a pipe that outlives it."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any


class Ledger:
    """Events of one process, each written whole by one system call, from any of its threads.

    A pipe and no file, so that a full disk does not touch it.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def note(self, event: str, item: str, value: Any = None) -> None:
        """Write one event."""
        os.write(self._write, json.dumps([event, item, value]).encode() + b"\n")

    def all(self) -> Events:
        """Read the events until the process has ended."""
        os.close(self._write)
        with os.fdopen(self._read, encoding="utf-8") as lines:
            return Events([tuple(json.loads(line)) for line in lines])


class Events:
    """What a process that has ended did.

    Parameters
    ----------
    rows : list of (str, str, value)
        Event, item, and what belongs to it.
    """

    def __init__(self, rows: list[tuple[str, str, Any]]) -> None:
        self._rows = rows

    def counts(self, event: str) -> Counter[str]:
        """Count the items of one event."""
        return Counter(item for name, item, _ in self._rows if name == event)

    def items(self, *events: str) -> set[str]:
        """Give the items that had any of these events."""
        return {item for name, item, _ in self._rows if name in events}

    def values(self, event: str) -> dict[str, Any]:
        """Give the last value of one event by item."""
        return {item: value for name, item, value in self._rows if name == event}
