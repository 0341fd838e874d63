"""The tasks that items are counted by: those of MedBench v4's language track."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

BUILT_IN = Path(__file__).with_name("tasks.toml")


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the leaderboard.

    Parameters
    ----------
    name : str
        As an item's or a suite's `task` names it.
    dimension : str
        `MKQA`, `MLG`, `CMR`, `MLU` or `HSE`.
    zh, en : str
        What it asks, in a few words.
    """

    name: str
    dimension: str
    zh: str
    en: str


@lru_cache(maxsize=1)
def load_tasks() -> Mapping[str, Task]:
    """Give the 36 tasks by name, in the order of the leaderboard."""
    document = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))
    return MappingProxyType(
        {name: Task(name=name, **table) for name, table in document["tasks"].items()}
    )


@lru_cache(maxsize=1)
def load_dimensions() -> Mapping[str, Mapping[str, str]]:
    """Give the five dimensions: for each its Chinese and its English name."""
    document = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))
    return MappingProxyType(document["dimensions"])
