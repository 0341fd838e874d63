"""Budgets for tests: requests of a size, responses that report tokens, processes that spend.

As a process of its own it spends what it can of a shared budget, prints how much, and can be
stopped or killed::

    python tests/spenders.py LEDGER '{"max_requests": 100}' 0 3
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_medbench.budget import Budget
from pytest_medbench.exchange import Response
from pytest_medbench.limits import Spent
from pytest_medbench.price import Price

PRICE = Price(input=2.5, output=10.0)


def asking(text: str = "Which dose?", most: int | None = 100, **further: Any) -> dict[str, Any]:
    """Give a request."""
    wire: dict[str, Any] = {"messages": [{"role": "user", "content": text}], **further}
    return wire if most is None else {**wire, "max_tokens": most}


def reporting(read: int, written: int) -> Response:
    """Give a response that reports tokens."""
    return Response("A", input_tokens=read, output_tokens=written)


def spend(budget: Budget, *, window: int, seed: int) -> dict[str, int]:
    """Ask until nothing more may be sent, with several requests in flight, and tell the sums."""
    draw = random.Random(seed)
    flying: list[object] = []
    sums = {"requests": 0, "money": 0, "waits": 0}
    while True:
        ticket = None
        if len(flying) < window:
            try:
                ticket = budget.reserve(asking("x" * draw.randrange(400), 50))
            except Spent:
                break
            sums["waits"] += ticket is None
        if ticket is not None:
            flying.append(ticket)
            sums["requests"] += 1
        elif flying:
            read, written = draw.randrange(1, 100), draw.randrange(1, 50)
            budget.settle(flying.pop(draw.randrange(len(flying))), reporting(read, written))
            sums["money"] += PRICE.cost(read, written)
    assert not flying, "nothing is refused for good while something is in flight"
    return sums


def main(ledger: str, limits: str, number: str, workers: str) -> None:
    """Spend, and print the sums. With the number -1: set something aside, and wait to be killed."""
    given: Mapping[str, Any] = json.loads(limits)
    place = (max(0, int(number)), int(workers))
    budget = Budget(**given, price=PRICE, ledger=Path(ledger), share=place)
    if number == "-1":
        assert budget.reserve(asking()) is not None
        print("holding", flush=True)
        sys.stdin.read()
    print("ready", flush=True)
    sys.stdin.readline()
    sums = spend(budget, window=4, seed=place[0])
    budget.close()
    print(json.dumps(sums), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
