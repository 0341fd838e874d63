"""What a plan says: requests after the cache and after merging, tokens, price, minutes."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spenders import PRICE, asking

from pytest_medbench.cache import Cache
from pytest_medbench.estimates import Estimate, Observed, Terms, estimate, estimate_suites
from pytest_medbench.exchange import Response
from pytest_medbench.observed import observe
from pytest_medbench.report.planned import ROWS, write_plan
from pytest_medbench.report.writer import PlainWriter
from pytest_medbench.tokens import (
    ASSUMED_IMAGE,
    ASSUMED_OUTPUT,
    likely_input_tokens,
    likely_tokens,
    most_input_tokens,
    most_output_tokens,
)

TERMS = Terms(concurrency=64)


def asked(count: int, *, cached: int = 0) -> Iterator[tuple[Mapping[str, Any], bool]]:
    for number in range(count):
        yield asking(f"Question {number}: which dose is right?"), number < cached


class TestTokens:
    def test_four_letters_of_english_are_a_token(self) -> None:
        assert likely_tokens("abcd" * 100) == 100

    def test_a_chinese_character_is_about_a_token(self) -> None:
        assert 85 < likely_tokens("患者应当立即就医的症状" * 9) < 99

    def test_mixed_text_is_the_sum_of_its_parts(self) -> None:
        parts = "Dosis: ", "über", " 血压"
        assert likely_tokens("".join(parts)) == pytest.approx(sum(map(likely_tokens, parts)))

    @given(st.text(max_size=200))
    def test_the_likely_are_no_more_than_the_most(self, text: str) -> None:
        wire = asking(text)
        assert 0 <= likely_tokens(text) <= len(text.encode("utf-8", "surrogatepass"))
        assert likely_input_tokens(wire) <= most_input_tokens(wire)

    def test_half_of_a_surrogate_pair_is_counted(self) -> None:
        assert likely_tokens("\ud83d") > 0
        assert most_input_tokens(asking("\ud83d")) > 0

    @given(st.text(max_size=200), st.integers(1, 20))
    def test_the_most_is_more_than_the_bytes(self, text: str, count: int) -> None:
        wire = {"messages": [{"role": "user", "content": text}] * count}
        assert most_input_tokens(wire) >= count * (len(text.encode()) + 16) + 100

    def test_parts_tools_and_images_are_counted(self) -> None:
        parts = [{"type": "text", "text": "x" * 100}]
        plain = most_input_tokens({"messages": [{"role": "user", "content": parts}]})
        assert plain >= 100
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10**6}}
        shown = most_input_tokens({"messages": [{"role": "user", "content": [*parts, image]}]})
        assert shown == plain + ASSUMED_IMAGE
        tools = {"tools": [{"type": "function", "function": {"name": "x" * 500}}]}
        assert most_input_tokens(asking(**tools)) >= most_input_tokens(asking()) + 500

    @pytest.mark.parametrize(
        ("wire", "most"),
        [
            ({"max_tokens": 16}, (16, True)),
            ({"max_completion_tokens": 99}, (99, True)),
            ({"max_tokens": 16, "max_completion_tokens": 99}, (99, True)),
            ({"settings": {"max_tokens": 7}}, (7, True)),
            ({"max_tokens": 16, "n": 5}, (80, True)),
            ({}, (ASSUMED_OUTPUT, False)),
            ({"max_tokens": None}, (ASSUMED_OUTPUT, False)),
            ({"max_tokens": True, "n": True}, (ASSUMED_OUTPUT, False)),
        ],
    )
    def test_the_most_output_is_what_the_request_says(
        self, wire: dict[str, Any], most: tuple[int, bool]
    ) -> None:
        assert most_output_tokens(wire) == most

    def test_a_request_without_messages_has_a_size(self) -> None:
        assert most_input_tokens({"suite": "demo", "item": "q1"}) > 0


class TestEstimate:
    def test_stored_responses_are_not_asked_again(self) -> None:
        found = estimate(asked(10, cached=4), TERMS)
        assert (found.items, found.cached, found.requests) == (10, 4, 6)

    def test_identical_requests_are_asked_once(self) -> None:
        twice = [*asked(5), *asked(5)]
        found = estimate(twice, TERMS)
        assert (found.items, found.requests) == (10, 5)
        assert found.input_tokens == estimate(asked(5), TERMS).input_tokens
        assert estimate(twice, Terms(64, merge=False)).requests == 10

    def test_the_order_of_keys_makes_no_difference(self) -> None:
        wire = asking()
        turned = dict(reversed(wire.items()))
        assert estimate([(wire, False), (turned, False)], TERMS).requests == 1

    def test_a_request_of_two_suites_counts_once_in_the_run(self) -> None:
        rows = [("a", 1), ("a", 2), ("b", 2), ("b", 2), ("b", 3), ("a", 2), ("c", 1), ("c", 1)]
        suites, total = estimate_suites(
            ((name, asking(f"Q{number}"), False) for name, number in rows), TERMS
        )
        assert {name: found.requests for name, found in suites.items()} == {"a": 2, "b": 2, "c": 1}
        assert (total.items, total.requests) == (8, 3)

    @given(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.booleans()), max_size=40)
    )
    def test_each_suite_is_estimated_as_if_alone(self, rows: list[tuple[str, int, bool]]) -> None:
        asked_for = [(name, asking(f"Q{number}"), cached) for name, number, cached in rows]
        suites, total = estimate_suites(asked_for, TERMS)
        for name, found in suites.items():
            alone = [(wire, cached) for suite, wire, cached in asked_for if suite == name]
            assert found == estimate(alone, TERMS)
        assert total == estimate([(wire, cached) for _, wire, cached in asked_for], TERMS)
        assert total.items == sum(found.items for found in suites.values())

    def test_expected_output_is_the_mean_of_what_is_stored(self) -> None:
        found = estimate(asked(10), Terms(64, observed=Observed(50, 1.0, 12.5)))
        assert (found.output_tokens, found.most_output_tokens) == (125, 1000)

    def test_it_is_half_of_the_most_where_nothing_is_stored(self) -> None:
        found = estimate(asked(10), TERMS)
        assert (found.output_tokens, found.most_output_tokens) == (500, 1000)
        assert estimate(asked(10), Terms(64, observed=Observed(5, 1.0, None))).output_tokens == 500

    def test_it_is_no_more_than_the_most(self) -> None:
        found = estimate(asked(10), Terms(64, observed=Observed(50, 1.0, 900.0)))
        assert found.output_tokens == found.most_output_tokens == 1000

    def test_requests_without_a_limit_are_counted(self) -> None:
        found = estimate([(asking("a", None), False), (asking("b", 5), False)], TERMS)
        assert (found.unlimited, found.most_output_tokens) == (1, ASSUMED_OUTPUT + 5)

    def test_the_price_spans_what_is_not_known(self) -> None:
        found = estimate(asked(1000), Terms(64, price=PRICE))
        low = (found.input_tokens / 1.43 * 2.5 + 50_000 * 10) / 1e6
        high = (found.input_tokens / 0.68 * 2.5 + 100_000 * 10) / 1e6
        assert found.usd_low == pytest.approx(low, rel=1e-3)
        assert found.usd_high == pytest.approx(high, rel=1e-3)

    def test_without_a_price_there_is_none(self) -> None:
        found = estimate(asked(3), TERMS)
        assert found.usd_low is None
        assert found.usd_high is None

    @pytest.mark.parametrize(
        ("concurrency", "a_minute", "minutes"),
        [(10, None, 60.0), (600, None, 1.0), (10_000, None, 0.1), (10, 50, 120.0)],
        ids=["in flight", "more in flight", "one latency at least", "requests a minute"],
    )
    def test_minutes_of_6000_requests_of_6_seconds(
        self, concurrency: int, a_minute: float | None, minutes: float
    ) -> None:
        terms = Terms(concurrency, a_minute, observed=Observed(1, 6.0, None))
        assert estimate(asked(6000), terms).minutes == pytest.approx(minutes)

    def test_seconds_are_assumed_where_nothing_is_stored(self) -> None:
        found = estimate(asked(1000), Terms(60))
        assert found.latency == 0.5 + 50 / 50
        assert found.minutes == pytest.approx(1000 * 1.5 / 60 / 60)

    def test_nothing_to_ask_takes_no_time(self) -> None:
        found = estimate(asked(5, cached=5), Terms(64, 10, PRICE))
        assert (found.minutes, found.usd_low, found.usd_high) == (0.0, 0.0, 0.0)


class TestObserved:
    def store(self, path: Path, model: str, *responses: Response) -> None:
        cache = Cache(path)
        keys = [f"{model}{number}".encode() for number in range(len(responses))]
        cache.put_many(zip(keys, responses, strict=True), model)
        cache.close()

    def test_means_are_those_of_the_model(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        quick, slow = Response("A", latency=0.2, output_tokens=4), Response("B", latency=0.6)
        self.store(path, "ours", quick, slow)
        self.store(path, "theirs", Response("A", latency=9.0, output_tokens=900))
        assert observe(path, "ours") == Observed(2, pytest.approx(0.4), 4.0)
        assert observe(path, "nobody's") is None

    def test_the_latest_count(self, tmp_path: Path) -> None:
        path = tmp_path / "responses.sqlite"
        old, new = Response("A", latency=5.0), Response("A", latency=1.0)
        self.store(path, "ours", *[old] * 100, *[new] * 2000)
        assert observe(path, "ours") == Observed(2000, 1.0, None)

    def test_a_cache_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        assert observe(tmp_path / "gone" / "responses.sqlite", "ours") is None
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
    def test_a_file_that_cannot_be_read_tells_nothing(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "responses.sqlite"
        path.write_bytes(content)
        assert observe(path, "ours") is None
        assert path.read_bytes() == content

    @pytest.mark.parametrize(
        "stored", [b"{", b"[]", b'{"latency": "x"}', b'{"latency": 1}', b"\xff"]
    )
    def test_what_cannot_be_read_is_left_out(self, tmp_path: Path, stored: bytes) -> None:
        path = tmp_path / "responses.sqlite"
        self.store(path, "ours", Response("A", latency=1.0))
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO responses_1 VALUES (?, 0, 'ours', ?)", (b"k", stored))
        connection.close()
        assert observe(path, "ours") == Observed(1, 1.0, None)


class TestTable:
    NAMES = ("suite", "exam", "s", "all")

    def written(self, suites: Mapping[str, Estimate], total: Estimate, **further: Any) -> list[str]:
        file = io.StringIO()
        write_plan(PlainWriter(file), suites, total, **{"model": "ours", **further})
        return file.getvalue().splitlines()

    def plan(self, terms: Terms, **rows: int) -> tuple[dict[str, Estimate], Estimate]:
        return estimate_suites(
            (
                (name, asking(f"{name} {number}"), number % 4 == 0)
                for name, count in rows.items()
                for number in range(count)
            ),
            terms,
        )

    def test_a_line_for_each_suite_and_one_for_all(self) -> None:
        terms = Terms(64, price=PRICE, observed=Observed(812, 1.25, 40.0))
        lines = self.written(*self.plan(terms, exam=4000, safety=1000))
        assert lines[1] == "model ours; nothing was asked"
        head, exam, safety, total = (line.split() for line in lines[2:6])
        assert head[-1] == "suite"
        assert exam[:3] + exam[-1:] == ["4,000", "1,000", "3,000", "exam"]
        assert safety[:3] + safety[-1:] == ["1,000", "250", "750", "safety"]
        assert total[:3] + total[-1:] == ["5,000", "1,250", "3,750", "all"]
        assert total[4:6] == ["150,000", "375,000"]
        assert total[9] == "1"
        notes = "\n".join(lines[6:])
        assert "tokens out: 40 a request, the mean of 812 stored responses" in notes
        assert "minutes: 1.2 s a request, the mean of 812 stored responses" in notes
        assert "assumed" not in notes

    def test_columns_stand_under_each_other(self) -> None:
        lines = self.written(*self.plan(Terms(64, price=PRICE), exam=40_000, s=3))
        starts = [lines[row].rindex(f"  {name}") for row, name in enumerate(self.NAMES, start=2)]
        assert len(set(starts)) == 1

    def test_what_is_assumed_is_named(self) -> None:
        suites, total = estimate_suites([("a", asking("x", None), False)], TERMS)
        notes = "\n".join(self.written(suites, total)[5:])
        assert "tokens out are assumed: half of the most" in notes
        assert "minutes: 41.5 s a request are assumed" in notes
        assert "1 requests set no max_tokens: 4,096 tokens are assumed" in notes
        assert "the price is not known" in notes

    def test_without_a_model_only_items_and_tokens_are_known(self) -> None:
        lines = self.written(*self.plan(TERMS, exam=8), model=None)
        assert lines[1] == "no model is named; nothing was asked"
        cells = lines[3].split()
        assert cells[0] == "8"
        assert int(cells[3]) > 0
        assert cells[1:3] + cells[4:-1] == ["-"] * 6
        assert "are not known without a model" in lines[-1]

    def test_a_batch_promises_no_minutes(self) -> None:
        lines = self.written(*self.plan(TERMS, exam=8), batch=True)
        assert lines[3].split()[-2] == "-"
        assert "a batch may take up to a day" in lines[-1]

    def test_names_are_made_fit_to_print(self) -> None:
        _, total = self.plan(TERMS, exam=1)
        lines = self.written({"a\x1b[31m\u202eb": total}, total, model="\x1b[0m")
        assert "\x1b" not in "".join(lines)
        assert "\u202e" not in "".join(lines)

    def test_many_suites_are_cut_short(self) -> None:
        lines = self.written(*self.plan(TERMS, **{f"s{n}": 1 for n in range(ROWS + 5)}))
        assert "… and 5 more suites" in lines

    def test_everything_stored_needs_no_notes_on_answers(self) -> None:
        suites, total = estimate_suites([("a", asking(), True)], Terms(64, price=PRICE))
        lines = self.written(suites, total)
        assert lines[4].split() == ["1", "1", "0", "0", "0", "0", "0.00", "–", "0.00", "0", "all"]
        assert len(lines) == 6


def test_an_estimate_is_plain_values() -> None:
    import dataclasses

    found = estimate(asked(3), Terms(64, 60, PRICE, Observed(1, 1.0, 1.0)))
    assert json.loads(json.dumps(dataclasses.asdict(found)))["items"] == 3
