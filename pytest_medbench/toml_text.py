"""TOML of unknown origin: parsed within bounds on its size and its depth."""

from __future__ import annotations

import re
import tomllib
from typing import Any

MAX_TOML = 1024 * 1024
MAX_DEPTH = 16

# The parts of a TOML document that decide where a statement ends. A string that is not closed
# goes on to the end of its line or of the document, so that no text is scanned twice.
TOKEN = re.compile(
    r'(?P<text>"""(?:[^\\]|\\.)*?(?:"{3,5}(?!")|\\?\Z)'
    r"|'''.*?(?:'{3,5}(?!')|\Z)"
    r'|"(?:[^"\\\n]|\\[^\n])*(?:"|\\?(?=\n)|\\?\Z)'
    r"|'[^'\n]*(?:'|(?=\n)|\Z))"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<open>[\[{])"
    r"|(?P<close>[\]}])"
    r"|(?P<end>\n)",
    re.DOTALL,
)
_BETWEEN_KEYS = re.compile(r"[,=\[\]{}\n]")


class TooDeepError(ValueError):
    """A document that would exhaust the stack, or the time, of whatever walks it."""

    def __init__(self) -> None:
        super().__init__(f"is nested deeper than {MAX_DEPTH} levels")


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a document.

    Raises
    ------
    ValueError
        If it is no TOML; its text holds no control characters.
    TooDeepError
        If it is nested deeper than 16 levels, or a dotted key has more than 16 parts.
    """
    if longest_key(text) > MAX_DEPTH:
        raise TooDeepError
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise TooDeepError from None
    _check_depth(document)
    return document


def longest_key(text: str) -> int:
    """Count the parts of the longest dotted key; the TOML parser's time grows with its square."""

    def bare(token: re.Match[str]) -> str:
        return token[0] if token.lastgroup in ("open", "close", "end") else "_"

    return 1 + max(part.count(".") for part in _BETWEEN_KEYS.split(TOKEN.sub(bare, text)))


def _check_depth(document: dict[str, Any]) -> None:
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for value in level:
            inner.extend(value.values() if isinstance(value, dict) else value)
        level = [value for value in inner if isinstance(value, dict | list)]
        if not level:
            return
    raise TooDeepError
