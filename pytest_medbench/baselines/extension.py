"""Baselines as syrupy snapshots: its flags write them, its report counts them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.data import Snapshot, SnapshotCollection, SnapshotCollections
from syrupy.extensions import DEFAULT_EXTENSION
from syrupy.extensions.base import AbstractSyrupyExtension
from syrupy.location import PyTestLocation
from syrupy.session import SnapshotSession

from pytest_medbench.baselines.files import read_bytes, to_bytes, write_pair
from pytest_medbench.baselines.names import FOLDER, Pair, Which, encode, pair_of
from pytest_medbench.baselines.records import SuiteBaseline
from pytest_medbench.suites import Suite

_BETWEEN = b"\0"


class _Item:
    """What syrupy wants to know of a test; a baseline is asserted after all tests."""

    def __init__(self, suite: Suite, key: str, which: Which) -> None:
        self.path = suite.path
        self.name = f"{suite.name}.{which}.{key}"
        self.nodeid = f"{suite.path}::{encode(key)}"
        self.obj = assert_snapshots
        self.stash = pytest.Stash()
        self.key = key
        self.which = which


class BaselineExtension(AbstractSyrupyExtension):
    """Keeps one baseline, or one anchor, as two files; see `files`.

    The snapshot is both files together: what `==` compares is every byte of them, so that
    `--snapshot-update` writes whatever differs.
    """

    file_extension = "json"
    write_immediately = True

    def serialize(self, data: Any, **_: Any) -> bytes:
        """Give the bytes of both files; nothing for what is no baseline."""
        return _BETWEEN.join(to_bytes(data)) if isinstance(data, SuiteBaseline) else b""

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: Any = 0) -> str:
        """Give suite, kind and key."""
        return test_location.snapshot_name

    @classmethod
    def get_location(cls, *, test_location: PyTestLocation, index: Any) -> str:
        """Give the path of the summary."""
        return str(_pair(test_location).summary)

    @classmethod
    def matches_test_location(
        cls, *, test_location: PyTestLocation, snapshot_location: str
    ) -> bool:
        """Say yes: the stand-in has no place of its own."""
        return True

    def discover_snapshots(
        self, *, test_location: PyTestLocation, ignore_extensions: list[str] | None = None
    ) -> SnapshotCollections:
        """Give the key in hand alone: other models' files are no business of this run."""
        found = SnapshotCollections()
        if isinstance(test_location.item, _Item) and _pair(test_location).exists:
            location = self.get_location(test_location=test_location, index=0)
            collection = SnapshotCollection(location=location)
            collection.add(Snapshot(name=self.get_snapshot_name(test_location=test_location)))
            found.add(collection)
        return found

    def read_snapshot_collection(self, *, snapshot_location: str) -> SnapshotCollection:
        """Give an empty collection: nothing is found by walking folders."""
        return SnapshotCollection(location=snapshot_location)

    def read_snapshot_data_from_location(
        self, *, snapshot_location: str, snapshot_name: str, session_id: str
    ) -> bytes | None:
        """Read both files; None if there is neither."""
        pair = _beside(Path(snapshot_location))
        summary, items = read_bytes(pair.summary), read_bytes(pair.items)
        if summary is None and items is None:
            return None
        return _BETWEEN.join((summary or b"", items or b""))

    @classmethod
    def write_snapshot_collection(
        cls, *, snapshot_collection: SnapshotCollection, name_order: dict[str, int] | None = None
    ) -> None:
        """Write both files."""
        for snapshot in snapshot_collection:
            assert isinstance(snapshot.data, bytes)
            summary, _, items = snapshot.data.partition(_BETWEEN)
            write_pair(_beside(Path(snapshot_collection.location)), summary, items)

    def delete_snapshots(self, *, snapshot_location: str, snapshot_names: set[str]) -> None:
        """Delete nothing: no model's baseline is ever unused."""


def _pair(location: PyTestLocation) -> Pair:
    item = location.item
    assert isinstance(item, _Item)
    folder = Path(BaselineExtension.dirname(test_location=location))
    return pair_of(folder, item.key, item.which)


