"""What answers: a name from the command line or the configuration becomes a model."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_medbench.errors import ConfigError, nearest
from pytest_medbench.models.base import Model, ModelError
from pytest_medbench.price import check_price

__all__ = ["Model", "ModelError", "resolve"]

KINDS = {
    "openai": "openai:MODEL",
    "local": "local[:NAME]",
    "control": "control:random|first|longest",
    "python": "python:MODULE:CALLABLE",
}
_NUMBERS = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_COUNTS = ("max_tokens", "max_completion_tokens", "seed", "top_k")
SAMPLING = (*_NUMBERS, *_COUNTS, "stop", "reasoning_effort", "extra_body")
_KEYS: Mapping[str, tuple[type, ...]] = {
    "base_url": (str,),
    "model": (str,),
    "revision": (str,),
    "api_key_env": (str,),
    **dict.fromkeys(_NUMBERS, (int, float)),
    **dict.fromkeys(_COUNTS, (int,)),
    "stop": (str, list),
    "reasoning_effort": (str,),
    "extra_body": (dict,),
    "timeout": (int, float),
    "system": (str,),
    "price": (dict,),
    "cutoff": (str, datetime.date),
    "limits": (dict,),
}
_LIMITS: Mapping[str, tuple[type, ...]] = {
    "concurrency": (int,),
    "requests_per_minute": (int, float),
}


def resolve(
    name: str,
    *,
    aliases: Mapping[str, Mapping[str, Any]],
    root: Path,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any] | None = None,
    served_url: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Model:
    """Give the model of a name; nothing is connected yet.

    Parameters
    ----------
    name : str
        An alias, `openai:MODEL`, `local[:NAME]`, `control:KIND` or `python:MODULE:CALLABLE`.
    aliases : mapping
        The tables `[tool.medbench.models.NAME]`.
    root : Path
        pytest's rootdir.
    environ : mapping
        Where OPENAI_BASE_URL and keys are looked up.
    overrides : mapping or None
        Keys of such a table that count more than the table's own; None values do not count.
    served_url : str or None
        Where another process already serves the embedded model.
    progress : callable or None
        Told what the embedded model is waiting for.

    Raises
    ------
    ConfigError
        For a name, a key, or a value that cannot be used.
    """
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    if name in aliases:
        return _alias(name, {**_checked(name, aliases[name]), **given}, environ)
    sampling = {key: value for key, value in given.items() if key in SAMPLING}
    kind, colon, rest = name.partition(":")
    if kind == "local" and bool(colon) == bool(rest):
        from pytest_medbench.models import local

        try:
            return local.create(
                name, sampling, system=given.get("system"), served_url=served_url, progress=progress
            )
        except ModelError as error:
            raise ConfigError(error.reason) from None
    if rest and kind == "openai":
        base_url = environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        table = {"base_url": base_url, "model": rest, "api_key_env": "OPENAI_API_KEY", **given}
        return _alias(name, table, environ)
    if rest and kind == "control":
        from pytest_medbench.models.controls import Control

        return Control(rest)
    if rest and kind == "python":
        from pytest_medbench.models.callables import CallableModel

        return CallableModel(rest, root=root, settings=sampling)
    raise ConfigError(_unknown(name, kind, aliases))


def _unknown(name: str, kind: str, aliases: Mapping[str, Any]) -> str:
    if kind in KINDS:
        return f"model {name!r}: expected {KINDS[kind]}"
    hint = nearest(name, aliases) or nearest(kind, [*aliases, *KINDS])
    configured = ", ".join(aliases) or "none"
    return (
        f"model {name!r} is not known{hint}; configured in [tool.medbench.models]: {configured}; "
        f"besides there are {', '.join(KINDS.values())}"
    )


def _checked(name: str, table: Any) -> dict[str, Any]:
    place = f"[tool.medbench.models.{name}]"
    if not isinstance(table, Mapping):
        raise ConfigError(f"{place}: {table!r}: expected a table")
    _check(place, table, _KEYS)
    _check(f"{place} limits", table.get("limits", {}), _LIMITS)
    check_price(f"{place} price", table.get("price", {}))
    for key in ("base_url", "model"):
        if key not in table:
            raise ConfigError(f"{place}: key {key!r} is missing")
    for key in ("timeout", "max_tokens", "max_completion_tokens"):
        if key in table and table[key] <= 0:
            raise ConfigError(f"{place}: {key} = {table[key]!r}: expected more than 0")
    for key, value in table.get("limits", {}).items():
        if value <= 0:
            raise ConfigError(f"{place}: limits.{key} = {value!r}: expected more than 0")
    _check_plain(f"{place}: extra_body", table.get("extra_body", {}))
    return dict(table)


def _check(place: str, table: Mapping[str, Any], known: Mapping[str, tuple[type, ...]]) -> None:
    for key, value in table.items():
        if key not in known:
            hint = nearest(key, known) or f"; known are {', '.join(known)}"
            if "key" in key.lower():
                hint = "; a key belongs into an environment variable, named by api_key_env"
            raise ConfigError(f"{place}: unknown key {key!r}{hint}")
        if not isinstance(value, known[key]) or isinstance(value, bool):
            expected = " or ".join(kind.__name__ for kind in known[key])
            raise ConfigError(f"{place}: {key} = {value!r}: expected {expected}")


def _check_plain(place: str, value: Any) -> None:
    """Refuse what TOML has and JSON has not."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            _check_plain(f"{place}.{key}", entry)
    elif isinstance(value, list):
        for entry in value:
            _check_plain(place, entry)
    elif not isinstance(value, str | int | float):
        raise ConfigError(f"{place} = {value}: a date cannot be sent as JSON; write it as text")


def _alias(name: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> Model:
    from pytest_medbench.models.openai import OpenAIModel

    limits = table.get("limits", {})
    return OpenAIModel(
        name,
        base_url=table["base_url"],
        model=table["model"],
        api_key_env=table.get("api_key_env"),
        revision=table.get("revision"),
        settings={key: table[key] for key in SAMPLING if key in table},
        system=table.get("system"),
        timeout=table.get("timeout", 120.0),
        concurrency=limits.get("concurrency"),
        requests_per_minute=limits.get("requests_per_minute"),
        price=table.get("price"),
        cutoff=str(table["cutoff"]) if "cutoff" in table else None,
        environ=environ,
    )
