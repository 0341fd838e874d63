"""Where in a text stand the words and signs that open and end scopes of negation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_medbench.answers.negation_english import NOT_WORDS
from pytest_medbench.answers.negation_kinds import Kind
from pytest_medbench.answers.negation_words import candidates, openings

_LONGEST_LIST_MEMBER = 5
_SEGMENT = re.compile(r"[^,;:)\n。]{0,80}")
_CHINESE_SEGMENT = re.compile(r"[^,;:)\n。、]{0,12}")
_PREDICATE = re.compile("[有见示为予给行在请应是达伴呈升降服用]")
_LEADING = re.compile(
    r"\s?(?:(?:and|or|then|also|instead|please|immediately|just|only|you|do)\s){0,4}([a-z']+)?"
)
_SIGNS = frozenset(",:()-–—")
_ABILITIES = frozenset({"可能", "功能", "性能", "智能", "官能", "只能", "潜能"})
_TO_AVOID = "to avoid"
# "Best to avoid", "advise the patient to avoid": what is advised, and no purpose.
_ADVISED = re.compile(
    r"\b(?:best|better|safest|safer|wise|wiser|wisest|prudent|sensible|important|essential|crucial"
    r"|necessary|advisable|needs?|needed|wants?|try|tries|trying|has|have|had|ought|is|are"
    r"|remember|careful|sure|things?|foods?|drugs?|medicines?|medications?|what|which|how"
    r"|(?:tell|tells|told|advis\w{1,3}|ask|asks|asked|instruct\w{0,4}|warn\w{0,3}|remind\w{0,3}"
    r"|counsel\w{0,4}|urge|urged|recommended|encourag\w{1,3})(?: [a-z']{1,15}){0,4}) $"
)
_REPLACED = re.compile("[以用由可能换][^,。;:!?\n]{1,12}$")
_NOT_REPLACED = re.compile(
    r"治疗|疗法|药|方案|品|物|剂|性|选择|措施|途径|手段|者|$|[,.。;:!?\x29、\s]"
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
        their its bring dial phone leave let follow began started commenced received
        underwent switched recovered improved
        """,
    )
)
_FINITE = frozenset(
    re.findall(
        r"\w+",
        """
        is are was were has have had should must can may might will would needs
        shows showed suggests suggested indicates presents reports reported
        complains complained requires does did remains developed develops cannot can't
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
        found = _sign(text, start, token.end()) if token[0][0] in _SIGNS else _word(text, token)
        if found is not None:
            end = found.end
            if found.kind is not Kind.NEUTRAL:
                yield found


def _word(text: str, token: re.Match[str]) -> Cue | None:
    word, phrases = token[0], openings()
    if word in "不没" and _asks(text, token.start()):
        return Cue(token.start(), token.start() + 2, Kind.NEUTRAL)
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
    if found is None or not _is_meant(text, token.start(), found[0]):
        return None
    return Cue(token.start(), *found)


def _asks(text: str, at: int) -> bool:
    """Tell whether a question asks yes or no here: 是不是, 能不能, 吃没吃."""
    before, after = text[max(0, at - 2) : at], text[at + 1 : at + 2]
    return after >= "\u3400" and before.endswith(after) and before not in _ABILITIES


def _is_meant(text: str, start: int, end: int) -> bool:
    """Tell whether a phrase is a cue where it stands."""
    said = text[start:end]
    if said == _TO_AVOID:
        return _ADVISED.search(text[max(0, start - 70) : start]) is None
    if said == "替代":
        replaced = _REPLACED.search(text[max(0, start - 14) : start]) is not None
        return replaced and _NOT_REPLACED.match(text, end) is None
    return True


def _sign(text: str, at: int, end: int) -> Cue:
    sign, kind = text[at], Kind.STOP
    if sign == ":":
        kind = Kind.COLON if text[at + 1 : at + 2] not in ("", "\n") else Kind.NEUTRAL
    elif sign == ",":
        kind = _comma(text, at)
    elif sign in "-–—":
        numbers = (
            text[at - 2 : at].strip()[-1:].isdigit() and text[end : end + 2].strip()[:1].isdigit()
        )
        kind = Kind.NEUTRAL if numbers else Kind.DASH
    return Cue(at, end, kind)


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
