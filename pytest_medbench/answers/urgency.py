"""How soon a text sends a patient to care: the level it announces, or its plain advice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pytest_medbench.answers.clauses import prepared, sentences
from pytest_medbench.answers.negation import Scopes
from pytest_medbench.answers.reading import Reading, settle
from pytest_medbench.answers.text import visible, without_echo
from pytest_medbench.outcomes import Cause

LEVELS = ("self_care", "routine", "urgent", "emergency")

# Longer names first: non-urgent is not urgent, 非紧急 is not 紧急.
_NAMES: Mapping[str, str] = {
    "routine": r"non ?urgent|not urgent|routine|(?:an )?appointment|scheduled|elective"
    r"|预约门诊|门诊预约|预约就诊|非紧急|不紧急|常规(?:就诊|门诊)?|择期(?:就诊)?|普通门诊|门诊",
    "emergency": r"emergency|emergent|immediate|life threatening|call (?:an ambulance|911|999|112)"
    r"|ambulance|立即急诊|急诊|急救|紧急|危急|特急|(?:立即|马上)?(?:拨打|呼叫)120|立即就医",
    "urgent": r"urgent|same day|today|当天就诊|当日就诊|今天就诊|当天|当日|尽快就诊|尽快就医|加急",
    "self_care": r"self[ _]?care|home ?care|care at home|self management"
    r"|居家处理|居家观察|居家护理|居家|在家处理|在家观察|自我护理|自我处理|自行处理",
}
_NAME = "|".join(f"(?P<{level}>{names})" for level, names in _NAMES.items())
_HERE = re.compile(rf"[\s\"'“‘(<\[【「]{{0,3}}(?:{_NAME})(?![a-z])")
_ANNOUNCED = re.compile(
    r"(?<!levels of )(?:urgency|triage)(?: level| category)?\s?(?::|is\b|=|-)\s?"
    r"|\banswer(?: is)?\s?:|答案\s?[:为是]\s?"
    r"|(?:紧急程度|紧急级别|分诊级别|分诊等级|急迫程度)\s?(?::|为|是|=)?\s?"
)
_HEDGED = re.compile(rf"[\s\"'”’)>\]】」]{{0,3}}(?:/|\||\bor\b|或|、|,)\s?(?:{_NAME})(?![a-z])")

_ADVICE: Mapping[str, re.Pattern[str]] = {
    "emergency": re.compile(
        r"\b(?:call|phone|ring|dial)(?:ing)? (?:911|999|112|120|000|an ambulance|the ambulance|ems"
        r"|(?:your |the )?(?:local )?emergency (?:services?|number))"
        r"|\b(?:go|get|going|head|taken?|drive|come|rush|brought|bring)\b[^.;,]{0,30}? to "
        r"(?:the |an? |your )?(?:nearest |closest |local )?(?:hospital )?"
        r"(?:emergency|er\b|ed\b|a ?& ?e|casualty|hospital)"
        r"|\b(?:this|it) (?:is|may be|could be|might be|sounds like|looks like) an? "
        r"(?:medical |possible )?emergency"
        r"|(?:拨打|打|呼叫|拨)\s?120|叫救护车|呼叫救护车"
        r"|(?:立即|马上|立刻|赶紧|赶快|尽快|即刻)[^,。;]{0,8}急诊|(?:去|到|前往)[^,。;]{0,6}急诊"
    ),
    "urgent": re.compile(
        r"\b(?:see|visit|contact|call|ring|phone)\b[^.;]{0,40}\b(?:today|same day|within 24 hours"
        r"|within hours|this (?:morning|afternoon|evening))"
        r"|\bsame day (?:appointment|visit|care)|\burgent care\b|\bseen (?:by [^.;]{0,30})?today"
        r"|(?:当天|当日|今天|今日|24小时内)[^。;]{0,12}(?:就诊|就医|看医生|去医院|到医院|门诊|看病)"
    ),
    "routine": re.compile(
        r"\b(?:make|book|schedule|arrange|get) (?:a |an )?(?:\w+ )?appointment"
        r"|\bsee [^.;,]{0,30}(?:this week|next week|in the (?:next|coming) (?:few )?(?:days|weeks)"
        r"|within (?:a|one|the next|two|2|a few) (?:or two )?(?:weeks?|days))"
        r"|\b(?:in|at) (?:a )?routine\b|\broutine (?:visit|appointment|check)"
        r"|预约[^。;,]{0,8}(?:门诊|就诊|医生)|(?:近几天|这几天|近期|一周内|两周内|1~?2周内|数日内)[^。;]{0,10}(?:就诊|门诊|看)"
        r"|门诊(?:就诊|就医|复查)"
    ),
    "self_care": re.compile(
        r"\b(?:treat(?:ed)?|manage[d]?|look(?:ed)? after|care(?:d)? for)\b[^.;,]{0,30} at home"
        r"|\bself care\b|\b(?:home care|rest at home|stay at home)\b"
        r"|(?:在家|居家)[^。;,]{0,8}(?:处理|观察|护理|休息|治疗|即可)|自行处理|自我护理"
    ),
}
_CONDITION = re.compile(
    r"(?<!even )\b(?:if|when|whenever|unless|should (?:you|he|she|it|they|the|your)|in case|once)\b"
    r"|如果|(?<![比例诸犹])如(?![此同何实下上])|若(?!干)|一旦|假如|要是|万一|倘|(?:出现|加重|发生)[^。;]{0,20}时"
)


def read_urgency(text: str, *, prompt: str = "", partial: bool = False) -> Reading[str]:
    """Read the one level of urgency a text gives.

    The announced level decides: `Urgency: urgent`, 紧急程度：当天就诊, or a first or last line that
    is nothing but a level. Where there is none, advice that holds now does: `call 911`, 立即去急诊.
    Advice under a condition ("if it gets worse call an ambulance") and what is negated is left
    alone.

    Parameters
    ----------
    text : str
        The response, as it came.
    prompt : str
        What was asked; its repetition is cut out.
    partial : bool
        Whether the text was cut off: then only an announced level counts.

    Returns
    -------
    Reading of str
        One of `LEVELS`. Contradictory where two are announced, or advised.
    """
    shown = visible(text)
    echoed = False
    if prompt:
        shown, echoed = without_echo(shown, prompt)
    plain = prepared(shown)
    settled = settle(_announced(plain))
    if settled is not None:
        return settled if settled.answer != "" else Reading(None, Cause.CONTRADICTORY)
    advised = None if partial or echoed else settle(_advised(plain))
    return advised or Reading(None, Cause.NO_ANSWER)


def _announced(text: str) -> Iterator[str]:
    """Go through the announced levels; "" stands for two in one place."""
    for cue in _ANNOUNCED.finditer(text):
        found = _HERE.match(text, cue.end())
        if found is not None:
            yield "" if _HEDGED.match(text, found.end()) else str(found.lastgroup)
    lines = [line.strip(" -.。!") for line in text.split("\n") if line.strip(" -.。!")]
    for line in (lines[0], lines[-1]) if lines else ():
        found = _HERE.fullmatch(line)
        if found is not None:
            yield str(found.lastgroup)


def _advised(text: str) -> Iterator[str]:
    """Go through the levels that are advised without a condition."""
    scopes: Scopes | None = None
    for sentence in sentences(text):
        place = sentence.start, sentence.end
        hits = [
            (level, found.span())
            for level, advice in _ADVICE.items()
            for found in advice.finditer(text, *place)
        ]
        if hits and not _CONDITION.search(text, *place):
            scopes = scopes or Scopes(text)
            parts, _ = scopes.of(*place)
            yield from (level for level, span in hits if not parts.touch(*span))
