"""The store: immutable objects under their content hash, and the ledger that says which is the latest.

Belongs here: writing an object so that it is whole or not there at all, and proving it whole when it is read.
Does not belong here: what an object holds, or who asks for it.

An object is a folder ``objects/<first two>/<hash>/`` of files and ``object.json``, which lists for each file its content
hash (`hashing.content_hash`) and the SHA-256 of its bytes. The folder's name is the hash of the content hashes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fullcircle.store.hashing import canonical_json, content_hash, digest, file_sha256
from fullcircle.store.ledger import Ledger
from fullcircle.store.tables import TableReader

MANIFEST = "object.json"


class StoredObjectError(RuntimeError):
    """A stored object is missing or damaged. The message names path, hashes and what to do."""


class NothingMaterializedError(LookupError):
    """No version of an asset has been made yet. The message says which command makes one."""


@dataclasses.dataclass(frozen=True)
class StoredObject:
    """One immutable object: its content hash and the folder that holds its files."""

    hash: str
    path: Path

    def file(self, name: str) -> Path:
        return self.path / name

    def table(self, name: str | None = None) -> TableReader:
        """One of its Parquet tables, by its name without the ending; without a name the only one there is."""
        if name is None:
            (path,) = self.path.glob("*.parquet")
            return TableReader(path)
        return TableReader(self.file(f"{name}.parquet"))

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(f.stat().st_size for f in self.path.iterdir())


class Store:
    """A folder of objects and a ledger.

    Args:
        root: made when something is first written. A relative path is taken from the working directory.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.ledger = Ledger(self.root / "ledger.jsonl")

    def path_of(self, object_hash: str) -> Path:
        return self.root / "objects" / object_hash[:2] / object_hash

    @contextlib.contextmanager
    def draft(self) -> Iterator[Draft]:
        """A temporary folder to write an object into; `Draft.commit` makes it an object, anything else removes it.

        Example:
            >>> with store.draft() as draft:
            ...     (draft.path / "report.json").write_text("{}")
            ...     stored = draft.commit()
        """
        drafts = self.root / "drafts"
        drafts.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=drafts))
        try:
            yield Draft(self, path)
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def open(self, object_hash: str, asset: str = "the asset that made it") -> StoredObject:
        """The object with this hash, proved whole.

        Args:
            object_hash: content hash.
            asset: what to materialise again when it is not whole, for the message.

        Raises:
            StoredObjectError: naming path, expected and found hash, and the asset to materialise.
        """
        path = self.path_of(object_hash)
        advice = f"Materialize {asset} again."
        try:
            manifest = json.loads((path / MANIFEST).read_text())
            contents = {name: entry["content"] for name, entry in manifest.items()}
            found = _object_hash(contents)
        except FileNotFoundError:
            raise StoredObjectError(f"Stored object is missing: {path}. Expected hash: {object_hash}. {advice}") from None
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise StoredObjectError(f"{path / MANIFEST} is damaged ({error}). {advice}") from error
        if found != object_hash:
            raise StoredObjectError(f"{path / MANIFEST} is damaged. Expected hash: {object_hash}, found: {found}. {advice}")
        for name, entry in manifest.items():
            file = path / name
            if not file.is_file():
                raise StoredObjectError(f"Stored file is missing: {file}. Expected SHA-256: {entry['sha256']}. {advice}")
            if (sha256 := file_sha256(file)) != entry["sha256"]:
                raise StoredObjectError(
                    f"Stored file is damaged: {file}. Expected SHA-256: {entry['sha256']}, found: {sha256}. {advice}"
                )
        return StoredObject(object_hash, path)

    def latest(self, asset: str, partition: str, run_id: str | None = None, *, command: str = "make run") -> StoredObject:
        """The latest version of an asset, or the one that `run_id` made where it made one; proved whole.

        Raises:
            NothingMaterializedError: when there is none.
            StoredObjectError: when it is not whole.
        """
        entry = self.ledger.latest(asset, partition, run_id)
        if entry is None:
            raise NothingMaterializedError(f"{asset} has no version for {partition!r} in {self.root}. Make one with: {command}")
        return self.open(entry["version"], f"{asset} ({partition})")


@dataclasses.dataclass(frozen=True)
class Draft:
    """A folder being filled; see `Store.draft`."""

    store: Store
    path: Path

    def commit(self) -> StoredObject:
        """Hash what the folder holds and rename it into place.

        An intact object with the same hash stays and the draft is dropped: objects never change. A damaged one is
        replaced. The rename is the last step, so a kill or a full disk leaves a draft, never half an object.
        """
        files = sorted(p for p in self.path.iterdir() if p.name != MANIFEST)
        if not files:
            raise ValueError("An object holds at least one file. Received: an empty draft.")
        manifest = {f.name: {"content": content_hash(f), "sha256": file_sha256(f)} for f in files}
        object_hash = _object_hash({name: entry["content"] for name, entry in manifest.items()})
        (self.path / MANIFEST).write_bytes(canonical_json(manifest))
        for file in (*files, self.path / MANIFEST):
            _sync(file)
        _sync(self.path)
        target = self.store.path_of(object_hash)
        target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(3):
            try:
                return self.store.open(object_hash)
            except StoredObjectError:
                if target.exists():
                    target.rename(tempfile.mkdtemp(dir=self.path.parent, prefix="damaged-"))
            with contextlib.suppress(OSError):  # another process was first: the next turn opens its object
                self.path.rename(target)
            _sync(target.parent)
        return self.store.open(object_hash)


def _object_hash(contents: dict[str, str | None]) -> str:
    return digest([canonical_json({name: h for name, h in contents.items() if h is not None})])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
