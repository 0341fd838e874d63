"""The embedded model: weights, a server for them inside the process, and a client of it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib.metadata
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_medbench.exchange import Request, Response
from pytest_medbench.models.base import ModelError
from pytest_medbench.models.downloads import Progress
from pytest_medbench.models.openai import OpenAIModel
from pytest_medbench.models.weights import (
    DEFAULT,
    KNOWN,
    WeightsError,
    ensure_weights,
    find_weights,
)

_PREFIX = "local"
_TIMEOUT = 600.0
# Nothing listens here: the address is known once the server runs.
_NOWHERE = "http://127.0.0.1:9/v1"
_DEFAULTS: Mapping[str, Any] = {"temperature": 0, "max_tokens": 48}


@dataclass(frozen=True, slots=True)
class _Engine:
    """How weights are served on a CPU.

    Parameters
    ----------
    servers : int
        The most that run side by side, one a core.
    slots : int
        Requests that one server decodes at the same time.
    context : int
        Tokens of prompt and answer that one slot holds.
    threads : int
    concurrency : int
        Requests in flight that keep one server's slots fed.
    """

    servers: int
    slots: int
    context: int
    threads: int
    concurrency: int

    @property
    def lanes(self) -> int:
        """Servers for the cores of this machine."""
        return max(1, min(self.servers, os.cpu_count() or 1))


# One slot: the CPU kernels round differently with the number of prompts in a batch, so with more
# slots an answer at temperature 0 would depend on what is asked beside it. It costs nothing: a
# core that reads one prompt at a time reads as many in a minute as one that reads four. A second
# core gets a server of its own, which is of more use than a second thread.
_SMALL = _Engine(servers=2, slots=1, context=8192, threads=1, concurrency=2)
_LARGER = _Engine(servers=1, slots=1, context=8192, threads=2, concurrency=2)
_ENGINES: Mapping[str, _Engine] = {DEFAULT: _SMALL}


def create(
    name: str,
    settings: Mapping[str, Any] | None = None,
    *,
    system: str | None = None,
    served_url: str | None = None,
    progress: Progress | None = None,
) -> LocalModel:
    """Make the embedded model that `name` means.

    Parameters
    ----------
    name : str
        `local`, `local:NAME` or `NAME`; the first is `local:smollm2-135m`.
    settings : mapping
        Decoding settings; temperature is 0 and max_tokens 48 unless set.
    system : str or None
        Goes before the system prompt of every request.
    served_url : str or None
        The servers that another process started with `serve`, with blanks between; None to start
        some here.
    progress : callable or None
        Called with a short text about every two seconds while weights are downloaded.

    Raises
    ------
    ModelError
        If no weights have that name.
    """
    return LocalModel(
        _weights_name(name),
        settings=settings or {},
        system=system,
        served_url=served_url,
        progress=progress,
    )


def serve(
    name: str, progress: Progress | None = None, *, folder: Path | None = None
) -> tuple[str, Callable[[], None]]:
    """Serve weights inside this process, on a free loopback port.

    Takes as long as the download, if there is one, and then seconds in which no other Python
    thread of the process runs.

    Returns
    -------
    str
        The base URL, up to and with `/v1`.
    callable
        Stops the server; may be called again, and is called at exit where nobody did.

    Raises
    ------
    ModelError
        If the weights or the runtime cannot be had.
    """
    known = _weights_name(name)
    runtime = _runtime()
    try:
        path = ensure_weights(known, folder=folder, progress=progress)
    except WeightsError as error:
        raise ModelError(str(error)) from error
    try:
        server = runtime.Server(_parameters(runtime, known, path))
        # A server that is stopped before its loop turns never ends; an answer proves that it turns.
        server.handle_completions({"prompt": "A", "max_tokens": 1})
    except RuntimeError as error:
        raise ModelError(f"{path}: the embedded server did not start: {error}") from error
    url = f"{server.listening_address}/v1"
    running = [server]
    del server

    def stop() -> None:
        atexit.unregister(stop)
        # The server ends with its last reference.
        running.clear()

    # At exit, because afterwards its threads would meet an interpreter half taken down.
    atexit.register(stop)
    return url, stop


class LocalModel(OpenAIModel):
    """A small model on this machine's CPU; needs no server and no key. Made by `create`."""

    def __init__(
        self,
        weights: str,
        *,
        settings: Mapping[str, Any],
        system: str | None,
        served_url: str | None,
        progress: Progress | None,
    ) -> None:
        urls = (served_url or _NOWHERE).split()
        engine = _engine(weights)
        self._lane: dict[str, Any] = {
            "model": weights,
            "revision": f"sha256:{KNOWN[weights].sha256}",
            "settings": {**_DEFAULTS, **settings},
            "system": system,
            "timeout": _TIMEOUT,
        }
        lanes = engine.lanes if served_url is None else len(urls)
        super().__init__(
            f"{_PREFIX}:{weights}",
            base_url=urls[0],
            concurrency=lanes * engine.concurrency,
            **self._lane,
        )
        self._serve_here = served_url is None
        self._urls = urls
        self._progress = progress
        self._stops: list[Callable[[], None]] = []
        self._further: list[OpenAIModel] = []
        self._idle: asyncio.Queue[OpenAIModel] | None = None

    @property
    def served_url(self) -> str | None:
        """Where this process serves it, for the other processes of the run; None if it does not."""
        return " ".join(self._urls) if self._stops else None

    async def start(self) -> None:
        """Fetch the weights where they are missing, serve them, connect. Raises ModelError."""
        try:
            if self._serve_here and not self._stops:
                self._urls = []
                for _ in range(_engine(self.model).lanes):
                    url, stop = await asyncio.to_thread(serve, self.model, self._progress)
                    self._urls.append(url)
                    self._stops.append(stop)
                self.base_url = self._urls[0]
            await super().start()
            self._further = [
                OpenAIModel(self.name, base_url=url, **self._lane) for url in self._urls[1:]
            ]
            for model in self._further:
                await model.start()
        except BaseException:
            await self.close()
            raise
        self._idle = asyncio.Queue()
        for lane in [self, *self._further] * _engine(self.model).concurrency:
            self._idle.put_nowait(lane)

    async def answer(self, request: Request) -> Response:
        """Ask the server that has waited longest. Raises ModelError."""
        assert self._idle is not None
        lane = await self._idle.get()
        try:
            return await (super().answer(request) if lane is self else lane.answer(request))
        finally:
            self._idle.put_nowait(lane)

    def fingerprint(self) -> Mapping[str, Any]:
        """Say which weights, under which runtime, with which settings.

        Holds neither the port nor the start time, so that it is the same in the next run.
        """
        found = super().fingerprint()
        served = dict(found["served"] or {})
        served.pop("created", None)
        return {
            **found,
            "kind": "local",
            "base_url": None,
            "served": served or None,
            "runtime": f"xllamacpp {_runtime_version()}",
        }

    async def close(self) -> None:
        """Close the connections, then stop the servers."""
        for model in self._further:
            await model.close()
        self._further = []
        await super().close()
        while self._stops:
            self._stops.pop()()


