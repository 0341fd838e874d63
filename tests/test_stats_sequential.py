"""The early stop: it keeps alpha with a look after every outcome, and only ever blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference
from scipy.integrate import quad

from pytest_medbench.stats import Design, Sequential, order

DESIGN = Design(p0=0.005, p1=0.02, alpha=0.05, beta=0.1)
designs = st.sampled_from(
    [DESIGN, Design(0.01, 0.05, 0.01, 0.2), Design(0.1, 0.6, 0.05, 0.1), Design(0.3, 0.31)]
)
outcomes = st.lists(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)), max_size=60)


def after(design: Design, seen: int, bad: int) -> Sequential:
    test = Sequential(design)
    for outcome in [True] * bad + [False] * (seen - bad):
        test.observe(outcome)
    return test


def least_bad(design: Design, looks: int) -> list[int]:
    """Give, for each look, the unsafe outcomes from which the test stops."""
    bounds, bad = [], 0
    for seen in range(1, looks + 1):
        while bad <= seen and not stops(design, seen, bad):
            bad += 1
        bounds.append(bad)
    return bounds


def stops(design: Design, seen: int, bad: int) -> bool:
    test = Sequential(design)
    test.seen, test.bad = seen, float(bad)
    return test.log_evidence() >= -math.log(design.alpha)


def chance_to_stop(design: Design, rate: float, looks: int) -> float:
    """Give it exactly: the outcomes enter one by one, with a look after each."""
    bounds = least_bad(design, looks)
    alive, stopped = np.array([1.0]), 0.0
    for bound in bounds:
        alive = np.append(alive * (1 - rate), 0) + np.append(0, alive * rate)
        stopped += alive[bound:].sum()
        alive = alive[: max(bound, 1)]
    return stopped


@pytest.mark.parametrize("design", [DESIGN, Design(0.01, 0.05, 0.01, 0.2), Design(0.1, 0.2)])
def test_alpha_holds_with_a_look_after_every_outcome(design: Design) -> None:
    assert chance_to_stop(design, design.p0, 2_000) <= design.alpha
    assert chance_to_stop(design, design.p0 / 2, 2_000) <= design.alpha
    assert chance_to_stop(design, design.p1, 2_000) >= 1 - design.beta


@given(designs, outcomes)
def test_evidence_is_the_mixture_of_likelihood_ratios(design: Design, values: list[float]) -> None:
    test = Sequential(design)
    for value in values:
        test.observe(value)
    bad, good = math.fsum(values), len(values) - math.fsum(values)
    at_p1 = bad * math.log(design.p1 / design.p0) + good * math.log(
        (1 - design.p1) / (1 - design.p0)
    )
    assert test.log_evidence() >= at_p1 + math.log(0.5) - 1e-9


@given(designs, st.floats(0, 1), st.floats(0.0001, 1))
def test_evidence_is_expected_to_fall_where_the_rate_is_acceptable(
    design: Design, share: float, of_p0: float
) -> None:
    seen = 40
    bad = round(share * seen)
    rate = design.p0 * of_p0
    now = math.exp(after(design, seen, bad).log_evidence())
    if_bad = math.exp(after(design, seen + 1, bad + 1).log_evidence())
    if_good = math.exp(after(design, seen + 1, bad).log_evidence())
    assert rate * if_bad + (1 - rate) * if_good <= now * (1 + 1e-9)


@given(outcomes, st.randoms())
def test_evidence_depends_on_counts_alone(values: list[float], random) -> None:
    shuffled = random.sample(values, len(values))
    one, other = Sequential(DESIGN), Sequential(DESIGN)
    for value, again in zip(values, shuffled, strict=True):
        one.observe(value)
        other.observe(again)
    assert one.log_evidence() == pytest.approx(other.log_evidence(), abs=1e-9)


def test_safe_outcomes_never_stop() -> None:
    test = Sequential(DESIGN)
    assert not any(test.observe(False) for _ in range(3_000))
    assert test.interval().low == 0
    assert test.interval().high < 0.01


def test_a_stop_stays() -> None:
    test = Sequential(DESIGN)
    said = [test.observe(bad) for bad in [True] * 4 + [False] * 500]
    first = said.index(True)
    assert said == [False] * first + [True] * (len(said) - first)
    assert test.stopped


@pytest.mark.parametrize("design", [DESIGN, Design(0.01, 0.05, 0.01, 0.2), Design(0.1, 0.2)])
@pytest.mark.parametrize("every", [2, 3, 4])
def test_lower_limit_is_over_p0_when_the_test_stops(design: Design, every: int) -> None:
    test = Sequential(design)
    while not test.observe((test.seen + 1) % every == 0):
        pass
    low, high = test.interval(1 - design.alpha)
    assert design.p0 - 1e-9 <= low < test.bad / test.seen < high


@given(designs, outcomes, st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_interval_holds_the_share_and_grows_with_confidence(
    design: Design, values: list[float], confidence: float
) -> None:
    test = Sequential(design)
    for value in values:
        test.observe(value)
    low, high = test.interval(confidence)
    assert 0 <= low < high <= 1
    if values:
        assert low <= test.bad / test.seen <= high
    wider = test.interval(0.995)
    assert wider.low <= low
    assert wider.high >= high


@pytest.mark.parametrize(("seen", "bad"), [(10, 0), (40, 7), (25, 25)])
def test_upper_limit_solves_the_equation_of_the_beta_mixture(seen: int, bad: int) -> None:
    test = after(DESIGN, seen, bad)
    high = test.interval(0.95).high
    if bad == seen:
        assert high == 1
        return
    mixture = quad(
        lambda p: p**bad * (1 - p) ** (seen - bad) * reference.beta.pdf(p, 0.5, 0.5), 0, 1
    )[0]
    assert mixture / (high**bad * (1 - high) ** (seen - bad)) == pytest.approx(20, rel=1e-6)


@pytest.mark.parametrize("rate", [0.003, 0.02, 0.2])
def test_interval_misses_rarely_at_any_look(rate: float) -> None:
    rng = np.random.default_rng(11)
    limits: dict[tuple[int, int], tuple[float, float]] = {}
    missed = np.zeros(2)
    for _ in range(200):
        bad, over, under = 0, False, False
        for seen, outcome in enumerate(rng.random(200) < rate, 1):
            bad += int(outcome)
            if (seen, bad) not in limits:
                test = Sequential(DESIGN)
                test.seen, test.bad = seen, float(bad)
                limits[seen, bad] = test.interval(0.9)
            low, high = limits[seen, bad]
            over, under = over or low > rate, under or high < rate
        missed += over, under
    assert missed.max() / 200 <= 0.1


def test_before_the_first_outcome_nothing_is_known() -> None:
    assert Sequential(DESIGN).interval() == (0, 1)


@pytest.mark.parametrize("design", [DESIGN, Design(0.01, 0.05, 0.05, 0.2), Design(0.3, 0.5)])
def test_fixed_test_is_the_smallest_with_its_errors(design: Design) -> None:
    size, at = design.fixed()
    binom = reference.binom
    assert binom.sf(at - 1, size, design.p0) <= design.alpha
    assert binom.sf(at - 1, size, design.p1) >= 1 - design.beta
    for smaller in range(1, size):
        least = binom.isf(design.alpha, smaller, design.p0)
        assert binom.sf(least, smaller, design.p1) < 1 - design.beta


@pytest.mark.parametrize(
    "figures", [(0, 0.1), (0.1, 0.1), (0.2, 0.1), (0.1, 1), (0.1, 0.2, 0), (0.1, 0.2, 0.05, 0.6)]
)
def test_a_design_of_no_sense_is_refused(figures: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="not"):
        Design(*figures)


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_an_outcome_out_of_range_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        Sequential(DESIGN).observe(bad)


@given(st.sets(st.text(max_size=8), max_size=40), st.integers(0, 2**31), st.randoms())
def test_order_depends_on_seed_and_names_alone(names: set[str], seed: int, random) -> None:
    listed = order(names, seed)
    assert sorted(listed) == sorted(names)
    assert order(random.sample(sorted(names), len(names)) * 2, seed) == listed
    part = set(random.sample(sorted(names), len(names) // 2))
    assert order(part, seed) == [name for name in listed if name in part]


def test_another_seed_gives_another_order() -> None:
    names = [f"item-{number}" for number in range(50)]
    assert order(names, 1) != order(names, 2)
    assert order(names, 1) != names


def test_each_place_is_taken_by_each_cluster_alike() -> None:
    firsts = [order(["a", "b", "c"], seed)[0] for seed in range(600)]
    assert all(150 < firsts.count(name) < 250 for name in "abc")
