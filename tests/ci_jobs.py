"""Runs the jobs of CI configurations on this machine: their own shell steps, each job in a checkout
of its own, with the artifacts and caches that the service would carry from one to the other.

What the service does between the shell steps is done here as far as the examples use it; a key or
an action that is not known here is an error, so that no example can rest on what nobody tried.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from projects import Result
from ruamel.yaml import YAML

PATIENCE = 120.0
# Installing is left out: what is installed here is tried.
PIP = '#!/bin/sh\n[ "$*" = "install -r requirements.txt" ]\n'
ALWAYS = ("always()", "${{ always() }}")


def read_yaml(path: Path) -> Any:
    """Read a file as the services do."""
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


@dataclass
class Service:
    """What both services have.

    Parameters
    ----------
    source : Path
        What is checked out for each job.
    folder : Path
        For checkouts, artifacts and caches.
    secrets : mapping
        The project's secret variables.
    started : callable
        Told each shell process of a shard as soon as it runs.
    """

    source: Path
    folder: Path
    secrets: Mapping[str, str]
    started: Callable[[subprocess.Popen[str]], object] = lambda process: None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def artifacts(self) -> Path:
        """Where the artifacts are, each in a folder."""
        return self.folder / "artifacts"

    @property
    def caches(self) -> Path:
        """Where the caches are, each in a folder."""
        return self.folder / "caches"

    def checkout(self) -> Path:
        """Give a new checkout."""
        place = self.folder / f"checkout-{next(self._numbers)}"
        shutil.copytree(self.source, place)
        return place

    def shell(
        self, flags: Sequence[str], script: str, place: Path, environ: Mapping[str, str]
    ) -> Result:
        """Run a script as a runner does: nothing of this environment but PATH reaches it."""
        pip = self.folder / "bin" / "pip"
        if not pip.exists():
            pip.parent.mkdir(parents=True, exist_ok=True)
            pip.write_text(PIP, encoding="utf-8")
            pip.chmod(0o755)
        path = [str(pip.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
        process = subprocess.Popen(
            ["bash", *flags, "-c", script],
            cwd=place,
            env={"PATH": os.pathsep.join(path), "HOME": str(self.folder), "CI": "true", **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started(process)
        out, _ = process.communicate(timeout=PATIENCE)
        return Result(process.returncode, out)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a step with all it has started, as a runner out of memory would."""
    os.killpg(process.pid, signal.SIGKILL)


def keep(source: Path, target: Path, *, hidden: bool = True) -> None:
    """Copy a folder in place of another; one that is not there is none."""
    shutil.rmtree(target, ignore_errors=True)
    if source.is_dir() and any(source.iterdir()) and (hidden or not _is_hidden(source)):
        shutil.copytree(source, target)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts[-2:])


