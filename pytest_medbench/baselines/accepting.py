"""Accepts a run: as a baseline, and the first one as the anchor too."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_medbench.baselines.files import BaselineError, read_bytes, to_bytes, write_pair
from pytest_medbench.baselines.finding import folder_of
from pytest_medbench.baselines.making import (
    AcceptError,
    Finished,
    check_acceptable,
    kept_reason,
    make_baselines,
)
from pytest_medbench.baselines.names import FOLDER, Pair, check_key, keys_in, pair_of
from pytest_medbench.baselines.reading import read_baseline
from pytest_medbench.baselines.records import SuiteBaseline
from pytest_medbench.baselines.whole_run import read_finished
from pytest_medbench.errors import nearest
from pytest_medbench.suites import SUITE_FILE, Suite


@dataclass(frozen=True)
class Acceptance:
    """What is to be written for one suite.

    Parameters
    ----------
    suite : Suite
    baseline : SuiteBaseline
        The one on disk where nothing but run and date would change.
    anchor : SuiteBaseline or None
        None where the suite has an anchor under the key.
    """

    suite: Suite
    baseline: SuiteBaseline
    anchor: SuiteBaseline | None


@dataclass(frozen=True)
class Accepted:
    """What was accepted.

    Parameters
    ----------
    key : str
    written : tuple of Path
        The summaries that were written, anchors too.
    unchanged : tuple of Path
        The summaries that say the same as before.
    """

    key: str
    written: tuple[Path, ...]
    unchanged: tuple[Path, ...]


def prepare(
    finished: Finished,
    key: str,
    *,
    reason: str | None = None,
    compared_with: str | None = None,
    dirname: str = FOLDER,
    today: str | None = None,
) -> list[Acceptance]:
    """Make what accepting a run writes; writes nothing.

    Parameters
    ----------
    finished : Finished
    key : str
        The name to accept it under.
    reason : str or None
        Needed where the run blocked or is inconclusive.
    compared_with : str or None
        The key of the baseline that the run was compared with. A new key takes over its anchor,
        so that small drops add up over releases that each have a name of their own.
    dirname : str
        What the folders beside the suites are called.
    today : str or None
        YYYY-MM-DD; by default the present day, UTC.

    Raises
    ------
    MedbenchError
        If the run may not be accepted, the key cannot be one, or an anchor cannot be read.
    """
    check_key(key)
    check_acceptable(finished, reason)
    made = make_baselines(finished, key, reason, today or _today())
    found = []
    for suite in finished.catalogue.suites:
        folder = folder_of(suite, dirname)
        baseline = _settled(made[suite.name], pair_of(folder, key))
        anchor = None
        if not pair_of(folder, key, "anchor").exists:
            anchor = _inherited(folder, key, compared_with, suite.name) or baseline
        found.append(Acceptance(suite, baseline, anchor))
    return found


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


def _settled(new: SuiteBaseline, pair: Pair) -> SuiteBaseline:
    """Give the baseline on disk where the new one differs in nothing but run and date."""
    try:
        old = read_baseline(pair, new.key, new.suite)
    except BaselineError:
        return new  # accepting a run again is how a damaged baseline is mended
    if old is None:
        return new
    same = dataclasses.replace(new, run=old.run, accepted_on=old.accepted_on)
    return old if to_bytes(same) == to_bytes(old) else new


def _inherited(
    folder: Path, key: str, compared_with: str | None, suite: str
) -> SuiteBaseline | None:
    if compared_with is None or compared_with == key:
        return None
    pair = pair_of(folder, compared_with, "anchor")
    anchor = read_baseline(pair, compared_with, suite)
    return None if anchor is None else dataclasses.replace(anchor, key=key)


def accept(
    run: Path,
    *,
    root: Path,
    key: str | None = None,
    reason: str | None = None,
    dirname: str = FOLDER,
    today: str | None = None,
) -> Accepted:
    """Accept a run from its folder, offline.

    Parameters
    ----------
    run : Path
        The run's folder; that of a merge too.
    root : Path
        Where the suites are: the folder that `.medbench` is in.
    key : str or None
        By default what the run's plan says it is accepted as, or the model's name.
    reason, dirname, today
        As in `prepare`.

    Raises
    ------
    MedbenchError
        If the run may not be accepted, or the suites on disk are not those that were run. Nothing
        is written then.
    BaselineError
        If a file cannot be written.
    """
    finished = read_finished(run, root)
    try:
        settings = finished.plan["settings"]
        key = key or settings.get("accept_as") or finished.model
        found = prepare(
            finished,
            key,
            reason=reason or settings.get("accept_reason"),
            compared_with=settings.get("baseline"),
            dirname=dirname,
            today=today,
        )
    finally:
        finished.catalogue.close()
    return write(found, key, dirname)


def write(found: Sequence[Acceptance], key: str, dirname: str = FOLDER) -> Accepted:
    """Write what `prepare` gave, where it differs from what is there. Raises BaselineError."""
    written: list[Path] = []
    unchanged: list[Path] = []
    for each in found:
        folder = folder_of(each.suite, dirname)
        pairs = [(pair_of(folder, key), each.baseline)]
        if each.anchor is not None:
            pairs.append((pair_of(folder, key, "anchor"), each.anchor))
        for pair, baseline in pairs:
            changed = write_changed(pair, baseline)
            (written if changed else unchanged).append(pair.summary)
    return Accepted(key, tuple(written), tuple(unchanged))


def write_changed(pair: Pair, baseline: SuiteBaseline) -> bool:
    """Write a baseline if its bytes are not there yet; tells whether. Raises BaselineError."""
    data = to_bytes(baseline)
    if (read_bytes(pair.summary), read_bytes(pair.items)) == data:
        return False
    write_pair(pair, *data)
    return True


def move_anchor(
    root: Path, key: str, reason: str, *, dirname: str = FOLDER, today: str | None = None
) -> Accepted:
    """Make the present baseline the anchor, in every suite under a folder that has the key.

    Parameters
    ----------
    root : Path
    key : str
    reason : str
        Why; it is kept in the anchor.
    dirname, today
        As in `prepare`.

    Raises
    ------
    MedbenchError
        If there is no reason, no baseline of this key, or one cannot be read. Nothing is written
        then.
    """
    check_key(key)
    if not reason.strip():
        raise AcceptError("moving an anchor needs a reason; nothing was written")
    found = []
    known: set[str] = set()
    for folder in sorted(root.rglob(dirname)):
        if (folder.parent / SUITE_FILE).is_file():
            known.update(keys_in(folder))
            baseline = read_baseline(pair_of(folder, key), key)
            if baseline is not None:
                moved = dataclasses.replace(
                    baseline, reason=kept_reason(reason), accepted_on=today or _today()
                )
                found.append((pair_of(folder, key, "anchor"), moved))
    if not found:
        hint = nearest(key, known) or f"; known are {', '.join(sorted(known)) or 'none'}"
        raise AcceptError(f"no suite under {root} has a baseline {key!r}{hint}")
    written = [pair.summary for pair, baseline in found if write_changed(pair, baseline)]
    unchanged = [pair.summary for pair, _ in found if pair.summary not in written]
    return Accepted(key, tuple(written), tuple(unchanged))
