"""A Python callable as the model under test."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_medbench import clock
from pytest_medbench.errors import ConfigError, nearest
from pytest_medbench.exchange import Request, Response
from pytest_medbench.models.base import ModelError

_Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]
_THREADS = 8


class CallableModel:
    """Answers with `module:callable`.

    The callable gets the chat messages, or the whole `Request` if it has a parameter named
    `request`. It may be a coroutine function. It gives the answer's text, a chat message (a
    dict with `content`), or a `Response`. An attribute `fingerprint` (text, or a callable that
    gives text) says what makes it this version; without one nothing is cached.

    Parameters
    ----------
    place : str
        `module:callable`; a dotted path after the colon is followed.
    root : Path
        Where modules are looked for first.
    settings : mapping
        Decoding settings, for callables that look at `request.settings`; part of the cache key.

    Raises
    ------
    ConfigError
        If `place` has no colon.
    """

    is_control = False

    def __init__(
        self, place: str, *, root: Path, settings: Mapping[str, Any] | None = None
    ) -> None:
        module, colon, attribute = place.partition(":")
        if not colon or not module or not attribute:
            raise ConfigError(f"python:{place}: expected python:MODULE:CALLABLE")
        self.name = f"python:{place}"
        self.cacheable = False
        self.concurrency: int | None = None
        self.requests_per_minute: float | None = None
        self._module = module
        self._attribute = attribute
        self._root = root
        self._settings = dict(settings or {})
        self._call: Callable[..., Any] | None = None
        self._wants_request = False
        self._revision: str | None = None
        self._threads: _Threads | None = None

    async def start(self) -> None:
        """Import the module and find the callable.

        Raises
        ------
        ModelError
            If there is no such module or callable, or importing it fails.
        """
        call = self._find()
        try:
            parameters = inspect.signature(call).parameters
        except (TypeError, ValueError):  # some builtins have none
            parameters = {}  # type: ignore[assignment]  # an empty mapping proxy is no dict
        self._wants_request = "request" in parameters
        self._revision = self._read_revision(call)
        self.cacheable = self._revision is not None
        if not _is_async(call):
            self._threads = _Threads()
        self._call = call

    def _find(self) -> Callable[..., Any]:
        folder = str(self._root)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        try:
            found: Any = importlib.import_module(self._module)
        except Exception as error:
            raise ModelError(
                f"{self.name}: module {self._module!r} cannot be imported "
                f"({type(error).__name__}: {error}); it is looked for in {folder} first"
            ) from None
        for part in self._attribute.split("."):
            if not hasattr(found, part):
                raise ModelError(
                    f"{self.name}: {self._module!r} has no {self._attribute!r}"
                    f"{nearest(part, dir(found))}"
                )
            found = getattr(found, part)
        if not callable(found):
            raise ModelError(
                f"{self.name}: it is a {type(found).__name__}, expected a function that takes "
                "chat messages and gives text"
            )
        return found  # type: ignore[no-any-return]  # callable() has just said so

    def _read_revision(self, call: Callable[..., Any]) -> str | None:
        fingerprint = getattr(call, "fingerprint", None)
        try:
            fingerprint = fingerprint() if callable(fingerprint) else fingerprint
        except Exception as error:
            raise ModelError(
                f"{self.name}: its fingerprint failed ({type(error).__name__}: {error})"
            ) from None
        if fingerprint is not None and not isinstance(fingerprint, str):
            raise ModelError(
                f"{self.name}: its fingerprint is a {type(fingerprint).__name__}, expected text"
            )
        return fingerprint

    def fingerprint(self) -> Mapping[str, Any]:
        """Say what it is; `revision` is the callable's own fingerprint."""
        return {
            "kind": "python",
            "model": self.name,
            "revision": self._revision,
            "settings": self._settings,
        }

    def wire(self, request: Request) -> Mapping[str, Any]:
        """Give what the callable can see of a request."""
        wire = {
            "messages": list(request.messages),
            "settings": {**self._settings, **request.settings},
        }
        if self._wants_request:
            wire["from"] = [request.suite, request.item, list(request.options)]
        return wire

    async def answer(self, request: Request) -> Response:
        """Call it.

        Raises
        ------
        ModelError
            If it raises, or gives what is no answer; it is not called again for the item.
        """
        begun = time.perf_counter()
        try:
            given = await self._given(request)
        except Exception as error:
            raise ModelError(f"{self.name} raised {type(error).__name__}: {error}") from None
        return self._response(given, time.perf_counter() - begun)

    async def _given(self, request: Request) -> Any:
        call = self._call
        assert call is not None
        ask: Callable[[], Any]
        if self._wants_request:
            ask = functools.partial(call, request=request)
        else:
            ask = functools.partial(call, [dict(message) for message in request.messages])
        given = ask() if self._threads is None else await self._threads.run(ask)
        return await given if inspect.isawaitable(given) else given

    def _response(self, given: Any, latency: float) -> Response:
        if isinstance(given, Response):
            return given
        if isinstance(given, str):
            return Response(given, latency=latency, arrived_at=clock.now())
        if isinstance(given, Mapping):
            content = given.get("content")
            if content is None or isinstance(content, str):
                return Response(
                    content or "",
                    finish_reason=str(given.get("finish_reason", "stop")),
                    tool_calls=tuple(given.get("tool_calls") or ()),
                    latency=latency,
                    arrived_at=clock.now(),
                )
        raise ModelError(
            f"{self.name} gave a {type(given).__name__}, expected text, a chat message with "
            "text as its content, or a Response"
        )

    async def close(self) -> None:
        """Let the threads end once they are idle."""
        if self._threads is not None:
            self._threads.close()


def _is_async(call: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        getattr(call, "__call__", None)  # noqa: B004 - asks for its kind, not whether it is there
    )


class _Threads:
    """Daemon threads: a callable that never returns must not keep the process from ending,
    as those of `concurrent.futures` would.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        for number in range(_THREADS):
            name = f"medbench-callable-{number}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    async def run(self, call: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._queue.put((call, loop, future))
        return await future

    def close(self) -> None:
        for _ in range(_THREADS):
            self._queue.put(None)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            call, loop, future = job
            result, error = None, None
            try:
                result = call()
            except BaseException as raised:
                error = raised
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:  # the loop has ended; nobody waits for this any more
                return


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        future.set_exception(error)
    else:  # a future refuses StopIteration, and SystemExit would end the event loop
        future.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))
