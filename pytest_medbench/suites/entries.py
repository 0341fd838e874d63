"""Turns the lines of an items' file into entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from pytest_medbench.errors import SuiteError, nearest
from pytest_medbench.suites.model import BoundScorer, Entry, Labels, Traits
from pytest_medbench.suites.schema import MAX_LINE, Item, SuiteFileModel, explain
from pytest_medbench.taxonomy import Taxonomy


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

    def read(self, file: BinaryIO, digest: Any) -> Iterator[Entry]:
        offset = 0
        for number, line in enumerate(file, 1):
            digest.update(line)
            start = offset
            offset += len(line)
            if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                line = line[3:]
                start += 3
            if line.strip():
                yield self._entry(number, start, line)

    def _entry(self, number: int, offset: int, line: bytes) -> Entry:
        try:
            item = self._item(line)
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
        name = f"line-{number}"
        while name in self._lines:
            name += "-"
        self._lines[name] = number
        problem = str(SuiteError(self._path, number, message))
        return Entry(
            id=name,
            line=number,
            offset=offset,
            length=length,
            labels=self._labels.setdefault(labels, labels),
            group=name,
            cluster=name,
            problem=problem,
        )

    def _item(self, line: bytes) -> Item:
        if len(line) > MAX_LINE:
            raise ValueError(f"the line has {len(line)} bytes; an item may have {MAX_LINE}")
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"is not UTF-8 (byte {error.start}); save the file as UTF-8"
            ) from error
        try:
            item = Item.model_validate_json(line)
        except ValidationError as error:
            raise ValueError(explain(error, Item)) from error
        if not item.id.isprintable() or "::" in item.id or item.id != item.id.strip():
            raise ValueError(
                f"id {item.id!r}: expected 1 to 200 printable characters without '::' "
                "or blanks at the ends"
            )
        return item

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


def _check_label(kind: str, label: str, known: Mapping[str, object]) -> None:
    if label not in known:
        hint = nearest(label, known)
        raise ValueError(
            f"{kind} {label!r} is not in the taxonomy{hint or '; add it to a taxonomy file'}"
        )
