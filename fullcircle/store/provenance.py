"""Provenance: by which code, with which Python and on which machine this process does what it records.

Belongs here: what every record of the ledger has of the process that wrote it. It is found once in a process.
Does not belong here: what decides the content of a version (`recipe`), who asked for it (the caller knows), the links between
records (`chain`).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fullcircle.core.processes import cores
from fullcircle.store.code_version import ROOT

PACKAGES = ("fullcircle", "assets", "pipelines")
"""Folders of the code that makes things."""

DIFF = ("diff", "HEAD", "--binary", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--", *PACKAGES)
"""What is hashed of changes that are not committed."""

COMMIT_VARIABLE = "FULLCIRCLE_COMMIT"
"""Environment variable with the hash of the commit, for code that was copied without its history, as into an image."""


def provenance() -> dict[str, Any]:
    """The fields that a record has of the process that writes it.

    Returns:
        "commit" (as `commit` gives it), "python" (its version) and "machine" (as `machine` gives it).
    """
    return {"commit": commit(), "python": platform.python_version(), "machine": dict(machine())}


def commit(root: Path = ROOT) -> dict[str, Any] | None:
    """The commit that the running code was checked out from.

    A process keeps what it found first, so it is asked for before work begins: code that is edited meanwhile is not the code that
    runs.

    Args:
        root: folder of the packages.

    Returns:
        "hash" of the commit; "dirty", whether `PACKAGES` differ from it; and "changes", None where they do not, else the SHA-256 of
        ``git diff HEAD`` (`DIFF`), followed by the name, a zero byte and the content of every file that git does not know yet and
        was not asked to ignore, in the order of their names. Where the code is in no commit, for it was copied or there is no git,
        the hash that `COMMIT_VARIABLE` has, and None for the others; or None.
    """
    found = _commit(root)
    return None if found is None else dict(found)


@functools.cache
def _commit(root: Path) -> Mapping[str, Any] | None:
    # The second is there only if this very code is in the commit, and not just in the folder of some other project.
    heads = _git(root, "rev-parse", "HEAD", f"HEAD:./{PACKAGES[0]}/__init__.py")
    diff = _git(root, *DIFF)
    unknown = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *PACKAGES)
    if heads is None or diff is None or unknown is None:
        named = os.environ.get(COMMIT_VARIABLE, "")
        return {"hash": named, "dirty": None, "changes": None} if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", named) else None
    changes = hashlib.sha256(diff)
    for name in sorted(unknown.split(b"\0")[:-1]):
        changes.update(name + b"\0")
        with contextlib.suppress(OSError):  # it is gone by now, or a link to nowhere
            changes.update((root / os.fsdecode(name)).read_bytes())
    dirty = bool(diff or unknown)
    return {"hash": heads.split()[0].decode(), "dirty": dirty, "changes": changes.hexdigest() if dirty else None}


@functools.cache
def machine() -> Mapping[str, Any]:
    """The machine: what may decide how numbers are rounded, and which of several it was.

    Returns:
        "platform", "processor", "cores" (that this process may use) and "host" (12 digits of the SHA-256 of its name, which is
        nobody else's business).
    """
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": cores(),
        "host": hashlib.sha256(platform.node().encode()).hexdigest()[:12],
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _git(root: Path, *arguments: str) -> bytes | None:
    """What git answers; None where it is not installed or refuses."""
    # Variables such as GIT_DIR, which a hook is run with, name another repository. In a container the folder may be another user's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = [
        "git",
        "-C",
        str(root),
        "-c",
        "safe.directory=*",
        "-c",
        "core.fsmonitor=false",
        "--no-optional-locks",
        *arguments,
    ]
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
