"""Pruning: which stored objects nothing needs any more, and removing them.

Belongs here: the rule what is kept, and a removal that can be cut off at any moment and that nobody who works meanwhile notices.
Does not belong here: Dagster's history of runs, which the library does not know; whoever does names the runs that are retained.

Kept are, of each asset and partition,

1. the latest versions, `KEEP` of them where nothing else is asked for, and the latest that passed its checks;
2. of a champion (``drawings/champion``, ``glyphs/vae_champion``) every decision, and the models of the latest champions, as many;
3. what a retained run made;
4. of the record of an inbox the tables that make it up;

and everything that those were made from, back to the first table: so that what is served can be audited, compared and made again.
A decision that is none of the latest names others before it; what those were made from is not kept for their sake. Nor are tables
that a newer one of the record took in, though each run read the one before it, nor models for having read pictures once.
What no line of the ledger names is kept for a day: a script may be about to enter it.

Removing is safe whatever happens meanwhile. It takes the store for itself (`in_use.alone`), which is refused while a step, a draft
or `make run` has it, so that nothing is planned on a ledger that is about to change. A record in the ledger comes first: a kill
after it leaves objects that are there although they were to be removed, which the next call removes, and never one that is missing
without a word. Then objects are renamed out of the way, each whole, in moments; the store is free again, and only then are files
removed.
"""

from __future__ import annotations

import dataclasses
import errno
import getpass
import itertools
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from fullcircle.core.progress import size
from fullcircle.core.settings import SettingsError
from fullcircle.store.champions import decides_champions, decision_of
from fullcircle.store.in_use import alone
from fullcircle.store.ledger import StoreError, cannot_write
from fullcircle.store.ledger_records import PRUNE
from fullcircle.store.objects import Store
from fullcircle.store.provenance import provenance

KEEP = 3
"""Versions of each asset and partition."""

YOUNG_SECONDS = 24 * 3600.0
"""So long an object is kept that the ledger does not name."""

RECORD, CHAIN = "drawings/inbox", "chain.json"
"""The asset that continues what it made before, and the file in which each of its objects names the one before, `reading.inbox`."""

TRASH = "pruned"
"""Folder of the store with what is being removed."""

UNKNOWN = "not in the ledger"
"""In place of an asset."""

Subject = tuple[str, str]
"""An asset and a partition."""


@dataclasses.dataclass(frozen=True)
class Unneeded:
    """An object that nothing needs.

    Attributes:
        hash: its name.
        asset: that made it last.
        bytes: of its files.
    """

    hash: str
    asset: str
    bytes: int


@dataclasses.dataclass(frozen=True)
class Pruning:
    """What is, or was, to be removed.

    Attributes:
        unneeded: the objects.
        kept: how many stay.
        kept_bytes: of their files.
        keep: versions of each asset and partition.
        deleted: whether they are gone.
    """

    unneeded: tuple[Unneeded, ...]
    kept: int
    kept_bytes: int
    keep: int
    deleted: bool = False

    @property
    def bytes(self) -> int:
        """Of the files of all that is not needed."""
        return sum(each.bytes for each in self.unneeded)

    def text(self) -> str:
        """A line for each asset, and the total."""
        by_asset: dict[str, list[int]] = {}
        for each in self.unneeded:
            by_asset.setdefault(each.asset, []).append(each.bytes)
        rows = [(asset, len(sizes), sum(sizes)) for asset, sizes in sorted(by_asset.items())]
        rows.append(("removed" if self.deleted else "not needed", len(self.unneeded), self.bytes))
        rows.append(("kept", self.kept, self.kept_bytes))
        width = max(len(name) for name, _, _ in rows)
        return "\n".join(f"{name:<{width}}  {n:>6,} objects  {size(of):>8}" for name, n, of in rows)


def prune(store: Store, keep: int = KEEP, runs: Collection[str] = (), *, delete: bool = False) -> Pruning:
    """Remove the objects that nothing needs, or find out which those are.

    Args:
        store: whose.
        keep: versions of each asset and partition.
        runs: ids of those that are retained.
        delete: remove them; else nothing is changed, and nobody kept waiting.

    Raises:
        SettingsError: when `keep` is less than 1.
        InUseError: when somebody uses the store.
        StoreError: when the store cannot be written.
        StoredObjectError: when a decision which models are champion is not whole; then nothing is removed.
        LedgerError: when a line of the ledger is no record; then nothing is removed.
    """
    if keep < 1:
        raise SettingsError(f"At least 1 version of each asset and partition is kept. Received: {keep}.")
    if not delete or not store.root.is_dir():
        return _planned(store, keep, runs)
    with alone(store.root):
        planned = _planned(store, keep, runs)
        if planned.unneeded:
            _record(store, planned)
            _put_aside(store, planned)
    shutil.rmtree(store.root / TRASH, ignore_errors=True)  # what an earlier call left when it was killed, too
    return dataclasses.replace(planned, deleted=True)


