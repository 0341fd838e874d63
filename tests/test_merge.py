"""Shards joined into one verdict: that of the whole run, or none."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_suites import answer, entry, suite
from projects import KEY, Project, Result, questions

from pytest_medbench.cli import main
from pytest_medbench.gates import Circumstances, decide, parse_gates
from pytest_medbench.merging import Joined, circumstances, join
from pytest_medbench.options import Options
from pytest_medbench.outcomes import Outcome
from pytest_medbench.runs import RunFolder, read_journal, read_plan
from pytest_medbench.selection import select
from pytest_medbench.shards import Shard, check_agreement, read_shard
from pytest_medbench.suites import Suite

GATES = 'overall = 0.6\n"specialty.*" = { min = 0.4, min_items = 3 }'
MERGE = "from pytest_medbench.cli import main; raise SystemExit(main())"
Change = Callable[[dict[str, Any]], object]


def items() -> list[dict[str, Any]]:
    cardiac = questions(8, specialty="internal_medicine/cardiology")
    return [*cardiac, *questions(8, prefix="s", specialty="surgery", safety=["medication"])]


def medbench(project: Project, *arguments: str | Path, ci: bool = False) -> Result:
    """Run the command in a process of its own."""
    return project.command("-c", MERGE, *map(str, arguments), ci=ci)


def merge(project: Project, *arguments: str | Path) -> Result:
    """Run the command in this process, at a desk."""
    home = str(project.root / ".medbench")
    said = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        patch.delenv("CI", raising=False)
        status = main(["merge", *map(str, arguments), "--home", home])
    return Result(status, said.getvalue())


def run_shard(project: Project, part: str, *arguments: str) -> Path:
    """Run a shard; give its folder."""
    before = set(project.runs())
    result = project.run("suites", f"--medbench-shard={part}", *arguments)
    (folder,) = set(project.runs()) - before or pytest.fail(result.out)
    return folder


def new_project(root: Path, **suite_: Any) -> Project:
    project = Project(root)
    project.key_model()
    project.config(f"[tool.medbench.gates]\n{GATES}\n")
    project.suite(items(), **suite_)
    return project


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three shards that answer all rightly, and beside them the whole run, in `whole`."""
    project = new_project(tmp_path_factory.mktemp("sharded"))
    whole = project.run("suites", KEY)
    assert whole.status == 0, whole.out
    project.write("whole.txt", whole.out)
    project.runs()[0].rename(project.root / "whole")
    for part in ("1/3", "2/3", "3/3"):
        run_shard(project, part, KEY)
    return project


@pytest.fixture
def project(sharded: Project, tmp_path: Path) -> Project:
    """Give a copy of the project with its three shards."""
    shutil.copytree(sharded.root, tmp_path / "copy")
    return Project(tmp_path / "copy")


def change(folder: Path, edit: Change, name: str = "plan.json") -> None:
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    edit(document)
    (folder / name).write_text(json.dumps(document), encoding="utf-8")


def change_journal(folder: Path, edit: Change) -> None:
    """Edit the first line of a run's journal."""
    path = folder / "journal-main.jsonl"
    first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    line = json.loads(first)
    edit(line)
    path.write_text(json.dumps(line) + "\n" + "".join(rest), encoding="utf-8")


def assert_refused(project: Project, result: Result, *parts: str) -> None:
    assert result.status == 2, result.out
    assert result.out.startswith("medbench: ")
    assert len(result.out.splitlines()) == 1
    for part in parts:
        assert part in result.out


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


def test_missing_shard_is_named(project: Project) -> None:
    first, _, third = project.runs()
    assert_refused(project, merge(project, first, third), "shard 2/3 is missing")
    assert len(project.runs()) == 3


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


def test_shard_given_twice_is_refused(project: Project) -> None:
    first, second, third = project.runs()
    again = run_shard(project, "2/3", KEY)
    for twin in (second, again):
        result = merge(project, first, second, third, twin)
        assert_refused(project, result, "shard 2/3 is given twice", str(twin.name))


def test_shards_of_another_cut_are_refused(project: Project) -> None:
    first, second, _ = project.runs()
    other = run_shard(project, "3/4", KEY)
    assert_refused(project, merge(project, first, second, other), "into 3 and into 4")


