"""What a command costs with all the processes it starts: seconds, CPU, memory."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")
_MB = 1_000_000


@dataclass
class Footprint:
    """What a command cost.

    Parameters
    ----------
    status : int
        Its exit status.
    out : str
        What it printed.
    begun : float
        When it was started, seconds since the epoch.
    seconds, cpu : float
        Wall time, and CPU time of all its processes.
    rss, pss : float
        The peaks in MB of the sums over its processes; RSS counts shared pages in each of them,
        PSS once, and is sampled less often because it is dear.
    each : dict of int to float
        The peak RSS in MB of each process.
    """

    status: int = 0
    out: str = ""
    begun: float = 0.0
    seconds: float = 0.0
    cpu: float = 0.0
    rss: float = 0.0
    pss: float = 0.0
    each: dict[int, float] = field(default_factory=dict)


def measure(
    command: list[str], folder: Path, *, environ: dict[str, str] | None = None
) -> Footprint:
    """Run a command and watch its processes."""
    result = Footprint(begun=time.time())
    clock = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, ended, result))
        watcher.start()
        assert process.stdout is not None
        result.out = process.stdout.read()
        result.status = process.wait()
        result.seconds = time.perf_counter() - clock
        ended.set()
        watcher.join()
    return result


def _watch(root: int, ended: threading.Event, result: Footprint) -> None:
    cpu: dict[int, float] = {}
    rounds = 0
    while not ended.wait(0.05):
        pids = _tree(root)
        total = 0.0
        for pid in pids:
            used = _resident(pid)
            total += used
            result.each[pid] = max(used, result.each.get(pid, 0.0))
            cpu[pid] = max(_cpu(pid), cpu.get(pid, 0.0))
        result.rss = max(result.rss, total)
        if rounds % 20 == 0:
            result.pss = max(result.pss, sum(map(_proportional, pids)))
        rounds += 1
    result.cpu = sum(cpu.values())


def _tree(root: int) -> list[int]:
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / _MB
    except (OSError, IndexError):
        return 0.0


def _proportional(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / _MB for line in lines if line[:4] == "Pss:"), 0.0)


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK if len(fields) > 12 else 0.0
