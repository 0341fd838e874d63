"""Models that know the key, know its opposite, or answer without looking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from projects import Project, Result, questions
from public_data import data
from wrong_projects import STARTERS as SUITES
from wrong_projects import model, with_starters, wrong_project

from pytest_medbench.importers import import_medxpertqa, import_pubmedqa

DEGENERATE = ["empty", "always_a", "refusal_en", "refusal_zh", "echo", "ramble"]
STARTERS = sorted(path.parent.name for path in SUITES.glob("*/suite.toml"))
JUDGED = {"writing-judged"}
# Half of these requests must be declined, so that always declining is right there, and whatever
# declines nothing is right with the others; the gates on both parts are what stops it.
HALF_RIGHT = {"refusal_en": "refusal", "refusal_zh": "refusal", "ramble": "refusal"}
COUNT = 20


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return wrong_project(tmp_path)


def of_every_scorer(project: Project) -> None:
    """Write a suite for each scorer, with gates as low as they may be."""
    rows: dict[str, list[dict[str, Any]]] = {
        "choice": questions(COUNT),
        "multi": [
            {**row, "target": ["AC", "BD", "AB", "CD", "ABC"][number % 5]}
            for number, row in enumerate(questions(COUNT))
        ],
        "yes_no": made(lambda number: ["yes", "no", "maybe"][number % 3]),
        "number": made(lambda number: 3.5 + 7 * number),
        "date": made(lambda number: f"2026-03-{number + 1:02}"),
        "weeks_days": made(lambda number: [20 + number, number % 7]),
        "text": made(lambda number: [f"substance {number}", f"物质{number}"]),
        "json": made(lambda number: {"drug": f"drug {number}", "dose": number + 0.5, "ok": ["x"]}),
    }
    for scorer, items in rows.items():
        score = "correct_at = 0.9" if scorer == "json" else ""
        low = 0.36 if scorer == "yes_no" else 0.26 if scorer in ("choice", "multi") else 0.05
        project.suite(
            items,
            name=scorer,
            scorer=scorer,
            score=score,
            suite=f'dimension = "{scorer}"',
            gates=f"overall = {low}",
        )


def made(target: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"i{number:02}", "input": f"Question {number:02}: which?", "target": target(number)}
        for number in range(COUNT)
    ]


def of_public_data(project: Project) -> None:
    medqa = data("medxpertqa", "eval", "data", "medqa", "input", "medqa_input.jsonl")
    import_medxpertqa(medqa, project.root / "suites")
    import_pubmedqa(data("pubmedqa"), project.root / "suites")


def scores(project: Project) -> dict[str, float | None]:
    """Give the score of each suite of the last run that a rule can score."""
    found = {
        row["key"].removeprefix("suite."): row["score"]
        for row in project.verdicts()["slices"]
        if row["key"].startswith("suite.") and row["scope"] is None
    }
    return {name: score for name, score in found.items() if name not in JUDGED}


def check_key_and_inverted_key(project: Project, *further: str) -> None:
    right = project.run("suites", model("right"), *further)
    assert set(scores(project).values()) == {1.0}, not_right(project)
    assert right.status == 0, right.out
    assert {row["verdict"] for row in project.verdicts()["verdicts"]} == {"PASS"}
    inverted = project.run("suites", model("inverted"), *further)
    assert set(scores(project).values()) == {0.0}
    assert inverted.status == 1
    assert {row["verdict"] for row in project.verdicts()["verdicts"]} == {"BLOCK"}
    assert {line["status"] for line in project.journal()} - {"unscored"} == {"wrong"}


def not_right(project: Project) -> list[tuple[str, str, str]]:
    return [
        (line["suite"], line["id"], line["answer"])
        for line in project.journal()
        if line["status"] not in ("correct", "unscored")
    ]


def test_key_passes_and_inverted_key_blocks_on_the_starter_suites(project: Project) -> None:
    with_starters(project)
    check_key_and_inverted_key(project)
    assert sorted({*scores(project), *JUDGED}) == STARTERS


def test_key_passes_and_inverted_key_blocks_under_every_scorer(project: Project) -> None:
    of_every_scorer(project)
    check_key_and_inverted_key(project)
    assert len(scores(project)) == 8


def test_key_passes_and_inverted_key_blocks_on_public_data(project: Project) -> None:
    of_public_data(project)
    project.config('[tool.medbench.gates]\n"suite.*" = 0.9\n')
    check_key_and_inverted_key(project)


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_model_is_blocked_on_every_suite(project: Project, name: str) -> None:
    with_starters(project)
    of_every_scorer(project)
    result: Result = project.run("suites", model(name), "-q")
    assert result.status == 1
    blocked = {
        row["gate"]["scope"] for row in project.verdicts()["verdicts"] if row["verdict"] == "BLOCK"
    }
    assert blocked >= set(scores(project))
    statuses = {line["status"] for line in project.journal() if line["suite"] not in JUDGED}
    assert statuses <= {"correct", "wrong", "unparsable"}
    if name != "always_a":
        # "Please consult a doctor" is a key point here and there, and so is a number of forty.
        left = {suite: score for suite, score in scores(project).items() if (score or 0) > 0.1}
        assert left.keys() <= {HALF_RIGHT.get(name)}, lucky(project)


def lucky(project: Project) -> list[tuple[str, str, str]]:
    return [
        (line["suite"], line["id"], line["answer"]) for line in project.journal() if line["score"]
    ]
