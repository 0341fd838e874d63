"""Suites and items: read, checked, and found again by byte offset."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_medbench.errors import SuiteError, nearest
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Score
from pytest_medbench.taxonomy import Taxonomy

Harm = Literal["none", "mild", "moderate", "severe", "death"]
Track = Literal["llm", "vlm", "agent"]
GroupRule = Literal["all", "majority", "mean"]
Strategy = Literal["direct", "few-shot", "cot", "logprob"]

SUITE_FILE = "suite.toml"
MAX_LINE = 16 * 1024 * 1024
MAX_TOML = 1024 * 1024


class Item(BaseModel):
    """One benchmark item, as its line says it."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=MAX_LINE)

    id: str = Field(min_length=1, max_length=200)
    input: str | list[dict[str, Any]]
    target: Any
    options: list[str] | None = None
    specialty: str | None = None
    safety: list[str] = []
    harm: Harm | None = None
    population: list[str] = []
    language: str | None = None
    task: str | None = None
    difficulty: int | None = None
    date: str | None = None
    group: str | None = None
    variant: str | None = None
    cluster: str | None = None
    must_pass: bool = False
    source: str | None = None
    rationale: str | None = None
    reviewed_by: str | None = None
    reviewed_on: str | None = None
    meta: dict[str, Any] = {}


class SuiteTable(BaseModel):
    """The `[suite]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    version: str = "0"
    title: str = ""
    description: str = ""
    track: Track = "llm"
    dimension: str = "general"
    task: str | None = None
    language: str = "en"
    licence: str = "unknown"
    source: str = ""
    items: str


class PromptTable(BaseModel):
    """The `[prompt]` table: a template's name, or text with {input} and {options} in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: str | None = None
    text: str | None = None
    system: str | None = None
    strategy: Strategy = "direct"
    shots: int = Field(default=0, ge=0, le=64)
    examples: str | None = None
    max_tokens: int | None = Field(default=None, ge=1)


class ScoreTable(BaseModel):
    """The `[score]` table; further keys are options of the scorer."""

    model_config = ConfigDict(extra="allow", frozen=True)

    scorer: str
    group_rule: GroupRule = "all"
    correct_at: float = Field(default=1.0, gt=0, le=1)

    @property
    def options(self) -> dict[str, Any]:
        """The keys that belong to the scorer."""
        return dict(self.model_extra or {})


class SuiteFileModel(BaseModel):
    """A whole `suite.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    suite: SuiteTable
    prompt: PromptTable = PromptTable()
    score: ScoreTable
    gates: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Traits:
    """What answers given without looking reach on one item.

    Parameters
    ----------
    constant : str or None
        The one answer that is right here if it is always given: a letter, `yes`, a number.
    longest : bool
        Whether choosing the longest option is right.
    """

    constant: str | None = None
    longest: bool = False


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
            If the file changed since it was collected.
        """
        try:
            if self._file is None:
                self._file = self._suite.items_path.open("rb")
            self._file.seek(entry.offset)
            item = Item.model_validate_json(self._file.read(entry.length))
        except (OSError, ValidationError) as error:
            raise self._changed(entry) from error
        if item.id != entry.id:
            raise self._changed(entry)
        return item

    def _changed(self, entry: Entry) -> SuiteError:
        return SuiteError(
            self._suite.items_path,
            entry.line,
            f"item {entry.id!r} is no longer where it was read: the file was changed during the run",
        )

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def is_suite_file(path: Path) -> bool:
    """Tell whether a `suite.toml` is ours: a `[suite]` table with `name` and `items`.

    A file that is no TOML is ours only beside an `items.jsonl`; other projects use the name too.
    """
    beside_items = (path.parent / "items.jsonl").exists()
    try:
        document = tomllib.loads(_read_text(path))
    except (SuiteError, tomllib.TOMLDecodeError):
        return beside_items
    table = document.get("suite")
    return beside_items or (isinstance(table, dict) and {"name", "items"} <= table.keys())


def read_suite(
    path: Path, taxonomy: Taxonomy, bind: Callable[[ScoreTable], BoundScorer]
) -> Suite:
    """Read and check a suite.

    Parameters
    ----------
    path : Path
        A `suite.toml`.
    taxonomy : Taxonomy
        The labels that may be used.
    bind : callable
        Gives the scorer for a `[score]` table; raises ValueError for a name or option unknown.

    Raises
    ------
    SuiteError
        If `suite.toml` cannot be used, or there is no item. A line that cannot be read raises
        nothing: it becomes an entry with `problem` set.
    """
    spec, text = _read_spec(path)
    try:
        scorer = bind(spec.score)
    except ValueError as error:
        raise SuiteError(path, _line_of(text, "score"), str(error)) from error
    items_path = path.parent / spec.suite.items
    if not items_path.resolve().is_relative_to(path.parent.resolve()):
        raise SuiteError(
            path,
            _line_of(text, "suite", "items"),
            f"items = {spec.suite.items!r} lies outside the suite's folder; move the file into it",
        )
    digest = hashlib.sha256(text.encode())
    try:
        with items_path.open("rb") as file:
            entries = list(_EntryReader(spec, scorer, taxonomy, items_path).read(file, digest))
    except OSError as error:
        raise SuiteError(
            path,
            _line_of(text, "suite", "items"),
            f"items = {spec.suite.items!r} cannot be read: {error.strerror}",
        ) from error
    if not entries:
        raise SuiteError(items_path, None, "no items: a suite needs at least one line")
    return Suite(path, spec, scorer, entries, digest.hexdigest())


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SuiteError(path, None, f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_TOML:
        raise SuiteError(path, None, f"is {len(data)} bytes; a suite.toml may have {MAX_TOML}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SuiteError(
            path, line, f"is not UTF-8 (byte {error.start}); save the file as UTF-8"
        ) from error


def _read_spec(path: Path) -> tuple[SuiteFileModel, str]:
    text = _read_text(path)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SuiteError(path, None, f"is not TOML: {error}") from error
    try:
        return SuiteFileModel.model_validate(document), text
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        line = _line_of(text, *[str(part) for part in place])
        raise SuiteError(path, line, explain(error, SuiteFileModel)) from error


def _line_of(text: str, table: str, key: str | None = None, *_: str) -> int | None:
    """Find the line of a table's header or of a key in it, for messages."""
    found = None
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped.strip("[] ") == table
            if inside:
                found = number
        elif inside and key is not None and stripped.split("=")[0].strip(" \"'") == key:
            return number
    return found


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say every problem of a validation as key, value found, what was expected."""
    said = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = _known_keys(model, problem["loc"][:-1])
            hint = nearest(str(problem["loc"][-1]), known)
            said.append(f"unknown key {place!r}{hint or '; known are ' + ', '.join(known)}")
        elif problem["type"] == "missing":
            said.append(f"key {place!r} is missing")
        elif problem["type"] == "json_invalid":
            said.append(f"is not JSON: {problem['msg'].removeprefix('Invalid JSON: ')}")
        else:
            value = repr(problem["input"])
            value = value if len(value) <= 80 else value[:77] + "..."
            said.append(f"{place + ' = ' if place else ''}{value}: {problem['msg']}")
    return "; ".join(said)


def _known_keys(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    for part in place:
        annotation = model.model_fields[str(part)].annotation if part in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        else:
            return []
    return list(model.model_fields)


class _EntryReader:
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
            None, (), None, (), table.language, table.task or table.name, table.dimension, table.track
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
            raise ValueError(f"is not UTF-8 (byte {error.start}); save the file as UTF-8") from error
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
