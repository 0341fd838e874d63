"""The answers of an accepted version that are still in the cache."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from pytest_medbench import models
from pytest_medbench.baselines.fingerprints import CACHED_AS
from pytest_medbench.baselines.records import SuiteBaseline
from pytest_medbench.cache import Cache, CacheError, KeyMaker
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.errors import ConfigError, SuiteError


class Configured(Protocol):
    """What of the options says which models there are, and where the cache is."""

    @property
    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """The aliases."""

    @property
    def root(self) -> Path:
        """pytest's rootdir."""

    @property
    def cache_file(self) -> Path:
        """The file of the shared cache."""


def kept_answers(
    options: Configured, catalogue: Catalogue, accepted: SuiteBaseline, ids: Iterable[str]
) -> dict[str, str]:
    """Give the whole answers of an accepted version, as far as the cache has them.

    Nothing is asked and nothing is connected. What the model is called must still stand for what
    it stood for; an alias that was changed since, or the model of a Python file, has none.

    Parameters
    ----------
    options : Configured
    catalogue : Catalogue
        Has read the suite, whose items must be as they were.
    accepted : SuiteBaseline
    ids : iterable of str

    Returns
    -------
    dict of str to str
        By id.
    """
    suite = next((each for each in catalogue.suites if each.name == accepted.suite), None)
    if suite is None or accepted.model.get("kind") == "python":
        return {}
    try:
        make_key = KeyMaker.of_identity(str(accepted.model.get(CACHED_AS, "")))
        model = models.resolve(
            str(accepted.model.get("name")),
            aliases=options.models,
            root=options.root,
            environ=os.environ,
        )
        wanted = {}
        for name in ids:
            request = catalogue.request(suite, catalogue.item(suite, suite.entry(name)))
            wanted[make_key(model.wire(request), 0)] = name
        cache = Cache(options.cache_file, read_only=True)
        try:
            found = cache.get_many(wanted)
        finally:
            cache.close()
    except (ConfigError, CacheError, SuiteError, KeyError, ValueError):
        return {}
    return {wanted[key]: response.text for key, response in found.items()}
