"""Whether the answers of a run are those of one model."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from scipy.stats import binom
from written_suites import row, written

from pytest_medbench.asking import Asker
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.prompts import Prompter
from pytest_medbench.suites import Entry, Item, Suite
from pytest_medbench.trust import (
    ALPHA,
    FLIP_RATE,
    RE_ASKED,
    doubts_about_cache,
    doubts_about_server,
)

Outcomes = dict[tuple[str, str], Outcome]


@dataclass
class Model:
    revision: str | None = None

    def fingerprint(self) -> dict[str, Any]:
        return {"revision": self.revision}


@dataclass
class Broker:
    """Gives the answers it was made with; fails where there is none."""

    answers: dict[str, str]
    asked: list[str] = field(default_factory=list)
    waiting: dict[Hashable, Request] = field(default_factory=dict)

    def submit_many(
        self, requests: Sequence[tuple[Hashable, Request]], *, fresh: bool = False
    ) -> None:
        assert fresh, "stored responses say nothing about the model that answers now"
        for key, request in requests:
            self.waiting[key] = request
            self.asked.append(request.item)

    def take(self, key: Hashable) -> Response | Failure:
        item = self.waiting.pop(key).item
        answer = self.answers.get(item)
        return Failure("refused") if answer is None else Response(answer)


@dataclass
class Desk:
    """A suite with its prompts and its scorer, and a model that answers now."""

    suite: Suite
    broker: Broker
    model: Model = field(default_factory=Model)

    def __post_init__(self) -> None:
        self.suites = [self.suite]
        self._prompter = Prompter(self.suite)

    def item(self, suite: Suite, entry: Entry) -> Item:
        return suite.item(entry.id)

    def request(self, suite: Suite, item: Item) -> Request:
        return self._prompter.request(item)

    def grade(self, suite: Suite, item: Item, response: Response) -> Outcome:
        score = suite.scorer.score(item, response).value
        return Outcome(
            suite.name, item.id, Status.CORRECT if score else Status.WRONG, score, response.text
        )

    def doubts(self, outcomes: Outcomes, seed: str = "plan") -> list[str]:
        return doubts_about_cache(cast(Catalogue, self), cast(Asker, self), outcomes, seed=seed)


def stored(id_: str, status: Status = Status.CORRECT, **more: Any) -> Outcome:
    return Outcome("small", id_, status, **{"score": 1.0, "tries": 0, "asked_at": 1.0, **more})


def outcomes(desk: Desk, **more: Any) -> Outcomes:
    return {("small", entry.id): stored(entry.id, **more) for entry in desk.suite.entries}


def desk(tmp_path: Path, number: int, wrong: int = 0, **model: Any) -> Desk:
    """Give items whose stored responses were right, `wrong` of which are wrong by now."""
    suite = written(tmp_path, *[row(f"q{n}") for n in range(number)])
    answers = {f"q{n}": "B" if n < wrong else "A" for n in range(number)}
    return Desk(suite, Broker(answers), Model(**model))


class TestCache:
    @pytest.mark.parametrize("number", [1, 3, 4, 5, 10, 19, 20])
    def test_distrust_begins_where_the_binomial_test_says(
        self, tmp_path: Path, number: int
    ) -> None:
        for wrong in range(number + 1):
            one = desk(tmp_path, number, wrong)
            # 0.1 ** 3 is the level itself; floating point may fall to either side of it.
            p = float(binom.sf(wrong - 1, number, FLIP_RATE))
            if p != pytest.approx(ALPHA):
                assert bool(one.doubts(outcomes(one))) is (p < ALPHA), (wrong, number)

    def test_twenty_items_are_asked_afresh_and_named_by_their_count(self, tmp_path: Path) -> None:
        one = desk(tmp_path, 60, wrong=60)
        (doubt,) = one.doubts(outcomes(one))
        assert len(one.broker.asked) == len(set(one.broker.asked)) == RE_ASKED
        assert "20 of 20 items asked afresh came out differently" in doubt
        assert "--medbench-cache=refresh" in doubt

    def test_draw_is_fixed_by_the_seed(self, tmp_path: Path) -> None:
        draws = []
        for seed in ("a", "a", "b"):
            one = desk(tmp_path, 60)
            assert one.doubts(outcomes(one), seed) == []
            draws.append(one.broker.asked)
        assert draws[0] == draws[1] != draws[2]

    def test_declared_revision_needs_no_asking(self, tmp_path: Path) -> None:
        one = desk(tmp_path, 20, wrong=20, revision="sha256:1")
        assert one.doubts(outcomes(one)) == []
        assert one.broker.asked == []

    def test_run_without_stored_responses_needs_no_asking(self, tmp_path: Path) -> None:
        one = desk(tmp_path, 20, wrong=20)
        assert one.doubts(outcomes(one, tries=1)) == []
        assert one.broker.asked == []

    def test_only_stored_and_scored_items_are_asked(self, tmp_path: Path) -> None:
        one = desk(tmp_path, 20)
        mixed = outcomes(one)
        mixed["small", "q1"] = stored("q1", tries=1)
        mixed["small", "q2"] = stored("q2", Status.UNSCORED, score=None)
        mixed["small", "q3"] = stored("q3", Status.ERROR, score=None)
        one.doubts(mixed)
        assert sorted({f"q{n}" for n in range(20)} - set(one.broker.asked)) == ["q1", "q2", "q3"]

    def test_requests_that_fail_do_not_count_as_other_answers(self, tmp_path: Path) -> None:
        one = desk(tmp_path, 20, wrong=20)
        for n in range(17):
            del one.broker.answers[f"q{n}"]
        assert one.doubts(outcomes(one)) == []

    def test_cache_that_nothing_could_check_is_doubted(self, tmp_path: Path) -> None:
        one = desk(tmp_path, 20)
        one.broker.answers.clear()
        assert "could not be checked" in one.doubts(outcomes(one))[0]

    def test_items_changed_after_the_run_are_left_out(self, tmp_path: Path) -> None:
        one = desk(tmp_path, 20, wrong=20)
        place = tmp_path / "items.jsonl"
        place.write_bytes(place.read_bytes().replace(b"?", b"!"))
        assert "could not be checked" in one.doubts(outcomes(one))[0]
        assert one.broker.asked == []


class TestServer:
    def test_one_server_is_no_doubt(self) -> None:
        same = [stored(f"q{n}", served_by="m/fp1") for n in range(3)]
        assert doubts_about_server([*same, stored("q9", served_by=None)]) == []
        assert doubts_about_server([]) == []

    def test_change_is_named_with_both_counts(self) -> None:
        seen = [stored(f"q{n}", served_by="m/fp1") for n in range(1_200)]
        seen += [stored(f"r{n}", served_by="m/fp2") for n in range(7)]
        (doubt,) = doubts_about_server(seen)
        assert doubt.endswith("m/fp1 for 1,200 answers, m/fp2 for 7 answers")
