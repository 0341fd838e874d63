"""The suites of a plan, read again without pytest."""

from __future__ import annotations

import importlib.util
from hashlib import sha256
from pathlib import Path

from pytest_medbench import scorers
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.options import Options
from pytest_medbench.shards import MergeError, Plan


def read_again(plan: Plan, root: Path) -> Catalogue:
    """Read the suites of a plan, and check that they are those that were run.

    Raises
    ------
    MedbenchError
        If a suite or a file of the taxonomy cannot be read, or is another than the plan's.
    """
    for file in plan.taxonomy:
        _check_taxonomy(root / file.path, file.digest)
    taxonomy = tuple(root / file.path for file in plan.taxonomy)
    catalogue = Catalogue(Options(root=root, taxonomy=taxonomy))
    for planned in plan.suites:
        path = root / planned.path
        if not path.is_file():
            raise MergeError(
                f"{path}: there is no suite; check out the run's commit, or "
                "name its .medbench with --home"
            )
        if planned.scorer.get("scorer") not in scorers.names():
            _load_own_scorers(root, path)
        suite = catalogue.read(path)
        digests = {
            "digest": (planned.digest, suite.digest),
            "prompt_digest": (planned.prompt_digest, catalogue.prompt_digest(suite)),
        }
        for what, (then, now) in digests.items():
            if then != now:
                raise MergeError(
                    f"{path}: not the suite that was run: its {what} is {now[:12]} and was "
                    f"{then[:12]}; check out the run's commit"
                )
    return catalogue


def _check_taxonomy(path: Path, digest: str) -> None:
    try:
        now = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise MergeError(f"{path}: the taxonomy cannot be read: {error.strerror}") from error
    if now != digest:
        raise MergeError(f"{path}: not the taxonomy that the shards were run with")


def _load_own_scorers(root: Path, suite: Path) -> None:
    """Run the conftest.py files that pytest would, from the root down to the suite."""
    for folder in reversed(suite.parents):
        path = folder / "conftest.py"
        if not folder.is_relative_to(root) or not path.is_file():
            continue
        spec = importlib.util.spec_from_file_location("conftest", path)
        assert spec is not None
        assert spec.loader is not None
        try:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        except Exception as error:
            raise MergeError(
                f"{path}: cannot be run for its scorers ({type(error).__name__}: {error})"
            ) from error
