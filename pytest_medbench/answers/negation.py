"""Which parts of a sentence are negated, in English and Chinese."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from pytest_medbench.answers.negation_cues import Cue, cues_in, starts_clause
from pytest_medbench.answers.negation_kinds import Kind

Span = tuple[int, int]
_SHORT_SCOPE = {
    "不": re.compile(".{0,6}"),
    "non": re.compile(r"[ -]?\w*"),
    "negative": re.compile(r"(?: \w+){0,2}"),
}
_PROHIBITION = re.compile(
    r"\b(?:(?:do|does|what|to) not|don't|never|not .+)$"
    r"|不(?:推荐|建议|宜|应该?|能|要|可|得)|勿|忌|严禁"
)
_CONDITION = frozenset({"if", "when", "unless", "once", "若", "如果", "如有"})
_INABILITY = frozenset({"cannot", "can't", "couldn't", "不能"})
_REVERSING = frozenset({Kind.REVERSE, Kind.PASSIVE, Kind.BACK})
_LONGEST_HEADING = 40
_MOST_BLANKS = 3
_LEAD = 12
_LONGEST_CHINESE_HEADING = 10
_BE = re.compile(
    r"\b(?:be|been|being|is|are|was|were|get|gets|has|have)"
    r"(?: (?:already|now|also|therefore|usually|generally|best|strictly|temporarily|always"
    r"|immediately|been|to be))* $"
)
_NOTHING_AFTER = re.compile(
    r" ?(?:known|at all)?"
    r"(?:再|被|同时|一起|联合|自行|随意|擅自|长期|直接|单独|继续|常规|盲目|口服|静脉|肌内|皮下|空腹){0,3}"
    r"(?:使用|应用|服用|用药|给药|饮用|食用|合用|联用|并用|同服|配伍|进行|实施|执行|给予|推注|注射|滴注|静推"
    r"|静注|肌注|纳入|入组|入选|检出|检测到|用|服|吃|的)?"
    r" ?(?:$|[,.。;)!?\n]|[于因])"
)
_LONGEST_AFTER = 20
_JOINED = re.compile(r"\b(?:and|or|nor)\b|[,、和或及与]")
_INTRODUCTION = re.compile(
    r"[\s-]{0,3}(?:in|for|without|with|despite|after|among|if|when|while|unless|although|since|as"
    r"|because|given|until|once|where|should|on|during|by|apart|aside)\b"
)


class Scopes:
    """The negated parts of the sentences of one text.

    Parameters
    ----------
    text : str
        From `prepared`.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._cues = list(cues_in(text))
        self._starts = [cue.start for cue in self._cues]
        self._known: dict[tuple[int, bool], tuple[Parts, bool]] = {}

    def of(
        self,
        start: int,
        end: int,
        *,
        opened: bool = False,
        terms: Parts | None = None,
        wholly: bool = True,
    ) -> tuple[Parts, bool]:
        """Give the negated parts of a sentence.

        Parameters
        ----------
        start, end : int
            The sentence.
        opened : bool
            Whether the heading it stands under left a scope open: "Do not:".
        terms : Parts, optional
            Terms that are looked for: a cue in one is part of it, as in "stop metformin".
        wholly : bool
            Whether that holds for `no` and `not` too, and not only for words such as `stop`.

        Returns
        -------
        tuple of (Parts, bool)
            The parts, and whether a scope is open at the sentence's end.
        """
        first = bisect_left(self._starts, start)
        last = bisect_left(self._starts, end, lo=first)
        if first == last and not opened:
            return NOTHING, False
        cues = self._cues[first:last]
        if terms is not None:
            kept = [
                cue
                for cue in cues
                if not (wholly or cue.kind in _REVERSING) or not terms.touch(cue.start, cue.end)
            ]
            cues = cues if len(kept) == len(cues) else kept
        key = (start, opened) if len(cues) == last - first else None
        known = self._known.get(key) if key is not None else None
        if known is None:
            parts, still_open = _Scan(self._text, start, end, opened).read(cues)
            known = Parts(sorted(parts)), still_open
            if key is not None:
                self._known[key] = known
        return known


