"""Limits of a mean change: never of zero width, and wide enough for what the pairs may hide."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_medbench.stats import (
    PairedPart,
    Part,
    beta_interval,
    difference_of,
    mean_of_means,
    paired_interval,
    pairs_needed,
    score_of,
    weighted_difference,
    zero_failure_bound,
)

confidences = st.sampled_from([0.8, 0.9, 0.95, 0.99])
tables = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 500)).map(
    lambda table: (table[0], table[1], sum(table))
)
rough_parts = st.lists(
    st.tuples(st.integers(1, 9), st.floats(0, 1), st.floats(0, 1), st.integers(1, 300)),
    min_size=1,
    max_size=6,
)


def parts_of(rough: list[tuple[int, float, float, int]]) -> list[PairedPart]:
    whole = sum(weight for weight, *_ in rough)
    return [
        PairedPart(weight / whole, lost * size, gained * (1 - lost) * size, size, link)
        for link, (weight, lost, gained, size) in enumerate(rough)
    ]


@given(tables, confidences)
def test_interval_of_pairs_is_wider_than_that_of_the_losses_alone(
    table: tuple[int, int, int], confidence: float
) -> None:
    lost, _, pairs = table
    alone = beta_interval(lost / pairs, pairs, confidence)
    low, high = weighted_difference([PairedPart(1.0, lost, 0, pairs)], confidence)
    assert low == pytest.approx(-alone.high, abs=1e-9)
    assert high >= -alone.low - 1e-9


def test_interval_of_pairs_is_mover_with_their_correlation() -> None:
    lost, gained, pairs = 16, 9, 50
    loss, gain = beta_interval(lost / pairs, pairs), beta_interval(gained / pairs, pairs)
    p, q = gained / pairs, lost / pairs
    r = -p * q / math.sqrt(p * (1 - p) * q * (1 - q))
    one, other = p - gain.low, loss.high - q
    low = p - q - math.sqrt(one**2 + other**2 - 2 * r * one * other)
    one, other = gain.high - p, q - loss.low
    high = p - q + math.sqrt(one**2 + other**2 - 2 * r * one * other)
    got = weighted_difference([PairedPart(1.0, lost, gained, pairs)])
    assert got == pytest.approx((low, high), abs=1e-12)


@given(rough_parts, confidences)
def test_difference_lies_in_its_interval_of_some_width(
    rough: list[tuple[int, float, float, int]], confidence: float
) -> None:
    parts = parts_of(rough)
    low, high = weighted_difference(parts, confidence)
    assert -1 <= low <= difference_of(parts) + 1e-12
    assert difference_of(parts) - 1e-12 <= high <= 1
    assert high > low


@given(rough_parts, confidences)
def test_the_other_way_round_the_interval_is_mirrored(
    rough: list[tuple[int, float, float, int]], confidence: float
) -> None:
    parts = parts_of(rough)
    back = [PairedPart(p.weight, p.gained, p.lost, p.pairs, p.link) for p in parts]
    low, high = weighted_difference(back, confidence)
    assert weighted_difference(parts, confidence) == pytest.approx((-high, -low), abs=1e-9)


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=80))
def test_single_pairs_and_their_counts_have_one_interval(differences: list[float]) -> None:
    lost, gained = differences.count(-1.0), differences.count(1.0)
    by_count = weighted_difference([PairedPart(1.0, lost, gained, len(differences))])
    assert paired_interval(differences) == pytest.approx(by_count, abs=1e-12)


@pytest.mark.parametrize("size", [3, 42, 400])
def test_a_whole_point_lost_unseen_is_allowed_for(size: int) -> None:
    assert paired_interval([0.01] * size).low <= 0.01 - zero_failure_bound(size)


def test_graded_pairs_that_vary_little_have_the_narrower_interval() -> None:
    rubric = [0.1, -0.1, 0.05, -0.05] * 50
    low, high = paired_interval(rubric)
    total = math.fsum(value for value in rubric if value > 0)
    whole = weighted_difference([PairedPart(1.0, total, total, len(rubric))])
    assert whole.low < low < 0 < high < whole.high
    assert high - low < 0.6 * (whole.high - whole.low)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), min_size=1, max_size=6))
@example([(2, 1), (3, 27), (1, 149)])
@example([(3, 0), (2, 1), (0, 3), (1, 2), (0, 3), (1, 2)])
def test_losses_of_several_tasks_have_the_limits_of_a_mean_of_means(
    tasks: list[tuple[int, int]],
) -> None:
    tasks = [(lost, kept) for lost, kept in tasks if lost + kept]
    weight = 1 / len(tasks)
    parts = [
        PairedPart(weight, lost, 0, lost + kept, link) for link, (lost, kept) in enumerate(tasks)
    ]
    means = [
        Part(weight, lost / (lost + kept), lost + kept, link)
        for link, (lost, kept) in enumerate(tasks)
    ]
    none = mean_of_means([Part(part.weight, 0.0, part.size, part.link) for part in means])
    below, above = mean_of_means(means)
    down = score_of(means)
    low, high = weighted_difference(parts)
    assert low == pytest.approx(-above, abs=1e-9)
    assert high == pytest.approx(math.hypot(none.high, down - below) - down, abs=1e-9)


def test_squares_of_no_such_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="squares"):
        PairedPart(1.0, 3.0, 0.0, 10, lost_squares=3.1)
    with pytest.raises(ValueError, match="squares"):
        PairedPart(1.0, 3.0, 0.0, 10, lost_squares=0.8)


def test_clusters_of_several_sizes_count_by_size() -> None:
    differences, sizes = [-1.0, 0.0, 0.0, 0.5], [1, 1, 1, 5]
    low, high = paired_interval(differences, sizes=sizes)
    assert low < (-1 + 2.5) / 8 < high
    alike = paired_interval([*differences[:3], *[0.5] * 5])
    assert low < alike.low
    assert high > alike.high


@pytest.mark.parametrize("value", [0.0, 0.4, -1.0, 1.0])
@pytest.mark.parametrize("size", [1, 3, 50])
def test_pairs_that_all_changed_alike_still_have_some_width(value: float, size: int) -> None:
    low, high = paired_interval([value] * size)
    assert low <= value <= high
    assert high - low > 0.01


@pytest.mark.parametrize(
    ("differences", "sizes"), [([], None), ([1.5], None), ([math.nan], None), ([0.1], [0])]
)
def test_differences_out_of_range_are_refused(
    differences: list[float], sizes: list[float] | None
) -> None:
    with pytest.raises(ValueError, match=r"not between|at least one"):
        paired_interval(differences, sizes=sizes)


@pytest.mark.parametrize(("lost", "gained", "pairs"), [(5, 5, 100), (1, 0, 60), (0, 0, 20)])
def test_pairs_needed_are_the_fewest_that_show_it(lost: int, gained: int, pairs: int) -> None:
    needed = pairs_needed([PairedPart(1.0, lost, gained, pairs)], 0.02)
    assert needed is not None

    def low(size: float) -> float:
        scale = size / pairs
        return weighted_difference([PairedPart(1.0, lost * scale, gained * scale, size)]).low

    assert low(needed) > -0.02 >= low(needed - 1.01)


def test_pairs_that_are_enough_need_no_more_and_a_large_drop_has_none() -> None:
    assert pairs_needed([PairedPart(1.0, 1, 3, 900)], 0.02) == 900
    assert pairs_needed([PairedPart(1.0, 4, 2, 100)], 0.02) is None
