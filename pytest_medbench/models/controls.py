"""Answers given with no model: what a score means starts where these stop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from pytest_medbench import clock
from pytest_medbench.errors import ConfigError, nearest
from pytest_medbench.exchange import Request, Response

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _random(request: Request) -> int:
    # Seeded by what the item is called: nobody picks a seed that scores well.
    seed = f"{request.suite}\0{request.item}\0{request.sample}"
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest, "big") % len(request.options)


def _first(request: Request) -> int:
    return 0


def _longest(request: Request) -> int:
    lengths = [len(option) for option in request.options]
    return lengths.index(max(lengths))


CONTROLS: Mapping[str, Callable[[Request], int]] = {
    "random": _random,
    "first": _first,
    "longest": _longest,
}


class Control:
    """Picks an option without reading the question; answers nothing where there are none.

    Parameters
    ----------
    kind : str
        `random` (by the sha256 of suite, item and sample), `first`, or `longest` (the first of
        the longest).

    Raises
    ------
    ConfigError
        For a kind that there is not.
    """

    cacheable = False
    is_control = True
    concurrency: int | None = None
    requests_per_minute: float | None = None

    def __init__(self, kind: str) -> None:
        if kind not in CONTROLS:
            raise ConfigError(
                f"control:{kind}: there is no such control{nearest(kind, CONTROLS)}; "
                f"there are {', '.join(CONTROLS)}"
            )
        self.name = f"control:{kind}"
        self._pick = CONTROLS[kind]

    async def start(self) -> None:
        """Nothing to start."""

    def fingerprint(self) -> Mapping[str, Any]:
        """Say which control it is."""
        return {"kind": "control", "model": self.name, "revision": "1"}

    def wire(self, request: Request) -> Mapping[str, Any]:
        """Give what the answer depends on."""
        return {"suite": request.suite, "item": request.item, "options": list(request.options)}

    async def answer(self, request: Request) -> Response:
        """Give the letter of an option, or no text at all."""
        text = LETTERS[self._pick(request) % len(LETTERS)] if request.options else ""
        return Response(text, model=self.name, arrived_at=clock.now())

    async def close(self) -> None:
        """Nothing to close."""
