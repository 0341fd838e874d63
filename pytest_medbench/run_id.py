"""The id of a run."""

from __future__ import annotations

import secrets
import time


def new_run_id() -> str:
    """Give an id that sorts by time and is unique on shared folders."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + "-" + secrets.token_hex(3)
