"""Asks the model under test through the provider's batch service, ahead of the cases.

The whole plan goes out as files of requests; what comes back is stored under the keys that live
responses have, and the cases find it there. :func:`run_batch` does that once in the process that
decides; :class:`BatchModel` then stands in for the model, and never goes live.
"""

from __future__ import annotations

from pytest_medbench.batch.model import BatchModel
from pytest_medbench.batch.report import BatchReport
from pytest_medbench.batch.run import Limits, run_batch

__all__ = ["BatchModel", "BatchReport", "Limits", "run_batch"]
