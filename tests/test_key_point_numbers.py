"""Numbers of key points: units, ranges, tolerances, in English and Chinese."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stated_points import amount, states


@pytest.mark.parametrize(
    ("text", "value", "unit", "stated"),
    [
        ("300 mg", 300, "mg", True),
        ("0.3 g", 300, "mg", True),
        ("300 milligrams", 300, "mg", True),
        ("300毫克", 300, "mg", True),
        ("三百毫克", 300, "mg", True),
        ("300 µg", 300, "mg", False),
        ("500 mcg", 0.5, "mg", True),
        ("3000 mg", 300, "mg", False),
        ("300", 300, "mg", False),
        ("300-600 mg", 300, "mg", False),
        ("300–300 mg", 300, "mg", True),
        ("2 L", 2000, "mL", True),
        ("two hours", 120, "min", True),
        ("半小时", 30, "min", True),
        ("两个小时", 2, "h", True),
        ("24小时", 1, "d", True),
        ("2周", 14, "d", True),
        ("12 months", 1, "岁", True),
        ("101.3 °F", 38.5, "℃", True),
        ("38.5℃", 38.5, "°C", True),
        ("100 beats/min", 100, "次/分", True),
        ("每分钟100次", 100, "bpm", True),
        ("100 to 120 a minute", 100, "/min", False),
        ("30 mL/kg", 30, "mL/kg", True),
        ("10 mg/kg/d", 10, "mg", False),
        ("每公斤10毫克", 10, "mg/kg", True),
        ("4 g daily", 4, "g/d", True),
        ("每日最大剂量4 g", 4, "g/d", True),
        ("300 mg once daily", 300, "mg", True),
        ("twice a day", 2, "次/d", True),
        ("1.8 g/L", 180, "mg/dL", True),
        ("5×10⁹/L", 5, "×10^9/L", True),
        ("1,000 units", 1000, "U", True),
        ("百分之五", 5, "%", True),
        ("GCS 8分", 8, "", True),
        ("a score of eight", 8, "", True),
        ("8/15", 8, "", True),
        ("8 mg", 8, "", False),
        ("120/80 mmHg", 80, "mmHg", True),
        ("1.5万元", 15000, "元", True),
        ("a base excess of -5 mmol/L", -5, "mmol/L", True),
        ("not 300 mg", 300, "mg", False),
        ("a 5-day history", 5, "d", True),
        ("a 24-hour collection", 1, "d", True),
        ("3-5 days", 5, "d", False),
        ("a 3- to 5-day course", 5, "d", False),
        ("38.6C", 38.6, "°C", True),
        ("38.6 C", 38.6, "°C", True),
        ("38.6 degrees C", 38.6, "°C", True),
        ("38.6 degrees Celsius", 38.6, "°C", True),
        ("37 deg. C", 37, "°C", True),
        ("38.6 度", 38.6, "°C", True),
        ("101.3F", 38.5, "°C", True),
        ("2 C. difficile relapses", 2, "°C", False),
        ("half an hour", 30, "min", True),
        ("half a tablet", 0.5, "tablet", True),
        ("半个小时", 30, "min", True),
        ("一个半小时", 90, "min", True),
        ("1个半小时", 60, "min", False),
        ("two and a half hours", 150, "min", True),
        ("an hour and a half later", 90, "min", True),
        ("seen within an hour", 60, "min", True),
        ("over a week ago", 7, "d", True),
        ("for a fortnight", 14, "d", True),
        ("two drinks a day", 1, "d", False),
        ("twice a week", 1, "week", False),
        ("a weekly dose", 1, "week", False),
        ("no more than 300 mg", 300, "mg", True),
    ],
)
def test_numbers_are_compared_in_their_dimension(
    text: str, value: float, unit: str, stated: bool
) -> None:
    assert states(f"It is {text}.", **amount(value, unit)) is stated


def test_a_tolerance_is_relative_and_holds_for_both_ends_of_a_range() -> None:
    assert states("110 mg", **amount(100, "mg", 0.1))
    assert not states("111 mg", **amount(100, "mg", 0.1))
    assert states("95-105 mg", **amount(100, "mg", 0.1))
    assert not states("95-120 mg", **amount(100, "mg", 0.1))


@given(
    st.integers(1, 5000).map(lambda n: n / 10),
    st.sampled_from([("mg", 1.0), ("g", 1e-3), ("µg", 1e3), ("毫克", 1.0), ("克", 1e-3)]),
)
def test_the_unit_an_amount_is_written_in_makes_no_difference(
    value: float, unit: tuple[str, float]
) -> None:
    name, factor = unit
    assert states(f"Give {value * factor:.8f} {name}.", **amount(value, "mg"))
    assert not states(f"Give {value * factor * 1.1:.8f} {name}.", **amount(value, "mg"))
