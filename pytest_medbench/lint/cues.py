"""Cues that give an answer away to someone who does not know it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_medbench.lint.model import LETTERS, Finding, Row
from pytest_medbench.lint.registry import item_rules
from pytest_medbench.lint.texts import count_han, holds

_ABSOLUTE = re.compile(
    r"\b(?:always|never|invariably|under no circumstances?|in (?:all|every) cases?|"
    r"without exception|under all circumstances)\b|一定(?=要|会|能|是|不)|永远|从不|从来不|必然|"
    r"任何情况下|无一例外|毫无例外|百分之百|绝对(?!禁忌|值|卧床|计数|不应期|适应|数|剂量|湿度)",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"\b(an?)[\s_.:…-]*$")
_CONSONANT = ("uni", "use", "uti", "ure", "uro", "eu", "one", "once", "ur")
_VOWEL = ("hour", "honest", "heir", "honor", "honour")
_SPELT_WITH_VOWEL = frozenset("AEFHILMNORSX")
_SHORTEST = 5
_SHORTEST_HAN = 3
# From here on it is no mention of a finding or a drug, but the answer.
_SENTENCE = 30
_SENTENCE_HAN = 12


@item_rules(
    {
        "absolute-words": "always, never, 一定 … in distractors alone",
        "article-cue": "a stem ending in a or an that fits the right option and not all others",
        "answer-in-stem": "the right option's text, and no other's, stands in the stem",
    }
)
def cues(row: Row) -> Iterator[Finding]:
    """Check one item with one right option."""
    if row.right is None:
        return
    yield from _absolute(row, row.right)
    yield from _article(row, row.right)
    yield from _in_stem(row, row.right)


def _absolute(row: Row, right: int) -> Iterator[Finding]:
    found = [_ABSOLUTE.search(option) for option in row.options]
    if found[right] is not None:
        return
    hits = [(letter, hit) for letter, hit in zip(LETTERS, found, strict=False) if hit]
    if hits:
        letter, hit = hits[0]
        yield row.advice(
            "absolute-words",
            f"{hit[0].lower()!r} in option {letter} and not in the right one tells that it is "
            "wrong; soften it, or say as much in the right option",
        )


def _article(row: Row, right: int) -> Iterator[Finding]:
    found = _ARTICLE.search(row.stem[-40:])
    if found is None or not row.language.startswith("en"):
        return
    wanted = found[1] == "an"
    fits = [_takes_an(option) == wanted for option in row.options]
    if fits[right] and not all(fits):
        wrong = LETTERS[fits.index(False)]
        yield row.advice(
            "article-cue",
            f"the stem ends in {found[1]!r}, which rules out option {wrong} by grammar; end it "
            "in 'a(n)', or put the article into the options",
        )


def _takes_an(option: str) -> bool:
    word = option.strip()
    first = re.match(r"[A-Za-z]+", word)
    if first is None:
        return word.startswith(("8", "11", "18"))
    if first[0].isupper() and (len(first[0]) > 1 or word[1:2] == "-"):
        return first[0][0] in _SPELT_WITH_VOWEL
    lower = first[0].lower()
    if lower.startswith(_CONSONANT):
        return False
    return lower.startswith(_VOWEL) or lower[0] in "aeiou"


def _in_stem(row: Row, right: int) -> Iterator[Finding]:
    stem, texts = row.normal_stem, row.normal_options
    answer = texts[right]
    han = count_han(answer)
    long_enough = han >= _SHORTEST_HAN or (len(answer) >= _SHORTEST and not answer.isdigit())
    if not long_enough or not holds(stem, answer):
        return
    others = [text for index, text in enumerate(texts) if index != right]
    if any(text and holds(stem, text) for text in others):
        return
    said = f"the text of option {LETTERS[right]}, the right one, stands in the stem and no other "
    if han >= _SENTENCE_HAN or len(answer) >= _SENTENCE:
        yield row.error("answer-in-stem", said + "option's does; take it out of the stem")
    else:
        yield row.advice(
            "answer-in-stem",
            said + "option's does: a model may choose it for that; mention a distractor as "
            "well, or reword the stem",
        )
