"""Prompts: what is sent for an item, word for word."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from written_suites import SUITE_TOML, LetterScorer, items, line, read, row, write

from pytest_medbench.errors import SuiteError
from pytest_medbench.few_shot import answer_to
from pytest_medbench.prompts import Prompter, template_names
from pytest_medbench.scorers import bind
from pytest_medbench.suites import Item, PromptTable, Suite, SuiteFileModel, read_suite
from pytest_medbench.taxonomy import load_taxonomy

HOSTILE = "{{ 7 * 7 }} {% for x in y %} {# note #} {% raw %} {input} \\n \\u0041 ' \" \\ 🩺 {"


def made(tmp_path: Path, prompt: dict[str, Any], *rows: Any, language: str = "en") -> Suite:
    toml = SUITE_TOML.replace("items =", f'language = "{language}"\nitems =')
    lines = [f"{key} = {json.dumps(value)}" for key, value in prompt.items()]
    toml += "[prompt]\n" + "\n".join(lines) + "\n"
    return read(write(tmp_path, *(rows or [row()]), toml=toml))


def in_memory(prompt: PromptTable, scorer: LetterScorer | None = None) -> Suite:
    """Give a suite with any text in its prompt, also what TOML could not hold."""
    spec = SuiteFileModel.model_validate(
        {"suite": {"name": "x", "items": "x"}, "score": {"scorer": "letter"}}
    ).model_copy(update={"prompt": prompt})
    return Suite(Path("suite.toml"), spec, scorer or LetterScorer(), [], "")


def asked(prompt: PromptTable, **item: Any) -> str:
    """Give the last message's text."""
    content = Prompter(in_memory(prompt)).messages(Item.model_validate(row(**item)))[-1]["content"]
    assert isinstance(content, str)
    return content


class TestTemplates:
    def test_choice_shows_question_letters_and_options_in_order(self, tmp_path: Path) -> None:
        suite = made(tmp_path, {})
        (message,) = Prompter(suite).messages(items(suite, ["q1"])[0])
        assert message["role"] == "user"
        assert message["content"].startswith("Question q1?\n\nA. one\nB. two\nC. three\nD. four\n")

    def test_every_letter_to_z_can_be_an_option(self) -> None:
        text = asked(PromptTable(text="{input} {letters}\n{options}"), options=["o"] * 26)
        assert text.endswith("\n".join(f"{letter}. o" for letter in string.ascii_uppercase))
        assert "Y, Z" in text

    def test_more_options_than_letters_are_refused_and_never_dropped(self, tmp_path: Path) -> None:
        suite = made(tmp_path, {}, row(options=[f"option {n}" for n in range(27)]))
        assert "at most 26" in (suite.entries[0].problem or "")

    @pytest.mark.parametrize("name", template_names())
    @pytest.mark.parametrize("strategy", ["direct", "cot"])
    @pytest.mark.parametrize("language", ["en", "zh", "zh-CN", "fr"])
    def test_item_text_stands_in_every_template_as_it_is(
        self, name: str, strategy: str, language: str
    ) -> None:
        table = PromptTable.model_validate({"template": name, "strategy": strategy})
        text = asked(table, input=HOSTILE, options=[HOSTILE, "b"], language=language, target="A")
        assert text.startswith(HOSTILE)
        shows_options = name in ("choice", "multi")
        assert (f"\nA. {HOSTILE}\nB. b\n" in text) is shows_options

    @pytest.mark.parametrize(
        ("language", "chinese"), [("zh", True), ("zh-CN", True), ("ZH", True), ("fr", False)]
    )
    def test_language_of_an_item_chooses_the_instruction(
        self, language: str, chinese: bool
    ) -> None:
        assert ("只回答" in asked(PromptTable(template="choice"), language=language)) is chinese

    def test_language_of_the_suite_holds_where_the_item_names_none(self, tmp_path: Path) -> None:
        suite = made(tmp_path, {}, row("a"), row("b", language="en"), language="zh")
        first, second = (Prompter(suite).messages(item) for item in items(suite, ["a", "b"]))
        assert "只回答" in first[-1]["content"]
        assert "只回答" not in second[-1]["content"]

    def test_fields_of_a_json_target_are_named_without_their_values(self) -> None:
        text = asked(PromptTable(template="json"), target={"dose": 73, "unit": "secret"})
        assert "dose, unit" in text
        assert "73" not in text
        assert "secret" not in text

    def test_template_is_the_scorers_where_none_is_named(self) -> None:
        suite = in_memory(PromptTable(), LetterScorer(template="number"))
        (message,) = Prompter(suite).messages(Item.model_validate(row()))
        assert "number" in message["content"]

    def test_unknown_template_is_named_with_line_and_nearest(self, tmp_path: Path) -> None:
        suite = made(tmp_path, {"system": "x", "template": "choise"})
        with pytest.raises(SuiteError, match="did you mean 'choice'") as caught:
            Prompter(suite)
        assert caught.value.line == 10

    def test_template_and_text_together_are_refused(self, tmp_path: Path) -> None:
        suite = made(tmp_path, {"template": "choice", "text": "{input}"})
        with pytest.raises(SuiteError, match="keep one"):
            Prompter(suite)


