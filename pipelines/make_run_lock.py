"""One `make run` at a time for each DAGSTER_HOME: the second waits, and says for whom.

Belongs here: the lock, and who holds it. It is the kernel's lock of a file, so it is free as soon as its holder is
gone, however that ended; what is written in the file is for people only.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from pipelines.run_processes import clock, json_object

LOCK_FILE = "make_run.lock"


class AtWorkError(RuntimeError):
    """Somebody holds the lock. The message says who."""


@contextlib.contextmanager
def only_one(home: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a DAGSTER_HOME, once whoever holds it has let go.

    Args:
        home: the folder.
        wait: for whoever holds it.

    Raises:
        AtWorkError: when somebody holds it and is not to be waited for.
    """
    # Not truncated when opened: it says who holds it.
    descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(file.read())
            if not wait:
                raise AtWorkError(f"Nothing was done: a make run is at work ({holder}). Run again when it has ended.") from None
            print(f"Another make run is at work ({holder}); waiting for it.", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "since": time.time()}, file)
        file.flush()
        yield


def _holder(text: str) -> str:
    try:
        holder = json_object(text)
        return f"process {holder['pid']}, since {clock(holder['since'])}"
    except (ValueError, KeyError, TypeError):  # it has just taken the lock and is about to write
        return "just started"
