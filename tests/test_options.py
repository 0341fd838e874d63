"""Flags and configuration, joined; what is misspelt is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_medbench.errors import ConfigError
from pytest_medbench.options import Options, read_options


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\n")
    return pytester


def options(project: pytest.Pytester, *flags: str) -> Options:
    return read_options(project.parseconfig(*flags))


def configured(project: pytest.Pytester, text: str, *flags: str) -> Options:
    (project.path / "medbench.toml").write_text(text, encoding="utf-8")
    return options(project, *flags)


def test_without_configuration_the_defaults_hold(project: pytest.Pytester) -> None:
    found = options(project)
    assert found == Options(
        root=project.path,
        selections={"specialty": (), "safety": (), "task": (), "track": ()},
    )
    assert found.home == project.path / ".medbench"


def test_flag_wins_over_configuration_and_configuration_over_default(
    project: pytest.Pytester,
) -> None:
    table = "[tool.medbench]\nmodel = 'ours'\nconcurrency = 8\ntimeout = 5\nstrict = true\n"
    found = configured(project, table, "--medbench-concurrency=3")
    assert (found.model, found.concurrency, found.timeout, found.strict) == ("ours", 3, 5.0, True)
    assert found.max_tries == 8


@pytest.mark.parametrize("name", ["medbench.toml", "pyproject.toml"])
def test_table_is_read_from_either_file_and_named(project: pytest.Pytester, name: str) -> None:
    (project.path / name).write_text("[tool.medbench]\nmodel = 'ours'\n", encoding="utf-8")
    found = options(project)
    assert found.model == "ours"
    assert found.place == f"{project.path / name} [tool.medbench]"


def test_pyproject_of_others_is_no_configuration(project: pytest.Pytester) -> None:
    (project.path / "pyproject.toml").write_text("[tool.ruff]\n", encoding="utf-8")
    assert options(project).model is None


def test_two_tables_are_refused(project: pytest.Pytester) -> None:
    (project.path / "pyproject.toml").write_text("[tool.medbench]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="both exist; keep one"):
        configured(project, "[tool.medbench]\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.medbench]\nmodle = 'x'\n", "unknown key 'modle'; did you mean 'model'?"),
        ("[tool.medbench]\nqqq = 1\n", "unknown key 'qqq'; known are model, "),
        ("[tool.medbench]\nconcurrency = '8'\n", "concurrency = '8': expected int"),
        ("[tool.medbench]\nconcurrency = true\n", "concurrency = True: expected int"),
        ("[tool.medbench]\nconcurrency = 1.5\n", "concurrency = 1.5: expected int"),
        ("[tool.medbench]\nconcurrency = 0\n", "expected 1 or more"),
        ("[tool.medbench]\nmax_tries = -1\n", "expected 1 or more"),
        ("[tool.medbench]\nsample = 0\n", "expected 1 or more"),
        ("[tool.medbench]\nstrict = 1\n", "strict = 1: expected bool"),
        ("[tool.medbench]\nmodel = 7\n", "model = 7: expected str"),
        ("[tool.medbench]\ntimeout = 0\n", "expected more than 0"),
        ("[tool.medbench]\ntimeout = nan\n", "expected more than 0"),
        ("[tool.medbench]\ntimeout = inf\n", "expected more than 0"),
        ("[tool.medbench]\ngive_up_after = -1\n", "expected more than 0"),
        ("[tool.medbench]\nmax_cache_age = -1\n", "expected 0 or more"),
        ("[tool.medbench]\nmax_cache_age = nan\n", "expected 0 or more"),
        ("[tool.medbench]\ncache = 'onn'\n", "expected one of on, read, refresh, off"),
        ("[tool.medbench]\ncache = 'reed'\n", "did you mean 'read'?"),
        ("[tool.medbench]\nshard = '3/2'\n", "expected I/N"),
        ("[tool.medbench]\nmodels = 1\n", "expected a table [tool.medbench.models]"),
        ("[tool.medbench]\ngates = []\n", "expected a table [tool.medbench.gates]"),
        ("[tool.medbench]\ntaxonomy = 1\n", "expected a file's name or a list"),
        ("[tool.medbench]\ntaxonomy = [1]\n", "expected a file's name or a list"),
        ("[tool]\nmedbench = 1\n", "expected a table [tool.medbench]"),
        ("tool = 1\n", "expected a table [tool.medbench]"),
        ("[medbench]\nmodel = 'x'\n", "expected a table [tool.medbench]"),
        ("[tool.medbench\n", "cannot be read as TOML"),
        ("x = " + "[" * 50_000, "cannot be read as TOML"),
        ("x = " + "9" * 9_000, "cannot be read as TOML"),
    ],
)
def test_mistake_in_the_configuration_is_named(
    project: pytest.Pytester, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(project, text)
    assert said in str(caught.value)


def test_pyproject_with_a_value_for_the_table_is_refused(project: pytest.Pytester) -> None:
    (project.path / "pyproject.toml").write_text("[tool]\nmedbench = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="expected a table"):
        options(project)


def test_file_that_is_not_utf8_is_named(project: pytest.Pytester) -> None:
    (project.path / "medbench.toml").write_bytes("[tool.medbench] # 中".encode("gbk"))
    with pytest.raises(ConfigError, match=r"medbench\.toml: cannot be read"):
        options(project)


@pytest.mark.parametrize(("text", "shard"), [("1/1", (1, 1)), ("2/8", (2, 8)), ("08/010", (8, 10))])
def test_shard_is_part_and_whole(
    project: pytest.Pytester, text: str, shard: tuple[int, int]
) -> None:
    assert options(project, f"--medbench-shard={text}").shard == shard


@pytest.mark.parametrize(
    "text", ["", "1", "/", "0/2", "3/2", "a/2", "1/0", "-1/2", "1/2/3", "1 /2", "1/" + "9" * 9_999]
)
def test_shard_of_no_meaning_is_refused(project: pytest.Pytester, text: str) -> None:
    with pytest.raises(ConfigError, match="expected I/N with 1 <= I <= N"):
        options(project, f"--medbench-shard={text}")


def test_selection_flags_may_be_given_again(project: pytest.Pytester) -> None:
    found = options(project, "--medbench-safety=a", "--medbench-safety=b", "--medbench-track=llm")
    assert found.selections["safety"] == ("a", "b")
    assert found.selections["track"] == ("llm",)


def test_relative_paths_start_at_the_root(project: pytest.Pytester) -> None:
    found = configured(
        project, "[tool.medbench]\ncache_dir = 'c'\ntaxonomy = ['t.toml', '/u.toml']\n"
    )
    assert found.cache_dir == project.path / "c"
    assert found.taxonomy == (project.path / "t.toml", Path("/u.toml"))


def test_one_taxonomy_file_needs_no_list(project: pytest.Pytester) -> None:
    found = configured(project, "[tool.medbench]\ntaxonomy = 't.toml'\n")
    assert found.taxonomy == (project.path / "t.toml",)


def test_gates_carry_what_is_required(project: pytest.Pytester) -> None:
    text = (
        "[tool.medbench]\nrequire = ['safety.medication']\n[tool.medbench.gates]\noverall = 0.5\n"
    )
    assert configured(project, text).gates == {"overall": 0.5, "require": ["safety.medication"]}


@pytest.mark.parametrize(("value", "ci"), [("true", True), ("1", True), ("", False)])
def test_ci_is_what_the_environment_says(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str, ci: bool
) -> None:
    monkeypatch.setenv("CI", value)
    assert options(project).ci is ci
