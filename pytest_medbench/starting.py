"""Starts a model, as often as it takes and makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pytest_medbench.jobs import Patience
from pytest_medbench.models.base import Model, ModelError

_DEADLINE = 60.0


async def start(model: Model, patience: Patience, event: Callable[[str, str], None]) -> None:
    """Start a model; try again where its error says that this may help.

    Parameters
    ----------
    model : Model
    patience : Patience
        No try begins after its deadline, or after a minute.
    event : callable
        Called with `retry` and a sentence.

    Raises
    ------
    ModelError
        If it cannot be used.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + min(_DEADLINE, patience.deadline)
    for tries in range(1, patience.max_tries + 1):
        try:
            return await model.start()
        except ModelError as error:
            delay = patience.backoff.delay(tries, error.retry_after)
            last = tries == patience.max_tries or loop.time() + delay > until
            if last or not error.retry:
                raise
            event("retry", f"start {tries} of the model failed: {error.reason}")
        await asyncio.sleep(delay)
    return None
