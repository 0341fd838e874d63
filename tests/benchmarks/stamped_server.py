"""The lean server, which also writes down when requests came.

Usage: python tests/benchmarks/stamped_server.py STAMPS [--delay SECONDS]; prints its base URL.

STAMPS gets one line a completion: seconds since the epoch at which it was asked for. Truncating
the file begins a new list.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import BinaryIO

from lean_server import Lean


class Stamped(Lean):
    """One connection."""

    def __init__(self, delay: float, stamps: BinaryIO) -> None:
        super().__init__(delay)
        self._stamps = stamps

    def data_received(self, data: bytes) -> None:
        """Write down the time of each completion that is asked for."""
        if data[:4].lower() == b"post":
            self._stamps.write(b"%.6f\n" % time.time())
        super().data_received(data)


async def serve(stamps: BinaryIO, delay: float) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stamped(delay, stamps), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("stamps", type=Path)
    parser.add_argument("--delay", type=float, default=0.0)
    arguments = parser.parse_args()
    with arguments.stamps.open("ab", buffering=0) as file:
        asyncio.run(serve(file, arguments.delay))
