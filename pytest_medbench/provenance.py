"""What outcomes hang on: the files, settings and versions they are made with."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.options import Options


class MadeWith:
    """What the outcomes of suites hang on, by names for people: hashes and versions.

    Parameters
    ----------
    catalogue : Catalogue
    options : Options
    fingerprint : mapping
        The model's.
    """

    def __init__(
        self, catalogue: Catalogue, options: Options, fingerprint: Mapping[str, Any]
    ) -> None:
        self.commit = commit_of(options.root)
        self._catalogue = catalogue
        self._of_all = {
            "model (its address, settings or revision)": json.dumps(fingerprint, sort_keys=True),
            "taxonomy": "".join(entry["digest"] for entry in taxonomy_files(options)),
            "version of pytest-medbench": version("pytest-medbench"),
        }
        self._known: dict[str, dict[str, str]] = {}

    def of(self, name: str) -> Mapping[str, str]:
        """Give what the outcomes of one suite are made with."""
        if name not in self._known:
            found = {}
            for suite in self._catalogue.suites:
                if suite.name == name:
                    found[f"suite {name!r} (its suite.toml or its items)"] = suite.digest
                    found[f"prompt of suite {name!r}"] = self._catalogue.prompt_digest(suite)
            self._known[name] = {**found, **self._of_all}
        return self._known[name]


def taxonomy_files(options: Options) -> list[dict[str, str]]:
    return [
        {
            "path": str(relative(path, options.root)),
            "digest": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in options.taxonomy
    ]


def relative(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def commit_of(root: Path) -> str | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - found on PATH like any user's git
            cwd=root,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
