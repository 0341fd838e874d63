"""Short free text: a term, a label, a department."""

from __future__ import annotations

import re

from pytest_medbench.answers.cues import first_line, last_line, statements
from pytest_medbench.answers.reading import Reading
from pytest_medbench.answers.text import normalise, visible, without_echo
from pytest_medbench.outcomes import Cause

LONGEST = 300
_MARKUP = re.compile(r"[*`$]")
_STATED = re.compile(r"[\s:：]{0,4}(?P<said>[^\n]{1,300})")
_SENTENCE_END = re.compile(r"[。！；]|[.!;](?=\s|$)|(?<=[^\d]),\s|，")


def read_phrases(text: str, *, prompt: str = "", partial: bool = False) -> Reading[tuple[str, ...]]:
    """Read the phrases a response may give as its answer, each normalised, the surest first.

    What is announced as the answer comes before the whole of a response of at most 300
    characters, and that before its first and last line. Answers announced differently are
    contradictory unless one is marked as final. Parameters as for `read_number`.
    """
    shown, echoed = without_echo(visible(text), prompt) if prompt else (visible(text), False)
    shown = _MARKUP.sub("", shown).strip()
    announced = _announced(shown)
    if announced is not None:
        return announced
    if echoed or not shown or (partial and "\n" not in shown):
        return Reading(None, Cause.NO_ANSWER)
    lines = [shown, first_line(shown)] + ([] if partial else [last_line(shown)])
    phrases = [normalise(line) for line in lines if len(line) <= LONGEST]
    found = tuple(dict.fromkeys(phrase for phrase in phrases if phrase))
    return Reading(found) if found else Reading(None, Cause.NO_ANSWER)


def _announced(text: str) -> Reading[tuple[str, ...]] | None:
    for wanted in (True, False):
        said: dict[str, tuple[str, ...]] = {}
        for statement in statements(text):
            found = _STATED.match(text, statement.at)
            known = statement.final or statement.linked
            if statement.final is not wanted or not known or found is None:
                continue
            line = re.split(r"\}|</", found["said"], maxsplit=1)[0]
            short = normalise(_SENTENCE_END.split(line, maxsplit=1)[0])
            if short:
                said[short] = (short, normalise(line))
        if len(said) > 1:
            return Reading(None, Cause.CONTRADICTORY)
        if said:
            return Reading(tuple(dict.fromkeys(next(iter(said.values())))))
    return None
