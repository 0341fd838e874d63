"""`multi`: a set of option letters."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pytest_medbench.answers import is_partial, prompt_text, read_choices, why_missing
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.options import letters_of, longest_option
from pytest_medbench.scorers.registry import scorer
from pytest_medbench.suites import Item, Traits


class MultiOptions(BaseModel):
    """Options of `multi`.

    Parameters
    ----------
    credit : {'exact', 'f1'}
        All or nothing, or the F1 of the letters given against the target's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    credit: Literal["exact", "f1"] = "exact"


def _inspect(item: Item, options: MultiOptions) -> Traits:
    letters = letters_of(item)
    target = item.target
    given = list(target) if isinstance(target, str | list) else []
    known = [letter for letter in given if isinstance(letter, str) and letter in set(letters)]
    if not given or len(known) < len(given) or len(set(known)) < len(known):
        raise ValueError(
            f"target = {target!r}, expected different letters from A to {letters[-1]}, "
            'such as "AC" or ["A", "C"]'
        )
    constant = "".join(sorted(known))
    return Traits(constant, longest_option(item.options or []) == constant)


@scorer("multi", template="multi", options=MultiOptions, inspect=_inspect)
def multi(item: Item, response: Response, options: MultiOptions) -> Score:
    """Score the set of letters, or of option texts, that the response gives; order is nothing."""
    found = read_choices(
        response.text,
        item.options or [],
        prompt=prompt_text(item.input),
        partial=is_partial(response),
    )
    if found.answer is None:
        return Score(0.0, None, why_missing(found.cause or Cause.NO_ANSWER, response))
    given, wanted = set(found.answer), set(item.target)
    if options.credit == "exact":
        return Score(float(given == wanted), found.answer)
    hits = len(given & wanted)
    parts = {"precision": hits / len(given), "recall": hits / len(wanted)}
    return Score(2 * hits / (len(given) + len(wanted)), found.answer, parts=parts)