def _beside(summary: Path) -> Pair:
    return Pair(summary, summary.with_name(summary.name.removesuffix(".json") + ".items.jsonl"))


def snapshots_dirname(config: pytest.Config) -> str:
    """Give what the snapshots' folders are called: `--snapshot-dirname`, where syrupy is there."""
    return str(getattr(config.option, "snapshot_dirname", FOLDER))


def wants_update(config: pytest.Config) -> bool:
    """Tell whether `--snapshot-update` or `--snapshot-update-new-only` was given."""
    option = config.option
    return bool(
        getattr(option, "update_snapshots", False)
        or getattr(option, "update_new_snapshots_only", False)
    )


def assert_snapshots(
    session: pytest.Session,
    suites: Sequence[Suite],
    records: Mapping[str, SuiteBaseline],
    *,
    anchors: Mapping[str, SuiteBaseline] | None = None,
    update: bool,
    failed: Collection[str] = (),
) -> list[str]:
    """Assert the baselines of a run as syrupy snapshots, after the last test.

    Parameters
    ----------
    session : pytest.Session
        Of the process that decides: serial, or the controller of xdist's workers.
    suites : sequence of Suite
    records : mapping of str to SuiteBaseline
        By suite. With `update` what is to be written; without it what the run was compared with:
        two versions never agree in every answer, so that a snapshot passes where the comparison
        with it stands, and a difference as such fails nothing.
    anchors : mapping of str to SuiteBaseline or None
        What is to be written as anchors.
    update : bool
        Whether `--snapshot-update` was given and the run may be accepted.
    failed : collection of str
        Without `update`, the suites whose comparison blocked or is void: counted as failed.

    Returns
    -------
    list of str
        What could not be written, or read, with its place.
    """
    syrupy: SnapshotSession | None = getattr(session.config, "_syrupy", None)
    if syrupy is None:
        return ["snapshots are not written: syrupy is switched off"] if update else []
    _keep_default_extension(session, syrupy)
    problems: list[str] = []
    for which, made in _each(records, anchors or {}):
        for suite in suites:
            if suite.name in made:
                wanted = None if suite.name in failed and not update else made[suite.name]
                item = _Item(suite, made[suite.name].key, which)
                problems += _assert(session.config, syrupy, item, wanted, update=update)
    return problems


def _each(
    records: Mapping[str, SuiteBaseline], anchors: Mapping[str, SuiteBaseline]
) -> Iterator[tuple[Which, Mapping[str, SuiteBaseline]]]:
    yield "baseline", records
    yield "anchor", anchors


def _assert(
    config: pytest.Config,
    syrupy: SnapshotSession,
    item: _Item,
    wanted: SuiteBaseline | None,
    *,
    update: bool,
) -> Iterable[str]:
    location = PyTestLocation(item)  # type: ignore[arg-type]  # a stand-in for a test
    changes = update and config.option.update_snapshots
    if update and not changes and _pair(location).exists:
        return  # --snapshot-update-new-only
    assertion = SnapshotAssertion(
        session=syrupy,
        extension_class=BaselineExtension,
        test_location=location,
        update_snapshots=changes,
        update_new_snapshots_only=update and not changes,
    )
    same = assertion == wanted
    raised = assertion.executions[0].exception
    if raised is not None:
        yield str(raised)
    elif update and not same:
        yield f"{_pair(location).summary}: was not written"


def _keep_default_extension(session: pytest.Session, syrupy: SnapshotSession) -> None:
    """Have syrupy look for unused snapshots of ordinary tests as it does without baselines.

    Where no test used a snapshot it looks for those of its default extension, but not if it knows
    another one, as it now will.
    """
    tests = [item for item in session.items if isinstance(item, pytest.Function)]
    if tests and not syrupy._assertions and not session.config.option.default_extension:
        SnapshotAssertion(
            session=syrupy,
            extension_class=DEFAULT_EXTENSION,
            test_location=PyTestLocation(tests[0]),
            update_snapshots=False,
        )
