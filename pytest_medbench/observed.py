"""What a model's stored responses were like; reads the cache and never writes it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from pytest_medbench.estimates import Observed

_BUSY_SECONDS = 5.0
_LOOKED_AT = 50_000
_MOST = 2_000
_SELECT = """
SELECT response FROM (SELECT model, response FROM responses_1 ORDER BY rowid DESC LIMIT ?)
WHERE model = ? LIMIT ?"""


def observe(cache: Path, model: str) -> Observed | None:
    """Give the means of a model's latest stored responses.

    At most 2,000 are read, from among the 50,000 that were stored last for any model.

    Parameters
    ----------
    cache : Path
        The file of responses.
    model : str
        The model's name as it was given to `--medbench-model`.

    Returns
    -------
    Observed or None
        None where nothing is stored, or nothing can be read: an estimate is worth no error.
    """
    if not cache.is_file():
        return None
    address = f"file:{quote(str(cache))}?mode=ro"
    # A WAL file in a folder that cannot be written can only be read as unchanging.
    if not os.access(cache.parent, os.W_OK):
        address += "&immutable=1"
    try:
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)
        ) as connection:
            rows = connection.execute(_SELECT, (_LOOKED_AT, model, _MOST)).fetchall()
    except sqlite3.Error:
        return None
    return _means([found for (stored,) in rows if (found := _read(stored)) is not None])


def _read(stored: bytes) -> tuple[float, int] | None:
    """Give a response's seconds and the tokens of its answer."""
    try:
        values = json.loads(stored.decode("utf-8", "surrogatepass"))
        return float(values["latency"]), int(values["tokens"][1])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _means(found: list[tuple[float, int]]) -> Observed | None:
    if not found:
        return None
    reported = [tokens for _, tokens in found if tokens > 0]
    return Observed(
        responses=len(found),
        latency=sum(latency for latency, _ in found) / len(found),
        output_tokens=sum(reported) / len(reported) if reported else None,
    )
