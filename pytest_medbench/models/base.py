"""What answers: the interface every model has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pytest_medbench.errors import MedbenchError
from pytest_medbench.exchange import Request, Response


class ModelError(MedbenchError):
    """A request that brought no response.

    Parameters
    ----------
    reason : str
        For the person who can mend it; never holds a key or a header.
    retry : bool
        Whether the same request may succeed later (429, 408, 409, 5xx, connection).
    retry_after : float or None
        Seconds the server asked to wait.
    slow_down : bool
        Whether the server said that there are too many requests (429, or 503 with a time).
    lost : bool, optional
        Whether it tells of a server that does not work (5xx, no connection, no answer in time);
        what may be tried again is, unless `slow_down` is set, if this is left out.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry: bool = False,
        retry_after: float | None = None,
        slow_down: bool = False,
        lost: bool | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.retry_after = retry_after
        self.slow_down = slow_down
        self.lost = retry and not slow_down if lost is None else lost


class Model(Protocol):
    """A model under test. All coroutines run in the broker's event loop.

    Attributes
    ----------
    name : str
        As it was given to `--medbench-model`.
    cacheable : bool
        Whether its answers may be stored and used again.
    concurrency : int or None
        The most requests it wants in flight; None for no wish of its own.
    requests_per_minute : float or None
        The most requests it wants in a minute.
    is_control : bool
        Whether it answers with no model, so that no run of it may deploy anything.
    """

    name: str
    cacheable: bool
    concurrency: int | None
    requests_per_minute: float | None
    is_control: bool

    async def start(self) -> None:
        """Connect; called once, before `fingerprint` and `answer`. Raises ModelError."""

    def fingerprint(self) -> Mapping[str, Any]:
        """Say what it is, where, with which settings: plain values, no key.

        Has `revision` (str or None) and, where a server was asked, `served` (its /v1/models
        entry or None). Part of the cache key, the plan and the report.
        """

    def wire(self, request: Request) -> Mapping[str, Any]:
        """Give the whole request as it will be sent, without headers: part of the cache key."""

    async def answer(self, request: Request) -> Response:
        """Ask once, with a timeout. Raises ModelError."""

    async def close(self) -> None:
        """Let go of connections and processes."""
