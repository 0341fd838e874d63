"""What the tests of the broker share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loopback import LoopbackServer, error_reply

from pytest_medbench.broker import Broker
from pytest_medbench.cache import Mode, Store
from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.limits import Backoff
from pytest_medbench.models import Model
from pytest_medbench.models.openai import OpenAIModel

QUICK = Backoff(base=0.01, cap=0.02)
BUSY = error_reply(503, message="busy")
TOO_MANY = error_reply(429, message="slow down")


def question(text: object = "Which dose?", sample: int = 0) -> Request:
    return Request("s", str(text), [{"role": "user", "content": str(text)}], sample=sample)


def echo(asked: Mapping[str, Any]) -> str:
    return str(asked["messages"][-1]["content"])


def served(server: LoopbackServer, **more: Any) -> OpenAIModel:
    more.setdefault("revision", "1")
    return OpenAIModel("ours", base_url=server.base_url, model="m", **more)


@contextmanager
def running(
    folder: Path, model: Model, mode: Mode = Mode.ON, grace: float = 0.0, **more: Any
) -> Iterator[Broker]:
    more.setdefault("backoff", QUICK)
    store = Store(folder / "cache.sqlite", folder / "run.sqlite", mode)
    broker = Broker(model, store, **more)
    broker.start()
    try:
        yield broker
    finally:
        broker.close(grace)
        store.close()


@contextmanager
def kept_in(folder: Path, mode: Mode = Mode.ON, **more: Any) -> Iterator[Store]:
    store = Store(folder / "cache" / "cache.sqlite", folder / "run" / "run.sqlite", mode, **more)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def asking(model: Model, store: Store, grace: float = 0.0, **more: Any) -> Iterator[Broker]:
    """A broker over a store in the test's own hands."""
    more.setdefault("backoff", QUICK)
    broker = Broker(model, store, **more)
    broker.start()
    try:
        yield broker
    finally:
        broker.close(grace)


def take(broker: Broker, key: object) -> Response | Failure:
    return broker.take(key, timeout=30)


def text(result: Response | Failure) -> str:
    assert isinstance(result, Response), result
    return result.text


def reason(result: Response | Failure) -> str:
    assert isinstance(result, Failure), result
    return result.reason


class FakeModel:
    """A model in the test's own hands; the parts under test are all real."""

    name = "fake"
    cacheable = True
    is_control = False
    concurrency: int | None = None
    requests_per_minute: float | None = None

    def __init__(self) -> None:
        self.closed = False

    async def start(self) -> None:
        pass

    def fingerprint(self) -> Mapping[str, Any]:
        return {"revision": "1"}

    def wire(self, request: Request) -> Mapping[str, Any]:
        return {"messages": list(request.messages)}

    async def answer(self, request: Request) -> Response:
        return Response("A")

    async def close(self) -> None:
        self.closed = True
