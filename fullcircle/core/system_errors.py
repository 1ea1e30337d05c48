"""What the operating system refused, as a sentence: no space, no permission, nothing there.

Belongs here: the words for people, with the path and what to do, for the commands' last resort. Who knows better what was being
done says so where it happens.
"""

from __future__ import annotations

import errno
import os

from fullcircle.core.default_store import default_store

FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
ABSENT = (errno.ENOENT, errno.ENOTDIR)


def system_error(error: OSError) -> str | None:
    """The sentence; None for an error that names no file and is not of a full disk, which is one of the program."""
    choose = "choose another folder: FULLCIRCLE_STORE=FOLDER for the store, DAGSTER_HOME=FOLDER for the history"
    if error.errno in FULL:
        advice = "Free some space and run again."
    elif error.errno in FORBIDDEN:
        advice = f"Make it writable, or {choose}."
    elif error.errno in ABSENT:
        advice = f"Make the folder, or {choose}."
    else:
        advice = ""
    why = error.strerror or str(error)
    if isinstance(error.filename, str | bytes | os.PathLike):
        name = os.fsdecode(error.filename)
        return f"{name if name.isprintable() else ascii(name)}: {why}. {advice}".rstrip()
    if error.errno in FULL:
        home = os.environ.get("DAGSTER_HOME")
        places = f"the store {default_store()}," + (f" DAGSTER_HOME {home}," if home else "")
        return f"{why}: in {places} or where the output goes. {advice}"
    return None
