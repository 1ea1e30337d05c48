"""What the system refused is a sentence with a path and what to do."""

import errno
import os

import pytest

from fullcircle.core.system_errors import system_error

CHOOSE = "choose another folder: FULLCIRCLE_STORE=FOLDER for the store, DAGSTER_HOME=FOLDER for the history."


def refused(code, *names):
    return OSError(code, os.strerror(code), *names)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (refused(errno.ENOSPC, "/s/a"), "/s/a: No space left on device. Free some space and run again."),
        (refused(errno.EROFS, "/s/a"), f"/s/a: Read-only file system. Make it writable, or {CHOOSE}"),
        (refused(errno.EACCES, b"/s/a"), f"/s/a: Permission denied. Make it writable, or {CHOOSE}"),
        (refused(errno.ENOENT, "/s/a"), f"/s/a: No such file or directory. Make the folder, or {CHOOSE}"),
        (refused(errno.ENOTDIR, "/s/a"), f"/s/a: Not a directory. Make the folder, or {CHOOSE}"),
        (refused(errno.EIO, "/s/a"), "/s/a: Input/output error."),
        (refused(errno.EIO, "/two\nlines\udcff"), "'/two\\nlines\\udcff': Input/output error."),
        (refused(errno.EIO), None),
        (refused(errno.EIO, 3), None),
        (OSError("of the program"), None),
    ],
)
def test_it_names_the_path_and_what_to_do(error, sentence):
    assert system_error(error) == sentence


def test_a_full_disk_without_a_path_names_where_it_can_be(monkeypatch):
    monkeypatch.setenv("FULLCIRCLE_STORE", "/s")
    monkeypatch.setenv("DAGSTER_HOME", "/h")
    where = (
        "No space left on device: in the store /s, DAGSTER_HOME /h, or where the output goes. Free some space and run again."
    )
    assert system_error(refused(errno.ENOSPC)) == where
    monkeypatch.delenv("DAGSTER_HOME")
    assert system_error(refused(errno.ENOSPC)) == where.replace(" DAGSTER_HOME /h,", "")
