"""What was asked and answered where an item changed: from the suites and from runs' folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.errors import SuiteError
from pytest_medbench.gates.regression import Comparison, ItemChange
from pytest_medbench.gates.regression.model import Which
from pytest_medbench.outcomes import MISSING
from pytest_medbench.runs import RunError, read_journal

Key = tuple[str, str]
FolderOf = Callable[[str], Path | None]
KeptOf = Callable[[Which, str, list[str]], Mapping[str, str]]
_GONE = frozenset(status.value for status in MISSING)


@dataclass(frozen=True, slots=True)
class Texts:
    """What was asked and answered for one item; all of it may be hostile.

    Parameters
    ----------
    question : str, list or None
        The item's input; None where its file was changed since.
    options : list of str or None
    expected : any
        The item's target.
    accepted, new : str or None
        The whole answers; None where no folder of a run has them any more.
    """

    question: Any
    options: list[str] | None
    expected: Any
    accepted: str | None
    new: str | None


def has_texts(change: ItemChange) -> bool:
    """Tell whether a person must see an item; improvements are only counted."""
    return change.kind != "improvement"


def folder_in(home: Path) -> FolderOf:
    """Give what finds a run's folder under `.medbench`.

    The ids come out of snapshots, so one that is no plain name finds nothing.
    """

    def folder_of(run: str) -> Path | None:
        plain = run not in ("", ".", "..") and "/" not in run and "\\" not in run
        return home / "runs" / run if plain and "\0" not in run else None

    return folder_of


def read_texts(
    comparison: Comparison,
    catalogue: Catalogue,
    new: Path,
    folder_of: FolderOf,
    kept: KeptOf | None = None,
) -> dict[tuple[str, str, str], Texts]:
    """Read what was asked and answered for the items that got worse or are still wrong.

    Parameters
    ----------
    comparison : Comparison
    catalogue : Catalogue
        Has read the suites of the run.
    new : Path
        The folder of the run that is compared.
    folder_of : callable
        Gives the folder of an accepted run by its id; None where there can be none.
    kept : callable, optional
        Gives the answers that are kept elsewhere by id, of `baseline` or `anchor`, a suite and ids.

    Returns
    -------
    dict of (str, str, str) to Texts
        By `baseline` or `anchor`, suite and id.
    """
    wanted = [change for change in comparison.items if has_texts(change)]
    now = _answers(new, {(change.suite, change.id) for change in wanted})
    runs: dict[str, set[Key]] = {}
    for change in wanted:
        runs.setdefault(_run_of(comparison, change), set()).add((change.suite, change.id))
    then = {run: _answers(folder_of(run), keys) for run, keys in runs.items()}
    if kept is not None:
        _add_kept(comparison, wanted, then, kept)
    suites = {suite.name: suite for suite in catalogue.suites}
    found: dict[tuple[str, str, str], Texts] = {}
    for change in wanted:
        key = change.suite, change.id
        question = options = expected = None
        try:
            suite = suites[change.suite]
            item = catalogue.item(suite, suite.entry(change.id))
            question, options, expected = item.input, item.options, item.target
        except (KeyError, SuiteError):
            pass
        accepted = then[_run_of(comparison, change)].get(key)
        found[change.which, *key] = Texts(question, options, expected, accepted, now.get(key))
    return found


def _add_kept(
    comparison: Comparison,
    wanted: Iterable[ItemChange],
    then: Mapping[str, dict[Key, str]],
    kept: KeptOf,
) -> None:
    """Look elsewhere for the answers that no run's folder has."""
    lacking: dict[tuple[Which, str], list[str]] = {}
    for change in wanted:
        if (change.suite, change.id) not in then[_run_of(comparison, change)]:
            lacking.setdefault((change.which, change.suite), []).append(change.id)
    for (which, suite), ids in lacking.items():
        run = comparison.runs.get(f"{which}::{suite}", "")
        for name, text in kept(which, suite, ids).items():
            then[run][suite, name] = text


def _run_of(comparison: Comparison, change: ItemChange) -> str:
    return comparison.runs.get(f"{change.which}::{change.suite}", "")


def _answers(folder: Path | None, wanted: Iterable[Key]) -> dict[Key, str]:
    """Give the answers in a run's journals; of several for one item that which counted."""
    keys = set(wanted)
    found: dict[Key, str] = {}
    if folder is None or not keys:
        return found
    try:
        for line in read_journal(folder):
            key, text = _key(line), line.get("text")
            counts = key in keys and key not in found and line.get("status") not in _GONE
            if counts and isinstance(text, str):
                found[key] = text
    except (OSError, RunError):
        # A damaged run has no texts; the comparison itself stands without them.
        pass
    return found


def _key(line: Mapping[str, Any]) -> Key:
    return str(line.get("suite")), str(line.get("id"))
