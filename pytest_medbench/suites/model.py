"""A suite in memory, and its items found again by byte offset."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol
from zlib import crc32

from pydantic import ValidationError

from pytest_medbench.errors import SuiteError
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Score
from pytest_medbench.suites.schema import Item, SuiteFileModel


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of one item's score before it is asked.

    Parameters
    ----------
    constant : str, tuple of str or None
        The answer that is right here if it is always given: a letter, `yes`, a number; a tuple
        where each of several is.
    longest : bool
        Whether choosing the longest option is right.
    parts : tuple of str
        The parts of the score that make slices of their own, `part.NAME`: each 1 where that fault
        was not made, each with gates of its own, so that no mean nets them.
    """

    constant: str | tuple[str, ...] | None = None
    longest: bool = False
    parts: tuple[str, ...] = ()

    @property
    def constants(self) -> tuple[str, ...]:
        """All answers of which each is right if it is always given."""
        if self.constant is None:
            return ()
        return (self.constant,) if isinstance(self.constant, str) else self.constant


class BoundScorer(Protocol):
    """A scorer with its options, as a suite uses it."""

    @property
    def name(self) -> str:
        """The registered name."""

    @property
    def template(self) -> str:
        """The prompt template used where the suite names none."""

    @property
    def needs_judge(self) -> bool:
        """Whether only a judge can score these items."""

    @property
    def code(self) -> str:
        """What stands for a user's own scorer, which may change; empty for a built-in one."""

    def inspect(self, item: Item) -> Traits:
        """Check an item's target and options; raise ValueError that says what is wrong."""

    def score(self, item: Item, response: Response) -> Score:
        """Compare a response with the target."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels that make slices; one object for all items that share them."""

    specialty: str | None
    safety: tuple[str, ...]
    harm: str | None
    population: tuple[str, ...]
    language: str
    task: str
    dimension: str
    track: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept in memory of an item: enough to plan, select and decide.

    Parameters
    ----------
    id : str
    line, offset, length : int
        Where its line is: number from 1, and bytes.
    labels : Labels
    group, cluster : str
        Unique within the suite; the item's own id where none is given.
    must_pass, scored, reviewed : bool
        `scored` is False for `"target": null`.
    traits : Traits
    problem : str or None
        Why the line could not be read; such an entry is a case with status error.
    checksum : int
        CRC-32 of the line, so that a file changed since is noticed.
    """

    id: str
    line: int
    offset: int
    length: int
    labels: Labels
    group: str
    cluster: str
    must_pass: bool = False
    scored: bool = True
    reviewed: bool = False
    traits: Traits = Traits()
    problem: str | None = None
    checksum: int = 0


@dataclass(frozen=True)
class Suite:
    """A folder with `suite.toml` and its items."""

    path: Path
    spec: SuiteFileModel
    scorer: BoundScorer
    entries: Sequence[Entry]
    digest: str
    _by_id: dict[str, Entry] = field(repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_id.update((entry.id, entry) for entry in self.entries)

    @property
    def name(self) -> str:
        """The suite's name."""
        return self.spec.suite.name

    @property
    def items_path(self) -> Path:
        """The file its items are read from."""
        return self.path.parent / self.spec.suite.items

    def entry(self, item_id: str) -> Entry:
        """Give the entry of an id; KeyError if there is none."""
        return self._by_id[item_id]

    def item(self, item_id: str) -> Item:
        """Read one item again; where many are read, a `reader` keeps the file open."""
        with closing(self.reader()) as read:
            return read(self.entry(item_id))

    def reader(self) -> ItemReader:
        """Open the items' file for reading single items."""
        return ItemReader(self)


class ItemReader:
    """Reads single items by their byte offset through one open file."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._file: BinaryIO | None = None

    def __call__(self, entry: Entry) -> Item:
        """Read one item again.

        Raises
        ------
        SuiteError
            If the file changed since it was collected, or the entry's line could not be read then.
        """
        if entry.problem is not None:
            raise SuiteError(self._suite.items_path, entry.line, entry.problem)
        try:
            if self._file is None:
                self._file = self._suite.items_path.open("rb")
            self._file.seek(entry.offset)
            line = self._file.read(entry.length)
            if crc32(line) != entry.checksum:
                raise self._changed(entry)
            return Item.model_validate_json(line)
        except (OSError, ValidationError) as error:
            raise self._changed(entry) from error

    def _changed(self, entry: Entry) -> SuiteError:
        return SuiteError(
            self._suite.items_path,
            entry.line,
            f"item {entry.id!r} is no longer where it was read; the file was changed meanwhile",
        )

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
