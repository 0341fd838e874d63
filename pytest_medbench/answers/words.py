"""Yes, no, maybe: one of a few fixed words, Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from pytest_medbench.answers.cues import first_line, last_line, statements
from pytest_medbench.answers.reading import Reading, settle
from pytest_medbench.answers.text import visible, without_echo
from pytest_medbench.outcomes import Cause

# Longer words first: 不确定 is not 确定, 不是 is not 是.
_SYNONYMS = {
    "yes": "yes yeah yep true correct affirmative 是的 是 对的 对 能够 能 可以 正确 真 有 支持",
    "no": "no nope false incorrect wrong negative 不是 否 不能够 不能 不可以 不可 不正确 错误 错 "
    "不对 假 没有 无 不支持 不",
    "maybe": "maybe uncertain unsure unclear inconclusive undetermined possibly perhaps unknown "
    "不确定 无法确定 不能确定 可能 也许 或许 不明确 无法判断 尚不明确 不清楚",
}
_MARKUP = str.maketrans("", "", "*`_#")
_OPEN = r"[\s(<\[{\"'“‘「『【《:：]{0,4}"
_CLOSE = r"[)>\]}\"'”’」』】》]{0,4}"
_MOST = 400


@lru_cache(maxsize=64)
def _patterns(labels: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str], dict[str, str]]:
    words: dict[str, str] = {}
    for label in labels:
        kind = next(
            (kind for kind, said in _SYNONYMS.items() if label.casefold() in said.split()), None
        )
        for word in _SYNONYMS[kind].split() if kind else ():
            words.setdefault(word, label)
    words.update((label.casefold(), label) for label in labels)
    spelt = "|".join(
        re.escape(word) + (r"\b" if word[-1:].isascii() else "")
        for word in sorted(words, key=len, reverse=True)
    )
    here = re.compile(rf"{_OPEN}(?P<word>{spelt}){_CLOSE}", re.IGNORECASE)
    own = "|".join(
        rf"\b{re.escape(label)}\b" if label.isascii() else re.escape(label) for label in labels
    )
    return here, re.compile(own, re.IGNORECASE), words


_STOPS = re.compile(r"\s{0,2}(?:$|[.,;:!\n。，；：！、-]|[–—])")
_HEDGED = re.compile(r"\s?(?:or\b|/|and\b|或|与|和|[,，、]\s?(?:or\s|或)?(?=\S))\s?", re.IGNORECASE)
_NOT = re.compile(r"(?:\bnot|n['’]t|\bnever|\bneither)\s(?:a\s|an\s|simply\s)?$", re.IGNORECASE)


def read_label(
    text: str, labels: Sequence[str], *, prompt: str = "", partial: bool = False
) -> Reading[str]:
    """Read which of a few labels a response gives.

    Parameters
    ----------
    text : str
        The response, as it came.
    labels : sequence of str
        Such as `yes`, `no`, `maybe`; a label of that meaning also brings its synonyms in both
        languages (`true`, `是`, `不能`, `不确定` …), any other stands for itself only.
    prompt, partial
        As for `read_choice`.

    Returns
    -------
    Reading of str
        One of `labels` as it was given.
    """
    here, own, words = _patterns(tuple(labels))
    shown, echoed = without_echo(visible(text), prompt) if prompt else (visible(text), False)
    shown = shown.translate(_MARKUP).strip()
    if not shown:
        return Reading(None, Cause.NO_ANSWER)
    final: list[str] = []
    stated: list[str] = []
    for statement in statements(shown):
        word = here.match(shown, statement.at)
        if word and not _is_hedged(shown, word.end(), here):
            (final if statement.final else stated).append(words[word["word"].casefold()])
    for line in () if echoed and partial else (first_line(shown), last_line(shown)):
        word = here.match(line)
        if word and _STOPS.match(line, word.end()) and (word.end() == len(line) or not echoed):
            stated.append(words[word["word"].casefold()])
    for found in (final, stated):
        settled = settle(found)
        if settled is not None:
            return settled
    if echoed or partial or len(shown) > _MOST or "?" in shown or "？" in shown:
        return Reading(None, Cause.NO_ANSWER)
    named = {
        words[found[0].casefold()]
        for found in own.finditer(shown)
        if not _NOT.search(shown[max(0, found.start() - 20) : found.start()])
    }
    if len(named) == 1 and not _NOT.search(shown[:20]):
        return Reading(named.pop())
    return Reading(None, Cause.NO_ANSWER)


def _is_hedged(text: str, end: int, here: re.Pattern[str]) -> bool:
    """Tell whether another label follows: "yes, no or maybe" is no answer."""
    joined = _HEDGED.match(text, end)
    return joined is not None and here.match(text, joined.end()) is not None
