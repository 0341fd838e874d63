"""Selecting items: labels, a sample, a shard; a group stays whole through all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_suites import LetterScorer

from pytest_medbench.errors import ConfigError
from pytest_medbench.options import Options
from pytest_medbench.selection import is_selecting, select
from pytest_medbench.suites import Entry, Labels, Suite, SuiteFileModel

SPECIALTIES = [None, "surgery", "internal_medicine/cardiology", "internal_medicine/nephrology"]
Planned = list[tuple[Suite, Entry]]


def suite(name: str) -> Suite:
    spec = SuiteFileModel.model_validate(
        {"suite": {"name": name, "items": "x"}, "score": {"scorer": "letter"}}
    )
    return Suite(Path(name) / "suite.toml", spec, LetterScorer(), [], "")


def entry(id_: str, group: str | None = None, *, must_pass: bool = False, **labels: Any) -> Entry:
    all_labels = {
        "specialty": None, "safety": (), "harm": None, "population": (),
        "language": "en", "task": "recall", "dimension": "general", "track": "llm",
    } | labels  # fmt: skip
    own = group or id_
    return Entry(id_, 1, 0, 0, Labels(**all_labels), own, own, must_pass)


def options(**given_: Any) -> Options:
    return Options(root=Path("/"), **given_)


def chosen(planned: Planned, **given_: Any) -> set[tuple[str, str]]:
    found = select(options(**given_), planned)
    return {(name, id_) for name, ids in found.items() for id_ in ids}


def groups_cut(planned: Planned, kept: set[tuple[str, str]]) -> list[str]:
    members: dict[tuple[str, str], set[bool]] = {}
    for one, item in planned:
        members.setdefault((one.name, item.group), set()).add((one.name, item.id) in kept)
    return [group for (_, group), seen in members.items() if len(seen) > 1]


@st.composite
def plans(draw: st.DrawFn) -> Planned:
    planned: Planned = []
    for name in draw(st.sampled_from([["a"], ["a", "b"]])):
        one = suite(name)
        sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=25))
        for number, size in enumerate(sizes):
            specialty = draw(st.sampled_from(SPECIALTIES))
            must = draw(st.integers(0, 9)) == 0
            for member in range(size):
                item = entry(
                    f"{number}-{member}", f"g{number}", specialty=specialty, must_pass=must
                )
                planned.append((one, item))
    return draw(st.permutations(planned))


def plain(sizes: dict[tuple[str, str | None], int]) -> Planned:
    """Give single items, so many for each suite and specialty."""
    suites = {name: suite(name) for name, _ in sizes}
    return [
        (suites[name], entry(f"{specialty}-{number}", specialty=specialty))
        for (name, specialty), count in sizes.items()
        for number in range(count)
    ]


class TestLabels:
    PLANNED: Sequence[tuple[Suite, Entry]] = [
        (suite("a"), entry("1", specialty="surgery", safety=("medication",))),
        (suite("a"), entry("2", specialty="internal_medicine/cardiology")),
        (suite("a"), entry("3", "g", specialty="internal_medicine/nephrology", task="dose")),
        (suite("a"), entry("4", "g")),
        (suite("b"), entry("1", track="vlm")),
    ]

    def pick(self, **selections: tuple[str, ...]) -> set[tuple[str, str]]:
        return chosen(list(self.PLANNED), selections=selections)

    def test_without_flags_everything_is_chosen(self) -> None:
        assert len(self.pick()) == len(self.PLANNED)
        assert not is_selecting(options())

    @pytest.mark.parametrize(
        ("kind", "labels", "ids"),
        [
            ("specialty", ("surgery",), "1"),
            ("specialty", ("internal_medicine",), "234"),
            ("specialty", ("cardiology",), "2"),
            ("specialty", ("internal_medicine/cardiology", "surgery"), "12"),
            ("safety", ("medication",), "1"),
            ("task", ("dose",), "34"),
        ],
    )
    def test_label_keeps_its_items_with_their_whole_groups(
        self, kind: str, labels: tuple[str, ...], ids: str
    ) -> None:
        assert self.pick(**{kind: labels}) == {("a", id_) for id_ in ids}

    def test_suites_are_told_apart(self) -> None:
        assert self.pick(track=("vlm",)) == {("b", "1")}

    def test_kinds_narrow_each_other(self) -> None:
        assert self.pick(specialty=("surgery", "cardiology"), safety=("medication",)) == {
            ("a", "1")
        }

    def test_label_that_no_item_has_is_an_error_with_the_nearest(self) -> None:
        with pytest.raises(ConfigError, match=r"specialty=cardiolgy.*did you mean 'cardiology'"):
            self.pick(specialty=("cardiolgy",))
        with pytest.raises(ConfigError, match="known are medication"):
            self.pick(safety=("zzz",))

    def test_labels_that_never_meet_are_an_error_and_no_empty_run(self) -> None:
        with pytest.raises(ConfigError, match="no item has these labels together"):
            self.pick(track=("vlm",), safety=("medication",))

    @pytest.mark.parametrize(
        "flags", [{"sample": 3}, {"shard": (1, 2)}, {"selections": {"task": ("dose",)}}]
    )
    def test_each_flag_counts_as_selecting(self, flags: dict[str, Any]) -> None:
        assert is_selecting(options(**flags))


class TestShards:
    @given(plans(), st.integers(1, 7), st.none() | st.integers(1, 40))
    @settings(max_examples=100, deadline=None)
    def test_every_item_is_in_exactly_one_shard(
        self, planned: Planned, whole: int, sample: int | None
    ) -> None:
        everything = chosen(planned, sample=sample)
        shards = [
            chosen(planned, shard=(part, whole), sample=sample) for part in range(1, whole + 1)
        ]
        assert Counter(key for shard in shards for key in shard) == Counter(everything)
        assert not any(groups_cut(planned, shard) for shard in shards)

    @given(plans(), st.randoms())
    @settings(max_examples=50, deadline=None)
    def test_shard_does_not_depend_on_the_order_of_collection(
        self, planned: Planned, random: Any
    ) -> None:
        shuffled = list(planned)
        random.shuffle(shuffled)
        assert chosen(planned, shard=(1, 3)) == chosen(shuffled, shard=(1, 3))

    def test_shards_are_of_like_size(self) -> None:
        planned = plain({("a", "surgery"): 2_000})
        sizes = [len(chosen(planned, shard=(part, 4))) for part in range(1, 5)]
        assert all(400 < size < 600 for size in sizes)


class TestSample:
    @given(plans(), st.integers(1, 120), st.integers(0, 5))
    @settings(max_examples=150, deadline=None)
    def test_sample_keeps_groups_whole_must_pass_in_and_its_size(
        self, planned: Planned, size: int, seed: int
    ) -> None:
        kept = chosen(planned, sample=size, seed=seed)
        must = {
            (one.name, item.id)
            for one, item in planned
            if any(
                other.must_pass and other.group == item.group and same.name == one.name
                for same, other in planned
            )
        }
        assert not groups_cut(planned, kept)
        assert must <= kept
        largest = 5
        wanted = min(size, len(planned))
        assert wanted <= len(kept) < max(wanted + largest, len(must) + 1)

    @given(plans(), st.integers(1, 60), st.randoms())
    @settings(max_examples=50, deadline=None)
    def test_sample_is_fixed_by_its_seed_alone(
        self, planned: Planned, size: int, random: Any
    ) -> None:
        shuffled = list(planned)
        random.shuffle(shuffled)
        assert chosen(planned, sample=size, seed=3) == chosen(shuffled, sample=size, seed=3)

    def test_another_seed_draws_other_items(self) -> None:
        planned = plain({("a", "surgery"): 200})
        draws = {frozenset(chosen(planned, sample=20, seed=seed)) for seed in range(10)}
        assert len(draws) == 10

    def test_sample_is_spread_over_suites_and_specialties_by_their_size(self) -> None:
        sizes = {
            ("a", "surgery"): 400,
            ("a", "internal_medicine/cardiology"): 200,
            ("b", "surgery"): 200,
            ("b", None): 200,
        }
        for seed in range(20):
            kept = chosen(plain(sizes), sample=100, seed=seed)
            assert len(kept) == 100
            found = Counter((name, id_.rpartition("-")[0]) for name, id_ in kept)
            for (name, specialty), count in sizes.items():
                assert abs(found[name, str(specialty)] - count / 10) <= 1

    def test_rare_specialty_is_as_likely_as_any(self) -> None:
        planned = plain({("a", "surgery"): 90, **{(f"s{n}", None): 1 for n in range(10)}})
        hits = sum(
            name != "a" for seed in range(200) for name, _ in chosen(planned, sample=10, seed=seed)
        )
        # 10 of 100 items, a tenth drawn, 200 times: 200 expected, standard deviation below 14.
        assert 130 < hits < 270

    def test_must_pass_items_may_exceed_the_size(self) -> None:
        one = suite("a")
        planned = [(one, entry(str(n), must_pass=n < 6)) for n in range(20)]
        assert chosen(planned, sample=3) == {("a", str(n)) for n in range(6)}
