"""Test a medical AI model before every release, with pytest."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_medbench.exchange import Request, Response
    from pytest_medbench.outcomes import Outcome, Score, Status
    from pytest_medbench.scorers import scorer
    from pytest_medbench.suites import Item

__all__ = ["Item", "Outcome", "Request", "Response", "Score", "Status", "scorer"]

_HOMES = {
    "Item": "suites",
    "Outcome": "outcomes",
    "Request": "exchange",
    "Response": "exchange",
    "Score": "outcomes",
    "Status": "outcomes",
    "scorer": "scorers",
}


def __getattr__(name: str) -> Any:
    # Lazily, so that a project that has the plugin and does not use it pays nothing.
    if name in _HOMES:
        return getattr(importlib.import_module(f"pytest_medbench.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
