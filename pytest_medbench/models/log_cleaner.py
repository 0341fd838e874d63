"""Keeps keys and control characters out of what the client's libraries log."""

from __future__ import annotations

import logging

from pytest_medbench.models.secret import Secret

_LIBRARIES = ("openai", "httpx2", "httpcore2", "aiohttp")


class LogCleaner(logging.Filter):
    """Takes a key out of the records of the libraries that send it, and makes them printable.

    A server may repeat the key, or send control characters, in headers and in the reason of a
    status, which the libraries log; a record nobody asked for (its level is off) costs nothing.

    Parameters
    ----------
    secret : Secret
    """

    def __init__(self, secret: Secret) -> None:
        super().__init__()
        self._secret = secret

    def attach(self) -> None:
        """Clean what the libraries' loggers write from now on; to be called once they are there."""
        for logger in _loggers():
            logger.addFilter(self)

    def detach(self) -> None:
        """Leave them alone again."""
        for logger in _loggers():
            logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record; none is held back."""
        try:
            said = record.getMessage()
        except Exception:
            # A record that cannot be formatted would be printed with its parts.
            said = f"(a record of {record.name} that cannot be shown)"
        said = self._secret.scrub(said)
        record.msg = "".join(char if char.isprintable() else " " for char in said)
        record.args = ()
        # Tracebacks are formatted later and elsewhere, from exceptions that hold the request.
        record.exc_info = record.exc_text = None
        return True


def _loggers() -> list[logging.Logger]:
    names = list(logging.root.manager.loggerDict)
    return [logging.getLogger(name) for name in names if name.partition(".")[0] in _LIBRARIES]
