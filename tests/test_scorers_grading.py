"""The registry of scorers, and the status an item gets from its score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Outcome, Score, Status
from pytest_medbench.scorers import bind, grade, names, registry, scorer
from pytest_medbench.suites import Item, ScoreTable, Suite, Traits, read_suite
from pytest_medbench.taxonomy import load_taxonomy

BUILT_IN = ["choice", "date", "json", "judge", "multi", "number", "text", "weeks_days", "yes_no"]


@pytest.fixture(autouse=True)
def _only_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))


def table(**given: Any) -> ScoreTable:
    return ScoreTable.model_validate(given)


def made(folder: Path, score: str, **line: Any) -> tuple[Suite, Item]:
    (folder / "suite.toml").write_text(
        f'[suite]\nname = "s"\nitems = "items.jsonl"\n[score]\n{score}\n', encoding="utf-8"
    )
    item = {"id": "i1", "input": "Which?", "target": "B", "options": ["x", "y", "z"], **line}
    (folder / "items.jsonl").write_text(json.dumps(item) + "\n", encoding="utf-8")
    suite = read_suite(folder / "suite.toml", load_taxonomy(), bind)
    assert suite.entries[0].problem is None
    return suite, suite.item(suite.entries[0].id)


def test_the_built_in_scorers() -> None:
    assert set(BUILT_IN) <= set(names())
    templates = {name: bind(table(scorer=name)).template for name in BUILT_IN}
    assert templates == {name: name if name != "judge" else "open" for name in BUILT_IN}
    assert [name for name in BUILT_IN if bind(table(scorer=name)).needs_judge] == ["judge"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scorer": "choise"}, "scorer 'choise' is unknown; did you mean 'choice'?"),
        ({"scorer": "qqqq"}, "scorer 'qqqq' is unknown; known are choice, date, json"),
        (
            {"scorer": "number", "abs_tolerence": 1},
            "scorer 'number' has no option 'abs_tolerence'; did you mean 'abs_tolerance'?",
        ),
        ({"scorer": "choice", "credit": "f1"}, "scorer 'choice' has no option 'credit'"),
        ({"scorer": "multi", "credit": "half"}, "credit = 'half'"),
        ({"scorer": "number", "rel_tolerance": -1}, "rel_tolerance = -1"),
        ({"scorer": "json", "fields": {"a": {"typ": "text"}}}, "fields.a.typ"),
    ],
)
def test_a_wrong_table_is_told_with_the_nearest_spelling(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=r"scorer") as error:
        bind(table(**given))
    assert message in str(error.value)


def test_a_scorer_of_ones_own_is_one_function(tmp_path: Path) -> None:
    @scorer("shout")
    def shout(item: Item, response: Response, options: Any) -> float:
        return float(response.text.isupper())

    suite, item = made(tmp_path, 'scorer = "shout"', target="anything", options=None)
    assert suite.scorer.template == "open"
    assert suite.scorer.inspect(item) == Traits()
    assert grade(suite, item, Response("LOUD")).status is Status.CORRECT
    assert grade(suite, item, Response("soft")).status is Status.WRONG


def test_a_scorer_of_ones_own_has_options_and_checks_them(tmp_path: Path) -> None:
    class Lengths(BaseModel):
        most: int = 10

    @scorer("short", template="text", options=Lengths)
    def short(item: Item, response: Response, options: Lengths) -> Score:
        return Score(float(len(response.text) <= options.most), response.text)

    with pytest.raises(ValueError, match="has no option 'mots'; did you mean 'most'"):
        bind(table(scorer="short", mots=3))
    suite, item = made(tmp_path, 'scorer = "short"\nmost = 3')
    assert grade(suite, item, Response("abc")).score == 1
    assert grade(suite, item, Response("abcd")).score == 0


def test_a_taken_name_and_an_unknown_template_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'choice' is taken by pytest_medbench\.scorers\.choice"):
        scorer("choice")(lambda item, response, options: 1.0)
    with pytest.raises(ValueError, match=r"template 'chioce' .* did you mean 'choice'"):
        scorer("mine", template="chioce")


def test_a_conftest_that_is_imported_twice_registers_again() -> None:
    for _ in range(2):

        @scorer("again")
        def again(item: Item, response: Response, options: Any) -> float:
            return 1.0

    assert "again" in names()


RESULTS: list[tuple[Any, str]] = [
    (1.5, "ValueError: score is 1.5, expected a number from 0 to 1"),
    (-0.1, "ValueError: score is -0.1"),
    (float("nan"), "ValueError: score is nan"),
    (None, "TypeError: score is None"),
    ("high", "TypeError: score is 'high'"),
    (Score(2.0), "ValueError: score is 2.0"),
    (Score(0.5, parts={"a": 7}), "ValueError: part 'a' is 7"),
    (Score(1.0, cause=Cause.REFUSAL), "ValueError: score is 1.0 with cause 'refusal', expected 0"),
]


@pytest.mark.parametrize(("result", "message"), RESULTS)
def test_a_scorer_that_gives_no_score_is_an_error(
    tmp_path: Path, result: Any, message: str
) -> None:
    @scorer("odd")
    def odd(item: Item, response: Response, options: Any) -> Any:
        return result

    outcome = grade(*made(tmp_path, 'scorer = "odd"'), Response("x"))
    assert (outcome.status, outcome.score, outcome.answer) == (Status.ERROR, None, None)
    assert outcome.reason is not None
    assert outcome.reason.startswith(f"scorer 'odd' failed: {message}")


def test_a_scorer_that_raises_is_an_error_and_never_wrong(tmp_path: Path) -> None:
    @scorer("broken")
    def broken(item: Item, response: Response, options: Any) -> float:
        raise KeyError("no such\x1b[31m key")

    outcome = grade(*made(tmp_path, 'scorer = "broken"'), Response("x"))
    assert outcome.status is Status.ERROR
    assert outcome.reason == "scorer 'broken' failed: KeyError: 'no such\\x1b[31m key'"


@pytest.fixture
def choice(tmp_path: Path) -> tuple[Suite, Item]:
    return made(tmp_path, 'scorer = "choice"')


def test_statuses_of_a_choice_item(choice: tuple[Suite, Item]) -> None:
    assert grade(*choice, Response("B")).status is Status.CORRECT
    assert grade(*choice, Response("A")).status is Status.WRONG
    outcome = grade(*choice, Response("no idea"))
    assert outcome == Outcome(
        "s", "i1", Status.UNPARSABLE, score=0.0, reason="no answer found", tries=1
    )


def test_correct_at_decides(tmp_path: Path) -> None:
    score = 'scorer = "multi"\ncredit = "f1"\ncorrect_at = 0.6'
    suite, item = made(tmp_path, score, target="AB")
    assert grade(suite, item, Response("A")).status is Status.CORRECT
    assert grade(suite, item, Response("A")).score == pytest.approx(2 / 3)
    assert grade(suite, item, Response("C")).status is Status.WRONG


def test_what_served_an_answer_is_kept(choice: tuple[Suite, Item]) -> None:
    response = Response("B", model="ours-7b", system_fingerprint="fp1", arrived_at=1700.5, tries=3)
    outcome = grade(*choice, response)
    assert (outcome.served_by, outcome.asked_at, outcome.tries) == ("ours-7b fp1", 1700.5, 3)
    assert grade(*choice, Response("B")).served_by is None


def test_no_target_and_judged_items_are_unscored(tmp_path: Path) -> None:
    outcome = grade(*made(tmp_path, 'scorer = "choice"', target=None), Response("B"))
    assert (outcome.status, outcome.score, outcome.reason) == (Status.UNSCORED, None, None)
    outcome = grade(*made(tmp_path, 'scorer = "judge"', target={"rubric": []}), Response("B"))
    assert (outcome.status, outcome.reason) == (Status.UNSCORED, "needs a judge")


def test_an_answer_is_kept_short_and_printable(tmp_path: Path) -> None:
    suite, item = made(tmp_path, 'scorer = "json"', target={"a": "x"})
    reply = json.dumps({"a": "\x1b[31mred\u202e \x07" + "long " * 100}, ensure_ascii=False)
    answer = grade(suite, item, Response(reply)).answer
    assert answer is not None
    assert len(answer) == 80
    assert answer.isprintable()
    assert Outcome.from_wire(json.loads(json.dumps(["s", "i", "wrong", 0.0, answer]))).answer
