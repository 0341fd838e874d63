"""Items that are asked several times."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import LoopbackServer
from projects import Project, questions, server_config

from pytest_medbench.outcomes import MISSING, Outcome, Status
from pytest_medbench.repeats import join, noise

LOOSE = "overall = { min = 0.6, allow_below_chance = true }"
SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=6)


def outcome(score: float | None, status: Status | None = None, **more: Any) -> Outcome:
    said = status or (Status.CORRECT if score == 1.0 else Status.WRONG)
    return Outcome("demo", "q", said, score, tries=1, asked_at=5.0, **more)


@given(SCORES, st.booleans())
def test_score_is_the_mean_and_must_pass_goes_by_the_worst(
    scores: list[float], must_pass: bool
) -> None:
    joined = join([outcome(score) for score in scores], correct_at=0.5, must_pass=must_pass)
    assert joined.score == pytest.approx(sum(scores) / len(scores))
    assert joined.scores == tuple(scores)
    counted = min(scores) if must_pass else sum(scores) / len(scores)
    assert (joined.status is Status.CORRECT) == (counted >= 0.5)
    assert joined.tries == len(scores)


@given(SCORES, st.sampled_from(sorted(MISSING)), st.data())
def test_a_repeat_without_a_score_leaves_the_item_without_one(
    scores: list[float], missing: Status, data: st.DataObject
) -> None:
    repeats = [outcome(score) for score in scores]
    at = data.draw(st.integers(0, len(repeats) - 1))
    repeats[at] = outcome(None, missing, reason="no answer")
    joined = join(repeats, correct_at=1.0, must_pass=False)
    assert joined.status is missing
    assert joined.score is None
    assert f"repeat {at + 1} of" in str(joined.reason)


def test_unparsable_is_what_most_repeats_are() -> None:
    unread = outcome(0.0, Status.UNPARSABLE, reason="no answer found")
    mostly = join([unread, unread, outcome(1.0)], correct_at=1.0, must_pass=False)
    assert (mostly.status, mostly.reason) == (Status.UNPARSABLE, "no answer found")
    seldom = join([unread, outcome(0.0), outcome(1.0)], correct_at=1.0, must_pass=False)
    assert seldom.status is Status.WRONG


def test_the_parts_are_means_too() -> None:
    repeats = [outcome(0.5, parts={"recall": value}) for value in (0.0, 0.5)]
    assert join(repeats, correct_at=1.0, must_pass=False).parts == {"recall": 0.25}


@given(SCORES)
def test_an_outcome_with_repeats_survives_the_wire(scores: list[float]) -> None:
    joined = join([outcome(score) for score in scores], correct_at=1.0, must_pass=False)
    assert Outcome.from_wire(json.loads(json.dumps(joined.to_wire()))) == joined


def test_noise_is_told_in_four_figures() -> None:
    steady = outcome(1.0, scores=(1.0, 1.0))
    shaky = outcome(0.5, Status.WRONG, scores=(1.0, 0.0))
    assert noise([steady, shaky]) == (
        "2 repeats of 2 items: mean 75.0, pass^2 50.0, worst of 2 50.0, flip rate 50.0 %"
    )
    assert noise([outcome(1.0)]) is None


def in_turn(*texts: str) -> Callable[[dict[str, Any]], str]:
    """Answer each question with these texts in turn."""
    turns: dict[str, itertools.count[int]] = {}
    lock = threading.Lock()

    def answer(asked: dict[str, Any]) -> str:
        with lock:
            turn = turns.setdefault(asked["messages"][-1]["content"], itertools.count())
            return texts[next(turn) % len(texts)]

    return answer


@pytest.mark.parametrize("flags", [(), ("-n", "2")], ids=["serial", "-n 2"])
def test_each_item_is_asked_so_often_and_stays_one_item(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    project = Project(tmp_path)
    project.suite([{**item, "target": "A"} for item in questions(6)], gates=LOOSE)
    with LoopbackServer(in_turn("A", "B", "A"), models=[{"id": "loopback"}]) as server:
        project.config(server_config(server.base_url, further='revision = "1"'))
        first = project.run("suites", "--medbench-repeats=3", *flags)
        assert len(server.requests) == 18
        again = project.run("suites", "--medbench-repeats=3", *flags)
        assert len(server.requests) == 18
    (overall,) = [each for each in project.verdicts()["slices"] if each["key"] == "overall"]
    assert overall["score"] == pytest.approx(2 / 3)
    for result in (first, again):
        assert "3 repeats of 6 items: mean 66.7, pass^3 0.0" in result.out
        assert "6 items planned" in result.out
    lines = project.journal()
    assert [line["scores"] for line in lines] == [[1.0, 0.0, 1.0]] * 6
    samples = [
        json.loads(line)
        for path in project.runs()[-1].glob("samples-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert sorted((line["id"], line["sample"]) for line in samples) == [
        (f"q{number:03}", sample) for number in range(6) for sample in range(3)
    ]


def test_a_must_pass_item_has_to_be_right_each_time(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite(
        [{**item, "target": "A", "must_pass": True} for item in questions(4)], gates=LOOSE
    )
    with LoopbackServer(in_turn("A", "A", "B"), models=[{"id": "loopback"}]) as server:
        project.config(server_config(server.base_url))
        assert project.run("suites", "--medbench-repeats=2").status == 0
        assert project.run("suites", "--medbench-repeats=3").status == 1
