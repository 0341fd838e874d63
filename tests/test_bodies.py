"""Bodies of answers that are long, or have no end."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Reply, completion
from requests_asked import request

from pytest_medbench.models import ModelError, bodies
from pytest_medbench.models.bodies import TooLong, read_whole
from pytest_medbench.models.openai import OpenAIModel

MOST = 200_000


class Sending:
    """A server that sends a body as the test says."""

    def __init__(self, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        self.sent = 0
        self.body: bytes | None = None
        self.piece = b" " * 65_536

    async def handle(self, asked: web.BaseRequest) -> web.StreamResponse:
        if asked.path == "/v1/models":
            return web.json_response({"error": {}}, status=404)
        response = web.StreamResponse(status=self.status, headers=self.headers)
        await response.prepare(asked)
        if self.body is not None:
            await response.write(self.body)
            return response
        while True:
            await response.write(self.piece)
            self.sent += len(self.piece)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[str]:
        runner = web.ServerRunner(web.Server(self.handle), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        finally:
            await runner.cleanup()


def ask(sending: Sending) -> str:
    async def run() -> str:
        async with sending.up() as url:
            model = OpenAIModel("ours", base_url=url, model="m", timeout=30.0)
            await model.start()
            try:
                return (await model.answer(request())).text
            finally:
                await model.close()

    return asyncio.run(run())


def refused(sending: Sending) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask(sending)
    return caught.value


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(bodies, "LARGEST", MOST)
    return MOST


def answer_of(text: str) -> bytes:
    return json.dumps(completion(Reply(text), {})).encode()


@pytest.mark.parametrize("status", [200, 307, 400, 500])
def test_body_without_end_is_read_up_to_a_length(most: int, status: int) -> None:
    error = refused(Sending(status=status))
    assert "more than 0.190735 MiB" in error.reason
    assert (error.retry, error.lost, error.slow_down) == (False, False, False)


def test_length_that_is_announced_is_believed(most: int) -> None:
    sending = Sending(headers={"Content-Length": str(10**12)})
    assert "sent more than" in refused(sending).reason
    assert sending.sent < 8 * 2**20


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_body_that_swells_when_it_is_unpacked_is_too_long(most: int, coding: str) -> None:
    pack = gzip.compress if coding == "gzip" else zlib.compress
    sending = Sending(headers={"Content-Encoding": coding})
    sending.body = pack(b" " * (most + 1))
    assert len(sending.body) < 2_000
    assert "sent more than" in refused(sending).reason


@pytest.mark.parametrize("coding", [None, "gzip", "deflate"])
def test_long_answer_within_the_length_is_kept_whole(most: int, coding: str | None) -> None:
    sending = Sending(headers={"Content-Encoding": coding} if coding else {})
    body = answer_of("x" * (most - 1_000))
    packs: dict[str | None, Any] = {"gzip": gzip.compress, "deflate": zlib.compress}
    sending.body = packs.get(coding, bytes)(body)
    assert len(ask(sending)) == most - 1_000


def test_answers_of_ten_megabytes_are_within_it() -> None:
    sending = Sending()
    sending.body = answer_of("x" * 10_000_000)
    assert len(ask(sending)) == 10_000_000


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=9), max_size=9), st.integers(0, 60), st.text(max_size=25))
def test_a_body_is_given_whole_or_not_at_all(pieces: list[bytes], most: int, length: str) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def read() -> httpx2.Response:
        headers = [(b"Content-Length", length.encode("utf-8", errors="replace"))]
        asked = httpx2.Request("GET", "http://127.0.0.1/")
        got = httpx2.Response(200, headers=headers, content=stream(), request=asked)
        return await read_whole(got, most)

    body = b"".join(pieces)
    announced = int(length) if length.isascii() and length.isdecimal() else 0
    if len(body) > most or (announced > most and len(length) <= 20):
        with pytest.raises(TooLong):
            asyncio.run(read())
    else:
        assert asyncio.run(read()).content == body
