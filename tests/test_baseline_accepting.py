"""Accepting a run from its folder: what is written, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from baseline_projects import DAY, baseline, put, snapshots
from projects import KEY, Project
from sharded import items, merge, new_project, run_shard

from pytest_medbench.baselines.accepting import Accepted, accept, move_anchor
from pytest_medbench.baselines.finding import find
from pytest_medbench.baselines.fingerprints import NOT_KEPT, kept_fingerprint
from pytest_medbench.baselines.names import FOLDER, pair_of
from pytest_medbench.baselines.reading import read_baseline
from pytest_medbench.baselines.records import SuiteBaseline
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.errors import ConfigError, MedbenchError
from pytest_medbench.options import Options
from pytest_medbench.outcomes import Status

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a whole run and, after it, the merged run of two shards."""
    project = new_project(tmp_path_factory.mktemp("ran"))
    project.config('[tool.medbench.gates]\noverall = 0.6\n"safety.medication" = 0.9\n')
    model = project.answer(q001="A", s002="x" * 30)
    result = project.run("suites", model)
    assert result.status == 1, result.out
    shards = [run_shard(project, part, KEY) for part in ("1/2", "2/2")]
    merge(project, *map(str, shards))
    assert len(project.runs()) == 4
    return project


@pytest.fixture
def project(ran: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    shutil.copytree(ran.root, tmp_path / "project")
    return Project(tmp_path / "project")


def _accept(project: Project, run: int = 0, **further: Any) -> Accepted:
    values: dict[str, Any] = {"reason": "the first one", "today": DAY, **further}
    return accept(project.runs()[run], root=project.root, **values)


def _read(project: Project, key: str, which: Any = "baseline") -> SuiteBaseline:
    pair = pair_of(project.root / "suites" / "demo" / FOLDER, key, which)
    found = read_baseline(pair, key, "demo")
    assert found is not None
    return found


def _change(project: Project, file: str, change: Change, run: int = 0) -> None:
    path = project.runs()[run] / file
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_run_is_accepted_with_its_items_figures_and_reason(project: Project) -> None:
    accepted = _accept(project, reason=" why:\nthe first \x1b[2J one ")
    assert accepted.key == "python:model:answer"
    assert [path.name for path in accepted.written] == [
        "python%3Amodel%3Aanswer.json",
        "python%3Amodel%3Aanswer.anchor.json",
    ]
    made = _read(project, "python:model:answer")
    assert made == _read(project, "python:model:answer", "anchor")
    assert made.verdict == "BLOCK"
    assert made.reason == "why: the first \\x1b[2J one"
    assert made.run == project.runs()[0].name
    assert set(made.items) == {item["id"] for item in items()}
    assert made.items["q001"].status is Status.WRONG
    assert made.items["q001"].answer == "A"
    assert made.items["q000"].score == 1.0
    assert made.slices["specialty.surgery"].n == 8
    assert made.slices["overall"].score == pytest.approx(14 / 16)


def test_a_merged_run_is_accepted(project: Project) -> None:
    _accept(project, 3, reason=None, key="merged")
    assert _read(project, "merged").verdict == "PASS"
    assert len(_read(project, "merged").items) == 16


def test_what_is_accepted_is_found(project: Project) -> None:
    _accept(project, key="ours")
    catalogue = Catalogue(Options(root=project.root))
    suite = catalogue.read(project.root / "suites" / "demo" / "suite.toml")
    assert find([suite], "ours", named=True).baselines == {"demo": _read(project, "ours")}


def test_accepting_another_model_leaves_every_other_file(project: Project) -> None:
    _accept(project, key="ours")
    before = snapshots(project)
    accepted = _accept(project, 3, key="theirs")
    after = snapshots(project)
    assert {name: after[name] for name in before} == before
    assert len(accepted.written) == 2
    assert len(after) == 8


def test_accepting_the_same_again_changes_no_byte(project: Project) -> None:
    _accept(project, key="ours")
    before = snapshots(project)
    shutil.copytree(project.runs()[0], project.root / ".medbench" / "runs" / "29990101-later")
    accepted = _accept(project, -1, key="ours", today="2999-01-01")
    assert not accepted.written
    assert len(accepted.unchanged) == 1
    assert snapshots(project) == before


def test_the_anchor_is_the_first_that_was_accepted(project: Project) -> None:
    _accept(project, key="ours")
    _accept(project, 3, key="ours")
    assert _read(project, "ours").verdict == "PASS"
    assert _read(project, "ours", "anchor").verdict == "BLOCK"


def test_a_release_with_a_name_of_its_own_takes_over_the_anchor_it_was_held_against(
    project: Project,
) -> None:
    _accept(project, key="ours-1")
    _change(project, "plan.json", lambda plan: plan["settings"].update(baseline="ours-1"), 3)
    _accept(project, 3, key="ours-2")
    anchor = _read(project, "ours-2", "anchor")
    assert anchor.key == "ours-2"
    assert anchor.run == _read(project, "ours-1").run
    assert _read(project, "ours-2").run == project.runs()[3].name


def test_the_plan_says_what_it_is_accepted_as(project: Project) -> None:
    settings = {"accept_as": "from-plan", "accept_reason": "said in the run"}
    _change(project, "plan.json", lambda plan: plan["settings"].update(settings))
    accepted = _accept(project, reason=None)
    assert accepted.key == "from-plan"
    assert _read(project, "from-plan").reason == "said in the run"


def test_moving_the_anchor_needs_a_reason_and_keeps_it(project: Project) -> None:
    _accept(project, key="ours")
    _accept(project, 3, key="ours")
    with pytest.raises(MedbenchError, match="needs a reason"):
        move_anchor(project.root, "ours", "  ")
    moved = move_anchor(project.root, "ours", "new guideline", today="2026-12-01")
    assert [path.name for path in moved.written] == ["ours.anchor.json"]
    anchor = _read(project, "ours", "anchor")
    assert (anchor.verdict, anchor.reason) == ("PASS", "new guideline")
    assert anchor.accepted_on == "2026-12-01"
    assert _read(project, "ours").accepted_on == DAY


def test_moving_the_anchor_of_an_unknown_key_names_the_nearest(project: Project) -> None:
    _accept(project, key="ours-2026")
    with pytest.raises(MedbenchError, match="did you mean 'ours-2026'"):
        move_anchor(project.root, "ours-2025", "why")


def _sampled(plan: dict[str, Any]) -> None:
    plan["partial"] = "3 of 16 (--medbench-sample)"


def _left_out(plan: dict[str, Any]) -> None:
    plan["narrowed_by"] = ["--lf"]


def _cut(plan: dict[str, Any]) -> None:
    plan["suites"][0]["selected"] = ["q000"]


def _stopped(verdicts: dict[str, Any]) -> None:
    verdicts["stopped"] = "the deadline of 10 s"


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("plan.json", _sampled, "it is a part, 3 of 16"),
        ("plan.json", _left_out, "something was left out by --lf"),
        ("plan.json", _cut, "not all items of demo are in its plan"),
        ("verdicts.json", _stopped, "it was stopped early, the deadline"),
    ],
)
def test_a_part_of_a_run_is_refused(project: Project, file: str, change: Change, said: str) -> None:
    _change(project, file, change)
    with pytest.raises(MedbenchError, match=said) as caught:
        _accept(project)
    assert "nothing was written" in str(caught.value)
    assert not snapshots(project)


