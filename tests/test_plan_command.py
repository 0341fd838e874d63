"""`medbench plan` is pytest with a flag: its arguments and its exit status are pytest's."""

from __future__ import annotations

import pytest
from projects import Project, questions

RUN = "import sys; from pytest_medbench.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("plan"))
    made.suite(questions(3))
    return made


def test_arguments_of_pytest_pass_through(project: Project) -> None:
    listed = ["-q", "-W", "error", "-p", "no:randomly", "--collect-only", "-k", "q001", "--"]
    found = project.command("-c", RUN, "plan", *listed, "suites")
    assert found.status == 0
    assert "suite.toml::q001" in found.out
    assert "suite.toml::q000" not in found.out
    assert "arning" not in found.out


def test_the_exit_status_is_that_of_pytest(project: Project) -> None:
    found = project.command("-c", RUN, "plan", "--no-such-flag")
    assert found.status == 4
    assert "--no-such-flag" in found.out
