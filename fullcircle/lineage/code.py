"""The code on record: can it still be looked up?

Belongs here: asking git for the commits that records name. Records of older versions name none.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fullcircle.lineage.findings import NO_CODE, NOTE, UNCOMMITTED, Finding
from fullcircle.lineage.history import SHORT, History, Made
from fullcircle.store.code_version import ROOT


def findings(history: History, root: Path = ROOT) -> Iterator[Finding]:
    """Commits that are not in the repository, and versions that were made by code that is in no commit.

    Args:
        history: of the ledger.
        root: folder of the packages.
    """
    by_commit: dict[str, list[Made]] = {}
    dirty: dict[str, list[Made]] = {}
    for made in history.made:
        if (commit := commit_of(made)) is not None:
            by_commit.setdefault(commit["hash"], []).append(made)
            if commit.get("dirty"):
                dirty.setdefault(f"{commit['hash']} {commit.get('changes')}", []).append(made)
    missing = missing_commits(by_commit, root)
    if missing is None:
        if by_commit:
            yield Finding(
                NO_CODE,
                f"The {len(by_commit)} commits on record cannot be looked up: the code lies in no repository, or git is missing.",
                str(root),
                "",
                "Run the audit from a clone",
                NOTE,
            )
        missing = []
    for name in missing:
        of = by_commit[name]
        yield Finding(
            NO_CODE,
            f"The commit {name[:SHORT]} is not in the repository; {len(of)} records were made by it, {of[0].name} the first.",
            str(root),
            of[0].time,
            f"Fetch it from where it was made: git fetch ORIGIN {name}. Without it nobody can look up what was run",
        )
    for of in dirty.values():
        commit = commit_of(of[0]) or {}
        yield Finding(
            UNCOMMITTED,
            f"{len(of)} records, {of[0].name} the first, were made by changes to {str(commit.get('hash'))[:SHORT]} that are in no "
            f"commit; SHA-256 of the changes: {str(commit.get('changes'))[:SHORT]}.",
            str(root),
            of[0].time,
            "Commit before what counts is made",
            NOTE,
        )


def commit_of(made: Made) -> Mapping[str, Any] | None:
    """The commit that a version was made by; None where it is not on record."""
    commit = made.entry.get("commit")
    return commit if isinstance(commit, dict) and isinstance(commit.get("hash"), str) else None


def missing_commits(commits: Iterable[str], root: Path) -> list[str] | None:
    """Those that are not in the repository; None where there is no repository to ask."""
    asked = [commit for commit in commits if commit.isalnum()]
    answer = git(root, "cat-file", "--batch-check", given="".join(f"{commit}^{{commit}}\n" for commit in asked))
    if answer is None:
        return None
    return [commit for commit, line in zip(asked, answer.splitlines(), strict=False) if line.endswith(" missing")]


def git(root: Path, *arguments: str, given: str = "") -> str | None:
    """What git answers; None where it is not installed or refuses.

    Args:
        root: folder in the repository.
        arguments: of the command.
        given: on its standard input.
    """
    # Variables such as GIT_DIR, which a hook is run with, name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(root), "-c", "safe.directory=*", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
