"""Small readings of text that several rules share."""

from __future__ import annotations

import re

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"[^\W\d_][\w'’-]*")


def count_han(text: str) -> int:
    """Count Chinese characters."""
    return 0 if text.isascii() else sum(map(len, _HAN.findall(text)))


def count_letters(text: str) -> int:
    """Count letters of any script, Chinese characters among them."""
    return sum(map(len, _LETTERS.findall(text)))


def count_words(text: str) -> int:
    """Count words that are set apart by blanks or signs."""
    return len(_WORDS.findall(text))


def holds(text: str, part: str) -> bool:
    """Tell whether a text holds a part, in languages with blanks between words as whole words."""
    start = text.find(part)
    while start >= 0:
        end = start + len(part)
        if not (_joined(text, start) or _joined(text, end)):
            return True
        start = text.find(part, start + 1)
    return False


def _joined(text: str, at: int) -> bool:
    """Tell whether two characters side by side belong to one word."""
    if not 0 < at < len(text):
        return False
    left, right = text[at - 1], text[at]
    if count_han(left) or count_han(right):
        return False
    return (left.isalnum() and right.isalnum()) or (
        left in ".-" and right.isdigit() and at > 1 and text[at - 2].isdigit()
    )
