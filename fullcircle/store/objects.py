"""The store: immutable objects under their content hash, and the ledger that says which is the latest.

Belongs here: writing an object so that it is whole or not there at all, and proving it whole when it is read.
Does not belong here: what an object holds, who asks for it, or which command makes it.

An object is a folder ``objects/<first two>/<hash>/`` of files and ``object.json``, which lists for each file its content
hash (`hashing.content_hash`) and the SHA-256 of its bytes. The folder's name is the hash of the content hashes. An object is
whole when its folder holds these files and nothing else, each of them with its SHA-256 and, found anew from what it holds, its
content hash: so nobody can change a figure or a weight and leave the name. Pages (``.html``) and the time that things took are
no content, so they are held by their SHA-256 only. A process proves a file once, as long as it stays as it is (`proofs`).

A draft is a folder ``drafts/<random>/`` with the files in the making, in ``files/``, and ``lock``, which its process keeps locked:
one whose lock is free is of a process that is gone. A damaged object that was replaced is kept as ``damaged/<hash>-<n>/``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fullcircle.store.hashing import canonical_json, digest
from fullcircle.store.in_use import in_use
from fullcircle.store.ledger import CHECK, DAMAGE, MATERIALIZATION, Ledger, StoreError, StoreWarning, cannot_write
from fullcircle.store.ledger_records import kind_of, withheld
from fullcircle.store.proofs import content_of, sha256_of
from fullcircle.store.provenance import provenance
from fullcircle.store.tables import TableReader

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "object.json"
FILES, LOCK = "files", "lock"
"""What the folder of a draft holds."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM)


class StoredObjectError(RuntimeError):
    """A stored object is missing or damaged. The message names path, hashes and what to do."""


