"""Finds lettered options inside a question's text, or says that it cannot tell."""

from __future__ import annotations

import re

_FIRST = re.compile(r"(?:^|(?<=\s))A([.．、])")
_MOST_MARKS = 200
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def parse_lettered(text: str) -> list[str] | None:
    """Read the options that end a question: `A. … B. …`, one a line or one after the other.

    Parameters
    ----------
    text : str
        The whole question.

    Returns
    -------
    list of str or None
        The options' texts in order, blanks at their ends removed. None wherever another reading
        is possible: letters out of order, a letter inside an option that could open the next one,
        text after the options, an empty option, or two options that are the same.
    """
    starts = list(_FIRST.finditer(text))
    if not starts:
        return None
    tail = text[starts[-1].start() :].rstrip()
    marks = list(re.finditer("([A-Z])" + re.escape(starts[-1][1]), tail))
    if len(marks) > _MOST_MARKS:
        return None
    openers = _inline(tail, marks) or _by_line(tail, marks)
    if openers is None:
        return None
    ends = [mark.start() for mark in openers[1:]] + [len(tail)]
    options = [tail[mark.end() : end].strip() for mark, end in zip(openers, ends, strict=True)]
    if not all(options) or len(set(options)) < len(options) or any("\n" in o for o in options):
        return None
    return options


def _in_order(marks: list[re.Match[str]]) -> bool:
    return len(marks) >= 2 and "".join(mark[1] for mark in marks) == _LETTERS[: len(marks)]


def _opens_line(tail: str, mark: re.Match[str]) -> bool:
    return not tail[tail.rfind("\n", 0, mark.start()) + 1 : mark.start()].strip()


def _inline(tail: str, marks: list[re.Match[str]]) -> list[re.Match[str]] | None:
    """Take every mark as an option's, where there is no other way to read them.

    Options one after the other stand on one line. Where most stand on lines of their own, one
    that does not is believed only if a later line goes on with the next letter.
    """
    if not _in_order(marks):
        return None
    if "\n" in tail and not _opens_line(tail, marks[-1]):
        return None
    return marks


def _by_line(tail: str, marks: list[re.Match[str]]) -> list[re.Match[str]] | None:
    """Take the marks that open a line, unless another mark could open one more option."""
    openers = [mark for mark in marks if _opens_line(tail, mark)]
    if not _in_order(openers):
        return None
    following = _LETTERS[len(openers) : len(openers) + 1]
    return None if any(mark[1] == following for mark in marks) else openers
