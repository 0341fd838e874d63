"""Tests of pairs: equal to other libraries' figures, and never surer than the pairs allow."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats as reference
from scipy.optimize import brentq
from statsmodels.stats.contingency_tables import mcnemar as other_mcnemar

from pytest_medbench.stats import (
    Interval,
    PairedPart,
    least_visible,
    mcnemar,
    mcnemar_power,
    paired_interval,
    sign_flip,
    tango,
)

counts = st.integers(0, 400)
confidences = st.sampled_from([0.8, 0.9, 0.95, 0.99])
tables = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 500)).map(
    lambda table: (table[0], table[1], sum(table))
)
graded = st.lists(st.floats(-1, 1), min_size=1, max_size=12)


@given(counts, counts)
@example(0, 0)
@example(1, 0)
@example(400, 0)
def test_mcnemar_is_the_exact_binomial_test(lost: int, gained: int) -> None:
    got = mcnemar(lost, gained)
    assert 0 < got <= 1
    if lost + gained == 0:
        assert got == 1
        return
    exact = reference.binomtest(lost, lost + gained, alternative="greater").pvalue
    assert got == pytest.approx(exact, rel=1e-9, abs=1e-12)
    two_sided = other_mcnemar([[7, lost], [gained, 9]], exact=True).pvalue
    smaller = min(got, mcnemar(gained, lost))
    assert min(1.0, 2 * smaller) == pytest.approx(two_sided, abs=1e-9)


@given(counts, counts)
def test_one_more_loss_never_speaks_for_the_new_version(lost: int, gained: int) -> None:
    assert mcnemar(lost + 1, gained) <= mcnemar(lost, gained)
    assert mcnemar(lost, gained + 1) >= mcnemar(lost, gained)


@given(st.integers(0, 80), st.integers(0, 80))
@example(100, 70)
def test_sign_flip_of_single_pairs_is_mcnemars_test(lost: int, gained: int) -> None:
    got = sign_flip([-1.0] * lost + [0.0] * 5 + [1.0] * gained)
    assert got == pytest.approx(mcnemar(lost, gained), abs=1e-9)


@given(graded)
@example([-0.1, -0.2, 0.3])
@example([-1 / 3, -1 / 3, 2 / 3])
def test_sign_flip_counts_every_assignment_of_signs(differences: list[float]) -> None:
    clean = [value for value in differences if abs(value) > 1e-6]
    size = math.fsum(abs(value) for value in clean)
    flips = itertools.product((1, -1), repeat=len(clean))
    sums = (
        math.fsum(value * sign for value, sign in zip(clean, signs, strict=True)) for signs in flips
    )
    as_low = sum(value <= math.fsum(clean) + 1e-12 * size for value in sums)
    assert sign_flip(clean) == pytest.approx(as_low / 2 ** len(clean), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_sign_flip_agrees_with_the_permutation_test_of_scipy(seed: int) -> None:
    values = np.random.default_rng(seed).normal(-0.1, 0.3, 11)
    other = reference.permutation_test(
        (values,), np.sum, permutation_type="samples", alternative="less", n_resamples=np.inf
    )
    assert sign_flip(values.tolist()) == pytest.approx(other.pvalue, abs=1e-9)


@pytest.mark.parametrize("unit", [1.0, 1 / 7, 0.003])
def test_sign_flip_over_many_clusters_is_the_convolution_of_their_sums(unit: float) -> None:
    sums = np.random.default_rng(7).choice([-3, -2, -1, 1, 2], size=90)
    chances = np.ones(1)
    for size in np.abs(sums):
        step = np.zeros(2 * size + 1)
        step[0] = step[-1] = 0.5
        chances = np.convolve(chances, step)
    tail = chances[: np.abs(sums).sum() + sums.sum() + 1].sum()
    assert sign_flip((sums * unit).tolist()) == pytest.approx(tail, abs=1e-9)


@pytest.mark.parametrize("size", [40, 3_000])
def test_sign_flip_of_graded_differences_is_near_its_normal_limit(size: int) -> None:
    values = np.random.default_rng(size).normal(-0.02, 0.3, size)
    normal = reference.norm.cdf(values.sum() / np.sqrt((values**2).sum()))
    assert sign_flip(values.tolist()) == pytest.approx(normal, abs=0.01)


@given(st.lists(st.integers(-3, 3), max_size=60), st.sampled_from([1e-9, 0.2, 1 / 3, 1e6]))
def test_unit_of_the_differences_does_not_matter(sums: list[int], unit: float) -> None:
    scaled = sign_flip([value * unit for value in sums])
    assert scaled == pytest.approx(sign_flip([float(value) for value in sums]), abs=1e-9)


@pytest.mark.parametrize("size", [0, 1, 16, 17, 500, 3_000])
def test_sign_flip_is_never_zero_and_never_over_one(size: int) -> None:
    assert 0 < sign_flip([-0.37] * size) <= 1
    assert sign_flip([0.37] * size) == 1


def test_a_difference_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        sign_flip([0.1, math.nan])


def tango_limit(lost: int, gained: int, pairs: int, quantile: float) -> float:
    """Give the lower limit with the fitting rates found numerically, not by the quadratic."""

    def score(change: float) -> float:
        least, most = max(0.0, -change), (1 - change) / 2

        def slope(rate: float) -> float:
            rest = pairs - lost - gained
            return lost / rate + gained / (rate + change) - 2 * rest / (1 - 2 * rate - change)

        inside = (least + 1e-14, most - 1e-14)
        if inside[0] >= inside[1] or slope(inside[0]) <= 0:
            rate = least
        elif slope(inside[1]) >= 0:
            rate = most
        else:
            rate = brentq(slope, *inside, xtol=1e-16, rtol=1e-15)
        spread = max(0.0, 2 * rate + change - change**2)
        return gained - lost - pairs * change - quantile * math.sqrt(pairs * spread)

    return float(brentq(score, -1 + 1e-12, (gained - lost) / pairs, xtol=1e-15))


@given(tables, confidences.filter(lambda confidence: confidence > 0.5))
@example((1, 0, 44), 0.95)
@example((0, 1, 44), 0.95)
def test_tango_solves_the_score_equation_of_the_paper(
    table: tuple[int, int, int], confidence: float
) -> None:
    lost, gained, pairs = table
    quantile = float(reference.norm.ppf(confidence))
    low, high = tango(lost, gained, pairs, confidence)
    if lost + gained == 0:
        bound = quantile**2 / (pairs + quantile**2)
        assert (low, high) == pytest.approx((-bound, bound), abs=1e-9)
        return
    assert low == pytest.approx(tango_limit(lost, gained, pairs, quantile), abs=1e-9)
    assert high == pytest.approx(-tango_limit(gained, lost, pairs, quantile), abs=1e-9)


@pytest.mark.parametrize(("lost", "gained", "pairs"), [(3, 0, 3), (0, 3, 3), (2, 2, 4), (0, 0, 1)])
def test_tango_at_the_edges_stays_in_range(lost: int, gained: int, pairs: int) -> None:
    low, high = tango(lost, gained, pairs)
    assert -1 <= low <= (gained - lost) / pairs <= high <= 1
    assert high > low


@pytest.mark.parametrize(
    ("lost", "gained", "pairs"), [(-1, 0, 3), (2, 2, 3), (0, 0, 0), (0, 0, math.inf)]
)
def test_counts_out_of_range_are_refused(lost: int, gained: int, pairs: int) -> None:
    with pytest.raises(ValueError, match=r"are not 0 to|is not over 0"):
        PairedPart(1.0, lost, gained, pairs)
    with pytest.raises(ValueError, match=r"are not 0 to|is not over 0"):
        tango(lost, gained, pairs)


def test_negative_counts_have_no_test() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        mcnemar(-1, 3)


@pytest.mark.parametrize(
    ("pairs", "lost_rate", "gained_rate", "alpha"),
    [(30, 0.2, 0.1, 0.05), (60, 0.1, 0.1, 0.05), (42, 0.12, 0.02, 0.01), (12, 1.0, 0.0, 0.001)],
)
def test_power_is_the_sum_over_all_tables(
    pairs: int, lost_rate: float, gained_rate: float, alpha: float
) -> None:
    rates = [lost_rate, gained_rate, 1 - lost_rate - gained_rate]
    power = math.fsum(
        reference.multinomial.pmf([lost, gained, pairs - lost - gained], pairs, rates)
        for lost in range(pairs + 1)
        for gained in range(pairs + 1 - lost)
        if mcnemar(lost, gained) <= alpha
    )
    assert mcnemar_power(pairs, lost_rate, gained_rate, alpha) == pytest.approx(power, abs=1e-9)


@given(
    st.integers(1, 3_000),
    st.floats(0, 1),
    st.sampled_from([0.05, 0.01, 0.02 / 24]),
    st.sampled_from([0.5, 0.8, 0.95]),
)
def test_least_visible_drop_is_found_with_the_power_asked_for(
    pairs: int, discordance: float, alpha: float, power: float
) -> None:
    def reached(drop: float) -> float:
        gained = max(0.0, (discordance - drop) / 2)
        return mcnemar_power(pairs, min(1.0, gained + drop), gained, alpha)

    drop = least_visible(pairs, discordance, alpha, power)
    if drop is None:
        assert reached(1.0) < power
    else:
        assert reached(drop) >= power
        assert drop <= 2e-5 or reached(drop - 2e-5) < power


def test_four_pairs_show_no_drop_at_all() -> None:
    assert least_visible(4, 0.05, 0.05) is None
    assert least_visible(5, 0.05, 0.05) is not None


@pytest.mark.parametrize(
    ("pairs", "discordance", "alpha", "power"),
    [(0, 0.1, 0.05, 0.8), (9, 1.1, 0.05, 0.8), (9, 0.1, 0, 0.8), (9, 0.1, 0.05, 1)],
)
def test_a_size_of_no_sense_is_refused(
    pairs: int, discordance: float, alpha: float, power: float
) -> None:
    with pytest.raises(ValueError, match="is not"):
        least_visible(pairs, discordance, alpha, power)


def test_interval_is_that_of_the_rest_of_the_package() -> None:
    assert isinstance(paired_interval([0.0]), Interval)
    assert isinstance(tango(0, 0, 3), Interval)