class Parts:
    """Parts of a text.

    Parameters
    ----------
    spans : sequence of (int, int)
        Sorted; they may overlap.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        self._starts = [start for start, _ in spans]
        # The furthest end so far: parts that overlap are as good as one.
        self._ends = list(accumulate((end for _, end in spans), max))

    def touch(self, start: int, end: int) -> bool:
        """Tell whether a place lies, at least in part, in one of the parts."""
        before = bisect_left(self._starts, end)
        return before > 0 and self._ends[before - 1] > start


NOTHING = Parts(())


class _Scan:
    """One reading of a sentence from its beginning to its end."""

    def __init__(self, text: str, start: int, end: int, opened: bool) -> None:
        self._text = text
        self._end = end
        self._clause = start
        self._active: Cue | None = Cue(start, start, Kind.NOT) if opened else None
        self._bracket = -1
        self._conditional = False
        self._parts: list[Span] = []
        self._introduced = _INTRODUCTION.match(text, start, end) is not None

    def read(self, cues: Sequence[Cue]) -> tuple[list[Span], bool]:
        for cue in cues:
            self._take(cue)
        opened = self._active is not None and self._active.kind is not Kind.SHORT
        conditional = self._introduced
        self._close(self._end)
        return self._parts, opened and not conditional

    def _take(self, cue: Cue) -> None:
        if cue.kind is Kind.STOP:
            self._stop(cue)
        elif cue.kind in (Kind.PAUSE, Kind.LIST):
            self._comma(cue)
        elif cue.kind in (Kind.SOFT, Kind.OF, Kind.DASH):
            if self._active is not None and self._is_ended_by(cue, self._active):
                self._close(cue.start)
        elif cue.kind is Kind.LIMIT:
            self._active = None
        elif cue.kind is Kind.COLON:
            self._colon(cue)
        else:
            self._negate(cue)

    def _is_ended_by(self, cue: Cue, active: Cue) -> bool:
        follows = self._text[active.end : cue.start].strip() == ""
        if cue.kind is Kind.OF:
            said = self._said(active)
            return said == "未" or (follows and said.startswith("未"))
        return not follows or (cue.kind is Kind.DASH and active.kind in (Kind.NOT, Kind.SHORT))

    def _stop(self, cue: Cue) -> None:
        sign = self._text[cue.start : cue.end]
        if sign == "(":
            self._bracket = cue.start
        elif sign == ")":
            if self._active is not None and self._active.start > self._bracket >= 0:
                self._close(cue.start)
        else:
            self._close(cue.start)
            self._conditional = sign in _CONDITION
            if sign != "," or self._ends_segment(cue):
                self._clause = cue.end

    def _colon(self, cue: Cue) -> None:
        """End a scope at a colon, unless what follows is what must not be: "Avoid: NSAIDs"."""
        active = self._active
        if active is None or cue.start - active.end <= 1:
            return
        heading = self._text[self._clause : cue.start]
        longest = _LONGEST_HEADING if heading.isascii() else _LONGEST_CHINESE_HEADING
        said = self._text[max(self._clause, active.start - 5) : active.end].strip()
        prohibits = active.kind is not Kind.NOT or _PROHIBITION.search(said) is not None
        if not prohibits or len(heading) > longest or starts_clause(self._text, cue.end):
            self._close(cue.start)
            self._clause = cue.end

    def _comma(self, cue: Cue) -> None:
        listed = cue.kind is Kind.PAUSE or (
            self._active is not None and self._said(self._active) == "否认"
        )
        if self._introduced:
            self._introduced = listed = False
        if not listed:
            self._close(cue.start)
            self._clause = cue.end
        elif self._ends_segment(cue):
            self._clause = cue.end

    def _ends_segment(self, comma: Cue) -> bool:
        """Tell whether a comma ends more than one of a few names: "NSAIDs, aspirin and …"."""
        if comma.start - self._clause > _LONGEST_HEADING or self._text[comma.start - 1] >= "\u3400":
            return True
        return self._text.count(" ", self._clause, comma.start) > _MOST_BLANKS

    def _negate(self, cue: Cue) -> None:
        if self._conditional and self._said(cue) in _INABILITY:
            return
        active = self._active
        if active is not None and cue.kind in _REVERSING and self._is_reversed(active, cue):
            self._close(cue.start if active.kind is not Kind.SHORT else active.end)
            return
        self._close(cue.start)
        begin = self._clause
        if cue.kind is Kind.BACK:
            begin = max(begin, self._text.rfind(",", begin, cue.start) + 1)
        behind = self._text[begin : min(cue.start, begin + _LEAD)].strip(" -:") != ""
        if behind and self._is_behind(cue):
            self._parts.append((begin, cue.start))
            if cue.kind is not Kind.BOTH:
                return
        self._active = cue

    def _is_behind(self, cue: Cue) -> bool:
        if cue.kind in (Kind.BOTH, Kind.BACK):
            return True
        if cue.kind is Kind.PASSIVE:
            return _BE.search(self._text[max(self._clause, cue.start - 60) : cue.start]) is not None
        if cue.kind is Kind.SHORT:
            return False
        return (
            _NOTHING_AFTER.match(self._text[cue.end : min(self._end, cue.end + _LONGEST_AFTER)])
            is not None
        )

    def _is_reversed(self, active: Cue, cue: Cue) -> bool:
        if active.kind is Kind.SHORT and self._short_end(active) <= cue.start:
            return False
        return _JOINED.search(self._text, active.end, cue.start) is None

    def _said(self, cue: Cue) -> str:
        return self._text[cue.start : cue.end]

    def _close(self, at: int) -> None:
        if self._active is None:
            return
        end = at
        if self._active.kind is Kind.SHORT:
            end = min(end, self._short_end(self._active))
        self._parts.append((self._active.start, end))
        self._active = None

    def _short_end(self, active: Cue) -> int:
        scope = _SHORT_SCOPE[self._said(active)].match(self._text, active.end)
        return scope.end() if scope is not None else active.end
