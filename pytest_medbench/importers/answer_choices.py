"""Splits `… Answer Choices: (A) … (B) …` into stem and options, or says that it cannot tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

MARKER = "\nAnswer Choices: "
_MARK = re.compile(r"(?:^|(?<=\s))\(([A-Z])\)(?=\s|$)")


def split_choices(question: str, options: Sequence[str] | None = None) -> tuple[str, list[str]]:
    """Split a question of the MedXpertQA repository's shape.

    Parameters
    ----------
    question : str
        Stem, marker and choices.
    options : sequence of str or None
        The options, where the data set lists them beside the question; else they are read from
        the text.

    Returns
    -------
    tuple of str and list of str
        The stem and the options; joined again they are `question`, character by character.

    Raises
    ------
    ValueError
        If there is no such marker, the listed options are not the ones in the text, or the text
        can be read in more than one way.
    """
    stem, marker, choices = question.rpartition(MARKER)
    if not marker:
        raise ValueError(
            "the question has no 'Answer Choices: ' line and its options are not known"
        )
    if options is not None:
        # The text of an option may hold the marker, so the end of the question decides.
        ending = MARKER + join_choices(options)
        if not question.endswith(ending):
            raise ValueError("the listed options are not those at the end of the question")
        return question.removesuffix(ending), list(options)
    if MARKER in stem:
        raise ValueError(
            "'Answer Choices: ' stands twice in the question; cannot tell which counts"
        )
    found = _read(choices)
    if join_choices(found) != choices or not all(option.strip() for option in found):
        raise ValueError("the choices are not written as '(A) text (B) text ...'")
    return stem, found


def join_choices(options: Sequence[str]) -> str:
    """Write options as the repository does."""
    return " ".join(
        f"({letter}) {option}" for letter, option in zip(ascii_uppercase, options, strict=False)
    )


def _read(choices: str) -> list[str]:
    """Read the marks A, B, C, … in order; letters in brackets may stand inside the last option."""
    marks = list(_MARK.finditer(choices))
    count = 0
    while count < min(len(marks), 26) and marks[count][1] == ascii_uppercase[count]:
        count += 1
    if count < 2 or marks[0].start() != 0:
        raise ValueError("the choices do not begin with '(A) text (B) '")
    # Another mark of the last letter, or one of the next, would be another way to read them.
    either = ascii_uppercase[count - 1 : count + 1]
    if any(mark[1] in either for mark in marks[count:]):
        raise ValueError(
            "the choices can be read in more than one way: an option holds a letter in brackets "
            "that could open the next one"
        )
    ends = [mark.start() - 1 for mark in marks[1:count]] + [len(choices)]
    return [choices[mark.end() + 1 : end] for mark, end in zip(marks, ends, strict=False)]
