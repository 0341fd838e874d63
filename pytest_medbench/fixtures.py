"""Fixtures for tests of a user's own over the items of a suite; such tests feed no gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_medbench.asked import Asked
    from pytest_medbench.exchange import Response
    from pytest_medbench.outcomes import Outcome
    from pytest_medbench.suites import Item


@pytest.fixture
def medbench_item(request: pytest.FixtureRequest) -> Item:
    """Give the item this test is for; needs `@pytest.mark.medbench("suites/NAME")`."""
    return _asked(request).item


@pytest.fixture
def medbench_response(request: pytest.FixtureRequest) -> Response:
    """Give the model's response to the item; the test errors if none arrived."""
    return _asked(request).response()


@pytest.fixture
def medbench_score(request: pytest.FixtureRequest) -> Outcome:
    """Give the item's outcome: status, score in [0, 1], the answer that was read."""
    return _asked(request).outcome()


def _asked(request: pytest.FixtureRequest) -> Asked:
    call = getattr(request.node, "callspec", None)
    asked: Asked | None = None if call is None else call.params.get("_medbench_asked")
    if asked is None:
        raise pytest.UsageError(
            f'{request.node.nodeid}: mark the test with @pytest.mark.medbench("suites/NAME")'
        )
    return asked
