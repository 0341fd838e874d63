"""Free texts that repeat what was asked, and texts longer than asked."""

from __future__ import annotations

import re

from pytest_medbench.answers.text import common_length, fold, squeezed

_SHORTEST = 60
_NEARLY_ALL = 0.8
_NOT_BLANK = re.compile(r"\S")
_WORD = re.compile(r"\S+")
_CJK = re.compile("[\u3400-\u9fff]")


def without_repetition(text: str, prompt: str) -> str:
    """Cut out what was asked, where a visible text repeats it as a whole.

    A sentence quoted from the prompt stays: a summary may quote. What is cut is the whole prompt
    wherever it stands, and its beginning where the text opens with it and either breaks off
    there or goes on to four fifths of the prompt.

    Parameters
    ----------
    text : str
        From `visible`.
    prompt : str
        From `prompt_text`.
    """
    asked = squeezed(fold(prompt))
    if len(asked) < _SHORTEST:
        return text.removeprefix(asked) if asked else text
    text = text.replace(asked, "\n")
    start = text.find(asked[:_SHORTEST])
    if start < 0:
        return text
    shared = common_length(text[start:], asked)
    broke_off = start + shared >= len(text.rstrip())
    if broke_off or shared >= _NEARLY_ALL * len(asked):
        return text[:start] + "\n" + text[start + shared :]
    return text


def limited(text: str, most: int, *, chinese: bool) -> tuple[str, bool]:
    """Cut a text at a length.

    Parameters
    ----------
    text : str
    most : int
        Words, or for Chinese characters that are no blanks.
    chinese : bool

    Returns
    -------
    tuple of (str, bool)
        What is within the length, and whether that is the whole text.
    """
    pattern = _NOT_BLANK if chinese else _WORD
    end = 0
    for count, found in enumerate(pattern.finditer(text), 1):
        if count > most:
            return text[:end], False
        end = found.end()
    return text, True


def is_chinese(text: str) -> bool:
    """Tell whether a text has at least as many Chinese characters as English words."""
    return len(_CJK.findall(text)) >= max(1, len(re.findall("[A-Za-z]{2,}", text)))
