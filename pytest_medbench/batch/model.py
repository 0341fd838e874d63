"""The model under test as the cases of a batch run see it: stored answers, and nothing live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_medbench.cache import KeyMaker
from pytest_medbench.errors import ConfigError
from pytest_medbench.exchange import Request, Response
from pytest_medbench.models.base import Model, ModelError

if TYPE_CHECKING:
    from pytest_medbench.batch.report import BatchReport
    from pytest_medbench.models.openai import OpenAIModel

_NO_ANSWER = "no batch brought an answer to this request; run the same command again to send it"
_STOPPED = "the run was stopped ({}) before its batch ended; the same command picks it up"


class BatchModel:
    """Stands in for a model whose requests went through the batch service.

    It is the same model to the cache, the plan and the report, and connects to nothing.

    Parameters
    ----------
    model : Model
        An OpenAIModel.
    report : BatchReport
        What :func:`run_batch` gave, or `BatchReport.load` read in another process.

    Attributes
    ----------
    live : OpenAIModel
        The model itself.

    Raises
    ------
    ConfigError
        If the model has no batch service.
    """

    cacheable = True
    is_control = False

    def __init__(self, model: Model, report: BatchReport) -> None:
        self.live = with_batches(model)
        self.name = model.name
        self.concurrency = model.concurrency
        self.requests_per_minute: float | None = None
        self.price = self.live.price
        self.cutoff = self.live.cutoff
        self._fingerprint = report.fingerprint
        self._make_key = KeyMaker(report.fingerprint)
        self._reasons = report.reasons
        self._otherwise = _NO_ANSWER if report.stopped is None else _STOPPED.format(report.stopped)

    async def start(self) -> None:
        """Do nothing: what it is has been found out when the batch was made."""

    def fingerprint(self) -> Mapping[str, Any]:
        """Give the fingerprint that the batch's keys were made with."""
        return self._fingerprint

    def wire(self, request: Request) -> Mapping[str, Any]:
        """Give the request's JSON."""
        return self.live.wire(request)

    async def answer(self, request: Request) -> Response:
        """Say why the batch brought no answer. Raises ModelError, always."""
        key = self._make_key(self.wire(request), request.sample)
        raise ModelError(self._reasons.get(key, self._otherwise))

    async def close(self) -> None:
        """Do nothing."""


def with_batches(model: Model) -> OpenAIModel:
    """Give the model as one that may have a batch service.

    Raises
    ------
    ConfigError
        If it is of a kind that has none.
    """
    from pytest_medbench.models.local import LocalModel
    from pytest_medbench.models.openai import OpenAIModel

    if isinstance(model, OpenAIModel) and not isinstance(model, LocalModel):
        return model
    raise ConfigError(
        f"--medbench-batch: model {model.name!r} has no batch service; expected an alias from "
        "[tool.medbench.models] or openai:MODEL; leave the flag out"
    )