def test_overlap_is_refused(project: Project) -> None:
    first, second, third = project.runs()
    stolen = json.loads((first / "plan.json").read_text(encoding="utf-8"))["suites"][0]["selected"]
    change(second, lambda plan: plan["suites"][0]["selected"].append(stolen[0]))
    assert_refused(project, merge(project, first, second, third), stolen[0], "another shard")


def test_item_moved_to_another_shard_is_refused(project: Project) -> None:
    first, second, third = project.runs()
    taken: list[str] = []
    change(second, lambda plan: taken.append(plan["suites"][0]["selected"].pop()))
    change(first, lambda plan: plan["suites"][0]["selected"].extend(taken))
    assert_refused(project, merge(project, first, second, third), taken[0], "another shard")


def test_item_left_out_of_a_shard_makes_a_part(project: Project) -> None:
    first, second, third = project.runs()
    taken: list[str] = []
    change(second, lambda plan: taken.append(plan["suites"][0]["selected"].pop()))
    journal = second / "journal-main.jsonl"
    kept = [line for line in journal.read_text("utf-8").splitlines(True) if taken[0] not in line]
    journal.write_text("".join(kept), encoding="utf-8")
    merged = merge(project, first, second, third)
    assert (merged.status, "15 of 16, not a release gate" in merged.out) == (10, True)


def test_whole_run_alone_is_nothing_to_merge(project: Project) -> None:
    whole = project.root / "whole"
    assert_refused(project, merge(project, whole), "nothing to merge")
    assert_refused(project, merge(project, *project.runs(), whole), str(whole), "no shard")


def test_only_shard_is_merged(project: Project) -> None:
    assert merge(project, run_shard(project, "1/1", KEY)).status == 0


def test_folder_that_is_no_run_is_refused(project: Project) -> None:
    assert_refused(project, merge(project, *project.runs(), "nowhere"), "nowhere", "no run")


def edited(project: Project, path: str, old: str, new: str) -> None:
    file = project.root / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "old", "new", "named"),
    [
        ("suites/demo/items.jsonl", "Question 3", "Question three", "its digest is"),
        ("suites/demo/suite.toml", "max_tokens = 16", "max_tokens = 17", "its digest is"),
    ],
)
def test_suite_changed_since_is_refused(
    project: Project, path: str, old: str, new: str, named: str
) -> None:
    edited(project, path, old, new)
    assert_refused(project, merge(project, *project.runs()), "suite.toml", named)


def test_suite_that_is_gone_is_refused(project: Project) -> None:
    shutil.rmtree(project.root / "suites")
    assert_refused(project, merge(project, *project.runs()), "there is no suite", "--home")


@pytest.mark.parametrize(
    ("path", "old", "new", "named"),
    [
        ("suites/demo/items.jsonl", "Question 3", "Question three", "suites.demo.digest"),
        ("medbench.toml", "overall = 0.6", "overall = 0.5", "gates.overall.min: 0.6 and 0.5"),
        ("medbench.toml", "overall = 0.6\n", "", "gates.overall"),
    ],
)
def test_shard_of_another_plan_is_refused(
    project: Project, path: str, old: str, new: str, named: str
) -> None:
    first, second, third = project.runs()
    shutil.rmtree(third)
    edited(project, path, old, new)
    third = run_shard(project, "3/3", KEY)
    assert_refused(project, merge(project, first, second, third), "shard 3/3", named)


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("--medbench-model=python:key:always_a", "differ in model.name"),
        ("--medbench-strict", "differ in settings.strict"),
        ("--medbench-sample=16", "differ in settings.sample"),
    ],
)
def test_shard_run_otherwise_is_refused(project: Project, argument: str, named: str) -> None:
    first, second, third = project.runs()
    shutil.rmtree(third)
    third = run_shard(project, "3/3", KEY, argument)
    assert_refused(project, merge(project, first, second, third), named)


def test_prompt_made_by_other_code_is_refused(project: Project) -> None:
    for folder in project.runs():
        change(folder, lambda plan: plan["suites"][0].update(prompt_digest="0" * 64))
    assert_refused(project, merge(project, *project.runs()), "its prompt_digest is")


def test_gates_are_those_of_the_shards(project: Project) -> None:
    edited(project, "medbench.toml", "overall = 0.6", "overall = 0.99")
    merged = merge(project, *project.runs())
    assert merged.status == 0
    assert ">= 60" in merged.line("overall")


