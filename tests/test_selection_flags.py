"""Selection flags: what runs, what a part comes to, and that a part is never a release gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from projects import KEY, Project, questions


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.key_model()
    cardiology = questions(6, prefix="c", specialty="internal_medicine/cardiology", task="recall")
    surgery = questions(4, prefix="s", specialty="surgery", safety=["medication"], harm="mild")
    image = questions(2, prefix="v", task="images")
    made.suite([*cardiology, *surgery], name="one")
    made.suite(image, name="two", suite='track = "vlm"', gates="")
    return made


def ran(project: Project) -> list[str]:
    return [line["id"] for line in project.journal()]


@pytest.mark.parametrize(
    ("flags", "prefixes", "count"),
    [
        (["--medbench-specialty=internal_medicine"], "c", 6),
        (["--medbench-specialty=cardiology", "--medbench-specialty=surgery"], "cs", 10),
        (["--medbench-safety=medication"], "s", 4),
        (["--medbench-task=images"], "v", 2),
        (["--medbench-track=vlm"], "v", 2),
    ],
)
def test_labels_select_items_and_the_run_is_a_part(
    project: Project, flags: list[str], prefixes: str, count: int
) -> None:
    result = project.run("suites", KEY, *flags)
    assert (len(ran(project)), {item[0] for item in ran(project)}) == (count, set(prefixes))
    assert result.status == 10
    assert f"part: {count} of 12 ({flags[0].partition('=')[0]})" in result.out


def test_labels_of_two_kinds_must_hold_together(project: Project) -> None:
    project.run("suites", KEY, "--medbench-safety=medication", "--medbench-specialty=surgery")
    assert len(ran(project)) == 4
    none = project.run("suites", KEY, "--medbench-track=vlm", "--medbench-specialty=surgery")
    assert none.status == 4
    assert "no item has these labels together" in none.out


@pytest.mark.parametrize("workers", ["0", "2"])
def test_part_says_what_it_is_and_is_lifted_at_a_desk_only(project: Project, workers: str) -> None:
    flags = ["suites", KEY, "-k", "c00", "-n", workers]
    part = project.run(*flags)
    assert part.status == 10
    assert "part: 6 of 12 (-k), not a release gate" in part.out

    lifted = project.run(*flags, "--medbench-allow-partial")
    assert lifted.status == 0
    assert "part: 6 of 12 (-k)" in lifted.out

    refused = project.run(*flags, "--medbench-allow-partial", ci=True)
    assert refused.status != 0
    assert "CI" in refused.out


def test_gate_on_a_suite_without_selected_items_is_no_misspelling(project: Project) -> None:
    project.config('[tool.medbench.gates]\n"suite.two" = 0.9\n')
    for workers in ("0", "2"):
        result = project.run("suites", KEY, "-k", "c00", "-n", workers)
        assert result.status == 10, result.out
        assert "part: 6 of 12" in result.out


@pytest.mark.parametrize("workers", ["0", "2"])
def test_sample_is_seeded_and_keeps_must_pass_items(project: Project, workers: str) -> None:
    items = questions(2, prefix="v")
    project.suite([{**items[0], "must_pass": True}, items[1]], name="two", gates="")
    flags = ["suites", KEY, "--medbench-sample=5", "-n", workers]
    assert project.run(*flags).status == 10
    first = ran(project)
    assert len(first) == 5
    assert "v000" in first
    project.run(*flags)
    assert ran(project) == first
    seeds = set()
    for seed in range(1, 4):
        project.run(*flags, f"--medbench-seed={seed}")
        seeds.add(tuple(ran(project)))
    assert any(drawn != tuple(first) for drawn in seeds)


def test_must_pass_item_left_out_by_a_flag_makes_the_run_incomplete(project: Project) -> None:
    project.suite([{**each, "must_pass": True} for each in questions(1)], name="two", gates="")
    result = project.run("suites", KEY, "-k", "c00", "--medbench-allow-partial")
    assert result.status == 11
    assert "must-pass two::q000" in result.out


def test_shards_are_complete_and_share_the_items_out(project: Project) -> None:
    found: list[str] = []
    for part, workers in ((1, "0"), (2, "2"), (3, "0")):
        result = project.run("suites", KEY, f"--medbench-shard={part}/3", "-n", workers)
        assert result.status == 0, result.out
        assert f"shard {part}/3 complete" in result.out
        assert project.verdicts()["verdict"] is None
        found += ran(project)
    assert sorted(found) == sorted(
        [*(f"c{n:03}" for n in range(6)), *(f"s{n:03}" for n in range(4)), "v000", "v001"]
    )


def test_shard_with_an_error_is_not_complete(project: Project) -> None:
    everything: dict[str, Any] = {f"c{number:03}": None for number in range(6)}
    model = project.answer(**everything)
    result = project.run("suites", model, "--medbench-shard=1/1")
    assert result.status == 11


@pytest.mark.parametrize("workers", ["0", "2"])
def test_unknown_label_is_one_usage_error(project: Project, workers: str) -> None:
    result = project.run("suites", KEY, "--medbench-safety=medicatoin", "-n", workers)
    assert result.status == 4
    assert result.out.count("--medbench-safety=medicatoin") == 1
    assert "did you mean 'medication'" in result.out
    assert "INTERNALERROR" not in result.out
