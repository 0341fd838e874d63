"""Key points, held against the scorer that will look for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lint_suites import clean, found, rules

ASPIRIN = {"point": "Give aspirin 300 mg", "any": ["aspirin"],
           "number": {"value": 300, "unit": "mg"}}  # fmt: skip
CALL = {"point": "Call an ambulance", "any": ["ambulance", "emergency services"]}
CPR = {"point": "Start chest compressions", "any": ["chest compressions", "cpr"]}
STEM = "A man of 60 clutches his breast and sweats. Name three things to do."


def item(points: Any, stem: str = STEM, **more: Any) -> dict[str, Any]:
    return clean(0, options=..., input=stem, target=points, **more)


def broken(tmp_path: Path, points: Any, stem: str = STEM, **more: Any) -> set[tuple[str, str]]:
    return rules(tmp_path, item(points, stem, **more), scorer="key_points")


def test_sound_points_have_no_finding(tmp_path: Path) -> None:
    assert broken(tmp_path, [ASPIRIN, CALL, CPR]) == set()
    assert broken(tmp_path, {"points": [ASPIRIN, CALL, CPR], "max_length": 30}) == set()


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([CALL, {"point": "Ring up", "any": ["emergency services", "ring up"]}],
         ("points-overlap", "error")),
        ([{"point": "An ECG is done", "any": ["ecg"], "with": [["done", "made"]]},
          {"point": "The ECG done at once", "any": ["ecg"], "with": [["done", "taken"]]}],
         ("points-overlap", "error")),
        ([CALL, {"point": "Tell the ambulance of the allergy", "any": ["allergy"]}],
         ("points-overlap", "advice")),
        ([CALL, {"point": "No fever", "any": ["fever"]}], ("point-unmet", "advice")),
        ([CALL, {"point": "A first-line drug", "any": ["amoxicillin"]}], ("point-unmet", "advice")),
        ([CALL, {"point": "He sweats", "any": ["sweats"]}], ("point-in-stem", "advice")),
        ({"points": [ASPIRIN, CALL, CPR], "max_length": 5}, ("points-too-long", "error")),
        ([{**CALL, "field": "plan"}], ("field-not-asked", "error")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_points(tmp_path: Path, points: Any, expected: tuple[str, str]) -> None:
    assert broken(tmp_path, points) == {expected}


def test_a_field_that_the_stem_asks_for_is_asked(tmp_path: Path) -> None:
    stem = STEM + ' Answer as JSON with the key "plan".'
    assert broken(tmp_path, [{**CALL, "field": "plan"}, {**CPR, "field": "plan"}], stem) == set()


def test_a_negated_point_is_met_by_its_own_negation(tmp_path: Path) -> None:
    point = {"point": "Do not give water", "any": ["water"], "negated": True}
    assert broken(tmp_path, [CALL, point]) == set()
    stem = "He has drunk acid. Is water to be given, and whom do you call?"
    assert broken(tmp_path, [CALL, point], stem) == set()


def test_chinese_points(tmp_path: Path) -> None:
    points = [{"point": "拨打120", "any": ["120", "急救电话"]},
              {"point": "不要催吐", "any": ["催吐"], "negated": True}]  # fmt: skip
    stem = "家人误服了强酸，请写出两件要紧的事。"
    assert broken(tmp_path, points, stem, language="zh") == set()


def test_the_finding_names_the_point(tmp_path: Path) -> None:
    points = [CALL, {"point": "A first-line drug", "any": ["amoxicillin"]}]
    (finding,) = found(tmp_path, [item(points)], scorer="key_points")["point-unmet", "advice"]
    assert "'A first-line drug'" in finding.message


def test_fields_of_a_json_target_are_named_by_template_stem_or_prompt(tmp_path: Path) -> None:
    row = clean(0, options=..., input="Take the age from this note: 54 years.", target={"age": 54})
    own = 'text = "{input} Reply in JSON."'
    assert rules(tmp_path, row, scorer="json") == set()
    assert rules(tmp_path, row, scorer="json", prompt=own) == set()
    row["target"] = {"weight": 62}
    assert rules(tmp_path, row, scorer="json", prompt=own) == {("field-not-asked", "error")}
    asked = own.replace("JSON", "JSON with weight")
    assert rules(tmp_path, row, scorer="json", prompt=asked) == set()