class GitHub(Service):
    """A workflow with one job that has a matrix, and jobs that need it."""

    def pipeline(self, workflow: Mapping[str, Any]) -> dict[str, Result | None]:
        """Run all jobs; None is a job that was skipped."""
        results: dict[str, Result | None] = {}
        for name, job in workflow["jobs"].items():
            needed = [
                result for key, result in results.items() if key.split()[0] == job.get("needs")
            ]
            if job.get("if") not in ALWAYS and any(not r or r.status for r in needed):
                results[name] = None
                continue
            results |= self._jobs(name, job)
        return results

    def _jobs(self, name: str, job: Mapping[str, Any]) -> dict[str, Result | None]:
        strategy = job.get("strategy")
        if strategy is None:
            return {name: self.job(job, {})}
        ((axis, values),) = strategy["matrix"].items()
        results: dict[str, Result | None] = {}
        for value in values:
            ended = any(result and result.status for result in results.values())
            if ended and strategy.get("fail-fast", True):
                results[f"{name} {value}"] = None
            else:
                results[f"{name} {value}"] = self.job(job, {axis: value}, total=len(values))
        return results

    def job(
        self, job: Mapping[str, Any], matrix: Mapping[str, object], *, total: int = 1
    ) -> Result:
        """Run the steps of one job in order."""
        values: dict[str, object] = {
            **{f"matrix.{key}": value for key, value in matrix.items()},
            **{f"secrets.{key}": value for key, value in self.secrets.items()},
            "strategy.job-total": total,
            "github.run_id": 1000 + next(self._numbers),
            "github.run_attempt": 1,
        }
        place = self.checkout()
        whole = Result(0, "")
        for step in job["steps"]:
            assert step.keys() <= {"name", "uses", "with", "run", "env", "if"}, step
            condition = step.get("if")
            assert condition in (None, *ALWAYS), condition
            if whole.status and condition is None:
                continue
            result = self._step(filled(step, values), place)
            whole = Result(whole.status or result.status, whole.out + result.out)
        return whole

    def _step(self, step: Mapping[str, Any], place: Path) -> Result:
        environ = {"GITHUB_ACTIONS": "true", **step.get("env", {})}
        if "run" in step:
            return self.shell(["-e"], step["run"], place, environ)
        return self._action(step["uses"].partition("@")[0], step.get("with", {}), place)

    def _action(self, action: str, given: Mapping[str, Any], place: Path) -> Result:
        if action in ("actions/checkout", "actions/setup-python"):
            return Result(0, "")
        if action == "actions/upload-artifact":
            return self._upload(given, place / given["path"])
        if action == "actions/download-artifact":
            for artifact in self.artifacts.glob(given["pattern"]):
                shutil.copytree(artifact, place / given["path"] / artifact.name)
            return Result(0, "")
        if action == "actions/cache/restore":
            found = sorted(self.caches.glob(given["restore-keys"].strip() + "*"))
            if found:
                shutil.copytree(found[-1], place / given["path"])
            return Result(0, "")
        assert action == "actions/cache/save", action
        keep(place / given["path"], self.caches / given["key"])
        return Result(0, "")

    def _upload(self, given: Mapping[str, Any], source: Path) -> Result:
        target = self.artifacts / given["name"]
        if target.exists() and not given.get("overwrite"):
            return Result(1, f"an artifact {target.name} is there already\n")
        keep(source, target, hidden=given.get("include-hidden-files", False))
        return Result(0, "")


def filled(value: Any, values: Mapping[str, object]) -> Any:
    """Put values in the place of `${{ … }}`; one that is not known is a KeyError."""
    if isinstance(value, dict):
        return {key: filled(each, values) for key, each in value.items() if key != "if"}
    if isinstance(value, str):
        return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda found: str(values[found[1]]), value)
    return value


class GitLab(Service):
    """A pipeline of stages with one job each."""

    def pipeline(self, config: Mapping[str, Any]) -> dict[str, Result | None]:
        """Run all jobs; None is a job that was skipped."""
        results: dict[str, Result | None] = {}
        failed = False
        for stage in config["stages"]:
            ((name, job),) = (
                (name, job)
                for name, job in config.items()
                if isinstance(job, dict) and job.get("stage") == stage
            )
            if failed and job.get("when") != "always":
                results[name] = None
                continue
            total = job.get("parallel", 1)
            for number in range(1, total + 1):
                key = f"{name} {number}" if total > 1 else name
                result = results[key] = self.job(config, name, number)
                allowed = job.get("allow_failure", {}).get("exit_codes", ())
                failed = failed or result.status not in (0, *allowed)
        return results

    def job(self, config: Mapping[str, Any], name: str, number: int = 1) -> Result:
        """Run one job."""
        job = config[name]
        total = job.get("parallel", 1)
        environ = {**self.secrets, "GITLAB_CI": "true"}
        if total > 1:
            environ |= {"CI_NODE_INDEX": str(number), "CI_NODE_TOTAL": str(total)}
        place = self.checkout()
        for needed in job.get("dependencies", ()):
            for artifact in sorted(self.artifacts.glob(f"{needed}-*")):
                shutil.copytree(artifact, place, dirs_exist_ok=True)
        cache = job.get("cache")
        if cache:
            ((path),) = cache["paths"]
            kept = self.caches / cache["key"].replace("$CI_NODE_INDEX", str(number))
            if kept.is_dir():
                shutil.copytree(kept, place / path)
        script = "\n".join([*config["default"]["before_script"], *job["script"]])
        result = self.shell(["-eo", "pipefail"], script, place, environ)
        if cache and (result.status == 0 or cache.get("when") == "always"):
            keep(place / path, kept)
        found = job["artifacts"]
        if result.status == 0 or found.get("when") == "always":
            for path in found["paths"]:
                keep(place / path, self.artifacts / f"{name}-{number}" / path)
        return result
