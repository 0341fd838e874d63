"""The examples of CI configurations: valid, and their steps decide as the whole run does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ci_jobs import GitHub, GitLab, Service, kill, read_yaml
from loopback import LoopbackServer, Reply
from projects import Project, Result, questions, server_config

from pytest_medbench.selection import shard_of

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
KEY = "a-key-of-this-test"
MUST_PASS = {f"Question {number}?": f"p{number - 8:03}" for number in range(8, 16)}
only_github = pytest.mark.parametrize("run", ["github-actions"], indirect=True)

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are for bash")


def check(schema: str, path: Path) -> Result:
    """Hold a file against the schema that its service publishes, with no way to the network."""
    nowhere = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", path],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("github-workflows", EXAMPLES / "github-actions.yml"),
        ("gitlab-ci", EXAMPLES / "gitlab-ci.yml"),
        ("github-actions", ROOT / "action.yml"),
    ],
    ids=["github", "gitlab", "action"],
)
def test_the_file_is_what_its_service_takes(schema: str, path: Path) -> None:
    result = check(schema, path)
    assert result.status == 0, result.out


def test_the_schema_finds_a_key_that_is_misspelt(tmp_path: Path) -> None:
    text = (EXAMPLES / "github-actions.yml").read_text(encoding="utf-8")
    path = tmp_path / "workflow.yml"
    path.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert check("github-workflows", path).status == 1


@dataclass
class Answers:
    """A server's answers: those of the key, but for some questions."""

    key: dict[str, str]
    instead: dict[str, str | Reply] = field(default_factory=dict)
    seen: Callable[[str | Reply], object] = lambda answer: None

    def __call__(self, asked: dict[str, Any]) -> str | Reply:
        text = asked["messages"][-1]["content"]
        known = {**self.key, **self.instead}
        found = next(answer for question, answer in known.items() if question in text)
        self.seen(found)
        return found


@dataclass
class Setting:
    """A project, the server that it asks, and the verdict of its whole run."""

    project: Project
    server: LoopbackServer
    answers: Answers
    whole: dict[str, Any]


def written(root: Path, url: str, items: list[dict[str, Any]]) -> Project:
    project = Project(root, {"OURS_KEY": KEY})
    further = 'api_key_env = "OURS_KEY"\nrevision = "1"'
    project.config(server_config(url, further=further).replace('"loopback"', '"m"'))
    project.suite(items, gates='overall = 0.6\n"safety.medication" = 0.8')
    project.write("requirements.txt", "pytest-medbench==0.1.0\n")
    return project


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    folder = tmp_path_factory.mktemp("ci")
    items = [
        *questions(8, prefix="m", safety=["medication"], harm="mild"),
        *questions(8, prefix="p", must_pass=True, harm="mild"),
    ]
    for number, item in enumerate(items):
        item["input"] = f"Question {number}?"
    answers = Answers({f"Question {number}?": item["target"] for number, item in enumerate(items)})
    answers.instead["Question 2?"] = "D"
    with LoopbackServer(answers) as server:
        project = written(folder / "project", server.base_url, items)
        twin = written(folder / "whole", server.base_url, items)
        result = twin.run("suites", ci=True)
        assert result.status == 0, result.out
        yield Setting(project, server, answers, decided(twin.runs()[0]))


def decided(run: Path) -> dict[str, Any]:
    """Give what was decided, but for the machine's own paths."""
    found: dict[str, Any] = json.loads((run / "verdicts.json").read_text(encoding="utf-8"))
    for each in found["verdicts"]:
        each["gate"]["place"] = Path(each["gate"]["place"]).name
    return found


Run = tuple["GitHub | GitLab", Any, dict[str, "Result | None"]]


