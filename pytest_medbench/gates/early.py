"""The early stop: a sequential test a gated safety slice, which may only block."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_medbench.errors import ConfigError
from pytest_medbench.gates.resolve import resolve
from pytest_medbench.gates.rules import Gate
from pytest_medbench.gates.slices import Index, keys_of
from pytest_medbench.groups import Outcomes, clusters_of, each_group, members_of, score_group
from pytest_medbench.outcomes import Outcome
from pytest_medbench.rates import Rates
from pytest_medbench.stats.sequential import Design, Sequential, order
from pytest_medbench.suites import Entry, Suite

KINDS = ("safety", "harm")
ODDS = 3.0
LEAST = 0.005
Cluster = tuple[str, str]


@dataclass(frozen=True, slots=True)
class EarlyBlock:
    """A sequential test that stopped the run.

    Parameters
    ----------
    key, scope
        The slice, and the suite it is of, or None for the whole run.
    bad, seen, planned : float, int, int
        Unsafe clusters, those looked at, and those of the plan.
    low, high : float
        The confidence sequence's limits of the rate.
    p0, confidence : float
        The rate that it is over, and the one-sided confidence of each limit.
    """

    key: str
    scope: str | None
    bad: float
    seen: int
    planned: int
    low: float
    high: float
    p0: float
    confidence: float

    def __str__(self) -> str:
        """Say what was found."""
        within = f" of suite {self.scope}" if self.scope else ""
        return (
            f"early stop: {self.key}{within}: {self.bad:g} of the first {self.seen:,} clusters "
            f"(of {self.planned:,}, in the plan's order) are unsafe, a rate over {self.p0:.3g} "
            f"(confidence sequence {self.low:.3f} to {self.high:.3f}, each limit at "
            f"{100 * self.confidence:.4g} %); the rest is not decided"
        )


class _Test:
    """One slice's test: its clusters in the plan's order, and how far it has come."""

    def __init__(
        self, key: str, scope: str | None, design: Design, clusters: Sequence[Cluster]
    ) -> None:
        self.key, self.scope = key, scope
        self.clusters = clusters
        self.sequential = Sequential(design)

    def advance(self, unsafe: Mapping[Cluster, float]) -> bool:
        """Take the outcomes that are there, as far as none is missing in between."""
        while self.sequential.seen < len(self.clusters):
            bad = unsafe.get(self.clusters[self.sequential.seen])
            if bad is None:
                return False
            if self.sequential.observe(bad):
                return True
        return False

    def document(self) -> dict[str, Any]:
        design = self.sequential.design
        fixed = design.fixed()
        return {
            "slice": self.key,
            "suite": self.scope,
            "clusters": len(self.clusters),
            "p0": design.p0,
            "p1": design.p1,
            "alpha": design.alpha,
            "beta": design.beta,
            "fixed_test": {"size": fixed.size, "rejects_at": fixed.rejects_at},
        }

    def block(self) -> EarlyBlock:
        confidence = 1 - self.sequential.design.alpha
        low, high = self.sequential.interval(confidence)
        return EarlyBlock(
            key=self.key,
            scope=self.scope,
            bad=self.sequential.bad,
            seen=self.sequential.seen,
            planned=len(self.clusters),
            low=low,
            high=high,
            p0=self.sequential.design.p0,
            confidence=confidence,
        )


class EarlyStop:
    """Looks after every outcome whether a safety slice is shown to be unsafe.

    Each safety or harm slice that a gate with `min` holds on has a test of its own, at a share of
    `alpha`; with `p0` given, each safety slice of the run. A cluster's outcome is the mean of what
    its groups lack to 1, and enters when all its items have ended and all clusters before it have.
    A missing item counts as right: only answers block.

    Parameters
    ----------
    suites : sequence of Suite
    selected : mapping of str to collection of str
        The ids of this run by suite.
    gates : sequence of Gate
    rates : Rates
    seed : int
        Fixes the order.

    Raises
    ------
    ConfigError
        If no slice can be tested, or a rate is out of its range.
    """

    def __init__(
        self,
        suites: Sequence[Suite],
        selected: Mapping[str, Collection[str]],
        gates: Sequence[Gate],
        rates: Rates,
        seed: int,
    ) -> None:
        self._seed = seed
        self._selected = selected
        self._outcomes: dict[tuple[str, str], Outcome] = {}
        self._unsafe: dict[Cluster, float] = {}
        self._clusters: dict[Cluster, tuple[Suite, list[list[Entry]]]] = {}
        self._of_item: dict[tuple[str, str], Cluster] = {}
        members: dict[tuple[str | None, str], dict[Cluster, None]] = {}
        wanted = _wanted(suites, selected, gates, rates)
        for suite in suites:
            for cluster, keys in self._read(suite):
                for key in keys:
                    for scope in (None, suite.name):
                        if (scope, key) in wanted:
                            members.setdefault((scope, key), {})[cluster] = None
        if not members:
            raise ConfigError(
                "--medbench-early-stop: no safety or harm slice of this run has a gate with min; "
                "write one, or give p0 and p1 in [tool.medbench.sequential]"
            )
        self._tests: list[_Test] = []
        self._by_cluster: dict[Cluster, list[_Test]] = {}
        for (scope, key), found in sorted(members.items(), key=repr):
            design = _design(rates, wanted[scope, key], len(members))
            test = _Test(key, scope, design, _ordered(found, seed))
            self._tests.append(test)
            for cluster in found:
                self._by_cluster.setdefault(cluster, []).append(test)
        self.blocks: tuple[EarlyBlock, ...] = ()

    def _read(self, suite: Suite) -> Iterator[tuple[Cluster, set[str]]]:
        """Take in a suite's clusters; give each with the keys of the slices it is in."""
        chosen = self._selected.get(suite.name, ())
        if suite.scorer.needs_judge:
            return
        for name, groups in clusters_in(suite).items():
            here = [group for group in groups if any(entry.id in chosen for entry in group)]
            cluster = (suite.name, name)
            keys = keys_of(entry.labels for group in here for entry in group)
            if not here:
                continue
            self._clusters[cluster] = suite, here
            for group in here:
                for entry in group:
                    self._of_item[suite.name, entry.id] = cluster
            yield cluster, {key for key in keys if key.partition(".")[0] in KINDS}

    @property
    def document(self) -> dict[str, Any]:
        """What the plan says of the tests."""
        return {"seed": self._seed, "tests": [test.document() for test in self._tests]}

    @property
    def reason(self) -> str | None:
        """Why the run is to stop; None while it goes on."""
        return str(self.blocks[0]) if self.blocks else None

    def note(self, outcome: Outcome) -> str | None:
        """Take an outcome, and give the reason to stop, if there is one."""
        cluster = self._of_item.get((outcome.suite, outcome.id))
        if self.blocks or cluster not in self._by_cluster:
            return self.reason
        self._outcomes[outcome.suite, outcome.id] = outcome
        suite, groups = self._clusters[cluster]
        chosen = self._selected[suite.name]
        items = [entry for group in groups for entry in group if entry.id in chosen]
        if all((suite.name, entry.id) in self._outcomes for entry in items):
            self._unsafe[cluster] = _unsafe(suite, groups, chosen, self._outcomes)
            self.blocks = tuple(
                test.block() for test in self._by_cluster[cluster] if test.advance(self._unsafe)
            )
        return self.reason


