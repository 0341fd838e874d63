"""Where the terms of a list stand in a text: whole words in English, substrings in Chinese."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from pytest_medbench.answers.clauses import prepared_term

Span = tuple[int, int]
_SHORTEST_PLURAL = 4


def is_word(char: str) -> bool:
    """Tell whether a character goes on a word; a Chinese one never does."""
    return char.isalnum() and not "\u3400" <= char <= "\u9fff"


@lru_cache(maxsize=4096)
def prepared_alias(alias: str) -> tuple[str, bool]:
    """Give an alias as it is looked for, and whether any ending may follow."""
    term = prepared_term(alias.strip().removesuffix("*"))
    return term, alias.strip().endswith("*")


def mentions(text: str, aliases: Iterable[str]) -> list[Span]:
    """Find the aliases in a prepared text.

    Parameters
    ----------
    text : str
        From `prepared`.
    aliases : iterable of str
        A Latin letter or digit at either end has to be the end of a word there; a plural `s` or
        `es` may follow a word of four letters or more, and any ending a final `*`.

    Returns
    -------
    list of (int, int)
        Sorted places, in time linear in the text for each alias.
    """
    return sorted({span for alias in aliases for span in _places(text, *prepared_alias(alias))})


def _places(text: str, term: str, any_ending: bool) -> Iterator[Span]:
    if not term:
        return
    if term not in text:
        return
    opens, closes = is_word(term[0]), is_word(term[-1])
    plural = closes and term[-1].isalpha() and len(term) >= _SHORTEST_PLURAL
    start = text.find(term)
    while start >= 0:
        end = start + len(term)
        if not (opens and start and is_word(text[start - 1])):
            stop = _word_end(text, end, any_ending, plural) if closes else end
            if stop is not None:
                yield start, stop
        start = text.find(term, start + 1)


def _word_end(text: str, end: int, any_ending: bool, plural: bool) -> int | None:
    if end >= len(text) or not is_word(text[end]):
        return end
    if any_ending:
        return end
    if plural:
        for ending in ("s", "es"):
            stop = end + len(ending)
            if text.startswith(ending, end) and not (stop < len(text) and is_word(text[stop])):
                return stop
    return None
