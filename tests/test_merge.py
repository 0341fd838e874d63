"""Shards joined into one verdict: that of the whole run, or none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from projects import KEY, Project, questions
from sharded import (
    GATES,
    Change,
    assert_refused,
    change,
    change_journal,
    edited,
    items,
    make_sharded,
    medbench,
    merge,
    merged_after,
    new_project,
    run_shard,
)

from pytest_medbench.runs import read_journal, read_plan


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_sharded(tmp_path_factory.mktemp("sharded"))


@pytest.fixture
def project(sharded: Project, tmp_path: Path) -> Project:
    """Give a copy of the project with its three shards."""
    shutil.copytree(sharded.root, tmp_path / "copy")
    return Project(tmp_path / "copy")


def test_merged_shards_have_the_verdict_of_the_whole_run(project: Project) -> None:
    merged = medbench(project, "merge", *reversed(project.runs()))
    assert merged.status == 0, merged.out
    assert (project.runs()[-1] / "verdicts.json").read_bytes() == (
        project.root / "whole" / "verdicts.json"
    ).read_bytes()
    said = (project.root / "whole.txt").read_text(encoding="utf-8").splitlines()
    table = [line for line in said if ">= " in line]
    assert len(table) == 4
    assert table == [line for line in merged.out.splitlines() if ">= " in line]
    for line in ("= medbench: PASS =", "16 items planned: 16 correct", "PASS: 4 gates passed"):
        assert line in merged.out


def test_merged_plan_and_journal_are_those_of_the_whole_run(project: Project) -> None:
    shards = project.runs()
    merge(project, *shards)
    merged, whole = (read_plan(path) for path in (project.runs()[-1], project.root / "whole"))
    assert merged.pop("merged_from") == [
        {"run": shard.name, "shard": [number, 3]} for number, shard in enumerate(shards, 1)
    ]
    assert {**merged, "created": ""} == {**whole, "created": ""}
    journals = [
        sorted(
            json.dumps({**line, "asked_at": 0, "latency": 0}, sort_keys=True)
            for line in read_journal(path)
        )
        for path in (project.runs()[-1], project.root / "whole")
    ]
    assert journals[0] == journals[1]


def test_shards_may_lie_anywhere_and_the_merged_run_too(project: Project, tmp_path: Path) -> None:
    shards = [path.rename(tmp_path / f"artifact-{path.name}") for path in project.runs()]
    merged = merge(project, *shards, "-o", tmp_path / "out")
    assert merged.status == 0, merged.out
    assert project.runs() == []
    found = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert found == ["journal-merged.jsonl", "plan.json", "verdicts.json"]
    assert_refused(project, merge(project, *shards, "-o", tmp_path / "out"), "not empty")


def test_runs_are_named_by_their_ids(project: Project) -> None:
    assert merge(project, *(path.name for path in project.runs())).status == 0


def test_shard_into_which_no_item_falls_is_not_missed(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.suite(questions(2))
    project.config("[tool.medbench.gates]\noverall = 0.6\n")
    for part in ("1/3", "2/3", "3/3"):
        project.run("suites", KEY, f"--medbench-shard={part}")
    runs = [run for run in project.runs() if (run / "plan.json").exists()]
    assert 1 <= len(runs) < 3
    merged = merge(project, *runs)
    assert merged.status == 0, merged.out
    assert "of 3 shards have no item and no run" in merged.out


def test_item_left_out_of_a_shard_makes_a_part(project: Project) -> None:
    first, second, third = project.runs()
    taken: list[str] = []
    change(second, lambda plan: taken.append(plan["suites"][0]["selected"].pop()))
    journal = second / "journal-main.jsonl"
    kept = [line for line in journal.read_text("utf-8").splitlines(True) if taken[0] not in line]
    journal.write_text("".join(kept), encoding="utf-8")
    merged = merge(project, first, second, third)
    assert (merged.status, "15 of 16, not a release gate" in merged.out) == (10, True)


def test_only_shard_is_merged(project: Project) -> None:
    assert merge(project, run_shard(project, "1/1", KEY)).status == 0


def test_gates_are_those_of_the_shards(project: Project) -> None:
    edited(project, "medbench.toml", "overall = 0.6", "overall = 0.99")
    merged = merge(project, *project.runs())
    assert merged.status == 0
    assert ">= 60" in merged.line("overall")


def test_shard_with_an_error_leaves_the_whole_incomplete(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    merged = merged_after(project, project.answer(q003=None))
    assert merged.status == 11, merged.out
    assert project.verdicts()["counts"]["error"] == 1


def test_wrong_must_pass_item_in_one_shard_blocks(tmp_path: Path) -> None:
    project = Project(tmp_path)
    made = items()
    made[3]["must_pass"] = True
    project.suite(made)
    merged = merged_after(project, project.answer(q003="A"))
    assert (merged.status, "medbench: BLOCK" in merged.out) == (1, True), merged.out


def test_gate_that_no_shard_decides_blocks_the_whole(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    wrong = {f"q00{number}": "none of them" for number in range(8)}
    merged = merged_after(project, project.answer(**wrong))
    assert (merged.status, "BLOCK: " in merged.out) == (1, True), merged.out


def test_narrowed_shard_makes_a_part(project: Project) -> None:
    allow = "--medbench-allow-partial"
    first, _, third = project.runs()
    narrowed = run_shard(project, "2/3", KEY, allow, "-k", "q00 or s000")
    merged = merge(project, first, narrowed, third)
    assert (merged.status, "(-k), not a release gate" in merged.out) == (10, True), merged.out
    for shard in (first, third):
        change(shard, lambda plan: plan["settings"].update(allow_partial=True))
    assert merge(project, first, narrowed, third).status == 0
    assert medbench(project, "merge", first, narrowed, third, ci=True).status == 10
    change(third, lambda plan: plan["settings"].update(ci=True))
    assert merge(project, first, narrowed, third).status == 10


def test_control_is_never_green(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite(items(), gates="overall = { min = 0.1, allow_below_chance = true }")
    merged = merged_after(project, "--medbench-model=control:first")
    assert (merged.status, "a control's" in merged.out) == (10, True), merged.out


def test_stopped_shard_leaves_the_whole_incomplete(project: Project) -> None:
    first, second, third = project.runs()
    change(second, lambda verdicts: verdicts.update(stopped="-x"), "verdicts.json")
    merged = merge(project, first, second, third)
    assert (merged.status, "stopped early: shard 2/3: -x" in merged.out) == (11, True)


def test_shard_that_never_decided_leaves_the_whole_incomplete(project: Project) -> None:
    (project.runs()[0] / "verdicts.json").unlink()
    merged = merge(project, *project.runs())
    assert (merged.status, "shard 1/3: it ended before" in merged.out) == (11, True)


def test_doubt_of_one_shard_is_a_doubt_of_the_whole(project: Project) -> None:
    edit: Change = lambda verdicts: verdicts.update(doubts=["the cache is not trusted"])  # noqa: E731
    change(project.runs()[2], edit, "verdicts.json")
    merged = merge(project, *project.runs())
    assert (merged.status, "! shard 3/3: the cache is not trusted" in merged.out) == (10, True)


def test_shards_served_by_two_models_are_in_doubt(project: Project) -> None:
    for folder, name in zip(project.runs(), ("old", "old", "new"), strict=True):
        change_journal(folder, lambda line, name=name: line.update(served_by=name))
    merged = merge(project, *project.runs())
    assert (merged.status, "the server changed during the run" in merged.out) == (10, True)


def test_shards_of_two_commits_are_in_doubt(project: Project) -> None:
    for folder, commit in zip(project.runs(), ("a" * 40, "b" * 40, None), strict=True):
        change(folder, lambda plan, commit=commit: plan.update(commit=commit))
    merged = merge(project, *project.runs())
    assert (merged.status, "different commits" in merged.out) == (10, True)


def test_item_answered_the_second_time_counts_as_answered(project: Project) -> None:
    journal = project.runs()[0] / "journal-main.jsonl"
    text = journal.read_text(encoding="utf-8")
    failed = {**json.loads(text.splitlines()[0]), "status": "error", "score": None}
    wrong = {**failed, "status": "wrong", "score": 0.0}
    lines = [json.dumps(failed) + "\n", text, json.dumps(wrong) + "\n", '{"suite": "de']
    journal.write_text("".join(lines), encoding="utf-8")
    assert merge(project, *project.runs()).status == 0
    assert project.verdicts()["counts"]["correct"] == 16


def test_strict_wrong_items_are_failed_tests(project: Project) -> None:
    shutil.rmtree(project.root / ".medbench")
    merged = merged_after(project, project.answer(q001="A"), "--medbench-strict")
    assert (merged.status, "--medbench-strict" in merged.out) == (1, True), merged.out
    assert project.verdicts()["exit_status"] == 0


def test_scorer_and_taxonomy_of_the_project_are_found(tmp_path: Path) -> None:
    project = new_project(tmp_path, scorer="mine")
    project.write(
        "suites/conftest.py",
        "from pytest_medbench import scorer\n"
        "@scorer('mine', template='choice')\n"
        "def mine(item, response, options):\n"
        "    return float(response.text == item.target)\n",
    )
    project.write(
        "labels.toml", '[safety]\nspills = { family = "safety", zh = "泼洒", en = "spills" }\n'
    )
    project.config(f'[tool.medbench]\ntaxonomy = "labels.toml"\n[tool.medbench.gates]\n{GATES}\n')
    made = items()
    made[0]["safety"] = ["spills"]
    project.suite(made, scorer="mine")
    for part in ("1/2", "2/2"):
        run_shard(project, part, KEY)
    merged = medbench(project, "merge", *project.runs())
    assert merged.status == 0, merged.out
    edited(project, "labels.toml", "泼洒", "泼")
    assert_refused(project, merge(project, *project.runs()[:2]), "labels.toml", "taxonomy")


def test_merged_run_is_listed_and_not_merged_again(project: Project) -> None:
    merge(project, *project.runs())
    listed = medbench(project, "runs")
    assert listed.out.splitlines()[0].startswith(project.runs()[-1].name)
    assert "PASS" in listed.out.splitlines()[0]
    assert_refused(project, merge(project, project.runs()[-1]), "nothing to merge")
