"""What only an xdist worker does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_medbench import distributed, handover
from pytest_medbench.resuming import Earlier, read_plan_time, unfinished
from pytest_medbench.runs import RunError, read_plan

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.asking import Asker
    from pytest_medbench.cases import Case
    from pytest_medbench.runs import RunFolder
    from pytest_medbench.setting import Setting


def make_asker(
    config: pytest.Config,
    folder: RunFolder,
    make: Callable[..., Asker],
    items: Callable[[], Sequence[pytest.Item]],
) -> Asker:
    """Make the asker of a worker, which learns while it runs what it is to run.

    Parameters
    ----------
    config : pytest.Config
    folder : RunFolder
    make : callable
        Makes an asker with these arguments.
    items : callable
        Gives what this worker collected.
    """
    asker = make(
        process=distributed.worker_id(config),
        share=(distributed.worker_number(config), distributed.worker_count(config)),
        ledger=folder.is_planned,
        served_url=handover.find_served(folder.path),
    )
    if config.option.medbench_batch:
        from pytest_medbench.batch import BatchReport

        asker.begin_batch(read_plan_time(folder.path))
        asker.take_batch(BatchReport.load(folder.path))
    asker.plan(
        lambda: _queued_cases(config, items()),
        0,
        unanswered(
            folder.path.parents[1],
            folder,
            asker.resumed,
            lambda: _queued_cases(config, items(), None),
        ),
    )
    return asker


def _queued_cases(
    config: pytest.Config,
    items: Sequence[pytest.Item],
    most: int | None = distributed.LOOK_AHEAD,
) -> Iterable[Case]:
    from pytest_medbench.cases import Case

    ahead = distributed.queued(config, items, most)
    return (item for item in ahead if isinstance(item, Case))


def unanswered(
    home: Path, folder: RunFolder, earlier: Earlier | None, share: Callable[[], Iterable[Case]]
) -> Iterator[Case]:
    """Give those of this worker's share that the run which was cut off left unanswered.

    Nothing is read before the first is asked for. A worker on another machine sees no plan, and
    asks for its cases as they come.
    """
    with contextlib.suppress(RunError):
        if earlier is None and folder.is_planned:
            earlier = unfinished(home, read_plan(folder.path), but=folder.id)
    if earlier is not None:
        yield from earlier.left(share())


class Sender:
    """Adds to the reports of cases what their controller cannot read in this worker's journal.

    A worker on another machine has a folder of its own, and may have other suites.

    Parameters
    ----------
    setting : Setting
    asker : Asker
    """

    def __init__(self, setting: Setting, asker: Asker) -> None:
        from pytest_medbench.provenance import MadeWith

        self._worker = distributed.worker_id(setting.config)
        self._asker = asker
        self._made_with = MadeWith(setting.catalogue, setting.options, asker.fingerprint())

    def add(self, report: pytest.TestReport) -> None:
        """Add the answer, and what it was made with, to a report."""
        outcome: Sequence[Any] | None = report.__dict__.get("medbench")
        if outcome is not None:
            report.__dict__["medbench_sent"] = {
                "worker": self._worker,
                "commit": self._made_with.commit,
                "made_with": dict(self._made_with.of(outcome[0])),
                "answer": dict(self._asker.last_answer),
            }
