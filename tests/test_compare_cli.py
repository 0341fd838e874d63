"""`medbench accept`, `anchor` and `compare`: runs against each other from their folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from baseline_projects import run, snapshots
from projects import Project, Result, questions
from sharded import merge, new_project
from stored_runs import medbench, store_run

DEATH = {"safety": ["medication"], "harm": "death"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Forty ordinary items and four of safety; run `a` has all of them right."""
    made = Project(tmp_path)
    made.suite([*questions(40), *questions(4, prefix="s", **DEATH)])
    store_run(made, "a", model="first")
    return made


def _wrong(*ids: str) -> dict[str, dict[str, str | None]]:
    """Answers that are wrong and say more than a letter; no key is E."""
    return {"demo": {id_: f"E, since {id_} says so" for id_ in ids}}


def _compared(project: Project, *arguments: str) -> tuple[int, dict[str, Any]]:
    path = project.root / "out.json"
    result = medbench(project, "compare", "a", "b", "--format=json", "-o", path, *arguments)
    assert path.is_file(), result.out
    return result.status, json.loads(path.read_text(encoding="utf-8"))


def test_a_run_against_itself_shows_no_drop(project: Project) -> None:
    result = medbench(project, "compare", "a", "a")
    assert result.status == 0, result.out
    assert "no item came out differently" in result.out
    assert result.out.splitlines()[-1] == "medbench compare: no drop shown"


def test_a_drop_is_shown(project: Project) -> None:
    store_run(project, "b", _wrong(*(f"q{number:03}" for number in range(20))))
    result = medbench(project, "compare", "a", "b")
    assert result.status == 1, result.out
    assert result.line("BLOCK").endswith("overall")
    assert medbench(project, "compare", "b", "a").status == 0


def test_a_grave_flip_blocks_and_its_texts_are_shown(project: Project) -> None:
    store_run(project, "b", _wrong("s001"))
    status, found = _compared(project)
    assert status == found["exit_status"] == 1
    ((group, item),) = [(each, *each["items"]) for each in found["regressions"]]
    assert (group["harm"], group["safety"]) == ("death", ["medication"])
    assert item["question"] == "Question 1: which one is meant?"
    assert item["options"] == ["aspirin", "heparin", "insulin", "warfarin"]
    assert item["expected"] == "B"
    assert item["accepted_answer"] == "B"
    assert item["new_answer"] == "E, since s001 says so"
    assert found["old"] == {"run": "a", "model": "first"}


def test_redacted_it_holds_no_text(project: Project) -> None:
    store_run(project, "b", _wrong("s001"))
    status, found = _compared(project, "--redact")
    assert status == 1
    (item,) = found["regressions"][0]["items"]
    assert item["id"] == "s001"
    assert not {"question", "was_answer", "now_answer", "new_answer"} & set(item)
    text = medbench(project, "compare", "a", "b", "--redact").out
    for shown in (json.dumps(found), text):
        assert "Question" not in shown
        assert "since" not in shown
        assert "→" not in shown


def test_what_the_later_run_lacks_is_no_pass(project: Project) -> None:
    store_run(project, "b", {"demo": {f"q{number:03}": None for number in range(30)}})
    status, found = _compared(project)
    assert status == 10, found["findings"]
    assert [each["kind"] for each in found["left_out"]] == ["missing"]


def test_an_interrupted_run_is_compared_and_named(project: Project) -> None:
    (store_run(project, "b") / "verdicts.json").unlink()
    _, found = _compared(project)
    assert found["notes"] == ["run b was stopped early: it ended before its verdict was made"]


def test_subsets_are_compared_as_far_as_they_go(project: Project) -> None:
    ids = [f"q{number:03}" for number in range(10)]
    store_run(project, "b", selected={"demo": ids})
    _, found = _compared(project)
    (overall,) = [row for row in found["slices"] if row["key"] == "overall"]
    assert (overall["pairs"], overall["lost"]) == (10, 0)


def _edit_prompt(project: Project) -> None:
    project.suite(
        [*questions(40), *questions(4, prefix="s", **DEATH)], prompt='system = "Be brief."'
    )