class TestText:
    @pytest.mark.parametrize(
        "text",
        [
            'Reply as {"answer": "X", "why": {"a": [1]}}',
            "{% raw %}{{ input }}{% endraw %}",
            "{{input }} {{{ }}} {# x #} {%",
            "line\n\n  indented\r\nwindows\n\n",
            "quotes ' \" ''' \"\"\" \\ \\' \\n \\x41 \\N{BULLET}",
            "🩺 中文 \u0085 \u2028 \u00a0 \x00 \x1b",
            "{name} {answer} {date} {INPUT} {} {0} {in put}",
        ],
    )
    def test_all_but_placeholders_comes_out_verbatim(self, text: str) -> None:
        assert asked(PromptTable(text=text + "{input}" + text), input="Q") == text + "Q" + text

    def test_placeholders_are_filled(self) -> None:
        text = "{language}|{letters}|{fields}|{options}|{input}"
        assert asked(PromptTable(text=text), options=["x", "y"], input="Q") == (
            "en|A, B||A. x\nB. y|Q"
        )

    @pytest.mark.parametrize("name", ["inputs", "option", "letter", "langauge", "field"])
    def test_misspelt_placeholder_is_refused(self, tmp_path: Path, name: str) -> None:
        suite = made(tmp_path, {"text": "{input} {" + name + "}"})
        with pytest.raises(SuiteError, match=f"{name}.*did you mean") as caught:
            Prompter(suite)
        assert caught.value.line == 9

    def test_text_without_the_question_is_refused(self, tmp_path: Path) -> None:
        suite = made(tmp_path, {"text": "Choose: {options}"})
        with pytest.raises(SuiteError, match="the model would see no question"):
            Prompter(suite)

    @given(
        st.text(st.characters() | st.sampled_from("{}%#\\'\"\n\r"), max_size=80),
        st.text(st.characters() | st.sampled_from("{}%#\\'\"\n\r"), max_size=80),
    )
    @settings(max_examples=400, deadline=None)
    @example("\ud800\\é\\", "\r\n\x85")
    def test_any_text_and_any_item_come_out_verbatim(self, text: str, question: str) -> None:
        literal = text.replace("{", "{ ")
        item = Item.model_construct(id="q", input=question, target="A", options=None, language=None)
        prompter = Prompter(in_memory(PromptTable(text=literal + "{input}" + literal)))
        assert prompter.messages(item)[-1]["content"] == literal + question + literal

    @given(st.text(st.characters(codec="utf-8"), max_size=80))
    @settings(max_examples=200, deadline=None)
    def test_item_text_is_never_evaluated(self, question: str) -> None:
        wrapped = "{{ " + question + " }}{% if 1 %}"
        assert asked(PromptTable(template="open"), input=wrapped) == wrapped


