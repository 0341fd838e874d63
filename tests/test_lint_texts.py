"""The readings the lint stands on: ranges, check digits, shingles, and texts of any kind."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lint_suites import linted, write

from pytest_medbench.lint.near import Candidates
from pytest_medbench.lint.personal import is_resident_id, kinds_in
from pytest_medbench.lint.ranges import Range, read_range
from pytest_medbench.lint.shingles import resemblance, shingles, signature, without
from pytest_medbench.lint.texts import count_han, holds

texts = st.text(st.characters(codec="utf-8"), max_size=200)


class TestRanges:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("5–10 mg", Range(5, 10, "mg")),
            ("5 to 10 mg/kg.", Range(5, 10, "mg/kg")),
            ("5 mg - 10 mg", Range(5, 10, "mg")),
            ("5～10周", Range(5, 10, "周")),
            ("0.5 至 1.5", Range(0.5, 1.5, "")),
            ("< 5 %", Range(-inf, 5, "%")),
            ("≤5", Range(-inf, 5, "")),
            ("at least 3 days", Range(3, inf, "days")),
            ("超过24小时", Range(24, inf, "小时")),
            ("10-5 mg", None),
            ("120/80 to 139/89", None),
            ("5 mg", None),
            ("COVID-19", None),
            ("", None),
        ],
    )
    def test_read_range(self, text: str, expected: Range | None) -> None:
        assert read_range(text) == expected

    @given(st.integers(0, 10**6), st.integers(1, 10**6), st.sampled_from(["mg", "%", "周", ""]))
    def test_any_range_written_out_is_read(self, low: int, width: int, unit: str) -> None:
        assert read_range(f"{low}–{low + width} {unit}") == Range(low, low + width, unit)

    @given(*[st.integers(0, 30)] * 4)
    def test_overlapping_is_mutual_and_needs_a_common_inner_point(
        self, a: int, b: int, c: int, d: int
    ) -> None:
        one, other = Range(a, a + b + 1, ""), Range(c, c + d + 1, "")
        inner = any(
            one.low < at / 2 < one.high and other.low < at / 2 < other.high for at in range(140)
        )
        assert one.overlaps(other) == other.overlaps(one) == inner

    @given(st.text(max_size=100))
    def test_never_raises(self, text: str) -> None:
        read_range(text)


class TestResidentIds:
    def test_the_check_digit_of_the_standard(self) -> None:
        assert is_resident_id("11010519491231002X")
        assert is_resident_id("11010519491231002x")
        assert not is_resident_id("110105194912310021")

    @given(st.integers(0, 16), st.integers(1, 9))
    def test_any_changed_digit_is_noticed(self, at: int, by: int) -> None:
        digits = list("11010519491231002X")
        digits[at] = str((int(digits[at]) + by) % 10)
        assert not is_resident_id("".join(digits))

    @given(st.text("0123456789X-@. 姓名：年a", max_size=60))
    def test_no_text_raises(self, text: str) -> None:
        assert len(set(kinds_in(text))) == len(list(kinds_in(text)))


class TestHolds:
    @pytest.mark.parametrize(
        ("text", "part", "held"),
        [
            ("an ulcer of the leg", "ulcer", True),
            ("ulcerative colitis", "ulcer", False),
            ("a dose of 1.5 mg", "5 mg", False),
            ("右冠状动脉闭塞", "冠状动脉", True),
            ("asthmatic asthma", "asthma", True),
        ],
    )
    def test_whole_words(self, text: str, part: str, held: bool) -> None:
        assert holds(text, part) is held

    @given(texts, texts)
    def test_only_what_is_there_is_held(self, text: str, part: str) -> None:
        assert not holds(text, part) or part in text


def naive(one: str, other: str, size: int) -> float:
    a, b = ({text[i : i + size] for i in range(len(text) - size + 1)} for text in (one, other))
    return len(a & b) / len(a | b) if a | b else 0.0


class TestShingles:
    @given(st.text(max_size=300), st.text(max_size=300), st.sampled_from([3, 5]))
    @example("abcab" * 20, "bcabc" * 20, 3)
    @example("\ud800abcdef", "abcdef", 3)
    def test_resemblance_is_the_jaccard_index(self, one: str, other: str, size: int) -> None:
        found = resemblance(shingles(one, size), shingles(other, size))
        assert found == pytest.approx(naive(one, other, size))

    @given(st.text(max_size=200), st.text(max_size=200))
    def test_without_takes_out_what_is_in_both(self, one: str, other: str) -> None:
        a, b = shingles(one, 3), shingles(other, 3)
        assert set(without(a, b).tolist()) == set(a.tolist()) - set(b.tolist())

    def test_signatures_agree_as_texts_do(self) -> None:
        words = [f"word{number}" for number in range(400)]
        one = " ".join(words)
        other = " ".join([*words[:340], *(word.upper() for word in words[340:])])
        agreement = float(np.mean(signature(shingles(one, 5)) == signature(shingles(other, 5))))
        assert agreement == pytest.approx(naive(one, other, 5), abs=0.2)


class TestCandidates:
    def test_pairs_are_alike_and_not_related(self) -> None:
        generator = np.random.default_rng(7)
        base = generator.integers(0, 2**32, 500, np.uint32)
        near = np.unique(np.concatenate([base[:480], generator.integers(0, 2**32, 20, np.uint32)]))
        far = generator.integers(0, 2**32, 500, np.uint32)
        found = Candidates(0.7)
        for number, hashes in enumerate([base, far, near, base]):
            # The last one is of the first one's cluster.
            found.add(signature(np.unique(hashes)), number, 0 if number == 3 else number, 1)
        assert list(found.pairs()) == [(0, 2), (2, 3)]

    def test_none_and_one_have_no_pairs(self) -> None:
        found = Candidates(0.7)
        assert list(found.pairs()) == []
        found.add(signature(shingles("a text that is long enough", 5)), 1, 2, 3)
        assert list(found.pairs()) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(texts, min_size=2, max_size=5), texts, texts)
def test_no_text_of_an_item_stops_the_lint(
    tmp_path: Path, options: list[str], stem: str, rationale: str
) -> None:
    item = {"id": "a", "input": stem, "options": options, "target": "A", "rationale": rationale}
    twin = {**item, "id": "b", "language": "zh", "group": "a", "meta": {"lint_ok": ["language"]}}
    result = linted(write(tmp_path, [json.dumps(row) for row in (item, twin)]))
    assert result.suites == {"demo": 2}
    assert count_han(stem) >= 0
