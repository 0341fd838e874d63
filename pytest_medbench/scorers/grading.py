"""From a response to an outcome: the one place where an item's status is made from a score."""

from __future__ import annotations

from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Outcome, Score, Status
from pytest_medbench.suites import Item, Suite

LONGEST_ANSWER = 80
_LONGEST_REASON = 500
_LONGEST_SERVER = 401  # two names as long as a server's may be


def grade(suite: Suite, item: Item, response: Response) -> Outcome:
    """Score one response and give the item's outcome.

    Parameters
    ----------
    suite : Suite
        Its `[score]` table has the scorer and `correct_at`.
    item : Item
    response : Response

    Returns
    -------
    Outcome
        `unscored` without a target or where a judge has to score; `unparsable` where no answer
        could be read; `correct` at a score of `correct_at` or more, else `wrong`. A scorer that
        raises, or gives anything but a number in [0, 1], makes an `error`, never a wrong answer.
    """
    score, status, reason = None, Status.UNSCORED, None
    if item.target is not None and suite.scorer.needs_judge:
        reason = "needs a judge"
    elif item.target is not None:
        try:
            score = suite.scorer.score(item, response)
        except Exception as error:
            status = Status.ERROR
            reason = printable(
                f"scorer {suite.scorer.name!r} failed: {type(error).__name__}: {error}",
                _LONGEST_REASON,
            )
        else:
            status = status_of(score, suite.spec.score.correct_at)
            reason = score.cause.value if score.cause is not None else None
    return Outcome(
        suite=suite.name,
        id=item.id,
        status=status,
        score=None if score is None else float(score.value),
        answer=None if score is None or score.answer is None else printable(score.answer),
        reason=reason,
        parts={} if score is None else score.parts,
        tries=response.tries,
        asked_at=response.arrived_at,
        served_by=served_by(response),
    )


def status_of(score: Score, correct_at: float) -> Status:
    """Give the status of a score."""
    if score.cause is not None:
        return Status.UNPARSABLE
    return Status.CORRECT if score.value >= correct_at else Status.WRONG


def served_by(response: Response) -> str | None:
    """Say what the server said it is: its `model` and `system_fingerprint`, None for neither."""
    said = [part for part in (response.model, response.system_fingerprint) if part]
    return printable(" ".join(said), _LONGEST_SERVER) or None


def printable(text: str, longest: int = LONGEST_ANSWER) -> str:
    """Cut a text to one line without control characters, of at most `longest` characters."""
    if len(text) <= longest and text.isprintable():
        return text
    shown = "".join(char if char.isprintable() else " " for char in text[: 4 * longest])
    shown = " ".join(shown.split())
    return shown if len(shown) <= longest else shown[: longest - 1].rstrip() + "…"
