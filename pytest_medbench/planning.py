"""What a run would ask: the plan, printed in place of the run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_medbench.cache import KeyMaker, Mode, Store
from pytest_medbench.estimates import Estimate, Terms, estimate_suites
from pytest_medbench.models.base import ModelError
from pytest_medbench.observed import observe
from pytest_medbench.price import price_of
from pytest_medbench.report.planned import write_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from pytest_medbench.asking import Asker
    from pytest_medbench.cases import Case
    from pytest_medbench.exchange import Request
    from pytest_medbench.setting import Setting

_AT_ONCE = 500

Wire = Mapping[str, Any]


def show_plan(setting: Setting, asker: Asker | None, items: Iterable[pytest.Item]) -> None:
    """Print what the cases among some items would ask.

    Parameters
    ----------
    setting : Setting
    asker : Asker or None
        None where no model is named.
    items : iterable of pytest.Item
    """
    from pytest_medbench.cases import Case

    cases = [item for item in items if isinstance(item, Case)]
    suites, total = plan_of(setting, asker, cases, setting.say)
    reporter = setting.config.pluginmanager.getplugin("terminalreporter")
    name = None if asker is None else asker.model.name
    write_plan(reporter, suites, total, model=name, batch=setting.options.batch)


def plan_of(
    setting: Setting, asker: Asker | None, cases: Iterable[Case], say: Callable[[str], None]
) -> tuple[dict[str, Estimate], Estimate]:
    """Estimate what some cases would ask.

    Parameters
    ----------
    setting : Setting
    asker : Asker or None
        None where no model is named: then nothing is known of what is stored and what it costs.
    cases : iterable of Case
    say : callable
        Prints a line about what could not be found out.
    """
    pairs = ((case.suite, case.entry) for case in cases)
    requests = setting.catalogue.requests(pairs, setting.options.repeats)
    if asker is None:
        plain = ((request.suite, _bare(request), False) for request in requests)
        return estimate_suites(plain, Terms(setting.options.concurrency))
    return estimate_requests(setting, asker, requests, say)


def estimate_requests(
    setting: Setting, asker: Asker, requests: Iterator[Request], say: Callable[[str], None]
) -> tuple[dict[str, Estimate], Estimate]:
    """Estimate some requests: each suite, and all."""
    try:
        keys: KeyMaker | None = KeyMaker(asker.fingerprint())
    except ModelError as error:
        say(f"what is stored is not known, all is taken for new: {error}")
        keys = None
    model, options = asker.model, setting.options
    price = price_of(model)
    terms = Terms(
        min(options.concurrency, model.concurrency or options.concurrency),
        requests_per_minute=model.requests_per_minute,
        price=price.in_batch() if price is not None and options.batch else price,
        observed=observe(options.cache_file, model.name),
        merge=model.cacheable,
    )
    return estimate_suites(_looked_up(setting, asker, keys, requests), terms)


def _bare(request: Request) -> Wire:
    return {"messages": request.messages, **request.settings}


def _looked_up(
    setting: Setting, asker: Asker, keys: KeyMaker | None, requests: Iterator[Request]
) -> Iterator[tuple[str, Wire, bool]]:
    """Say of each request whether its response is stored, some hundreds with one query."""
    options, model = setting.options, asker.model
    cache = options.cache_file
    store = Store(
        cache, cache, Mode(options.cache), max_age=options.max_cache_age * 3600.0, resumed=False
    )
    known = keys is not None and model.cacheable and not model.is_control and cache.is_file()
    has_revision = known and model.fingerprint().get("revision") is not None
    while batch := list(itertools.islice(requests, _AT_ONCE)):
        wires = [model.wire(request) for request in batch]
        digests = []
        found: Mapping[bytes, Any] = {}
        if known and keys is not None:
            digests = [
                keys(wire, request.sample) for wire, request in zip(wires, batch, strict=True)
            ]
            found = store.lookup(digests, has_revision=has_revision)
        for at, (wire, request) in enumerate(zip(wires, batch, strict=True)):
            yield request.suite, wire, bool(digests) and digests[at] in found
    store.close()
