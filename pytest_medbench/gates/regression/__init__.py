"""A new version against the accepted one: paired by group, and said only as far as it is shown."""

from pytest_medbench.gates.regression.compare import compare
from pytest_medbench.gates.regression.model import (
    Against,
    Comparison,
    ComparisonFinding,
    Confirmation,
    ItemChange,
    LeftOut,
    SliceChange,
)

__all__ = [
    "Against",
    "Comparison",
    "ComparisonFinding",
    "Confirmation",
    "ItemChange",
    "LeftOut",
    "SliceChange",
    "compare",
]
