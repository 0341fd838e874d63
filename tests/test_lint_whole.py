"""The rules that look at many items together: balance, groups, duplicates."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lint_suites import STEMS, clean, found, linted, rules, write

from pytest_medbench.lint.balance import LEVEL, balance


def even(count: int, texts: tuple[str, ...] = ("oak", "elm", "ash", "fir")) -> list[dict]:  # type: ignore[type-arg]
    """Give items whose right options are spread evenly, and alike in length."""
    return [
        clean(n, id=f"e{n}", input=f"Question {n:04d} {chr(97 + n % 26) * 9}?", options=list(texts),
              target="ABCD"[n % 4])
        for n in range(count)
    ]  # fmt: skip


def with_longest_right(items: list[dict]) -> None:  # type: ignore[type-arg]
    for item in items:
        item["options"] = list(item["options"])
        item["options"]["ABCD".index(item["target"])] += " and much more than that"


BLIND = ["answer-balance", "first-option", "longest-option", "shortest-option"]


class TestBalance:
    def test_even_letters_and_lengths_pass(self, tmp_path: Path) -> None:
        assert linted(write(tmp_path, even(200)), rules=BLIND).findings == []

    def test_the_longest_option_that_is_right_too_often(self, tmp_path: Path) -> None:
        items = even(100)
        with_longest_right(items[:50])
        (finding,) = linted(write(tmp_path, items), rules=BLIND).findings
        assert (finding.rule, finding.level) == ("longest-option", "error")
        assert "by chance 25%" in finding.message
        assert (finding.item, finding.line, finding.count) == (None, None, 100)

    def test_the_shortest_option_that_is_right_too_often(self, tmp_path: Path) -> None:
        items = even(60, ("oaks", "elms", "pine", "firs"))
        for item in items:
            item["options"]["ABCD".index(item["target"])] = "ash"
        listed = {each.rule for each in linted(write(tmp_path, items), rules=BLIND).findings}
        assert listed == {"shortest-option"}

    def test_uneven_letters(self, tmp_path: Path) -> None:
        items = even(100)
        for item in items[:40]:
            item["target"] = "A"
        broken = {each.rule for each in linted(write(tmp_path, items), rules=BLIND).findings}
        # With options alike in length the first is the longest and the shortest, too.
        assert broken == set(BLIND)
        for item in items:
            item["target"] = "CD"[item["target"] in "AB"]
        broken = {each.rule for each in linted(write(tmp_path, items), rules=BLIND).findings}
        assert broken == {"answer-balance"}

    def test_a_group_counts_once(self, tmp_path: Path) -> None:
        items = [
            clean(n, id=f"g{n}", input="One question in many orders?", group="g", variant=str(n),
                  target="A")
            for n in range(60)
        ]  # fmt: skip
        assert linted(write(tmp_path, items), rules=BLIND).findings == []
        for item in items:
            del item["group"]
        assert linted(write(tmp_path, items), rules=BLIND).errors

    def test_a_group_is_right_only_if_all_its_members_are(self, tmp_path: Path) -> None:
        items = even(120)
        for number, item in enumerate(items):
            item["group"] = f"g{number // 2}"
            item["target"] = "BA"[number % 2]
        broken = {each.rule for each in linted(write(tmp_path, items), rules=BLIND).findings}
        assert broken == {"answer-balance"}

    def test_a_small_suite_shows_nothing(self, tmp_path: Path) -> None:
        items = even(5)
        with_longest_right(items)
        assert linted(write(tmp_path, items), rules=BLIND).findings == []

    def test_several_right_letters_are_not_tested(self, tmp_path: Path) -> None:
        items = even(100)
        for item in items:
            item["target"] = ["A"]
        path = write(tmp_path, items, scorer="multi", gates="")
        assert linted(path, rules=BLIND).findings == []

    @given(st.integers(2, 8), st.integers(1, 60))
    def test_an_even_key_has_no_small_p_value(self, options: int, each: int) -> None:
        assert balance({options: [each] * options}) > 0.05

    @given(st.integers(2, 8), st.integers(30, 60))
    def test_one_letter_for_all_has_a_small_one(self, options: int, count: int) -> None:
        assert balance({options: [count] + [0] * (options - 1)}) < LEVEL / 4

    def test_sound_keys_are_rejected_no_more_often_than_the_level(self) -> None:
        generator = random.Random(5)
        rejected = 0
        for _ in range(400):
            counts = [0, 0, 0, 0]
            for _ in range(48):
                counts[generator.randrange(4)] += 1
            rejected += balance({4: counts}) < 0.05
        assert rejected <= 36  # 20 expected; more than 36 in 1 of 3,000 simulations


ORDERS = [["oak", "elm", "ash", "fir"], ["elm", "oak", "fir", "ash"], ["fir", "ash", "oak", "elm"]]


def group(**more: list[object]) -> list[dict[str, object]]:
    """Give one question in three orders, `oak` right; `more` replaces a key, member by member."""
    items = [
        clean(0, id=f"p{n}", group="g", variant=f"order-{n}", options=order,
              target="ABCD"[order.index("oak")])
        for n, order in enumerate(ORDERS)
    ]  # fmt: skip
    for key, values in more.items():
        for item, value in zip(items, values, strict=True):
            item[key] = value
    return items


class TestGroups:
    @pytest.mark.parametrize(
        ("more", "expected"),
        [
            ({}, None),
            ({"target": ["A", "B", "A"]}, ("group-answer", "error")),
            ({"options": [ORDERS[0], ORDERS[1], ["fir", "ash", "oak", "yew"]]},
             ("group-options", "error")),
            ({"variant": ["1", "2", "1"]}, ("group-variant", "error")),
            ({"variant": ["1", "2", None]}, ("group-variant", "advice")),
            ({"options": [ORDERS[0], ORDERS[1], ORDERS[0]], "target": ["A", "B", "A"]},
             ("group-repeat", "advice")),
            ({"specialty": ["general_practice", "general_practice", "surgery"]},
             ("group-labels", "advice")),
        ],
    )  # fmt: skip
    def test_members_that_disagree(
        self, tmp_path: Path, more: dict[str, list[object]], expected: tuple[str, str] | None
    ) -> None:
        listed = found(tmp_path, group(**more))
        assert set(listed) == ({expected} if expected else set())

    def test_the_finding_is_at_the_member_that_differs(self, tmp_path: Path) -> None:
        (finding,) = found(tmp_path, group(target=["A", "B", "A"]))["group-answer", "error"]
        assert (finding.item, finding.line, finding.others) == ("p2", 3, ("p0",))

    def test_members_that_ask_other_things_may_differ(self, tmp_path: Path) -> None:
        items = [
            clean(0, id="a", group="pair", variant="plain", options=["yes", "no"], target="A"),
            clean(1, id="b", group="pair", variant="denied", options=["no", "yes", "both"],
                  target="A"),
        ]  # fmt: skip
        assert rules(tmp_path, *items) == set()

    def test_options_in_the_stem_do_not_make_it_another_question(self, tmp_path: Path) -> None:
        items = group(target=["A", "B", "A"])
        for item in items:
            listed = zip("ABCD", item["options"], strict=True)  # type: ignore[call-overload]
            lines = "\n".join(f"{letter}. {text}" for letter, text in listed)
            item["input"] = f"Which tree?\n{lines}"
        listed = found(tmp_path, items, prompt='text = "{input}"')
        assert ("group-answer", "error") in listed


LONG = (
    "A woman of 61 with known atrial fibrillation wakes with weakness of the left arm and leg; "
    "her speech is slow but clear, and she took her last tablet of the anticoagulant on Monday."
)


class TestDuplicates:
    def test_the_same_question_twice(self, tmp_path: Path) -> None:
        shuffled = clean(0, id="again", options=["maple 0", "cedar 0", "beech 0", "alder 0"])
        shuffled["target"] = "D"
        shuffled["input"] = str(shuffled["input"]).upper() + "  "
        (finding,) = found(tmp_path, [clean(0), clean(1), shuffled])["duplicate", "error"]
        assert (finding.item, finding.line, finding.others) == ("again", 3, ("i0",))
        assert "another answer" not in finding.message
        shuffled["target"] = "A"
        (finding,) = found(tmp_path / "b", [clean(0), shuffled])["duplicate", "error"]
        assert "another answer is right" in finding.message

    def test_is_found_across_suites_and_named_with_its_suite(self, tmp_path: Path) -> None:
        one = write(tmp_path, [clean(0)], name="one")
        two = write(tmp_path, [clean(1), clean(0, id="other")], name="two")
        (finding,) = linted(one, two).findings
        assert (finding.rule, finding.suite, finding.others) == ("duplicate", "two", ("one::i0",))

    @pytest.mark.parametrize(
        "second",
        [
            {"options": ["one", "two"], "target": "A"},
            {"cluster": "c"},
            {"group": "g", "variant": "2", "options": ["beech 0", "alder 0", "cedar 0", "maple 0"],
             "target": "B"},
            {"language": "fr"},
            {"meta": {"images": ["b.png"]}},
        ],
    )  # fmt: skip
    def test_what_only_looks_the_same_is_none(
        self, tmp_path: Path, second: dict[str, object]
    ) -> None:
        first = clean(0, **{key: second[key] for key in ("cluster", "group") if key in second})
        if "group" in second:
            first["variant"] = "1"
        if "meta" in second:
            first["meta"] = {"images": ["a.png"]}
        assert rules(tmp_path, first, clean(0, id="other", **second)) == set()

    def test_a_question_with_a_word_changed_is_nearly_the_same(self, tmp_path: Path) -> None:
        near = clean(0, id="near", input=LONG.replace("slow", "slurred") + " Diagnosis?")
        first = clean(0, input=LONG + " Diagnosis?")
        (finding,) = found(tmp_path, [first, near])["near-duplicate", "advice"]
        assert (finding.item, finding.others) == ("near", ("i0",))
        assert rules(tmp_path / "b", first, {**near, "cluster": "c"}, clean(2)) == {
            ("near-duplicate", "advice")
        }
        both = {"cluster": "case-7"}
        assert rules(tmp_path / "c", first | both, near | both) == set()

    def test_numbers_apart_are_said_to_be(self, tmp_path: Path) -> None:
        near = clean(0, id="near", input=LONG.replace("61", "62"))
        (finding,) = found(tmp_path, [clean(0, input=LONG), near])["near-duplicate", "advice"]
        assert "only in numbers" in finding.message

    def test_a_chinese_question_with_a_word_changed(self, tmp_path: Path) -> None:
        stem = (
            "男性，54岁，进食油腻食物后突发上腹持续性剧痛，向腰背部放射，伴恶心呕吐，"
            "血淀粉酶明显升高。最可能的诊断是"
        )
        trees = ["急性胰腺炎", "急性胆囊炎", "消化性溃疡", "急性肠梗阻"]
        more = {"language": "zh", "options": trees, "target": "A"}
        near = stem.replace("剧痛", "疼痛")
        items = [clean(0, input=stem, **more), clean(0, id="near", input=near, **more)]
        assert rules(tmp_path, *items) == {("near-duplicate", "advice")}

    def test_instructions_that_all_items_share_are_no_likeness(self, tmp_path: Path) -> None:
        form = " ".join(f"Rule {n}: weigh sign {n * n} before sign {n**3}." for n in range(40))
        items = [
            clean(n, id=f"f{n}", input=form + stem, options=[f"{word} {n}{n}" for word in
                  ("alder", "beech", "cedar", "maple")])
            for n, stem in enumerate(STEMS * 2)
        ]  # fmt: skip
        broken = found(tmp_path, items)
        assert ("near-duplicate", "advice") not in broken


class TestPartialCredit:
    POINTS = ({"point": "Call an ambulance", "any": ["ambulance"]},)

    def broken(self, tmp_path: Path, scorer: str, target: object, score: str) -> bool:
        options = ["oak", "elm", "ash", "fir"] if scorer == "multi" else ...
        item = clean(0, target=target, options=options, input="Say what you would do, key drug.")
        found_ = found(tmp_path, [item], scorer=scorer, score=score)
        return ("partial-credit", "advice") in found_

    def test_a_graded_score_of_which_nothing_partial_counts(self, tmp_path: Path) -> None:
        assert self.broken(tmp_path, "key_points", list(self.POINTS), "")
        assert self.broken(tmp_path, "json", {"drug": "x"}, 'group_rule = "majority"')
        assert self.broken(tmp_path, "multi", "AC", 'credit = "f1"')

    def test_all_or_nothing_and_means_are_meant(self, tmp_path: Path) -> None:
        mean = 'group_rule = "mean"'
        assert not self.broken(tmp_path, "key_points", list(self.POINTS), mean)
        assert not self.broken(tmp_path, "multi", "AC", f'credit = "f1"\n{mean}')
        assert not self.broken(tmp_path, "multi", "AC", "")