class TestMessages:
    def test_system_message_comes_first_and_as_it_is(self, tmp_path: Path) -> None:
        suite = made(tmp_path, {"system": "You are {input} {{ x }}."})
        first = Prompter(suite).messages(items(suite, ["q1"])[0])[0]
        assert first == {"role": "system", "content": "You are {input} {{ x }}."}

    def test_input_of_messages_is_sent_as_it_is(self, tmp_path: Path) -> None:
        own = [{"role": "user", "content": "{{ x }}"}, {"role": "assistant", "content": "?"}]
        suite = made(tmp_path, {"system": "S"}, row(input=own))
        assert Prompter(suite).messages(items(suite, ["q1"])[0])[1:] == own

    def test_request_carries_item_options_and_sample(self, tmp_path: Path) -> None:
        suite = made(tmp_path, {"max_tokens": 7})
        request = Prompter(suite).request(items(suite, ["q1"])[0], sample=2)
        assert (request.suite, request.item, request.sample) == ("small", "q1", 2)
        assert list(request.options) == ["one", "two", "three", "four"]
        assert request.settings == {"max_tokens": 7}

    def test_logprob_asks_for_one_token_with_probabilities(self, tmp_path: Path) -> None:
        suite = made(tmp_path, {"strategy": "logprob"})
        settings_ = Prompter(suite).request(items(suite, ["q1"])[0]).settings
        assert settings_["max_tokens"] == 1
        assert settings_["logprobs"] is True

    def test_digest_changes_with_all_that_shapes_the_messages(self, tmp_path: Path) -> None:
        tables: list[dict[str, Any]] = [
            {},
            {"system": "S"},
            {"strategy": "cot"},
            {"template": "multi"},
            {"text": "{input}"},
            {"text": "{input} "},
            {"max_tokens": 3},
        ]
        suites = [made(tmp_path / str(n), table) for n, table in enumerate(tables)]
        assert len({Prompter(suite).digest() for suite in suites}) == len(tables)
        again = made(tmp_path / "again", {}, row("other"))
        assert Prompter(again).digest() == Prompter(suites[0]).digest()


