"""What a server said or did instead of answering, in words for the person who can mend it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_medbench.models import completions
from pytest_medbench.models.base import ModelError
from pytest_medbench.models.bodies import TooLong
from pytest_medbench.models.plain import without_query
from pytest_medbench.models.secret import Secret


class Refusals:
    """Makes the errors of one server.

    Parameters
    ----------
    name : str
        The model's, as the configuration has it.
    base_url : str
    api_key_env : str or None
        The environment variable that holds the key.
    timeout : float
        Seconds for one request.
    secret : Secret
        The key, which no text shows.
    """

    def __init__(
        self, name: str, base_url: str, api_key_env: str | None, timeout: float, secret: Secret
    ) -> None:
        self._name = name
        self._base_url = base_url
        self._api_key_env = api_key_env
        self._timeout = timeout
        self._secret = secret

    def lost(self, error: Exception, *, connecting: bool) -> ModelError:
        """Say why no whole answer came.

        Parameters
        ----------
        error : Exception
            What the client raised.
        connecting : bool
            Whether the client says that it is the connection.
        """
        *_, cause = _causes(error)
        if isinstance(cause, TooLong):
            return ModelError(f"{self._base_url} sent {cause}; its answer was not read to the end")
        if isinstance(cause, TimeoutError):
            return self.late(self._timeout)
        said = self.printable(str(cause)) or type(cause).__name__
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ModelError(f"the certificate of {self._base_url} does not verify: {said}")
        if connecting:
            return ModelError(f"connection failed: {said}", retry=True)
        return ModelError(f"the request could not be sent: {type(cause).__name__}: {said}")

    def late(self, seconds: float) -> ModelError:
        """Say that no answer came in time."""
        return ModelError(f"no answer within {seconds:g} s", retry=True)

    def status(self, status: int, body: Any, text: str, headers: Mapping[str, str]) -> ModelError:
        """Say what a status other than success means.

        Parameters
        ----------
        status : int
        body : JSON value
            None where the body was no JSON.
        text : str
            The body as it came.
        headers : mapping
        """
        if 300 <= status < 400:
            where = self.printable(without_query(headers.get("location", "")))
            return ModelError(
                f"{self._base_url} redirects (HTTP {status}) to {where}; requests are not sent on, "
                f"set base_url of {self._name!r} to the final address"
            )
        said, code = completions.error_text(body)
        said = self.printable(said or text)[:300]
        wait = completions.retry_after(headers)
        retry = (status in (408, 409, 429) or status >= 500) and code != "insufficient_quota"
        return ModelError(
            f"HTTP {status} from {self._base_url}: {said or 'no reason given'}{self._hint(status)}",
            retry=retry,
            retry_after=wait,
            slow_down=retry and (status == 429 or (status == 503 and wait is not None)),
            lost=retry and status != 429,
        )

    def _hint(self, status: int) -> str:
        if status == 401:
            where = self._api_key_env or "api_key_env, which is not set"
            return f" (check the key in {where})"
        if status == 404:
            return " (check model and base_url, which usually ends in /v1)"
        return ""

    def printable(self, text: str) -> str:
        """Make text of a server fit for a terminal and a log."""
        text = self._secret.scrub(text[:4000])
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
