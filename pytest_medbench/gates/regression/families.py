"""Is there a drop? The rule that holds without a `max_drop`: families of corrected tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_medbench.gates.regression.sample import Pairs, Sample, View
from pytest_medbench.gates.rules import OVERALL
from pytest_medbench.gates.slices import NONE
from pytest_medbench.stats import decide_family, gatekeeping
from pytest_medbench.stats.multiplicity import holm_adjusted

OVERALL_ALPHA = 0.01
SPECIALTIES_Q = 0.02
SAFETY_ALPHA = 0.02
OTHERS_ALPHA = 0.01
SMALL = 30


@dataclass(frozen=True)
class Views:
    """A slice's pairs, with what is missing left out, wrong, and right.

    Parameters
    ----------
    scored : Sample or None
        None where a task of the slice has no pair.
    worst, best : Sample or None
    void, fresh, missing : int
        Planned groups that are no pair.
    """

    scored: Sample | None
    worst: Sample | None
    best: Sample | None
    void: int
    fresh: int
    missing: int


@dataclass(frozen=True, slots=True)
class Tested:
    """What a family's test says of one slice.

    Parameters
    ----------
    family : str
    size : int
        Slices in the family.
    level : float
        The family's.
    shown : bool
        Whether a drop is shown with what is missing counted right.
    doubted : bool
        Whether one would be shown with what is missing counted wrong.
    """

    family: str
    size: int
    level: float
    shown: bool
    doubted: bool


class Evidence:
    """The slices of a run against one accepted version, each worked out once.

    Parameters
    ----------
    pairs : Pairs
    share : float
        Of every level, in (0, 1]: a run that is held against two accepted versions has two chances
        to be blocked by noise, and half the level for each.
    """

    def __init__(self, pairs: Pairs, share: float = 1.0) -> None:
        self.pairs = pairs
        self._share = share
        self._views: dict[tuple[str | None, str], Views] = {}

    def views(self, key: str, scope: str | None = None) -> Views:
        """Give a slice's pairs under each view."""
        found = self._views.get((scope, key))
        if found is None:
            found = self._views[scope, key] = self._look(key, scope)
        return found

    def _look(self, key: str, scope: str | None) -> Views:
        cells = self.pairs.of(key, scope)
        missing = sum(len(cell) - sum(cell.known) for cell in cells)
        worst = best = scored = self.pairs.sample(key, scope, View.SCORED)
        if missing:
            worst = self.pairs.sample(key, scope, View.WORST)
            best = self.pairs.sample(key, scope, View.BEST)
        void, fresh = sum(cell.void for cell in cells), sum(cell.fresh for cell in cells)
        return Views(scored, worst, best, void, fresh, missing)

    def reviewed(self, key: str, scope: str | None) -> Sample | None:
        """Give the pairs of a slice that have a recorded clinical review."""
        return self.pairs.sample(key, scope, View.REVIEWED)

    def ps(self, keys: Sequence[str], view: View, scope: str | None = None) -> dict[str, float]:
        """Give the p of each slice under the worst or the best view; those without pairs not."""
        found = {}
        for key in keys:
            views = self.views(key, scope)
            sample = views.best if view is View.BEST else views.worst
            if sample is not None:
                found[key] = sample.p
        return found

    def default(self, alpha: float) -> dict[str, Tested]:
        """Test overall, the specialties and the safety categories.

        Parameters
        ----------
        alpha : float
            Level of the test on `overall`.
        """
        alpha *= self._share
        names = self.pairs.index.names()
        primaries = [name for name in names if name.startswith("specialty.") and "/" not in name]
        # Alone it is overall once more, and would be a second chance to block.
        primaries = [] if primaries == [f"specialty.{NONE}"] else primaries
        children = {
            primary: [
                name
                for name in names
                if name.startswith(f"{primary}/") and self._planned(name) >= SMALL
            ]
            for primary in primaries
        }
        safety = [name for name in names if name.startswith("safety.")]
        found: dict[str, Tested] = {}
        rejected = {
            view: self._rejected(alpha, primaries, children, safety, view) for view in _ENDS
        }
        levels = [
            (OVERALL, [OVERALL], alpha),
            ("specialties", primaries, SPECIALTIES_Q * self._share),
            ("safety", safety, SAFETY_ALPHA * self._share),
            *(
                (f"secondaries of {name}", within, SPECIALTIES_Q * self._share)
                for name, within in children.items()
            ),
        ]
        for family, keys, level in levels:
            tested = [key for key in keys if key in rejected[View.BEST]]
            for key in tested:
                shown, doubted = (rejected[view][key] for view in _ENDS)
                found[key] = Tested(family, len(tested), level, shown, doubted)
        return found

    def _planned(self, key: str) -> int:
        return sum(len(cell) for cell in self.pairs.of(key))

    def _rejected(
        self,
        alpha: float,
        primaries: Sequence[str],
        children: Mapping[str, Sequence[str]],
        safety: Sequence[str],
        view: View,
    ) -> dict[str, bool]:
        parents = self.ps(primaries, view)
        within = {name: self.ps(children[name], view) for name in parents}
        first, second = gatekeeping(parents, within, SPECIALTIES_Q * self._share)
        decided = [
            decide_family(self.ps([OVERALL], view), alpha),
            first,
            *second.values(),
            decide_family(self.ps(safety, view), SAFETY_ALPHA * self._share, holm_adjusted),
        ]
        return {key: each.rejected for family in decided for key, each in family.items()}

    def others(self, keys: Sequence[str], scope: str | None) -> dict[str, Tested]:
        """Test slices that no default family has, as one family, by Holm."""
        level = OTHERS_ALPHA * self._share
        best, worst = (
            decide_family(self.ps(keys, view, scope), level, holm_adjusted) for view in _ENDS
        )
        return {
            key: Tested("gated", len(best), level, best[key].rejected, worst[key].rejected)
            for key in best
        }


_ENDS = (View.BEST, View.WORST)