class NothingMaterializedError(LookupError):
    """No version of an asset has been made, or none that passed its checks. The message says which command makes one."""


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

    def json(self, name: str) -> dict[str, Any]:
        """What one of its JSON files holds."""
        value: dict[str, Any] = json.loads(self.file(name).read_text())
        return value

    def contents(self) -> dict[str, Any]:
        """What the ledger's record of a version has of what it holds.

        Returns:
            "files": the SHA-256 of each, by name; "tables", where it has any: "rows" and "schema" of each Parquet file, by name,
            the latter the SHA-256 over the lines ``column: type``.
        """
        manifest = json.loads((self.path / MANIFEST).read_text())
        tables = {name: TableReader(self.file(name)) for name in manifest if name.endswith(".parquet")}
        found: dict[str, Any] = {"files": {name: entry["sha256"] for name, entry in manifest.items()}}
        if tables:
            found["tables"] = {name: {"rows": table.rows, "schema": _schema_hash(table)} for name, table in tables.items()}
        return found

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

    def in_use(self) -> contextlib.AbstractContextManager[None]:
        """While in the block, no object is removed as not needed any more: for who finds or writes one and then records that."""
        return in_use(self.root)

    @contextlib.contextmanager
    def draft(self) -> Iterator[Draft]:
        """A temporary folder to write an object into; `Draft.commit` makes it an object, anything else removes it.

        Drafts that killed processes left are removed first; those of living ones are not touched.

        Raises:
            StoreError: when the store cannot be written, also while the draft is filled. Nothing half-written is left.

        Example:
            >>> with store.draft() as draft:
            ...     (draft.path / "report.json").write_text("{}")
            ...     stored = draft.commit()
        """
        drafts = self.root / "drafts"
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self.in_use())
                drafts.mkdir(parents=True, exist_ok=True)
                _remove_orphans(drafts)
                path = stack.enter_context(_locked_folder(drafts)) / FILES
                path.mkdir()
            except OSError as error:
                raise cannot_write(drafts, error) from error
            try:
                yield Draft(self, path)
            except StoreError:
                raise
            except OSError as error:
                if not self._hinders(error):
                    raise
                raise cannot_write(Path(os.fsdecode(error.filename or path)), error) from error

    def open(self, object_hash: str, asset: str = "the asset that made it", command: str = "") -> StoredObject:
        """The object with this hash, proved whole.

        Args:
            object_hash: content hash.
            asset: what to materialise again when it is not whole, for the message.
            command: which does that.

        Raises:
            StoredObjectError: naming path, expected and found hash, and the asset to materialise; of one that was pruned, when.
        """
        wrong = self.damage(object_hash)
        if wrong is None:
            return StoredObject(object_hash, self.path_of(object_hash))
        if not os.path.lexists(self.path_of(object_hash)) and (record := self.ledger.pruned(object_hash)):
            day = datetime.datetime.fromtimestamp(record["time"], datetime.UTC)
            wrong = f"Stored object was pruned on {day:%Y-%m-%d %H:%M} UTC by {record['by']}: {self.path_of(object_hash)}."
        raise StoredObjectError(f"{wrong} Materialize {asset} again{f' with: {command}' if command else '.'}")

    def latest_entry(
        self, asset: str, partition: str, run_id: str | None = None, *, unverified: bool = False, command: str = "make run"
    ) -> dict[str, Any]:
        """What the ledger has of the latest version of an asset; the arguments are those of `latest`.

        Raises:
            NothingMaterializedError: when there is none.
        """
        entry = self.ledger.latest(asset, partition, run_id, unverified=unverified)
        if entry is not None:
            return entry
        nothing = f"{asset} has no version for {partition!r} in {self.root}"
        last = self.ledger.latest(asset, partition, unverified=True)
        why = None if last is None else self.ledger.withheld(last)
        if last is None or why is None:
            raise NothingMaterializedError(f"{nothing}. Make one with: {command}")
        raise NothingMaterializedError(
            f"{nothing} that passed its checks. The last, {last['version'][:12]}, is not used because {why.rstrip('.')}. "
            f"Make another with: {command}, or use that one all the same with: --any"
        )

    def latest(
        self, asset: str, partition: str, run_id: str | None = None, *, unverified: bool = False, command: str = "make run"
    ) -> StoredObject:
        """The latest version of an asset that passed its blocking checks, proved whole.

        Args:
            asset: ``drawings/decoder``.
            partition: of the asset.
            run_id: of a run whose own version comes before all others, even if its checks are not in yet.
            unverified: the last version, whatever its checks found.
            command: what makes a version, for the message when there is none.

        Raises:
            NothingMaterializedError: when there is none; says the command, and which check the last version did not pass.
            StoredObjectError: when it is not whole.
        """
        entry = self.latest_entry(asset, partition, run_id, unverified=unverified, command=command)
        return self.open(entry["version"], f"{asset} ({partition})", command)

    def frame(self, asset: str | None = None, partition: str | None = None) -> pd.DataFrame:
        """All versions ever made, a row each, oldest first.

        Args:
            asset: only its versions.
            partition: only its versions.

        Returns:
            Columns `time` (UTC; NaT where the ledger does not say), `asset`, `partition`, `version`, `run_id`, `code_version` (None
            where the ledger does not say), `served` (whether it passed its blocking checks) and `config` (a dict).
        """
        import pandas as pd

        entries, checks = [], dict[tuple[str, str, str], dict[str, dict[str, Any]]]()
        for record in self.ledger.records():
            kind = kind_of(record)
            if (
                kind not in (MATERIALIZATION, CHECK)
                or asset not in (None, record["asset"])
                or partition not in (None, record["partition"])
            ):
                continue
            if kind == MATERIALIZATION:
                entries.append(record)
            else:
                checks.setdefault(_version_of(record), {})[record["check"]] = record
        columns = {name: [entry[name] for entry in entries] for name in ("asset", "partition", "version", "run_id")}
        seconds = pd.Series([entry.get("time") for entry in entries], dtype="float64")
        return pd.DataFrame(
            {
                "time": pd.to_datetime(seconds, unit="s", utc=True).dt.as_unit("us"),
                **{name: pd.Series(values, dtype=object) for name, values in columns.items()},
                "code_version": pd.Series([entry.get("code_version") for entry in entries], dtype=object),
                "served": pd.Series([withheld(e, checks.get(_version_of(e), {})) is None for e in entries], dtype=bool),
                "config": pd.Series([entry.get("config", {}) for entry in entries], dtype=object),
            }
        )

    def damage(self, object_hash: str) -> str | None:
        """What is wrong with a stored object, as sentences; None when it is whole, each of its files with it."""
        path = self.path_of(object_hash)
        if path.is_symlink():
            return f"Stored object is expected to be a folder: {path}. Found: a symbolic link. Expected hash: {object_hash}."
        try:
            with os.scandir(path) as entries:
                files = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
            if MANIFEST not in files:
                raise FileNotFoundError
        except (FileNotFoundError, NotADirectoryError):
            return f"Stored object is missing: {path}. Expected hash: {object_hash}."
        if others := sorted(name for name, is_file in files.items() if not is_file):
            return f"Stored object holds what is no file: {path / others[0]}. Files are expected, no folders or links."
        try:
            manifest = json.loads((path / MANIFEST).read_text())
            expected = {name: (entry["sha256"], entry["content"]) for name, entry in manifest.items()}
            found = _object_hash({name: content for name, (_, content) in expected.items()})
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            return f"{path / MANIFEST} is damaged ({error})."
        if found != object_hash:
            return f"{path / MANIFEST} is damaged. Expected hash: {object_hash}, found: {found}."
        if foreign := sorted(files.keys() - expected.keys() - {MANIFEST}):
            return f"Stored object holds a file that is not its own: {path / foreign[0]}. Expected: {', '.join(expected)}."
        for name, (sha256, content) in expected.items():
            file = path / name
            if name not in files:
                return f"Stored file is missing: {file}. Expected SHA-256: {sha256}."
            if (is_now := sha256_of(file)) != sha256:
                return f"Stored file is damaged: {file}. Expected SHA-256: {sha256}, found: {is_now}."
            try:
                holds = content_of(file, sha256)
            except Exception as error:  # what reads a file that was tampered with raises what it likes
                return f"Stored file is damaged: {file}. Expected content: {content}, found: what cannot be read ({error})."
            if holds != content:
                return f"Stored file is damaged: {file}. Expected content: {content}, found: {holds}."
        return None

    def _set_aside(self, object_hash: str) -> None:
        """Move a damaged object out of the way, and say so: a warning, and a record in the ledger."""
        target, folder = self.path_of(object_hash), self.root / "damaged"
        folder.mkdir(exist_ok=True)
        with (folder / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another process may have replaced it meanwhile.
            if not os.path.lexists(target) or (wrong := self.damage(object_hash)) is None:
                return
            names = (f"{object_hash}-{n}" for n in itertools.count(1))
            kept = next(folder / name for name in names if not os.path.lexists(folder / name))
            target.rename(kept)
        self.ledger.append(
            {
                "kind": DAMAGE,
                "version": object_hash,
                "description": wrong,
                "kept": kept.relative_to(self.root).as_posix(),
                "time": time.time(),
                **provenance(),
            }
        )
        warnings.warn(
            f"A stored object was damaged and is replaced by one made anew. {wrong} The damaged one is kept: {kept}.",
            StoreWarning,
            stacklevel=3,
        )

    def _hinders(self, error: OSError) -> bool:
        """Whether an error says that this store cannot be written, and not that something else went wrong with a file."""
        if error.filename is None:
            return error.errno in FULL
        own = isinstance(error.filename, str | bytes) and Path(os.fsdecode(error.filename)).is_relative_to(self.root)
        return own and error.errno in FULL + FORBIDDEN


@dataclasses.dataclass(frozen=True)
class Draft:
    """A folder being filled; see `Store.draft`."""

    store: Store
    path: Path

    def commit(self) -> StoredObject:
        """Hash what the folder holds and rename it into place.

        An intact object with the same hash stays and the draft is dropped: objects never change. A damaged one is replaced and
        kept in the folder ``damaged``, with a `StoreWarning` and a record in the ledger. The rename is the last step, so a kill
        or a full disk leaves a draft, never half an object.
        """
        files = sorted(p for p in self.path.iterdir() if p.name != MANIFEST)
        if not files:
            raise ValueError("An object holds at least one file. Received: an empty draft.")
        if others := [f.name for f in files if f.is_symlink() or not f.is_file()]:
            raise ValueError(f"An object holds files, no folders or links. Received: {', '.join(others)}.")
        for file in files:
            _sync(file)
        sha256 = {f: sha256_of(f) for f in files}
        manifest = {f.name: {"content": content_of(f, sha256[f]), "sha256": sha256[f]} for f in files}
        object_hash = _object_hash({name: entry["content"] for name, entry in manifest.items()})
        (self.path / MANIFEST).write_bytes(canonical_json(manifest))
        _sync(self.path / MANIFEST)
        _sync(self.path)
        target = self.store.path_of(object_hash)
        target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(3):
            if self.store.damage(object_hash) is None:
                return StoredObject(object_hash, target)
            if os.path.lexists(target):
                self.store._set_aside(object_hash)
            try:
                self.path.rename(target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                continue  # another process was first: the next turn opens its object
            _sync(target.parent)
        return self.store.open(object_hash)


@contextlib.contextmanager
def _locked_folder(drafts: Path) -> Iterator[Path]:
    """A new folder whose file `LOCK` is locked as long as it is there.

    Another process may take it for an orphan before it is locked, and remove it; then there is another.
    """
    while True:
        folder = Path(tempfile.mkdtemp(dir=drafts))
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
                undo.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(lock), (folder / LOCK).stat()):
                    undo.pop_all()
                    break
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_orphans(drafts: Path) -> None:
    """Remove the drafts of processes that are gone, whose locks are free; what cannot be removed stays.

    The lock is created where there is none, so that whoever makes a draft and whoever removes it contend for one and the same file.
    """
    for folder in drafts.iterdir():
        if folder.name.startswith("damaged-"):  # a damaged object, kept by an older version
            continue
        try:
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def _version_of(record: dict[str, Any]) -> tuple[str, str, str]:
    return record["asset"], record["partition"], record["version"]


def _schema_hash(table: TableReader) -> str:
    return hashlib.sha256("".join(f"{field.name}: {field.type}\n" for field in table.schema).encode()).hexdigest()


def _object_hash(contents: dict[str, str | None]) -> str:
    return digest([canonical_json({name: h for name, h in contents.items() if h is not None})])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
