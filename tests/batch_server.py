"""A real HTTP server on loopback with OpenAI's files and batches beside chat completions.

In a process of its own, which prints its base URL and serves until it is ended::

    python tests/batch_server.py --looks 3 --answer B
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from loopback import Answer, LoopbackServer, Reply, completion

Mangle = Callable[[list[bytes]], list[bytes]]


@dataclass(frozen=True)
class End:
    """How a batch ends.

    Parameters
    ----------
    status : str
    answered : float
        The share of its requests that are carried out, from the first on.
    problems : sequence of mapping
        The entries of `errors.data`; nothing is carried out then.
    mangle : callable or None
        Changes the lines of the output file.
    listed : bool
        Whether requests that were not carried out have a line in the error file.
    """

    status: str = "completed"
    answered: float = 1.0
    problems: Sequence[Mapping[str, Any]] = ()
    mangle: Mangle | None = None
    listed: bool = True


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call.

    Parameters
    ----------
    call : str
        `POST /files`, `POST /batches`, `GET /batches/`, `GET /batches` (the list), `content`.
    reply : Reply or None
        Sent instead of an answer; None breaks the connection.
    done : bool
        Whether the call is carried out all the same.
    """

    call: str
    reply: Reply | None = None
    done: bool = False


@dataclass
class Batch:
    """A batch as the server keeps it."""

    id: str
    file: str
    metadata: dict[str, str]
    end: End
    created_at: float
    looks: int
    status: str = "validating"
    more: dict[str, Any] = field(default_factory=dict)
    requests: int = 0


