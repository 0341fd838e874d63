"""What is sent to a model and what comes back: plain values, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model.

    Parameters
    ----------
    suite, item : str
        Where it comes from; no part of the cache key.
    messages : sequence of dict
        Chat messages in the OpenAI form (`role`, `content`); `content` is text or a list of parts.
    settings : mapping
        Decoding settings that override the model's own: temperature, max_tokens, logprobs ...
    options : sequence of str
        The options of a choice item in the order shown, for controls; empty otherwise.
    sample : int
        0 ... K-1, the number of the repeat.
    """

    suite: str
    item: str
    messages: Sequence[Message]
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Sequence[str] = ()
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Response:
    """What the model under test returned.

    Parameters
    ----------
    text : str
        The message's content, possibly empty.
    finish_reason : str
        `stop`, `length`, `content_filter`, `tool_calls` ...
    top_logprobs : tuple of (str, float)
        Tokens and natural-log probabilities at the first answer position; empty where not asked.
    tool_calls : tuple of dict
    input_tokens, output_tokens : int
    latency : float
        Seconds from sending to the last byte, of the try that succeeded.
    model, system_fingerprint : str or None
        What the server said it is.
    arrived_at : float
        Seconds since the epoch.
    tries : int
        Requests sent until it arrived; 0 when it came from the cache.
    """

    text: str
    finish_reason: str = "stop"
    top_logprobs: tuple[tuple[str, float], ...] = ()
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    latency: float = 0.0
    model: str | None = None
    system_fingerprint: str | None = None
    arrived_at: float = 0.0
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """Why no response arrived: the network, the server or this software; never a wrong answer.

    Parameters
    ----------
    reason : str
        For the person who can mend it; no key, no header.
    tries : int
        Requests sent.
    stopped : bool
        Whether the run was stopped before an answer could arrive: the item was not decided, and
        is no error of its own.
    """

    reason: str
    tries: int = 0
    stopped: bool = False
