"""Splits `… Answer Choices: (A) … (B) …` into stem and options, or says that it cannot tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

MARKER = "\nAnswer Choices: "
_MARK = re.compile(r"(?:^|(?<=\s))\(([A-Z])\)(?=\s|$)")
_MOST_MARKS = 200


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
    """Read marks A, B, C, … in order, as far as they go, where there is only one way to."""
    marks = list(_MARK.finditer(choices))
    if len(marks) > _MOST_MARKS:
        raise ValueError(
            f"the choices hold {len(marks)} letters in brackets; cannot tell them apart"
        )
    ways = _longest_chains(marks)
    if not ways:
        raise ValueError("the choices do not begin with '(A) '")
    chain, count = ways
    if len(chain) < 2:
        raise ValueError("the choices hold fewer than two options")
    if count > 1:
        raise ValueError(
            "the choices can be read in more than one way: an option holds a letter in brackets "
            "that could open the next one"
        )
    ends = [mark.start() - 1 for mark in chain[1:]] + [len(choices)]
    return [choices[mark.end() + 1 : end] for mark, end in zip(chain, ends, strict=True)]


def _longest_chains(
    marks: list[re.Match[str]],
) -> tuple[list[re.Match[str]], int] | None:
    """Give a longest chain A, B, C, … from the first character on, and how many there are."""
    if not marks or marks[0].start() != 0 or marks[0][1] != "A":
        return None
    # For each letter: how many chains end in each of its marks.
    layers: list[list[tuple[re.Match[str], int]]] = [[(marks[0], 1)]]
    for letter in ascii_uppercase[1:]:
        layer = []
        for mark in marks:
            if mark[1] == letter:
                ways = sum(n for before, n in layers[-1] if before.start() < mark.start())
                if ways:
                    layer.append((mark, ways))
        if not layer:
            break
        layers.append(layer)
    chain = [layers[-1][-1][0]]
    for layer in reversed(layers[:-1]):
        chain.append(next(m for m, _ in reversed(layer) if m.start() < chain[-1].start()))
    return chain[::-1], sum(ways for _, ways in layers[-1])
