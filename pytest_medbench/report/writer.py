"""Where the lines of a verdict go: pytest's terminal, or the output of a command."""

from __future__ import annotations

import shutil
from typing import Protocol, TextIO


class Writer(Protocol):
    """What a verdict needs to be written; pytest's terminal reporter is one."""

    def section(self, title: str, sep: str = "=", **markup: bool) -> None:
        """Write a title over the whole width."""

    def write_line(self, line: str, **markup: bool) -> None:
        """Write a line."""


class PlainWriter:
    """Writes without colours.

    Parameters
    ----------
    file : TextIO
        What its encoding cannot hold is written as escapes.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def section(self, title: str, sep: str = "=", **markup: bool) -> None:
        """Write a title over the whole width."""
        self.write_line(f" {title} ".center(shutil.get_terminal_size().columns, sep))

    def write_line(self, line: str, **markup: bool) -> None:
        """Write a line."""
        encoding = self._file.encoding or "utf-8"
        shown = line.encode(encoding, "backslashreplace").decode(encoding)
        self._file.write(shown + "\n")
