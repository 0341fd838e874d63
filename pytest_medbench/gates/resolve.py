"""Which gate holds on which slice: wildcards, overrides, the built-in gate, and what to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_medbench.gates.rules import COVERAGE, Gate
from pytest_medbench.gates.slices import NONE, Index

SMALL = 30
ALPHA = 0.05
CRITERIA = ("min", "max_wrong", "max_drop")
HARM_DEATH = Gate("harm.death", place="built in", max_wrong=0, built_in=True)


@dataclass(frozen=True, slots=True)
class Resolved:
    """Gates with the slices they hold on.

    Parameters
    ----------
    pairs : list of (Gate, str)
        A gate and a slice's key; a wildcard that found none stands with its own key.
    notes : list of str
        Each gate that was loosened or overridden.
    """

    pairs: list[tuple[Gate, str]]
    notes: list[str]


def resolve(
    gates: Sequence[Gate],
    index: Index,
    baseline_slices: Sequence[str] = (),
    of_suites: Mapping[str, Sequence[str]] | None = None,
) -> Resolved:
    """Expand wildcards and settle which of two gates holds.

    Wildcards cover the slices of the accepted versions too: `baseline_slices` of the run, and
    `of_suites` those of each suite.

    Within one table an exact key takes the place of a wildcard, criterion by criterion. A suite's
    gate and the user's on one slice both hold, so that the stricter decides.
    """
    resolved = Resolved([], [])
    rules = [gate for gate in gates if any(getattr(gate, name) is not None for name in CRITERIA)]
    for scope in dict.fromkeys(gate.scope for gate in rules):
        own = [gate for gate in rules if gate.scope == scope]
        exact = {gate.key: gate for gate in own if not gate.wildcard}
        for gate in own:
            resolved.notes.extend(_remarks(gate))
            if gate.wildcard:
                accepted = baseline_slices if scope is None else (of_suites or {}).get(scope, ())
                found = matching(gate, index, accepted)
                _expand(gate, found, exact, index, resolved)
            else:
                resolved.pairs.append((gate, gate.key))
    _add_built_in(rules, index, resolved)
    resolved.notes.extend(_overruled(resolved.pairs, index))
    return resolved


def matching(gate: Gate, index: Index, baseline_slices: Sequence[str] = ()) -> list[str]:
    """Give the keys of the slices that a wildcard covers; none if no item has a label for it."""
    nested = gate.label == "*/*"
    known = {*index.names(gate.scope), *baseline_slices}
    found = [
        key
        for key in sorted(known)
        if key.startswith(f"{gate.kind}.") and (gate.kind != "specialty" or ("/" in key) == nested)
    ]
    # Items without a specialty are held to the gate too, but do not stand for the others.
    return found if found != [f"specialty.{NONE}"] else []


def _expand(
    gate: Gate, found: Sequence[str], exact: dict[str, Gate], index: Index, resolved: Resolved
) -> None:
    before = len(resolved.pairs)
    small = 0
    for key in found:
        if gate.label == "*/*" and 0 < sum(map(len, index.cells(key, gate.scope))) < SMALL:
            small += 1
            continue
        left = _without(gate, exact[key], resolved.notes) if key in exact else gate
        if left is not None:
            resolved.pairs.append((left, key))
    if small:
        resolved.notes.append(
            f"{gate.key} ({gate.place}): {small} secondary slices under {SMALL} groups have no "
            "verdict; name one to give it a gate"
        )
    covered = len(resolved.pairs) > before or any(key in exact for key in found)
    if not covered:
        resolved.pairs.append((gate, gate.key))


def _without(gate: Gate, exact: Gate, notes: list[str]) -> Gate | None:
    """Take from a wildcard what an exact key says itself; None if nothing is left."""
    left = gate
    for name in CRITERIA:
        mine, theirs = getattr(exact, name), getattr(gate, name)
        if mine is None or theirs is None:
            continue
        taken: dict[str, Any] = {name: None}
        left = replace(left, **taken)
        verb = "loosens" if _looser(exact, gate, name) else "overrides"
        notes.append(
            f"{exact.key}: {name} = {mine:g} ({exact.place}) {verb} {gate.key}: {name} = {theirs:g}"
        )
    return None if all(getattr(left, name) is None for name in CRITERIA) else left


def _looser(one: Gate, other: Gate, name: str) -> bool:
    mine, theirs = getattr(one, name), getattr(other, name)
    if name in ("max_wrong", "max_drop"):
        return bool(mine > theirs)
    weaker = one.rule == "point" and other.rule == "confidence"
    return bool(mine < theirs or (mine == theirs and weaker))


def _remarks(gate: Gate) -> Iterator[str]:
    if gate.coverage is not None and gate.coverage < COVERAGE and gate.floor < COVERAGE:
        yield f"{gate.key}: coverage = {gate.coverage:g} ({gate.place}) loosens {COVERAGE:g}"
    if gate.alpha is not None and gate.alpha > ALPHA:
        yield f"{gate.key}: alpha = {gate.alpha:g} ({gate.place}) loosens {ALPHA:g}"
    if gate.allow_below_chance:
        yield f"{gate.key}: allow_below_chance ({gate.place}): a blind answer may reach its min"
    if gate.scored_part:
        yield f"{gate.key}: scored_part ({gate.place}): speaks only of what rules can score"


def _add_built_in(rules: Sequence[Gate], index: Index, resolved: Resolved) -> None:
    if not index.cells(HARM_DEATH.key):
        return
    for gate in rules:
        if gate.key == HARM_DEATH.key and gate.scope is None and gate.max_wrong is not None:
            if gate.max_wrong > 0:
                resolved.notes.append(
                    f"harm.death: max_wrong = {gate.max_wrong} ({gate.place}) loosens the "
                    "built-in 0"
                )
            return
    resolved.pairs.append((HARM_DEATH, HARM_DEATH.key))


def _overruled(pairs: Sequence[tuple[Gate, str]], index: Index) -> Iterator[str]:
    """Name the looser of a suite's and the user's gate on the same groups."""
    by_user = {key: gate for gate, key in pairs if gate.scope is None}
    for gate, key in pairs:
        other = by_user.get(key)
        if gate.scope is None or other is None:
            continue
        if len(index.cells(key, gate.scope)) != len(index.cells(key)):
            continue
        for name in CRITERIA:
            if None in (getattr(gate, name), getattr(other, name)):
                continue
            for looser, stricter in ((gate, other), (other, gate)):
                if _looser(looser, stricter, name):
                    yield (
                        f"{key}: {name} = {getattr(looser, name):g} ({looser.place}) is overridden "
                        f"by {getattr(stricter, name):g} ({stricter.place}), the stricter"
                    )
