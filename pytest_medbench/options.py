"""Flags, ini values and the `[tool.medbench]` table, joined in one frozen object."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_medbench.errors import ConfigError, nearest
from pytest_medbench.rates import Rates, read_rates
from pytest_medbench.toml_text import parse_toml

if TYPE_CHECKING:
    import pytest

CACHE_MODES = ("on", "read", "refresh", "off")

# name, default, kind, help; the flag is --medbench-NAME, the key in [tool.medbench] the same word.
_FLAGS: tuple[tuple[str, Any, type | None, str], ...] = (
    ("model", None, str, "the model under test: an alias, openai:MODEL, local[:NAME], control:NAME "
     "or python:module:callable"),
    ("concurrency", 64, int, "requests in flight in each process (default: 64)"),
    ("max_tries", 8, int, "how often a request that failed is sent (default: 8)"),
    ("timeout", None, float, "seconds for one request (default: the model's own, or 120)"),
    ("give_up_after", 900.0, float, "seconds after which a request is no longer tried again "
     "(default: 900)"),
    ("outage", 120.0, float, "seconds without any answer after which the server counts as gone and "
     "the run stops (default: 120)"),
    ("cache", "on", str, "stored responses: on, read, refresh or off (default: on)"),
    ("cache_dir", None, str, "the folder of the response cache (default: .medbench/cache)"),
    ("max_cache_age", 24.0, float, "hours a stored response of a model without a declared revision "
     "counts (default: 24)"),
    ("sample", None, int, "run about N items, drawn evenly over suites and specialties"),
    ("seed", 0, int, "the seed of the sample (default: 0)"),
    ("shard", None, str, "run the I-th of N parts, as I/N"),
    ("resume", None, str, "go on with a run that was cut off: its id, or `last`"),
    ("plan_only", False, bool, "print what would be asked and what it would cost, and ask nothing"),
    ("max_requests", None, int, "send no more requests than this, then stop (exit status 11)"),
    ("budget_usd", None, float, "spend no more than this by the alias's price, then stop (11)"),
    ("deadline", None, str, "stop after this time, such as 90m or 2h (11)"),
    ("batch", False, bool, "ask through the provider's batch service, at its lower price"),
    ("batch_poll", 30.0, float, "seconds between two looks at a batch (default: 30)"),
    ("repeats", 1, int, "ask each item so often (default: 1)"),
    ("baseline", None, str, "the accepted version to compare with (default: the model's own name)"),
    ("accept_as", None, str, "the name under which --snapshot-update accepts this run (default: "
     "the model's)"),
    ("accept_reason", None, str, "why a run is accepted that blocked or is inconclusive"),
    ("confirm_flips", 0, int, "ask both versions so often again where a safety item flipped"),
    ("early_stop", False, bool, "stop and block as soon as a safety slice is shown to be unsafe"),
    ("redact", False, bool, "show and write no questions and answers where versions are compared"),
    ("strict", False, bool, "report every wrong or unparsable item as a failed test"),
    ("report_only", False, bool, "exit 0 where no gate was decided; what blocks still blocks"),
    ("allow_partial", False, bool, "let a run of selected items exit 0 (refused where CI is set)"),
)  # fmt: skip
_SELECTIONS = ("specialty", "safety", "task", "track")
# Of one invocation, and never of a project.
_FLAGS_ONLY = ("resume", "plan_only", "accept_as", "accept_reason")
_TABLES = ("models", "gates", "sequential", "taxonomy", "require")


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Parameters
    ----------
    root : Path
        pytest's rootdir; relative paths start here.
    place : str
        Where the configuration was read, for messages.
    selections : mapping of str to tuple of str
        Labels asked for, by kind: specialty, safety, task, track.
    models : mapping
        The `[tool.medbench.models.NAME]` tables.
    gates : mapping
        The `[tool.medbench.gates]` table.
    taxonomy : tuple of Path
        Files that extend the taxonomy.
    deadline : float or None
        Seconds from the start.
    """

    root: Path
    place: str = "[tool.medbench]"
    model: str | None = None
    concurrency: int = 64
    max_tries: int = 8
    timeout: float | None = None
    give_up_after: float = 900.0
    outage: float = 120.0
    cache: str = "on"
    cache_dir: Path | None = None
    max_cache_age: float = 24.0
    sample: int | None = None
    seed: int = 0
    shard: tuple[int, int] | None = None
    resume: str | None = None
    plan_only: bool = False
    max_requests: int | None = None
    budget_usd: float | None = None
    deadline: float | None = None
    batch: bool = False
    batch_poll: float = 30.0
    repeats: int = 1
    baseline: str | None = None
    accept_as: str | None = None
    accept_reason: str | None = None
    confirm_flips: int = 0
    early_stop: bool = False
    redact: bool = False
    strict: bool = False
    report_only: bool = False
    allow_partial: bool = False
    ci: bool = False
    selections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gates: Mapping[str, Any] = field(default_factory=dict)
    sequential: Rates = field(default_factory=Rates)
    taxonomy: tuple[Path, ...] = ()

    def named_model(self) -> str:
        """Give the name of the model under test; ConfigError if there is none."""
        if self.model is None:
            raise ConfigError(
                "no model is named: give --medbench-model=NAME (local, openai:MODEL, an alias from "
                "[tool.medbench.models], control:random, python:module:callable) "
                "or set model in [tool.medbench]"
            )
        return self.model

    @property
    def home(self) -> Path:
        """The folder of runs and of the cache."""
        return self.root / ".medbench"

    @property
    def cache_file(self) -> Path:
        """The file of the shared cache."""
        return (self.cache_dir or self.home / "cache") / "responses.sqlite"


