"""The present run against one accepted version: rows, items, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_medbench.gates.regression.families import Evidence, Tested, Views
from pytest_medbench.gates.regression.margin import EPSILON, Held, hold, level_of
from pytest_medbench.gates.regression.model import SliceChange, Which
from pytest_medbench.gates.regression.wording import many, points
from pytest_medbench.gates.rules import OVERALL, Gate
from pytest_medbench.gates.verdict import Verdict

CONFIDENCE = 0.95
MAX_BLIND = 0.05
IGNORE_BELOW = 0.005
_SAFE = ("safety", "harm")


@dataclass(frozen=True)
class Rules:
    """What the user set for the comparison.

    Parameters
    ----------
    gates : sequence of Gate
        All of them.
    margins : sequence of (Gate, str)
        Those with a `max_drop`, and the slices that they hold on.
    """

    gates: Sequence[Gate]
    margins: Sequence[tuple[Gate, str]]

    def setting(self, name: str, default: float) -> float:
        """Give a setting of the whole comparison."""
        found = [
            getattr(gate, name)
            for gate in self.gates
            if gate.settings and getattr(gate, name) is not None
        ]
        return float(found[0]) if found else default

    def ignore_below(self, key: str, scope: str | None) -> float:
        """Give the drop that never blocks on a slice: 0 for safety and harm."""
        kind = key.partition(".")[0]
        if kind in _SAFE:
            return 0.0
        nested = "/" in key
        wildcards = (f"{kind}.*/*",) if nested else (f"{kind}.*",)
        for name in (key, *wildcards):
            for gate in self.gates:
                if (gate.key, gate.scope) == (name, scope) and gate.ignore_below is not None:
                    return gate.ignore_below
        return self.setting("ignore_below", IGNORE_BELOW)


def slice_rows(evidence: Evidence, which: Which, rules: Rules) -> Iterator[SliceChange]:
    """Give the rows of all slices of the run under the default rule, and of all margins."""
    tested = evidence.default(rules.setting("alpha", 0.01))
    margins = {key for gate, key in rules.margins if gate.scope is None}
    for key in evidence.pairs.index.names():
        # Who allows a drop of so much on a slice has replaced the default rule there.
        if key in margins:
            continue
        yield _default_row(evidence, key, which, tested.get(key), rules)
    for gate, key in rules.margins:
        yield _margin_row(
            evidence, gate, key, which, _test_of(evidence, gate, key, tested, rules), rules
        )


def _test_of(
    evidence: Evidence, gate: Gate, key: str, tested: Mapping[str, Tested], rules: Rules
) -> Tested | None:
    if gate.scope is None and key in tested:
        return tested[key]
    kind = key.partition(".")[0]
    family = [
        name
        for other, name in rules.margins
        if other.scope == gate.scope
        and name.partition(".")[0] == kind
        and not (gate.scope is None and name in tested)
    ]
    return evidence.others(list(dict.fromkeys(family)), gate.scope).get(key)


def figures(
    views: Views, key: str, scope: str | None, which: Which, confidence: float
) -> SliceChange:
    """Give a slice's figures, without a verdict."""
    sample = views.scored
    row = SliceChange(
        key=key,
        scope=scope,
        which=which,
        pairs=0,
        clusters=0,
        lost=0,
        gained=0,
        old=None,
        new=None,
        difference=None,
        low=None,
        high=None,
        confidence=confidence,
        void=views.void,
        missing=views.missing,
        fresh=views.fresh,
    )
    if sample is None:
        return row
    limits = sample.interval(confidence)
    return replace(
        row,
        pairs=sample.pairs,
        clusters=sample.clusters,
        lost=sample.lost,
        gained=sample.gained,
        old=_figure(sample.score(new=False)),
        new=_figure(sample.score(new=True)),
        difference=_figure(sample.difference),
        low=_figure(limits.low),
        high=_figure(limits.high),
    )


def _figure(value: float) -> float:
    # The last bits depend on the order of the items; no figure does.
    return round(value, 12) + 0.0


def _default_row(
    evidence: Evidence, key: str, which: Which, tested: Tested | None, rules: Rules
) -> SliceChange:
    views = evidence.views(key)
    row = figures(views, key, None, which, CONFIDENCE)
    if tested is None:
        return (
            row
            if key != OVERALL or not views.void
            else replace(row, verdict=Verdict.INCONCLUSIVE, reason=_void(views))
        )
    assert views.worst is not None
    assert views.best is not None
    level = tested.level if key == OVERALL else tested.level / max(1, tested.size)
    seen = None
    if not tested.family.startswith("secondaries"):
        seen = views.worst.would_have_seen(level)
    row = replace(
        row,
        p=views.best.p,
        family=tested.family,
        significant=tested.shown,
        would_have_seen=seen,
        risen=views.worst.interval(CONFIDENCE).low > 0,
    )
    ignored = rules.ignore_below(key, None) - EPSILON
    if views.void:
        return replace(row, verdict=Verdict.INCONCLUSIVE, reason=_void(views))
    if tested.shown and -views.best.difference >= ignored:
        return replace(row, verdict=Verdict.BLOCK, reason=_drop(row, tested))
    if tested.doubted and -views.worst.difference >= ignored:
        reason = (
            f"{many(views.missing, 'group')} without a score decide: a drop is shown if they are "
            "wrong"
        )
        return replace(row, verdict=Verdict.INCONCLUSIVE, reason=reason)
    return replace(row, reason=_no_drop(row))


def _void(views: Views) -> str:
    return f"{many(views.void, 'group')} cannot be compared (void)"


def _no_drop(row: SliceChange) -> str:
    if row.risen and row.difference is not None:
        return f"no drop shown; it is {points(row.difference)} points higher"
    if row.would_have_seen is None:
        return "no drop shown; would have seen none, there are too few pairs"
    return f"no drop shown; would have seen >= {points(row.would_have_seen)} points"


def _drop(row: SliceChange, tested: Tested) -> str:
    text = f"a drop of {points(-(row.difference or 0.0))} points on {many(row.pairs, 'pair')}"
    if row.low is not None and row.high is not None:
        text += f", 90 % interval {points(row.low)} to {points(row.high)}"
    text += f", p = {row.p:.2g}"
    if tested.size > 1:
        text += f", corrected over {tested.size} slices at {tested.level:g}"
    return text


def _margin_row(
    evidence: Evidence,
    gate: Gate,
    key: str,
    which: Which,
    tested: Tested | None,
    rules: Rules,
) -> SliceChange:
    views = evidence.views(key, gate.scope)
    row = figures(views, key, gate.scope, which, 1 - level_of(gate))
    reviewed = evidence.reviewed(key, gate.scope) if gate.require_reviewed else None
    held: Held = hold(gate, views, tested, rules.ignore_below(key, gate.scope), reviewed)
    seen = None
    if key == OVERALL and views.worst is not None:
        seen = views.worst.would_have_seen(rules.setting("alpha", 0.01))
    return replace(
        row,
        p=None if views.best is None else views.best.p,
        family=None if tested is None else tested.family,
        significant=tested is not None and tested.shown,
        would_have_seen=seen,
        risen=views.worst is not None and views.worst.interval(1 - level_of(gate)).low > 0,
        max_drop=gate.max_drop,
        gate=gate.key,
        gate_scope=gate.scope,
        verdict=held.verdict,
        reason=held.reason,
        n_needed=held.n_needed,
    )
