"""The id of a run."""

from __future__ import annotations

import secrets
import time


def new_run_id() -> str:
    """Give an id that sorts by time and is unique on shared folders."""
    now = time.time()
    # The first three digits are the second's fraction, so that runs of one second sort as well.
    digits = f"{int(now % 1 * 4096):03x}{secrets.randbelow(4096):03x}"
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(now)) + "-" + digits
