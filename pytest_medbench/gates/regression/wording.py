"""The sentences of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 5


def points(value: float | None) -> str:
    """Write a share as points of a hundred."""
    return "-" if value is None else f"{100 * value:.2f}".rstrip("0").rstrip(".")


def whose(key: str, which: str) -> str:
    """Name what is compared with."""
    return f"{key!r} ({which})"


def named(names: Sequence[str], most: int = NAMED) -> str:
    """List a few names."""
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")


def many(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
