"""Accepted files that no longer fit or are damaged, and comparing parts, through the command."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from accepted_projects import (
    ALLOW,
    BASELINE,
    UPDATE,
    accepted_project,
    copy_of,
    findings,
    more_items,
    rewrite,
    snapshots,
    worse,
    wrote_down,
)
from projects import KEY, Project, server_config
from sharded import merge, run_shard
from wrong_projects import Ask, KeyServer, prompt_of

SUMMARY = "python%3Akey%3Aright.json"
ITEMS = "python%3Akey%3Aright.items.jsonl"
ANCHOR = "python%3Akey%3Aright.anchor.json"
Damage = Callable[[str], str]


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose accepted version answers everything."""
    return accepted_project(tmp_path_factory.mktemp("accepted"))


@pytest.fixture
def project(accepted: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    return copy_of(accepted, tmp_path / "project")


def test_an_edit_voids_exactly_the_items_it_touches(project: Project) -> None:
    rewrite(project, {"input": "Which one thins the blood?"}, suite="demo", id_="s004")
    rewrite(project, {"rationale": "See the label."}, suite="demo", id_="s005")
    project.suite(more_items(), name="more", gates="", score="correct_at = 0.9")
    result = project.run("suites", KEY)
    assert result.status == 10, result.out
    said = [line for line in findings(result) if "cannot be compared, since" in line]
    assert len(said) == 2, result.out
    assert any("1 group of demo cannot be compared" in line and "(s004)" in line for line in said)
    scorer = "5 groups of more cannot be compared, since this changed: scorer"
    assert any(scorer in line and "(m000, m001, m002, m003, m004)" in line for line in said)


def _cut(text: str) -> str:
    return text[:-40]


def _newer(text: str) -> str:
    return text.replace('"format": 1', '"format": 2')


def _merged(text: str) -> str:
    first, _, rest = text.partition("\n")
    return f"{first}\n<<<<<<< ours\n{rest}=======\n{rest}>>>>>>> theirs\n"


def _nonsense(text: str) -> str:
    return text.replace('"score": 1.0', '"score": "good"', 1)


def _flattered(text: str) -> str:
    return text.replace('"status":"correct"', '"status":"wrong"', 1).replace("1.0", "0.0", 1)


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        (SUMMARY, _nonsense, r"right\.json:\d+: .*score"),
        (SUMMARY, _newer, r"right\.json:\d+: format = 2: made by a newer version"),
        (ITEMS, _cut, r"right\.items\.jsonl:\d+: ends in the middle, half written"),
        (ANCHOR, _merged, r"right\.anchor\.json:2: holds conflict markers of a merge"),
        (ITEMS, _flattered, r"right\.items\.jsonl: is not the file that"),
    ],
    ids=["nonsense", "newer", "half", "conflict", "edited"],
)
def test_a_damaged_snapshot_is_named_with_its_place_and_the_run_is_kept(
    project: Project, name: str, damage: Damage, said: str
) -> None:
    path = project.root / "suites" / "demo" / "__snapshots__" / name
    text = path.read_text(encoding="utf-8")
    damaged = damage(text)
    assert damaged != text
    path.write_text(damaged, encoding="utf-8")
    before = snapshots(project)
    result = project.run("suites", KEY)
    assert result.status == 10, result.out
    assert re.search(said, result.out), result.out
    assert "Traceback" not in result.out
    assert wrote_down(project) == 65
    assert result.line("suite.demo").split()[0] == "100.0"
    assert snapshots(project) == before


def test_accepting_again_mends_a_damaged_snapshot(project: Project) -> None:
    path = project.root / "suites" / "demo" / "__snapshots__" / ITEMS
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    result = project.run("suites", KEY, UPDATE, "--medbench-accept-reason=restored")
    assert result.status == 10, result.out
    assert path.read_bytes() == whole


def test_workers_accept_the_same_bytes_and_leave_the_other_model_as_it_was(
    project: Project, tmp_path: Path
) -> None:
    other = copy_of(project, tmp_path / "other")
    before = snapshots(project)
    made = []
    for each, workers in ((project, []), (other, ["-n", "4"])):
        model = worse(each, 2)
        flags = [UPDATE, BASELINE, "--medbench-accept-as=b", "--medbench-repeats=2"]
        reason = "--medbench-accept-reason=repeats are new"
        result = each.run("suites", model, *flags, reason, *workers)
        assert result.status == 10, result.out
        after = snapshots(each)
        assert {name: after.pop(name) for name in before} == before
        made.append({name: _without_run(data) for name, data in after.items()})
    serial, parallel = made
    assert len(serial) == 8
    assert serial == parallel
    first = serial["suites/demo/__snapshots__/b.items.jsonl"].splitlines()[-1]
    assert json.loads(first)["scores"] == [1.0, 1.0]


def _without_run(data: bytes) -> bytes:
    # Two runs have two ids, at midnight two dates.
    return re.sub(rb'"(run|accepted_on)": "[^"]*"', b"", data)


def test_a_part_is_compared_on_what_it_has(project: Project) -> None:
    result = project.run("suites", worse(project, 9), BASELINE, "-k", "o0", ALLOW, "-n", "2")
    assert result.status == 1, result.out
    said = findings(result)
    assert any("specialty.oncology: a drop of 45 points on 20 pairs" in line for line in said)
    assert not any("void" in line or "no longer planned" in line for line in said)
    assert "part: 20 of 65 (-k)" in result.out


def _half_of_dermatology_wrong(asked: Ask, right: str) -> str:
    wrong = "d: Question 1" in prompt_of(asked)
    return "ABCD"[("ABCD".index(right) + 1) % 4] if wrong else right


def test_a_resumed_run_is_compared_as_a_whole(project: Project) -> None:
    flags = ["suites", BASELINE, "--medbench-cache=off"]
    with KeyServer(project.root) as server:
        server.instead = _half_of_dermatology_wrong
        gates = "[tool.medbench.gates]\noverall = 0.6\n"
        project.config(server_config(server.base_url, further='revision = "1"', gates=gates))
        cut = project.run(*flags, "--medbench-max-requests=30")
        assert cut.status == 11, cut.out
        result = project.run(*flags, "--medbench-resume=last")
        assert len(server.requests) == 65
    assert result.status == 1, result.out
    said = findings(result)
    assert any("specialty.dermatology: a drop of 55 points on 20 pairs" in line for line in said)
    assert not any("without a score" in line or "void" in line for line in said)


def test_merged_shards_are_compared_as_a_whole(project: Project) -> None:
    flags = [worse(project, 12), BASELINE]
    shards = [run_shard(project, part, *flags) for part in ("1/2", "2/2")]
    result = merge(project, *shards)
    assert result.status == 1, result.out
    assert "specialty.oncology: a drop of 48 points on 25 pairs" in result.out
