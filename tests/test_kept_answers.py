"""What of an accepted version is still there: its answers in the cache, the code that scored it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from accepted_projects import findings
from projects import Project, questions
from wrong_projects import Ask, KeyServer

ALIAS = """\
[tool.medbench.models.{name}]
base_url = "{url}"
model = "loopback"
revision = "{name}"
temperature = {heat}
"""
SCORER = """\
from pytest_medbench.scorers import scorer

@scorer("says", template="choice")
def says(item, response, options):
    return float(item.target {how} response.text)
"""


def changed_items(project: Project) -> list[dict[str, Any]]:
    text = (project.runs()[-1] / "comparison.json").read_text("utf-8")
    return [each for group in json.loads(text)["regressions"] for each in group["items"]]


def _config(project: Project, url: str, heat: float) -> None:
    project.config(
        "[tool.medbench.gates]\noverall = 0.3\n"
        + ALIAS.format(name="old", url=url, heat=0.0)
        + ALIAS.format(name="new", url=url, heat=heat)
    )


@pytest.mark.parametrize("changed_since", [False, True])
def test_an_accepted_answer_comes_out_of_the_cache(tmp_path: Path, changed_since: bool) -> None:
    project = Project(tmp_path)
    project.suite(questions(12, safety=["medication"]))

    def in_full(asked: Ask, right: str) -> str:
        return f"Answer: {right}\n\nBecause the label says so."

    def worse(asked: Ask, right: str) -> str:
        return "Answer: " + "BCDA"["ABCD".index(right)]

    with KeyServer(project.root, models=[{"id": "loopback", "created": 1_700_000_000}]) as server:
        _config(project, server.base_url, 0.0)
        server.instead = in_full
        result = project.run("suites", "--medbench-model=old", "--snapshot-update")
        assert result.status == 0, result.out
        shutil.rmtree(project.root / ".medbench" / "runs")
        server.instead = worse
        if changed_since:
            text = (project.root / "medbench.toml").read_text("utf-8")
            project.config(text.replace("temperature = 0.0", "temperature = 0.5", 1))
        result = project.run("suites", "--medbench-model=new", "--medbench-baseline=old")
    assert result.status == 1, result.out
    accepted = {each["accepted_answer"] for each in changed_items(project)}
    if changed_since:
        assert accepted == {"text not kept"}
    else:
        assert len(accepted) == 4
        assert all("Because the label says so." in text for text in accepted)


def test_a_changed_scorer_of_ones_own_voids_its_items(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.key_model()
    project.suite(questions(4), scorer="says")
    project.suite(questions(4), name="other")
    project.write("conftest.py", SCORER.format(how="=="))
    result = project.run("suites", "--medbench-model=python:key:right", "--snapshot-update")
    assert result.status == 0, result.out
    assert project.run("suites", "--medbench-model=python:key:right").status == 0
    project.write("conftest.py", SCORER.format(how="in"))
    result = project.run("suites", "--medbench-model=python:key:right")
    assert result.status == 10, result.out
    said = [line for line in findings(result) if "since this changed" in line]
    assert len(said) == 1
    assert "4 groups of demo cannot be compared, since this changed: scorer" in said[0]