class BatchServer(LoopbackServer):
    """The server.

    Parameters
    ----------
    answer, more
        As `LoopbackServer` takes them; a line of a batch is answered as a live request is.
    ends : sequence of End
        How the batches end, in the order they are created; the rest are completed.
    faults : sequence of Fault
        The first that fits a call is used up by it.
    looks : int
        How often a batch is looked at before it ends.
    service : bool
        Whether there are files and batches at all.

    Attributes
    ----------
    batches : list of Batch
    carried_out : Counter
        How often each custom id was answered, and so paid.
    uploads : list of list of dict
        The lines of each file of requests.
    calls : list of str
    """

    def __init__(
        self,
        answer: Answer = "A",
        *,
        ends: Sequence[End] = (),
        faults: Sequence[Fault] = (),
        looks: int = 1,
        service: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(answer, **more)
        self.ends = deque(ends)
        self.faults = list(faults)
        self.looks = looks
        self.service = service
        self.batches: list[Batch] = []
        self.carried_out: Counter[str] = Counter()
        self.created: list[list[str]] = []
        self.uploads: list[list[dict[str, Any]]] = []
        self.calls: list[str] = []
        self.idle = threading.Event()
        self._files: dict[str, bytes] = {}
        self._page = 100

    def settle(self) -> None:
        """End every batch that nobody looks at any more: it is carried out, and paid, as well."""
        for batch in self.batches:
            if "ended" not in batch.more:
                self._finish(batch, batch.end)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix("/v1")
        if not self.service or not path.startswith(("/files", "/batches")):
            return await super()._handle(request)
        call = _call(request.method, path)
        self.calls.append(call)
        fault = next((fault for fault in self.faults if fault.call == call), None)
        if fault is None:
            return await self._serve_call(call, path, request)
        self.faults.remove(fault)
        answer = None
        if fault.done:
            answer = await self._serve_call(call, path, request)
        else:
            await request.read()
        if fault.reply is not None:
            return await self._send(request, fault.reply, {})
        if call == "content" and isinstance(answer, web.Response):
            return await self._cut(request, bytes(answer.body or b""))  # type: ignore[arg-type]
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _serve_call(
        self, call: str, path: str, request: web.BaseRequest
    ) -> web.StreamResponse:
        name = path.split("/")[2] if path.count("/") > 1 else ""
        if call == "POST /files":
            return await self._upload(request)
        if call == "POST /batches":
            return self._create(json.loads(await request.read()))
        if call == "GET /batches":
            return self._list(request)
        if call == "content":
            return web.Response(body=self._files[name]) if name in self._files else _missing()
        if call == "cancel":
            return self._cancel(name)
        return self._look(name)

    async def _upload(self, request: web.BaseRequest) -> web.Response:
        # The request's own readers take a megabyte at the most.
        boundary = request.headers["Content-Type"].partition("boundary=")[2].strip('"').encode()
        parts: dict[str, bytes] = {}
        for part in (await request.content.read()).split(b"--" + boundary)[1:-1]:
            head, _, body = part.partition(b"\r\n\r\n")
            name = "purpose" if b'name="purpose"' in head else "file"
            parts[name] = body.removesuffix(b"\r\n")
        assert parts["purpose"] == b"batch"
        name = f"file-{len(self._files)}"
        self._files[name] = parts["file"]
        self.uploads.append([json.loads(line) for line in parts["file"].splitlines()])
        return web.json_response({"id": name, "object": "file", "purpose": "batch"})

    def _create(self, asked: dict[str, Any]) -> web.Response:
        assert asked["completion_window"] == "24h"
        assert asked["endpoint"] == "/v1/chat/completions"
        lines = [json.loads(line) for line in self._files[asked["input_file_id"]].splitlines()]
        batch = Batch(
            id=f"batch_{len(self.batches)}",
            file=asked["input_file_id"],
            metadata=asked.get("metadata", {}),
            end=self.ends.popleft() if self.ends else End(),
            created_at=time.time(),
            looks=self.looks,
            requests=len(lines),
        )
        self.batches.append(batch)
        self.created.append([line["custom_id"] for line in lines])
        return web.json_response(self._shown(batch))

    def _list(self, request: web.BaseRequest) -> web.Response:
        newest = list(reversed(self.batches))
        after = request.query.get("after")
        if after is not None:
            newest = newest[[batch.id for batch in newest].index(after) + 1 :]
        page = newest[: min(self._page, int(request.query.get("limit", 20)))]
        return web.json_response(
            {
                "object": "list",
                "data": [self._shown(batch) for batch in page],
                "has_more": len(page) < len(newest),
            }
        )

    def _look(self, name: str) -> web.Response:
        batch = next((batch for batch in self.batches if batch.id == name), None)
        if batch is None:
            return _missing()
        if batch.looks > 0:
            batch.looks -= 1
            batch.status = "in_progress"
        elif "ended" not in batch.more:
            self._finish(batch, batch.end)
        self.idle.set()
        return web.json_response(self._shown(batch))

    def _cancel(self, name: str) -> web.Response:
        batch = next(batch for batch in self.batches if batch.id == name)
        if "ended" not in batch.more:
            self._finish(batch, End("cancelled", answered=0.0))
        return web.json_response(self._shown(batch))

    def _finish(self, batch: Batch, end: End) -> None:
        batch.more["ended"] = True
        batch.status = end.status
        if end.problems:
            batch.more["errors"] = {"object": "list", "data": list(end.problems)}
            return
        lines = [json.loads(line) for line in self._files[batch.file].splitlines()]
        count = round(len(lines) * end.answered)
        output: list[bytes] = []
        errors: list[bytes] = []
        for line in lines[:count]:
            status, result = self._carried_out(line)
            (output if status < 400 else errors).append(result)
        if end.mangle is not None:
            output = end.mangle(output)
        if end.listed:
            errors += [_not_done(line["custom_id"], end.status) for line in lines[count:]]
        counts = {"total": len(lines), "completed": len(output), "failed": len(errors)}
        batch.more["request_counts"] = counts
        for key, found in (("output_file_id", output), ("error_file_id", errors)):
            if found:
                name = f"file-{len(self._files)}"
                self._files[name] = b"".join(found)
                batch.more[key] = name

    def _carried_out(self, line: dict[str, Any]) -> tuple[int, bytes]:
        self.carried_out[line["custom_id"]] += 1
        reply = self._reply(line["body"])
        if isinstance(reply, str):
            reply = Reply(reply)
        body = reply.body if reply.body is not None else completion(reply, line["body"])
        result = {
            "id": f"batch_req_{line['custom_id'][:8]}",
            "custom_id": line["custom_id"],
            "response": {"status_code": reply.status, "request_id": "r", "body": body},
            "error": None,
        }
        return reply.status, json.dumps(result).encode() + b"\n"

    def _shown(self, batch: Batch) -> dict[str, Any]:
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": batch.file,
            "completion_window": "24h",
            "status": batch.status,
            "created_at": int(batch.created_at),
            "metadata": batch.metadata,
            "request_counts": {"total": batch.requests, "completed": 0, "failed": 0},
            **{key: value for key, value in batch.more.items() if key != "ended"},
        }


def _call(method: str, path: str) -> str:
    if path.endswith("/content"):
        return "content"
    if path.endswith("/cancel"):
        return "cancel"
    if method == "GET" and path.startswith("/batches/"):
        return "GET /batches/"
    return f"{method} {path}"


def _not_done(custom_id: str, status: str) -> bytes:
    error = {"code": f"batch_{status}", "message": f"The batch was {status} before this request."}
    line = {"id": "r", "custom_id": custom_id, "response": None, "error": error}
    return json.dumps(line).encode() + b"\n"


def _missing() -> web.Response:
    return web.json_response({"error": {"message": "No such object"}}, status=404)


def main() -> None:
    """Serve in this process and print the base URL."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--looks", type=int, default=1)
    parser.add_argument("--answer", default="A")
    chosen = parser.parse_args()
    with BatchServer(chosen.answer, looks=chosen.looks) as server:
        print(server.base_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
