"""What sensors look at: picture sources that are folders, and the inbox.

Belongs here: plain functions, without Dagster: what is new in a place, and what is to be made of it.
Does not belong here: ticks, cursors and runs (`sensors`); drift (`drifting`).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

from fullcircle.core.settings import Settings, SettingsError
from fullcircle.data.originals import ORIGIN, ORIGINALS, rejects
from fullcircle.data.sources import known_sources
from fullcircle.data.sources.base import PathSource
from fullcircle.data.sources.folder import Folder, everything_in
from fullcircle.drawings import known_drawings
from fullcircle.images.files import valid_name
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.reading import inbox
from fullcircle.reading.stored import CHAMPION
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps.inbox import arrivals, inbox_folder
from fullcircle.steps.profiles import AUTOENCODER_PROFILES, GLYPH_PROFILES
from fullcircle.steps.step import Step
from fullcircle.store.champions import last_decision
from fullcircle.store.objects import Store, StoredObjectError
from pipelines.config import op_config

MOST = 1000
"""How many new files of a class are kept in mind at a time: a cursor is stored again at each tick. The others come after them."""

NAMED = 10
"""How many files are named in a sentence before the others are only counted."""


def mark(*parts: object) -> str:
    """A short hash."""
    return blake2b("\n".join(map(str, parts)).encode(), digest_size=6).hexdigest()


def named(names: Sequence[str]) -> str:
    """Some names for a sentence: ``a.png, b.png and 3 more``."""
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {len(names) - NAMED} more" if len(names) > NAMED else shown


# Picture sources that are folders.


@dataclasses.dataclass(frozen=True)
class Change:
    """A folder that is not as it was when its originals were made.

    Attributes:
        source: the picture source.
        state: of its files, as a short hash.
        since: version of the originals that were made last; empty where there are none.
        new: names of files that were not there then.
        gone: names of files that are not there now.
    """

    source: str
    state: str
    since: str
    new: Sequence[str]
    gone: Sequence[str]

    @property
    def sentence(self) -> str:
        """What changed, for people."""
        parts = [f"{len(self.new)} new: {named(self.new)}"] if self.new else []
        parts += [f"{len(self.gone)} deleted: {named(self.gone)}"] if self.gone else []
        return f"{self.source}: {'; '.join(parts) or 'pictures were changed'}"


def watched(store: Store, names: Sequence[str]) -> dict[str, Folder]:
    """The picture sources that are folders: those that are named, or all that are registered.

    Raises:
        SettingsError: when one that is named is not a registered folder.
    """
    folders = {name: source for name, source in known_sources(store.root).items() if isinstance(source, Folder)}
    if unknown := [name for name in names if name not in folders]:
        choices = ", ".join(folders) or "none; make run SOURCE=folder:PATH registers one"
        raise SettingsError(
            f"watched_folders.sources is expected to name registered folders. Received: {unknown[0]!r}. Choose from: {choices}."
        )
    return {name: folders[name] for name in names or folders}


def change_of(store: Store, name: str, source: PathSource) -> Change | None:
    """How a folder differs from what its originals were made of; None where it does not.

    Raises:
        SettingsError: when the folder is not there or empty: a disk that is not mounted must not end in originals without pictures.
    """
    now = glyph_steps.ORIGINALS_STEP.files(store, name)
    if not now:
        raise SettingsError(f"{name}: a folder of pictures is expected at {source.path}. Found none, or an empty one.")
    entry = store.ledger.latest(f"{glyph_steps.PREFIX}/originals", name, unverified=True)
    if entry is not None and now.items() <= entry.get("read", {}).items():
        return None
    root = source.path.resolve()
    there = {valid_name(path.relative_to(root).as_posix()) for path, _ in everything_in(root)}
    known = set() if entry is None else _origins(store, entry["version"])
    since = "" if entry is None else entry["version"]
    return Change(name, mark(*now.items()), since, sorted(there - known), sorted(known - there) if known else [])


def _origins(store: Store, version: str) -> set[str]:
    """Names of all files of which originals were made, or were refused."""
    try:
        stored = store.open(version)
    except StoredObjectError:
        return set()
    tables = (stored.table(ORIGINALS), rejects(stored))
    return {str(origin) for table in tables for block in table.blocks([ORIGIN]) for origin in block[ORIGIN]}


def trained_on(store: Store, source: str) -> list[str]:
    """The autoencoders of which there is a version for a picture source."""
    prefix = glyph_steps.PREFIX
    return [model for model in AUTOENCODERS if store.ledger.latest(f"{prefix}/{model}", source, unverified=True)]


def refresh_of(store: Store, source: str) -> tuple[list[str], dict[str, Any]]:
    """What is made again of a picture source: its tables, and the models that were trained on it before, with what follows them.

    Returns:
        Keys of the assets, and the run configuration: the settings that each was made with last, or the quick profile's.
    """
    steps: list[tuple[Step, Settings]] = [
        (step, getattr(GLYPH_PROFILES["quick"].settings, step.part)) for step in glyph_steps.STEPS
    ]
    for model in trained_on(store, source):
        quick = AUTOENCODER_PROFILES[model]["quick"].settings
        steps += [(step, getattr(quick, step.part)) for step in autoencoder_steps.STEPS[model]]
    ops: dict[str, Any] = {}
    for step, default in steps:
        ops |= op_config(step, _as_before(store, step, source, default))
    return [asset for step, _ in steps for asset in step.makes], {"ops": ops}


def _as_before(store: Store, step: Step, partition: str, default: Settings) -> Settings:
    entry = store.ledger.latest(step.makes[0], partition, unverified=True)
    try:
        return default if entry is None else step.settings(**entry["config"])
    except (KeyError, TypeError, SettingsError):  # of an older version, whose settings were others
        return default


# The inbox.


def misplaced(folder: str, known: Iterable[str]) -> list[str]:
    """What lies in the inbox and is in no folder of a drawing class, each with what is amiss."""
    root, known = inbox_folder(folder, ""), set(known)
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError as error:
        return [f"A folder is expected at {root}. {error.strerror or error}."]
    found = [printable for entry in entries if (printable := valid_name(entry.name)) not in known or not entry.is_dir()]
    if not found:
        return []
    return [f"Not read, for only folders that are called as a drawing class are: {named(found)}"]


def new_in_inbox(store: Store, folder: str, name: str) -> dict[str, str]:
    """The first `MOST` files in the inbox of a drawing class that are to be read, each with a mark of its size and time."""
    record, _ = inbox.record_of(store, name)
    found = arrivals(inbox_folder(folder, name), inbox.seen(store, record))
    return {file: mark(file, *seen.stamp) for file, seen in list(found.items())[:MOST]}


def champion_of(store: Store, name: str) -> str:
    """Content hash of the encoder that reads pictures of a drawing class; empty where there is none.

    Raises:
        StoredObjectError: when the last decision is not whole.
    """
    decided = last_decision(store, CHAMPION, name)
    if decided is not None:
        return decided.decision.champion.get("encoder", "")
    entry = store.ledger.latest("drawings/encoder", name)
    return "" if entry is None else str(entry["version"])


def classes_in(folder: str, store: Store) -> list[str]:
    """The drawing classes that have a folder in the inbox."""
    return [name for name in known_drawings(store.root) if inbox_folder(folder, name).is_dir()]