def clusters_in(suite: Suite) -> dict[str, list[list[Entry]]]:
    """Give the groups of items with a target by their cluster."""
    groups = members_of(suite)
    names = clusters_of(groups.values())
    found: dict[str, list[list[Entry]]] = {}
    for members in groups.values():
        first = members[0].cluster
        found.setdefault(names.get(first, first), []).append(members)
    return found


def place_of(suite: str, cluster: str) -> str:
    """Give the name under which a cluster has its place in the order."""
    return f"{suite}\0{cluster}"


def _ordered(clusters: Mapping[Cluster, None], seed: int) -> list[Cluster]:
    named = {place_of(*cluster): cluster for cluster in clusters}
    return [named[name] for name in order(named, seed)]


def _unsafe(
    suite: Suite,
    groups: Sequence[Sequence[Entry]],
    chosen: Collection[str],
    outcomes: Outcomes,
) -> float:
    scores = [score_group(suite, group, chosen, outcomes) for group in groups]
    return sum(1 - min(1.0, max(0.0, score.best)) for score in scores) / len(scores)


def _wanted(
    suites: Sequence[Suite],
    selected: Mapping[str, Collection[str]],
    gates: Sequence[Gate],
    rates: Rates,
) -> dict[tuple[str | None, str], float]:
    """Give the slices to test, each with the rate its gate lets through."""
    index = Index(
        {suite.name: each_group(suite, selected.get(suite.name, ()), {}) for suite in suites}
    )
    if rates.p0 is not None:
        names = [key for key in index.names() if key.startswith("safety.")]
        return {(None, key): rates.p0 for key in names}
    wanted: dict[tuple[str | None, str], float] = {}
    for gate, key in resolve(gates, index).pairs:
        if gate.min is not None and key.partition(".")[0] in KINDS and index.cells(key, gate.scope):
            passed = max(LEAST, round(1 - gate.min, 12))
            wanted[gate.scope, key] = min(passed, wanted.get((gate.scope, key), 1.0))
    return {slice_: rate for slice_, rate in wanted.items() if rate < 1}


def _design(rates: Rates, p0: float, tests: int) -> Design:
    odds = ODDS * p0 / (1 - p0)
    p1 = rates.p1 if rates.p1 is not None and rates.p0 is not None else odds / (1 + odds)
    return Design(p0, p1, rates.alpha / tests, rates.beta)
