"""How many tokens a request has, without a tokenizer: what is likely, and what is the most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ASSUMED_OUTPUT = 4096
ASSUMED_IMAGE = 16_384
UNDER, OVER = 0.68, 1.43

# What chat templates add: a default system prompt or a date, and marks around each message.
_TEMPLATE = 128
_A_MESSAGE = 16
_LIKELY_TEMPLATE = 8
_LIKELY_A_MESSAGE = 4
_LIKELY_IMAGE = 1000
_SENT_TEXT = ("tools", "functions", "response_format")
_ROLE_AND_CONTENT = 2
_MOST_OUTPUT = ("max_tokens", "max_completion_tokens")


def likely_tokens(text: str) -> float:
    """Give about how many tokens a text has.

    Four ASCII characters count as a token, as does each letter of Latin-1, Greek, Cyrillic or
    Arabic, and eleven Chinese characters as ten: what UTF-8 writes in one, two, and three or more
    bytes.

    Held against four tokenizers (cl100k_base, o200k_base, Qwen's and DeepSeek's) on up to 150
    items of each of 15 public medical benchmarks and three starter suites, the sum over a suite
    came to 0.68 ... 1.43 times the true number (`UNDER`, `OVER`), and to 0.96 ... 1.20 times for
    English questions of clinicians. Low for Chinese with cl100k_base (0.68) and for tables of
    digits (0.74), high for short plain English (1.43). A single item is within 0.57 ... 1.61
    times nine times in ten.
    """
    length = len(text)
    if text.isascii():
        return length / 4
    plain = len(text.encode("ascii", "ignore"))
    stored = len(text.encode("utf-8", "surrogatepass"))
    wide = stored + plain - 2 * length
    return plain / 4 + (length - plain - wide) + wide / 1.1


def likely_input_tokens(wire: Mapping[str, Any]) -> float:
    """Give about how many tokens a request's messages have, with what a template adds."""
    texts, messages, images = _contents(wire)
    tokens = sum(map(likely_tokens, texts))
    return tokens + _LIKELY_TEMPLATE + _LIKELY_A_MESSAGE * messages + _LIKELY_IMAGE * images


def most_input_tokens(wire: Mapping[str, Any]) -> int:
    """Give a number that the tokens of a request's messages do not exceed.

    No byte-pair or byte-fallback tokenizer makes more tokens than the text has bytes in UTF-8. To
    that come 128 for what a template adds, 16 for each message, and 16,384 for each image, which
    is an assumption.
    """
    texts, messages, images = _contents(wire)
    total = sum(
        len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        for text in texts
    )
    return total + _TEMPLATE + _A_MESSAGE * messages + ASSUMED_IMAGE * images


def most_output_tokens(wire: Mapping[str, Any]) -> tuple[int, bool]:
    """Give the most tokens a request may be answered with, and whether the request says so.

    Where it sets neither `max_tokens` nor `max_completion_tokens`, 4,096 is assumed
    (`ASSUMED_OUTPUT`). `n` answers have `n` times as many.
    """
    settings = wire.get("settings")
    places = (wire, settings if isinstance(settings, Mapping) else {})
    set_ = [place[key] for place in places for key in _MOST_OUTPUT if _counts(place.get(key))]
    answers = wire.get("n")
    times: int = answers if _counts(answers) and isinstance(answers, int) else 1
    return times * (max(set_) if set_ else ASSUMED_OUTPUT), bool(set_)


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _contents(wire: Mapping[str, Any]) -> tuple[list[str], int, int]:
    """Give the texts that are sent, the number of messages, and that of images."""
    messages = wire.get("messages")
    messages = messages if isinstance(messages, list | tuple) else []
    texts: list[str] = []
    rest: list[Any] = [wire[key] for key in _SENT_TEXT if key in wire]
    for message in messages:
        content = message.get("content") if isinstance(message, Mapping) else message
        if isinstance(content, str) and len(message) == _ROLE_AND_CONTENT:
            texts.append(content)
        else:
            rest.append(message)
    images = 0
    for found in _strings(rest):
        if found is None:
            images += 1
        else:
            texts.append(found)
    return texts, len(messages), images


def _strings(value: Any) -> Iterator[str | None]:
    """Give every text inside, keys too, as a template may print both; None stands for an image."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            if value.get("type") in ("image_url", "input_image"):
                yield None
            else:
                left.extend(value)
                left.extend(value.values())
        elif isinstance(value, list | tuple):
            left.extend(value)
