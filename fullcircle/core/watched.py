"""Watched processes: code that may hang, or end its process, is tried in one of its own, and the report names where that happened.

Belongs here: starting such a process, its time limits, and what it left behind. What is tried is the caller's business.

The process says before each stage how long that may take. Python's own watchdog, a thread that needs no interpreter, ends the
process when a stage takes longer, also one that hangs in a library, and writes down where; so it ends even if whoever started it
is gone by then. `python -m fullcircle.core.watched` is the process's side.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import importlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

START_SECONDS = 120.0
"""How long the process may take until its first stage; an idle machine needs one."""

GRACE_SECONDS = 5.0
"""How long it may take to end itself, before it is killed."""

LAST_LINES = 3
"""How much of what the process printed is reported."""

Begin = Callable[[str, float], None]
"""Takes the name of a stage that begins, and the seconds that it may take."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """What became of a watched process.

    Attributes:
        stage: the last that began; empty where none did.
        seconds: how long that stage might take.
        ended: how it ended too soon, in words; empty where the function returned.
        hung: whether it was ended because the stage took longer.
        printed: all that it printed, and where it was when it hung or crashed.
    """

    stage: str
    seconds: float
    ended: str = ""
    hung: bool = False
    printed: str = ""

    def line_in(self, file: str) -> int | None:
        """The line of a file where it hung or crashed, by the end of the file's path; None where it was not there."""
        found = re.search(rf'^  File "[^"\n]*{re.escape(file)}", line (\d+) in ', self.printed, re.MULTILINE)
        return int(found[1]) if found else None

    @property
    def last_printed(self) -> str:
        """The last lines that it printed, but for where it was."""
        before = re.split(
            r"^(?:Timeout \(|Fatal Python error: |(?:Current thread|Thread) 0x)", self.printed, flags=re.MULTILINE
        )
        return " ".join([line.strip() for line in before[0].splitlines() if line.strip()][-LAST_LINES:])


def watched(function: str, *arguments: str) -> Trial:
    """Call a function in a process of its own, with its time limits.

    Args:
        function: ``module:name``; it is given a `Begin` and the arguments, and what it returns is not asked for.
        arguments: texts.
    """
    receiver, sender = os.pipe()
    command = [sys.executable, "-P", "-m", __spec__.name, str(sender), function, *arguments]
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    with os.fdopen(receiver, "rb", buffering=0) as stages, tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                command,
                env=os.environ | {"PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(sender,),
            )
        finally:
            os.close(sender)
        with process:
            try:
                return _followed(process, stages, log)
            finally:
                process.kill()


def _followed(process: subprocess.Popen[bytes], stages: IO[bytes], log: IO[bytes]) -> Trial:
    stage, seconds, began, text = "", START_SECONDS, time.monotonic(), b""
    while True:
        until = began + seconds + GRACE_SECONDS
        if not select.select([stages], [], [], max(0.0, until - time.monotonic()))[0]:
            break  # it does not end itself, or another process of its keeps the pipe open
        if not (piece := stages.read(65536)):
            break
        *lines, text = (text + piece).split(b"\n")
        for line in lines:
            stage, seconds = json.loads(line)
            began = time.monotonic()
            if seconds is None:
                return Trial(stage, 0.0)
    try:
        code: int | None = process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        code = None
    hung = code is None or (code == 1 and time.monotonic() - began > 0.9 * seconds)
    log.seek(0)
    printed = log.read().decode(errors="replace")
    if hung:
        return Trial(stage, seconds, f"it took longer than {seconds:g} s", True, printed)
    assert code is not None
    if code < 0:
        return Trial(stage, seconds, f"its process was ended by the signal {signal.Signals(-code).name}", False, printed)
    return Trial(stage, seconds, f"its process ended with exit code {code}", False, printed)


def _main() -> None:
    sender, function = int(sys.argv[1]), sys.argv[2]
    module, _, name = function.partition(":")
    faulthandler.enable()

    def begin(stage: str, seconds: float) -> None:
        faulthandler.dump_traceback_later(seconds, exit=True)
        os.write(sender, json.dumps([stage, seconds]).encode() + b"\n")

    getattr(importlib.import_module(module), name)(begin, *sys.argv[3:])
    faulthandler.cancel_dump_traceback_later()
    os.write(sender, json.dumps(["", None]).encode() + b"\n")


if __name__ == "__main__":
    _main()
