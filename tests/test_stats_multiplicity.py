"""Families of tests: the figures of another library, and secondaries only where it is allowed."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from pytest_medbench.stats import (
    benjamini_hochberg,
    benjamini_hochberg_adjusted,
    decide_family,
    gatekeeping,
    holm,
    holm_adjusted,
)

families = st.lists(
    st.one_of(st.floats(0, 1), st.floats(0, 0.01), st.sampled_from([0.0, 0.001, 0.02, 1.0])),
    min_size=1,
    max_size=30,
)
levels = st.sampled_from([0.01, 0.02, 0.05, 0.2])


# Here the other library takes a tenth of a second a call.
@settings(max_examples=25)
@given(families, levels)
@example([0.01, 0.01, 0.01], 0.02)
@example([0.02], 0.02)
def test_holm_is_that_of_statsmodels(ps: list[float], alpha: float) -> None:
    rejected, adjusted, *_ = multipletests(ps, alpha, method="holm")
    assert holm_adjusted(ps) == pytest.approx(adjusted.tolist(), abs=1e-9)
    if min(abs(p - alpha) for p in adjusted) > 1e-9:
        assert holm(ps, alpha) == rejected.tolist()


@given(families, levels)
@example([0.01, 0.01, 0.01], 0.02)
@example([0.02], 0.02)
def test_benjamini_hochberg_is_that_of_statsmodels(ps: list[float], q: float) -> None:
    rejected, adjusted, *_ = multipletests(ps, q, method="fdr_bh")
    assert benjamini_hochberg_adjusted(ps) == pytest.approx(adjusted.tolist(), abs=1e-9)
    if min(abs(p - q) for p in adjusted) > 1e-9:
        assert benjamini_hochberg(ps, q) == rejected.tolist()


@given(families, levels)
def test_holm_rejects_no_more_than_benjamini_hochberg(ps: list[float], level: float) -> None:
    pairs = zip(holm(ps, level), benjamini_hochberg(ps, level), strict=True)
    assert all(wide or not narrow for narrow, wide in pairs)


@given(families, levels, st.randoms())
def test_order_of_the_family_does_not_matter(ps: list[float], level: float, random) -> None:
    shuffled = random.sample(range(len(ps)), len(ps))
    for decide in (holm, benjamini_hochberg):
        decided = decide(ps, level)
        again = decide([ps[which] for which in shuffled], level)
        assert again == [decided[which] for which in shuffled]


def test_p_at_the_level_is_rejected() -> None:
    assert benjamini_hochberg([0.02 / 24] + [1.0] * 23, 0.02) == [True] + [False] * 23
    assert holm([0.02 / 9] + [1.0] * 8, 0.02) == [True] + [False] * 8


def test_an_empty_family_decides_nothing() -> None:
    assert holm([], 0.05) == benjamini_hochberg([], 0.05) == []
    assert gatekeeping({}, {}, 0.02) == ({}, {})


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_p_out_of_range_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        holm([0.5, p], 0.05)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        benjamini_hochberg([0.5, p], 0.05)


def test_family_keeps_names_with_both_p_values() -> None:
    decided = decide_family({"a": 0.001, "b": 0.5}, 0.02, holm_adjusted)
    assert decided["a"].rejected
    assert decided["a"].adjusted == 0.002
    assert (decided["b"].p, decided["b"].rejected) == (0.5, False)


def test_secondaries_are_decided_inside_a_rejected_primary_alone() -> None:
    parents = {"cardiology": 1e-6, "neurology": 0.4}
    children = {
        "cardiology": {"arrhythmia": 1e-5, "valves": 0.5},
        "neurology": {"stroke": 1e-9},
    }
    first, second = gatekeeping(parents, children, 0.02)
    assert first["cardiology"].rejected
    assert not first["neurology"].rejected
    assert second["cardiology"]["arrhythmia"].rejected
    assert not second["cardiology"]["valves"].rejected
    assert not second["neurology"]["stroke"].rejected


def test_secondaries_share_the_level_of_the_selected_primaries() -> None:
    parents = {f"primary {number}": 1.0 for number in range(9)} | {"a": 1e-9}
    first, second = gatekeeping(parents, {"a": {"x": 0.0021, "y": 0.001}}, 0.02)
    assert first["a"].rejected
    assert second["a"]["x"].level == pytest.approx(0.002)
    assert [decided.rejected for decided in second["a"].values()] == [False, True]


def test_secondaries_of_an_unknown_primary_are_refused() -> None:
    with pytest.raises(ValueError, match="'b', which is no primary"):
        gatekeeping({"a": 0.1}, {"b": {"x": 0.1}}, 0.02)
