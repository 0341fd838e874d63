"""Intervals and sizes: what a score of so many items can say."""

from __future__ import annotations

from pytest_medbench.stats.intervals import (
    Interval,
    beta_interval,
    zero_failure_bound,
    zero_failure_size,
)
from pytest_medbench.stats.mover import Part, mean_of_means, score_of, size_factor

__all__ = [
    "Interval",
    "Part",
    "beta_interval",
    "mean_of_means",
    "score_of",
    "size_factor",
    "zero_failure_bound",
    "zero_failure_size",
]
