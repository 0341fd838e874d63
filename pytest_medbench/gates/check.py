"""Gates held against the suites before the first request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from pytest_medbench.errors import ConfigError, nearest
from pytest_medbench.gates.chance import Chance
from pytest_medbench.gates.resolve import resolve
from pytest_medbench.gates.rules import OVERALL, Gate
from pytest_medbench.gates.slices import NONE, PART, keys_of
from pytest_medbench.gates.threshold import EPSILON, figure
from pytest_medbench.suites import Suite
from pytest_medbench.suites.schema import Harm, Track
from pytest_medbench.taxonomy import Taxonomy


def check_gates(gates: Sequence[Gate], suites: Sequence[Suite], taxonomy: Taxonomy) -> None:
    """Find the gates that cannot mean what they say.

    Parameters
    ----------
    gates : sequence of Gate
    suites : sequence of Suite
        All of them, with all their items.
    taxonomy : Taxonomy

    Raises
    ------
    ConfigError
        If an exact key is of a slice that neither the taxonomy nor an item knows; if a `min` is
        not above what one answer to every item of the slice, or the longest option, reaches under
        the group rule, or a `max_wrong` over 0 allows as many wrong ones as such an answer gives,
        and the gate does not say `allow_below_chance`. Names all such gates.
    """
    problems = [*_unknown(gates, suites, taxonomy), *_lone_parts(gates, suites)]
    if not problems and any(gate.min is not None or gate.max_wrong for gate in gates):
        problems = [*_below_chance(gates, Chance(suites))]
    if problems:
        raise ConfigError("\n".join(problems))


def _unknown(gates: Sequence[Gate], suites: Sequence[Suite], taxonomy: Taxonomy) -> Iterator[str]:
    known = {
        OVERALL,
        f"specialty.{NONE}",
        *(f"specialty.{label}" for label in taxonomy.specialties),
        *(f"safety.{label}" for label in taxonomy.safety),
        *(f"population.{label}" for label in taxonomy.populations),
        *(f"harm.{label}" for label in get_args(Harm)),
        *(f"track.{label}" for label in get_args(Track)),
    }
    for scope in dict.fromkeys(gate.scope for gate in gates):
        within = [suite for suite in suites if scope in (None, suite.name)]
        labels = {entry.labels for suite in within for entry in suite.entries}
        here = known | {f"suite.{suite.name}" for suite in within} | keys_of(labels)
        here |= {f"{PART}.{name}" for suite in within for name in _parts_of(suite)}
        for gate in gates:
            if gate.settings or gate.scope != scope or gate.wildcard:
                continue
            if gate.key not in here:
                same = [key.partition(".")[2] for key in here if key.startswith(f"{gate.kind}.")]
                hint = nearest(gate.label, same) or (
                    "; known are " + ", ".join(sorted(same)) if len(same) <= 8 else ""
                )
                yield (
                    f"{gate.place}: gate {gate.key!r}: no item and no taxonomy has "
                    f"{gate.kind} {gate.label!r}{hint}"
                )


def _parts_of(suite: Suite) -> set[str]:
    return {name for entry in suite.entries for name in entry.traits.parts}


def _lone_parts(gates: Sequence[Gate], suites: Sequence[Suite]) -> Iterator[str]:
    """Find gates on one part of a score where no gate holds the others.

    One and the same answer, such as always declining, has nothing wrong in one part.
    """
    for scope in dict.fromkeys(gate.scope for gate in gates if gate.kind == PART):
        own = [gate for gate in gates if gate.kind == PART and gate.scope == scope]
        labels = {gate.label for gate in own}
        place = f"{own[0].place}: gate {own[0].key!r}"
        for suite in suites if "*" not in labels else ():
            parts = _parts_of(suite) if scope in (None, suite.name) else set()
            lacking = sorted(parts - labels)
            if lacking and labels & parts:
                yield (
                    f"{place}: one and the same answer may have nothing wrong in it; write a gate "
                    f"on {PART}.{lacking[0]} of suite {suite.name!r} as well"
                )
        if any(gate.max_drop is not None for gate in own):
            yield f"{place}: a part of a score has no max_drop"


def _below_chance(gates: Sequence[Gate], chance: Chance) -> Iterator[str]:
    for gate, key in resolve(gates, chance.index).pairs:
        groups = sum(map(len, chance.index.cells(key, gate.scope)))
        # A gate never passes on fewer groups than min_items, whatever a blind answer reaches.
        if gate.allow_below_chance or not groups or groups < gate.min_items:
            continue
        for problem in (_min_below(gate, key, chance), _wrong_above(gate, key, chance)):
            if problem is not None:
                yield (
                    f"{gate.place}: gate {gate.key!r}: {problem} of its {groups:,} groups; ask for "
                    "more, or say allow_below_chance = true"
                )


def _min_below(gate: Gate, key: str, chance: Chance) -> str | None:
    if gate.min is None:
        return None
    reach, answer = chance.best(key, gate.scope)
    if gate.min > reach + EPSILON:
        return None
    return f"min = {gate.min:g} on {key}: {answer} reaches {figure(reach, gate.min)}"


def _wrong_above(gate: Gate, key: str, chance: Chance) -> str | None:
    # Nothing stricter than 0 can be asked for, even where one answer is right throughout.
    if not gate.max_wrong:
        return None
    wrong, answer = chance.fewest_wrong(key, gate.scope)
    if gate.max_wrong < wrong:
        return None
    return f"max_wrong = {gate.max_wrong} on {key}: {answer} is wrong in {wrong:,}"
