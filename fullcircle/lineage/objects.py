"""The store's files: is each object whole, is it what its record says, and does nothing else lie there?

Belongs here: what is found by opening objects and by looking into the folder that holds them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fullcircle.lineage.findings import (
    CONTRADICTION,
    DAMAGED,
    FOREIGN,
    LINK,
    MISSING,
    NOTE,
    UNRECORDED,
    Finding,
)
from fullcircle.lineage.history import AUDIT_REPORT, SHORT, History, Made, time_text
from fullcircle.lineage.records import HASH, RESTORE, line_of
from fullcircle.steps.step import command_for
from fullcircle.store.ledger_records import LedgerError
from fullcircle.store.objects import MANIFEST, Store, StoredObject
from fullcircle.store.proofs import forget
from fullcircle.store.recipe import differing_settings

FAN = re.compile(r"[0-9a-f]{2}")

PLACES = ("read", "models")
"""Where a file says which versions it was made from: JSON files, and what a table holds of how it was made."""


def findings(store: Store, history: History, made: Made) -> tuple[list[Finding], int]:
    """What is wrong with the object of a version, and how many bytes its files have.

    Args:
        store: whose.
        history: of its ledger.
        made: a record of the version.
    """
    if not HASH.fullmatch(made.version):
        return [], 0  # the record itself is wrong; and what it names may lie anywhere
    path = store.path_of(made.version)
    forget()
    damage = store.damage(made.version)
    if damage is None:
        stored = StoredObject(made.version, path)
        return list(_contradictions(store, history, stored)), stored.bytes
    if _is_absent(path):
        if history.is_pruned(made.version) or _pruned_meanwhile(store, history, made.version):
            return [], 0
        kind = MISSING
    else:
        kind = _kind(path, damage)
    return [Finding(kind, damage, str(path), _since(history, made, path), _advice(history, made, kind))], 0


def folder_findings(store: Store, history: History) -> Iterator[Finding]:
    """What lies in the folder of objects and does not belong there, and objects that no record names."""
    for place in (store.root / "objects", store.ledger.path):
        if place.is_symlink():
            yield Finding(
                LINK,
                f"{place.name} is a symbolic link to {str(place.readlink())!r}.",
                str(place),
                _changed(place),
                "Move what it leads to here, unless you put it elsewhere yourself",
                NOTE,
            )
    for fan in sorted(_entries(store.root / "objects")):
        if not _is_folder(fan) or not FAN.fullmatch(fan.name):
            yield _foreign(fan)
            continue
        for path in sorted(_entries(fan)):
            if not HASH.fullmatch(path.name) or path.name[:2] != fan.name or not _is_folder(path):
                yield _foreign(path)
            elif path.name not in history.by_version:
                yield Finding(
                    UNRECORDED,
                    f"No record names the object {path.name[:SHORT]}.",
                    str(path),
                    _changed(path),
                    "Left by a script, by a run that was killed, or by a ledger that lost a record; prune removes it after a day",
                    NOTE,
                )


def _contradictions(store: Store, history: History, stored: StoredObject) -> Iterator[Finding]:
    """Whether a whole object says of itself what the records of it say."""
    yield from _other_files(store, history, stored)
    for name, about in _statements(stored):
        for made in history.by_version[stored.hash]:
            if "read" in made.entry:
                yield from _other_inputs(store, made, stored, name, about)
            settings = about.get("settings")
            if isinstance(settings, dict) and "config" in made.entry:
                shared = settings.keys() & made.config.keys()
                then, now = ({key: of[key] for key in shared} for of in (settings, made.config))
                if different := list(differing_settings(then, now)):
                    yield _contradiction(store, made, f"by its own {name}, of its settings {'; '.join(different)} on record")


def _other_files(store: Store, history: History, stored: StoredObject) -> Iterator[Finding]:
    """Whether the bytes are those of the last record: a page is no content, and the manifest may be edited with it.

    What was removed or damaged since may have been made again with other bytes of the same content.
    """
    last = history.by_version[stored.hash][-1]
    again = [line for line, record in history.damages if record["version"] == stored.hash]
    again += [history.prunes[stored.hash][0]] if stored.hash in history.prunes else []
    recorded = last.entry.get("files")
    if recorded is None or any(line > last.line for line in again):
        return
    manifest = json.loads((stored.path / MANIFEST).read_text())
    found = {name: entry["sha256"] for name, entry in manifest.items()}
    for name in sorted(found.keys() | recorded.keys()):
        if found.get(name) != recorded.get(name):
            yield Finding(
                DAMAGED,
                f"Stored file is not the recorded one: {stored.path / name}. "
                f"Expected SHA-256: {recorded.get(name, 'none')}, found: {found.get(name, 'none')}.",
                str(stored.path),
                _since(history, last, stored.path),
                _advice(history, last, DAMAGED),
            )


def _other_inputs(store: Store, made: Made, stored: StoredObject, name: str, about: Mapping[str, Any]) -> Iterator[Finding]:
    prefix = made.asset.rpartition("/")[0]
    for place in PLACES:
        stated = about.get(place)
        for of, version in stated.items() if isinstance(stated, dict) else ():
            if not isinstance(version, str) or not HASH.fullmatch(version):
                continue
            recorded = made.read.get(f"{prefix}/{of}")
            if version == recorded or (recorded is None and version in made.read.values()):
                continue
            yield _contradiction(
                store,
                made,
                f"by its own {name} it was made from {of} {version[:SHORT]}, by the record from "
                f"{recorded[:SHORT] if recorded else 'none'}",
            )


def _contradiction(store: Store, made: Made, what: str) -> Finding:
    return Finding(
        CONTRADICTION, f"{made.name}: {what}.", line_of(store, made.line), made.time, f"The record was edited. {RESTORE}"
    )


def _statements(stored: StoredObject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the files of an object say of how it was made, by their names."""
    for file in sorted(stored.path.iterdir()):
        if file.suffix == ".json" and file.name != MANIFEST:
            value = json.loads(file.read_text())
            if isinstance(value, dict):
                yield file.name, value
        elif file.suffix == ".parquet":
            yield file.name, stored.table(file.stem).about


