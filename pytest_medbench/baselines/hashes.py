"""What a baseline is bound to: for each item one hash, for each suite several that have names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.errors import SuiteError
from pytest_medbench.exchange import Request
from pytest_medbench.suites import Entry, Item, Suite

DIGITS = 16
NAMES = ("prompt", "scorer", "group_rule", "decoding", "strategy", "judge", "repeats")

_PROBE: Mapping[str, Any] = {"id": "probe", "input": "?", "target": {"field": "?"}}
_LANGUAGES = (None, "en", "zh")
_OPTIONS = (None, ["1", "2"])


def suite_hashes(
    catalogue: Catalogue,
    suite: Suite,
    fingerprint: Mapping[str, Any],
    *,
    repeats: int = 1,
    judge: str = "",
) -> dict[str, str]:
    """Give what all outcomes of a suite are made with, so that what changed can be named.

    Parameters
    ----------
    catalogue : Catalogue
        Has read the suite.
    suite : Suite
    fingerprint : mapping
        The model's, as `plan.json` has it under `model`. Of it only `settings` (decoding) and
        `system` (prompt) count: the model itself voids nothing.
    repeats : int
        How often each item is asked, from 1.
    judge : str
        What identifies the judge and its calibration; empty where none scores.

    Returns
    -------
    dict of str to str
        16 hex digits for each of `NAMES`.
    """
    score, prompt = suite.spec.score, suite.spec.prompt
    settings = catalogue.request(suite, Item(**_PROBE)).settings
    found = {
        "prompt": [*_probes(catalogue, suite), fingerprint.get("system")],
        "scorer": _scorer(suite),
        "group_rule": score.group_rule,
        "decoding": {
            name: _number(value)
            for name, value in {**(fingerprint.get("settings") or {}), **settings}.items()
            if value is not None
        },
        "strategy": [prompt.strategy, prompt.shots],
        "judge": judge,
        "repeats": repeats,
    }
    return {name: _digest(found[name]) for name in NAMES}


def _scorer(suite: Suite) -> dict[str, Any]:
    found = suite.spec.score.model_dump(exclude={"group_rule"})
    code = suite.scorer.code
    return {**found, "code": code} if code else found


def _probes(catalogue: Catalogue, suite: Suite) -> Iterator[Any]:
    """Give the messages of made-up items: all of the prompt but the items."""
    for language in _LANGUAGES:
        for options in _OPTIONS:
            item = Item(**_PROBE, language=language, options=options)
            yield catalogue.request(suite, item).messages


def item_hash(item: Item, request: Request, common: str, members: str) -> str:
    """Give 16 hex digits over what voids one item.

    Parameters
    ----------
    item : Item
        Its input, options and target count; labels, rationale, source, reviews and meta do not.
    request : Request
        Its messages and settings count.
    common : str
        Stands for the suite's hashes.
    members : str
        Stands for the group that the item is scored in.
    """
    return _digest(
        [item.input, item.options, item.target, request.messages, request.settings, common, members]
    )


class ItemHasher:
    """Gives the hashes of a suite's items.

    Parameters
    ----------
    catalogue : Catalogue
        Has read the suite.
    suite : Suite
    hashes : mapping of str to str
        What `suite_hashes` gave.
    """

    def __init__(self, catalogue: Catalogue, suite: Suite, hashes: Mapping[str, str]) -> None:
        self._catalogue = catalogue
        self._suite = suite
        self._common = _digest([hashes[name] for name in NAMES])
        self._members = _members(suite.entries)

    def of(self, entry: Entry) -> str:
        """Give one item's hash. Raises SuiteError if its line cannot be read."""
        item = self._catalogue.item(self._suite, entry)
        request = self._catalogue.request(self._suite, item)
        return item_hash(item, request, self._common, self._members.get(entry.group, ""))

    def of_all(self, ids: Collection[str] | None = None) -> Iterator[tuple[str, str]]:
        """Give ids and hashes, of the given ids or of all; lines that cannot be read have none."""
        for entry in self._suite.entries:
            if entry.problem is None and (ids is None or entry.id in ids):
                try:
                    yield entry.id, self.of(entry)
                except SuiteError:
                    continue


def made_with(
    catalogue: Catalogue,
    selected: Mapping[str, Collection[str]],
    fingerprint: Mapping[str, Any],
    *,
    repeats: int = 1,
    judge: str = "",
) -> dict[tuple[str, str], str]:
    """Give the hashes of a run's items by suite and id.

    Parameters
    ----------
    catalogue : Catalogue
    selected : mapping of str to collection of str
        The ids by suite; sets.
    fingerprint, repeats, judge
        As in `suite_hashes`.
    """
    found = {}
    for suite in catalogue.suites:
        ids = selected.get(suite.name, ())
        if ids:
            common = suite_hashes(catalogue, suite, fingerprint, repeats=repeats, judge=judge)
            for item, digest in ItemHasher(catalogue, suite, common).of_all(ids):
                found[suite.name, item] = digest
    return found


def _members(entries: Sequence[Entry]) -> dict[str, str]:
    """Give for each group what stands for its members: the sorted ids with a target."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        if entry.scored:
            groups.setdefault(entry.group, []).append(entry.id)
    return {
        group: ids[0] if len(ids) == 1 else _digest(sorted(ids)) for group, ids in groups.items()
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:DIGITS]


def _number(value: Any) -> Any:
    """Make `0.0` and `0` one setting."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