def merged_after(project: Project, model: str, *arguments: str) -> Result:
    """Run two shards with this model and merge them."""
    shards = [run_shard(project, f"{number}/2", model, *arguments) for number in (1, 2)]
    return merge(project, *shards)


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
    first, second, third = project.runs()
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


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ({"id": "q999"}, "which it did not plan"),
        ({"status": "fine"}, "holds no outcome"),
        ({"parts": 3}, "holds no outcome"),
    ],
)
def test_strange_line_of_a_journal_is_refused(
    project: Project, line: Mapping[str, Any], named: str
) -> None:
    change_journal(project.runs()[1], lambda known: known.update(line))
    assert_refused(project, merge(project, *project.runs()), named)


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("plan.json", lambda plan: plan.pop("narrowed_by")),
        ("plan.json", lambda plan: plan["gates"][0].update(colour="red")),
        ("plan.json", lambda plan: plan["gates"][0].update(min="\x1b[2J")),
        ("plan.json", lambda plan: plan["settings"].update(shard=[4, 3])),
        ("plan.json", lambda plan: plan.update(suites=[])),
        ("verdicts.json", lambda verdicts: verdicts.pop("doubts")),
    ],
)
def test_damaged_run_is_refused(project: Project, name: str, edit: Change) -> None:
    for folder in project.runs():
        change(folder, edit, name)
    result = merge(project, *project.runs())
    assert_refused(project, result)
    assert "\x1b" not in result.out


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
        "labels.toml", '[safety]\nspills = { family = "FAMILY", zh = "泼洒", en = "spills" }\n'
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


def plan_of(made: Suite, ids: set[str], part: tuple[int, int], rules: list[Any]) -> dict[str, Any]:
    return {
        "format": 1,
        "narrowed_by": [],
        "control": False,
        "model": {"name": "made"},
        "suites": [
            {
                "name": made.name,
                "version": None,
                "path": "exam/suite.toml",
                "digest": made.digest,
                "prompt_digest": "",
                "scorer": {},
                "items": len(made.entries),
                "selected": sorted(ids),
            }
        ],
        "gates": rules,
        "settings": {
            "sample": None,
            "seed": 0,
            "shard": part,
            "strict": False,
            "report_only": False,
            "allow_partial": False,
            "ci": False,
        },
        "taxonomy": [],
        "versions": {},
        "commit": None,
    }


def write_shard(
    home: Path, made: Suite, part: tuple[int, int], outcomes: Mapping[Any, Outcome]
) -> Shard:
    """Write a shard's run as a session would; give it read again."""
    members = ((made, each) for each in made.entries)
    ids = set(select(Options(root=Path(), shard=part), members).get(made.name, ()))
    run = RunFolder(home, f"r{part[0]}")
    run.write_plan(plan_of(made, ids, part, []))
    run.write_verdicts({"stopped": None, "doubts": []})
    journal = run.journal("main")
    for (_, id_), each in outcomes.items():
        if id_ in ids:
            journal.append(each, None)
    journal.close()
    shard = read_shard(run.path)
    assert shard is not None
    return shard


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(1, 12), parts=st.integers(1, 6))
def test_any_number_of_shards_decides_as_the_whole(
    data: st.DataObject, count: int, parts: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = suite(
        [
            entry(
                f"i{index}",
                group=data.draw(st.sampled_from([f"i{index}", f"g{index // 3}"])),
                specialty=data.draw(st.sampled_from([None, "surgery"])),
                safety=data.draw(st.sampled_from([(), ("medication",)])),
                must_pass=data.draw(st.integers(0, 9)) == 0,
            )
            for index in range(count)
        ]
    )
    letters = data.draw(st.text("ccccwue-", min_size=count, max_size=count))
    outcomes = answer(made, letters)
    rules = parse_gates({"overall": 0.5, "specialty.*": {"min": 0.3}}, "here", scope=None)
    everything = {made.name: {each.id for each in made.entries}}

    home = tmp_path_factory.mktemp("home")
    numbers = data.draw(st.permutations(range(1, parts + 1)))
    shards = [write_shard(home, made, (number, parts), outcomes) for number in numbers]
    check_agreement(shards)
    joined: Joined = join(shards, [made])
    found = circumstances(shards, [made], joined)
    assert joined.selected == everything
    assert joined.outcomes == outcomes
    merged = decide([made], joined.selected, joined.outcomes, rules, found)
    whole = decide(
        [made], everything, outcomes, rules, Circumstances(ci=found.ci, notes=found.notes)
    )
    assert merged == whole
