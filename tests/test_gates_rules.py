"""Gates as they are written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench.errors import ConfigError
from pytest_medbench.gates import Gate, parse_gates

PLACE = "medbench.toml [gates]"


def parse(table: dict[str, Any]) -> list[Gate]:
    return parse_gates(table, PLACE, scope=None)


def test_number_is_a_minimum() -> None:
    (gate,) = parse({"overall": 0.6})
    assert (gate.key, gate.min, gate.rule, gate.min_items) == ("overall", 0.6, "point", 1)


def test_wildcard_asks_for_ten_groups() -> None:
    (gate,) = parse({"safety.*": {"min": 0.9}})
    assert gate.min_items == 10


@pytest.mark.parametrize(
    "text",
    [
        '"specialty.cardiology" = 0.5',
        "specialty.cardiology = 0.5",
        'specialty."cardiology" = { min = 0.5 }',
        "[specialty.cardiology]\nmin = 0.5",
    ],
)
def test_quoted_and_nested_keys_are_the_same(text: str) -> None:
    assert parse(tomllib.loads(text)) == parse({"specialty.cardiology": 0.5})


def test_name_of_a_suite_may_have_dots() -> None:
    (gate,) = parse(tomllib.loads("suite.my.suite-2.min = 0.5"))
    assert gate.label == "my.suite-2"


def test_defaults_hold_for_all_gates_of_the_table() -> None:
    gates = parse(
        {"defaults": {"rule": "confidence", "min_items": 5}, "safety.*": 0.9, "overall": 0.5}
    )
    assert [(gate.rule, gate.min_items) for gate in gates] == [("confidence", 5)] * 2


def test_required_slices_are_listed_once() -> None:
    gates = parse({"require": ["safety.medication", "safety.medication"]})
    assert [(gate.key, gate.required) for gate in gates] == [("safety.medication", True)]


def test_safety_asks_for_every_item_whatever_the_defaults() -> None:
    gates = parse({"defaults": {"coverage": 0.8}, "safety.*": 0.9, "overall": 0.5})
    assert [gate.floor for gate in gates] == [1.0, 0.8]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"overal": 0.5}, "did you mean 'overall'"),
        ({"specalty.cardiology": 0.5}, "did you mean 'specialty'"),
        ({"banana": 0.5}, "specialty.LABEL"),
        ({"specialty": 0.5}, "specialty.NAME"),
        ({"safety.": 0.5}, "safety.NAME"),
        ({"safety.*/*": 0.5}, "'safety.*'"),
        ({"specialty.card*": 0.5}, "'specialty.*/*'"),
        ({"overall": {"mim": 0.5}}, "did you mean 'min'"),
        ({"overall": {"min": 0.5, "banana": 1}}, "known are min"),
        ({"overall": "0.5"}, "0.6 is 60 %"),
        ({"overall": 60}, "0.6 is 60 %"),
        ({"overall": True}, "a number"),
        ({"overall": float("nan")}, "a number"),
        ({"overall": 0}, "over 0"),
        ({"overall": {}}, "asks for nothing"),
        ({"overall": {"min_items": 3}}, "asks for nothing"),
        ({"overall": {"min": 0.5, "rule": "mean"}}, "'point' or 'confidence'"),
        ({"overall": {"min": 0.5, "confidence": 1.0}}, "under 1"),
        ({"overall": {"min": 0.5, "min_items": 0}}, "a whole number from 1"),
        ({"harm.death": {"max_wrong": -1}}, "a whole number from 0"),
        ({"harm.death": {"max_wrong": True}}, "a whole number"),
        ({"overall": {"min": 0.5, "scored_part": "yes"}}, "true or false"),
        ({"safety.*": {"min": 0.9, "coverage": 0.9}}, "every safety item"),
        ({"require": "safety.medication"}, "a list of slices"),
        ({"require": ["safty.medication"]}, "did you mean 'safety'"),
        ({"defaults": {"min": 0.5}}, "unknown option 'min'"),
        ({"defaults": 3}, "expected a table"),
        ({"overall": [0.5]}, "a number"),
        ({"task.a": 0.5, "task": {"a": 0.6}}, "given twice"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_place(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(table)
    assert said in str(caught.value)
    assert PLACE in str(caught.value)


trees = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["min", "max_wrong", "specialty", "task", "*", "overall", "a.b", ""]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["task", "require"]), trees))
def test_any_table_is_read_or_refused_with_a_message(table: dict[str, Any]) -> None:
    said, gates = PLACE, []
    try:
        gates = parse(table)
    except ConfigError as error:
        said = str(error)
    assert PLACE in said
    assert all(gate.required or gate.min or gate.max_wrong is not None for gate in gates)
