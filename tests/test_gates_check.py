"""Gates held against the suites before the first request."""

from __future__ import annotations

from typing import Any

import pytest
from made_suites import entries, entry, suite

from pytest_medbench.errors import ConfigError
from pytest_medbench.gates import check_gates, parse_gates
from pytest_medbench.suites import Entry, Suite, Traits
from pytest_medbench.taxonomy import Name, Taxonomy

NAME = Name("名", "name")
TAXONOMY = Taxonomy(
    {"surgery": NAME, "surgery/cardiac": NAME}, {"medication": NAME}, {"child": NAME}
)


def check(gates: dict[str, Any], *suites: Suite, scope: str | None = None) -> None:
    check_gates(parse_gates(gates, "medbench.toml", scope=scope), suites, TAXONOMY)


def keyed(keys: str, prefix: str = "i", **given: Any) -> list[Entry]:
    return [
        entry(f"{prefix}{number}", traits=Traits(constant=key), **given)
        for number, key in enumerate(keys)
    ]


@pytest.mark.parametrize(
    "key",
    [
        "overall",
        "specialty.surgery",
        "specialty.surgery/cardiac",
        "specialty.(none)",
        "specialty.*",
        "safety.medication",
        "safety.*",
        "harm.mild",
        "track.vlm",
        "population.child",
        "language.en",
        "task.task",
        "dimension.dimension",
        "suite.exam",
    ],
)
def test_key_that_taxonomy_or_labels_know_is_fine(key: str) -> None:
    check({key: 0.5}, suite(entries(2)))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("specialty.surgry", "did you mean 'surgery'"),
        ("safety.medcation", "did you mean 'medication'"),
        ("harm.deth", "did you mean 'death'"),
        ("suite.exan", "did you mean 'exam'"),
        ("language.zh", "known are en"),
        ("task.other", "known are task"),
    ],
)
def test_key_that_nobody_knows_is_refused_with_the_nearest(key: str, said: str) -> None:
    for table in ({key: 0.5}, {"require": [key]}):
        with pytest.raises(ConfigError) as caught:
            check(table, suite(entries(2)))
        assert said in str(caught.value)
        assert "medbench.toml" in str(caught.value)


def test_suites_own_gate_knows_only_the_suites_labels() -> None:
    one, two = suite(entries(2, task="mine"), "one"), suite(entries(2, task="yours"), "two")
    check({"task.yours": 0.5}, one, two)
    with pytest.raises(ConfigError, match="yours"):
        check({"task.yours": 0.5}, one, two, scope="one")


@pytest.mark.parametrize("minimum", [0.2, 0.4])
def test_minimum_that_one_letter_reaches_is_refused(minimum: float) -> None:
    with pytest.raises(ConfigError, match=r"always 'B' reaches 0\.400 of its 10 groups"):
        check({"overall": minimum}, suite(keyed("BBBBAAACCD")))


def test_minimum_over_every_letter_is_fine() -> None:
    check({"overall": 0.41}, suite(keyed("BBBBAAACCD")))


def test_minimum_under_chance_is_fine_where_that_is_meant() -> None:
    check({"overall": {"min": 0.2, "allow_below_chance": True}}, suite(keyed("BBBBAAACCD")))


def test_longest_option_counts_as_a_blind_answer() -> None:
    items = [entry(f"i{i}", traits=Traits("ABCDE"[i % 5], longest=i < 7)) for i in range(10)]
    with pytest.raises(ConfigError, match=r"the longest option reaches 0\.700"):
        check({"overall": 0.6}, suite(items))


def test_permuted_options_leave_one_letter_nothing_under_all() -> None:
    items = [item for g in range(6) for item in keyed("ABCDE", f"g{g}-", group=f"g{g}")]
    check({"overall": 0.05}, suite(items))
    with pytest.raises(ConfigError, match=r"reaches 0\.200"):
        check({"overall": 0.2}, suite(items, rule="mean"))


def test_blind_answer_is_one_answer_over_the_whole_slice() -> None:
    items = [*keyed("AAAA", "a", specialty="surgery"), *keyed("BBBB", "b", specialty="other")]
    check({"overall": 0.51}, suite(items))
    with pytest.raises(ConfigError, match=r"specialty\.surgery"):
        check({"specialty.surgery": 0.9}, suite(items))


def test_overall_chance_is_made_like_overall() -> None:
    items = [
        *keyed("A" * 8, "a", task="one"),
        *keyed("B" * 30, "b", task="two"),
        *keyed("A" * 2, "c", task="three", dimension="safety"),
    ]
    with pytest.raises(ConfigError, match=r"always 'A' reaches 0\.750"):
        check({"overall": 0.75}, suite(items))


def test_each_of_several_right_answers_counts_for_its_own_blind_answer() -> None:
    accepted = [("x", "y"), ("y", "z"), ("z",), "y", None]
    items = [
        entry(f"i{number}", traits=Traits(constant=constants))
        for number, constants in enumerate(accepted)
    ]
    check({"overall": 0.61}, suite(items))
    with pytest.raises(ConfigError, match=r"always 'y' reaches 0\.600 of its 5 groups"):
        check({"overall": 0.6}, suite(items))


def test_an_answer_named_twice_counts_once() -> None:
    items = [entry("a", group="g", traits=Traits(("x", "x"))), entry("b", group="g")]
    check({"overall": 0.51}, suite(items, rule="mean"))


def test_items_that_no_blind_answer_fits_are_no_problem() -> None:
    check({"overall": 0.01}, suite(entries(10)))


def test_wildcard_on_fewer_groups_than_it_passes_on_is_no_problem() -> None:
    items = keyed("AAA", safety=("medication",))
    check({"safety.*": 0.9}, suite(items))
    with pytest.raises(ConfigError, match="always 'A'"):
        check({"safety.*": {"min": 0.9, "min_items": 3}}, suite(items))


def test_wildcard_that_an_exact_key_replaces_is_not_held_there() -> None:
    items = [*keyed("A" * 10, "a", task="easy"), *keyed("ABCDABCDAB", "b", task="hard")]
    check(
        {"task.*": 0.9, "task.easy": {"max_wrong": 1, "min": 1, "allow_below_chance": True}},
        suite(items),
    )


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        check({"safety.x": 0.5, "harm.y": 0.5}, suite(entries(2)))
    assert len(str(caught.value).splitlines()) == 2
