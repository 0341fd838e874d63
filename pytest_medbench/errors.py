"""The errors this project raises, and the words they are made of."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

# Comparing spellings takes time quadratic in their length, and words come from hostile files.
LONGEST_WORD = 200


class MedbenchError(Exception):
    """Base of every error of this project; its text is for the person who can mend it."""


class SuiteError(MedbenchError):
    """A suite or an item that cannot be used.

    Parameters
    ----------
    place : Path
        The file.
    line : int or None
        Counted from 1.
    message : str
        Key, value found, what was expected, what to do.
    """

    def __init__(self, place: Path, line: int | None, message: str) -> None:
        self.place = place
        self.line = line
        self.message = message
        where = f"{place}:{line}" if line is not None else str(place)
        super().__init__(f"{where}: {message}")


class ConfigError(MedbenchError):
    """A flag, an ini value or a table of the configuration that cannot be used."""


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Give `; did you mean 'x'?` for the known spelling nearest to `word`, or nothing.

    `cutoff` is how alike they have to be, from 0 to 1, as difflib measures it.
    """
    if len(word) > LONGEST_WORD:
        return ""
    import difflib  # here, because only an error needs it

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {close[0]!r}?" if close else ""
