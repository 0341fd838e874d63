"""Option lists inside a response: repeated from the prompt, so no answer."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple

from pytest_medbench.answers.contents import Contents
from pytest_medbench.answers.text import normalise

# The patterns begin with a fixed sign or set, which lets them skip most of a text.
_LINE_LABEL = re.compile(
    r"\n[ >•-]{0,4}(?:option |choice |选项)?[(<\[]?([A-Z])(?:[)>\].:：、,]{1,2}|(?= ?\n|$))",
    re.IGNORECASE,
)
_INLINE_LABEL = re.compile(
    r"[(<\[A-Z](?<![A-Za-z0-9(<\[].)(?:(?<=[(<\[])[A-Z][)>\]]|(?<=[A-Z])[.)、:：])"
)
_EXPLAINS = re.compile(
    r"\b(?:explanation|because|rationale|reason|why|incorrect|wrong|since)\b"
    r"|解析|理由|原因|解释|分析|因为|错误|不正确",
    re.IGNORECASE,
)
_MOST_LABELS = 60


class Label(NamedTuple):
    """A letter that labels what follows it."""

    letter: str
    start: int
    end: int


def line_labels(text: str) -> list[Label]:
    """Find the letters that begin a line and are set off from what follows."""
    return [
        Label(found[1].upper(), found.start(1) - 1, found.end() - 1)
        for found in _LINE_LABEL.finditer("\n" + text)
    ]


def inline_labels(text: str) -> list[Label]:
    """Find the first letters that are set off as labels anywhere, at most 60."""
    labels = []
    for found in islice(_INLINE_LABEL.finditer(text), _MOST_LABELS):
        start = found.start() if found[0][0].isalpha() else found.start() + 1
        labels.append(Label(text[start], start, found.end()))
    return labels


def opens_list(labels: list[Label], text: str, contents: Contents) -> bool:
    """Tell whether the first label is followed by the next letter with no explanation between."""
    if len(labels) < 2 or ord(labels[1].letter) != ord(labels[0].letter) + 1:
        return False
    return not _explained(labels[0], labels[1], text, contents)


def _explained(label: Label, following: Label, text: str, contents: Contents) -> bool:
    """Tell whether more than the option's own text, which may hold "because", stands between."""
    between = normalise(text[label.end : min(following.start, label.end + 2_000)])
    return _EXPLAINS.search(between.removeprefix(contents.own(label.letter))) is not None


def listed(
    text: str, letters: str, contents: Contents, stated: Collection[int]
) -> list[tuple[int, int]]:
    """Find the places where options are listed from A on, each with its own text.

    All of them make a list, or three; after the first no explanation may begin, for
    `A. …, because B. …` is an answer.

    Parameters
    ----------
    text, letters : str
    contents : Contents
    stated : collection of int
        Places right after words that announce an answer: a label there does not go on with a list.

    Returns
    -------
    list of (int, int)
        From the first label to the last one of each list.
    """
    enough = min(3, len(letters))
    spans = []
    run: list[Label] = []
    for label in inline_labels(text):
        if contents.leading(text[label.end : label.end + 2_000].lstrip()) != label.letter:
            continue
        if run and any(0 <= label.start - at <= 4 for at in stated):
            continue
        if len(run) < len(letters) and label.letter == letters[len(run)]:
            run.append(label)
        else:
            spans.append(run)
            run = [label] if label.letter == letters[0] else []
    spans.append(run)
    return [
        (span[0].start, span[-1].end)
        for span in spans
        if len(span) >= enough and not _explained(span[0], span[1], text, contents)
    ]
