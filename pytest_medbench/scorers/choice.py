"""`choice`: one option letter."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_medbench.answers import is_partial, prompt_text, read_choice, why_missing
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.options import letters_of, longest_option
from pytest_medbench.scorers.registry import NoOptions, scorer
from pytest_medbench.suites import Item, Traits

_DECORATION = " \t\r\n\u2581\u0120\u010a()<>[]{}*\"'.:,`"


def _inspect(item: Item, options: NoOptions) -> Traits:
    letters = letters_of(item)
    target = item.target
    if not isinstance(target, str) or len(target) != 1 or target not in letters:
        raise ValueError(f"target = {target!r}, expected one letter from A to {letters[-1]}")
    return Traits(target, longest_option(item.options or []) == target)


@scorer("choice", template="choice", inspect=_inspect)
def choice(item: Item, response: Response, options: NoOptions) -> Score:
    """Score 1 where the response gives the target's letter, or the text of its option.

    Where letter log-probabilities came with the response, the item's letter with the highest one
    is the answer and the text is not looked at; where none of the item's letters is among them,
    the text is.
    """
    shown = item.options or []
    if response.top_logprobs:
        ranked = likeliest(response.top_logprobs, len(shown))
        if ranked is not None:
            if len(ranked) > 1:
                return Score(0.0, None, Cause.CONTRADICTORY)
            return Score(float(ranked == item.target), ranked)
    found = read_choice(
        response.text, shown, prompt=prompt_text(item.input), partial=is_partial(response)
    )
    if found.answer is None:
        return Score(0.0, None, why_missing(found.cause or Cause.NO_ANSWER, response))
    return Score(float(found.answer == item.target), found.answer)


def likeliest(tokens: Sequence[tuple[str, float]], count: int) -> str | None:
    """Give the option letter with the highest log-probability.

    Parameters
    ----------
    tokens : sequence of (str, float)
        Tokens, with their blanks and brackets, and natural-log probabilities.
    count : int
        How many options the item has.

    Returns
    -------
    str or None
        A letter; several letters where they are exactly equal; None where no token is a letter
        of the item. A lower-case letter counts only where there is no upper-case one.
    """
    upper: dict[str, float] = {}
    lower: dict[str, float] = {}
    for token, logprob in tokens:
        letter = token.strip(_DECORATION)
        if len(letter) != 1 or math.isnan(logprob) or not 0 <= ord(letter.upper()) - 65 < count:
            continue
        seen = upper if letter.isupper() else lower
        seen[letter.upper()] = max(logprob, seen.get(letter.upper(), -math.inf))
    seen = upper or lower
    if not seen:
        return None
    best = max(seen.values())
    return "".join(sorted(letter for letter, logprob in seen.items() if logprob == best))
