"""The words that negate, the phrases in which they do not, and what ends their scope.

The method is that of NegEx and ConText: cues before and behind what they negate, words that end
a scope, and phrases that look like cues and are none. The Chinese table and all wordings are
this project's own; they stand in `negation_english` and `negation_chinese`.

In the tables a line is a phrase or several between bars, a line that begins with a bar goes on
with the one before; a phrase is a pattern whose first word, or first Chinese character, is plain.

References
----------
Chapman et al., J Biomed Inform 2001;34:301-310. Harkema et al., J Biomed Inform 2009;42:839-851.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from pytest_medbench.answers.negation_chinese import CHINESE
from pytest_medbench.answers.negation_english import AFTER_NOT, AFTER_NOT_AT_LAST, ENGLISH
from pytest_medbench.answers.negation_kinds import Kind


def _phrases(table: str) -> Iterator[str]:
    """Give the phrases of a table."""
    joined = re.sub(r"\n\s+\|", "|", table.strip())
    for line in joined.split("\n"):
        depth = start = 0
        stripped = line.strip()
        for at, char in enumerate(stripped):
            depth += (char == "(") - (char == ")")
            if char == "|" and depth == 0:
                yield stripped[start:at]
                start = at + 1
        yield stripped[start:]


_LOOKS = re.compile(r"\(\?<?[!=][^)]*\)")
_FIRST = re.compile(r"(?:\(\?<!\[?[^)]*\))?(\w[a-z]*)")


class Phrases:
    """The phrases that begin with one word, the longest first, and what is tried at last."""

    def __init__(
        self, phrases: list[tuple[str, Kind]], last: Sequence[tuple[str, Kind]] = ()
    ) -> None:
        ordered = sorted(phrases, key=lambda pair: -len(_LOOKS.sub("", pair[0])))
        ordered += last
        self._kinds = [kind for _, kind in ordered]
        self._pattern = re.compile(
            "|".join(f"({phrase}{_closing(phrase)})" for phrase, _ in ordered)
        )

    def at(self, text: str, place: int) -> tuple[int, Kind] | None:
        """Give the end and the kind of the phrase at a place."""
        found = self._pattern.match(text, place)
        if found is None or found.lastindex is None:
            return None
        return found.end(), self._kinds[found.lastindex - 1]


def _closing(phrase: str) -> str:
    return r"\b" if phrase.isascii() else ""


@cache
def openings() -> Mapping[str, Phrases]:
    """Give the phrases by their first word or Chinese character; `not` has what follows it."""
    found: defaultdict[str, list[tuple[str, Kind]]] = defaultdict(list)
    for table in (ENGLISH, CHINESE):
        for kind, said in table.items():
            for phrase in _phrases(said):
                first = _FIRST.match(phrase)
                if first is None:
                    raise ValueError(f"phrase {phrase!r} has no plain first word")
                word = first[1] if first[1].isascii() else first[1][0]
                found[word].append((phrase, kind))
    after, at_last = (
        [(f" {phrase}", kind) for kind, said in table.items() for phrase in _phrases(said)]
        for table in (AFTER_NOT, AFTER_NOT_AT_LAST)
    )
    known = {word: Phrases(phrases) for word, phrases in found.items()}
    return known | {"": Phrases(after, at_last)}


@cache
def candidates() -> re.Pattern[str]:
    """Give a pattern for the places where a phrase may begin, commas, dashes and brackets."""
    first = "".join(sorted(word for word in openings() if word and not word.isascii()))
    return re.compile(rf"[a-z]+(?:'t\b)?|[{first}]|[,:()]|[–—]+|(?<=[^\s-] )-(?= )")