def add_options(parser: pytest.Parser) -> None:
    """Declare the flags."""
    group = parser.getgroup("medbench", "medical model benchmarks")
    for name, _, kind, text in _FLAGS:
        flag = "--medbench-" + name.replace("_", "-")
        if kind is bool:
            group.addoption(flag, action="store_true", default=None, help=text)
        else:
            group.addoption(flag, type=kind, default=None, metavar=_metavar(name, kind), help=text)
    for name in _SELECTIONS:
        group.addoption(
            f"--medbench-{name}",
            action="append",
            default=[],
            metavar="LABEL",
            help=f"run only items of this {name}; may be given again",
        )


def _metavar(name: str, kind: type | None) -> str:
    words = {
        "budget_usd": "USD",
        "cache": "MODE",
        "accept_reason": "TEXT",
        "cache_dir": "FOLDER",
        "deadline": "TIME",
        "max_cache_age": "HOURS",
        "resume": "RUN",
        "shard": "I/N",
    }
    return words.get(name) or {int: "N", float: "SECONDS"}.get(kind or str, "NAME")


def read_options(config: pytest.Config) -> Options:
    """Join flags and configuration; a flag wins.

    Raises
    ------
    ConfigError
        For a key, a type or a value that is not known.
    """
    root = Path(config.rootpath)
    table, place = _read_table(root)
    values = {}
    for name, default, kind, _ in _FLAGS:
        given = config.getoption("medbench_" + name)
        values[name] = (
            _checked(name, table.get(name, default), kind, place) if given is None else given
        )
    _check_values(values)
    _check_early_stop(values)
    if values["cache_dir"] is not None:
        values["cache_dir"] = root / values["cache_dir"]
    values["shard"] = _shard(values["shard"])
    values["deadline"] = _duration(values["deadline"])
    return Options(
        root=root,
        place=place,
        ci=bool(os.environ.get("CI")),
        selections={name: tuple(config.getoption(f"medbench_{name}")) for name in _SELECTIONS},
        models=_table_of(table, "models", place),
        gates=_gates(table, place),
        sequential=read_rates(_table_of(table, "sequential", place), place),
        taxonomy=_taxonomy(table, root, place),
        **values,
    )


