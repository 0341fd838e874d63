"""What a batch run came to, and how other processes of the run learn of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_medbench.batch.state import telling, write_whole
from pytest_medbench.runs import RunError

_FILE = "batch.json"


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch run came to.

    Parameters
    ----------
    fingerprint : mapping
        What the model said it is; the keys are made with it.
    requests : int
        Different requests of the plan.
    stored : int
        Of them, answered before.
    answered : int
        Of them, answered by a batch now.
    reasons : mapping of bytes to str
        Why a request, by its cache key, brought no answer and is not sent again.
    batches : tuple of str
        The provider's ids of the batches that were waited for.
    stopped : str or None
        Why it was left before the end; the batches go on.
    input_tokens, output_tokens : int
        Of the answers that batches brought.
    """

    fingerprint: Mapping[str, Any]
    requests: int = 0
    stored: int = 0
    answered: int = 0
    reasons: Mapping[bytes, str] = field(default_factory=dict)
    batches: tuple[str, ...] = ()
    stopped: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0

    def save(self, folder: Path) -> None:
        """Write what a :class:`BatchModel` in another process needs into the run's folder.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        by_reason: dict[str, list[str]] = {}
        for key, reason in self.reasons.items():
            by_reason.setdefault(reason, []).append(key.hex())
        write_whole(
            folder / _FILE,
            {
                "fingerprint": dict(self.fingerprint),
                "batches": list(self.batches),
                "stopped": self.stopped,
                "reasons": by_reason,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> BatchReport:
        """Read what :meth:`save` wrote: the fingerprint, the batches, the reasons.

        Raises
        ------
        RunError
            If it cannot be read.
        """
        path = folder / _FILE
        try:
            with telling(path, "read"):
                value = json.loads(path.read_bytes())
            reasons = {
                bytes.fromhex(key): reason
                for reason, keys in value["reasons"].items()
                for key in keys
            }
            return cls(
                fingerprint=value["fingerprint"],
                reasons=reasons,
                batches=tuple(value["batches"]),
                stopped=value["stopped"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{path}: is no report of a batch run ({error!r})") from error
