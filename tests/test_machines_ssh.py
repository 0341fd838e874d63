"""Workers on other hosts by xdist's ssh gateways: one verdict, nothing lost, no wrong green."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer
from projects import Project, Result, questions, server_config
from sshd import SshServerError, ssh_server

PAGE = Path(__file__).parent.parent / "docs" / "machines.md"
# What depends on when an answer came, not on what was answered.
TIMING = ("asked_at", "latency", "tries")
NOT_GREEN = (2, 4, 10, 11)
RIGHT = "--medbench-model=python:key:right"


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder with an `ssh` that reaches a server here, under any host name."""
    try:
        with ssh_server(tmp_path_factory.mktemp("sshd")) as programs:
            yield programs
    except SshServerError as error:
        pytest.skip(str(error))


def made(root: Path) -> Project:
    project = Project(root)
    project.write("pytest.ini", "[pytest]\ntestpaths = suites\n")
    project.suite(
        [
            *questions(10, prefix="c", specialty="internal_medicine/cardiology"),
            *questions(10, prefix="s", specialty="surgery", safety=["medication"], harm="mild"),
        ],
        name="one",
        gates='overall = 0.6\n"safety.medication" = 0.8',
    )
    project.suite(questions(6, group="g"), name="two", gates="overall = 0.9")
    return project


def copied(project: Project, root: Path) -> Project:
    """Check the project out on another host: nothing but its sources is there."""
    shutil.copytree(project.root, root)
    return Project(root)


def dispatched(ssh: Path, project: Project, host: Project, *flags: str) -> Result:
    """Run by one worker on a host."""
    project.environ["PATH"] = f"{ssh}{os.pathsep}{os.environ['PATH']}"
    gateway = f"ssh=a-host//python={sys.executable}//chdir={host.root}"
    return project.run("--dist=load", "--rsyncignore=*", "--tx", gateway, *flags)


def outcomes(project: Project) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in line.items() if key not in TIMING}
        for line in project.journal()
    ]


def decided(project: Project) -> dict[str, Any]:
    found = {key: value for key, value in project.verdicts().items() if key != "notes"}
    for each in found["verdicts"]:
        # Where a gate is written holds this machine's own paths.
        each["gate"]["place"] = Path(each["gate"]["place"]).name
    return found


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Any, Any]:
    project = made(tmp_path_factory.mktemp("serial"))
    result = project.run(project.answer(c001="A", s002="?"))
    assert result.status == 0, result.out
    return result.status, outcomes(project), decided(project)


def test_workers_by_ssh_in_the_same_checkout_are_as_one_process(
    tmp_path: Path, ssh: Path, serial: tuple[int, Any, Any]
) -> None:
    project = made(tmp_path)
    model = project.answer(c001="A", s002="?")
    result = dispatched(ssh, project, project, model)
    assert result.status == serial[0], result.out
    assert decided(project) == serial[2]
    assert outcomes(project) == serial[1]


def recipe(*hosts: Project) -> list[str]:
    """Give the arguments that the page shows, with this Python and these checkouts."""
    (block,) = re.findall(r"^```sh\n(pytest [^`]*--tx[^`]*)^```$", PAGE.read_text("utf-8"), re.M)
    _, *words = shlex.split(block.replace("\\\n", ""))
    places = iter(hosts)
    found = []
    for word in words:
        parts = word.split("//")
        if "ssh=" in parts[0]:
            assert [part.partition("=")[0] for part in parts[1:]] == ["python", "chdir"]
            parts[1:] = [f"python={sys.executable}", f"chdir={next(places).root}"]
        found.append("//".join(parts))
    assert next(places, None) is None, "the page shows fewer hosts"
    return found


def test_the_recipe_of_the_page_on_two_hosts_is_as_one_process(
    tmp_path: Path, ssh: Path, serial: tuple[int, Any, Any]
) -> None:
    project = made(tmp_path / "here")
    model = project.answer(c001="A", s002="?")
    hosts = [copied(project, tmp_path / name) for name in ("one", "two")]
    project.environ["PATH"] = f"{ssh}{os.pathsep}{os.environ['PATH']}"
    result = project.run(*recipe(*hosts), model)
    assert result.status == serial[0], result.out
    assert decided(project) == serial[2]
    assert outcomes(project) == serial[1], "the journal of this side has other lines"


