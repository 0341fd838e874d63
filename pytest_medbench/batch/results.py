"""Reads what a batch brought, line by line and without trust, and stores each answer in it."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pytest_medbench import clock
from pytest_medbench.cache import Store
from pytest_medbench.exchange import Response
from pytest_medbench.models.base import ModelError

_TOGETHER = 500


class Understands(Protocol):
    """A model that reads the answers of its own server."""

    name: str
    cacheable: bool

    def understand(self, status: int, body: Any) -> Response | ModelError:
        """Give what an answer of the chat endpoint comes to."""

    def scrubbed(self, value: Any) -> Any:
        """Take a key out of a JSON value."""

    def printable(self, text: str) -> str:
        """Make text fit for a terminal."""


@dataclass(slots=True)
class Lines:
    """How the lines of one file came out.

    Parameters
    ----------
    known : int
        Lines for requests of this batch.
    foreign : int
        Lines for others.
    broken : int
        Lines that are no results at all.
    """

    known: int = 0
    foreign: int = 0
    broken: int = 0


class Results:
    """The answers to one batch.

    Parameters
    ----------
    model : OpenAIModel
    store : Store
    keys : collection of bytes
        Of the batch's requests.
    turn : int
        The round; kept with each response as its tries.
    """

    def __init__(
        self, model: Understands, store: Store, keys: Collection[bytes], turn: int
    ) -> None:
        self._model = model
        self._store = store
        self._keys = frozenset(keys)
        self._turn = turn
        self._unsaved: list[tuple[bytes, Response]] = []
        self.answered: set[bytes] = set()
        self.refused: dict[bytes, ModelError] = {}
        self.input_tokens = 0
        self.output_tokens = 0

    def read(self, text: bytes, lines: Lines) -> None:
        """Take in one line; the first answer to a request counts, and counts more than an error.

        Raises
        ------
        CacheError
            If it cannot be stored.
        """
        if not text.strip():
            return
        value = self._parsed(text)
        key = _key_of(value)
        if key is None:
            lines.broken += 1
            return
        if key not in self._keys:
            lines.foreign += 1
            return
        lines.known += 1
        if key in self.answered:
            return
        found = self._understood(value)
        if isinstance(found, ModelError):
            before = self.refused.get(key)
            if before is None or before.retry:
                self.refused[key] = found
            return
        self._keep(key, found)

    def _parsed(self, text: bytes) -> Any:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return self._model.scrubbed(value)

    def _understood(self, value: dict[str, Any]) -> Response | ModelError:
        answer = value.get("response")
        if isinstance(answer, dict):
            status = answer.get("status_code")
            return self._model.understand(
                status if type(status) is int else 200, answer.get("body")
            )
        error = value.get("error")
        found = self._model.understand(400, {"error": error})
        if isinstance(found, Response):  # the provider's content filter
            return found
        said = error.get("message") or error.get("code") if isinstance(error, dict) else error
        said = self._model.printable(str(said or "no reason given"))[:300]
        return ModelError(f"the batch service did not answer it: {said}", retry=True)

    def _keep(self, key: bytes, response: Response) -> None:
        self.answered.add(key)
        self.refused.pop(key, None)
        self.input_tokens += response.input_tokens
        self.output_tokens += response.output_tokens
        kept = replace(response, tries=self._turn, latency=0.0, arrived_at=clock.now())
        self._unsaved.append((key, kept))
        if len(self._unsaved) >= _TOGETHER:
            self.save()

    def save(self) -> None:
        """Store what has not been stored yet, in one transaction. Raises CacheError."""
        entries, self._unsaved = self._unsaved, []
        self._store.save(entries, model=self._model.name, shared=self._model.cacheable)


def _key_of(value: Any) -> bytes | None:
    name = value.get("custom_id") if isinstance(value, dict) else None
    if not isinstance(name, str) or len(name) != 64:
        return None
    try:
        return bytes.fromhex(name)
    except ValueError:
        return None
