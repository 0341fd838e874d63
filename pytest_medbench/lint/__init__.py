"""What is wrong with a suite, found without asking a model."""

from pytest_medbench.lint import (  # noqa: F401 -- importing registers their rules
    balance,
    cues,
    duplicates,
    groups,
    hostile,
    key_points,
    labels,
    language,
    options,
    personal,
    scoring,
)
from pytest_medbench.lint.model import Finding, Level, Row
from pytest_medbench.lint.places import find_suites, one_suite
from pytest_medbench.lint.registry import RULES, Rule
from pytest_medbench.lint.running import Linted, lint

__all__ = ["RULES", "Finding", "Level", "Linted", "Row", "Rule", "find_suites", "lint", "one_suite"]
