"""One shard's run as it was written, and whether several are shards of one plan."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, PositiveInt, TypeAdapter, ValidationError, field_validator

from pytest_medbench.errors import MedbenchError
from pytest_medbench.gates import Gate
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.report.plain import printable
from pytest_medbench.runs import PLAN, VERDICTS, RunError, read_journal, read_plan, read_verdicts

NOT_DECIDED = "it ended before its verdict was made"
_SHOWN = 80
_NOTHING = object()


class MergeError(MedbenchError):
    """Runs that cannot be joined into one verdict."""


class SuitePlan(BaseModel):
    """One suite of a plan."""

    name: str
    version: str | None
    path: str
    digest: str
    prompt_digest: str
    scorer: dict[str, Any]
    items: int
    selected: Literal["all"] | list[str]


class Settings(BaseModel):
    """The settings of a plan that a verdict depends on."""

    sample: int | None
    seed: int
    shard: tuple[PositiveInt, PositiveInt] | None
    strict: bool
    report_only: bool
    allow_partial: bool
    ci: bool


class TaxonomyFile(BaseModel):
    """A file that extends the taxonomy."""

    path: str
    digest: str


class Plan(BaseModel):
    """What `plan.json` holds, as far as a merge needs it."""

    format: Literal[1]
    narrowed_by: list[str]
    control: bool
    model: dict[str, Any]
    suites: list[SuitePlan]
    gates: list[dict[str, Any]]
    settings: Settings
    taxonomy: list[TaxonomyFile]
    versions: dict[str, str]
    commit: str | None

    @field_validator("gates")
    @classmethod
    def _are_gates(cls, gates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # They stay as they stand, so that 1 does not become 1.0.
        TypeAdapter(list[Gate]).validate_python(gates)
        known = {each.name for each in dataclasses.fields(Gate)}
        unknown = sorted({key for gate in gates for key in gate}.difference(known))
        if unknown:
            raise ValueError(f"no gate has a key {unknown[0]!r}")
        return gates


@dataclass(frozen=True)
class Shard:
    """A shard's run.

    Parameters
    ----------
    folder : Path
    plan : Plan
    document : mapping
        `plan.json` as it stands.
    number, of : int
        Its number, from 1, and into how many the plan was cut.
    stopped : str or None
        What ended it early.
    doubts : tuple of str
        What its own verdict was in doubt about.
    """

    folder: Path
    plan: Plan
    document: Mapping[str, Any]
    number: int
    of: int
    stopped: str | None
    doubts: tuple[str, ...]

    @property
    def label(self) -> str:
        """Its number, as the flag gives it."""
        return f"shard {self.number}/{self.of}"

    def __str__(self) -> str:
        return f"{self.label} ({self.folder})"


def read_shard(folder: Path) -> Shard | None:
    """Read a run's plan and what its verdict says; None if it is a whole run.

    Raises
    ------
    MedbenchError
        If it is no run's folder, is damaged, or was written by another version.
    """
    document, plan = read_run(folder, MergeError)
    if plan.settings.shard is None:
        return None
    number, of = plan.settings.shard
    stopped, doubts = _ending(folder)
    return Shard(folder, plan, document, number, of, stopped, doubts)


def read_run(folder: Path, failure: type[MedbenchError]) -> tuple[Mapping[str, Any], Plan]:
    """Read a run's plan, as it is and checked.

    Parameters
    ----------
    folder : Path
    failure : type of MedbenchError
        Raised if it is no run's folder, or the plan is damaged or of another version.
    """
    if not (folder / PLAN).is_file():
        raise failure(f"{folder}: no run: there is no {PLAN}; give a run's id or folder")
    document = read_plan(folder)
    try:
        return document, Plan.model_validate(document)
    except ValidationError as error:
        raise _not_readable(folder / PLAN, error, failure) from error


class _Ending(BaseModel):
    stopped: str | None
    doubts: list[str]


def _ending(folder: Path) -> tuple[str | None, tuple[str, ...]]:
    if not (folder / VERDICTS).is_file():
        return NOT_DECIDED, ()
    try:
        ending = _Ending.model_validate(read_verdicts(folder))
    except ValidationError as error:
        raise _not_readable(folder / VERDICTS, error, MergeError) from error
    return ending.stopped, tuple(ending.doubts)


def _not_readable(
    path: Path, error: ValidationError, failure: type[MedbenchError]
) -> MedbenchError:
    first = error.errors(include_url=False)[0]
    key = printable(".".join(map(str, first["loc"])), 80)
    return failure(
        f"{path}: {key}: {printable(first['msg'])}; the run is damaged or of another version of "
        "pytest-medbench"
    )


def read_outcomes(shard: Shard) -> Iterator[Outcome]:
    """Give the outcomes in a shard's journals, several for an item that was run again.

    Raises
    ------
    RunError
        If a line cannot be read.
    """
    names = [field.name for field in dataclasses.fields(Outcome)]
    for line in read_journal(shard.folder):
        try:
            # Runs of the first versions have no repeats.
            values = [line.get(name, ()) if name == "scores" else line[name] for name in names]
            outcome = Outcome.from_wire(values)
            _ = Status(line["status"]), outcome.suite + outcome.id, dict(outcome.parts)
        except (KeyError, TypeError, ValueError) as error:
            shown = printable(repr(line), _SHOWN)
            raise RunError(
                f"{shard.folder}: a line of the journal holds no outcome ({error!r}): {shown}"
            ) from error
        yield outcome


def check_agreement(shards: Sequence[Shard]) -> None:
    """Check that shards are of one plan, each there once.

    Raises
    ------
    MergeError
        It names two runs and where they differ.
    """
    first, *others = shards
    for other in others:
        if other.of != first.of:
            raise MergeError(
                f"{first} and {other}: the plan was cut into {first.of} and into {other.of}; "
                "merge shards of one N"
            )
    known: dict[int, Shard] = {}
    for shard in shards:
        twin = known.setdefault(shard.number, shard)
        if twin is not shard:
            raise MergeError(
                f"{shard.label} is given twice: {twin.folder} and {shard.folder}; leave one out"
            )
    for other in others:
        for place, here, there in _differences("", _terms(first), _terms(other)):
            raise MergeError(
                f"{first} and {other} differ in {printable(place, _SHOWN)}: {_said(here)} and "
                f"{_said(there)}; they are not of one plan, run them again alike"
            )


def _terms(shard: Shard) -> dict[str, Any]:
    """Give what shards of one plan have in common; how fast they were asked is not of it."""
    plan = shard.plan
    keep = {"sample", "seed", "strict", "report_only"}
    return {
        "pytest-medbench": plan.versions.get("pytest-medbench"),
        "model": plan.model,
        "control": plan.control,
        "suites": {
            suite.name: suite.model_dump(exclude={"path", "selected"}) for suite in plan.suites
        },
        # Where a gate is written holds the machine's own paths.
        "gates": {
            _gate_name(gate): {key: value for key, value in gate.items() if key != "place"}
            for gate in plan.gates
        },
        "settings": plan.settings.model_dump(include=keep),
        "taxonomy": [file.digest for file in plan.taxonomy],
    }


def _gate_name(gate: Mapping[str, Any]) -> str:
    required = "require " if gate.get("required") else ""
    within = f" in {gate['scope']}" if gate.get("scope") else ""
    return f"{required}{gate.get('key')}{within}"


def _differences(place: str, here: Any, there: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(here, dict) and isinstance(there, dict):
        for key in [*here, *(key for key in there if key not in here)]:
            inner = f"{place}.{key}" if place else str(key)
            yield from _differences(inner, here.get(key, _NOTHING), there.get(key, _NOTHING))
    elif here != there:
        yield place, here, there


def _said(value: Any) -> str:
    return "nothing" if value is _NOTHING else printable(repr(value), _SHOWN)
