"""Intervals: exact where they can be, never of zero width, never without their score."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats as reference
from statsmodels.stats.proportion import proportion_confint

from pytest_medbench.stats import (
    Part,
    beta_interval,
    mean_of_means,
    score_of,
    size_factor,
    zero_failure_bound,
    zero_failure_size,
)

means = st.floats(0, 1)
sizes = st.floats(1, 10_000)
confidences = st.sampled_from([0.8, 0.9, 0.95, 0.99])
rough_parts = st.lists(
    st.tuples(st.integers(1, 9), means, st.integers(1, 300), st.integers(0, 3)),
    min_size=1,
    max_size=8,
)


def parts_of(rough: list[tuple[int, float, int, int]]) -> list[Part]:
    whole = sum(weight for weight, *_ in rough)
    return [Part(weight / whole, mean, size, link) for weight, mean, size, link in rough]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.975])
@pytest.mark.parametrize(("hits", "size"), [(0, 1), (0, 40), (1, 3), (17, 30), (149, 150), (9, 9)])
def test_interval_of_counts_is_the_exact_one(hits: int, size: int, confidence: float) -> None:
    low, high = beta_interval(hits / size, size, confidence)
    exact = reference.binomtest(hits, size).proportion_ci(2 * confidence - 1, method="exact")
    assert low == pytest.approx(exact.low, abs=1e-9)
    assert high == pytest.approx(exact.high, abs=1e-9)
    other = proportion_confint(hits, size, alpha=2 - 2 * confidence, method="beta")
    assert (low, high) == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize(("mean", "size"), [(0.37, 12.5), (0.981, 400.0), (0.02, 7.0)])
def test_graded_interval_is_made_of_beta_quantiles(mean: float, size: float) -> None:
    k = mean * size
    low, high = beta_interval(mean, size, 0.95)
    assert low == pytest.approx(reference.beta.ppf(0.05, k, size - k + 1), abs=1e-9)
    assert high == pytest.approx(reference.beta.ppf(0.95, k + 1, size - k), abs=1e-9)


@given(means, sizes, confidences)
@example(1e-300, 1.0, 0.95)
@example(1 - 2**-53, 3.0, 0.95)
def test_interval_holds_its_mean_and_is_never_of_zero_width(
    mean: float, size: float, confidence: float
) -> None:
    low, high = beta_interval(mean, size, confidence)
    assert 0 <= low <= mean <= high <= 1
    assert high > low


@given(means, means, sizes)
def test_limits_grow_with_the_mean(one: float, other: float, size: float) -> None:
    less, more = sorted((one, other))
    assert beta_interval(less, size).low <= beta_interval(more, size).low + 1e-12
    assert beta_interval(less, size).high <= beta_interval(more, size).high + 1e-12


@pytest.mark.parametrize(
    ("mean", "size", "confidence"),
    [
        (1.1, 3, 0.95),
        (-0.1, 3, 0.95),
        (math.nan, 3, 0.95),
        (0.5, 0, 0.95),
        (0.5, 3, 1),
        (0.5, 3, 0),
    ],
)
def test_values_out_of_range_are_refused(mean: float, size: float, confidence: float) -> None:
    with pytest.raises(ValueError, match="is not"):
        beta_interval(mean, size, confidence)


@pytest.mark.parametrize(("rate", "size"), [(0.05, 59), (0.01, 299), (0.005, 598)])
def test_no_failure_in_so_many_shows_a_rate(rate: float, size: int) -> None:
    assert zero_failure_size(rate) == size
    assert zero_failure_bound(size) < rate <= zero_failure_bound(size - 1)


def test_rate_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="rate"):
        zero_failure_size(0)


@given(means, st.integers(1, 500), confidences)
def test_one_part_keeps_its_own_interval(mean: float, size: int, confidence: float) -> None:
    got = mean_of_means([Part(1.0, mean, size, 1)], confidence)
    assert got == pytest.approx(beta_interval(mean, size, confidence), abs=1e-9)


@given(rough_parts)
def test_mean_of_means_lies_inside_its_interval(rough: list[tuple[int, float, int, int]]) -> None:
    parts = parts_of(rough)
    low, high = mean_of_means(parts)
    assert 0 <= low <= score_of(parts) <= high <= 1
    assert high > low


@given(rough_parts, st.data())
def test_a_better_part_never_lowers_a_limit(
    rough: list[tuple[int, float, int, int]], data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(rough) - 1))
    weight, mean, size, link = rough[which]
    better = [*rough]
    better[which] = (weight, data.draw(st.floats(mean, 1)), size, link)
    before, after = mean_of_means(parts_of(rough)), mean_of_means(parts_of(better))
    assert after.low >= before.low - 1e-9
    assert after.high >= before.high - 1e-9


def test_parts_that_share_clusters_have_the_wider_interval() -> None:
    apart = mean_of_means([Part(0.5, 0.8, 20, 1), Part(0.5, 0.6, 20, 2)])
    linked = mean_of_means([Part(0.5, 0.8, 20, 1), Part(0.5, 0.6, 20, 1)])
    assert linked.low < apart.low
    assert linked.high > apart.high


def test_mover_holds_where_the_smallest_part_is_the_most_uncertain() -> None:
    parts = [Part(1 / 3, 2 / 3, 3, 1), Part(1 / 3, 0.9, 30, 2), Part(1 / 3, 0.99, 150, 3)]
    squares = [
        (part.weight * (part.mean - beta_interval(part.mean, part.size).low)) ** 2 for part in parts
    ]
    assert mean_of_means(parts).low <= score_of(parts) - math.sqrt(sum(squares)) + 1e-12


def test_pooled_interval_holds_where_many_small_parts_lie_on_one_side() -> None:
    means_of_three = [0, 0, 1 / 3, 1 / 3, 2 / 3, 1 / 3]
    parts = [Part(1 / 6, mean, 3, link) for link, mean in enumerate(means_of_three)]
    assert mean_of_means(parts).low <= beta_interval(score_of(parts), 18).low + 1e-12


def test_size_needed_is_the_least_that_reaches_the_threshold() -> None:
    factor = size_factor([Part(1.0, 0.95, 40, 1)], 0.9)
    assert factor is not None
    assert beta_interval(0.95, 40 * factor).low >= 0.9
    assert beta_interval(0.95, 40 * factor * 0.99).low < 0.9


@pytest.mark.parametrize("mean", [0.9, 0.8])
def test_no_size_reaches_a_threshold_that_the_score_is_not_over(mean: float) -> None:
    assert size_factor([Part(1.0, mean, 40, 1)], 0.9) is None


def test_size_that_is_enough_already_needs_no_more() -> None:
    assert size_factor([Part(1.0, 0.99, 500, 1)], 0.9) == 1
