"""Cases hold little, and are items like any other to pytest and its plugins all the same."""

from __future__ import annotations

from pathlib import Path

from projects import KEY, Project, questions

PLUGIN = """
import pytest

KEY = pytest.StashKey[int]()
OWN = ("keywords", "own_markers", "extra_keyword_matches", "stash", "user_properties")

def pytest_collection_modifyitems(items):
    first, second, third = items
    for item in items:
        assert not vars(item)
        assert item.get_closest_marker("cardiology").name == "cardiology"
        assert item.get_closest_marker("none") is None
    first.stash[KEY] = 1
    first.user_properties.append(("a", 1))
    first.extra_keyword_matches.add("chosen")
    first.add_marker("tryfirst")
    first.anything = "else"
    assert first.anything == "else"
    assert first._store is first.stash
    for name in OWN:
        assert getattr(first, name) is getattr(first, name)
        assert getattr(first, name) is not getattr(second, name)
    assert first.stash[KEY] == 1 and KEY not in second.stash
    assert first.user_properties == [("a", 1)] and second.user_properties == []
    names = [mark.name for mark in first.iter_markers()]
    assert names == [*[mark.name for mark in second.iter_markers()], "tryfirst"]
    assert "tryfirst" in first.keywords and "tryfirst" not in second.keywords
    assert second.name in second.keywords and "suite.toml" in str(list(second.keywords))
    third.add_marker(pytest.mark.xfail, append=False)
    assert [mark.name for mark in third.iter_markers()][0] == "xfail"
    with pytest.raises(AttributeError, match="no attribute 'funcargs'"):
        first.funcargs
    assert not hasattr(first, "callspec")
"""


def test_case_makes_what_plugins_ask_it_for(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.key_model()
    project.suite(questions(3, specialty="internal_medicine/cardiology"))
    project.write("conftest.py", PLUGIN)
    chosen = project.run("suites", KEY, "-k", "chosen or q002", "-m", "cardiology", "-q")
    assert "1 deselected, 2 correct" in chosen.out.splitlines()[-1], chosen.out


KEPT = """
def pytest_terminal_summary(terminalreporter):
    for category, reports in terminalreporter.stats.items():
        print("KEPT", category, len(reports), len(set(map(id, reports))))
"""


def test_terminal_counts_reports_and_keeps_those_that_are_read_again(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite([*questions(12), {**questions(1)[0], "id": "must", "must_pass": True}])
    project.write("conftest.py", KEPT)
    model = project.answer(q001="A", q002="A", q003="?", q005=None, q006=None, must="D")
    for flags in ([], ["-n", "2"]):
        result = project.run("suites", model, "-q", *flags)
        for kept in ("correct 7 1", "wrong 2 1", "unparsable 1 1", "error 2 2", "failed 1 1"):
            assert f"KEPT {kept}" in result.out, result.out
        assert "7 correct" in result.out.splitlines()[-1]
    timed = project.run("suites", model, "-vv", "--durations=20")
    assert timed.out.count("s call     suites/demo/suite.toml::") == 13, timed.out
