"""What the tests of models share."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer, Reply

from pytest_medbench.exchange import Request, Response
from pytest_medbench.models import Model, ModelError
from pytest_medbench.models.openai import OpenAIModel

TESTS = Path(__file__).parent
KEY = "sk-test-4f9aQzR7mW2xLbT0"


def request(
    text: str = "Which dose?", options: tuple[str, ...] = (), item: str = "i1", **settings: Any
) -> Request:
    return Request("s", item, [{"role": "user", "content": text}], settings, options)


def model(server: LoopbackServer, **more: Any) -> OpenAIModel:
    more.setdefault("api_key_env", "KEY")
    return OpenAIModel(
        "ours", base_url=server.base_url, model="m", environ={"KEY": KEY + "\n"}, **more
    )


def ask(asked: Model, *requests: Request) -> list[Response]:
    async def run() -> list[Response]:
        try:
            await asked.start()
            return [await asked.answer(one) for one in requests]
        finally:
            await asked.close()

    return asyncio.run(run())


def ask_once(reply: str | Reply, **more: Any) -> Response:
    with LoopbackServer(reply) as server:
        (response,) = ask(model(server, **more), request())
    return response


def refused(reply: str | Reply, **more: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask_once(reply, **more)
    return caught.value


def shows_key(text: str) -> bool:
    return any(KEY[i : i + 8] in text for i in range(len(KEY) - 7))


def shown_locals(error: BaseException) -> str:
    """What a traceback with all local variables shows of frames outside the tests."""
    frames = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), capture_locals=True
    )
    assert any("pytest_medbench" in frame.filename for frame in frames)
    return str([frame.locals for frame in frames if Path(frame.filename).parent != TESTS])
