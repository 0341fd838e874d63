"""Writes an imported benchmark as a suite's folder, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from pytest_medbench.suites import SUITE_FILE, Item, SuiteFileModel, explain
from pytest_medbench.suites.schema import MAX_LINE

ITEMS_FILE = "items.jsonl"
MAX_PROBLEMS = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not taken over.

    Parameters
    ----------
    place : Path
        The file or folder.
    line : int or None
        Counted from 1.
    message : str
        What was found, what was expected, what to do.
    """

    place: Path
    line: int | None
    message: str

    def __str__(self) -> str:
        where = f"{self.place}:{self.line}" if self.line is not None else str(self.place)
        return f"{where}: {self.message}"


@dataclass
class Report:
    """What an import or an export did.

    Parameters
    ----------
    written : list of Path
        The suites' folders, or the file, that were written.
    items : int
        Items written.
    problems : list of Problem
        Everything that was not taken over, at most 1,000 entries.
    omitted : int
        Problems beyond those.
    """

    written: list[Path] = field(default_factory=list)
    items: int = 0
    problems: list[Problem] = field(default_factory=list)
    omitted: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything was taken over."""
        return not self.problems

    def add(self, place: Path, line: int | None, message: str) -> None:
        """Add a problem."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(place, line, message))
        else:
            self.omitted += 1


class SuiteWriter:
    """Writes one suite beside its final place and moves it there when it is complete.

    Parameters
    ----------
    target : Path
        The folder that holds the suites; made if there is none.
    name : str
        The suite's name, and its folder's.
    force : bool
        Whether an earlier `suite.toml` and its `items.jsonl` may be replaced; other files in the
        folder (snapshots, notes) stay.

    Raises
    ------
    FileExistsError
        On entering, if the folder holds a suite and `force` is not set, or holds anything else.
    OSError
        If a file cannot be written.
    """

    def __init__(self, target: Path, name: str, *, force: bool = False) -> None:
        self._target = target
        self._place = target / name
        self._force = force
        self._stack = contextlib.ExitStack()
        self._ids: set[str] = set()

    @property
    def items(self) -> int:
        """Items added so far."""
        return len(self._ids)

    def __enter__(self) -> SuiteWriter:
        self._check_place()
        self._target.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".import-", dir=self._target))
        self._stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        # mkdtemp's own folder is private to the user; the suite's folder should not be.
        self._draft = scratch / self._place.name
        self._draft.mkdir()
        self._file = self._stack.enter_context((self._draft / ITEMS_FILE).open("wb"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def add(self, fields: Mapping[str, Any]) -> None:
        """Write one item.

        Parameters
        ----------
        fields : mapping
            The keys of an `Item`; only these are written.

        Raises
        ------
        ValueError
            If it is no item that can be read back, or its id is taken.
        """
        try:
            item = Item.model_validate(fields)
            line = item.model_dump_json(exclude_unset=True).encode()
            same = Item.model_validate_json(line) == item
        except ValidationError as error:
            raise ValueError(explain(error, Item)) from error
        if not same:
            raise ValueError("holds a value that JSON does not keep; write it as text")
        if len(line) >= MAX_LINE:
            raise ValueError(f"the item has {len(line)} bytes; an item may have {MAX_LINE - 1}")
        if item.id in self._ids:
            raise ValueError(f"id {item.id!r} is already used; ids are unique")
        self._ids.add(item.id)
        self._file.write(line + b"\n")

    def commit(self, spec: SuiteFileModel) -> Path:
        """Write `suite.toml` and move the suite to its place; gives the folder."""
        self._file.close()
        text = to_toml(spec.model_dump(exclude_unset=True))
        (self._draft / SUITE_FILE).write_text(text, encoding="utf-8")
        self._check_place()
        if (self._place / SUITE_FILE).exists():
            for name in (ITEMS_FILE, SUITE_FILE):
                (self._draft / name).replace(self._place / name)
        else:
            self._draft.rename(self._place)
        return self._place

    def _check_place(self) -> None:
        if (self._place / SUITE_FILE).exists():
            if not self._force:
                raise FileExistsError(
                    f"{self._place} already holds a suite; it was not touched: choose another "
                    "folder, or force the import to replace its suite.toml and items.jsonl"
                )
        elif self._place.is_symlink() or (
            self._place.exists() and not (self._place.is_dir() and not any(self._place.iterdir()))
        ):
            raise FileExistsError(
                f"{self._place} exists and is no suite's folder; it was not touched: "
                "choose another folder"
            )


def is_item_id(text: str) -> bool:
    """Tell whether a text can be an item's id."""
    return 0 < len(text) <= 200 and text.isprintable() and "::" not in text and text == text.strip()


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Write tables of plain values (text, numbers, booleans) as TOML; None is left out."""
    blocks = []
    for name, table in tables.items():
        lines = [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]
        blocks.append("\n".join([f"[{name}]", *lines]) + "\n")
    return "\n".join(blocks)


def _value(value: str | float | bool) -> str:
    # JSON's strings, numbers and booleans are TOML's, but for the one character DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
