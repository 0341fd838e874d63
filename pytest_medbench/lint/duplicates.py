"""Items that ask the same, or nearly so, within one suite and across suites."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pytest_medbench.lint.model import LETTERS, Finding, Row
from pytest_medbench.lint.registry import whole_rules
from pytest_medbench.lint.texts import count_han
from pytest_medbench.suites import Entry, ItemReader, Suite

if TYPE_CHECKING:
    from pytest_medbench.lint.shingles import Hashes

ALIKE = 0.85
# The estimate errs by 0.05 either way; what is a candidate is then compared in full.
_LEAST_ESTIMATE = ALIKE - 0.12
_SIZE, _SIZE_HAN = 5, 3
_FEWEST = 20
_SAMPLED = 100
_FEWEST_SAMPLED = 10
# What more than half of a suite's items share is its form, not the question.
_FORM = 0.5


def comparable(row: Row) -> str:
    """Give the text by which items are compared: stem, and options whatever their order."""
    return "\n".join([row.normal_stem, *sorted(row.normal_options)])


def _pictures(row: Row) -> str:
    """Give what besides text makes a question another one."""
    images = row.item.meta.get("images")
    parts: list[object] = [images] if images else []
    if isinstance(row.item.input, list):
        for message in row.item.input:
            content = message.get("content")
            if isinstance(content, list):
                parts += [p for p in content if not (isinstance(p, dict) and "text" in p)]
    return json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str) if parts else ""


@whole_rules(
    {
        "duplicate": "items that ask the same question with the same options",
        "near-duplicate": f"items whose texts share more than {ALIKE:.0%} of their shingles",
    }
)
class Duplicates:
    """Compares all items; those of one group or cluster, or of two languages, never."""

    def __init__(self) -> None:
        from pytest_medbench.lint.near import Candidates

        self._suites: list[Suite] = []
        self._forms: list[Hashes] = []
        self._first: dict[int, int] = {}
        self._answers: dict[int, int] = {}
        self._places: list[tuple[int, Entry]] = []
        self._compared: list[int] = []
        self._candidates = Candidates(_LEAST_ESTIMATE)

    def see(self, row: Row) -> Iterator[Finding]:
        """Compare one item with those before it; near ones are found at the end."""
        if not self._suites or self._suites[-1] is not row.suite:
            self._suites.append(row.suite)
            self._forms.append(_form(row.suite))
        text, pictures = comparable(row), _pictures(row)
        if not text.strip():
            return
        number = len(self._places)
        self._places.append((len(self._suites) - 1, row.entry))
        key = hash((text, pictures, _tag(row)))
        earlier = self._first.setdefault(key, number)
        answer = hash(_answer(row))
        if earlier == number:
            self._answers[number] = answer
        elif not self._related(earlier, number):
            yield self._duplicate(row, earlier, answer)
            return
        if not pictures:
            self._add(number, text, row)

    def _add(self, number: int, text: str, row: Row) -> None:
        from pytest_medbench.lint.shingles import signature

        hashes = _hashes(text, self._forms[-1])
        if len(hashes) < _FEWEST:
            return
        self._compared.append(number)
        suite = row.suite.name
        self._candidates.add(
            signature(hashes),
            hash((suite, row.entry.group)),
            hash((suite, row.entry.cluster)),
            hash((_tag(row), _size(text))),
        )

    def _related(self, one: int, other: int) -> bool:
        (first, a), (second, b) = self._places[one], self._places[other]
        return first == second and (a.group == b.group or a.cluster == b.cluster)

    def _duplicate(self, row: Row, earlier: int, answer: int) -> Finding:
        named = self._name(earlier, len(self._suites) - 1)
        if self._answers.get(earlier, answer) != answer:
            said = f"asks what {named!r} asks, and another answer is right; correct or drop one"
        else:
            said = f"asks what {named!r} asks; drop one of them"
        return row.error("duplicate", said, (named,))

    def _name(self, number: int, seen_from: int) -> str:
        suite, entry = self._places[number]
        return entry.id if suite == seen_from else f"{self._suites[suite].name}::{entry.id}"

    def finish(self) -> Iterator[Finding]:
        """Compare in full the pairs whose signatures are alike."""
        from pytest_medbench.lint.shingles import resemblance

        with ExitStack() as opened:
            readers = [suite.reader() for suite in self._suites]
            for reader in readers:
                opened.callback(reader.close)
            for earlier, later in self._candidates.pairs():
                one, other = self._compared[earlier], self._compared[later]
                if self._related(one, other):
                    continue
                first, second = (self._read(number, readers) for number in (one, other))
                alike = resemblance(*(self._hashes_of(row) for row in (first, second)))
                if alike >= ALIKE:
                    yield self._near(second, one, other, alike, first)

    def _near(self, row: Row, one: int, other: int, alike: float, first: Row) -> Finding:
        named = self._name(one, self._places[other][0])
        what = "differs only in numbers from" if _numbers_apart(row, first) else "is nearly"
        return row.advice(
            "near-duplicate",
            f"{what} {named!r} ({alike:.0%} alike); drop one, or give both one `cluster` where "
            "they are about one case",
            (named,),
        )

    def _read(self, number: int, readers: list[ItemReader]) -> Row:
        suite, entry = self._places[number]
        return Row(self._suites[suite], entry, readers[suite](entry), grouped=False)

    def _hashes_of(self, row: Row) -> Hashes:
        form = self._forms[next(i for i, suite in enumerate(self._suites) if suite is row.suite)]
        return _hashes(comparable(row), form)


def _tag(row: Row) -> str:
    return row.language.partition("-")[0].lower()


def _answer(row: Row) -> str:
    if row.options and isinstance(row.item.target, str | list):
        shown = dict(zip(LETTERS, row.normal_options, strict=False))
        return repr(sorted(shown[letter] for letter in row.item.target if letter in shown))
    return repr(row.item.target)


def _size(text: str) -> int:
    """Give the length of shingles: three Chinese characters say as much as five letters."""
    return _SIZE_HAN if count_han(text) * 3 > len(text) else _SIZE


def _hashes(text: str, form: Hashes) -> Hashes:
    from pytest_medbench.lint.shingles import shingles, without

    return without(shingles(text, _size(text)), form)


def _form(suite: Suite) -> Hashes:
    """Give the shingles that most of a suite's items share: instructions, not questions."""
    import numpy as np

    none = np.empty(0, np.uint32)
    entries = [entry for entry in suite.entries if entry.problem is None]
    step = max(1, len(entries) // _SAMPLED)
    sampled = entries[::step][:_SAMPLED]
    if len({entry.group for entry in sampled}) < _FEWEST_SAMPLED:
        return none
    counts: Counter[int] = Counter()
    reader = suite.reader()
    try:
        for entry in sampled:
            row = Row(suite, entry, reader(entry), grouped=False)
            counts.update(_hashes(comparable(row), none).tolist())
    finally:
        reader.close()
    most = [value for value, count in counts.items() if count > _FORM * len(sampled)]
    return np.array(sorted(most), np.uint32)


def _numbers_apart(row: Row, other: Row) -> bool:
    """Tell whether two items are the same once numbers are left out."""
    digits = str.maketrans("", "", "0123456789.")
    return row.folded.translate(digits).split() == other.folded.translate(digits).split()