def _pruned_meanwhile(store: Store, history: History, version: str) -> bool:
    """Whether it was removed after the ledger was read."""
    try:
        last = store.ledger.pruned(version)
    except LedgerError:
        return False
    return last is not None and (version not in history.prunes or history.prunes[version][1] != last)


def _kind(path: Path, damage: str) -> str:
    if path.is_symlink() or any(file.is_symlink() for file in _entries(path)):
        return LINK
    return FOREIGN if "not its own" in damage or "what is no file" in damage else DAMAGED


def _advice(history: History, made: Made, kind: str) -> str:
    users = len({m.version for m in history.readers.get(made.version, ())})
    again = f"Make it again: {'make audit' if made.asset == AUDIT_REPORT else command_for(made.asset, made.partition)}"
    what = "Remove what does not belong there" if kind in (FOREIGN, LINK) else "Restore it from a copy"
    tainted = f" {users} versions were made from it directly: fullcircle audit impact {made.version[:SHORT]}" if users else ""
    return f"{what}. {again}.{tainted}"


def _since(history: History, made: Made, path: Path) -> str:
    """Between when it was last known whole and when its files last changed."""
    uses = [*history.by_version[made.version], *history.readers.get(made.version, ())]
    times = [m.entry["time"] for m in uses if "time" in m.entry]
    known = f"whole when it was last made or read, {time_text(max(times))}" if times else "the time of its record is not known"
    changed = _changed(path)
    return f"{known}; {changed}" if changed else known


def _changed(path: Path) -> str:
    """When a file or something in a folder last changed; the time of that, unlike a file's own, nobody can set."""
    try:
        newest = max(entry.lstat().st_ctime for entry in (path, *_entries(path)))
    except OSError:
        return ""
    return f"last change on the disk {time_text(newest)}"


def _foreign(path: Path) -> Finding:
    link = path.is_symlink()
    return Finding(
        LINK if link else FOREIGN,
        f"The folder of objects holds {'a symbolic link' if link else 'what is no object'}: {path.name}.",
        str(path),
        _changed(path),
        "Move it out of the store",
    )


def _is_absent(path: Path) -> bool:
    return not os.path.lexists(path)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _entries(path: Path) -> list[Path]:
    try:
        return list(path.iterdir()) if path.is_dir() else []
    except OSError:
        return []
