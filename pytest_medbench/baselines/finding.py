"""Finds the baseline that a run is compared with, and says what to type where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_medbench.baselines.files import BaselineError
from pytest_medbench.baselines.names import FOLDER, Which, keys_in, pair_of
from pytest_medbench.baselines.reading import read_baseline
from pytest_medbench.baselines.records import SuiteBaseline
from pytest_medbench.errors import nearest
from pytest_medbench.report.plain import printable
from pytest_medbench.suites import Suite

_SHOWN = 5


@dataclass(frozen=True)
class Found:
    """What is accepted for some suites under one key.

    Parameters
    ----------
    key : str
    baselines, anchors : mapping of str to SuiteBaseline
        By suite, of those that have one.
    problems : tuple of str
        Sentences, each of which leaves the comparison inconclusive and says what to do.
    anchor_problems : tuple of str
        The same of the anchors.
    notes : tuple of str
        Sentences that are no failure: suites of which nothing was ever accepted.
    """

    key: str
    baselines: Mapping[str, SuiteBaseline] = field(default_factory=dict)
    anchors: Mapping[str, SuiteBaseline] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    anchor_problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def folder_of(suite: Suite, dirname: str = FOLDER) -> Path:
    """Give the folder of a suite's snapshots."""
    return suite.path.parent / dirname


def find(suites: Sequence[Suite], key: str, *, named: bool, dirname: str = FOLDER) -> Found:
    """Find what a run of some suites is compared with.

    Parameters
    ----------
    suites : sequence of Suite
    key : str
        The key named by flag or configuration, or else the model's own name.
    named : bool
        Whether it was named.
    dirname : str
        What the folders beside the suites are called (syrupy's `--snapshot-dirname`).

    Raises
    ------
    ConfigError
        If no baseline can have the key.
    """
    search = _Search(key, dirname)
    for suite in suites:
        search.look(suite)
    return search.found(named=named)


class _Search:
    """What one key has in several suites."""

    def __init__(self, key: str, dirname: str) -> None:
        self._key = key
        self._dirname = dirname
        self._baselines: dict[str, SuiteBaseline] = {}
        self._anchors: dict[str, SuiteBaseline] = {}
        self._problems: list[str] = []
        self._anchor_problems: list[str] = []
        self._without: list[str] = []
        self._others: dict[str, list[str]] = {}

    def look(self, suite: Suite) -> None:
        folder = folder_of(suite, self._dirname)
        here = pair_of(folder, self._key).exists
        if not here and not pair_of(folder, self._key, "anchor").exists:
            others = keys_in(folder)
            if others:
                self._others[suite.name] = others
            else:
                self._without.append(suite.name)
            return
        self._read(suite, folder, "baseline", self._baselines, self._problems)
        if here:
            self._read(suite, folder, "anchor", self._anchors, self._anchor_problems)

    def _read(
        self,
        suite: Suite,
        folder: Path,
        which: Which,
        found: dict[str, SuiteBaseline],
        problems: list[str],
    ) -> None:
        pair = pair_of(folder, self._key, which)
        try:
            baseline = read_baseline(pair, self._key, suite.name)
        except BaselineError as error:
            problems.append(f"{which} {self._key!r} of suite {suite.name!r}: {error}")
            return
        if baseline is not None:
            found[suite.name] = baseline
        elif which == "anchor":
            problems.append(
                f"{pair.summary}: the anchor of {self._key!r} is missing; restore it from version "
                "control, or set one with medbench anchor and a reason"
            )
        else:
            problems.append(
                f"{pair.summary}: the baseline {self._key!r} is missing, and its anchor is there; "
                "restore it from version control, or accept a run again"
            )

    def found(self, *, named: bool) -> Found:
        seen = bool(self._baselines or self._problems or self._anchor_problems)
        problems = [*self._problems]
        if self._others:
            problems.append(self._only_others(named=named))
        elif named and not seen:
            problems.append(
                f"baseline {self._key!r} is not found: no model's snapshot is beside the suites "
                f"({_list(self._without)}); accept a run with "
                f"--snapshot-update --medbench-accept-as={self._key}"
            )
        notes: tuple[str, ...] = ()
        if self._without and not (named and not seen):
            notes = (f"no baseline yet: {_list(self._without)}; --snapshot-update accepts a run",)
        return Found(
            key=self._key,
            baselines=self._baselines,
            anchors=self._anchors,
            problems=tuple(problems),
            anchor_problems=tuple(self._anchor_problems),
            notes=notes,
        )

    def _only_others(self, *, named: bool) -> str:
        known = sorted({key for keys in self._others.values() for key in keys})
        suites = _list(list(self._others))
        close = nearest(self._key, known).removeprefix("; ")
        hint = close or f"known are {_list(known)}"
        example = printable(_closest(self._key, known), 200)
        if named:
            return (
                f"baseline {self._key!r} is not found in {suites}: {hint}; type "
                f"--medbench-baseline={example}"
            )
        return (
            f"no baseline is named, and other models' snapshots are beside {suites}: {hint}; name "
            f"the one to compare with, --medbench-baseline={example}"
        )


def _closest(key: str, known: Sequence[str]) -> str:
    import difflib  # here, because only a problem needs it

    return max(known, key=lambda each: difflib.SequenceMatcher(None, key, each).ratio())


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return printable(", ".join(map(repr, names[:_SHOWN])), 1200) + more
