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
        Labels, sample and shard, applied in this order, so that the shards of a sample are
        parts of the same sample; where none is given everything is chosen.
    planned : iterable of (Suite, Entry)
        What was collected.

    Returns
    -------
    mapping of str to frozenset of str
        For each suite the ids chosen.

    Raises
    ------
    ConfigError
        For a label that no item has, or labels that no group has together.
    """
    groups = _with_labels(_groups(planned), options.selections)
    if options.sample is not None:
        groups = _sample(groups, options.sample, options.seed)
    if options.shard is not None:
        part, whole = options.shard
        groups = [group for group in groups if shard_of(*_name(group), of=whole) == part]
    chosen: defaultdict[str, set[str]] = defaultdict(set)
    for group in groups:
        for suite, entry in group:
            chosen[suite.name].add(entry.id)
    return {name: frozenset(ids) for name, ids in chosen.items()}


def shard_of(suite: str, group: str, *, of: int) -> int:
    """Give the number, from 1, of the shard into which a group falls, of `of` shards."""
    return _hash(suite, group) % of + 1


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


def _with_labels(
    groups: list[list[_Member]], selections: Mapping[str, Sequence[str]]
) -> list[list[_Member]]:
    asked = {kind: labels for kind, labels in selections.items() if labels}
    for kind, labels in asked.items():
        _check_known(groups, kind, labels)
    kept = groups
    for kind, labels in asked.items():
        keep = set(labels)
        kept = [
            group
            for group in kept
            if any(not keep.isdisjoint(_LABELS[kind](entry.labels)) for _, entry in group)
        ]
    if asked and not kept:
        flags = " ".join(
            f"--medbench-{kind}={label}" for kind, labels in asked.items() for label in labels
        )
        raise ConfigError(f"{flags}: no item has these labels together")
    return kept


def _check_known(groups: Sequence[list[_Member]], kind: str, wanted: Sequence[str]) -> None:
    known = {
        label for group in groups for _, entry in group for label in _LABELS[kind](entry.labels)
    }
    for label in wanted:
        if label not in known:
            hint = nearest(label, known) or "; known are " + (", ".join(sorted(known)) or "none")
            raise ConfigError(f"--medbench-{kind}={label}: no item has this label{hint}")


def _sample(groups: Sequence[list[_Member]], size: int, seed: int) -> list[list[_Member]]:
    """Take whole groups evenly from every suite and primary specialty; must-pass always stay.

    Systematic sampling: the groups of a stratum stand at equal distances on [0, 1), shifted by a
    random start, so that each group is as likely as any other to be drawn, whatever the size of
    its stratum.
    """
    strata: defaultdict[tuple[str, str], list[list[_Member]]] = defaultdict(list)
    for group in groups:
        suite, entry = group[0]
        primary = (entry.labels.specialty or "").partition("/")[0]
        strata[suite.name, primary].append(group)
    ranked: list[tuple[float, int, list[_Member]]] = []
    for name, stratum in strata.items():
        start = _hash(str(seed), "start", *name) / 2**64
        stratum.sort(key=lambda group: _hash(str(seed), *_name(group)))
        for rank, group in enumerate(stratum):
            tie = _hash(str(seed), "tie", *_name(group))
            ranked.append(((rank + start) / len(stratum), tie, group))
    ranked.sort(key=lambda row: row[:2])
    chosen = [group for _, _, group in ranked if any(entry.must_pass for _, entry in group)]
    rest = [group for _, _, group in ranked if not any(entry.must_pass for _, entry in group)]
    items = sum(map(len, chosen))
    for group in rest:
        if items >= size:
            break
        chosen.append(group)
        items += len(group)
    return chosen
