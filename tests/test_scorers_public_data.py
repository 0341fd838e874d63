"""Real options and real prompts: every gold answer is read, no repeated prompt ever is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from public_data import data

from pytest_medbench.answers import read_choice, read_choices
from pytest_medbench.prompts import Prompter
from pytest_medbench.scorers import bind
from pytest_medbench.suites import Suite, read_suite
from pytest_medbench.taxonomy import load_taxonomy

EVERY = 16
STYLES = [
    "{L}", "({L})", "**{L}**", "{T}", "{T}.", "{L}. {T}", "{L}) {T}", "The answer is {L}: {T}",
    "The answer is {L}.", "The correct answer is ({L}) {T}.", "The answer is {T}", "答案：{L}",
    "**{L}. {T}**\n\nExplanation: the others do not fit.", "正确答案是{L}。{T}",
    "Answer: {L}\n{T}", "I would choose option {L} because it fits.", "\\boxed{{{L}}}",
    "<think>Maybe A. The answer is A? No.</think>\n{L}. {T}", "{L}\n\n{T} is right here.",
]  # fmt: skip
Question = tuple[str, list[str], str]


def questions(name: str) -> list[Question]:
    path = data("medxpertqa", "eval", "data", name, "input", f"{name}_input.jsonl")
    found = []
    for line in path.read_text(encoding="utf-8").splitlines()[::EVERY]:
        row = json.loads(line)
        stem, _, listed = row["question"].partition("\nAnswer Choices:")
        parts = re.split(r" \(([A-Z])\) ", f" {listed.strip()}")
        options = [part.strip() for part in parts[2::2]]
        in_order = parts[1::2] == [chr(65 + index) for index in range(len(options))]
        if in_order and all(options) and len(set(options)) == len(options):
            found.append((stem, options, row["label"][0]))
    return found


@pytest.mark.parametrize("name", ["medqa", "medmcqa", "mmlu_medical"])
def test_every_gold_answer_is_read_in_every_style(name: str) -> None:
    missed = []
    for stem, options, letter in questions(name):
        for style in STYLES:
            text = style.format(L=letter, T=options[ord(letter) - 65])
            if read_choice(text, options, prompt=stem).answer != letter:
                missed.append((style, text, options))
    assert missed == []


def suite_of(folder: Path, rows: list[Question], scorer: str, strategy: str, lang: str) -> Suite:
    (folder / "suite.toml").write_text(
        f'[suite]\nname = "s"\nitems = "items.jsonl"\nlanguage = "{lang}"\n'
        f'[prompt]\nsystem = "You are a physician."\nstrategy = "{strategy}"\n'
        f'[score]\nscorer = "{scorer}"\n',
        encoding="utf-8",
    )
    lines = [
        json.dumps({"id": f"i{n}", "input": stem, "options": options, "target": letter})
        for n, (stem, options, letter) in enumerate(rows)
    ]
    (folder / "items.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return read_suite(folder / "suite.toml", load_taxonomy(), bind)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("strategy", ["direct", "cot"])
@pytest.mark.parametrize("scorer", ["choice", "multi"])
def test_no_repeated_prompt_scores(
    tmp_path: Path, scorer: str, strategy: str, language: str
) -> None:
    rows = questions("medqa") + questions("medmcqa")
    suite = suite_of(tmp_path, rows, scorer, strategy, language)
    prompter = Prompter(suite)
    extract = read_choice if scorer == "choice" else read_choices
    lucky = []
    for entry in suite.entries:
        item = suite.item(entry.id)
        shown = [str(message["content"]) for message in prompter.messages(item)]
        whole = "\n".join(shown)
        stem, options = str(item.input), item.options or []
        for text in (
            whole,
            shown[-1],
            stem,
            *(shown[-1][: len(stem) + cut] for cut in (9, 30, 90)),
        ):
            partial = text not in (whole, shown[-1], stem)
            found = extract(text, options, prompt=stem, partial=partial)
            if found.answer is not None:
                lucky.append((found.answer, text))
    assert lucky == []
