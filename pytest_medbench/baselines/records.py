"""What a baseline holds: a suite's figures and its items, as they were accepted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_medbench.outcomes import Status
from pytest_medbench.report.plain import printable

LONGEST_ANSWER = 16
HASH_MARK = "#"
_HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One item's end in the accepted run.

    Parameters
    ----------
    id : str
    status : Status
    score : float or None
        In [0, 1], the mean of the repeats; None for error, skipped and unscored.
    answer : str or None
        What `kept_answer` gave.
    made_with : str
        16 hex digits over what voids the item, see `hashes.ItemHasher`.
    scores : tuple of float
        Those of the repeats, if there were several.
    group : str or None
        What it is scored in; None where that is the item alone.
    critical : bool
        Whether it is of safety, or its group must pass: its loss is never passed over.
    """

    id: str
    status: Status
    score: float | None
    answer: str | None
    made_with: str
    scores: tuple[float, ...] = ()
    group: str | None = None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """A slice's figures within the suite, rounded to six digits: for people, not for tests.

    Parameters
    ----------
    score, low, high : float or None
        In [0, 1]; the interval is two-sided at 90 %. None where nothing is scored.
    n : int
        Groups with a score.
    """

    score: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class SuiteBaseline:
    """What was accepted for one suite under one key.

    Parameters
    ----------
    key : str
        The accepted name: the model's, or that of `--medbench-accept-as`.
    suite : str
    run : str
        The id of the run it was accepted from.
    accepted_on : str
        YYYY-MM-DD.
    reason : str or None
        Why a run was accepted that blocked or was inconclusive, or why the anchor was moved.
    verdict : str
        The run's: PASS, BLOCK, INCONCLUSIVE or `no verdict`.
    model : mapping
        The model's name and fingerprint; recorded, voids nothing.
    repeats : int
        How often each item was asked, from 1.
    hashes : mapping of str to str
        What the suite's outcomes were made with, by the names in `hashes.NAMES`.
    slices : mapping of str to Figures
    items : mapping of str to ItemRecord
        By id.
    """

    key: str
    suite: str
    run: str
    accepted_on: str
    reason: str | None
    verdict: str
    model: Mapping[str, Any]
    repeats: int
    hashes: Mapping[str, str]
    slices: Mapping[str, Figures]
    items: Mapping[str, ItemRecord] = field(repr=False)


def kept_answer(answer: str | None) -> str | None:
    """Give what a baseline keeps of an answer, which is hostile text.

    Returns
    -------
    str or None
        The answer itself if it is at most 16 characters, all of which show; else `#` and 12 hex
        digits of its SHA-256, so that two answers can still be told apart. The same answer always
        gives the same text.
    """
    if answer is None:
        return None
    short = len(answer) <= LONGEST_ANSWER and not answer.startswith(HASH_MARK)
    if short and printable(answer) == answer:
        return answer
    data = answer.encode("utf-8", errors="surrogatepass")
    return HASH_MARK + hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]
