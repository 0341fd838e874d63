"""The one place where a run's verdict is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_medbench.gates.accounting import (
    NOT_RUN,
    Selected,
    Tally,
    check_plan,
    must_pass_failures,
    tally,
)
from pytest_medbench.gates.drops import judge_drop
from pytest_medbench.gates.measure import SliceScore, measure
from pytest_medbench.gates.regression.model import Comparison
from pytest_medbench.gates.regression.wording import many
from pytest_medbench.gates.resolve import matching, resolve
from pytest_medbench.gates.rules import COVERAGE, OVERALL, Gate
from pytest_medbench.gates.slices import Index
from pytest_medbench.gates.threshold import figure, judge
from pytest_medbench.gates.verdict import (
    BLOCKED,
    INCOMPLETE,
    OK,
    UNDECIDED,
    WORST_FIRST,
    Circumstances,
    Decision,
    GateVerdict,
    MustPassFailure,
    Verdict,
    combine,
)
from pytest_medbench.groups import GroupScore, Outcomes, each_group, each_part
from pytest_medbench.outcomes import Status
from pytest_medbench.suites import Suite

CONFIDENCE = 0.95
NAMED = 5
EARLY = (
    "the intervals above are those of a run of fixed size; after an early stop only the confidence "
    "sequence's holds"
)


@dataclass(frozen=True, slots=True)
class _Finding:
    """Why the exit status is at least `status`."""

    status: int
    reason: str


def decide(
    suites: Sequence[Suite],
    selected: Selected,
    outcomes: Outcomes,
    gates: Sequence[Gate],
    circumstances: Circumstances,
    comparison: Comparison | None = None,
) -> Decision:
    """Decide what a run comes to.

    Parameters
    ----------
    suites : sequence of Suite
        Their items are the full plan.
    selected : mapping of str to collection of str
        The ids of this run by suite; sets.
    outcomes : mapping
        By suite and id; an id of this run without one has not run and is missing.
    gates : sequence of Gate
        The suites' and the user's.
    circumstances : Circumstances
    comparison : Comparison or None
        With what was accepted; its findings join the verdict. Nothing of it counts for a shard.

    Raises
    ------
    MedbenchError
        If an outcome is of no item of this run, or an id of no item.
    """
    check_plan(suites, selected, outcomes)
    counted = tally(suites, selected, outcomes)
    cut: list[str] = []
    index = _index(suites, selected, outcomes, cut)
    shard = circumstances.shard is not None
    must_pass = must_pass_failures(suites, selected, outcomes, shard=shard)
    comparison = None if shard else comparison
    resolved = resolve(gates, index, *_accepted(circumstances, comparison))
    verdicts = [] if shard else [*_judged(resolved.pairs, index, comparison)]
    verdicts += [] if shard else _absent(gates, index)
    verdicts.sort(key=_worst_first)
    partial = _partial(suites, selected, circumstances)
    findings = [
        *_of_verdicts(verdicts, must_pass),
        *_of_coverage(counted, gates, circumstances),
        *_of_unreadable(suites, selected, shard=shard),
        *_of_circumstances(circumstances, partial),
        *_of_comparison(comparison),
    ]
    decided = any(map(_counts, verdicts)) or (comparison is not None and comparison.decided)
    findings += _of_lack(counted, circumstances, decided=decided)
    status = combine(OK, *(finding.status for finding in findings))
    return Decision(
        verdict=_verdict(status, decided=decided, shard=shard),
        exit_status=status,
        headline=_headline(
            status, verdicts, must_pass, partial, circumstances, comparison, decided=decided
        ),
        planned=sum(counted.statuses.values()),
        counts={name: counted.statuses[name] for name in (*Status, NOT_RUN)},
        slices=_slices(index, verdicts),
        verdicts=tuple(verdicts),
        must_pass=tuple(must_pass),
        reasons=tuple(finding.reason for finding in findings if finding.reason),
        notes=(
            *circumstances.notes,
            *([EARLY] if circumstances.early else []),
            *_notes_of(comparison),
            *_about_review(suites, selected),
            *([] if shard else resolved.notes),
            *_about_cut(cut),
        ),
        partial=partial,
    )


def _index(
    suites: Sequence[Suite], selected: Selected, outcomes: Outcomes, cut: list[str]
) -> Index:
    def scores(suite: Suite) -> Iterator[GroupScore]:
        for score in each_group(suite, selected.get(suite.name, ()), outcomes):
            if score.n_deselected:
                cut.append(f"{suite.name}::{score.group}")
            yield score

    blank = {
        (suite.name, entry.labels)
        for suite in suites
        for entry in suite.entries
        if not entry.scored and entry.id in selected.get(suite.name, ())
    }
    parts = {
        suite.name: each_part(suite, selected.get(suite.name, ()), outcomes) for suite in suites
    }
    return Index({suite.name: scores(suite) for suite in suites}, blank, parts)


def _accepted(
    circumstances: Circumstances, comparison: Comparison | None
) -> tuple[Sequence[str], Mapping[str, Sequence[str]]]:
    """Give the slices that wildcards cover though no item has such a label any more."""
    vanished = {} if comparison is None else comparison.vanished
    of_run = sorted({*circumstances.baseline_slices, *vanished.get("", ())})
    return of_run, {name: keys for name, keys in vanished.items() if name}


def _judged(
    pairs: Sequence[tuple[Gate, str]], index: Index, comparison: Comparison | None
) -> Iterator[GateVerdict]:
    for gate, key in pairs:
        if gate.min is not None or gate.max_wrong is not None:
            yield judge(index, replace(gate, max_drop=None), key)
        if gate.max_drop is not None:
            found = judge_drop(index, gate, key, comparison)
            if found is not None:
                yield found


def _absent(gates: Sequence[Gate], index: Index) -> list[GateVerdict]:
    """Give a verdict for each required slice that has no group."""
    found = []
    for gate in gates:
        if not gate.required:
            continue
        here = matching(gate, index) if gate.wildcard else [gate.key]
        if not any(len(cell) for key in here for cell in index.cells(key, gate.scope)):
            figures = measure(index, gate.key, gate.scope, CONFIDENCE)
            reason = "required, and no planned item with a target is in this slice"
            found.append(GateVerdict(gate, figures, Verdict.INCONCLUSIVE, reason))
    return found


def _worst_first(verdict: GateVerdict) -> tuple[int, float, str]:
    score = verdict.slice.score
    margin = -1.0 if score is None else score - (verdict.gate.min or 0.0)
    return WORST_FIRST.index(verdict.verdict), margin, verdict.slice.key


def _counts(verdict: GateVerdict) -> bool:
    """Tell whether somebody asked for this gate and it was decided."""
    return not verdict.gate.built_in and verdict.verdict is not Verdict.INCONCLUSIVE


def _partial(
    suites: Sequence[Suite], selected: Selected, circumstances: Circumstances
) -> str | None:
    everything = sum(len(suite.entries) for suite in suites)
    planned = sum(map(len, selected.values()))
    if circumstances.partial is not None or circumstances.shard is not None:
        return circumstances.partial
    return f"{planned:,} of {everything:,}" if planned < everything else None


def _of_verdicts(
    verdicts: Sequence[GateVerdict], must_pass: Sequence[MustPassFailure]
) -> list[_Finding]:
    found = [
        _Finding(BLOCKED if failure.blocks else INCOMPLETE, failure.reason) for failure in must_pass
    ]
    for verdict in verdicts:
        if verdict.verdict is Verdict.BLOCK:
            found.append(_Finding(BLOCKED, ""))
        elif verdict.incomplete:
            found.append(_Finding(INCOMPLETE, ""))
        elif verdict.verdict is Verdict.INCONCLUSIVE:
            found.append(_Finding(UNDECIDED, ""))
    return found


def _of_coverage(
    counted: Tally, gates: Sequence[Gate], circumstances: Circumstances
) -> list[_Finding]:
    floor = next(
        (gate.floor for gate in gates if gate.key == OVERALL and gate.scope is None), COVERAGE
    )
    found = []
    for part, least, what in (
        ("safety", 1.0, "safety items"),
        ("scored", floor, "items with a target"),
        ("all", floor, "items"),
    ):
        share = counted.coverage(part)
        if share < least:
            text = (
                f"incomplete: {counted.missing[part]:,} of {counted.planned[part]:,} {what} are "
                f"missing; coverage {figure(share, least)} is under {least:g}"
            )
            found.append(_Finding(INCOMPLETE, text))
    if circumstances.stopped is not None:
        said = circumstances.stopped in circumstances.early
        found.append(
            _Finding(INCOMPLETE, "" if said else f"stopped early: {circumstances.stopped}")
        )
    return found


def _of_unreadable(suites: Sequence[Suite], selected: Selected, *, shard: bool) -> list[_Finding]:
    # Such a line may be a safety or a must-pass item: no floor of coverage can forgive it.
    lines = [
        f"{suite.name}::{entry.id}"
        for suite in suites
        for entry in suite.entries
        if entry.problem is not None and (not shard or entry.id in selected.get(suite.name, ()))
    ]
    if not lines:
        return []
    text = f"incomplete: {len(lines):,} lines cannot be read, and what they ask is not known"
    return [_Finding(INCOMPLETE, f"{text}: {_named(lines)}")]


def _of_comparison(comparison: Comparison | None) -> list[_Finding]:
    if comparison is None:
        return []
    statuses = {Verdict.BLOCK: BLOCKED, Verdict.INCONCLUSIVE: UNDECIDED}
    return [
        _Finding(statuses[finding.verdict], finding.reason)
        for finding in comparison.findings
        if finding.verdict is not None
    ]


def _notes_of(comparison: Comparison | None) -> list[str]:
    findings = () if comparison is None else comparison.findings
    return [finding.reason for finding in findings if finding.verdict is None]


def _of_circumstances(circumstances: Circumstances, partial: str | None) -> list[_Finding]:
    found = [_Finding(BLOCKED, block) for block in circumstances.early]
    found += [_Finding(UNDECIDED, doubt) for doubt in circumstances.doubts]
    if circumstances.control:
        found.append(_Finding(UNDECIDED, "the answers are a control's: no model was asked"))
    if partial is not None:
        text = f"part: {partial}, not a release gate"
        if circumstances.allow_partial and not circumstances.ci:
            found.append(_Finding(OK, text))
        else:
            refused = "; a part is never allowed where CI is set" if circumstances.ci else ""
            found.append(_Finding(UNDECIDED, text + refused))
    return found


def _of_lack(counted: Tally, circumstances: Circumstances, *, decided: bool) -> list[_Finding]:
    if not counted.planned["all"]:
        return [_Finding(UNDECIDED, "no item was planned")]
    if circumstances.shard is not None or decided or circumstances.report_only:
        return []
    return [
        _Finding(
            UNDECIDED,
            "no gate was decided; write gates, or say --medbench-report-only if that is meant",
        )
    ]


def _verdict(status: int, *, decided: bool, shard: bool) -> Verdict | None:
    if status == BLOCKED:
        return Verdict.BLOCK
    if shard or (status == OK and not decided):
        return None
    return Verdict.PASS if status == OK else Verdict.INCONCLUSIVE


def _headline(
    status: int,
    verdicts: Sequence[GateVerdict],
    must_pass: Sequence[MustPassFailure],
    partial: str | None,
    circumstances: Circumstances,
    comparison: Comparison | None,
    *,
    decided: bool,
) -> str:
    blocked = sum(verdict.verdict is Verdict.BLOCK for verdict in verdicts)
    failed = sum(failure.blocks for failure in must_pass)
    worse = sum(finding.status == BLOCKED for finding in _of_comparison(comparison))
    if status == BLOCKED:
        text = f"BLOCK: {blocked} gates blocked, {failed} must-pass groups failed"
        text += ", stopped early by a safety slice" if circumstances.early else ""
        text += f", {many(worse, 'finding')} against what was accepted" if worse else ""
    elif circumstances.shard is not None:
        state = {OK: "complete", INCOMPLETE: "incomplete"}.get(status, "in doubt")
        text = f"shard {circumstances.shard} {state}; medbench merge decides"
    elif status == INCOMPLETE:
        text = "INCONCLUSIVE: the run is incomplete"
    elif status == UNDECIDED:
        open_ = sum(verdict.verdict is Verdict.INCONCLUSIVE for verdict in verdicts)
        text = "INCONCLUSIVE: nothing blocked"
        text += f", {many(open_, 'gate')} undecided" if open_ else ", see the reasons below"
    elif decided:
        said = [f"{len(verdicts)} gates passed"] if verdicts else []
        # Never "not worse": that a drop was not shown is all that a test without a margin says.
        said += ["no drop shown"] if comparison is not None and comparison.decided else []
        text = f"PASS: {', '.join(said)}"
    else:
        text = "no verdict: report only"
    return text if partial is None else f"{text} (part: {partial}, not a release gate)"


def _slices(index: Index, verdicts: Sequence[GateVerdict]) -> tuple[SliceScore, ...]:
    """Give the slices of the run, each at the confidence of the worst gate on it."""
    gated: Mapping[str, SliceScore] = {
        verdict.slice.key: verdict.slice
        for verdict in reversed(verdicts)
        if verdict.gate.scope is None
    }
    return tuple(gated.get(key) or measure(index, key, None, CONFIDENCE) for key in index.names())


def _about_review(suites: Sequence[Suite], selected: Selected) -> list[str]:
    reviewed = [
        entry.reviewed
        for suite in suites
        for entry in suite.entries
        if entry.id in selected.get(suite.name, ())
    ]
    without = len(reviewed) - sum(reviewed)
    if not without:
        return []
    return [f"{without:,} of {len(reviewed):,} items have no recorded clinical review"]


def _about_cut(cut: Sequence[str]) -> list[str]:
    if not cut:
        return []
    return [f"{len(cut):,} groups are cut by the selection and count as missing: {_named(cut)}"]


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (" ..." if len(names) > NAMED else "")
