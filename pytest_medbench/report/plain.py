"""Hostile text made fit to print."""

from __future__ import annotations

import re

# Characters that count as printable and show nothing: marks and letters that Unicode lists as
# ignorable by default (DerivedCoreProperties.txt), variation selectors above all, which carry
# whole sentences unseen.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


def printable(text: str, limit: int = 400) -> str:
    """Make text one line of characters that show, and cut it at `limit` characters.

    Escaped are control characters (C0, C1, DEL), separators of lines and paragraphs, direction
    overrides and isolates, zero-width, tag and other characters that show nothing, halves of
    surrogate pairs, and what Unicode has not assigned. The escapes come on top of `limit`.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    shown = "".join(char if char.isprintable() else _escaped(char) for char in cut)
    return _UNSEEN.sub(lambda found: _escaped(found[0]), shown)


def printable_lines(text: str, limit: int = 4000) -> str:
    """Make text of several lines fit to print: each by `printable`, all of them together bounded.

    A message of this project may have several lines, and names in it may hold anything.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "\n".join(printable(line, limit) for line in cut.split("\n"))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()
