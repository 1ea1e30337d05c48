"""The machine: what a figure in seconds depends on, and whether others worked on it meanwhile."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "pillow", "opencv-python", "pyarrow", "tensorflow", "keras", "dagster")

BUSY = 0.05
"""Share of all cores that others may use before a figure in seconds is to be doubted."""


def facts() -> dict[str, Any]:
    """Cores, processor, memory, versions, commit, date, and the load average just now."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "commit": _commit(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    """The commit that is checked out, marked where files differ from it; ``unknown`` outside of a clone."""
    command = ["git", "-C", str(Path(__file__).parents[1]), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


class Others:
    """How busy everyone else kept the machine since this was made.

    All processor time of the machine, less that of this process and of its children that have ended. The load average at the
    start alone would blame the benchmark before.
    """

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy_seconds(), _own_seconds()

    def share(self) -> float | None:
        """Share of all cores that others used, in [0, 1]; None where the system does not say."""
        busy = _busy_seconds()
        if busy is None or self._busy is None:
            return None
        elapsed = max(time.monotonic() - self._began, 1e-9) * (os.cpu_count() or 1)
        return min(max((busy - self._busy - _own_seconds() + self._own) / elapsed, 0.0), 1.0)


def _busy_seconds() -> float | None:
    """Processor seconds that the whole machine has spent on anything, guests not counted twice."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _wait, irq, softirq, steal = (int(v) for v in fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    return sum(os.times()[:4])