def edit(project: Project, path: str, old: str, new: str) -> None:
    file = project.root / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("suites/one/items.jsonl", '"target": "C"', '"target": "B"'),
        ("suites/one/suite.toml", "max_tokens = 16", 'max_tokens = 16\nsystem = "You know it."'),
    ],
    ids=["target", "prompt"],
)
def test_a_host_with_another_version_of_a_suite_is_not_green(
    tmp_path: Path, ssh: Path, path: str, old: str, new: str
) -> None:
    project = made(tmp_path / "here")
    project.key_model()
    host = copied(project, tmp_path / "there")
    edit(host, path, old, new)
    result = dispatched(ssh, project, host, RIGHT)
    assert result.status in NOT_GREEN, result.out
    assert "suites/one" in result.out or "'one'" in result.out, "it does not say which suite"


def test_a_host_that_lacks_a_suite_is_not_green(tmp_path: Path, ssh: Path) -> None:
    project = made(tmp_path / "here")
    project.key_model()
    host = copied(project, tmp_path / "there")
    shutil.rmtree(host.root / "suites" / "two")
    result = dispatched(ssh, project, host, RIGHT)
    assert result.status in NOT_GREEN, result.out
    assert "suites/two" in result.out, "it does not say which suite"


def test_a_host_at_another_commit_is_not_green(tmp_path: Path, ssh: Path) -> None:
    project = made(tmp_path / "here")
    project.key_model()
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], cwd=project.root, check=True)
    host = copied(project, tmp_path / "there")
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "next"], cwd=host.root, check=True)
    result = dispatched(ssh, project, host, RIGHT)
    assert result.status in NOT_GREEN, result.out
    assert "commit" in result.out


def test_a_host_whose_alias_is_another_server_is_not_green(tmp_path: Path, ssh: Path) -> None:
    project = made(tmp_path / "here")
    right = answered(project)
    with LoopbackServer(right) as candidate, LoopbackServer(right) as other:
        project.config(server_config(candidate.base_url).replace('"loopback"', '"m"'))
        host = copied(project, tmp_path / "there")
        host.config(server_config(other.base_url).replace('"loopback"', '"m"'))
        result = dispatched(ssh, project, host)
    assert result.status in NOT_GREEN, result.out


def answered(project: Project) -> Callable[[dict[str, Any]], str]:
    """Give a server's answers: the key's, found by the question."""
    key = {
        line["input"]: line["target"]
        for path in project.root.glob("suites/*/items.jsonl")
        for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    }

    def answer(asked: dict[str, Any]) -> str:
        text = asked["messages"][-1]["content"]
        return next(target for question, target in key.items() if question in text)

    return answer


def test_a_key_that_a_host_lacks_is_named(tmp_path: Path, ssh: Path) -> None:
    project = made(tmp_path / "here")
    with LoopbackServer(answered(project)) as server:
        further = 'api_key_env = "HOSTS_HAVE_NO_SUCH_KEY"'
        config = server_config(server.base_url, further=further).replace('"loopback"', '"m"')
        project.config(config)
        host = copied(project, tmp_path / "there")
        project.environ["HOSTS_HAVE_NO_SUCH_KEY"] = "a-key-of-this-test"
        result = dispatched(ssh, project, host)
    assert result.status in NOT_GREEN, result.out
    assert "HOSTS_HAVE_NO_SUCH_KEY" in result.out
    assert "a-key-of-this-test" not in result.out


DYING = """
import os
from pathlib import Path
import key

def answer(request):
    if request.item == "s005":
        os._exit(1)
    return key.right(request)
"""


def test_a_worker_that_dies_on_its_host_is_accounted_for(tmp_path: Path, ssh: Path) -> None:
    project = made(tmp_path / "here")
    project.key_model()
    project.write("model.py", DYING)
    host = copied(project, tmp_path / "there")
    model = "--medbench-model=python:model:answer"
    result = dispatched(ssh, project, host, model, "--max-worker-restart=1")
    assert result.status in NOT_GREEN, result.out
    assert "INTERNALERROR" not in result.out
    verdicts = project.verdicts()
    assert sum(verdicts["counts"].values()) == verdicts["planned"] == 26
    assert verdicts["verdict"] != "PASS"


def test_path_arguments_are_refused_in_a_sentence(tmp_path: Path, ssh: Path) -> None:
    project = made(tmp_path / "here")
    project.key_model()
    result = dispatched(ssh, project, copied(project, tmp_path / "there"), RIGHT, "suites")
    assert result.status == 4, result.out
    assert "testpaths" in result.out.rpartition("testpaths: suites")[2]
