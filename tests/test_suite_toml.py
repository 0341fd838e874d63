"""`suite.toml`: whose it is, what it may hold, and the line of each mistake."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from written_suites import (
    SUITE_TOML,
    ids,
    line,
    problems,
    read,
    refused,
    row,
    write,
    written,
)

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.errors import ConfigError
from pytest_medbench.gates import parse_gates
from pytest_medbench.options import Options
from pytest_medbench.suites import Item, PromptTable, ScoreTable, SuiteTable, is_suite_file
from pytest_medbench.suites.places import line_in, line_of


class TestSuiteToml:
    @pytest.mark.parametrize(
        ("toml", "number", "said"),
        [
            ("[suite]\nname = 'x'\nitems =\n", 3, "is not TOML"),
            ("[suite]\nname = 'x'\n[suite]\n", 3, "is not TOML"),
            ("[suite]\nname = '''x\n\n", 2, "is not TOML"),
            (
                SUITE_TOML.replace("name =", '"licens" = "x" # inline\nname ='),
                2,
                "unknown key 'suite.licens'; did you mean 'licence'?",
            ),
            (SUITE_TOML + "[prompts]\n", 7, "unknown key 'prompts'; did you mean 'prompt'?"),
            (SUITE_TOML + "[ prompt ] # x\nshot = 1\n", 8, "did you mean 'shots'?"),
            (SUITE_TOML + 'prompt.strategy = "cott"\n', 7, "no option 'prompt'"),
            (
                SUITE_TOML + '["prompt"]\n"strategy" = """\ncott"""\n',
                8,
                "prompt.strategy",
            ),
            (SUITE_TOML + "[prompt]\nstrategy = 'cott'\n", 8, "did you mean 'cot'?"),
            (SUITE_TOML + "[prompt]\nshots = 65\n", 8, "prompt.shots = 65"),
            (SUITE_TOML.replace('name = "small"', "name = 7"), 2, "suite.name = 7"),
            (SUITE_TOML.replace("small", "s p"), 2, "suite.name = 's p'"),
            (
                SUITE_TOML.replace("items =", "version = 2026.11\nitems ="),
                3,
                "suite.version = 2026.11",
            ),
            (SUITE_TOML.replace("items =", "track = 'llmm'\nitems ="), 3, "did you mean 'llm'?"),
            (SUITE_TOML.replace("items =", 'language = "a\\tb"\nitems ='), 3, "suite.language"),
            ("[suite]\nitems = 'x'\n[score]\nscorer = 'letter'\n", 1, "key 'suite.name' is miss"),
            ("[suite]\nname = 'x'\nitems = 'x'\n", None, "key 'score' is missing"),
            (SUITE_TOML + "correct_at = 0\n", 7, "score.correct_at = 0"),
            (SUITE_TOML + "group_rule = 'al'\n", 7, "did you mean 'all'?"),
            (SUITE_TOML.replace("letter", "leter"), 6, "did you mean 'letter'?"),
            (SUITE_TOML + "\n# x\ntolerance = 1\n", 9, "no option 'tolerance'"),
            ("gates = 1\n" + SUITE_TOML, 1, "gates = 1"),
        ],
    )
    def test_mistake_is_named_with_line_and_key(
        self, tmp_path: Path, toml: str, number: int | None, said: str
    ) -> None:
        error = refused(write(tmp_path, row(), toml=toml))
        assert error.place == tmp_path / "suite.toml"
        assert said in str(error)
        assert error.line == number

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_byte_order_mark_and_line_endings_do_not_matter(self, tmp_path: Path, end: str) -> None:
        toml = b"\xef\xbb\xbf" + SUITE_TOML.replace("\n", end).encode()
        assert written(tmp_path, row(), toml=toml).name == "small"

    @pytest.mark.parametrize(
        "toml",
        [
            SUITE_TOML.replace("small", "中文").encode("gbk"),
            SUITE_TOML.encode("utf-16"),
            b"\xff" + SUITE_TOML.encode(),
        ],
    )
    def test_not_utf8_says_so(self, tmp_path: Path, toml: bytes) -> None:
        assert "save the file as UTF-8" in str(refused(write(tmp_path, row(), toml=toml)))

    @pytest.mark.parametrize(
        "bomb",
        [
            "x = " + "[" * 100_000,
            "x = " + "{a=" * 50_000,
            "[" + ".".join("a" * 50_000) + "]",
            SUITE_TOML + "[gates]\n" + ".".join("a" * 50_000) + " = 1\n",
            SUITE_TOML + "x." + ".".join("a" * 50_000) + " = 1\n",
            SUITE_TOML.replace('"small"', "[" * 40 + "]" * 40),
            "x = {" + ".".join(["'a.='"] * 50_000) + " = 1}",
            '"""' + '\n\\"""' * 50_000,
            '"' + '\\"' * 100_000,
            "x = " + "9" * 10_000,
            "x = 2026-13-45\n",
            "x = '" + "y" * 2_000_000 + "'",
        ],
    )
    def test_hostile_toml_is_one_clear_error(self, tmp_path: Path, bomb: str) -> None:
        place = write(tmp_path, row(), toml=bomb)
        assert is_suite_file(place)
        assert len(str(refused(place))) < 1_000

    def test_file_that_is_missing_is_named(self, tmp_path: Path) -> None:
        assert "cannot be read" in str(refused(tmp_path / "suite.toml"))

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n"])
    def test_suite_without_items_is_an_error(self, tmp_path: Path, content: bytes) -> None:
        place = write(tmp_path)
        (tmp_path / "items.jsonl").write_bytes(content)
        assert str(refused(place)).startswith(f"{tmp_path / 'items.jsonl'}: no items")


class TestItemsPath:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("../items.jsonl", "outside the suite's folder"),
            ("/etc/hostname", "outside the suite's folder"),
            ("none.jsonl", "there is no such file"),
            ("", "it is no file"),
            (".", "it is no file"),
            ("pipe", "it is no file"),
            ("loop", "cannot be read"),
            ("link", "outside the suite's folder"),
            ("linked/items.jsonl", "outside the suite's folder"),
            ("a\\u0000b", "cannot be read"),
            ("x" * 5_000, "cannot be read"),
        ],
    )
    def test_unusable_path_is_an_error_at_its_line(
        self, tmp_path: Path, name: str, said: str
    ) -> None:
        folder = tmp_path / "suite"
        toml = SUITE_TOML.replace('"items.jsonl"', f'"{name}"')
        place = write(folder, row(), toml=toml)
        (tmp_path / "items.jsonl").write_bytes(line(row()))
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to(folder / "loop")
        (folder / "link").symlink_to(tmp_path / "items.jsonl")
        (folder / "linked").symlink_to(tmp_path)
        error = refused(place)
        assert said in str(error)
        assert error.line == 3
        assert str(error).startswith(f"{place}:3: items = ")

    def test_file_in_a_folder_within_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "a.jsonl").write_bytes(line(row()))
        toml = SUITE_TOML.replace("items.jsonl", "data/a.jsonl")
        assert ids(written(tmp_path, toml=toml)) == ["q1"]

    def test_link_within_the_folder_is_followed(self, tmp_path: Path) -> None:
        place = write(tmp_path, row(), toml=SUITE_TOML.replace("items.jsonl", "link.jsonl"))
        (tmp_path / "link.jsonl").symlink_to("items.jsonl")
        assert ids(read(place)) == ["q1"]

    def test_suite_in_a_linked_folder_is_read(self, tmp_path: Path) -> None:
        write(tmp_path / "real", row())
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert ids(read(tmp_path / "link" / "suite.toml")) == ["q1"]


class TestWhoseFile:
    @pytest.mark.parametrize(
        ("toml", "ours"),
        [
            (SUITE_TOML, True),
            ("[suite]\nname = 'x'\nitems = 'y'\nwhatever = 1\n", True),
            ("suite = { name = 'x', items = 'y' }\n", True),
            ("[suite]\nname = 'x'\n", False),
            ("[suite]\nitems = 'x'\n", False),
            ("suite = 'x'\n", False),
            ("[[suite]]\nname = 'x'\nitems = 'y'\n", False),
            ("[tests]\nname = 'x'\nitems = 'y'\n", False),
            ("", False),
            ("this is no TOML\n", False),
            ("x = " + "[" * 100_000, False),
            ("x" * 2_000_000, False),
        ],
    )
    def test_only_a_suite_table_with_name_and_items_makes_it_ours(
        self, tmp_path: Path, toml: str, ours: bool
    ) -> None:
        place = write(tmp_path, toml=toml)
        (tmp_path / "items.jsonl").unlink()
        assert is_suite_file(place) is ours

    @pytest.mark.parametrize("toml", ["", "this is no TOML", "[tests]\n", "[suite]\nname='x'\n"])
    def test_whatever_lies_beside_an_items_file_is_ours(self, tmp_path: Path, toml: str) -> None:
        assert is_suite_file(write(tmp_path, row(), toml=toml))

    @pytest.mark.parametrize(
        "toml",
        [
            SUITE_TOML.replace("items.jsonl", "exam.jsonl") + "[score\n",
            SUITE_TOML.replace("items.jsonl", "exam.jsonl").encode() + b"# \xff\n",
            SUITE_TOML.replace("items.jsonl", "exam.jsonl") + "[score]\n",
        ],
    )
    def test_slip_of_the_pen_makes_no_suite_disappear(
        self, tmp_path: Path, toml: str | bytes
    ) -> None:
        place = write(tmp_path, toml=toml)
        (tmp_path / "items.jsonl").unlink()
        assert is_suite_file(place)

    def test_file_that_cannot_be_read_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "suite.toml").mkdir()
        assert not is_suite_file(tmp_path / "suite.toml")


class TestCatalogue:
    CHOICE = SUITE_TOML.replace("letter", "choice")

    def test_two_suites_of_one_name_are_refused_with_both_places(self, tmp_path: Path) -> None:
        catalogue = Catalogue(Options(root=tmp_path))
        first = write(tmp_path / "a", row(), toml=self.CHOICE)
        second = write(tmp_path / "b", row(), toml=self.CHOICE)
        catalogue.read(first)
        with pytest.raises(ConfigError) as caught:
            catalogue.read(second)
        assert str(first) in str(caught.value)
        assert str(second) in str(caught.value)
        assert [suite.path for suite in catalogue.suites] == [first]

    def test_suite_is_read_once(self, tmp_path: Path) -> None:
        catalogue = Catalogue(Options(root=tmp_path))
        place = write(tmp_path, row(), toml=self.CHOICE)
        assert catalogue.read(place) is catalogue.read(place)


DOCUMENT = '''\
# [suite]
top = 1
["suite"] # [other]
description = """
[score]
name = "no"
""""  # four quotes
"name"='x' # = "items"
list = [
  "]", # ]
  { a = 1 },
]
a . "b.c" = 2
inner = { x = 1, "y" = { z = '#' } }
[suite.sub.name]
k = 1
[[many]]
q = 1
[score]
scorer = """a \\""" b"""
'''


@pytest.mark.parametrize(
    ("keys", "number"),
    [
        (("top",), 2),
        (("suite",), 3),
        (("suite", "description"), 4),
        (("suite", "name"), 8),
        (("suite", "list"), 9),
        (("suite", "a", "b.c"), 13),
        (("suite", "inner", "y", "z"), 14),
        (("suite", "sub", "name", "k"), 16),
        (("many", "q"), 18),
        (("score", "scorer"), 20),
        (("suite", "missing"), 3),
        (("missing", "name"), None),
    ],
)
def test_line_of_a_key_is_found_as_toml_means_it(keys: tuple[str, ...], number: int | None) -> None:
    assert line_of(DOCUMENT, *keys) == number
    assert line_of(DOCUMENT.replace("\n", "\r\n"), *keys) == number


def test_line_in_a_file_that_is_gone_is_unknown(tmp_path: Path) -> None:
    assert line_in(tmp_path / "suite.toml", "suite") is None


@given(st.text(alphabet="[]{}\"'\\#=.ab \n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_looking_for_a_line_never_fails_whatever_the_text(text: str) -> None:
    found = line_of(text, "a", "b")
    assert found is None or 1 <= found <= text.count("\n") + 1


class TestPage:
    """The examples of the page on suites, and its tables, hold what the code takes."""

    PAGE = (Path(__file__).parents[1] / "docs" / "suites.md").read_text(encoding="utf-8")

    def blocks(self) -> list[tuple[str, str]]:
        return re.findall(
            r"`([a-z]+\.(?:toml|jsonl))`\n```(?:toml|json)\n(.*?)```", self.PAGE, re.S
        )

    def test_examples_are_suites_without_a_problem(self, tmp_path: Path) -> None:
        catalogue = Catalogue(Options(root=tmp_path))
        folder = tmp_path
        for name, text in self.blocks():
            if name == "suite.toml":
                folder = tmp_path / str(len(list(tmp_path.iterdir())))
                folder.mkdir()
            (folder / name).write_text(text, encoding="utf-8")
        for place in sorted(tmp_path.glob("*/suite.toml")):
            suite = catalogue.read(place)
            assert not problems(suite)
            assert len(suite.entries) == 2
            parse_gates(suite.spec.gates, "[gates]", scope=suite.name)
        assert [suite.name for suite in catalogue.suites] == ["first-aid", "fluids"]

    @pytest.mark.parametrize("model", [SuiteTable, PromptTable, ScoreTable, Item])
    def test_every_key_stands_in_a_table(self, model: type[BaseModel]) -> None:
        rows = [one.split("|")[1] for one in self.PAGE.splitlines() if one.startswith("| `")]
        named = set(re.findall(r"`(\w+)`", " ".join(rows)))
        assert set(model.model_fields) <= named
