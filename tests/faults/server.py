"""A chat server in a process of its own that suffers one named fault, and says what it sees.

Prints its base URL, then one line an event: `asked N` when a request for question N has come,
`given N` once a whole answer has been handed to the operating system, `refused N` for anything
else. `--fault NAME` is one of `FAULTS`; items are told apart by the number in their question.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[1]))  # it is also started as a script
from loopback import CONTENT_FILTER, LoopbackServer, Reply, error_reply

ONE = 3
STAMP = 1000
BUSY = error_reply(429, message="slow down")


def answer_of(number: int) -> str:
    """Give what the model always says: mostly right, now and then wrong or no answer."""
    if number % 11 == 5:
        return "I would rather not say."
    return "ABCD"[(number + (number % 7 == 2)) % 4]


class Faults:
    """Decides what becomes of each request.

    Parameters
    ----------
    name : str
        A key of `FAULTS`.
    """

    def __init__(self, name: str) -> None:
        self._fault = FAULTS[name]
        self._tries: Counter[int] = Counter()
        self._requests = 0

    def __call__(self, asked: dict[str, Any]) -> Reply:
        """Give the reply to a request."""
        number = number_of(asked)
        self._tries[number] += 1
        self._requests += 1
        reply = self._fault(number, self._tries[number], self._requests)
        # The usage tells of which item a stored response is.
        return replace(reply or Reply(answer_of(number)), usage=(STAMP + number, 1))


Fault = Callable[[int, int, int], Reply | None]
NONE: Fault = lambda number, tries, requests: None  # noqa: E731 - a table of one-liners


def _first_try(reply: Reply, every: int = 8) -> Fault:
    """Befall the first try of every so-manieth item."""
    return lambda number, tries, requests: reply if number % every == ONE and tries == 1 else None


def _bursts(reply: Reply) -> Fault:
    """Befall requests 6 to 15 and 31 to 40."""
    return lambda number, tries, requests: reply if requests % 25 in range(6, 16) else None


def _by_item(replies: Mapping[int, Reply], tries_of: int = 1000) -> Fault:
    """Befall the first tries of single items."""

    def fault(number: int, tries: int, requests: int) -> Reply | None:
        return replies.get(number) if tries <= tries_of else None

    return fault


def _dies(number: int, tries: int, requests: int) -> Reply | None:
    if requests == 15:
        os._exit(1)
    return None


NO_JSON = Reply(body="<html>busy</html>")
NO_CHOICES = Reply(body={"id": "1", "object": "chat.completion", "choices": []})
TOO_LONG = error_reply(400, code="context_length_exceeded", message="too many tokens")
ELSEWHERE = Reply(status=302, headers={"Location": "http://127.0.0.1:1/v1"}, body="")
CUT_OFF = Reply("The answer may", finish_reason="length")
FILTERED = Reply("", finish_reason="content_filter")
BUSY_WAIT = replace(BUSY, headers={"Retry-After": "1"})

FAULTS: dict[str, Fault] = {
    "none": NONE,
    "429": _bursts(BUSY),
    "429-retry-after": _bursts(BUSY_WAIT),
    "500": lambda number, tries, requests: error_reply(500) if requests % 10 == 0 else None,
    "filtered": _by_item({ONE: CONTENT_FILTER}),
    "too-long": _by_item({ONE: TOO_LONG}),
    "never": _first_try(Reply(stall=True), every=16),
    "cut": _first_try(Reply(cut=True)),
    "not-json": _first_try(NO_JSON),
    "no-choices": _first_try(NO_CHOICES),
    "finish": _by_item({ONE: CUT_OFF, ONE + 1: FILTERED}),
    "dies": _dies,
    "hangs": lambda number, tries, requests: Reply(stall=True) if requests > 10 else None,
    "moved": NONE,
    "redirect": _by_item({ONE: ELSEWHERE}),
    "passing": _by_item(
        {
            1: BUSY,
            2: BUSY_WAIT,
            3: error_reply(500),
            4: Reply(cut=True),
            5: NO_JSON,
            6: NO_CHOICES,
            7: Reply(stall=True),
            8: error_reply(408),
        },
        tries_of=1,
    ),
    "lasting": _by_item(
        {
            1: TOO_LONG,
            2: ELSEWHERE,
            3: error_reply(500, message="out of memory"),
            4: Reply(stall=True),
            6: CONTENT_FILTER,
            7: CUT_OFF,
            8: FILTERED,
        }
    ),
}


def number_of(asked: dict[str, Any]) -> int:
    """Find the item's number in a request."""
    found = re.search(r"Question (\d+):", json.dumps(asked))
    assert found is not None
    return int(found[1])


class TalkingServer(LoopbackServer):
    """Says what comes and goes."""

    async def _chat(self, request: web.BaseRequest) -> web.StreamResponse:
        number = number_of(json.loads(await request.read()))
        say(f"asked {number}")
        given = False
        try:
            response = await super()._chat(request)
            with contextlib.suppress(ConnectionError):  # a client that was killed
                await response.prepare(request)
                await response.write_eof()
                given = isinstance(response, web.Response) and is_answer(response)
        finally:
            say(f"{'given' if given else 'refused'} {number}")
        return response


def is_answer(response: web.Response) -> bool:
    """Tell whether a response is a chat completion."""
    return response.status == 200 and '"finish_reason"' in (response.text or "")


def say(line: str) -> None:
    """Write a line by one system call."""
    os.write(1, f"{line}\n".encode())


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--fault", choices=sorted(FAULTS), default="none")
    parser.add_argument("--certificate", help="a PEM file of key and certificate")
    chosen = parser.parse_args()
    tls = None
    if chosen.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(chosen.certificate)
    server = TalkingServer(
        Faults(chosen.fault),
        delay=chosen.delay,
        port=chosen.port,
        tls=tls,
        models=ELSEWHERE if chosen.fault == "moved" else None,
    )
    server.recording = False
    with server:
        say(server.base_url)
        threading.Event().wait()


if __name__ == "__main__":
    main()
