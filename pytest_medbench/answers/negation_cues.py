"""Where in a text stand the words and signs that open and end scopes of negation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_medbench.answers.negation_words import NOT_WORDS, Kind, candidates, openings

_LONGEST_LIST_MEMBER = 5
_SEGMENT = re.compile(r"[^,;:)\n。]{0,80}")
_CHINESE_SEGMENT = re.compile(r"[^,;:)\n。、]{0,12}")
_PREDICATE = re.compile("[有见示为予给行在请应是达伴呈升降服用]")
_LEADING = re.compile(
    r"\s?(?:(?:and|or|then|also|instead|please|immediately|just|only|you|do)\s){0,4}([a-z']+)?"
)
_IMPERATIVE = frozenset(
    re.findall(
        r"\w+",
        """
        give start call seek go take use check measure monitor refer treat
        administer apply perform obtain order continue begin increase reduce
        decrease switch change replace consult contact arrange admit keep place put
        rest see request advise ask tell explain consider ensure provide offer
        prescribe repeat remove transfer escalate inject insert test send intubate
        wash rinse cool elevate lie sit stay watch return try get recommend suggest
        confirm assess review hold maintain secure support correct initiate restart
        resume document report he she it they we i you this there these that his her
        their its bring dial phone leave let follow
        """,
    )
)
_FINITE = frozenset(
    re.findall(
        r"\w+",
        """
        is are was were has have had should must can may might will would needs
        shows showed suggests suggested indicates presents reports reported
        complains complained requires does did remains developed develops
        """,
    )
)


class Cue(NamedTuple):
    """A phrase that opens, ends or takes back a scope of negation."""

    start: int
    end: int
    kind: Kind


def cues_in(text: str) -> Iterator[Cue]:
    """Go through the cues of a prepared text, with its commas, colons and brackets."""
    end = 0
    for token in candidates().finditer(text):
        start = token.start()
        if start < end:
            continue
        found = _sign(text, start) if token[0] in ",:()" else _word(text, token)
        if found is not None:
            end = found.end
            if found.kind is not Kind.NEUTRAL:
                yield found


def _word(text: str, token: re.Match[str]) -> Cue | None:
    word, phrases = token[0], openings()
    if word in ("and", "then"):
        clause = starts_clause(text, token.end())
        return Cue(token.start(), token.end(), Kind.STOP) if clause else None
    if word.endswith("'t") or word in NOT_WORDS:
        after = phrases[""].at(text, token.end())
        if after is not None:
            return Cue(token.start(), *after)
        return Cue(token.start(), token.end(), Kind.NOT)
    known = phrases.get(word)
    found = known.at(text, token.start()) if known is not None else None
    return None if found is None else Cue(token.start(), *found)


def _sign(text: str, at: int) -> Cue:
    sign, kind = text[at], Kind.STOP
    if sign == ":":
        kind = Kind.COLON if text[at + 1 : at + 2] not in ("", "\n") else Kind.NEUTRAL
    elif sign == ",":
        kind = _comma(text, at)
    return Cue(at, at + 1, kind)


def _comma(text: str, at: int) -> Kind:
    before, after = text[max(0, at - 1) : at], text[at + 1 : at + 2]
    if before.isdigit() and after.isdigit():
        return Kind.NEUTRAL
    if before >= "\u3400" or after >= "\u3400":
        segment = _CHINESE_SEGMENT.match(text, at + 1)
        short = segment is not None and len(segment[0]) <= 6 and not _PREDICATE.search(segment[0])
        return Kind.LIST if short else Kind.STOP
    return Kind.STOP if starts_clause(text, at + 1) else Kind.PAUSE


def starts_clause(text: str, at: int) -> bool:
    """Tell whether what follows is a clause of its own and no member of a list."""
    segment = _SEGMENT.match(text, at)
    words = segment[0].split() if segment is not None else []
    lead = _LEADING.match(text, at)
    if lead is not None and lead[1] in _IMPERATIVE:
        return True
    if not _FINITE.isdisjoint(words[: _LONGEST_LIST_MEMBER + 1]):
        return True
    return text[at - 1] == "," and len(words) > _LONGEST_LIST_MEMBER + 2
