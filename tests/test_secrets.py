"""A key is nowhere to be found: not in a file, not in what is printed, not in a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer, Reply
from projects import Project, questions, server_config

# Made of pieces so that no file of the tests holds it either.
SECRET = "-".join(["sk", "Zq7wLk29", "Xv4Rt81m", "Pn3Hy6Jd", "Bc5Fg0Ts"])
PASSWORD = "".join(["pw", "Qx8Vb2Nm", "Lk5Jh9Gf"])
CRASHES = """
def pytest_runtest_logreport(report):
    if report.nodeid.endswith("q003"):
        raise RuntimeError("a plugin of the user's crashes here")
"""


def windows(secret: str) -> set[str]:
    return {secret[at : at + 8] for at in range(len(secret) - 7)}


def echoing(asked: dict[str, Any]) -> Reply:
    """Give the key back in an answer, in an error, in a header and in the model's name."""
    text = str(asked["messages"][-1]["content"])
    said = f"Authorization: Bearer {SECRET}"
    if "Question 0:" in text:
        return Reply(text=said, system_fingerprint=SECRET)
    if "Question 1:" in text:
        return Reply(status=401, body={"error": {"message": said, "code": SECRET}})
    if "Question 2:" in text:
        return Reply(status=400, body=f"<html>{said}</html>", headers={"x-key": SECRET})
    return Reply(text="D", model=f"m {SECRET}")


def leaks(project: Project, printed: str) -> list[str]:
    found = []
    texts = [("output", printed.encode())]
    texts += [
        (str(path.relative_to(project.root)), data)
        for path, data in project.files(".medbench", ".pytest_cache", "reports")
    ]
    for name, data in texts:
        for secret in (SECRET, PASSWORD):
            found += [name for window in windows(secret) if window.encode() in data]
    return sorted(set(found))


def keyed(root: Path, url: str) -> Project:
    project = Project(root, {"THE_KEY": SECRET})
    project.config(server_config(url, further='api_key_env = "THE_KEY"'))
    items = questions(4, safety=["medication"], harm="death")
    project.suite([{**item, "must_pass": True} for item in items])
    return project


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("crash", [False, True], ids=["whole", "crashing"])
def test_key_is_in_no_file_and_in_no_line(tmp_path: Path, workers: str, crash: bool) -> None:
    with LoopbackServer(echoing, models=[{"id": "loopback", "owner": SECRET}]) as server:
        project = keyed(tmp_path, server.base_url)
        if crash:
            project.write("conftest.py", CRASHES)
        result = project.run(
            "suites", "-vv", "--tb=long", "--showlocals", "-n", workers, "--medbench-max-tries=2",
            "--junitxml=reports/junit.xml", "-rA", "--log-level=DEBUG", "-o", "log_cli=true",
        )  # fmt: skip
        assert server.keys == 4
        assert leaks(project, result.out) == []
        assert result.status == (3 if crash else 1), result.out


@pytest.mark.parametrize("workers", ["0", "2"])
def test_password_in_a_url_is_refused_and_not_repeated(tmp_path: Path, workers: str) -> None:
    project = keyed(tmp_path, f"http://user:{PASSWORD}@127.0.0.1:9/v1")
    result = project.run("suites", "-vv", "--tb=long", "-n", workers, "--showlocals")
    assert result.status == 4
    assert "'server'" in result.line("base_url")
    assert leaks(project, result.out) == []


def test_key_does_not_show_where_the_server_cannot_be_reached(tmp_path: Path) -> None:
    project = keyed(tmp_path, "http://127.0.0.1:9/v1")
    result = project.run("suites", "-vv", "--tb=long", "--medbench-max-tries=1")
    assert result.status == 4
    assert "127.0.0.1:9" in result.out
    assert leaks(project, result.out) == []
