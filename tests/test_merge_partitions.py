"""However a plan is cut, its shards decide as the whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_suites import answer, entry, suite

from pytest_medbench.gates import Circumstances, decide, parse_gates
from pytest_medbench.merging import Joined, circumstances, join
from pytest_medbench.options import Options
from pytest_medbench.outcomes import Outcome
from pytest_medbench.runs import RunFolder
from pytest_medbench.selection import select
from pytest_medbench.shards import Shard, check_agreement, read_shard
from pytest_medbench.suites import Suite


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
