"""A chat-completions server that costs next to nothing, so that clients are measured and not it.

Usage: python tests/benchmarks/lean_server.py [--delay SECONDS]; prints its base URL.

Every request is answered alike after the delay. It reads as much HTTP as the clients under
measurement send: a request line, headers with Content-Length, a body.
"""

from __future__ import annotations

import argparse
import asyncio
import json


def http(document: object) -> bytes:
    """Give a response with a JSON body."""
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


MODELS = http({"object": "list", "data": [{"id": "m", "object": "model"}]})
ANSWER = http(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "system_fingerprint": "lean",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "A"},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11},
    }
)


class Connection(asyncio.Protocol):
    """One connection, cut into requests."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = 0
            if (at := head.lower().find(b"content-length:")) >= 0:
                length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        """Write the answer to one request, at once or later."""
        raise NotImplementedError


class Lean(Connection):
    """Answers after a delay."""

    def __init__(self, delay: float) -> None:
        super().__init__()
        self._delay = delay

    def answer(self, head: bytes, body: bytes) -> None:
        """Write the same answer to every question."""
        if head.startswith(b"GET"):
            self.transport.write(MODELS)
        elif self._delay:
            asyncio.get_running_loop().call_later(self._delay, self.transport.write, ANSWER)
        else:
            self.transport.write(ANSWER)


async def serve(delay: float) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Lean(delay), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    asyncio.run(serve(parser.parse_args().delay))
