"""Which items a run asks for: labels, a sample, a shard. No rule here splits a group."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from pytest_medbench.errors import ConfigError, nearest
from pytest_medbench.options import Options
from pytest_medbench.suites import Entry, Labels, Suite

Chosen = Mapping[str, frozenset[str]]
_Member = tuple[Suite, Entry]


def select(options: Options, planned: Iterable[_Member]) -> Chosen:
    """Choose items.

    Parameters
    ----------
    options : Options
        Labels, sample and shard; where none is given everything is chosen.
    planned : iterable of (Suite, Entry)
        What was collected.

    Returns
    -------
    mapping of str to frozenset of str
        For each suite the ids chosen.

    Raises
    ------
    ConfigError
        For a label that no item has.
    """
    groups = _groups(planned)
    for kind, labels in options.selections.items():
        if labels:
            groups = _with_label(groups, kind, labels)
    if options.shard is not None:
        part, whole = options.shard
        groups = [group for group in groups if _hash(*_name(group)) % whole == part - 1]
    if options.sample is not None:
        groups = _sample(groups, options.sample, options.seed)
    chosen: defaultdict[str, set[str]] = defaultdict(set)
    for group in groups:
        for suite, entry in group:
            chosen[suite.name].add(entry.id)
    return {name: frozenset(ids) for name, ids in chosen.items()}


def is_selecting(options: Options) -> bool:
    """Tell whether any flag here narrows the run."""
    return (
        options.sample is not None or options.shard is not None or any(options.selections.values())
    )


def _groups(planned: Iterable[_Member]) -> list[list[_Member]]:
    groups: defaultdict[tuple[str, str], list[_Member]] = defaultdict(list)
    for suite, entry in planned:
        groups[suite.name, entry.group].append((suite, entry))
    return list(groups.values())


def _name(group: Sequence[_Member]) -> tuple[str, str]:
    suite, entry = group[0]
    return suite.name, entry.group


def _hash(*words: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(words).encode()).digest()[:8])


_LABELS: Mapping[str, Callable[[Labels], Iterable[str]]] = {
    "specialty": lambda labels: (
        [labels.specialty, *labels.specialty.split("/")] if labels.specialty else []
    ),
    "safety": lambda labels: labels.safety,
    "task": lambda labels: [labels.task],
    "track": lambda labels: [labels.track],
}


def _with_label(
    groups: Sequence[list[_Member]], kind: str, wanted: Sequence[str]
) -> list[list[_Member]]:
    labels_of = _LABELS[kind]
    known = {label for group in groups for _, entry in group for label in labels_of(entry.labels)}
    for label in wanted:
        if label not in known:
            hint = nearest(label, known) or "; known are " + (", ".join(sorted(known)) or "none")
            raise ConfigError(f"--medbench-{kind}={label}: no item has this label{hint}")
    keep = set(wanted)
    return [
        group
        for group in groups
        if any(not keep.isdisjoint(labels_of(entry.labels)) for _, entry in group)
    ]


def _sample(groups: Sequence[list[_Member]], size: int, seed: int) -> list[list[_Member]]:
    """Take whole groups evenly from every suite and primary specialty; must-pass always stay."""
    strata: defaultdict[tuple[str, str], list[list[_Member]]] = defaultdict(list)
    for group in groups:
        suite, entry = group[0]
        primary = (entry.labels.specialty or "").partition("/")[0]
        strata[suite.name, primary].append(group)
    ranked: list[tuple[float, int, list[_Member]]] = []
    for stratum in strata.values():
        stratum.sort(key=lambda group: _hash(str(seed), *_name(group)))
        for rank, group in enumerate(stratum):
            tie = _hash(str(seed), "tie", *_name(group))
            ranked.append(((rank + 0.5) / len(stratum), tie, group))
    ranked.sort(key=lambda row: row[:2])
    must = [group for _, _, group in ranked if any(entry.must_pass for _, entry in group)]
    rest = [group for _, _, group in ranked if not any(entry.must_pass for _, entry in group)]
    chosen = must
    items = sum(map(len, must))
    for group in rest:
        if items >= size:
            break
        chosen.append(group)
        items += len(group)
    return chosen
