"""What every test may use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# Busy machines are slow, and CI tries the same examples each time; a desk tries new ones.
settings.register_profile("medbench", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("medbench")

pytest_plugins = ["pytester"]

# What a shell starts in the background ignores Ctrl-C, and so would every process started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def benchmark_files() -> Path:
    """Give the folder of public benchmark files that the environment names, or skip."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MEDBENCH_DATA", default))
    if not folder.is_dir():
        pytest.skip("no public benchmark files here; MEDBENCH_DATA names their folder")
    return folder