def test_a_shard_is_refused(project: Project) -> None:
    with pytest.raises(MedbenchError, match="it is shard 1/2, join all of them"):
        _accept(project, 1)
    assert not snapshots(project)


def test_a_run_that_was_never_decided_is_refused(project: Project) -> None:
    (project.runs()[0] / "verdicts.json").unlink()
    with pytest.raises(MedbenchError, match="it ended before its verdict was made"):
        _accept(project)


def test_missing_items_are_refused(project: Project) -> None:
    (journal,) = project.runs()[0].glob("journal*.jsonl")
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]))
    with pytest.raises(MedbenchError, match="1 items have not run"):
        _accept(project)
    journal.write_text("".join(lines).replace('"correct","score":1.0', '"error","score":null', 1))
    with pytest.raises(MedbenchError, match="1 of 16 items with a target have no score"):
        _accept(project)
    assert not snapshots(project)


@pytest.mark.parametrize("verdict", ["BLOCK", "INCONCLUSIVE"])
def test_a_run_that_did_not_pass_needs_a_reason(project: Project, verdict: str) -> None:
    _change(project, "verdicts.json", lambda verdicts: verdicts.update(verdict=verdict))
    for reason in (None, "", " \n "):
        with pytest.raises(MedbenchError, match=f"came to {verdict}: accepting it needs a reason"):
            _accept(project, reason=reason)
    assert not snapshots(project)


