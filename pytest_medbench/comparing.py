"""Two runs held against each other from their folders, as if the first had been accepted."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_medbench import scorers
from pytest_medbench.baselines.hashes import suite_hashes
from pytest_medbench.baselines.making import NO_VERDICT
from pytest_medbench.baselines.records import Figures, ItemRecord, SuiteBaseline, kept_answer
from pytest_medbench.baselines.whole_run import first_answered
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.errors import MedbenchError
from pytest_medbench.gates import Gate, Verdict
from pytest_medbench.gates.accounting import is_safety
from pytest_medbench.gates.regression import Against, Comparison, compare
from pytest_medbench.gates.slices import keys_of
from pytest_medbench.gates.verdict import BLOCKED, OK, UNDECIDED
from pytest_medbench.groups import score_of
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.report.changed_texts import FolderOf
from pytest_medbench.report.plain import printable
from pytest_medbench.runs import VERDICTS, read_verdicts
from pytest_medbench.shard_suites import read_again
from pytest_medbench.shards import (
    NOT_DECIDED,
    MergeError,
    Plan,
    Shard,
    SuitePlan,
    read_outcomes,
    read_run,
)
from pytest_medbench.suites import Entry, Suite

ANY_DAY = "1970-01-01"
SAME = "0" * 16
NO_FIGURES = Figures(None, None, None, 0)
ON_DISK = "the suite on disk, which is not the one that was run: compare at the runs' commit"
Key = tuple[str, str]


class CompareError(MedbenchError):
    """Two runs that cannot be compared."""


@dataclass(frozen=True)
class StoredRun:
    """A run as its folder has it, without its suites.

    Parameters
    ----------
    folder : Path
    id : str
    document : mapping
        `plan.json` as it stands.
    plan : Plan
    outcomes : dict
        By suite and id.
    verdict, stopped : str or None
    """

    folder: Path
    id: str
    document: Mapping[str, Any]
    plan: Plan
    outcomes: Mapping[Key, Outcome]
    verdict: str | None
    stopped: str | None

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.plan.model.get("name", "?"))

    @property
    def repeats(self) -> int:
        """How often each item was asked."""
        return int(self.document["settings"].get("repeats") or 1)

    def planned(self, suite: str) -> SuitePlan | None:
        """Give what the plan says of a suite; None if it is not in it."""
        return next((each for each in self.plan.suites if each.name == suite), None)


@dataclass(frozen=True)
class Compared:
    """What came of comparing two runs.

    Parameters
    ----------
    comparison : Comparison
    catalogue : Catalogue
        Has read the suites; to be closed.
    old, new : StoredRun
    notes : tuple of str
        What a reader must know of the runs themselves.
    """

    comparison: Comparison
    catalogue: Catalogue
    old: StoredRun
    new: StoredRun
    notes: tuple[str, ...]

    @property
    def exit_status(self) -> int:
        """0 no drop is shown; 1 one is, or a flip blocks; 10 inconclusive."""
        verdicts = {finding.verdict for finding in self.comparison.findings}
        if Verdict.BLOCK in verdicts:
            return BLOCKED
        return UNDECIDED if Verdict.INCONCLUSIVE in verdicts else OK

    def folder_of(self) -> FolderOf:
        """Give what finds the folder of the old run by its id."""
        return {self.old.id: self.old.folder}.get


def compare_runs(old: Path, new: Path, root: Path) -> Compared:
    """Compare a run with an earlier one, as if that had been accepted.

    Nothing is written, and no model is asked. Whether the earlier run could be accepted does not
    matter; what it lacks makes no pairs. The gates are those of the later run.

    Parameters
    ----------
    old, new : Path
        The runs' folders; those of merges too.
    root : Path
        What the paths of the plans' suites are relative to. Where a suite on disk is not the one
        that was run, all its groups are void.

    Raises
    ------
    MedbenchError
        If a folder holds no run or a damaged one, or a suite cannot be read.
    """
    first, second = read_stored(old), read_stored(new)
    if not {suite.name for suite in first.plan.suites} & {
        suite.name for suite in second.plan.suites
    }:
        raise CompareError(f"{old} and {new} have no suite in common; there is nothing to compare")
    catalogue = _read_suites((first, second), root)
    try:
        return _compared(first, second, catalogue)
    except BaseException:
        catalogue.close()
        raise


def read_stored(folder: Path) -> StoredRun:
    """Read a run's folder, and none of its suites. Raises MedbenchError."""
    document, plan = read_run(folder, CompareError)
    verdict: str | None = None
    stopped: str | None = NOT_DECIDED
    if (folder / VERDICTS).is_file():
        verdicts = read_verdicts(folder)
        verdict, stopped = verdicts.get("verdict"), verdicts.get("stopped")
    outcomes = first_answered(read_outcomes(Shard(folder, plan, document, 1, 1, None, ())))
    return StoredRun(folder, folder.resolve().name, document, plan, outcomes, verdict, stopped)


