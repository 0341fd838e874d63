"""The JSON and the headers of chat completions, read without trust."""

from __future__ import annotations

import contextlib
import email.utils
import json
import math
import time
from collections.abc import Mapping
from typing import Any

from pytest_medbench import clock
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
# Bodies are hostile: what is kept of one has to be written again, by encoders that go less deep
# than the parser, and has to fit on a line of a report.
DEEPEST = 100
LONGEST_NAME = 200
_LARGEST_COUNT = 10**12
_MOST_LOGPROBS = 100
_LONGEST_ERROR = 4_000


def encode(wire: Mapping[str, Any]) -> bytes:
    """Give the body of a request."""
    text = _encode(wire)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(wire).encode()


def parse(body: bytes) -> Any:
    """Parse a body; None where it is no JSON, or nested deeper than 100 levels."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if is_shallow(value) else None


def is_shallow(value: Any) -> bool:
    """Tell whether a JSON value is nested at most 100 levels deep."""
    level = [value]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level = [each for each in inner if isinstance(each, dict | list)]
        if not level:
            return True
    return False


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
    if not is_shallow(calls):
        return f"the tool calls are nested deeper than {DEEPEST} levels"
    return Response(
        text=_text(message.get("content")),
        finish_reason=_name(choice.get("finish_reason")) or "stop",
        top_logprobs=_first_logprobs(choice.get("logprobs")),
        tool_calls=tuple(c for c in calls if isinstance(c, dict))
        if isinstance(calls, list)
        else (),
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        latency=latency,
        model=_name(answer.get("model")),
        system_fingerprint=_name(answer.get("system_fingerprint")),
        arrived_at=clock.now(),
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return _string(content) or ""


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _name(value: Any) -> str | None:
    """Give a name fit for a line of a report, and for every encoding on the way to it."""
    if not isinstance(value, str):
        return None
    cut = value[:LONGEST_NAME]
    return "".join(char if char.isprintable() else "\ufffd" for char in cut)


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= _LARGEST_COUNT else 0


def _first_logprobs(logprobs: Any) -> tuple[tuple[str, float], ...]:
    """Give the alternatives at the first position, the likeliest first."""
    try:
        alternatives = logprobs["content"][0]["top_logprobs"][:_MOST_LOGPROBS]
        found = [(entry["token"], float(entry["logprob"])) for entry in alternatives]
    except (TypeError, KeyError, IndexError, ValueError, OverflowError):
        return ()
    usable = [(t, p) for t, p in found if isinstance(t, str) and not math.isnan(p)]
    return tuple(sorted(usable, key=lambda entry: -entry[1]))


def error_text(body: Any) -> tuple[str, str | None]:
    """Give the message and the code of an error, in any of the forms servers use."""
    if not isinstance(body, dict):
        return "", None
    error = body.get("error", body)
    if isinstance(error, str):
        return error[:_LONGEST_ERROR], None
    if not isinstance(error, dict):
        return "", None
    message = error.get("message", error.get("detail"))
    said = message if isinstance(message, str) else _dumped(message) if message else ""
    return said[:_LONGEST_ERROR], _string(error.get("code")) or _string(error.get("type"))


def _dumped(message: Any) -> str:
    return json.dumps(message) if is_shallow(message) else "(nested too deeply to be shown)"


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
            seconds = _seconds(said) - clock.now()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds(date: str) -> float:
    """Read a date of HTTP as seconds since the epoch; ValueError where it is none."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError, OSError, TypeError, IndexError) as error:
        # The standard library's parser was not made for hostile text, and says so in many ways.
        raise ValueError(f"{date[:80]!r} is no date") from error


def listing(body: Any) -> tuple[list[dict[str, Any]], bool]:
    """Give the entries of /v1/models, and whether they are all there are.

    Ids that could not be shown, and entries that could not be written again, are left out.
    """
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list):
        return [], False
    entries = [entry for entry in data if isinstance(entry, dict) and _is_model(entry)]
    return entries, not body.get("has_more", False)


def _is_model(entry: Mapping[str, Any]) -> bool:
    name = entry.get("id")
    usable = isinstance(name, str) and len(name) <= LONGEST_NAME and name.isprintable()
    return usable and is_shallow(entry)


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
        with contextlib.suppress(ValueError):
            now = _seconds(date)
    kept = {key: value for key, value in entry.items() if key != "permission"}
    created = kept.get("created")
    # Compared without subtracting: a whole number may be too large to be a float.
    if isinstance(created, int | float) and now - _JUST_NOW < created < now + _JUST_NOW:
        del kept["created"]
    return kept
