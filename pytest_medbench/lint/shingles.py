"""Texts as sets of hashed character shingles, and their MinHash signatures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint32]
Signature = NDArray[np.uint16]

BANDS = 12
ROWS = 5
# Long stems are compared by their beginning and their end.
LONGEST = 8_000

_random = np.random.default_rng(20261122)
_FACTORS = _random.integers(0, 2**31, size=(BANDS * ROWS, 1), dtype=np.uint32) * np.uint32(2) + 1
_TERMS = _random.integers(0, 2**32, size=(BANDS * ROWS, 1), dtype=np.uint32)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def shingles(text: str, size: int) -> Hashes:
    """Give the different hashes of all runs of `size` characters, sorted; none for less text."""
    if len(text) > LONGEST:
        text = text[: LONGEST // 2] + text[-LONGEST // 2 :]
    data = text.encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(data, dtype="<u4").astype(np.uint64)
    count = len(codes) - size + 1
    if count < 1:
        return np.empty(0, np.uint32)
    value = np.zeros(count, np.uint64)
    for at in range(size):
        value = value * _BASE + codes[at : at + count]
    value ^= value >> np.uint64(29)
    value *= _MIX
    value ^= value >> np.uint64(32)
    found: Hashes = np.sort(value.astype(np.uint32))
    # What np.unique does, without its checks: this is the inner loop.
    different = np.empty(count, np.bool_)
    different[0] = True
    np.not_equal(found[1:], found[:-1], out=different[1:])
    kept: Hashes = found[different]
    return kept


def without(hashes: Hashes, others: Hashes) -> Hashes:
    """Give the hashes that are not among others; both sorted."""
    if not len(others):
        return hashes
    places = np.minimum(np.searchsorted(others, hashes), len(others) - 1)
    kept: Hashes = hashes[others[places] != hashes]
    return kept


def signature(hashes: Hashes) -> Signature:
    """Give 60 minima, each of another order of the hashes [1]_.

    Parameters
    ----------
    hashes : array of uint32
        At least one.

    References
    ----------
    .. [1] A. Z. Broder, On the resemblance and containment of documents, SEQUENCES (1997).
    """
    minima = (hashes * _FACTORS + _TERMS).min(axis=1)
    # The low half is as good as the whole: equal minima stay equal, others differ in 65,535 of
    # 65,536 cases.
    low: Signature = (minima & np.uint32(0xFFFF)).astype(np.uint16)
    return low


def resemblance(one: Hashes, other: Hashes) -> float:
    """Give the Jaccard index of two sets of hashes, in [0, 1]; 0 for two empty ones."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    whole = len(one) + len(other) - common
    return common / whole if whole else 0.0


def band_keys(signatures: NDArray[Any], band: int) -> NDArray[np.uint64]:
    """Give one number for each item that is equal where all rows of a band are."""
    keys = np.zeros(len(signatures), np.uint64)
    for row in range(band * ROWS, (band + 1) * ROWS):
        keys = keys * _BASE + signatures[:, row].astype(np.uint64)
        keys ^= keys >> np.uint64(31)
    return keys
