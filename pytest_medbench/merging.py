"""Joins the runs of shards into one verdict: from their files alone, with no model."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_medbench import gates
from pytest_medbench.baselines.names import FOLDER
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.gates.regression import Comparison
from pytest_medbench.outcomes import MISSING, Outcome, Status
from pytest_medbench.run_id import new_run_id
from pytest_medbench.runs import RunError, RunFolder, journals
from pytest_medbench.selection import shard_of
from pytest_medbench.session import about_cache, part_of, verdicts_document
from pytest_medbench.shard_suites import read_again
from pytest_medbench.shards import (
    MergeError,
    Shard,
    check_agreement,
    read_outcomes,
    read_shard,
)
from pytest_medbench.suites import Suite
from pytest_medbench.trust import doubts_about_server
from pytest_medbench.versions import Planned, Versions

BLOCKED = 1
NAMED = 10
_Key = tuple[str, str]


@dataclass
class Joined:
    """The shards of one plan, put together.

    Parameters
    ----------
    selected : dict of str to set of str
        The ids that ran, by suite.
    outcomes : dict
        By suite and id.
    doubts : list of str
        What single shards were in doubt about.
    stopped : list of str
        What ended single shards early.
    notes : list of str
        What else a reader of the verdict must know.
    """

    selected: dict[str, set[str]] = field(default_factory=dict)
    outcomes: dict[_Key, Outcome] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Merged:
    """What a merge came to.

    Parameters
    ----------
    decision : Decision
    exit_status : int
        The decision's; 1 where `--medbench-strict` makes wrong items failed tests.
    model : str
    run : str
        The id of the run that was written.
    folder : Path
    """

    decision: gates.Decision
    exit_status: int
    model: str
    run: str
    folder: Path


def merge(runs: Sequence[Path], *, home: Path, output: Path | None = None) -> Merged:
    """Join the runs of shards into one run with one verdict.

    Parameters
    ----------
    runs : sequence of Path
        The folders of the shards' runs, in any order.
    home : Path
        The `.medbench` folder; the suites are read from the folder it is in.
    output : Path, optional
        The folder to write, which must be new or empty; a new one under `home` by default.

    Raises
    ------
    MedbenchError
        If the runs are not all the shards of one plan, the suites on disk are not theirs, or the
        new run cannot be written. Nothing is written then.
    """
    if output is not None and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise MergeError(f"{output}: it is there and not empty; give a new folder")
    shards = _read(runs)
    check_agreement(shards)
    plan = shards[0].plan
    catalogue = read_again(plan, home.resolve().parent)
    try:
        suites = catalogue.suites
        joined = join(shards, suites)
        rules = [gates.Gate(**gate) for gate in plan.gates]
        comparison = _compare(shards[0].document, catalogue, joined, rules)
    finally:
        catalogue.close()
    found = circumstances(shards, suites, joined)
    decision = gates.decide(suites, joined.selected, joined.outcomes, rules, found, comparison)
    folder = RunFolder(home, new_run_id(), output)
    _write(folder, shards, suites, joined, found, decision)
    name = str(plan.model.get("name", "?"))
    failed = plan.settings.strict and (
        decision.counts[Status.WRONG] or decision.counts[Status.UNPARSABLE]
    )
    status = gates.combine(decision.exit_status, BLOCKED if failed else 0)
    return Merged(decision, status, name, folder.id, folder.path)


def _compare(
    document: Mapping[str, Any], catalogue: Catalogue, joined: Joined, rules: Sequence[gates.Gate]
) -> Comparison | None:
    """Hold the joined run against what was accepted, as a whole run would have been."""
    if document.get("control"):
        return None
    settings = document["settings"]
    planned = Planned(
        baseline=settings.get("baseline"),
        accept_as=settings.get("accept_as"),
        repeats=int(settings.get("repeats") or 1),
    )
    versions = Versions(planned, catalogue, document["model"], FOLDER)
    selected = {suite: frozenset(ids) for suite, ids in joined.selected.items()}
    return versions.compare(selected, joined.outcomes, rules)


def _read(runs: Sequence[Path]) -> list[Shard]:
    shards = []
    for run in runs:
        shard = read_shard(run)
        if shard is None and len(runs) == 1:
            raise MergeError(f"{run}: a whole run and no shard; there is nothing to merge")
        if shard is None:
            raise MergeError(
                f"{run}: a whole run and no shard; only runs with --medbench-shard are merged"
            )
        shards.append(shard)
    return sorted(shards, key=lambda shard: shard.number)


def join(shards: Sequence[Shard], suites: Sequence[Suite]) -> Joined:
    """Put together what shards selected and what came of it.

    Raises
    ------
    MergeError
        If a shard is missing that has items, an item is not of its shard, or an outcome is of no
        item of its shard.
    """
    joined = Joined(selected={suite.name: set() for suite in suites})
    cut = _cut(suites, shards[0].of)
    for shard in shards:
        mine = _selected(shard, suites)
        for name, ids in mine.items():
            twice = joined.selected[name] & ids
            if twice:
                raise MergeError(f"{shard}: {name}::{min(twice)} is of another shard as well")
            joined.selected[name] |= ids
        _check_cut(shard, mine, cut.get(shard.number, {}))
        _take(shard, mine, joined)
    _check_gaps(shards, cut)
    empty = shards[0].of - len({*cut, *(shard.number for shard in shards)})
    if empty:
        joined.notes.append(f"{empty:,} of {shards[0].of:,} shards have no item and no run")
    return joined


def _selected(shard: Shard, suites: Sequence[Suite]) -> dict[str, set[str]]:
    planned = {suite.name: suite.selected for suite in shard.plan.suites}
    found = {}
    for suite in suites:
        known = {entry.id for entry in suite.entries}
        chosen = planned[suite.name]
        found[suite.name] = known if chosen == "all" else set(chosen)
        unknown = found[suite.name] - known
        if unknown:
            raise MergeError(f"{shard}: suite {suite.name!r} has no item {min(unknown)!r}")
    return found


def _cut(suites: Sequence[Suite], of: int) -> dict[int, dict[str, set[str]]]:
    """Give the ids that fall into each shard, by suite; shards without items are left out."""
    cut: defaultdict[int, dict[str, set[str]]] = defaultdict(dict)
    for suite in suites:
        for entry in suite.entries:
            number = shard_of(suite.name, entry.group, of=of)
            cut[number].setdefault(suite.name, set()).add(entry.id)
    return dict(cut)


def _check_cut(
    shard: Shard, mine: Mapping[str, set[str]], belonging: Mapping[str, set[str]]
) -> None:
    for name, ids in mine.items():
        strange = ids.difference(belonging.get(name, ()))
        if strange:
            raise MergeError(
                f"{shard}: {name}::{min(strange)} belongs to another shard of {shard.of}; the "
                "plan was changed, run the shard again"
            )


def _check_gaps(shards: Sequence[Shard], cut: Mapping[int, Mapping[str, set[str]]]) -> None:
    missing = sorted(set(cut).difference(shard.number for shard in shards))
    if missing:
        items = sum(len(ids) for number in missing for ids in cut[number].values())
        named = ", ".join(f"shard {number}/{shards[0].of}" for number in missing[:NAMED])
        more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        verb = "are" if len(missing) > 1 else "is"
        raise MergeError(
            f"{named}{more} {verb} missing, with {items:,} items before any selection; run what "
            "is missing, or give its folder"
        )


def _take(shard: Shard, mine: Mapping[str, set[str]], joined: Joined) -> None:
    outcomes: dict[_Key, Outcome] = {}
    for outcome in read_outcomes(shard):
        key = (outcome.suite, outcome.id)
        if outcome.id not in mine.get(outcome.suite, ()):
            raise MergeError(
                f"{shard}: its journal holds {outcome.suite}::{outcome.id}, which it did not plan"
            )
        known = outcomes.get(key)
        if known is None or known.status in MISSING:
            outcomes[key] = outcome
    joined.outcomes.update(outcomes)
    # Whether one model served all answers is asked of all of them together.
    served = doubts_about_server(outcomes.values())
    joined.doubts += [f"{shard.label}: {doubt}" for doubt in shard.doubts if doubt not in served]
    if shard.stopped is not None:
        joined.stopped.append(f"{shard.label}: {shard.stopped}")


def circumstances(
    shards: Sequence[Shard], suites: Sequence[Suite], joined: Joined
) -> gates.Circumstances:
    """Give what the one run would have been that the shards are parts of."""
    plans = [shard.plan for shard in shards]
    reasons = list(dict.fromkeys(reason for plan in plans for reason in plan.narrowed_by))
    planned = sum(map(len, joined.selected.values()))
    everything = sum(len(suite.entries) for suite in suites)
    commits = sorted({plan.commit for plan in plans if plan.commit is not None})
    doubts = doubts_about_server(joined.outcomes.values()) + joined.doubts
    if len(commits) > 1:
        shown = ", ".join(commit[:12] for commit in commits)
        doubts.append(f"the shards were run at different commits: {shown}")
    return gates.Circumstances(
        partial=part_of(planned, everything, reasons),
        allow_partial=all(plan.settings.allow_partial for plan in plans),
        ci=bool(os.environ.get("CI")) or any(plan.settings.ci for plan in plans),
        control=any(plan.control for plan in plans),
        report_only=all(plan.settings.report_only for plan in plans),
        stopped="; ".join(joined.stopped) or None,
        doubts=tuple(doubts),
        notes=(about_cache(joined.outcomes.values()), *joined.notes),
    )


def _write(
    folder: RunFolder,
    shards: Sequence[Shard],
    suites: Sequence[Suite],
    joined: Joined,
    found: gates.Circumstances,
    decision: gates.Decision,
) -> None:
    _write_journal(folder, shards)
    first = shards[0].document
    full = {suite.name: len(suite.entries) for suite in suites}
    narrowed = dict.fromkeys(reason for shard in shards for reason in shard.plan.narrowed_by)
    folder.write_plan(
        {
            **first,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "planned": decision.planned,
            "partial": found.partial,
            "narrowed_by": list(narrowed),
            "suites": [
                {
                    **suite,
                    "planned": len(joined.selected[suite["name"]]),
                    "selected": (
                        "all"
                        if len(joined.selected[suite["name"]]) == full[suite["name"]]
                        else sorted(joined.selected[suite["name"]])
                    ),
                }
                for suite in first["suites"]
            ],
            "settings": {**first["settings"], "shard": None, "ci": found.ci},
            "merged_from": [
                {"run": shard.folder.resolve().name, "shard": [shard.number, shard.of]}
                for shard in shards
            ],
        }
    )
    name = str(shards[0].plan.model.get("name", "?"))
    folder.write_verdicts(verdicts_document(name, decision, found.stopped, found.doubts))


def _write_journal(folder: RunFolder, shards: Sequence[Shard]) -> None:
    path = folder.path / "journal-merged.jsonl"
    try:
        with path.open("xb") as merged:
            for shard in shards:
                for journal in journals(shard.folder):
                    with journal.open("rb") as lines:
                        merged.writelines(line for line in lines if line.endswith(b"\n"))
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from error
