"""Comparisons that must not come out green, each through the real command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from accepted_projects import (
    ALLOW,
    BASELINE,
    OURS,
    SPECIALTIES,
    UPDATE,
    accepted_project,
    copy_of,
    empty_project,
    findings,
    items,
    more_items,
    snapshots,
    worse,
)
from projects import KEY, Project, questions

RELEASES = ("r1", "r2", "r3", "r3", "r3", "r3")
CANDIDATE = "--medbench-model=python:model:answer"
STEP = 4  # of 211 items: 1.9 points


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose accepted version answers everything, with a worse candidate beside it."""
    project = accepted_project(tmp_path_factory.mktemp("accepted"))
    worse(project, 12)
    return project


@pytest.fixture
def project(accepted: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    return copy_of(accepted, tmp_path / "project")


def test_a_drop_blocks_where_every_threshold_passes(project: Project) -> None:
    result = project.run("suites", CANDIDATE, BASELINE)
    assert result.status == 1, result.out
    assert {each["verdict"] for each in project.verdicts()["verdicts"]} == {"PASS"}
    said = [line for line in findings(result) if "specialty.oncology: a drop of 48 points" in line]
    assert said
    assert "specialty.surgery: a drop" not in result.out


def test_a_renamed_candidate_is_told_which_name_to_give(project: Project) -> None:
    result = project.run("suites", CANDIDATE)
    assert result.status == 10, result.out
    (said,) = findings(result)
    assert "no baseline is named, and other models' snapshots are beside 'demo', 'more'" in said
    assert f"--medbench-baseline={OURS}" in said


@pytest.mark.parametrize("where", ["flag", "file"])
def test_a_misspelt_baseline_is_not_no_baseline(project: Project, where: str) -> None:
    flags = ["--medbench-baseline=python:kye:right"]
    if where == "file":
        flags = []
        text = '[tool.medbench]\nbaseline = "python:kye:right"\n[tool.medbench.gates]\noverall=0.6'
        project.config(text)
    result = project.run("suites", CANDIDATE, *flags)
    assert result.status == 10, result.out
    (said,) = findings(result)
    assert "baseline 'python:kye:right' is not found in 'demo', 'more'" in said
    assert f"did you mean '{OURS}'?" in said


def test_an_edited_prompt_voids_the_items_asked_with_it_and_no_other(project: Project) -> None:
    project.suite(more_items(), name="more", gates="", prompt='system = "Be brief."')
    result = project.run("suites", KEY, BASELINE)
    assert result.status == 10, result.out
    (said,) = [line for line in findings(result) if "cannot be compared, since" in line]
    assert "5 groups of more cannot be compared, since this changed: prompt" in said
    assert "(m000, m001, m002, m003, m004)" in said
    undecided = [line for line in findings(result) if "(void)" in line]
    assert {line.split(": ")[1] for line in undecided} == {"overall", "specialty.oncology"}


@pytest.mark.parametrize("how", ["items", "label"])
def test_a_dropped_specialty_is_no_pass(project: Project, how: str) -> None:
    kept = [item for item in items() if item["specialty"] != "surgery"]
    left = [item for item in items() if item["specialty"] == "surgery"]
    if how == "label":
        kept += [{**item, "specialty": "oncology"} for item in left]
    project.suite(kept, gates="")
    result = project.run("suites", KEY, BASELINE)
    assert result.status == 10, result.out
    said = findings(result)
    assert any("no item has a label any more for specialty.surgery" in line for line in said)
    gone = [line for line in said if "20 accepted groups of demo no longer planned" in line]
    assert bool(gone) is (how == "items")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--lf"], "it is a part, 12 of 60 (--lf)"),
        (["--medbench-sample=40"], "it is a part, 40 of 65 (--medbench-sample)"),
        (["--medbench-shard=1/2"], "a shard is no whole run"),
        (["-x"], "it was stopped early"),
    ],
    ids=["lf", "sample", "shard", "stopped"],
)
def test_what_is_no_whole_run_is_not_accepted(
    project: Project, flags: list[str], said: str
) -> None:
    if flags == ["--lf"]:
        ids = [f"suites/demo/suite.toml::o{number:03}" for number in range(12)]
        project.write(".pytest_cache/v/cache/lastfailed", json.dumps(dict.fromkeys(ids, True)))
    elif flags == ["-x"]:
        project.answer(d003=None)
    before = snapshots(project)
    result = project.run("suites", CANDIDATE, UPDATE, ALLOW, "--medbench-accept-reason=ok", *flags)
    assert result.status == 4, result.out
    assert said in result.out
    assert snapshots(project) == before


def test_a_run_that_blocks_is_accepted_with_a_reason_only_and_still_blocks(
    project: Project,
) -> None:
    before = snapshots(project)
    flags = ["suites", CANDIDATE, BASELINE, UPDATE, "--medbench-accept-as=next"]
    refused = project.run(*flags)
    assert refused.status == 4, refused.out
    assert "came to BLOCK: accepting it needs a reason" in refused.out
    assert snapshots(project) == before
    accepted = project.run(*flags, "--medbench-accept-reason=oncology moved to another model")
    assert accepted.status == 1, accepted.out
    after = snapshots(project)
    assert {name: after[name] for name in before} == before
    document = json.loads(after["suites/demo/__snapshots__/next.json"])
    assert document["reason"] == "oncology moved to another model"
    assert document["verdict"] == "BLOCK"


def test_six_small_steps_do_not_pass_a_margin_of_two_points(tmp_path: Path) -> None:
    project = empty_project(tmp_path)
    project.config("[tool.medbench.gates]\noverall = { max_drop = 0.02 }\n")
    project.key_model()
    project.suite(questions(211, prefix="o", specialty=SPECIALTIES[0]), gates="overall = 0.5")
    first = project.run("suites", KEY, UPDATE, "--medbench-accept-as=r0")
    assert first.status == 0, first.out
    previous = "r0"
    for number, name in enumerate(RELEASES, 1):
        step = project.run(
            "suites",
            worse(project, number * STEP),
            UPDATE,
            f"--medbench-baseline={previous}",
            f"--medbench-accept-as={name}",
            "--medbench-accept-reason=within the noise",
        )
        assert step.status in (1, 10), (number, step.out)
        assert "(baseline): overall: a drop" not in step.out
        previous = name
    last = project.run("suites", CANDIDATE, "--medbench-baseline=r3")
    assert last.status == 1, last.out
    assert "against 'r3' (anchor): specialty.oncology: a drop of 11.37 points" in last.out
    (margin,) = [each for each in project.verdicts()["verdicts"] if each["gate"]["max_drop"]]
    assert (margin["slice"]["key"], margin["verdict"]) == ("overall", "BLOCK")
    assert "anchor" in margin["reason"], margin
