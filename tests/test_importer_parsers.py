"""The parsers of what public data sets pack into text: properties over any input."""

from __future__ import annotations

import json
from string import ascii_uppercase

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pytest_medbench.importers.answer_choices import MARKER, join_choices, split_choices
from pytest_medbench.importers.image_paths import parse_list_text, read_image_paths
from pytest_medbench.importers.lettered import parse_lettered

plain = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1
)
paths = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\\/:~"), min_size=1
).filter(lambda text: text.strip() and text != "..")


class TestParsers:
    @given(st.lists(st.text(st.characters(codec="utf-8"))))
    @example(["it's", 'a "b"', "\\", "\n", "😀", "', '"])
    def test_text_of_a_list_reads_back(self, strings: list[str]) -> None:
        assert parse_list_text(repr(strings)) == strings
        assert parse_list_text(json.dumps(strings)) == strings
        assert parse_list_text(json.dumps(strings, ensure_ascii=False, indent=1)) == strings

    @given(st.lists(paths, min_size=1))
    def test_every_spelling_names_the_same_images(self, names: list[str]) -> None:
        assert read_image_paths(names) == names
        assert read_image_paths(repr(names)) == names
        single = names[0]
        if not (single.strip().startswith("[") and single.strip().endswith("]")):
            assert read_image_paths(single) == [single]

    @given(st.text(st.sampled_from("[]'\",\\ xu0dD8ab")))
    @example("[" + "'" * 9)
    @example("['\\ud800']")
    @example("['\\U99999999']")
    @example("[,]")
    @example("['a' 'b']")
    def test_any_text_is_a_list_or_a_value_error(self, text: str) -> None:
        try:
            strings = parse_list_text(text)
        except ValueError:
            return
        assert parse_list_text(repr(strings)) == strings
        "".join(strings).encode()

    @given(st.text(), st.lists(plain, min_size=2, max_size=26))
    @example("Which is true", ["V(D)J", "one", "other", "Both (A) & (C)"])
    def test_choices_read_back(self, stem: str, options: list[str]) -> None:
        assume(MARKER not in stem)
        question = stem + MARKER + join_choices(options)
        assert split_choices(question, options) == (stem, options)
        assert split_choices(question) == (stem, options)

    @given(st.text(), st.text(st.sampled_from("(AB) C")))
    @example("", "(A) both (A) & (C) (B) x (C) y")
    def test_choices_always_join_to_the_question(self, stem: str, choices: str) -> None:
        question = stem + MARKER + choices
        try:
            found, options = split_choices(question)
        except ValueError:
            return
        assert found + MARKER + join_choices(options) == question
        assert len(options) >= 2

    @given(
        st.text(st.characters(codec="utf-8", exclude_characters="A")),
        st.lists(plain.filter(lambda text: "." not in text), min_size=2, max_size=12, unique=True),
        st.sampled_from(["\n", "", " "]),
        st.sampled_from([". ", "."]),
    )
    def test_lettered_options_read_back(
        self, stem: str, options: list[str], gap: str, point: str
    ) -> None:
        tail = gap.join(
            f"{letter}{point}{option}"
            for letter, option in zip(ascii_uppercase, options, strict=False)
        )
        assert parse_lettered(f"{stem}\n{tail}\n") == options

    @pytest.mark.parametrize(
        "text",
        [
            "无选项",
            "题\nA. 一",
            "题\nA. 一\nB. 二\n答：",
            "题\nA. 一\nC. 三",
            "题\nA. 一\nB. 二\nB. 三",
            "题\nA. 同\nB. 同",
            "题\nA. \nB. 二",
            "题\nA. 一\nB. 二 C. 三",
            "题\nA. 一\nB. 二 C. 三 B. 四",
            "B. 一\nA. 二",
        ],
    )
    def test_options_in_doubt_are_none(self, text: str) -> None:
        assert parse_lettered(text) is None

    def test_option_inside_a_line_is_believed_if_the_next_line_goes_on(self) -> None:
        assert parse_lettered("题\nA. 一\nB. 二C. 三\nD. 四") == ["一", "二", "三", "四"]

    def test_letters_inside_options_do_no_harm(self) -> None:
        text = "题 A. E.coli\nB. 维生素C、D\nC. DNA"
        assert parse_lettered(text) == ["E.coli", "维生素C、D", "DNA"]

    @pytest.mark.parametrize(
        "text", ["A. B. " * 17_000, "A." * 50_000, "\nA. x" * 25_000, "A.\n" * 33_000]
    )
    def test_hostile_text_is_read_in_no_time(self, text: str) -> None:
        assert parse_lettered(text) is None
        with pytest.raises(ValueError, match="choices"):
            split_choices(MARKER + "(A) (B) " * 12_000)
