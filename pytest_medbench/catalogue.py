"""The suites that one process has read, and what is asked for their items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_medbench.errors import ConfigError, SuiteError
from pytest_medbench.exchange import Request, Response
from pytest_medbench.options import Options
from pytest_medbench.outcomes import Outcome
from pytest_medbench.prompts import Prompter
from pytest_medbench.scorers import bind, grade
from pytest_medbench.suites import Entry, Item, ItemReader, Suite, read_suite
from pytest_medbench.taxonomy import load_taxonomy


class Catalogue:
    """Reads each suite once and keeps what its items need.

    Parameters
    ----------
    options : Options
        Names the files that extend the taxonomy.
    """

    def __init__(self, options: Options) -> None:
        self.taxonomy = load_taxonomy(options.taxonomy)
        self._root = options.root
        self._suites: dict[Path, Suite] = {}
        self._prompters: dict[str, Prompter] = {}
        self._readers: dict[str, ItemReader] = {}

    @property
    def suites(self) -> list[Suite]:
        """The suites read so far, by name."""
        return sorted(self._suites.values(), key=lambda suite: suite.name)

    def read(self, path: Path) -> Suite:
        """Give the suite of a `suite.toml`.

        Raises
        ------
        SuiteError
            If it cannot be used.
        ConfigError
            If another suite has the same name.
        """
        suite = self._suites.get(path)
        if suite is None:
            suite = read_suite(path, self.taxonomy, bind)
            same = next((other for other in self.suites if other.name == suite.name), None)
            if same is not None:
                raise ConfigError(
                    f"{path}: the suite's name {suite.name!r} is that of {same.path}; "
                    "give one of them another name"
                )
            self._prompters[suite.name] = Prompter(suite)
            self._readers[suite.name] = suite.reader()
            self._suites[path] = suite
        return suite

    def item(self, suite: Suite, entry: Entry) -> Item:
        """Read one item again."""
        return self._readers[suite.name](entry)

    def request(self, suite: Suite, item: Item, sample: int = 0) -> Request:
        """Make the request for one item."""
        return self._prompters[suite.name].request(item, sample)

    def requests(self, pairs: Iterable[tuple[Suite, Entry]], repeats: int = 1) -> Iterator[Request]:
        """Make the requests of many items; those that cannot be read are left out."""
        for suite, entry in pairs:
            if entry.problem is None:
                try:
                    item = self.item(suite, entry)
                except SuiteError:
                    continue
                for sample in range(repeats):
                    yield self.request(suite, item, sample)

    def prompt_digest(self, suite: Suite) -> str:
        """Give the hash of all that shapes the suite's messages, apart from the items."""
        return self._prompters[suite.name].digest()

    def grade(self, suite: Suite, item: Item, response: Response) -> Outcome:
        """Score a response."""
        return grade(suite, item, response)

    def close(self) -> None:
        """Close the items' files."""
        for reader in self._readers.values():
            reader.close()