class TestFewShot:
    TABLE = {"strategy": "few-shot", "examples": "shots.jsonl", "shots": 2}  # noqa: RUF012  # read only

    def suite(self, tmp_path: Path, *examples: Any, **table: Any) -> Suite:
        suite = made(tmp_path, {**self.TABLE, **table})
        lines = [one if isinstance(one, bytes) else line(one) for one in examples]
        (tmp_path / "shots.jsonl").write_bytes(b"\n".join(lines))
        return suite

    def refused(self, suite: Suite) -> SuiteError:
        with pytest.raises(SuiteError) as caught:
            Prompter(suite)
        return caught.value

    def test_examples_come_in_order_with_the_target_as_answer(self, tmp_path: Path) -> None:
        examples = [row(f"e{n}", target=letter) for n, letter in enumerate("CBA")]
        suite = self.suite(tmp_path, *examples, system="S")
        messages = Prompter(suite).messages(items(suite, ["q1"])[0])
        assert [message["role"] for message in messages] == [
            "system", "user", "assistant", "user", "assistant", "user",
        ]  # fmt: skip
        assert [message["content"] for message in messages[2::2]] == ["C", "B"]
        assert [message["content"][:12] for message in messages[1::2]] == [
            "Question e0?", "Question e1?", "Question q1?",
        ]  # fmt: skip

    def test_byte_order_mark_and_windows_lines_do_not_matter(self, tmp_path: Path) -> None:
        suite = self.suite(tmp_path)
        data = b"\xef\xbb\xbf" + b"\r\n\r\n".join([line(row("e1")), line(row("e2")), b""])
        (tmp_path / "shots.jsonl").write_bytes(data)
        assert len(Prompter(suite).messages(items(suite, ["q1"])[0])) == 5

    def test_examples_work_with_log_probabilities(self, tmp_path: Path) -> None:
        suite = self.suite(tmp_path, row("e1"), row("e2"), strategy="logprob")
        request = Prompter(suite).request(items(suite, ["q1"])[0])
        assert len(request.messages) == 5
        assert request.settings["logprobs"] is True

    def test_digest_changes_with_an_example(self, tmp_path: Path) -> None:
        one = self.suite(tmp_path / "a", row("e1"), row("e2"))
        two = self.suite(tmp_path / "b", row("e1"), row("e2", target="B"))
        assert Prompter(one).digest() != Prompter(two).digest()

    @pytest.mark.parametrize(
        ("examples", "number", "said"),
        [
            ([row("e1"), b"{"], 2, "is not JSON"),
            ([row("e1"), row("e2", targett="A")], 2, "did you mean 'target'?"),
            ([row("e1"), b"", row("e2", target=None)], 3, "target = null"),
            ([row("e1"), row("e2", target=7)], 2, "expected one letter"),
            ([row("e1"), row("e2", input=[{"role": "user"}])], 2, "expected a text"),
            ([row("e1"), b'{"id": "\xff"}'], 2, "is not UTF-8"),
            ([row("e1")], None, "holds 1 examples; [prompt] shots = 2"),
            ([row("q1"), row("e2")], None, "its answer would be shown to the model"),
        ],
    )
    def test_bad_example_is_named(
        self, tmp_path: Path, examples: list[Any], number: int | None, said: str
    ) -> None:
        error = self.refused(self.suite(tmp_path, *examples))
        assert (error.place, error.line) == (tmp_path / "shots.jsonl", number)
        assert said in str(error)

    @pytest.mark.parametrize(
        ("scorer", "target"),
        [("refusal", "decline"), ("judge", "good"), ("key_points", [{"point": "p", "any": ["a"]}])],
    )
    def test_targets_that_are_no_answers_make_no_examples(
        self, tmp_path: Path, scorer: str, target: Any
    ) -> None:
        examples = [{"id": f"e{n}", "input": "?", "target": target} for n in range(2)]
        place = made(tmp_path, self.TABLE).path
        place.write_text(place.read_text("utf-8").replace("letter", scorer), "utf-8")
        suite = read_suite(place, load_taxonomy(), bind)
        (tmp_path / "shots.jsonl").write_bytes(b"\n".join(map(line, examples)))
        error = self.refused(suite)
        assert f"a target of scorer {scorer!r} says how an answer is judged" in str(error)
        assert "[prompt]" in str(error)
        assert (error.place, error.line) == (place, 10)

    @pytest.mark.parametrize("name", ["../x.jsonl", "none.jsonl", "link", ".", "a\x00b"])
    def test_file_outside_or_missing_is_named_with_its_line(
        self, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "x.jsonl").write_bytes(line(row("e1")))
        suite = made(tmp_path / "suite", {**self.TABLE, "examples": name})
        (tmp_path / "suite" / "link").symlink_to(tmp_path / "x.jsonl")
        error = self.refused(suite)
        assert error.line == 10
        assert "cannot be read" in str(error)

    @pytest.mark.parametrize(
        "table", [{"shots": 3}, {"examples": "shots.jsonl"}, {"strategy": "few-shot"}]
    )
    def test_half_of_the_setting_is_refused_and_not_ignored(
        self, tmp_path: Path, table: dict[str, Any]
    ) -> None:
        error = self.refused(made(tmp_path, table))
        assert "both examples" in str(error)
        assert error.line == 9

    @pytest.mark.parametrize(
        ("template", "language", "target", "said"),
        [
            ("choice", "en", "B", "B"),
            ("multi", "en", ["A", "C"], "A, C"),
            ("multi", "zh", "AC", "A,C"),
            ("yes_no", "en", "maybe", "maybe"),
            ("yes_no", "zh", "maybe", "不确定"),
            ("yes_no", "zh", "其他", "其他"),
            ("number", "en", 0.5, "0.5"),
            ("number", "en", {"value": 12, "unit": "mg"}, "12"),
            ("date", "en", "2026-03-05", "03/05/2026"),
            ("date", "zh", "2026-03-05", "2026-03-05"),
            ("date", "en", "spring", "spring"),
            ("weeks_days", "en", [38, 6], "(38, 6)"),
            ("text", "en", ["aspirin", "ASA"], "aspirin"),
            ("text", "en", "aspirin", "aspirin"),
            ("json", "zh", {"剂量": 1.5}, '{"剂量": 1.5}'),
            ("triage", "en", "emergency", "Urgency: emergency"),
            ("triage", "en", ["routine", "self_care"], "Urgency: routine"),
            ("triage", "zh", "emergency", "紧急程度：立即急诊"),
            ("triage", "zh", ["self_care", "routine"], "紧急程度：居家处理"),
            (None, "en", ["A", "C"], '["A", "C"]'),
        ],
    )
    def test_target_is_written_as_the_prompt_asks(
        self, template: str | None, language: str, target: Any, said: str
    ) -> None:
        item = Item.model_validate(row(target=target))
        assert answer_to(item, template, language, "few-shot") == said

    def test_step_by_step_examples_show_the_rationale_before_the_answer(self) -> None:
        item = Item.model_validate(row(target="B", rationale="Because."))
        assert answer_to(item, "choice", "en", "cot") == "Because.\nAnswer: B"
        assert answer_to(item, "choice", "zh", "cot") == "Because.\n答案：B"
        triage = Item.model_validate(row(target="urgent", rationale="Because."))
        assert answer_to(triage, "triage", "en", "cot") == "Because.\nUrgency: urgent"
        assert answer_to(triage, "triage", "zh", "cot") == "Because.\n紧急程度：当天就诊"
        bare = Item.model_validate(row(target="B"))
        assert answer_to(bare, "choice", "en", "cot") == "Answer: B"
