"""`judge`: open-ended items that only a judge can score."""

from __future__ import annotations

from typing import NoReturn

from pytest_medbench.exchange import Response
from pytest_medbench.scorers.registry import NoOptions, scorer
from pytest_medbench.suites import Item


@scorer("judge", template="open", needs_judge=True)
def judge(item: Item, response: Response, options: NoOptions) -> NoReturn:
    """Leave the item to a judge: it is answered and exported, and unscored until then."""
    raise ValueError(f"item {item.id!r} needs a judge")
