"""A server's files and batches, over HTTP.

References
----------
OpenAI, API reference: Files, Batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_medbench import clock
from pytest_medbench.limits import Backoff
from pytest_medbench.models.base import ModelError

if TYPE_CHECKING:
    from pytest_medbench.models.openai import Called, OpenAIModel

_T = TypeVar("_T")
TOKEN = "medbench"  # noqa: S105 - the name under which a batch carries its token
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_NO_SERVICE = frozenset({404, 405, 501})
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=-]{0,255}")
_UNSURE = frozenset({0, 408, 409})
_UPLOAD_SECONDS = 1800.0
_LONGEST_LINE = 64_000_000
_CLOCKS_DIFFER = 86_400
_PAGE = 100
_PAGES = 100
_GONE = ("HTTP 404 ", "HTTP 410 ")


class FileGoneError(ModelError):
    """A file of results that the provider has no more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server says about a batch.

    Parameters
    ----------
    id : str
    status : str
        `validating`, `in_progress`, `finalizing`, `completed`, `failed`, `expired`, `cancelling`,
        `cancelled`, or a word of the server's own, which counts as under way.
    done, total, answered : int
        Requests answered or failed; all; answered.
    output, errors : str or None
        The ids of the files with answers and with errors.
    problems : tuple of (str, str, int or None)
        Code, message and line (from 1) of what stopped the whole batch.
    """

    id: str
    status: str
    done: int = 0
    total: int = 0
    answered: int = 0
    output: str | None = None
    errors: str | None = None
    problems: tuple[tuple[str, str, int | None], ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status in _ENDED


class BatchService:
    """Calls a server until it answers, for a while.

    Parameters
    ----------
    model : OpenAIModel
        Started.
    backoff : Backoff
        How long to wait between tries.
    patience : float
        Seconds until a call that keeps failing is given up.
    unsure : float
        Seconds for which a batch whose creation was not confirmed may still turn up in the list.
    told : callable
        Told when a call fails and is tried again.
    """

    def __init__(
        self,
        model: OpenAIModel,
        *,
        backoff: Backoff,
        patience: float,
        unsure: float,
        told: Callable[[str], None],
    ) -> None:
        self._model = model
        self._backoff = backoff
        self.patience = patience
        self._unsure = unsure
        self._told = told

    async def again(self, once: Callable[[], Awaitable[_T]]) -> _T:
        """Try until it works, or until an error says that it will not. Raises ModelError."""
        until = time.monotonic() + self.patience
        tries = 0
        while True:
            tries += 1
            try:
                return await once()
            except ModelError as error:
                delay = self._backoff.delay(tries, error.retry_after)
                if not error.retry or time.monotonic() + delay > until:
                    raise
                self._told(f"try {tries} failed: {error.reason}")
            await asyncio.sleep(delay)

    async def upload(self, path: Path) -> str:
        """Send a file of requests and give its id. Raises ModelError."""

        async def once() -> str:
            with path.open("rb") as file:
                called = await self._model.call(
                    "post",
                    "/files",
                    seconds=_UPLOAD_SECONDS,
                    body={"purpose": "batch"},
                    files={"file": (path.name, file, "application/jsonl")},
                    options={"headers": {"Content-Type": "multipart/form-data"}},
                )
            return self._id(self._good(called, "/files").get("id"), "/files")

        return await self.again(once)

    async def create(self, file_id: str, token: str, sent_at: float) -> Seen:
        """Make a batch of an uploaded file: exactly one, whatever is lost on the way.

        Parameters
        ----------
        file_id : str
        token : str
            Finds the batch again where the answer was lost.
        sent_at : float
            Seconds since the epoch; when it was first asked for.

        Raises
        ------
        ModelError
            If there is none, or it cannot be known.
        """
        body = {
            "input_file_id": file_id,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {TOKEN: token},
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": token}

        async def once() -> Seen:
            called = await self._model.call(
                "post", "/batches", content=json.dumps(body).encode(), options={"headers": headers}
            )
            if called.error is None:
                with contextlib.suppress(ModelError):
                    return self._seen(self._good(called, "/batches"))
            if called.error is None or called.status in _UNSURE or called.status >= 500:
                found = await self._perhaps_created(token, sent_at)
                if found is not None:
                    return found
            if called.error is None:
                raise ModelError(
                    f"{self._model.base_url} took a batch without saying which, and does not list "
                    f"it (metadata {TOKEN} = {token}); the same command looks for it again"
                )
            return self._seen(self._good(called, "/batches"))

        return await self.again(once)

    async def _perhaps_created(self, token: str, sent_at: float) -> Seen | None:
        try:
            return await self.find(token, sent_at, clock.now())
        except ModelError as error:
            # Not to be tried again: a second batch would be paid twice.
            reason = error.reason
        raise ModelError(
            f"{reason}; whether the batch was created is not known, the same command looks for it"
        )

    async def find(self, token: str, sent_at: float, asked_at: float) -> Seen | None:
        """Look for a batch that may have been created without an answer.

        Parameters
        ----------
        token : str
        sent_at : float
            Seconds since the epoch; when it was first asked for.
        asked_at : float
            The same for the last time: a server may list a batch a little later.

        Raises
        ------
        ModelError
            If it cannot be known.
        """
        tries = 0
        while True:
            found = await self._listed(token, sent_at)
            left = asked_at + self._unsure - clock.now()
            if found is not None or left <= 0:
                return found
            tries += 1
            await asyncio.sleep(min(self._backoff.delay(tries), left, self._unsure))

    async def _listed(self, token: str, sent_at: float) -> Seen | None:
        after: str | None = None
        for _ in range(_PAGES):
            page = await self.again(functools.partial(self._page, after))
            entries = [entry for entry in page.get("data") or () if isinstance(entry, dict)]
            for entry in entries:
                metadata = entry.get("metadata")
                if isinstance(metadata, dict) and metadata.get(TOKEN) == token:
                    return self._seen(entry)
            if not entries or not page.get("has_more") or _older(entries[-1], sent_at):
                return None
            after = self._id(entries[-1].get("id"), "/batches")
        return None

    async def _page(self, after: str | None) -> dict[str, Any]:
        query: dict[str, Any] = {"limit": _PAGE, **({"after": after} if after else {})}
        called = await self._model.call("get", "/batches", options={"params": query})
        page = self._good(called, "/batches")
        if not isinstance(page.get("data"), list):
            raise ModelError(f"{self._model.base_url}/batches sent no list of batches", retry=True)
        return page

    async def look(self, batch_id: str) -> Seen:
        """Ask how a batch is. Raises ModelError."""

        async def once() -> Seen:
            called = await self._model.call("get", f"/batches/{batch_id}")
            if called.status == 404:
                raise ModelError(
                    f"{self._model.base_url} does not know the batch {batch_id} (HTTP 404); use "
                    "the account it was made with"
                )
            return self._seen(self._good(called, "/batches"))

        return await self.again(once)

    async def lines(self, file_id: str) -> AsyncGenerator[bytes, None]:
        """Give the lines of a file, as they come.

        Raises
        ------
        FileGoneError
            If there is no such file any more.
        ModelError
            If it does not come, or not to its end.
        """
        rest = bytearray()
        skipping = False
        async with contextlib.aclosing(self._pieces(file_id)) as pieces:
            async for piece in pieces:
                first, *more = piece.split(b"\n")
                rest += b"" if skipping else first
                for start in more:
                    yield bytes(rest)
                    rest, skipping = bytearray(start), False
                if len(rest) > _LONGEST_LINE:
                    rest, skipping = bytearray(), True
        if rest or skipping:
            yield bytes(rest)

    async def _pieces(self, file_id: str) -> AsyncGenerator[bytes, None]:
        gone = None
        async with contextlib.aclosing(self._model.download(file_id)) as pieces:
            try:
                async for piece in pieces:
                    yield piece
            except ModelError as error:
                if not error.reason.startswith(_GONE):
                    raise
                gone = error.reason
        if gone is not None:
            raise FileGoneError(f"the results are no longer there: {gone}")

    def _good(self, called: Called, path: str) -> dict[str, Any]:
        if called.error is not None:
            if called.status in _NO_SERVICE:
                raise ModelError(
                    f"{self._model.base_url} has no batch service (HTTP {called.status} for "
                    f"{path}): run without --medbench-batch"
                )
            raise called.error
        if not isinstance(called.body, dict):
            raise ModelError(f"{self._model.base_url}{path} sent no JSON object", retry=True)
        return called.body

    def _id(self, value: Any, path: str) -> str:
        if isinstance(value, str) and _ID.fullmatch(value):
            return value
        raise ModelError(
            f"{self._model.base_url}{path} sent no usable id: "
            f"{self._model.printable(repr(value))[:80]}",
            retry=True,
        )

    def _seen(self, body: dict[str, Any]) -> Seen:
        counts = body.get("request_counts")
        counts = counts if isinstance(counts, dict) else {}
        files = {
            name: self._id(body[name], "/batches") if body.get(name) else None
            for name in ("output_file_id", "error_file_id")
        }
        return Seen(
            id=self._id(body.get("id"), "/batches"),
            status=self._model.printable(str(body.get("status"))).lower()[:40],
            done=_count(counts.get("completed")) + _count(counts.get("failed")),
            total=_count(counts.get("total")),
            answered=_count(counts.get("completed")),
            output=files["output_file_id"],
            errors=files["error_file_id"],
            problems=tuple(self._problems(body.get("errors"))),
        )

    def _problems(self, errors: Any) -> list[tuple[str, str, int | None]]:
        entries = errors.get("data") if isinstance(errors, dict) else errors
        found = []
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                code, line = entry.get("code"), entry.get("line")
                said = self._model.printable(str(entry.get("message") or code))[:300]
                found.append((str(code), said, line if type(line) is int else None))
        return found


def _count(value: Any) -> int:
    return value if type(value) is int and value >= 0 else 0


def _older(entry: dict[str, Any], than: float) -> bool:
    created = entry.get("created_at")
    return isinstance(created, int | float) and created < than - _CLOCKS_DIFFER