def _planned(store: Store, keep: int, runs: Collection[str]) -> Pruning:
    made, asset_of = _Made(), dict[str, str]()
    for entry in store.ledger.entries():
        made.add((entry["asset"], entry["partition"]), entry["version"], entry["run_id"], entry.get("read", {}))
        asset_of[entry["version"]] = entry["asset"]
    needed = _needed(store, made, keep, runs)
    unneeded, kept, kept_bytes, now = [], 0, 0, time.time()
    for path in _objects(store.root / "objects"):
        of_files = sum(file.lstat().st_size for file in path.rglob("*"))
        young = path.name not in asset_of and now - path.lstat().st_mtime < YOUNG_SECONDS
        if young or path.name in needed:
            kept, kept_bytes = kept + 1, kept_bytes + of_files
        else:
            unneeded.append(Unneeded(path.name, asset_of.get(path.name, UNKNOWN), of_files))
    return Pruning(tuple(unneeded), kept, kept_bytes, keep)


class _Made:
    """What the ledger has of materialisations, as far as it matters here."""

    def __init__(self) -> None:
        self.versions: dict[Subject, dict[str, None]] = {}  # of each the last entry counts: oldest first
        self.read: dict[str, dict[Subject, tuple[str, ...]]] = {}
        self.by_run: dict[str, set[str]] = {}

    def add(self, subject: Subject, version: str, run_id: str, read: Mapping[str, str]) -> None:
        of_subject = self.versions.setdefault(subject, {})
        of_subject.pop(version, None)
        of_subject[version] = None
        self.read.setdefault(version, {})[subject] = () if subject[0] == RECORD else tuple(read.values())
        self.by_run.setdefault(run_id, set()).add(version)


def _needed(store: Store, made: _Made, keep: int, runs: Collection[str]) -> set[str]:
    roots: set[str] = set()
    decisions: set[str] = set()
    for subject, versions in made.versions.items():
        newest_first = list(reversed(versions))
        roots.update(newest_first[:keep])
        if (served := store.ledger.latest(*subject)) is not None:
            roots.add(served["version"])
        if decides_champions(subject[0]):
            decisions.update(versions)
            roots.update(_champions(store, subject, newest_first, keep))
        if subject[0] == RECORD:
            for version in [version for version in newest_first if version in roots]:
                roots.update(_chain(store, version))
    for run in runs:
        roots |= made.by_run.get(run, set())
    needed = roots | decisions
    to_follow = list(roots)
    while to_follow:
        for read in itertools.chain.from_iterable(made.read.get(to_follow.pop(), {}).values()):
            if read not in needed:
                needed.add(read)
                to_follow.append(read)
    return needed


def _chain(store: Store, version: str | None) -> Iterator[str]:
    """The objects that a record is made up of, from its newest on, as far as they are there."""
    while version is not None:
        yield version
        try:
            version = json.loads((store.path_of(version) / CHAIN).read_text())["previous"]
        except (OSError, ValueError, KeyError):  # it is not whole: whoever reads it begins a new record
            return


def _champions(store: Store, subject: Subject, newest_first: Iterable[str], keep: int) -> set[str]:
    """The models of the present champion and of those before it, `keep` different champions in all."""
    found: dict[frozenset[str], None] = {}
    served = store.ledger.latest(*subject)
    for version in itertools.chain([served["version"]] if served else [], newest_first):
        decision = decision_of(store.open(version, f"{subject[0]} ({subject[1]})"))
        if models := frozenset(decision.champion.values()):
            found[models] = None
        if len(found) == keep:
            break
    return set().union(*found)


def _objects(folder: Path) -> Iterator[Path]:
    """The folders of objects; what else lies between them is left alone."""
    for path in sorted(folder.glob("??/*")):
        if re.fullmatch(r"[0-9a-f]{64}", path.name) and path.parent.name == path.name[:2]:
            yield path


def _record(store: Store, planned: Pruning) -> None:
    record = {
        "kind": PRUNE,
        "versions": [each.hash for each in planned.unneeded],
        "bytes": planned.bytes,
        "keep": planned.keep,
        "time": time.time(),
        "by": _user(),
        **provenance(),
    }
    try:
        store.ledger.append(record)
    except StoreError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StoreError(
            f"{error} Nothing was removed, for a removal is recorded first. {store.root / 'logs'} holds no content and may be "
            "removed to make some room."
        ) from error


def _put_aside(store: Store, planned: Pruning) -> None:
    trash = store.root / TRASH
    try:
        trash.mkdir(exist_ok=True)
        own = Path(tempfile.mkdtemp(dir=trash))
        for each in planned.unneeded:
            store.path_of(each.hash).rename(own / each.hash)
    except OSError as error:
        raise cannot_write(trash, error) from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a number without a name, as in some containers
        return f"user {os.geteuid()}"
