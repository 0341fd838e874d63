"""Fixtures for tests of a user's own over the items of a suite; such tests feed no gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import pytest

from pytest_medbench.report.plain import printable

if TYPE_CHECKING:
    from pytest_medbench.asked import Asked
    from pytest_medbench.exchange import Response
    from pytest_medbench.outcomes import Outcome
    from pytest_medbench.suites import Item

LONGEST = 2000
T = TypeVar("T")


@pytest.fixture
def medbench_item(request: pytest.FixtureRequest) -> Item:
    """Give the item this test is for; needs `@pytest.mark.medbench("suites/NAME")`."""
    return _of(request, lambda asked: asked.item)


@pytest.fixture
def medbench_response(request: pytest.FixtureRequest) -> Response:
    """Give the model's response to the item; the test errors if none arrived."""
    return _of(request, lambda asked: asked.response())


@pytest.fixture
def medbench_score(request: pytest.FixtureRequest) -> Outcome:
    """Give the item's outcome: status, score in [0, 1], the answer that was read."""
    return _of(request, lambda asked: asked.outcome())


def _of(request: pytest.FixtureRequest, give: Callable[[Asked], T]) -> T:
    from pytest_medbench.asked import Asked
    from pytest_medbench.errors import MedbenchError

    asked = Asked.of(request.node)
    if asked is None:
        pytest.fail(
            f'{request.node.nodeid}: mark the test with @pytest.mark.medbench("suites/NAME")',
            pytrace=False,
        )
    try:
        return give(asked)
    except MedbenchError as error:
        pytest.fail(printable(str(error), LONGEST), pytrace=False)
