"""Processes: running a command of this project beside the benchmark and hearing what it says."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.results import BenchmarkError

ROOT = Path(__file__).parents[1]


def run(command: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]) -> tuple[float, str]:
    """Seconds of a process, and the last line that it printed.

    Args:
        command: program and arguments; it runs in the root of this checkout.
        environment: all of it.
        say: gets every line but the last as it is printed; what goes to stderr is kept for the error.

    Raises:
        BenchmarkError: when it fails, with the end of what it printed.
    """
    began, last = time.perf_counter(), ""
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            if text := line.strip():
                if last:
                    say(last)
                last = text
        process.wait()
        seconds = time.perf_counter() - began
        if process.returncode:
            errors.seek(0)
            printed = [last, *errors.read().strip().splitlines()[-5:]]
            raise BenchmarkError(
                f"{' '.join(command[1:4])} ended with {process.returncode}: {' | '.join(filter(None, printed))}"
            )
    return seconds, last
