"""What a server's table in the configuration and its bodies are made into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_medbench.errors import ConfigError
from pytest_medbench.models import completions


def checked_url(name: str, url: str) -> str:
    """Give an address without its last slash. Raises ConfigError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"model {name!r}: base_url = {url!r}: expected an address such as "
            "http://127.0.0.1:8000/v1"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        # Not shown, because whoever writes a password here would find it in the message.
        raise ConfigError(
            f"model {name!r}: base_url holds a user, a query or a fragment; give the plain "
            "address, and the key by api_key_env"
        )
    return url.rstrip("/")


def without_query(address: str) -> str:
    """Give scheme, host and path of an address that may be anything."""
    try:
        target = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    return f"{target.scheme}://{target.hostname}{target.path}"


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings as they are sent: without None, with the keys of `extra_body`."""
    flat = {key: value for key, value in settings.items() if value is not None}
    flat.update(flat.pop("extra_body", {}))
    return flat


def parsed(body: bytes) -> Any:
    """Parse JSON; None where it is none."""
    return completions.parse(body)
