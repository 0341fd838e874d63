"""A model's fingerprint, made fit for a file that goes into version control."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_medbench.report.plain import printable

NOT_KEPT = "(not kept)"
LONGEST = 1000
# Beside the fingerprint: under what the model's responses are in the cache, though it is not whole.
CACHED_AS = "cached_as"
_DEEPEST = 6
_SECRET_NAME = re.compile(r"key|secret|passw|token|auth|credential|cookie|session", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"\b(?:sk|pk|rk|hf|ghp|gho|xai|gsk|api)[-_][A-Za-z0-9_-]{12,}|\bBearer\s{1,4}\S+|"
    r"://[^/\s@]{1,200}@",
    re.IGNORECASE,
)
# Differs each time a server is asked or started, and says nothing about the model.
_PASSING = frozenset({"created", "permission"})


def kept_fingerprint(model: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a baseline keeps of a model's name and fingerprint.

    A fingerprint holds no key of its own; but settings and what a server said of itself are
    anybody's, so that values whose name or form is that of a key are left out all the same. Texts
    are cut at 1,000 characters that show.
    """
    kept: dict[str, Any] = _kept(model, 0)
    return kept


def _kept(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return NOT_KEPT if _SECRET_VALUE.search(value) else printable(value, LONGEST)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if depth >= _DEEPEST:
        return NOT_KEPT
    if isinstance(value, Mapping):
        return {
            printable(str(name), LONGEST): _named(str(name), each, depth)
            for name, each in value.items()
            if name not in _PASSING
        }
    if isinstance(value, Sequence):
        return [_kept(each, depth + 1) for each in value]
    return printable(str(value), LONGEST)


def _named(name: str, value: Any, depth: int) -> Any:
    # `max_tokens` is a number, and no key is one.
    plain = value is None or isinstance(value, bool | int | float)
    if not plain and _SECRET_NAME.search(name):
        return NOT_KEPT
    return _kept(value, depth + 1)
