"""`text`: a short text, exact but for case, blanks and punctuation."""

from __future__ import annotations

from pytest_medbench.answers import (
    is_partial,
    is_refusal,
    normalise,
    prompt_text,
    read_phrases,
    why_missing,
)
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.registry import NoOptions, scorer
from pytest_medbench.suites import Item, Traits


def _inspect(item: Item, options: NoOptions) -> Traits:
    target = item.target
    texts = target if isinstance(target, list) else [target]
    if not texts or not all(isinstance(each, str) and normalise(each) for each in texts):
        raise ValueError(f"target = {target!r}, expected a text, or a list of texts all right")
    return Traits()


@scorer("text", template="text", inspect=_inspect)
def text(item: Item, response: Response, options: NoOptions) -> Score:
    """Score 1 where the response gives the target or, in a list of targets, one of them."""
    found = read_phrases(
        response.text, prompt=prompt_text(item.input), partial=is_partial(response)
    )
    if found.answer is None:
        return Score(0.0, None, why_missing(found.cause or Cause.NO_ANSWER, response))
    texts = item.target if isinstance(item.target, list) else [item.target]
    wanted = {normalise(each) for each in texts}
    for phrase in found.answer:
        if phrase in wanted:
            return Score(1.0, phrase)
    if is_refusal(response.text):
        return Score(0.0, None, Cause.REFUSAL)
    return Score(0.0, found.answer[0])