def test_suites_that_changed_since_are_refused(project: Project) -> None:
    path = project.root / "suites" / "demo" / "items.jsonl"
    path.write_text(path.read_text().replace("Question 0:", "Question zero:"))
    with pytest.raises(MedbenchError, match="not the suite that was run"):
        _accept(project)
    assert not snapshots(project)


@pytest.mark.parametrize("name", ["nowhere", "suites"])
def test_what_is_no_run_is_refused(project: Project, name: str) -> None:
    with pytest.raises(MedbenchError, match=r"no run: there is no plan\.json"):
        accept(project.root / name, root=project.root)


def test_a_damaged_plan_is_refused(project: Project) -> None:
    _change(project, "plan.json", lambda plan: plan.pop("suites"))
    with pytest.raises(MedbenchError, match="suites: Field required; the run is damaged"):
        _accept(project)


def test_a_key_that_cannot_be_one_is_refused(project: Project) -> None:
    with pytest.raises(ConfigError, match="another with --medbench-accept-as"):
        _accept(project, key="a\nb")
    assert not snapshots(project)


def test_an_unreadable_anchor_to_take_over_stops_the_acceptance(project: Project) -> None:
    put(project.root / "suites" / "demo", baseline("old"), "anchor")
    pair = pair_of(project.root / "suites" / "demo" / FOLDER, "old", "anchor")
    pair.items.write_text("nonsense")
    before = snapshots(project)
    _change(project, "plan.json", lambda plan: plan["settings"].update(baseline="old"))
    with pytest.raises(MedbenchError, match="half written"):
        _accept(project, key="new")
    assert snapshots(project) == before


def test_a_key_in_a_fingerprint_is_not_kept() -> None:
    model = {
        "name": "ours",
        "base_url": "http://127.0.0.1/v1",
        "settings": {
            "temperature": 0,
            "max_tokens": 48,
            "api_key": "k-123",
            "headers": {"Authorization": "Bearer abc"},
            "note": "see sk-abcdefghijklmnop",
            "stop": ["\x1b[2J", "\ud800"],
        },
        "served": {"id": "x", "created": 1, "permission": [{"id": 1}], "nan": float("nan")},
    }
    kept = kept_fingerprint(model)
    assert kept == {
        "name": "ours",
        "base_url": "http://127.0.0.1/v1",
        "settings": {
            "temperature": 0,
            "max_tokens": 48,
            "api_key": NOT_KEPT,
            "headers": {"Authorization": NOT_KEPT},
            "note": NOT_KEPT,
            "stop": ["\\x1b[2J", "\\ud800"],
        },
        "served": {"id": "x", "nan": "nan"},
    }
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"deeper": deep}
    assert NOT_KEPT in json.dumps(kept_fingerprint(deep))