def _weights_name(name: str) -> str:
    prefix, _, rest = name.partition(":")
    wanted = (rest or DEFAULT) if prefix == _PREFIX else name
    try:
        return find_weights(wanted).name
    except WeightsError as error:
        raise ModelError(f"{name!r}: {error}") from error


def _engine(weights: str) -> _Engine:
    return _ENGINES.get(weights, _LARGER)


def _runtime_version() -> str:
    try:
        return importlib.metadata.version("xllamacpp")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _runtime() -> ModuleType:
    try:
        with _passive_threads():
            import xllamacpp
    except ModuleNotFoundError as error:
        raise ModelError(
            "the embedded model needs xllamacpp: `pip install 'pytest-medbench[local]'`"
        ) from error
    except ImportError as error:
        raise ModelError(
            f"xllamacpp is installed but cannot be loaded: {error}; where libgomp.so.1 is "
            "missing, install the system's package for it (Debian and Ubuntu: libgomp1)"
        ) from error
    module: ModuleType = xllamacpp
    return module


@contextlib.contextmanager
def _passive_threads() -> Iterator[None]:
    """Let waiting OpenMP threads sleep; it is read once, when the library is loaded.

    Threads that spin make decoding ten times slower where others want the cores too.
    """
    key = "OMP_WAIT_POLICY"
    if key in os.environ:
        yield
        return
    os.environ[key] = "PASSIVE"
    try:
        yield
    finally:
        os.environ.pop(key, None)


def _parameters(runtime: ModuleType, weights: str, path: Path) -> Any:
    engine = _engine(weights)
    threads = min(engine.threads, os.cpu_count() or 1)
    wanted = runtime.CommonParams()
    wanted.model.path = str(path)
    wanted.model_alias = {weights}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.n_parallel = engine.slots
    wanted.n_ctx = engine.slots * engine.context
    wanted.cpuparams.n_threads = threads
    wanted.cpuparams_batch.n_threads = threads
    wanted.n_gpu_layers = 0
    wanted.warmup = False
    wanted.ui = False
    wanted.endpoint_slots = False
    # The library writes to the process's stderr, which is pytest's too.
    wanted.verbosity = -1
    # An answer must not depend on what was asked before it either.
    wanted.cache_prompt = False
    wanted.cache_ram_mib = 0
    return wanted
