"""Runs that were cut off: which they are, what they hold, and how another goes on with them."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pytest_medbench.errors import ConfigError, nearest
from pytest_medbench.outcomes import MISSING
from pytest_medbench.prefetch import Askable
from pytest_medbench.runs import (
    PLAN,
    VERDICTS,
    RunError,
    RunFolder,
    read_journal,
    read_plan,
    read_verdicts,
)

AnyCase = TypeVar("AnyCase", bound=Askable)

LAST = "last"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
# What a run must have in common with the one it goes on with.
_ALIKE = ("model", "suites", "gates", "taxonomy", "narrowed_by")
_ALIKE_SETTINGS = ("sample", "seed", "shard", "strict", "repeats")


@dataclass(frozen=True)
class Earlier:
    """A run that was cut off.

    Parameters
    ----------
    id : str
    planned : int
        Items in its plan.
    answered : frozenset of (str, str)
        Suite and id of the items it has a response for.
    since : float
        When it began, in seconds since the epoch.
    """

    id: str
    planned: int
    answered: frozenset[tuple[str, str]]
    since: float

    def left(self, cases: Iterable[AnyCase]) -> Iterator[AnyCase]:
        """Give the cases that it has no answer for."""
        for case in cases:
            if (case.suite.name, case.entry.id) not in self.answered:
                yield case

    def __str__(self) -> str:
        return f"run {self.id} was cut off with {len(self.answered):,} of {self.planned:,} items"


def find_run(home: Path, name: str) -> str:
    """Give the id of the run that `--medbench-resume` names.

    Raises
    ------
    ConfigError
        If there is no such run.
    """
    known = [folder.name for folder in _runs(home)]
    if name == LAST and known:
        return known[0]
    if name not in known:
        there = nearest(name, known) or "; `medbench runs` lists them"
        raise ConfigError(f"--medbench-resume={name}: {home} has no such run{there}")
    return name


def read_earlier(folder: Path) -> Earlier:
    """Read what a run holds.

    Raises
    ------
    RunError
        If its plan or its journal cannot be read.
    """
    plan = read_plan(folder)
    began = read_plan_time(folder)
    answered = set()
    for line in read_journal(folder):
        if line.get("status") not in MISSING:
            answered.add((str(line.get("suite")), str(line.get("id"))))
            asked_at = line.get("asked_at")
            # The clock may have been set back since the run began.
            if isinstance(asked_at, float) and line.get("tries"):
                began = min(began, asked_at)
    planned = plan.get("planned")
    return Earlier(
        folder.name, planned if isinstance(planned, int) else 0, frozenset(answered), began
    )


def read_plan_time(folder: Path) -> float:
    """Give when a run began, in seconds since the epoch. Raises RunError."""
    return _seconds(folder, read_plan(folder).get("created"))


def check_same(earlier: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Refuse to go on with a run whose plan was another.

    Raises
    ------
    ConfigError
        Names what differs.
    """
    pairs = [(name, earlier.get(name), plan.get(name)) for name in _ALIKE]
    settings = earlier.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    pairs += [(name, settings.get(name), plan["settings"].get(name)) for name in _ALIKE_SETTINGS]
    differing = [name for name, then, now in pairs if _plain(then) != _plain(now)]
    if differing:
        raise ConfigError(
            f"--medbench-resume: the run had other {', '.join(differing)} in its plan; start a new "
            "run, which takes stored responses from the cache"
        )


def continued(folder: RunFolder, plan: dict[str, Any]) -> dict[str, Any]:
    """Give the plan of a run that goes on: its own, with the time it was taken up again.

    Raises
    ------
    ConfigError
        If the plan was another.
    """
    earlier = read_plan(folder.path)
    check_same(earlier, plan)
    again = [*(earlier.get("resumed") or []), plan["created"]]
    return {**plan, "created": earlier.get("created"), "resumed": again}


def unfinished(home: Path, plan: Mapping[str, Any], but: str) -> Earlier | None:
    """Give the newest run of the same model over the same suites, if it was cut off.

    Parameters
    ----------
    home : Path
        The `.medbench` folder.
    plan : mapping
        The plan of the run that begins.
    but : str
        Its own id.
    """
    for folder in _runs(home):
        if folder.name == but:
            continue
        try:
            if not _alike(read_plan(folder), plan):
                continue
            return read_earlier(folder) if _cut_off(folder) else None
        except RunError:
            # A damaged run is not gone on with; `medbench runs` shows it.
            continue
    return None


def _runs(home: Path) -> list[Path]:
    folders = sorted((home / "runs").glob("*/"), reverse=True)
    return [folder for folder in folders if (folder / PLAN).is_file()]


def _alike(earlier: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
    suites = [_digests(document.get("suites")) for document in (earlier, plan)]
    same_model = _plain(earlier.get("model")) == _plain(plan.get("model"))
    return same_model and suites[0] == suites[1]


def _digests(suites: Any) -> list[Any]:
    keys = ("name", "digest", "prompt_digest")
    return [tuple(suite.get(key) for key in keys) for suite in suites or () if suite]


def _cut_off(folder: Path) -> bool:
    return not (folder / VERDICTS).is_file() or bool(read_verdicts(folder).get("stopped"))


def _plain(value: Any) -> Any:
    """Give a value as JSON would bring it back, so that tuples and lists are alike."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value


def _seconds(folder: Path, created: Any) -> float:
    try:
        return float(calendar.timegm(time.strptime(str(created), _TIME)))
    except ValueError as error:
        raise RunError(
            f"{folder / PLAN}: created = {created!r}: expected a time such as 2026-11-22T06:30:00Z"
        ) from error
