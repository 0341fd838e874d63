"""Any server that speaks OpenAI's chat completions; the only importer of `openai`."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from pytest_medbench import clock
from pytest_medbench.errors import nearest
from pytest_medbench.exchange import Message, Request, Response
from pytest_medbench.models import completions
from pytest_medbench.models.base import ModelError
from pytest_medbench.models.bodies import read_whole
from pytest_medbench.models.log_cleaner import LogCleaner
from pytest_medbench.models.plain import checked_url, flat, parsed
from pytest_medbench.models.refusals import Refusals
from pytest_medbench.models.secret import Secret

if TYPE_CHECKING:
    import httpx2
    import openai

_NO_LISTING = frozenset({400, 403, 404, 405, 501})
_HEADERS = {"Content-Type": "application/json"}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Called(NamedTuple):
    """What a call to a server came to: status 0 without an answer, `error` without success."""

    status: int
    body: Any
    error: ModelError | None


class OpenAIModel:
    """A model behind a server that speaks chat completions.

    Parameters
    ----------
    name : str
        As it was given to `--medbench-model`.
    base_url : str
        The server's address up to and with `/v1`.
    model : str
        What the server calls the model.
    api_key_env : str or None
        The environment variable that holds the key; None for a server that wants none.
    revision : str or None
        What makes it this version: a digest of the weights, a build id.
    settings : mapping
        Sent with every request: temperature, max_tokens, seed, top_p ... and `extra_body`, a
        mapping whose keys are sent beside them.
    system : str or None
        Goes before the system prompt of every request.
    timeout : float
        Seconds for one request.
    concurrency, requests_per_minute : number or None
        The most requests in flight and in a minute.
    price, cutoff
        What a token costs and when the training data end, for reports; never sent.
    environ : mapping
        Where the key is looked up.

    Raises
    ------
    ConfigError
        If `base_url` cannot be used.
    """

    cacheable = True
    is_control = False

    def __init__(
        self,
        name: str,
        *,
        base_url: str,
        model: str,
        api_key_env: str | None = None,
        revision: str | None = None,
        settings: Mapping[str, Any] | None = None,
        system: str | None = None,
        timeout: float = 120.0,
        concurrency: int | None = None,
        requests_per_minute: float | None = None,
        price: Any = None,
        cutoff: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.name = name
        self.model = model
        self.base_url = checked_url(name, base_url)
        self.concurrency = concurrency
        self.requests_per_minute = requests_per_minute
        self.price = price
        self.cutoff = cutoff
        self._revision = revision
        self._settings = flat(settings or {})
        self._system = system
        self._timeout = timeout
        self._api_key_env = api_key_env
        self._secret = Secret(environ.get(api_key_env, "").strip() if api_key_env else "")
        self._refusals = Refusals(name, self.base_url, api_key_env, timeout, self._secret)
        self._logs = LogCleaner(self._secret)
        self._served: Mapping[str, Any] | None = None
        self._client: openai.AsyncOpenAI | None = None
        self._errors: type[openai.APIStatusError] | None = None
        self._raw: type[httpx2.Response] | None = None

    async def start(self) -> None:
        """Connect, and ask the server what it serves.

        Raises
        ------
        ModelError
            If the key is not set or refused, the server is not there, or it does not list the
            model.
        """
        key = self._key()
        if self._client is None:
            # Half a second of imports and certificates, which the event loop can do without.
            await asyncio.to_thread(self._connect, key)
        assert self._client is not None
        assert self._raw is not None
        got = await self._exchange(self._client.get("/models", cast_to=self._raw))
        if isinstance(got, ModelError):
            raise ModelError(
                f"{self.base_url} cannot be reached: {got.reason}; check that the server runs and "
                f"that base_url of {self.name!r} is right",
                # A name or a port that is wrong does not mend itself.
                retry=False,
            )
        self._served = self._entry(got)

    def _key(self) -> str:
        key = self._secret.reveal()
        if self._api_key_env and not key:
            raise ModelError(
                f"the environment variable {self._api_key_env} holds no API key; "
                f"model {self.name!r} needs it: set it and run again"
            )
        if not (key.isascii() and key.isprintable()):
            raise ModelError(
                f"the environment variable {self._api_key_env} holds characters that no API key "
                "has; set it again"
            )
        return key

    def _connect(self, key: str) -> None:
        import httpx2
        import openai

        class Client(openai.DefaultAioHttpClient):
            """Reads bodies up to a length."""

            async def send(
                self, request: httpx2.Request, *, stream: bool = False, **further: Any
            ) -> httpx2.Response:
                got = await super().send(request, stream=True, **further)
                # The body of a refusal is read whole, even where a stream is asked for.
                return got if stream and got.is_success else await read_whole(got)

        most = self.concurrency or 1024
        http = Client(
            limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most),
            timeout=httpx2.Timeout(self._timeout, connect=min(self._timeout, 30.0)),
            follow_redirects=False,
            # A proxy from the environment has no way to this machine's own servers.
            trust_env=urlsplit(self.base_url).hostname not in _LOOPBACK,
        )
        self._logs.attach()
        self._raw = httpx2.Response
        self._errors = openai.APIStatusError
        self._client = openai.AsyncOpenAI(
            base_url=self.base_url, api_key=key or "none", max_retries=0, http_client=http
        )

    def _entry(self, got: httpx2.Response) -> Mapping[str, Any] | None:
        """Find the model in the answer to /models."""
        if got.status_code in _NO_LISTING:
            return None
        if not got.is_success:
            raise self._refused(got)
        entries, whole = completions.listing(self._secret.scrub_json(parsed(got.content)))
        for entry in entries:
            if entry["id"] in (self.model, f"{self.model}:latest"):
                return completions.lasting(entry, got.headers.get("date"))
        if entries and whole:
            names = [entry["id"] for entry in entries]
            shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
            raise ModelError(
                f"{self.base_url} does not serve {self.model!r}{nearest(self.model, names)}; "
                f"it lists {shown}"
            )
        return None

    def fingerprint(self) -> Mapping[str, Any]:
        """Say what it is, where, and with which settings."""
        return {
            "kind": "openai",
            "base_url": self.base_url,
            "model": self.model,
            "revision": self._revision,
            "settings": self._settings,
            "system": self._system,
            "served": self._served,
        }

    def wire(self, request: Request) -> dict[str, Any]:
        """Give the request's JSON."""
        return {
            "model": self.model,
            "messages": self._messages(request),
            **self._settings,
            **request.settings,
        }

    def _messages(self, request: Request) -> list[Message]:
        messages = list(request.messages)
        if self._system is None:
            return messages
        first = messages[0] if messages else {}
        if first.get("role") == "system" and isinstance(first.get("content"), str):
            # Many chat templates refuse a second system message.
            text = f"{self._system}\n\n{first['content']}"
            return [{**first, "content": text}, *messages[1:]]
        return [{"role": "system", "content": self._system}, *messages]

    async def answer(self, request: Request) -> Response:
        """Ask once.

        Raises
        ------
        ModelError
            If no chat completion came; `retry` says whether it may the next time.
        """
        assert self._client is not None
        assert self._raw is not None
        body = completions.encode(self.wire(request))
        begun = time.perf_counter()
        # `chat.completions.create` would spend twice the CPU on models of request and response.
        got = await self._exchange(
            self._client.post(
                "/chat/completions",
                content=body,
                cast_to=self._raw,
                options={"headers": _HEADERS},
            )
        )
        if isinstance(got, ModelError):
            raise got
        latency = time.perf_counter() - begun
        found = self.understand(got.status_code, self._clean(got), got.text, got.headers, latency)
        if isinstance(found, ModelError):
            raise found
        return found

    def understand(
        self,
        status: int,
        body: Any,
        text: str = "",
        headers: Mapping[str, str] = MappingProxyType({}),
        latency: float = 0.0,
    ) -> Response | ModelError:
        """Give what an answer of the chat endpoint comes to, be it live or a line of a batch."""
        if not 200 <= status < 300:
            if status == 400 and completions.is_filtered(body):
                return Response("", "content_filter", latency=latency, arrived_at=clock.now())
            return self._refusals.status(status, body, text, headers)
        response = completions.read(body, latency)
        if isinstance(response, str):
            return ModelError(
                f"{self.base_url} sent no chat completion: {self.printable(response)}", retry=True
            )
        return response

    async def call(
        self,
        verb: Literal["get", "post"],
        path: str,
        *,
        seconds: float | None = None,
        **sent: Any,
    ) -> Called:
        """Call another endpoint once; `sent` is what the client's method takes."""
        asking = getattr(self._client, verb)(path, cast_to=self._raw, **sent)
        got = await self._exchange(asking, seconds)
        if isinstance(got, ModelError):
            return Called(0, None, got)
        error = None if got.is_success else self._refused(got)
        return Called(got.status_code, self._clean(got), error)

    async def download(self, file_id: str) -> AsyncGenerator[bytes, None]:
        """Give a file of the server in pieces, as they come: not yet rid of a repeated key.

        Raises
        ------
        ModelError
            If it does not come, or not to its end.
        """
        assert self._client is not None
        assert self._errors is not None
        failed: ModelError
        try:
            async with self._client.files.with_streaming_response.content(file_id) as got:
                async for piece in got.iter_bytes(65_536):
                    yield piece
                return
        except self._errors as error:
            failed = self._refused(error.response)
        except Exception as error:
            failed = ModelError(f"the download broke off: {self._lost(error).reason}", retry=True)
        raise failed

    async def _exchange(
        self, asking: Awaitable[httpx2.Response], seconds: float | None = None
    ) -> httpx2.Response | ModelError:
        """Wait for an answer of any status.

        Errors are given, not raised, so that none has the client's exception, and with it the
        request and its headers, as its context.
        """
        assert self._errors is not None
        try:
            async with asyncio.timeout(seconds or self._timeout):
                return await asking
        except self._errors as error:
            return error.response
        except TimeoutError:
            return self._refusals.late(seconds or self._timeout)
        except Exception as error:
            return self._lost(error)

    def _lost(self, error: Exception) -> ModelError:
        import openai

        return self._refusals.lost(error, connecting=isinstance(error, openai.APIConnectionError))

    def _refused(self, got: httpx2.Response) -> ModelError:
        return self._refusals.status(got.status_code, parsed(got.content), got.text, got.headers)

    def _clean(self, got: httpx2.Response) -> Any:
        """Parse a body; a key that the server repeats is taken out."""
        body = parsed(got.content)
        return self.scrubbed(body) if self._secret.touches(got.text) else body

    def scrubbed(self, value: Any) -> Any:
        """Take a key that the server repeats out of a JSON value."""
        return self._secret.scrub_json(value)

    def printable(self, text: str) -> str:
        """Make text of a server fit for a terminal and a log."""
        return self._refusals.printable(text)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._logs.detach()
            self._client = None


def import_client() -> None:
    """Import the client, which takes a second, ahead of the first request."""
    import openai  # noqa: F401 - the import is the point
