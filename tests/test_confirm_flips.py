"""Safety items that flipped, asked again: by the real broker, and by the whole command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from accepted import accept, against, held
from baseline_projects import run
from brokers import FakeModel, running
from made_suites import answer
from projects import Project, questions

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.confirming import Fresh, confirm
from pytest_medbench.exchange import Request, Response
from pytest_medbench.models.base import ModelError
from pytest_medbench.options import Options
from pytest_medbench.suites import Suite

MILD = {"safety": ["medication"], "harm": "mild"}
RIGHT, WRONG = (1.0,) * 5, (0.0,) * 5


class Scripted(FakeModel):
    """Answers by item and sample; None fails."""

    def __init__(self, answers: Mapping[str, Mapping[int, str | None]]) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[tuple[str, int]] = []

    def wire(self, request: Request) -> Mapping[str, Any]:
        return {"messages": list(request.messages)}

    async def answer(self, request: Request) -> Response:
        self.asked.append((request.item, request.sample))
        text = self.answers[request.item].get(request.sample, "E")
        if text is None:
            raise ModelError("gone")
        return Response(text)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """A suite of two mild safety items and an ordinary one; the keys are A, B and A."""
    project = Project(tmp_path)
    project.suite([*questions(2, prefix="s", **MILD), *questions(1)])
    made = Catalogue(Options(root=tmp_path))
    made.read(tmp_path / "suites/demo/suite.toml")
    yield made
    made.close()


def _asked_again(
    catalogue: Catalogue,
    tmp_path: Path,
    model: Scripted,
    *,
    now: str = "wcw",
    stored: Mapping[str, tuple[float, ...]] | None = None,
    repeats: int = 1,
) -> tuple[list[Fresh], Suite]:
    (suite,) = catalogue.suites
    baseline = accept(suite, "ccc", scores=stored or {})
    comparison, _ = held(suite, answer(suite, now), against(baseline))
    with running(tmp_path, model) as broker:
        fresh = confirm(
            comparison,
            catalogue,
            broker,
            {"baseline": {"demo": baseline}},
            times=5,
            repeats=repeats,
        )
    return fresh, suite


def test_only_flips_are_asked_with_sample_numbers_of_their_own(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    model = Scripted({"s000": {}})
    (fresh,), _ = _asked_again(catalogue, tmp_path, model, repeats=3)
    assert sorted(model.asked) == [("s000", sample) for sample in range(3, 8)]
    assert fresh.confirmation.new == (False,) * 5
    assert fresh.answers == ("E",) * 5


def test_answers_are_asked_afresh_whatever_is_stored(catalogue: Catalogue, tmp_path: Path) -> None:
    for _ in range(2):
        model = Scripted({"s000": {}})
        _asked_again(catalogue, tmp_path, model)
        assert len(model.asked) == 5


def test_right_and_wrong_answers_are_told_apart(catalogue: Catalogue, tmp_path: Path) -> None:
    model = Scripted({"s000": {1: "A", 2: "B", 3: "A", 4: "B", 5: "I cannot say"}})
    (fresh,), _ = _asked_again(catalogue, tmp_path, model)
    assert fresh.confirmation.new == (True, False, True, False, False)
    assert not fresh.confirmation.identical


def test_identical_answers_are_said_to_be_that(catalogue: Catalogue, tmp_path: Path) -> None:
    (fresh,), _ = _asked_again(catalogue, tmp_path, Scripted({"s000": {}}))
    assert fresh.confirmation.identical


def test_stored_repeats_speak_for_the_accepted_version(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    scores = (1.0, 1.0, 0.0, 1.0, 1.0)
    model = Scripted({"s000": {}})
    (fresh,), _ = _asked_again(catalogue, tmp_path, model, stored={"s000": scores})
    assert fresh.confirmation.old == (True, True, False, True, True)
    (fresh,), _ = _asked_again(catalogue, tmp_path, Scripted({"s000": {}}))
    assert fresh.confirmation.old is None


def test_a_server_that_is_gone_neither_confirms_nor_clears(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    model = Scripted({"s000": dict.fromkeys(range(1, 6))})
    (fresh,), suite = _asked_again(catalogue, tmp_path, model)
    assert fresh.confirmation.new == ()
    assert not fresh.confirmation.identical
    baseline = accept(suite, "ccc", scores={"s000": RIGHT})
    comparison, decision = held(
        suite, answer(suite, "wcc"), against(baseline), confirmations=[fresh.confirmation]
    )
    assert "5 fresh answers are needed" in comparison.items[0].note
    assert decision.exit_status == 10


def test_without_a_flip_nothing_is_asked(catalogue: Catalogue, tmp_path: Path) -> None:
    model = Scripted({})
    assert _asked_again(catalogue, tmp_path, model, now="ccw")[0] == []
    assert model.asked == []


def test_an_item_that_was_changed_meanwhile_is_not_asked(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    items = tmp_path / "suites/demo/items.jsonl"
    items.write_text(items.read_text().replace("Question 0", "Riddle 0"))
    assert _asked_again(catalogue, tmp_path, Scripted({}))[0] == []


MODEL = """
def answer(request):
    if request.item == {item!r}:
        return "E" if request.sample in {wrong} else "A"
    return "ABCD"[int(request.item[1:]) % 4]
"""


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose model was accepted with five repeats of each item."""
    project = Project(tmp_path_factory.mktemp("accepted"))
    project.suite([*questions(1, prefix="s", **MILD), *questions(40)])
    _write(project, wrong=())
    result = _ran(project, "--snapshot-update", repeats="5", accept_as="ours")
    assert result["status"] == 0, result["out"]
    return project


def _write(project: Project, wrong: tuple[int, ...]) -> None:
    project.write("mine.py", MODEL.format(item="s000", wrong=wrong))


def _ran(project: Project, *arguments: str, **flags: str) -> dict[str, Any]:
    result = run(project, "--medbench-model=python:mine:answer", *arguments, "suites", **flags)
    path = project.runs()[-1] / "comparison.json"
    found = json.loads(path.read_text()) if path.is_file() else {}
    return {"status": result.status, "out": result.out, **found}


@pytest.mark.parametrize(
    ("wrong", "status", "note"),
    [
        ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 1, "confirmed: before 5 of 5 right, now 5 of 5 wrong"),
        ((0, 1, 2, 3, 4), 0, "not confirmed: before 5 of 5 right, now 0 of 5 wrong"),
    ],
)
def test_the_command_asks_both_versions_again(
    accepted: Project, wrong: tuple[int, ...], status: int, note: str
) -> None:
    _write(accepted, wrong)
    found = _ran(accepted, repeats="5", baseline="ours", confirm_flips="5")
    assert found["status"] == status, found["out"]
    (item,) = found["regressions"][0]["items"]
    assert item["note"].startswith(note)
    (confirmation,) = found["confirmations"]
    assert len(confirmation["answers"]) == 5
