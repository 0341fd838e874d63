"""The JSON and the headers of chat completions, read without trust."""

from __future__ import annotations

import contextlib
import email.utils
import json
import math
import time
from collections.abc import Mapping
from typing import Any

from pytest_medbench.exchange import Response

_FILTER_CODES = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "responsibleaipolicyviolation",
        "data_inspection_failed",
        "datainspectionfailed",
    }
)
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_JUST_NOW = 60.0


def encode(wire: Mapping[str, Any]) -> bytes:
    """Give the body of a request."""
    text = _encode(wire)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(wire).encode()


def read(answer: Any, latency: float) -> Response | str:
    """Read a chat completion; text says why it is none.

    Parameters
    ----------
    answer : JSON value
        None where the body was no JSON.
    latency : float
        Seconds.
    """
    if not isinstance(answer, dict):
        return "the body is not a JSON object"
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        return error_text(answer)[0] or "there are no choices"
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return "the first choice has no message"
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    calls = message.get("tool_calls")
    return Response(
        text=_text(message.get("content")),
        finish_reason=_string(choice.get("finish_reason")) or "stop",
        top_logprobs=_first_logprobs(choice.get("logprobs")),
        tool_calls=tuple(c for c in calls if isinstance(c, dict))
        if isinstance(calls, list)
        else (),
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        latency=latency,
        model=_string(answer.get("model")),
        system_fingerprint=_string(answer.get("system_fingerprint")),
        arrived_at=time.time(),
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return _string(content) or ""


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _first_logprobs(logprobs: Any) -> tuple[tuple[str, float], ...]:
    """Give the alternatives at the first position, the likeliest first."""
    try:
        alternatives = logprobs["content"][0]["top_logprobs"]
        found = [(entry["token"], float(entry["logprob"])) for entry in alternatives]
    except (TypeError, KeyError, IndexError, ValueError):
        return ()
    usable = [(t, p) for t, p in found if isinstance(t, str) and not math.isnan(p)]
    return tuple(sorted(usable, key=lambda entry: -entry[1]))


def error_text(body: Any) -> tuple[str, str | None]:
    """Give the message and the code of an error, in any of the forms servers use."""
    if not isinstance(body, dict):
        return "", None
    error = body.get("error", body)
    if isinstance(error, str):
        return error, None
    if not isinstance(error, dict):
        return "", None
    message = error.get("message", error.get("detail"))
    said = message if isinstance(message, str) else json.dumps(message) if message else ""
    return said, _string(error.get("code")) or _string(error.get("type"))


def is_filtered(body: Any) -> bool:
    """Tell whether an error says that the provider's content filter stopped the request."""
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return False
    inner = error.get("innererror")
    said = [
        error.get("code"),
        error.get("type"),
        inner.get("code") if isinstance(inner, dict) else None,
    ]
    return any(isinstance(code, str) and code.lower() in _FILTER_CODES for code in said)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds of a Retry-After header: a number, or an HTTP date (RFC 9110, 10.2.3)."""
    said = headers.get("retry-after")
    if said is None:
        return None
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(said).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def listing(body: Any) -> tuple[list[dict[str, Any]], bool]:
    """Give the entries of /v1/models, and whether they are all there are."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list):
        return [], False
    entries = [e for e in data if isinstance(e, dict) and isinstance(e.get("id"), str)]
    return entries, not body.get("has_more", False)


def lasting(entry: Mapping[str, Any], date: str | None) -> dict[str, Any]:
    """Give what stays the same of an entry as long as the model does.

    Several servers (vLLM, llama.cpp) make up `created` anew for each listing, and random ids in
    `permission`; with them no stored response would ever be found again.

    Parameters
    ----------
    entry : mapping
    date : str or None
        The Date header of the listing: the server's own clock.
    """
    now = time.time()
    if date is not None:
        with contextlib.suppress(ValueError, OverflowError):
            now = email.utils.parsedate_to_datetime(date).timestamp()
    kept = {key: value for key, value in entry.items() if key != "permission"}
    created = kept.get("created")
    if isinstance(created, int | float) and abs(now - created) < _JUST_NOW:
        del kept["created"]
    return kept
