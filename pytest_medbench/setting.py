"""What one process of a session works with: options, suites, the run's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_medbench import distributed
from pytest_medbench.options import Options, read_options

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.runs import RunFolder


class Setting:
    """What is made when it is first needed; heavy parts are imported then.

    Parameters
    ----------
    config : pytest.Config
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.is_worker = distributed.is_worker(config)
        self._options: Options | None = None
        self._catalogue: Catalogue | None = None
        self._folder: RunFolder | None = None
        self._run_id: str | None = None

    @property
    def options(self) -> Options:
        """The options, read once."""
        if self._options is None:
            self._options = read_options(self.config)
        return self._options

    @property
    def catalogue(self) -> Catalogue:
        """The suites read so far."""
        if self._catalogue is None:
            from pytest_medbench.catalogue import Catalogue

            self._catalogue = Catalogue(self.options)
        return self._catalogue

    @property
    def run_id(self) -> str:
        """The run's id; a worker has it from its controller."""
        if self._run_id is None:
            if self.is_worker:
                self._run_id = str(distributed.worker_input(self.config)["run"])
            elif self.options.resume is not None:
                from pytest_medbench.resuming import find_run

                self._run_id = find_run(self.options.home, self.options.resume)
            else:
                from pytest_medbench.run_id import new_run_id

                self._run_id = new_run_id()
        return self._run_id

    @property
    def folder(self) -> RunFolder:
        """The run's folder."""
        if self._folder is None:
            from pytest_medbench.runs import RunFolder

            self._folder = RunFolder(self.options.home, self.run_id)
        return self._folder

    def take_run_id(self, run_id: str) -> None:
        """Take over the id that the workers were told."""
        self._run_id = run_id

    def say(self, line: str) -> None:
        """Print a line for the person who waits."""
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and not self.is_worker:
            writer = self.config.get_terminal_writer()
            if writer.width_of_current_line:
                writer.line()
            reporter.write_line(f"medbench: {line}")
            reporter.currentfspath = None

    def close(self) -> None:
        """Let go of files."""
        if self._catalogue is not None:
            self._catalogue.close()
        if self._folder is not None:
            self._folder.release()
