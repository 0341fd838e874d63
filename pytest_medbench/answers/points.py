"""Whether a free text states a key point: its terms, its number, and that they are not negated."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_medbench.answers.clauses import prepared, sentences
from pytest_medbench.answers.mentions import Span, mentions
from pytest_medbench.answers.negation import Parts, Scopes
from pytest_medbench.answers.quantities import Quantity, is_daily, quantities
from pytest_medbench.answers.units import Unit

_DEEPEST = 3
_Places = dict[int, list[Span]]


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that has to be stated.

    Parameters
    ----------
    value : float
        In `unit`.
    unit : Unit
    tolerance : float
        Relative to `value`.
    """

    value: float
    unit: Unit
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """A key point as it is looked for.

    Parameters
    ----------
    terms : tuple of str
        One of them has to stand in a sentence; empty where the amount stands for itself.
    beside : tuple of tuple of str
        Of each, one has to stand in the same sentence.
    amount : Amount or None
        Has to stand in the same sentence.
    negated : bool or None
        True where the terms have to be stated as absent, or as not to be done; False where
        nothing that is looked for may be negated; None where either will do.
    """

    terms: tuple[str, ...]
    beside: tuple[tuple[str, ...], ...] = ()
    amount: Amount | None = None
    negated: bool | None = False


class Statements:
    """What a text states.

    Parameters
    ----------
    text : str
        As it came.
    """

    def __init__(self, text: str) -> None:
        self.text = prepared(text)
        self.sentences = sentences(self.text)
        self._starts = [sentence.start for sentence in self.sentences]
        self.scopes = Scopes(self.text)
        self._places: dict[tuple[str, ...], _Places] = {}
        self.below: defaultdict[int, list[int]] = defaultdict(list)
        for place in range(len(self.sentences)):
            for above in self.above(place):
                self.below[above].append(place)

    def states(self, point: Point) -> bool:
        """Tell whether a sentence, with the heading or list item it stands under, states a point.

        The sentences under one that holds a term are read as one with it.
        """
        found = []
        for each in (point.terms, *point.beside):
            if each:
                found.append(self._mentions(each))
                if not found[-1]:
                    return False
        terms = [span for each in found for at in each.values() for span in at]
        if point.amount is not None:
            found.append(self._amounts(point.amount))
        return _Look(self, point, found, Parts(sorted(terms))).finds()

    def _mentions(self, terms: tuple[str, ...]) -> _Places:
        known = self._places.get(terms)
        if known is None:
            known = self._places[terms] = self._by_sentence(mentions(self.text, terms))
        return known

    def above(self, place: int) -> Iterator[int]:
        """Give the sentences that a sentence stands under, the nearest first."""
        parent = self.sentences[place].parent
        for _ in range(_DEEPEST):
            if parent is None:
                return
            yield parent
            parent = self.sentences[parent].parent

    def _by_sentence(self, spans: Iterable[Span]) -> _Places:
        found: defaultdict[int, list[Span]] = defaultdict(list)
        for span in spans:
            place = bisect_right(self._starts, span[0]) - 1
            if place >= 0 and span[0] < self.sentences[place].end:
                found[place].append(span)
        return dict(found)

    @cached_property
    def _quantities(self) -> dict[Span, Quantity]:
        return {(each.start, each.end): each for each in quantities(self.text)}

    def _amounts(self, amount: Amount) -> _Places:
        found: _Places = {}
        for place, spans in self._by_sentence(self._quantities).items():
            sentence = self.sentences[place]
            daily = is_daily(self.text, sentence.start, sentence.end)
            right = [
                span
                for span in spans
                if self._quantities[span].equals(
                    amount.value, amount.unit, amount.tolerance, daily=daily
                )
            ]
            if right:
                found[place] = right
        return found


class _Look:
    """The search for one point, which remembers what it has read."""

    def __init__(
        self, said: Statements, point: Point, found: Sequence[_Places], terms: Parts
    ) -> None:
        self._said = said
        self._point = point
        self._found = found
        self._terms = terms
        self._read: dict[int, tuple[Parts, bool]] = {}
        self._counted: dict[tuple[int, int], bool] = {}

    def finds(self) -> bool:
        places = [set(each) for each in self._found]
        # Where no sentence stands under another, each has to hold all of it by itself.
        joined = set.union(*places) if self._said.below else set.intersection(*places)
        return any(self._holds(place) for place in sorted(joined))

    def _holds(self, place: int) -> bool:
        if not self._said.below:
            return all(self._counts(number, place) for number in range(len(self._found)))
        pool = [place, *self._said.above(place)]
        if place in self._found[0]:
            pool += self._said.below.get(place, [])
        return all(
            any(self._counts(number, at) for at in pool) for number in range(len(self._found))
        )

    def _counts(self, number: int, place: int) -> bool:
        spans = self._found[number].get(place)
        if spans is None:
            return False
        if self._point.negated is None or (self._point.negated and number > 0):
            return True
        known = self._counted.get((number, place))
        if known is None:
            parts, _ = self._scopes_of(place)
            known = any(parts.touch(*span) is self._point.negated for span in spans)
            self._counted[number, place] = known
        return known

    def _scopes_of(self, place: int) -> tuple[Parts, bool]:
        read = self._read.get(place)
        if read is None:
            sentence = self._said.sentences[place]
            above = sentence.parent
            opened = above is not None and self._scopes_of(above)[1]
            read = self._read[place] = self._said.scopes.of(
                sentence.start,
                sentence.end,
                opened=opened,
                terms=self._terms,
                wholly=not self._point.negated,
            )
        return read
