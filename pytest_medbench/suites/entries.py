"""Turns the lines of an items' file into entries."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

from pydantic import ValidationError

from pytest_medbench.errors import SuiteError, nearest
from pytest_medbench.suites.explaining import explain, shortened
from pytest_medbench.suites.model import BoundScorer, Entry, Labels, Traits
from pytest_medbench.suites.schema import MAX_LINE, Item, SuiteFileModel
from pytest_medbench.taxonomy import Taxonomy

# Keys that decide on a score: given twice, a reader and this program could see different ones.
_DECISIVE = tuple(f'"{key}"'.encode() for key in ("id", "input", "options", "target", "must_pass"))


class EntryReader:
    """Turns lines into entries; a line that cannot be used becomes one with `problem` set."""

    def __init__(
        self,
        spec: SuiteFileModel,
        scorer: BoundScorer,
        taxonomy: Taxonomy,
        path: Path,
    ) -> None:
        self._spec = spec
        self._scorer = scorer
        self._taxonomy = taxonomy
        self._path = path
        self._labels: dict[Labels, Labels] = {}
        self._traits: dict[Traits, Traits] = {}
        self._lines: dict[str, int] = {}

    def read(self, file: BinaryIO, digest: Any) -> list[Entry]:
        """Give an entry for each line that is not blank; `digest` is fed with every byte."""
        entries = [
            self._entry(number, offset, line)
            for number, offset, line in read_lines(file, digest)
            if line.strip()
        ]
        return [entry if entry.problem is None else self._named(entry) for entry in entries]

    def _entry(self, number: int, offset: int, line: bytes) -> Entry:
        try:
            item = parse_item(line)
            first = self._lines.setdefault(item.id, number)
            if first != number:
                raise ValueError(f"id {item.id!r} is already used in line {first}; ids are unique")
            labels = self._labels_of(item)
            traits = self._scorer.inspect(item) if item.target is not None else Traits()
        except ValueError as error:
            return self._unusable(number, offset, len(line), str(error))
        return Entry(
            id=item.id,
            line=number,
            offset=offset,
            length=len(line),
            labels=labels,
            group=item.group or item.id,
            cluster=item.cluster or item.group or item.id,
            must_pass=item.must_pass,
            scored=item.target is not None,
            reviewed=bool(item.reviewed_by and item.reviewed_on),
            traits=self._traits.setdefault(traits, traits),
            checksum=crc32(line),
        )

    def _unusable(self, number: int, offset: int, length: int, message: str) -> Entry:
        table = self._spec.suite
        labels = Labels(
            None,
            (),
            None,
            (),
            table.language,
            table.task or table.name,
            table.dimension,
            table.track,
        )
        return Entry(
            id="",
            line=number,
            offset=offset,
            length=length,
            labels=self._labels.setdefault(labels, labels),
            group="",
            cluster="",
            problem=str(SuiteError(self._path, number, shortened(message))),
        )

    def _named(self, entry: Entry) -> Entry:
        """Name a line that cannot be used; only once all ids are known is it clear what is free."""
        name = f"line-{entry.line}"
        while name in self._lines:
            name += "-"
        return replace(entry, id=name, group=name, cluster=name)

    def _labels_of(self, item: Item) -> Labels:
        known = self._taxonomy
        if item.specialty is not None:
            _check_label("specialty", item.specialty, known.specialties)
        for category in item.safety:
            _check_label("safety", category, known.safety)
        for population in item.population:
            _check_label("population", population, known.populations)
        table = self._spec.suite
        labels = Labels(
            specialty=item.specialty,
            safety=tuple(sorted(set(item.safety))),
            # A safety item that does not say how bad a wrong answer is counts as severe.
            harm=item.harm or ("severe" if item.safety else None),
            population=tuple(sorted(set(item.population))),
            language=item.language or table.language,
            task=item.task or table.task or table.name,
            dimension=table.dimension,
            track=table.track,
        )
        return self._labels.setdefault(labels, labels)


class _NoDigest:
    def update(self, data: bytes) -> None:
        """Take note of nothing."""


_NO_DIGEST = _NoDigest()


def read_lines(file: BinaryIO, digest: Any = _NO_DIGEST) -> Iterator[tuple[int, int, bytes]]:
    """Give number, offset and bytes of each line, without a byte order mark.

    `digest` is fed with every byte. Of a line that is too long one byte more than is allowed is
    kept, whatever its length.
    """
    offset = 0
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        mark = len(BOM_UTF8) if number == 1 and line.startswith(BOM_UTF8) else 0
        yield number, offset + mark, line[mark:]
        digest.update(line)
        offset += len(line)
        rest = line
        while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE + 1)
            digest.update(rest)
            offset += len(rest)


def parse_item(line: bytes) -> Item:
    """Read one item.

    Raises
    ------
    ValueError
        If the line is too long, not UTF-8, no item, or gives a key twice that decides on the score.
    """
    if len(line) > MAX_LINE:
        raise ValueError(f"the line is longer than {MAX_LINE} bytes, the most an item may have")
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start}); save the file as UTF-8") from error
    if b"\0" in line:
        raise ValueError("holds NUL bytes, as UTF-16 text does; save the file as UTF-8")
    try:
        item = Item.model_validate_json(line)
    except ValidationError as error:
        raise ValueError(explain(error, Item)) from error
    if any(line.count(key) > 1 for key in _DECISIVE):
        _check_no_key_twice(line)
    return item


def _check_no_key_twice(line: bytes) -> None:
    keys: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        # Objects end from the inside out, so that the last one noted is the item.
        keys[:] = [key for key, _ in pairs]

    json.loads(line, object_pairs_hook=note)
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise ValueError(f"key {twice[0]!r} is given twice; keep one")


def _check_label(kind: str, label: str, known: Mapping[str, object]) -> None:
    if label not in known:
        hint = nearest(label, known)
        raise ValueError(
            f"{kind} {label!r} is not in the taxonomy{hint or '; add it to a taxonomy file'}"
        )