@pytest.fixture(scope="module", params=["github-actions", "gitlab-ci"])
def run(
    request: pytest.FixtureRequest, setting: Setting, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Run an example's pipeline once, with all well."""
    kind = GitHub if request.param == "github-actions" else GitLab
    folder = tmp_path_factory.mktemp(request.param)
    service = kind(setting.project.root, folder, {"OURS_KEY": KEY})
    config = read_yaml(EXAMPLES / f"{request.param}.yml")
    return service, config, service.pipeline(config)


def verdict_of(service: GitHub | GitLab) -> Path:
    (found,) = service.artifacts.glob("*verdict*/**/verdicts.json")
    return found.parent


def test_shards_and_merge_come_to_the_verdict_of_the_whole_run(run: Run, setting: Setting) -> None:
    service, _, results = run
    said = "".join(result.out for result in results.values() if result)
    statuses = {name: result and result.status for name, result in results.items()}
    assert statuses == dict.fromkeys(["shard 1", "shard 2", "shard 3", "verdict"], 0), said
    assert decided(verdict_of(service)) == setting.whole
    assert setting.whole["counts"]["wrong"] == 1


def test_the_key_reaches_the_server_and_no_file(run: Run, setting: Setting) -> None:
    service, _, results = run
    assert setting.server.keys >= len(setting.server.requests)
    assert not any(KEY in result.out for result in results.values() if result)
    files = [path for path in service.folder.rglob("*") if path.is_file()]
    assert any(path.name == "responses.sqlite" for path in files)
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def shard(service: GitHub | GitLab, config: Any, number: int) -> Result:
    """Run one shard's job again."""
    if isinstance(service, GitHub):
        return service.job(config["jobs"]["shard"], {"shard": number}, total=3)
    return service.job(config, "shard", number)


def verdict(service: GitHub | GitLab, config: Any) -> Result:
    if isinstance(service, GitHub):
        return service.job(config["jobs"]["verdict"], {})
    return service.job(config, "verdict")


@pytest.fixture
def again(run: Run, tmp_path: Path) -> tuple[GitHub | GitLab, Any]:
    """Give what the pipeline left, to go on from there."""
    service, config, _ = run
    shutil.copytree(service.artifacts, tmp_path / "artifacts")
    shutil.copytree(service.caches, tmp_path / "caches")
    for verdict in (tmp_path / "artifacts").glob("*verdict*"):
        shutil.rmtree(verdict)
    return type(service)(service.source, tmp_path, service.secrets), config


def test_a_shard_that_is_run_again_asks_nothing_twice(
    again: tuple[GitHub | GitLab, Any], setting: Setting
) -> None:
    service, config = again
    before = len(setting.server.requests)
    result = shard(service, config, 2)
    assert result.status == 0, result.out
    assert len(setting.server.requests) == before
    assert verdict(service, config).status == 0


def test_without_one_shards_artifact_nothing_is_green(
    again: tuple[GitHub | GitLab, Any],
) -> None:
    service, config = again
    shutil.rmtree(next(service.artifacts.glob("*shard-2")))
    result = verdict(service, config)
    assert result.status == 2
    assert "shard 2/3 is missing" in result.out


@pytest.fixture
def afresh(again: tuple[GitHub | GitLab, Any], setting: Setting) -> Iterator[Answers]:
    """Give the server's answers, to be changed; nothing of them is stored."""
    shutil.rmtree(again[0].caches)
    before = dict(setting.answers.instead)
    yield setting.answers
    setting.answers.instead = before
    setting.server.release()


@only_github
def test_a_shard_that_blocks_blocks_the_whole(
    again: tuple[GitHub | GitLab, Any], afresh: Answers
) -> None:
    service, config = again
    question, item = next(iter(MUST_PASS.items()))
    afresh.instead[question] = "none of them"
    number = shard_of("demo", item, of=3)
    assert shard(service, config, number).status == 1
    result = verdict(service, config)
    assert result.status == 1, result.out
    assert decided(verdict_of(service))["verdict"] == "BLOCK"


@only_github
def test_a_shard_that_was_killed_is_uploaded_and_not_green(
    again: tuple[GitHub | GitLab, Any], afresh: Answers, setting: Setting
) -> None:
    service, config = again
    question, item = next(iter(MUST_PASS.items()))
    number = shard_of("demo", item, of=3)
    stalled = Reply(stall=True)
    asked = threading.Event()
    afresh.instead[question] = stalled
    afresh.seen = lambda answer: asked.set() if answer is stalled else None
    threads = []

    def kill_in_flight(process: subprocess.Popen[str]) -> None:
        def wait() -> None:
            if asked.wait(60):
                kill(process)

        if "pytest" in str(process.args):
            threads.append(threading.Thread(target=wait))
            threads[-1].start()

    service.started = kill_in_flight
    result = shard(service, config, number)
    threads[0].join()
    service.started = lambda process: None
    assert result.status == -signal.SIGKILL, result.out
    decision = verdict(service, config)
    assert decision.status == 11, decision.out
    assert f"shard {number}/3" in decision.out


class Dry(Service):
    """Runs no step: those of shards end with one status, all others with 0."""

    status = 0

    def shell(self, flags: Any, script: str, place: Path, environ: Any) -> Result:
        is_shard = "--medbench-shard" in script
        if is_shard:
            for path in ("runs/one/plan.json", "cache/responses.sqlite"):
                file = place / ".medbench" / path
                file.parent.mkdir(parents=True)
                file.write_text("{}", encoding="utf-8")
        return Result(self.status if is_shard else 0, "")


class DryGitHub(Dry, GitHub):
    """GitHub without the steps."""


class DryGitLab(Dry, GitLab):
    """GitLab without the steps."""


@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 10, 11, -9])
@pytest.mark.parametrize(
    ("kind", "name"), [(DryGitHub, "github-actions"), (DryGitLab, "gitlab-ci")]
)
def test_shards_that_fail_keep_neither_each_other_nor_the_verdict_from_running(
    tmp_path: Path, kind: type[DryGitHub | DryGitLab], name: str, status: int
) -> None:
    (tmp_path / "source").mkdir()
    service = kind(tmp_path / "source", tmp_path, {"OURS_KEY": KEY})
    service.status = status
    results = service.pipeline(read_yaml(EXAMPLES / f"{name}.yml"))
    assert {name: result and result.status for name, result in results.items()} == {
        "shard 1": status,
        "shard 2": status,
        "shard 3": status,
        "verdict": 0,
    }
    assert len(list(service.artifacts.glob("*shard-*/**/plan.json"))) == 3
    assert len(list(service.caches.glob("*/responses.sqlite"))) == 3
