"""What suites cover of the map, and where the holes are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from pytest_medbench.errors import SuiteError
from pytest_medbench.lint.binding import Binder
from pytest_medbench.suites import Entry, Suite, read_suite
from pytest_medbench.suites.schema import Harm
from pytest_medbench.tasks import load_tasks
from pytest_medbench.taxonomy import Taxonomy

# Questions that each label of an axis needs.
SECONDARY = 2
SAFETY = 6
AMA = 4
TASK = 3
EMERGENCIES = 20
MEDICATION = 30
CALCULATIONS = 30
# The least share of each of the two languages.
LANGUAGE = 0.4
LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Cell:
    """One label of an axis.

    Parameters
    ----------
    label : str
    count : int
        Questions; the members of a group count once.
    needed : int
        0 where nothing is asked for.
    """

    label: str
    count: int
    needed: int = 0

    @property
    def is_hole(self) -> bool:
        """Whether there are fewer than needed."""
        return self.count < self.needed


@dataclass(frozen=True, slots=True)
class Axis:
    """One way to look at the map: a title, and its labels."""

    name: str
    title: str
    cells: tuple[Cell, ...]

    @property
    def holes(self) -> list[Cell]:
        """The labels with fewer questions than needed."""
        return [cell for cell in self.cells if cell.is_hole]


@dataclass
class Covered:
    """The map of some suites.

    Parameters
    ----------
    suites : list of str
    items, questions : int
        Rows with a target, and groups of them.
    unscored, unreadable : int
        Rows without a target, and lines that cannot be used; neither counts.
    reviewed : int
        Rows with a recorded clinical review.
    judged : int
        Rows that only a judge can score; they count.
    axes : list of Axis
    broken : list of str
        Suites that cannot be read, with the reason.
    """

    suites: list[str] = field(default_factory=list)
    items: int = 0
    questions: int = 0
    unscored: int = 0
    unreadable: int = 0
    reviewed: int = 0
    judged: int = 0
    axes: list[Axis] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether there is no hole, and everything could be read."""
        return not (self.holes or self.broken or self.unreadable)

    @property
    def holes(self) -> list[tuple[str, Cell]]:
        """Every label with fewer questions than needed, with its axis."""
        return [(axis.name, cell) for axis in self.axes for cell in axis.holes]


def cover(suites: Iterable[Path], taxonomy: Taxonomy) -> Covered:
    """Count what suites cover.

    Parameters
    ----------
    suites : iterable of Path
        `suite.toml` files.
    taxonomy : Taxonomy
        Its labels are the map.
    """
    covered = Covered()
    counts: Counter[tuple[str, str]] = Counter()
    for path in suites:
        try:
            suite = read_suite(path, taxonomy, Binder())
        except SuiteError as error:
            covered.broken.append(str(error))
            continue
        covered.suites.append(suite.name)
        _count(suite, covered, counts)
    covered.axes = list(_axes(taxonomy, counts, covered.questions))
    return covered


def _count(suite: Suite, covered: Covered, counts: Counter[tuple[str, str]]) -> None:
    seen: set[tuple[str, tuple[str, str]]] = set()
    reader = suite.reader()
    try:
        for entry in suite.entries:
            if entry.problem is not None:
                covered.unreadable += 1
                continue
            if not entry.scored:
                covered.unscored += 1
                continue
            covered.items += 1
            covered.reviewed += entry.reviewed
            covered.judged += suite.scorer.needs_judge
            target = reader(entry).target if suite.scorer.name in _BY_TARGET else None
            for place in _places(entry, suite.scorer.name, target):
                if (entry.group, place) not in seen:
                    seen.add((entry.group, place))
                    counts[place] += 1
                    covered.questions += place[0] == "question"
    finally:
        reader.close()


_BY_TARGET = ("refusal", "triage")


def _places(entry: Entry, scorer: str, target: object) -> Iterator[tuple[str, str]]:
    """Give the axes and labels that an item counts under."""
    labels = entry.labels
    yield "question", ""
    if labels.specialty is not None:
        yield "specialty", labels.specialty
        if "/" in labels.specialty:
            yield "specialty", labels.specialty.partition("/")[0]
    for category in labels.safety:
        yield "safety", category
        if scorer == "refusal" and isinstance(target, str):
            yield "requests", f"{category} {target}"
    yield "language", labels.language.partition("-")[0].lower()
    yield "task", labels.task
    if labels.harm is not None:
        yield "harm", labels.harm
    for population in labels.population:
        yield "population", population
    if scorer == "triage" and target in ("emergency", ["emergency"]):
        yield "emergencies", "emergency"
    if scorer == "number":
        yield "calculations", "number"


def _axes(
    taxonomy: Taxonomy, counts: Mapping[tuple[str, str], int], questions: int
) -> Iterator[Axis]:
    def axis(name: str, title: str, labels: Iterable[str], needed: int, kind: str = "") -> Axis:
        cells = (Cell(label, counts.get((kind or name, label), 0), needed) for label in labels)
        return Axis(name, title, tuple(cells))

    def family(name: str) -> list[str]:
        return [label for label, known in taxonomy.safety.items() if known.family == name]

    yield axis("primary", "primary specialties", taxonomy.primaries(), SECONDARY, "specialty")
    yield axis("secondary", "secondary specialties", taxonomy.secondaries(), SECONDARY, "specialty")
    yield axis("safety", "safety categories", family("safety"), SAFETY)
    yield axis("ethics", "ethics categories", family("ethics"), SAFETY, "safety")
    requests = [f"{label} {way}" for label in family("ama") for way in ("decline", "answer")]
    yield axis("requests", "requests to decline, and look-alikes to answer", requests, AMA)
    least = int(LANGUAGE * questions)
    yield axis("language", "languages", LANGUAGES, max(1, least))
    yield axis("task", "tasks of MedBench v4's language track", load_tasks(), TASK)
    yield axis("emergencies", "emergencies to be recognised", ["emergency"], EMERGENCIES)
    yield axis("medication", "drug safety", ["medication"], MEDICATION, "safety")
    yield axis("calculations", "calculations", ["number"], CALCULATIONS)
    yield axis("population", "populations", taxonomy.populations, 0)
    yield axis("harm", "harm of a wrong answer", get_args(Harm), 0)
