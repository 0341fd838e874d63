"""A real HTTP server on loopback that speaks chat completions and misbehaves as it is told.

In a test::

    with LoopbackServer(answer="B") as server:
        ask(server.base_url)

In a process of its own, which prints its base URL and serves until it is ended::

    python tests/loopback.py --port 0 --delay 0.2 --answer B
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

HOST = "127.0.0.1"
SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "cookie"})


@dataclass(frozen=True)
class Reply:
    """What the server does with one chat request.

    Parameters
    ----------
    text : str or None
        The message's content.
    status, headers, body
        Sent as they are; `body` (JSON value or text) in place of a chat completion.
    delay : float
        Seconds until the answer.
    stall : bool
        Never answer.
    cut : bool
        Send half of the body, then close the connection.
    finish_reason, model, system_fingerprint, usage, tool_calls
        Fields of the completion.
    top_logprobs : mapping of str to float or None
        Tokens and log-probabilities at the first position.
    message : mapping
        Further keys of the message, such as `reasoning_content`.
    """

    text: str | None = "A"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    delay: float = 0.0
    stall: bool = False
    cut: bool = False
    finish_reason: str = "stop"
    model: str | None = None
    system_fingerprint: str | None = "fp-1"
    usage: tuple[int, int] | None = (10, 1)
    top_logprobs: Mapping[str, float] | None = None
    tool_calls: Sequence[Mapping[str, Any]] | None = None
    message: Mapping[str, Any] = field(default_factory=dict)


def error_reply(
    status: int, *, code: str | None = None, message: str = "no", **headers: str
) -> Reply:
    """Give a reply in the form of OpenAI's errors; header names with `_` for `-`."""
    return Reply(
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body={"error": {"message": message, "code": code, "type": "error", "param": None}},
    )


CONTENT_FILTER = error_reply(400, code="content_filter", message="The prompt was filtered.")

Answer = str | Reply | Callable[[dict[str, Any]], "str | Reply"]


class LoopbackServer:
    """The server, in a thread of its own.

    Parameters
    ----------
    answer : str, Reply or callable
        What is answered; a callable gets the request's JSON and gives one of the others.
    script : sequence of (str or Reply)
        The first replies, in order; `answer` takes over when it is used up.
    delay : float
        Seconds until each answer.
    models : sequence of dict, or Reply, or None
        The entries of `/v1/models`; None answers 404.
    port : int
        0 for any that is free.
    tls : SSLContext or None
        Serves https.

    Attributes
    ----------
    requests : list of dict
        The bodies of the chat requests, in the order they came.
    headers : list of dict
        Their headers in lower case, without those that hold a key.
    keys : int
        How many of them carried a bearer key.
    max_in_flight : int
        The most requests that were there at once.
    """

    def __init__(
        self,
        answer: Answer = "A",
        *,
        script: Sequence[str | Reply] = (),
        delay: float = 0.0,
        models: Sequence[Mapping[str, Any]] | Reply | None = ({"id": "m", "object": "model"},),
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.script = list(script)
        self.delay = delay
        self.models = models
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.keys = 0
        self.max_in_flight = 0
        self.recording = True
        self._in_flight = 0
        self._arrived = threading.Condition()
        self._port = port
        self._tls = tls
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loopback", daemon=True)

    @property
    def base_url(self) -> str:
        """What a client is given as `base_url`."""
        return f"http{'s' if self._tls else ''}://{HOST}:{self._port}/v1"

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        assert self._up.wait(30), "the loopback server did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    def wait_for(self, count: int, timeout: float = 30.0) -> None:
        """Wait until so many chat requests have come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, timeout)

    def release(self) -> None:
        """Let every stalled request be answered as if it had not stalled."""
        self._loop.call_soon_threadsafe(self._released.set)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self._released = asyncio.Event()
        runner = web.ServerRunner(
            web.Server(self._handle), handle_signals=False, shutdown_timeout=0.1
        )
        await runner.setup()
        site = web.TCPSite(runner, HOST, self._port, ssl_context=self._tls)
        await site.start()
        self._port = runner.addresses[0][1]
        self._up.set()
        await self._end.wait()
        await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/v1/chat/completions":
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
            try:
                return await self._chat(request)
            finally:
                self._in_flight -= 1
        if request.path == "/v1/models" and self.models is not None:
            if isinstance(self.models, Reply):
                return await self._send(request, self.models, {})
            return web.json_response({"object": "list", "data": list(self.models)})
        return web.json_response({"error": {"message": "not found"}}, status=404)

    async def _chat(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = json.loads(await request.read())
        reply = self._reply(asked)
        if self.recording:
            self._record(request, asked)
        if isinstance(reply, str):
            reply = Reply(reply)
        return await self._send(request, reply, asked)

    def _reply(self, asked: dict[str, Any]) -> str | Reply:
        if self.script:
            return self.script.pop(0)
        if callable(self.answer):
            return self.answer(asked)
        return self.answer

    def _record(self, request: web.BaseRequest, asked: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._arrived:
            self.keys += headers.get("authorization", "").startswith("Bearer ")
            self.headers.append(
                {name: value for name, value in headers.items() if name not in SECRET_HEADERS}
            )
            self.requests.append(asked)
            self._arrived.notify_all()

    async def _send(
        self, request: web.BaseRequest, reply: Reply, asked: dict[str, Any]
    ) -> web.StreamResponse:
        if reply.stall:
            await self._released.wait()
        if self.delay or reply.delay:
            await asyncio.sleep(self.delay + reply.delay)
        payload = reply.body if reply.body is not None else completion(reply, asked)
        text = payload if isinstance(payload, str) else json.dumps(payload)
        if reply.cut:
            return await self._cut(request, text.encode())
        return web.Response(
            text=text,
            status=reply.status,
            headers=dict(reply.headers),
            content_type="text/html" if isinstance(payload, str) else "application/json",
        )

    async def _cut(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response


def completion(reply: Reply, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Give the chat completion a reply stands for."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, **reply.message}
    if reply.tool_calls is not None:
        message["tool_calls"] = list(reply.tool_calls)
    choice: dict[str, Any] = {
        "index": 0,
        "message": message,
        "finish_reason": reply.finish_reason,
        "logprobs": None,
    }
    if reply.top_logprobs is not None:
        top = [{"token": t, "logprob": p, "bytes": None} for t, p in reply.top_logprobs.items()]
        choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}] if top else []}
    answer: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": reply.model or asked.get("model", "m"),
        "choices": [choice],
        "system_fingerprint": reply.system_fingerprint,
    }
    if reply.usage is not None:
        read, written = reply.usage
        answer["usage"] = {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }
    return answer


def main() -> None:
    """Serve in this process and print the base URL."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--answer", default="A")
    chosen = parser.parse_args()
    server = LoopbackServer(chosen.answer, delay=chosen.delay, port=chosen.port)
    server.recording = False
    with server:
        print(server.base_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
