"""Hostile text made fit to print."""

from __future__ import annotations


def printable(text: str, limit: int = 400) -> str:
    """Escape control characters and direction overrides, and cut at `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut
    )
