"""Intervals, tests and sizes: what a score of so many items, or its change, can say."""

from __future__ import annotations

from pytest_medbench.stats.differences import (
    PairedPart,
    difference_of,
    paired_interval,
    pairs_needed,
    weighted_difference,
)
from pytest_medbench.stats.intervals import (
    Interval,
    beta_interval,
    zero_failure_bound,
    zero_failure_size,
)
from pytest_medbench.stats.mover import Part, mean_of_means, score_of, size_factor
from pytest_medbench.stats.multiplicity import (
    Decided,
    benjamini_hochberg,
    benjamini_hochberg_adjusted,
    decide_family,
    gatekeeping,
    holm,
    holm_adjusted,
)
from pytest_medbench.stats.paired import mcnemar, tango
from pytest_medbench.stats.power import least_visible, mcnemar_power
from pytest_medbench.stats.sequential import Design, FixedTest, Sequential, order
from pytest_medbench.stats.sign_flip import sign_flip

__all__ = [
    "Decided",
    "Design",
    "FixedTest",
    "Interval",
    "PairedPart",
    "Part",
    "Sequential",
    "benjamini_hochberg",
    "benjamini_hochberg_adjusted",
    "beta_interval",
    "decide_family",
    "difference_of",
    "gatekeeping",
    "holm",
    "holm_adjusted",
    "least_visible",
    "mcnemar",
    "mcnemar_power",
    "mean_of_means",
    "order",
    "paired_interval",
    "pairs_needed",
    "score_of",
    "sign_flip",
    "size_factor",
    "tango",
    "weighted_difference",
    "zero_failure_bound",
    "zero_failure_size",
]
