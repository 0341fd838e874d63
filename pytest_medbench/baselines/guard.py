"""Keeps syrupy from taking baselines for leftovers of tests.

syrupy walks the `__snapshots__` folder beside every test file, and reports and deletes what no
extension of these tests claims. A test file beside a suite would cost every model its baseline.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syrupy.data import SnapshotCollections
from syrupy.report import SnapshotReport
from syrupy.session import SnapshotSession

from pytest_medbench.baselines.names import is_baseline_file

if TYPE_CHECKING:
    import pytest


class _Report(SnapshotReport):
    """A report in which no baseline is unused."""

    @cached_property
    def unused(self) -> SnapshotCollections:
        """Give what syrupy finds unused, without baselines."""
        kept = SnapshotCollections()
        dirname = Path(str(getattr(self.options, "snapshot_dirname", ""))).name
        for collection in super().unused:
            if not is_baseline_file(Path(collection.location), dirname):
                kept.add(collection)
        return kept


class _Session(SnapshotSession):
    """A session whose report is one of these."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "report" and type(value) is SnapshotReport:
            value.__class__ = _Report
        super().__setattr__(name, value)


def guard(session: pytest.Session) -> None:
    """Keep this session's syrupy from reporting or deleting baselines as unused.

    Called once syrupy's own session has begun; does nothing where syrupy is switched off.
    """
    syrupy = getattr(session.config, "_syrupy", None)
    if type(syrupy) is SnapshotSession:
        syrupy.__class__ = _Session