def _edit_item(project: Project) -> None:
    path = project.root / "suites/demo/items.jsonl"
    path.write_text(path.read_text().replace("Question 0:", "Question zero:"))


def _edit_scorer(project: Project) -> None:
    path = project.root / "suites/demo/suite.toml"
    path.write_text(path.read_text().replace("[score]", '[score]\ngroup_rule = "majority"'))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_edit_prompt, "prompt"),
        (_edit_item, "suite.toml or the items"),
        (_edit_scorer, "scorer"),
    ],
)
@pytest.mark.parametrize("when", ["between", "after"])
def test_runs_of_another_suite_are_void_by_reason(
    project: Project, edit: Any, reason: str, when: str
) -> None:
    if when == "after":
        store_run(project, "b")
        reason = "the suite on disk"
    edit(project)
    if when == "between":
        store_run(project, "b")
    status, found = _compared(project)
    assert status == 10
    (void,) = [each for each in found["left_out"] if each["kind"] == "void"]
    assert void["reason"].startswith(reason)
    assert len(void["groups"]) == 44
    assert not any(row["pairs"] for row in found["slices"])


def test_other_decoding_settings_void_by_their_name(project: Project) -> None:
    path = store_run(project, "b") / "plan.json"
    plan = json.loads(path.read_text())
    plan["model"]["settings"] = {"temperature": 1.0}
    path.write_text(json.dumps(plan))
    status, found = _compared(project)
    assert status == 10
    assert [each["reason"] for each in found["left_out"]] == ["decoding"]


def test_repeats_void_by_their_number(project: Project) -> None:
    store_run(project, "b", repeats=3)
    status, found = _compared(project)
    assert status == 10
    assert [each["reason"] for each in found["left_out"]] == ["repeats"]


def test_a_suite_that_the_later_run_lacks_is_named(project: Project) -> None:
    store_run(project, "b")
    project.suite(questions(5), name="more")
    shutil.rmtree(project.root / ".medbench/runs/a")
    store_run(project, "a")
    status, found = _compared(project)
    assert status == 10
    assert [(each["suite"], each["kind"]) for each in found["left_out"]] == [("more", "vanished")]


def test_a_lost_suite_of_safety_items_is_said_to_be_that(project: Project) -> None:
    store_run(project, "b")
    group = {"group": "g", **DEATH}
    project.suite([*questions(2, **group), *questions(300, prefix="n")], name="more")
    shutil.rmtree(project.root / ".medbench/runs/a")
    store_run(project, "a")
    status, found = _compared(project)
    assert status == 10
    assert any("1 of safety or must-pass" in each["reason"] for each in found["findings"])


def test_the_later_runs_gates_hold(project: Project) -> None:
    path = store_run(project, "b", _wrong("q000")) / "plan.json"
    plan = json.loads(path.read_text())
    gate = {"key": "overall", "scope": None, "place": "medbench.toml", "max_drop": 0.5}
    path.write_text(json.dumps({**plan, "gates": [gate]}))
    status, found = _compared(project)
    assert (status, found["slices"][0]["verdict"]) == (0, "PASS")


def _nothing(project: Project) -> str:
    return "there-is-none"


def _half_a_plan(project: Project) -> str:
    path = store_run(project, "b") / "plan.json"
    path.write_text(path.read_text()[:100])
    return "b"


def _no_plan(project: Project) -> str:
    path = store_run(project, "b") / "plan.json"
    path.write_text("{}")
    return "b"


def _no_outcome(project: Project) -> str:
    path = store_run(project, "b") / "journal-main.jsonl"
    path.write_text('{"suite": "demo"}\n')
    return "b"


@pytest.mark.parametrize("spoil", [_nothing, _half_a_plan, _no_plan, _no_outcome])
def test_what_is_no_run_is_said_in_one_sentence(project: Project, spoil: Any) -> None:
    result = medbench(project, "compare", "a", spoil(project))
    assert result.status == 2
    assert result.out.startswith("medbench: ")
    assert len(result.out.splitlines()) == 1


def test_runs_without_a_suite_in_common_are_refused(project: Project) -> None:
    (project.root / "suites/demo").rename(project.root / "kept")
    project.suite(questions(5), name="other")
    store_run(project, "b")
    result = medbench(project, "compare", "a", "b")
    assert (result.status, "no suite in common" in result.out) == (2, True)


