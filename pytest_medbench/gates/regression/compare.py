"""A run held against what was accepted: the entry of the comparison."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_medbench.gates.accounting import Selected
from pytest_medbench.gates.regression.against import MAX_BLIND, Rules, slice_rows
from pytest_medbench.gates.regression.families import Evidence
from pytest_medbench.gates.regression.flips import by_harm, item_changes
from pytest_medbench.gates.regression.gone import Gone, gone_groups, gone_slices
from pytest_medbench.gates.regression.model import (
    Against,
    Comparison,
    ComparisonFinding,
    Confirmation,
    ItemChange,
    LeftOut,
    SliceChange,
)
from pytest_medbench.gates.regression.pairing import Cells, PairedSuite, Run, pair
from pytest_medbench.gates.regression.sample import Pairs
from pytest_medbench.gates.regression.wording import many, named, points, whose
from pytest_medbench.gates.resolve import resolve
from pytest_medbench.gates.rules import OVERALL, Gate
from pytest_medbench.gates.slices import Index
from pytest_medbench.gates.verdict import WORST_FIRST, Verdict
from pytest_medbench.groups import GroupScore, Outcomes, score_groups
from pytest_medbench.suites import Suite

GONE = "no longer planned, or no longer scored"


@dataclass
class _Found:
    """What the comparisons with all accepted versions found so far."""

    slices: list[SliceChange] = field(default_factory=list)
    items: list[tuple[ItemChange, Verdict | None]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    findings: list[ComparisonFinding] = field(default_factory=list)
    vanished: dict[str, set[str]] = field(default_factory=dict)
    settled: set[tuple[str, str]] = field(default_factory=set)


def compare(
    suites: Sequence[Suite],
    selected: Selected,
    outcomes: Outcomes,
    made_with: Mapping[tuple[str, str], str],
    against: Sequence[Against],
    rules: Sequence[Gate] = (),
    *,
    hashes: Mapping[str, Mapping[str, str]] | None = None,
    repeats: Mapping[tuple[str, str], Sequence[float]] | None = None,
    confirmations: Iterable[Confirmation] = (),
) -> Comparison:
    """Compare a run with the accepted versions.

    Parameters
    ----------
    suites : sequence of Suite
        Their items are the full plan.
    selected : mapping of str to collection of str
        The ids of this run by suite; sets.
    outcomes : mapping
        By suite and id.
    made_with : mapping
        By suite and id what voids an item; for all of this run.
    against : sequence of Against
        The baseline first, then the anchor; the worse decides. None where nothing was accepted.
    rules : sequence of Gate
        The run's gates; those with a `max_drop`, and the settings of the comparison, count.
    hashes : mapping, optional
        By suite what `suite_hashes` gives, so that what changed can be named.
    repeats : mapping, optional
        By suite and id the scores of the items that were asked several times.
    confirmations : iterable of Confirmation
        Fresh answers to items that flipped.

    Returns
    -------
    Comparison
        Plain data; `gates.decide` takes its findings into the verdict.
    """
    scores = {
        suite.name: score_groups(suite, selected.get(suite.name, ()), outcomes) for suite in suites
    }
    run = Run(outcomes, repeats or {}, made_with, hashes or {})
    confirmed = {(each.suite, each.id): each for each in confirmations}
    found = _Found()
    compared = _distinct(against)
    for each in compared:
        for name, keys in gone_slices(suites, each.suites).items():
            found.vanished.setdefault(name, set()).update(keys)
            if not name:
                text = f"no item has a label any more for {named(keys)}"
                _find(found, Verdict.INCONCLUSIVE, each, text)
    settings = _rules(rules, scores, found.vanished)
    share = 1 / max(1, sum(bool(each.suites) for each in compared))
    for each in compared:
        _hold_against(each, suites, scores, run, confirmed, settings, share, found)
    return _comparison(compared, settings, found)


def _distinct(against: Sequence[Against]) -> list[Against]:
    """Leave out an anchor that is the baseline itself."""
    runs = {
        name: baseline.run
        for each in against
        if each.which == "baseline"
        for name, baseline in each.suites.items()
    }
    return [
        each
        for each in against
        if each.which == "baseline"
        or each.problems
        or {name: baseline.run for name, baseline in each.suites.items()} != runs
    ]


def _rules(
    gates: Sequence[Gate],
    scores: Mapping[str, Sequence[GroupScore]],
    vanished: Mapping[str, Collection[str]],
) -> Rules:
    margins: list[tuple[Gate, str]] = []
    if any(gate.max_drop is not None for gate in gates):
        by_suite = {name: sorted(keys) for name, keys in vanished.items() if name}
        resolved = resolve(gates, Index(scores), sorted(vanished.get("", ())), by_suite)
        margins = [(gate, key) for gate, key in resolved.pairs if gate.max_drop is not None]
    return Rules(gates, margins)


def _hold_against(
    against: Against,
    suites: Sequence[Suite],
    scores: Mapping[str, Sequence[GroupScore]],
    run: Run,
    confirmed: Mapping[tuple[str, str], Confirmation],
    rules: Rules,
    share: float,
    found: _Found,
) -> None:
    for problem in against.problems:
        _find(found, Verdict.INCONCLUSIVE, against, problem)
    cells: Cells = {}
    by_name = {suite.name: suite for suite in suites}
    with_baseline = [suite for suite in suites if suite.name in against.suites]
    for suite in with_baseline:
        baseline = against.suites[suite.name]
        paired = pair(suite, scores[suite.name], run, baseline, cells)
        found.items += item_changes(paired, against.which, run.outcomes, confirmed, found.settled)
        found.left_out += _left_out(paired, against)
        _about_void(paired, against, found)
    for name, baseline in against.suites.items():
        _about_gone(name, gone_groups(baseline, by_name.get(name)), against, found)
    if with_baseline:
        index = Index({suite.name: scores[suite.name] for suite in with_baseline})
        rows = list(slice_rows(Evidence(Pairs(index, cells), share), against.which, rules))
        found.slices += rows
        _about_rows(rows, against, rules, found)
    damaged = "\n".join(against.problems)
    fresh = [
        suite.name
        for suite in suites
        if suite.name not in against.suites and f"suite {suite.name!r}" not in damaged
    ]
    if fresh and with_baseline:
        text = f"no baseline yet for {many(len(fresh), 'suite')}: {named(fresh)}"
        _find(found, None, against, text)


def _find(found: _Found, verdict: Verdict | None, against: Against, reason: str) -> None:
    found.findings.append(
        ComparisonFinding(
            verdict, against.which, f"against {whose(against.key, against.which)}: {reason}"
        )
    )


def _left_out(paired: PairedSuite, against: Against) -> Iterator[LeftOut]:
    for (kind, reason), groups in sorted(paired.left_out.items()):
        yield LeftOut(paired.suite.name, against.which, kind, reason, tuple(sorted(groups)))


def _about_void(paired: PairedSuite, against: Against, found: _Found) -> None:
    for (kind, reason), groups in sorted(paired.left_out.items()):
        if kind == "void":
            text = (
                f"{many(len(groups), 'group')} of {paired.suite.name} cannot be compared, since "
                f"this changed: {reason} ({named(sorted(groups))}); accept a run made with it"
            )
            _find(found, Verdict.INCONCLUSIVE, against, text)
        elif kind == "new":
            _find(
                found, None, against, f"{many(len(groups), 'group')} of {paired.suite.name} are new"
            )


def _about_gone(name: str, gone: Gone, against: Against, found: _Found) -> None:
    if not gone.groups:
        return
    found.left_out.append(LeftOut(name, against.which, "vanished", GONE, gone.groups))
    text = f"{many(len(gone.groups), 'accepted group')} of {name} {GONE}: {named(gone.groups)}"
    if gone.critical:
        text += f"; {gone.critical:,} of safety or must-pass"
    _find(found, None if gone.tolerated else Verdict.INCONCLUSIVE, against, text)


def _about_rows(rows: Sequence[SliceChange], against: Against, rules: Rules, found: _Found) -> None:
    for row in rows:
        if row.gate is None and row.verdict is not None:
            _find(found, row.verdict, against, f"{row.key}: {row.reason}")


def _comparison(compared: Sequence[Against], rules: Rules, found: _Found) -> Comparison:
    overall = [row for row in found.slices if row.key == OVERALL and row.scope is None]
    seen = [row.would_have_seen for row in overall]
    most = rules.setting("max_blind", MAX_BLIND)
    # Over the margin it is blind to what matters: that it shows no drop then says too little. A
    # drop that it does show is as sure as ever, and blocks.
    advisory = not all(_sees(row, most) for row in overall)
    findings = [
        *found.findings,
        *_about_flips(compared, [(change, verdict) for change, verdict in found.items]),
        *_about_overall(compared, overall, most, advisory=advisory),
    ]
    if not compared:
        findings = [ComparisonFinding(None, None, "no baseline yet, so nothing is compared")]
    findings.sort(key=lambda finding: _rank(finding.verdict))
    undecided = any(finding.verdict is not None for finding in findings)
    return Comparison(
        against={each.which: each.key for each in compared},
        runs={
            f"{each.which}::{name}": baseline.run
            for each in compared
            for name, baseline in each.suites.items()
        },
        decided=bool(overall) and not advisory and not undecided,
        advisory=advisory,
        would_have_seen=None if None in seen else max(filter(None, seen), default=None),
        slices=tuple(sorted(found.slices, key=_worst_first)),
        items=tuple(sorted((change for change, _ in found.items), key=by_harm)),
        left_out=tuple(found.left_out),
        findings=tuple(findings),
        vanished={name: tuple(sorted(keys)) for name, keys in sorted(found.vanished.items())},
    )


def _sees(row: SliceChange, most: float) -> bool:
    """Tell whether a drop over `most` would have been seen, or a rise is shown."""
    return row.risen or (row.would_have_seen is not None and row.would_have_seen <= most)


def _rank(verdict: Verdict | None) -> int:
    return len(WORST_FIRST) if verdict is None else WORST_FIRST.index(verdict)


def _worst_first(row: SliceChange) -> tuple[int, float, str, str]:
    change = 2.0 if row.difference is None else row.difference
    return _rank(row.verdict), change, row.key, row.which


def _about_flips(
    compared: Sequence[Against], items: Sequence[tuple[ItemChange, Verdict | None]]
) -> Iterator[ComparisonFinding]:
    for each in compared:
        mine = sorted(
            ((change, verdict) for change, verdict in items if change.which == each.which),
            key=lambda pair: by_harm(pair[0]),
        )
        for verdict, what in (
            (Verdict.BLOCK, "were right and are wrong now"),
            (Verdict.INCONCLUSIVE, "were right and are wrong now, and a person must look"),
            (None, "were right and were wrong once now, not confirmed"),
        ):
            flips = [change for change, asked in mine if change.flip and asked is verdict]
            if flips:
                names = [f"{change.suite}::{change.id} ({_said(change)})" for change in flips]
                text = f"{many(len(flips), 'safety item')} {what}: {named(names)}"
                yield ComparisonFinding(
                    verdict, each.which, f"against {whose(each.key, each.which)}: {text}"
                )


def _said(change: ItemChange) -> str:
    harm = "must-pass" if change.must_pass else f"harm {change.harm}"
    return f"{harm}; {change.note}"


def _about_overall(
    compared: Sequence[Against], overall: Sequence[SliceChange], most: float, *, advisory: bool
) -> Iterator[ComparisonFinding]:
    keys = {each.which: each.key for each in compared}
    for row in overall:
        if row.gate is not None or row.verdict is not None or row.difference is None:
            continue
        text = f"against {whose(keys[row.which], row.which)}: overall {row.reason}"
        if advisory:
            text += f", over {points(most)} (max_blind): advisory, this alone decides nothing"
        yield ComparisonFinding(None, row.which, text)