def _read_table(root: Path) -> tuple[dict[str, Any], str]:
    found: list[tuple[dict[str, Any], str]] = []
    for name in ("medbench.toml", "pyproject.toml"):
        path = root / name
        if not path.is_file():
            continue
        try:
            document = parse_toml(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
        tool = document.get("tool")
        table = tool.get("medbench") if isinstance(tool, dict) else None
        if isinstance(table, dict):
            found.append((table, f"{path} [tool.medbench]"))
        elif table is not None or name == "medbench.toml":
            raise ConfigError(f"{path}: expected a table [tool.medbench]")
    if len(found) > 1:
        raise ConfigError(f"{found[0][1]} and {found[1][1]} both exist; keep one")
    if not found:
        return {}, "[tool.medbench]"
    table, place = found[0]
    known = [name for name, *_ in _FLAGS if name not in _FLAGS_ONLY] + list(_TABLES)
    for key in table:
        if key not in known:
            hint = nearest(key, known)
            raise ConfigError(
                f"{place}: unknown key {key!r}{hint or '; known are ' + ', '.join(known)}"
            )
    return table, place


def _checked(name: str, value: Any, kind: type | None, place: str) -> Any:
    if value is None or kind is None:
        return value
    accepted: tuple[type, ...] = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{place}: {name} = {value!r}: expected {kind.__name__}")
    return kind(value)


def _check_values(values: Mapping[str, Any]) -> None:
    if values["cache"] not in CACHE_MODES:
        hint = nearest(values["cache"], CACHE_MODES)
        raise ConfigError(
            f"--medbench-cache={values['cache']}: expected one of {', '.join(CACHE_MODES)}{hint}"
        )
    for name in ("concurrency", "max_tries", "sample", "max_requests", "repeats"):
        if values[name] is not None and values[name] < 1:
            raise ConfigError(
                f"--medbench-{name.replace('_', '-')}={values[name]}: expected 1 or more"
            )
    for name in ("timeout", "give_up_after", "outage", "budget_usd", "batch_poll"):
        if values[name] is not None and not 0 < values[name] < math.inf:
            raise ConfigError(
                f"--medbench-{name.replace('_', '-')}={values[name]}: expected more than 0"
            )
    if not values["max_cache_age"] >= 0:
        raise ConfigError(f"--medbench-max-cache-age={values['max_cache_age']}: expected 0 or more")


def _check_early_stop(values: Mapping[str, Any]) -> None:
    for name in ("shard", "batch"):
        if values["early_stop"] and values[name]:
            why = {"shard": "a shard decides nothing", "batch": "a batch is asked as a whole"}[name]
            raise ConfigError(f"--medbench-early-stop with --medbench-{name}: {why}; leave one out")


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if found and 1 <= int(found[1]) <= int(found[2]):
        return int(found[1]), int(found[2])
    raise ConfigError(f"--medbench-shard={text}: expected I/N with 1 <= I <= N, such as 2/8")


def _duration(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", text.strip())
    seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600, "": 1}[found[2]] if found else 0.0
    if seconds > 0:
        return seconds
    raise ConfigError(f"--medbench-deadline={text}: expected a time such as 90m, 2h or 300s")


def _table_of(table: Mapping[str, Any], name: str, place: str) -> dict[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise ConfigError(f"{place}: {name} = {value!r}: expected a table [tool.medbench.{name}]")
    return value


def _gates(table: Mapping[str, Any], place: str) -> dict[str, Any]:
    gates = dict(_table_of(table, "gates", place))
    if "require" in table:
        gates["require"] = table["require"]
    return gates


def _taxonomy(table: Mapping[str, Any], root: Path, place: str) -> tuple[Path, ...]:
    names: str | Sequence[str] = table.get("taxonomy", [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"{place}: taxonomy = {names!r}: expected a file's name or a list of them"
        )
    return tuple(root / name for name in names)