def _read_suites(runs: tuple[StoredRun, StoredRun], root: Path) -> Catalogue:
    """Read what is on disk of both plans, whatever its digest."""
    catalogue = read_again(runs[1].plan.model_copy(update={"suites": []}), root)
    for run in runs:
        for planned in run.plan.suites:
            if planned.scorer.get("scorer") not in scorers.names():
                _know_scorers(run.plan, planned, root)
            catalogue.read(root / planned.path)
    return catalogue


def _know_scorers(plan: Plan, planned: SuitePlan, root: Path) -> None:
    # That the suite is another one by now is looked at later.
    with contextlib.suppress(MergeError):
        read_again(plan.model_copy(update={"suites": [planned]}), root).close()


def _compared(old: StoredRun, new: StoredRun, catalogue: Catalogue) -> Compared:
    suites = [suite for suite in catalogue.suites if new.planned(suite.name) is not None]
    baselines = {
        suite.name: _baseline(old, suite, catalogue)
        for suite in catalogue.suites
        if old.planned(suite.name) is not None
    }
    selected = {suite.name: _selected(suite, new) for suite in suites}
    made_with: dict[Key, str] = {}
    hashes = {}
    for suite in suites:
        baseline = baselines.get(suite.name)
        if baseline is None:
            continue
        now = suite_hashes(catalogue, suite, new.plan.model, repeats=new.repeats)
        reason = _not_comparable(suite, catalogue.prompt_digest(suite), old, new)
        if reason is not None:
            baselines[suite.name] = replace(baseline, hashes={reason: "then"})
            now = {reason: "now"}
        same = SAME if now == baselines[suite.name].hashes else ""
        hashes[suite.name] = now
        made_with.update(dict.fromkeys(((suite.name, item) for item in selected[suite.name]), same))
    kept = {key: each for key, each in new.outcomes.items() if key[1] in selected.get(key[0], ())}
    comparison = compare(
        suites,
        selected,
        kept,
        made_with,
        [Against(f"{old.model} (run {old.id})", "baseline", baselines)],
        [Gate(**gate) for gate in new.plan.gates],
        hashes=hashes,
        repeats={key: outcome.scores for key, outcome in kept.items() if outcome.scores},
    )
    notes = tuple(
        f"run {run.id} was stopped early: {printable(str(run.stopped), 200)}"
        for run in (old, new)
        if run.stopped is not None
    )
    return Compared(comparison, catalogue, old, new, notes)


def _baseline(old: StoredRun, suite: Suite, catalogue: Catalogue) -> SuiteBaseline:
    """Make of a run what accepting it would, but for the figures and the items' own hashes.

    Both runs and the disk have the same items or else nothing of the suite is compared, so what
    its outcomes have in common tells all that can differ.
    """
    hashes = suite_hashes(catalogue, suite, old.plan.model, repeats=old.repeats)
    known = {entry.labels for entry in suite.entries}
    critical = {
        entry.group for entry in suite.entries if entry.must_pass or is_safety(entry.labels)
    }
    items = {}
    for entry in suite.entries:
        outcome = old.outcomes.get((suite.name, entry.id))
        if outcome is not None and entry.problem is None:
            items[entry.id] = _record(
                outcome, entry, several=old.repeats > 1, critical=entry.group in critical
            )
    return SuiteBaseline(
        key=old.model,
        suite=suite.name,
        run=old.id,
        accepted_on=ANY_DAY,
        reason=None,
        verdict=old.verdict or NO_VERDICT,
        model=old.plan.model,
        repeats=old.repeats,
        hashes=hashes,
        slices=dict.fromkeys(keys_of(known) | {f"suite.{suite.name}"}, NO_FIGURES),
        items=items,
    )


def _record(outcome: Outcome, entry: Entry, *, several: bool, critical: bool) -> ItemRecord:
    score = score_of(outcome)
    return ItemRecord(
        id=outcome.id,
        status=Status.ERROR if score is None and outcome.score is not None else outcome.status,
        score=score,
        answer=kept_answer(outcome.answer),
        made_with=SAME,
        scores=outcome.scores if several else (),
        group=None if entry.group == entry.id else entry.group,
        critical=critical,
    )


def _selected(suite: Suite, run: StoredRun) -> frozenset[str]:
    here = {entry.id for entry in suite.entries}
    planned = run.planned(suite.name)
    assert planned is not None
    return frozenset(here if planned.selected == "all" else here & set(planned.selected))


def _not_comparable(suite: Suite, prompt: str, old: StoredRun, new: StoredRun) -> str | None:
    """Say why nothing of a suite can be compared, if so: a run or the disk has another one."""
    then, now = old.planned(suite.name), new.planned(suite.name)
    if then is None or now is None:
        return None
    what = {
        "prompt": then.prompt_digest != now.prompt_digest,
        "scorer": then.scorer != now.scorer,
    }
    named = ", ".join(name for name, differs in what.items() if differs)
    if named or then.digest != now.digest:
        return named or "suite.toml or the items"
    same = (now.digest, now.prompt_digest) == (suite.digest, prompt)
    return None if same else ON_DISK
