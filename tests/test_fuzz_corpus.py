"""What fuzzing found, and what it looks at: the corpus stays readable for every reader."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from fuzz_inputs import MAKERS, made, mutated, seeds
from fuzz_targets import ITEMS, Target, every_target, extractors, is_allowed, is_showable, scoring
from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench import scorers
from pytest_medbench.answers import contents, read_choices
from pytest_medbench.suites import ScoreTable

CORPUS = sorted(path for path in (Path(__file__).parent / "corpus").iterdir() if path.is_file())
TARGETS = every_target()


def check(target: Target, data: bytes) -> None:
    try:
        target.run(data)
    except Exception as error:
        if not is_allowed(target, error):
            raise


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_was_found_ends_in_an_error_of_this_project(target: Target) -> None:
    for path in CORPUS:
        check(target, path.read_bytes())


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_a_reader_accepts_it_goes_on_accepting(target: Target) -> None:
    for data in target.seeds:
        target.run(data)


@given(st.sampled_from(TARGETS), st.integers(0, 2**32))
def test_no_reader_raises_anything_else(target: Target, number: int) -> None:
    rng = Random(number)
    known = seeds()[target.kind] + list(target.seeds)
    made_now = MAKERS[target.kind](rng).encode("utf-8", "surrogatepass")
    check(target, made_now)
    check(target, mutated(rng.choice(known), known, rng)[:2_000])


def test_every_scorer_is_fuzzed() -> None:
    ours = {
        name
        for name in scorers.names()
        # Tests of other files may have registered scorers of their own in this process.
        if scorers.bind(ScoreTable(scorer=name))._function.__module__.startswith("pytest_medbench")
    }
    assert ours == set(ITEMS)


def test_every_reader_of_answers_is_fuzzed() -> None:
    names = {target.name for target in extractors()}
    assert {"answers.read_choice", "answers.read_number", "answers.is_refusal"} <= names
    assert len(names) >= 12
    assert len(scoring()) == len(ITEMS) - 1  # a judge reads nothing


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_inputs_can_be_made_again_from_their_seed(kind: str) -> None:
    assert made(kind, Random("a")) == made(kind, Random("a"))


def test_messages_with_control_characters_are_found() -> None:
    assert is_showable("suite.toml:4: unknown key\nand more")
    assert not is_showable("unknown key \x1b[31m")
    assert not is_showable("x" * 100_000)


def test_choices_that_go_round_and_round_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    normalise = contents.normalise

    def counted(text: str) -> str:
        nonlocal count
        count += 1
        return normalise(text)

    monkeypatch.setattr(contents, "normalise", counted)
    read_choices("选A:是5th of " * 8_000, ["5 mg", "50 mg", "500 mg", "5 g", "A and B", "III"])
    assert count < 300
