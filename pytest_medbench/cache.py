"""Which stored responses a run uses, and where it keeps new ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from pytest_medbench import clock
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
    resumed : bool
        Whether a run goes on that was begun before: all that its own file holds are hits, in
        every mode and of any age.
    resumed_since : float or None
        When that run began, in seconds since the epoch: what has arrived in the shared file since
        then are hits in mode `refresh` too. None for a new run.

    Attributes
    ----------
    trouble : str or None
        Why responses that belong into the shared file are kept in the run's folder instead.
    """

    def __init__(
        self,
        cache: Path,
        run: Path,
        mode: Mode = Mode.ON,
        *,
        max_age: float = 86_400.0,
        resumed: bool = False,
        resumed_since: float | None = None,
    ) -> None:
        self.mode = mode
        self.resumed = resumed
        self.trouble: str | None = None
        self._cache = Cache(cache, read_only=mode is Mode.READ)
        self._run = Cache(run)
        self._max_age = max_age
        self._resumed_since = math.inf if resumed_since is None else resumed_since

    def check(self) -> None:
        """Try whether the shared file can be written, where the mode writes it.

        Raises
        ------
        CacheError
            If it cannot.
        """
        if self.mode in (Mode.ON, Mode.REFRESH):
            self._cache.check()

    def lookup(
        self, keys: Sequence[bytes], *, has_revision: bool, shared: bool = True
    ) -> dict[bytes, Response]:
        """Give the responses that may be used again.

        Parameters
        ----------
        keys : sequence of bytes
        has_revision : bool
            Whether the model declares what makes it this version.
        shared : bool
            Whether other runs' responses may be used; False for a model that cannot be told from
            another.

        Raises
        ------
        CacheError
            If a file cannot be read.
        """
        found: dict[bytes, Response] = {}
        if self.resumed and self._run.path.exists():
            found = self._run.get_many(keys)
        since = self._since(has_revision) if shared else math.inf
        if since < math.inf:
            left = [key for key in keys if key not in found] if found else keys
            found.update(self._cache.get_many(left, since=since))
        return found

    def _since(self, has_revision: bool) -> float:
        if self.mode is Mode.OFF:
            return math.inf
        if self.mode is Mode.REFRESH:
            return self._resumed_since
        oldest = 0.0 if has_revision else clock.now() - self._max_age
        return min(oldest, self._resumed_since)

    def save(
        self, entries: Sequence[tuple[bytes, Response]], *, model: str, shared: bool = True
    ) -> None:
        """Keep responses that arrived, in one transaction.

        If the shared file cannot be written they are kept in the run's, now and from then on, and
        `trouble` says why.

        Parameters
        ----------
        entries : sequence of (bytes, Response)
        model : str
            The model's name, for people who look into the file.
        shared : bool
            Whether other runs may use them; False for a model that cannot be told from another.

        Raises
        ------
        CacheError
            If they could be written into neither.
        """
        if shared and self.trouble is None and self.mode in (Mode.ON, Mode.REFRESH):
            try:
                return self._cache.put_many(entries, model)
            except CacheError as error:
                self._run.put_many(entries, model)
                self.trouble = (
                    f"{error}; the answers that arrived since are kept in {self._run.path}, where "
                    "--medbench-resume takes them over"
                )
        else:
            self._run.put_many(entries, model)
        return None

    def close(self) -> None:
        """Close the files."""
        self._cache.close()
        self._run.close()
