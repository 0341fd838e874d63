"""Controls agree with chance on every suite of choices, under the suite's own group rule."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from public_data import data, one
from wrong_projects import STARTERS, with_starters, wrong_project

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.groups import Outcomes, members_of, score_groups
from pytest_medbench.importers import import_medxpertqa
from pytest_medbench.models.controls import CONTROLS, Control
from pytest_medbench.options import Options
from pytest_medbench.suites import Entry, Suite

STARTER_SUITES = ["ethics", "exam", "medication-safety", "prescription-check", "safety"]
PUBLIC = {
    "medqa": "medqa/input/medqa_input",
    "medmcqa": "medmcqa/input/medmcqa_input",
    "mmlu_medical": "mmlu_medical/input/mmlu_medical_input",
    "medxpertqa_mm": "medxpertqa/input/medxpertqa_mm_input",
    "medxpertqa_text": "medxpertqa_sampled/input/medxpertqa_sampled_text_input",
}
# In MedMCQA the key itself is uneven: A is right in 32 % of the questions, the longest option in
# 31 %. That is a property of the data, and why a gate has to ask for more than either reaches.
UNEVEN = {("medmcqa", "first"), ("medmcqa", "longest")}
# Every control on every suite counts, also where the figure is only told.
LEVEL = 0.001 / (len(CONTROLS) * (len(STARTER_SUITES) + len(PUBLIC)))


@dataclass(frozen=True)
class Tally:
    """Groups that a control got right, and each group's chance to be."""

    right: float
    chances: Sequence[float]

    @property
    def p_value(self) -> float:
        """Two-sided, by the exact distribution: binomial where all chances are the same."""
        sums = np.ones(1)
        for chance in self.chances:
            sums = np.convolve(sums, [1 - chance, chance])
        right = int(self.right)
        return min(1.0, 2 * min(math.fsum(sums[: right + 1]), math.fsum(sums[right:])))

    def __str__(self) -> str:
        groups, expected = len(self.chances), math.fsum(self.chances)
        return (
            f"{self.right:g} of {groups} groups right ({self.right / groups:.2%}), by chance "
            f"{expected:.1f} ({expected / groups:.2%}), p = {self.p_value:.2g}"
        )


def run(kind: str, catalogue: Catalogue, suite: Suite) -> Tally:
    """Have a control answer a suite through the real parts."""
    control = Control(kind)
    outcomes: Outcomes = asyncio.run(_outcomes(control, catalogue, suite))
    groups = score_groups(suite, {entry.id for entry in suite.entries}, outcomes)
    right = math.fsum(group.value for group in groups if group.value is not None)
    assert not any(group.missing or group.n_unparsable for group in groups)
    options = {entry.id: len(catalogue.item(suite, entry).options or ()) for entry in suite.entries}
    return Tally(right, [chance(kind, members, options) for members in members_of(suite).values()])


async def _outcomes(control: Control, catalogue: Catalogue, suite: Suite) -> Outcomes:
    found = {}
    for entry in suite.entries:
        item = catalogue.item(suite, entry)
        response = await control.answer(catalogue.request(suite, item))
        found[suite.name, entry.id] = catalogue.grade(suite, item, response)
    return found


def chance(kind: str, members: Sequence[Entry], options: dict[str, int]) -> float:
    """Give P(every member right): by position afresh each time, by content once for all orders."""
    shares = [1 / options[entry.id] for entry in members]
    return min(shares) if kind == "longest" else math.prod(shares)


@pytest.mark.parametrize("kind", CONTROLS)
@pytest.mark.parametrize("name", STARTER_SUITES)
def test_control_agrees_with_chance_on_a_starter_suite(name: str, kind: str) -> None:
    catalogue = Catalogue(Options(root=STARTERS))
    suite = catalogue.read(STARTERS / name / "suite.toml")
    assert suite.spec.score.group_rule == "all"
    tally = run(kind, catalogue, suite)
    catalogue.close()
    print(f"{name}, {kind}: {tally}")
    assert tally.p_value >= LEVEL, str(tally)


@pytest.mark.parametrize("name", PUBLIC)
def test_controls_agree_with_chance_on_public_data(tmp_path: Path, name: str) -> None:
    source = data("medxpertqa", "eval", "data", *f"{PUBLIC[name]}.jsonl".split("/"))
    folder = one(import_medxpertqa(source, tmp_path / "suites"))
    catalogue = Catalogue(Options(root=tmp_path))
    suite = catalogue.read(folder / "suite.toml")
    tallies = {kind: run(kind, catalogue, suite) for kind in CONTROLS}
    catalogue.close()
    for kind, tally in tallies.items():
        print(f"{name}, {kind}: {tally}")
        if (name, kind) in UNEVEN:
            assert tally.right > math.fsum(tally.chances), f"{kind}: {tally}"
        else:
            assert tally.p_value >= LEVEL, f"{kind}: {tally}"
    constants = [entry.traits.constant for entry in suite.entries if entry.scored]
    assert tallies["first"].right == constants.count("A")


def test_control_is_the_same_in_every_run_and_nothing_can_pick_its_seed(tmp_path: Path) -> None:
    project = wrong_project(tmp_path)
    with_starters(project)
    catalogue = Catalogue(Options(root=tmp_path))
    suite = catalogue.read(tmp_path / "suites" / "exam" / "suite.toml")
    expected = run("random", catalogue, suite)
    catalogue.close()
    for further in (["--medbench-seed=1"], ["-n", "2"]):
        result = project.run("suites/exam", "--medbench-model=control:random", *further)
        (score,) = [
            row["score"] for row in project.verdicts()["slices"] if row["key"] == "suite.exam"
        ]
        assert score * len(expected.chances) == pytest.approx(expected.right)
        assert result.status == 1
