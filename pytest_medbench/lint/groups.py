"""Groups whose members disagree."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_medbench.answers import normalise
from pytest_medbench.lint.model import LETTERS, Finding, Level, Row
from pytest_medbench.lint.registry import whole_rules
from pytest_medbench.suites import Entry, Labels, Suite

_SHOWN = 5


class _Member(NamedTuple):
    """What is kept of a member; texts as their hashes."""

    entry: Entry
    variant: str | None
    stem: bytes
    shown: bytes
    options: bytes
    answer: bytes
    is_choice: bool


@whole_rules(
    {
        "group-options": "members of a group that ask the same with other options",
        "group-answer": "members of a group that ask the same with another right answer",
        "group-variant": "two members of a group with the same variant, or some without one",
        "group-repeat": "a group that shows a question twice in the very same form",
        "group-labels": "members of a group that ask the same with other labels",
    }
)
class Groups:
    """Compares the members of each group that ask the same question."""

    def __init__(self) -> None:
        self._suites: dict[str, Suite] = {}
        self._members: dict[str, dict[str, list[_Member]]] = {}

    def see(self, row: Row) -> Iterator[Finding]:
        """Keep what is needed of an item whose group has other members."""
        if row.grouped:
            self._suites.setdefault(row.suite.name, row.suite)
            groups = self._members.setdefault(row.suite.name, {})
            groups.setdefault(row.entry.group, []).append(_member(row))
        return iter(())

    def finish(self) -> Iterator[Finding]:
        """Compare."""
        for name, groups in self._members.items():
            for group, members in groups.items():
                for rule, level, at, message, others in _compare(group, members):
                    place = self._suites[name].items_path
                    yield Finding(
                        rule, level, name, place, at.entry.line, at.entry.id, message, others
                    )


_Said = Iterator[tuple[str, Level, _Member, str, tuple[str, ...]]]


def _compare(group: str, members: Sequence[_Member]) -> _Said:
    yield from _variants(group, members)
    questions: dict[bytes, list[_Member]] = {}
    for member in members:
        questions.setdefault(member.stem, []).append(member)
    for same in questions.values():
        first = same[0]
        for other in same[1:]:
            yield from _pair(first, other)
        yield from _repeats(same)


def _pair(first: _Member, other: _Member) -> _Said:
    here = (first.entry.id,)
    if other.options != first.options:
        yield (
            "group-options", "error", other,
            f"asks what {first.entry.id!r} of its group asks, with other options; give both the "
            "same options, or groups of their own", here,
        )  # fmt: skip
    elif other.answer != first.answer:
        yield (
            "group-answer", "error", other,
            f"asks what {first.entry.id!r} of its group asks, and another answer is right; "
            "correct one target", here,
        )  # fmt: skip
    if _labels(other.entry.labels) != _labels(first.entry.labels):
        yield (
            "group-labels", "advice", other,
            f"asks what {first.entry.id!r} of its group asks, with other labels; the group counts "
            "in the slices of both", here,
        )  # fmt: skip


def _variants(group: str, members: Sequence[_Member]) -> _Said:
    names = Counter(member.variant for member in members)
    missing = names.pop(None, 0)
    seen: set[str] = set()
    for member in members:
        if member.variant is None:
            continue
        if member.variant in seen:
            yield (
                "group-variant", "error", member,
                f"variant {member.variant!r:.80} stands {names[member.variant]} times in group "
                f"{group!r:.80}; give each member its own", (),
            )  # fmt: skip
        seen.add(member.variant)
    if missing and names:
        first = next(member for member in members if member.variant is None)
        yield (
            "group-variant", "advice", first,
            f"{missing} of {len(members)} members of group {group!r:.80} have no `variant`; name "
            "all of them, or none", (),
        )  # fmt: skip


def _repeats(members: Sequence[_Member]) -> _Said:
    forms: dict[bytes, list[_Member]] = {}
    for member in members:
        forms.setdefault(member.shown, []).append(member)
    twice = [member for same in forms.values() for member in same[1:]]
    if twice:
        firsts = tuple(same[0].entry.id for same in forms.values() if len(same) > 1)
        yield (
            "group-repeat", "advice", twice[0],
            f"{len(members)} members of its group show {len(forms)} different forms, this one "
            "again; drop what is repeated, or give it another order", firsts[:_SHOWN],
        )  # fmt: skip


def _labels(labels: Labels) -> tuple[object, ...]:
    return labels.specialty, labels.safety, labels.harm, labels.population, labels.language


def _member(row: Row) -> _Member:
    texts = row.normal_options
    right = row.item.target
    if row.options and isinstance(right, str | list):
        right = sorted(texts[LETTERS.index(letter)] for letter in right if letter in LETTERS)
    stem = normalise(_without_options(row.stem, row.options))
    return _Member(
        row.entry,
        row.item.variant,
        _digest(stem),
        _digest("\n".join([row.stem, *row.options])),
        _digest("\n".join(sorted(texts))),
        _digest(repr(right)),
        bool(row.options),
    )


def _without_options(stem: str, options: Sequence[str]) -> str:
    """Cut listed options out of a stem that is the whole prompt."""
    listed = [option for option in options if option and option in stem]
    if len(listed) < max(2, len(options)):
        return stem
    return stem[: min(stem.find(option) for option in listed)].rstrip(" \nAaBb.．、:：(（<")


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
