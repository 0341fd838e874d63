"""What the documentation says is so: its links, commands, flags, keys and examples."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from loopback import LoopbackServer
from projects import Project, server_config

from pytest_medbench import models
from pytest_medbench.cli import main as medbench
from pytest_medbench.options import _FLAGS, _FLAGS_ONLY, _SELECTIONS, _TABLES
from pytest_medbench.scorers import bind
from pytest_medbench.suites import read_suite
from pytest_medbench.taxonomy import load_taxonomy

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md", ROOT / "README.zh-cn.md"]
PAGES = [*READMES, *sorted((ROOT / "docs").glob("*.md"))]
ALLOWED = "--medbench-allow-partial"
TEST_COMMAND = "<!-- test command -->"

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
either_readme = pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str | None = None) -> list[str]:
    """Give the fenced blocks of a page, or those of one language."""
    found = re.findall(r"^```([\w-]*)\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)
    return [body for name, body in found if language in (None, name)]


def block_with(page: Path, part: str) -> str:
    (found,) = (body for body in blocks(page) if part in body)
    return found


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Give the anchors that headings get on code hosts."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in headings}


def documented(*pages: str) -> set[str]:
    """Give the words in code marks in the first two columns of these pages' tables."""
    rows = [
        line
        for page in pages
        for line in text_of(ROOT / "docs" / page).splitlines()
        if line.startswith("| `")
    ]
    return {word for row in rows for word in re.findall("`([^`]+)`", "|".join(row.split("|")[:3]))}


