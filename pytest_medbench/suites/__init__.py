"""Suites and items: read, checked, and found again by byte offset."""

from pytest_medbench.suites.explaining import explain
from pytest_medbench.suites.model import (
    BoundScorer,
    Entry,
    ItemReader,
    Labels,
    Suite,
    Traits,
)
from pytest_medbench.suites.reading import SUITE_FILE, is_suite_file, read_suite
from pytest_medbench.suites.schema import (
    Item,
    PromptTable,
    ScoreTable,
    SuiteFileModel,
    SuiteTable,
)

__all__ = [
    "SUITE_FILE",
    "BoundScorer",
    "Entry",
    "Item",
    "ItemReader",
    "Labels",
    "PromptTable",
    "ScoreTable",
    "Suite",
    "SuiteFileModel",
    "SuiteTable",
    "Traits",
    "explain",
    "is_suite_file",
    "read_suite",
]
