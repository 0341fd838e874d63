"""What each of several processes may use of something that they share."""

from __future__ import annotations


def even_part(whole: int, number: int, parts: int) -> int:
    """Cut a whole into parts that add up to it; a number too many, from 0, gets nothing."""
    return whole * (number + 1) // parts - whole * number // parts if number < parts else 0


def split_rate(requests_per_minute: float, workers: int) -> float:
    """Give the requests a minute that each of so many processes may send."""
    return requests_per_minute / workers


def split_concurrency(limit: int, workers: int, index: int) -> int:
    """Give the requests that one of several processes may have in flight, at least 1.

    Together they have no more than `limit`, unless there are more processes than that.

    Parameters
    ----------
    limit, workers : int
        1 or more.
    index : int
        Which process, from 0; any number for one that replaces another.
    """
    return max(1, limit // workers + (index % workers < limit % workers))
