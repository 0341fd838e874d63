"""What the accepted version has and the plan lacks: groups, slices, whole suites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_medbench.baselines.records import SuiteBaseline
from pytest_medbench.gates.slices import keys_of
from pytest_medbench.outcomes import Status
from pytest_medbench.suites import Suite

TOLERATED = 0.005


@dataclass(frozen=True, slots=True)
class Gone:
    """Accepted groups of a suite that the plan lacks.

    Parameters
    ----------
    groups : tuple of str
        Sorted.
    critical : int
        Those that are of safety or must-pass.
    others, of : int
        The others, and how many others were accepted.
    """

    groups: tuple[str, ...]
    critical: int
    others: int
    of: int

    @property
    def tolerated(self) -> bool:
        """Whether so few are gone, and none that is critical, that a verdict stands."""
        return not self.critical and self.others <= TOLERATED * self.of


def gone_groups(baseline: SuiteBaseline, suite: Suite | None) -> Gone:
    """Give the accepted groups that a suite no longer has, or no longer scores."""
    scored = set() if suite is None else {entry.id for entry in suite.entries if entry.scored}
    groups: dict[str, bool] = {}
    gone: set[str] = set()
    for item, record in baseline.items.items():
        if record.status is Status.UNSCORED:
            continue
        group = record.id if record.group is None else record.group
        groups[group] = groups.get(group, False) or record.critical
        if item not in scored:
            gone.add(group)
    critical = sum(groups[group] for group in gone)
    others = sum(not each for each in groups.values())
    return Gone(tuple(sorted(gone)), critical, len(gone) - critical, others)


def gone_slices(
    suites: Sequence[Suite], baselines: Mapping[str, SuiteBaseline]
) -> dict[str, tuple[str, ...]]:
    """Give the keys of the accepted slices that no item has a label for any more.

    Returns
    -------
    dict of str to tuple of str
        By suite; those of the run under an empty name. Sorted.
    """
    here = {
        suite.name: keys_of({entry.labels for entry in suite.entries}) | {f"suite.{suite.name}"}
        for suite in suites
    }
    everywhere = set().union(*here.values())
    found = {
        name: set(baseline.slices) - here.get(name, set()) for name, baseline in baselines.items()
    }
    of_run = set().union(*found.values()) - everywhere
    return {name: tuple(sorted(keys)) for name, keys in {**found, "": of_run}.items() if keys}
