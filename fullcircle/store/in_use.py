"""Who uses the objects of a store, and who removes some: many of the first at a time, or one of the second alone.

Belongs here: the lock of that, the file ``in_use.lock`` in the store's folder. It is the kernel's lock of a file: of a process that
was killed it is free at once.
Does not belong here: what is removed (`prune`).

Between finding an object and recording in the ledger that it is used, nothing but this lock says so: a version of long ago that a
step finds to be just what it would make, an object that is written and not entered yet. So whoever does both holds the lock from
before the first to after the second.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from fullcircle.store.ledger import StoreError, cannot_write

LOCK_FILE = "in_use.lock"

UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)


class InUseError(StoreError):
    """Nothing can be removed, for the store is in use. The message says how to find out by whom."""


@contextlib.contextmanager
def in_use(root: Path) -> Iterator[None]:
    """While in the block, no object of a store is removed; waits for a removal that is under way, which takes moments.

    A store that cannot be written has no lock and needs none: who only reads takes what is latest, and that is never removed.

    Args:
        root: folder of the store; made where there is none.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """While in the block, nobody uses an object of a store; whoever wants to waits.

    Args:
        root: folder of the store.

    Raises:
        InUseError: when somebody does.
        StoreError: when the store cannot be written.
    """
    path = root / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUseError(
                f"Nothing was removed: a run or another command is using the store {root}. Run again when it has ended. "
                f"To see which process it is: lsof {path}"
            ) from None
        yield
    finally:
        os.close(descriptor)
