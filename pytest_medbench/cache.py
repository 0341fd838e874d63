"""Which stored responses a run uses, and where it keeps new ones."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from pytest_medbench.database import Cache, CacheError, KeyMaker, cache_key
from pytest_medbench.exchange import Response

__all__ = ["Cache", "CacheError", "KeyMaker", "Mode", "Store", "cache_key"]


class Mode(StrEnum):
    """How a run uses the cache.

    `on`: hits are used, new responses kept. `read`: hits are used, nothing is written into it.
    `refresh`: all is asked anew and overwritten. `off`: it is neither read nor written.
    """

    ON = "on"
    READ = "read"
    REFRESH = "refresh"
    OFF = "off"


class Store:
    """Looks up and keeps the responses of one run.

    Parameters
    ----------
    cache : Path
        The file that runs share.
    run : Path
        The file in the run's own folder: responses are kept there where the mode or the model
        forbids the shared one, so that none is lost.
    mode : Mode
    max_age : float
        Seconds a response stays good where the model declares no revision.
    resumed_since : float or None
        When the run that is resumed began, in seconds since the epoch: responses to it that have
        arrived are hits in every mode. None for a new run.
    """

    def __init__(
        self,
        cache: Path,
        run: Path,
        mode: Mode = Mode.ON,
        *,
        max_age: float = 86_400.0,
        resumed_since: float | None = None,
    ) -> None:
        self.mode = mode
        self._cache = Cache(cache, read_only=mode is Mode.READ)
        self._run = Cache(run)
        self._max_age = max_age
        self._resumed_since = math.inf if resumed_since is None else resumed_since

    def lookup(self, keys: Sequence[bytes], *, has_revision: bool) -> dict[bytes, Response]:
        """Give the responses that may be used again.

        Raises
        ------
        CacheError
            If a file cannot be read.
        """
        found: dict[bytes, Response] = {}
        if self._resumed_since < math.inf and self.mode in (Mode.READ, Mode.OFF):
            found = self._run.get_many(keys, since=self._resumed_since)
        since = self._since(has_revision)
        if since < math.inf:
            left = [key for key in keys if key not in found]
            found.update(self._cache.get_many(left, since=since))
        return found

    def _since(self, has_revision: bool) -> float:
        if self.mode is Mode.OFF:
            return math.inf
        if self.mode is Mode.REFRESH:
            return self._resumed_since
        oldest = 0.0 if has_revision else time.time() - self._max_age
        return min(oldest, self._resumed_since)

    def save(
        self, entries: Iterable[tuple[bytes, Response]], *, model: str, shared: bool = True
    ) -> None:
        """Keep responses that arrived, in one transaction.

        Parameters
        ----------
        entries : iterable of (bytes, Response)
        model : str
            The model's name, for people who look into the file.
        shared : bool
            Whether other runs may use them; False for a model that cannot be told from another.

        Raises
        ------
        CacheError
            If they could not be written.
        """
        kept = shared and self.mode in (Mode.ON, Mode.REFRESH)
        (self._cache if kept else self._run).put_many(entries, model)

    def close(self) -> None:
        """Close the files."""
        self._cache.close()
        self._run.close()
