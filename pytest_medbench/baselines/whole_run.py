"""Reads a run that has ended from its folder, with the suites it was of."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_medbench.baselines.making import AcceptError, Finished
from pytest_medbench.outcomes import MISSING, Outcome
from pytest_medbench.runs import VERDICTS, read_verdicts
from pytest_medbench.shard_suites import read_again
from pytest_medbench.shards import NOT_DECIDED, Shard, read_outcomes, read_run


def read_finished(folder: Path, root: Path) -> Finished:
    """Read a run, and the suites on disk, which must be those that were run.

    Parameters
    ----------
    folder : Path
        The run's folder.
    root : Path
        What the paths of the plan's suites are relative to.

    Raises
    ------
    MedbenchError
        If it is no run's folder, is damaged, was never decided, or the suites are others.
    """
    document, plan = read_run(folder, AcceptError)
    verdict, stopped = _ending(folder)
    catalogue = read_again(plan, root)
    run = folder.resolve().name
    outcomes = first_answered(read_outcomes(Shard(folder, plan, document, 1, 1, stopped, ())))
    return Finished(run, document, catalogue, outcomes, verdict, stopped)


def _ending(folder: Path) -> tuple[str | None, str | None]:
    if not (folder / VERDICTS).is_file():
        return None, NOT_DECIDED
    verdicts = read_verdicts(folder)
    verdict, stopped = verdicts.get("verdict"), verdicts.get("stopped")
    return (
        None if verdict is None else str(verdict),
        None if stopped is None else str(stopped),
    )


def first_answered(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], Outcome]:
    """Give one outcome an item: of several the first with a response stays."""
    found: dict[tuple[str, str], Outcome] = {}
    for outcome in outcomes:
        key = (outcome.suite, outcome.id)
        known = found.get(key)
        if known is None or known.status in MISSING:
            found[key] = outcome
    return found
