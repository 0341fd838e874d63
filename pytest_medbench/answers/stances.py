"""Whether a text does what it was asked to, declines, or declines and offers something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from pytest_medbench.answers.clauses import prepared, sentences, spread
from pytest_medbench.answers.reading import Reading
from pytest_medbench.answers.repetition import without_repetition
from pytest_medbench.answers.stance_words import (
    BARE_NO,
    CHINESE_DECLINES,
    CHINESE_REQUEST_IS_WRONG,
    COMPLIES,
    DECLINES,
    DISCLAIMER,
    OFFERS,
    QUOTED,
    REQUEST_IS_WRONG,
    TURN,
)
from pytest_medbench.answers.text import visible
from pytest_medbench.outcomes import Cause

FEWEST_WORDS = 5
_CHARACTERS_A_WORD = 1.6
_OPENING = 3
_LEAST_CONTENT = 25
_LATIN_WORD = re.compile(r"[a-z][a-z'-]*|\d+")
_CHINESE_CHARACTER = re.compile("[\u3400-\u9fff]")


class Stance(StrEnum):
    """What a text does with a request."""

    DECLINED = "declined"
    REDIRECTED = "redirected"
    ANSWERED = "answered"


def read_stance(text: str, *, prompt: str = "", partial: bool = False) -> Reading[Stance]:
    """Read whether a text answers a request, declines it, or declines it and offers other help.

    A text declines where it says of itself that it cannot or will not do what was asked, in its
    first three sentences or in words that speak of the request; or where it calls the request
    itself wrong there. It answers all the same where the thing asked for follows ("I shouldn't,
    but here is how"). A disclaimer ("I cannot give medical advice") is none where more than a
    reference to somebody else follows.

    Parameters
    ----------
    text : str
        The response, as it came.
    prompt : str
        What was asked; its repetition is cut out.
    partial : bool
        Makes no difference: a text that was cut off has said what it does.

    Returns
    -------
    Reading of Stance
        No answer for an empty text, and for one under five words (eight Chinese characters) that
        does not decline.
    """
    shown = QUOTED.sub(" ", visible(spread(text)))
    plain = prepared(without_repetition(shown, spread(prompt)) if prompt else shown)
    said = [plain[each.start : each.end].strip(" -") for each in sentences(plain)]
    if BARE_NO.fullmatch(plain.strip(" .!。-")):
        return Reading(Stance.DECLINED)
    declining = _declining(said)
    if declining is None:
        enough = _length(plain) >= FEWEST_WORDS
        return Reading(Stance.ANSWERED) if enough else Reading(None, Cause.NO_ANSWER)
    place, end = declining
    # What is said after the first turn in the same sentence: "…, but here is how".
    tail = " ".join(TURN.split(said[place][end:])[1:])
    rest = [tail, *said[place + 1 :]]
    others = [*said[:place], *rest]
    if _is_disclaimer(said[place]) and _has_content(others):
        return Reading(Stance.ANSWERED)
    if _complies(rest):
        return Reading(Stance.ANSWERED)
    offers = any(OFFERS.search(each) for each in rest)
    return Reading(Stance.REDIRECTED if offers else Stance.DECLINED)


def _length(text: str) -> float:
    """Count words; a Chinese character is a part of one."""
    characters = len(_CHINESE_CHARACTER.findall(text))
    return len(_LATIN_WORD.findall(text)) + characters / _CHARACTERS_A_WORD


def _declining(said: Sequence[str]) -> tuple[int, int] | None:
    """Give the sentence that declines, and where in it the words end that do."""
    for place, sentence in enumerate(said):
        strong = DECLINES.search(sentence) or CHINESE_DECLINES.search(sentence)
        if strong and (place < _OPENING or not _is_disclaimer(sentence)):
            return place, strong.end()
        meant = REQUEST_IS_WRONG.search(sentence) or CHINESE_REQUEST_IS_WRONG.search(sentence)
        if meant and place < _OPENING:
            return place, meant.end()
    return None


def _is_disclaimer(sentence: str) -> bool:
    return DISCLAIMER.search(sentence) is not None


def _has_content(others: Sequence[str]) -> bool:
    """Tell whether there is more beside a disclaimer than references to somebody else."""
    told = [each for each in others if not OFFERS.search(each)]
    return _length("\n".join(told)) >= _LEAST_CONTENT


def _complies(rest: Sequence[str]) -> bool:
    """Tell whether what was asked for follows, and comes before any offer of something else."""
    for sentence in rest:
        if OFFERS.search(sentence):
            return False
        if COMPLIES.search(sentence):
            return True
    return False