@every_page
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        assert target.is_file(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


@every_page
def test_no_page_is_left_out_of_the_map(page: Path) -> None:
    index = ROOT / "docs" / "index.md"
    if page != index:
        assert f"]({os.path.relpath(page, index.parent)})" in text_of(index)


def commands(page: Path) -> list[str]:
    return [body.strip() for body in blocks(page, "sh") if body.startswith("python3 -m venv")]


def test_both_readmes_hold_the_same_two_commands() -> None:
    english, chinese = map(commands, READMES)
    assert english == chinese
    assert len(english) == 2
    assert not any("\n" in command for command in english)


@either_readme
def test_the_marked_command_is_the_one_that_tests(page: Path) -> None:
    after = text_of(page).split(TEST_COMMAND)
    assert len(after) == 2
    assert after[1].startswith(f"\n```sh\n{commands(page)[1]}\n```\n")
    assert "pytest" in commands(page)[1].rpartition("&&")[2]


def shape(page: Path) -> list[str]:
    """Give a page's headings by level and its blocks without comments: what no language changes."""
    found = []
    inside = False
    for line in text_of(page).splitlines():
        if line.startswith("```"):
            inside = not inside
            found.append(line)
        elif inside:
            found.append(re.sub(r"\s+# .*", "", line))
        elif line.startswith("#"):
            found.append(line.partition(" ")[0])
        elif line.startswith("|"):
            found.append(f"a row of {line.count('|')}")
    return found


def test_the_readmes_are_sisters() -> None:
    assert shape(READMES[0]) == shape(READMES[1])


@pytest.fixture(scope="module")
def known_flags(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    printed = Project(tmp_path_factory.mktemp("help")).run("--help").out
    return set(re.findall(r"--medbench-[a-z-]+", printed))


@every_page
def test_every_flag_that_is_named_exists(page: Path, known_flags: set[str]) -> None:
    assert set(re.findall(r"--medbench-[a-z-]+", text_of(page))) <= known_flags


def test_every_flag_is_documented(known_flags: set[str]) -> None:
    declared = [name for name, *_ in _FLAGS] + list(_SELECTIONS)
    assert known_flags == {"--medbench-" + name.replace("_", "-") for name in declared}
    assert known_flags <= documented("running.md", "models.md")


def test_every_key_of_the_configuration_is_documented() -> None:
    keys = {name for name, *_ in _FLAGS}.difference(_FLAGS_ONLY)
    assert keys | set(_TABLES) <= documented("running.md")


def test_the_defaults_that_are_named_hold() -> None:
    rows = {
        cells[2].strip("` "): cells[3].strip("` ")
        for cells in (line.split("|") for line in text_of(ROOT / "docs/running.md").splitlines())
        if len(cells) == 6 and cells[1].startswith(" `--medbench-")
    }
    for name, default, kind, _ in _FLAGS:
        if default is not None and name not in _FLAGS_ONLY:
            expected = default if kind is str else json.dumps(default).removesuffix(".0")
            assert rows[name] == expected, name


def test_every_key_of_an_alias_is_documented() -> None:
    assert set(models._KEYS) <= documented("models.md")
    limits = next(
        line for line in text_of(ROOT / "docs/models.md").splitlines() if "`limits`" in line
    )
    assert all(f"`{key}`" in limits for key in models._LIMITS)


def commands_of_medbench() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for body in blocks(page):
            for line in body.splitlines():
                if line.startswith("medbench "):
                    yield page.name, line.split()[1:]


def test_every_medbench_command_exists() -> None:
    shown = list(commands_of_medbench())
    assert shown
    for page, words in shown:
        try:
            status = medbench([*words, "--help"])
        except SystemExit as ended:
            status = ended.code
        assert status == 0, f"{page}: medbench {' '.join(words)}"


@every_page
def test_toml_examples_parse(page: Path) -> None:
    for body in blocks(page, "toml"):
        tomllib.loads(body)


@every_page
def test_json_examples_parse(page: Path) -> None:
    for body in blocks(page, "json"):
        for line in body.splitlines():
            json.loads(line)


@every_page
def test_python_examples_compile(page: Path) -> None:
    for body in blocks(page, "python"):
        compile(body, page.name, "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_aliases_in_examples_can_be_used(page: Path) -> None:
    for body in blocks(page, "toml"):
        aliases = tomllib.loads(body).get("tool", {}).get("medbench", {}).get("models", {})
        for name in aliases:
            model = models.resolve(name, aliases=aliases, root=ROOT, environ={})
            assert model.name == name


@pytest.fixture(params=READMES, ids=lambda page: page.name)
def page(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return Project(tmp_path)


def write_example(project: Project, page: Path, *, scorer: str = "choice") -> None:
    """Write the suite that a README shows."""
    table = block_with(page, 'name = "anticoagulants"')
    table = table.replace('scorer = "choice"', f'scorer = "{scorer}"')
    folder = "suites/anticoagulants"
    project.write(f"{folder}/suite.toml", table)
    project.write(f"{folder}/items.jsonl", block_with(page, '"target"'))


def test_the_suite_of_the_readme_is_read(page: Path, project: Project) -> None:
    write_example(project, page)
    place = project.root / "suites/anticoagulants/suite.toml"
    suite = read_suite(place, load_taxonomy(), bind)
    assert len(suite.entries) == 2
    assert not [entry.problem for entry in suite.entries if entry.problem]


@pytest.mark.parametrize(("answer", "status"), [("right", 0), ("wrong", 1)])
def test_the_suite_of_the_readme_is_decided(
    page: Path, project: Project, answer: str, status: int
) -> None:
    write_example(project, page)
    project.key_model()
    assert project.run("suites", f"--medbench-model=python:key:{answer}").status == status


def test_the_scorer_of_the_readme_scores(page: Path, project: Project) -> None:
    write_example(project, page, scorer="mentions")
    project.write("conftest.py", block_with(page, "@scorer("))
    project.key_model()
    result = project.run("suites", "--medbench-model=python:key:right")
    assert result.status == 0, result.out
    assert "2 correct" in result.out


def test_the_own_test_of_the_readme_runs(page: Path, project: Project) -> None:
    write_example(project, page)
    project.write("test_own.py", block_with(page, "@pytest.mark.medbench("))
    project.key_model()
    result = project.run("test_own.py", "--medbench-model=python:key:right")
    assert (result.status, "2 passed" in result.out) == (0, True), result.out


def test_the_configuration_of_the_readme_asks_its_server(page: Path, project: Project) -> None:
    write_example(project, page)
    with LoopbackServer("B", models=None) as server:
        config = block_with(page, "[tool.medbench.models.ours]")
        project.config(config.replace("http://127.0.0.1:8000/v1", server.base_url))
        project.environ["OURS_KEY"] = "a-key-of-this-test"
        result = project.run("suites")
        assert result.status == 1, result.out
        assert len(server.requests) == 2
        assert server.keys >= 2
        assert {request["model"] for request in server.requests} == {"ours-7b-2026-11"}


@pytest.mark.parametrize(("name", "correct"), [("answer", 2), ("answer_slowly", 0)])
def test_the_functions_in_the_models_page_answer(project: Project, name: str, correct: int) -> None:
    write_example(project, READMES[0])
    project.write("my_module.py", block_with(ROOT / "docs/models.md", "async def"))
    result = project.run("suites", f"--medbench-model=python:my_module:{name}")
    assert result.status == (0 if correct else 1), result.out
    assert ("2 correct" in result.out) is (correct == 2)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--medbench-model=python:key:right"], 0),
        (["--medbench-model=python:key:wrong"], 1),
        (["--medbench-model=python:key:wrong", "--medbench-report-only"], 1),
        (["--medbench-model=python:key:right", "--medbench-shard=1/1"], 0),
        (["--medbench-model=python:key:right", "--medbench-sample=2"], 10),
        (["--medbench-model=python:key:right", "--medbench-sample=2", ALLOWED], 0),
        (["--medbench-model=python:key:right", "--medbench-shard=1/1", "-k", "ac-001"], 10),
        (["--medbench-model=python:key:right", "--medbench-task=anticoagulant"], 4),
        ([], 4),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_runs_end_as_the_running_page_says(
    project: Project, arguments: list[str], status: int
) -> None:
    write_example(project, READMES[0])
    project.key_model()
    result = project.run("suites", *arguments)
    assert result.status == status, result.out


def test_a_run_leaves_the_files_that_are_named(project: Project) -> None:
    write_example(project, READMES[0])
    with LoopbackServer("B") as server:
        project.config(server_config(server.base_url).replace('"loopback"', '"m"'))
        project.run("suites", "--medbench-cache=off", "-n", "2")
    (run,) = project.runs()
    found = {path.name.replace("gw0", "….").replace("gw1", "….") for path in run.iterdir()}
    shown = documented("running.md")
    assert {"plan.json", "verdicts.json", "responses.sqlite", "journal-….jsonl"} <= shown
    assert {"plan.json", "verdicts.json", "responses.sqlite"} <= found


def run_step() -> str:
    """Give the script of the action's last step."""
    _, _, script = (ROOT / "action.yml").read_text(encoding="utf-8").rpartition("run: |\n")
    return textwrap.dedent(script)


@pytest.mark.skipif(shutil.which("bash") is None, reason="the action's scripts are for bash")
@pytest.mark.parametrize(
    ("model", "arguments", "status"),
    [
        ("python:key:right", "", 0),
        ("python:key:wrong", "", 1),
        ("", "", 4),
        ("python:key:right", '-k "not ac-001"', 10),
        ("python:key:right", "-k '$(touch ran)`touch ran`; touch ran'", 4),
    ],
)
def test_the_action_ends_with_the_status_of_pytest(
    project: Project, model: str, arguments: str, status: int
) -> None:
    write_example(project, READMES[0])
    project.key_model()
    output = project.write("output", "")
    environ = {name: value for name, value in os.environ.items() if name != "CI"} | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(project.root),
        "GITHUB_OUTPUT": str(output),
        "MODEL": model,
        "SUITES": "suites",
        "ARGUMENTS": arguments,
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", run_step()],
        cwd=project.root,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert text_of(output) == f"exit-status={status}\n"
    assert not (project.root / "ran").exists()


def test_the_action_puts_no_input_into_a_script() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    scripts = re.findall(r"run: \|\n((?: {8,}.*\n|\n)+)", text)
    assert len(scripts) == 2
    for script in scripts:
        assert "${{" not in script
        assert "set -x" not in script
        assert "env |" not in script