def test_a_name_full_of_escapes_does_not_reach_the_terminal(project: Project) -> None:
    store_run(project, "b", _wrong("s000"), model="m\x1b[2J\u202e")
    out = medbench(project, "compare", "b", "a").out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_accepting_and_moving_the_anchor(project: Project) -> None:
    store_run(project, "b", _wrong("q000"))
    accepted = medbench(project, "accept", "a", "--as", "ours")
    assert accepted.status == 0, accepted.out
    assert accepted.out.splitlines()[-1] == "'ours': 2 written, 0 as they were"
    assert medbench(project, "accept", "b", "--as", "ours").status == 0
    before = snapshots(project)
    assert before["ours.json"] != before["ours.anchor.json"]
    assert medbench(project, "anchor", "ours", "--reason", "as agreed").status == 0
    after = snapshots(project)
    assert after["ours.items.jsonl"] == after["ours.anchor.items.jsonl"]
    assert "as agreed" in after["ours.anchor.json"].decode()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("accept", "none"), "no run"),
        (("accept", "a", "--as", ""), ""),
        (("anchor", "none", "--reason", "why"), "no suite under"),
        (("anchor", "m", "--reason", " "), "needs a reason"),
    ],
)
def test_what_cannot_be_accepted_is_refused(
    project: Project, arguments: tuple[str, ...], part: str
) -> None:
    result = medbench(project, *arguments)
    if part:
        assert (result.status, part in result.out) == (2, True), result.out
        assert not snapshots(project)


def test_a_blocked_run_needs_a_reason(project: Project) -> None:
    path = project.root / ".medbench/runs/a/verdicts.json"
    path.write_text(path.read_text().replace("PASS", "BLOCK"))
    assert medbench(project, "accept", "a").status == 2
    assert not snapshots(project)
    assert medbench(project, "accept", "a", "--reason", "the first").status == 0


def test_a_merged_run_is_compared(tmp_path: Path) -> None:
    made = new_project(tmp_path)
    store_run(made, "a")
    items: Mapping[int, list[str]] = _cut(made)
    shards = [
        store_run(
            made,
            f"part{number}",
            {"demo": {"s003": "C"}},
            selected={"demo": ids},
            shard=[number, 2],
        )
        for number, ids in items.items()
    ]
    merged = merge(made, *map(str, shards), "-o", str(made.root / "merged"))
    assert (made.root / "merged" / "plan.json").is_file(), merged.out
    result = medbench(made, "compare", "a", made.root / "merged")
    assert result.status == 1
    assert "demo::s003 [harm severe, medication]: D → C" in result.out


def _cut(project: Project) -> dict[int, list[str]]:
    from pytest_medbench.selection import shard_of

    lines = (project.root / "suites/demo/items.jsonl").read_text().splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    cut: dict[int, list[str]] = {}
    for id_ in ids:
        cut.setdefault(shard_of("demo", id_, of=2), []).append(id_)
    return cut


def test_a_real_run_says_the_same_as_comparing_it_afterwards(tmp_path: Path) -> None:
    made = Project(tmp_path)
    made.key_model()
    made.suite([*questions(12), *questions(2, prefix="s", **DEATH)])
    assert run(made, "suites").status == 0
    first = made.runs()[0].name
    assert medbench(made, "accept", first, "--as", "ours").status == 0
    result: Result = run(made, made.answer(s001="A it is, as ever"), "suites", baseline="ours")
    assert result.status == 1, result.out
    second = made.runs()[-1]
    within = json.loads((second / "comparison.json").read_text())
    (item,) = within["regressions"][0]["items"]
    assert (item["accepted_answer"], item["new_answer"]) == ("B", "A it is, as ever")
    assert "A it is, as ever" in (second / "comparison.csv").read_text()
    path = made.root / "out.json"
    assert medbench(made, "compare", first, second.name, "--format=json", "-o", path).status == 1
    offline = json.loads(path.read_text())
    for name in ("regressions", "counts", "still_wrong", "improvements", "slices"):
        assert offline[name] == within[name], name
