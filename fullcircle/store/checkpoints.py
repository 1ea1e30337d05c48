"""Checkpoints: what a ledger was at a time, in three lines to be kept where whoever writes the ledger cannot write.

Belongs here: writing them, holding a ledger against them, and the proof that one record is among those of a checkpoint.
Does not belong here: the tree (`merkle`), the signature (`signed_notes`), what the ledger shows by itself (`chain`).

A checkpoint is a note in the format of C2SP (c2sp.org/tlog-checkpoint): whose ledger it is, how many lines it had, the root of the
Merkle tree over them; and, as an extension line, when that was. A proof is the record's line, and under it the format
c2sp.org/tlog-proof: the number of the line, counted from 0, the hashes from it to the root, and a checkpoint. Both are verified
without this package: docs/ledger.md has the script.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import re
from collections.abc import Mapping
from pathlib import Path

from fullcircle.core.settings import SettingsError
from fullcircle.store.chain import examine, lines, roots_of
from fullcircle.store.files import whole_file
from fullcircle.store.merkle import inclusion_proof, leaf_hash, root
from fullcircle.store.signed_notes import NoteError, PrivateKey, PublicKey, signed, split, verified

UNSIGNED = "fullcircle-ledger"
"""In place of the name of a key, in a checkpoint that nobody signed."""

SUFFIX = ".checkpoint"
PROOF = "c2sp.org/tlog-proof@v1"
TIME = "time "


class CheckpointError(SettingsError):
    """A checkpoint cannot be made or read. The message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a ledger was.

    Attributes:
        origin: whose it is: the name of the key that signs.
        size: number of lines.
        root: of the Merkle tree over them, 32 bytes.
        time: when it was written, ``2026-01-31T23:59:00Z``; empty where it does not say.
    """

    origin: str
    size: int
    root: bytes
    time: str = ""

    def text(self) -> str:
        """The lines that are signed."""
        time = f"{TIME}{self.time}\n" if self.time else ""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n{time}"

    def note(self, key: PrivateKey | None) -> str:
        """The checkpoint as it is kept, signed or not."""
        return f"{self.text()}\n" if key is None else signed(self.text(), key)

    @staticmethod
    def parse(text: str) -> Checkpoint:
        """The checkpoint of these lines.

        Raises:
            CheckpointError: when they are none.
        """
        found = re.fullmatch(r"(\S[^\n]*)\n(0|[1-9][0-9]*)\n([A-Za-z0-9+/]{43}=)\n((?:[^\n]+\n)*)", text)
        if found is None:
            raise CheckpointError("The lines of a checkpoint are expected: a name, a number of lines, a root in base64.")
        origin, size, encoded, more = found.groups()
        times = [line.removeprefix(TIME) for line in more.split("\n") if line.startswith(TIME)]
        return Checkpoint(origin, int(size), base64.b64decode(encoded), times[0] if times else "")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What holding a ledger against a checkpoint gave.

    Attributes:
        name: of the checkpoint's file.
        checkpoint: what it says.
        fault: what is wrong with the ledger and where, as sentences; None when the ledger only grew since.
    """

    name: str
    checkpoint: Checkpoint
    fault: str | None


def checkpoint_of(ledger: Path, origin: str, *, despite_faults: bool = False) -> Checkpoint:
    """What a ledger is now.

    Args:
        ledger: the file.
        origin: whose it is.
        despite_faults: also if the ledger shows by itself that it was changed, for whoever knows how that came about. The faults
            stay: only what becomes of the ledger from now on is held.

    Raises:
        CheckpointError: when it has no lines, or shows that it was changed: a checkpoint must not cover that unseen.
    """
    found = examine(ledger)
    if found.faults and not despite_faults:
        first = found.faults[0]
        raise CheckpointError(
            f"No checkpoint was made: {ledger} is not as it was written. Line {first.line}: {first.text} "
            "`fullcircle audit verify` names all faults. Restore the ledger from a copy that agrees with the last checkpoint; "
            "or, where it is known how that came about, go on from here with --despite-faults."
        )
    if not found.size:
        raise CheckpointError(
            f"A ledger with at least one line is expected: {ledger}. Received: none. Make something: make run"
        )
    now = datetime.datetime.now(datetime.UTC)
    return Checkpoint(origin, found.size, found.root, f"{now:%Y-%m-%dT%H:%M:%SZ}")


def write_checkpoint(ledger: Path, to: Path, key: PrivateKey | None = None, *, despite_faults: bool = False) -> Path:
    """Write what a ledger is now to a file, or to a new file of a folder.

    A checkpoint that is there already is only replaced, and one only put beside others, when the ledger extends it: a key must
    never sign two histories.

    Args:
        ledger: the file.
        to: a file, or a folder that is there.
        key: that signs; None for a checkpoint that nobody signs.
        despite_faults: as in `checkpoint_of`.

    Returns:
        The file.

    Raises:
        CheckpointError: when there is nothing to write, or it cannot be written, or the ledger does not extend one that is there.
    """
    checkpoint = checkpoint_of(ledger, key.name if key else UNSIGNED, despite_faults=despite_faults)
    there = {path.name: read_checkpoint(path, None) for path in _files(to)} if to.exists() else {}
    for verdict in hold(ledger, there):
        if verdict.fault:
            raise CheckpointError(
                f"No checkpoint was written: the ledger {ledger} does not extend the one in {to}. {verdict.fault} "
                "Find out what became of the ledger; to begin anew, name another place with --to."
            )
    name = f"ledger-{checkpoint.size:09}-{checkpoint.root.hex()[:8]}{SUFFIX}"
    path = to / name if to.is_dir() else to
    write_text(path, checkpoint.note(key))
    return path


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        CheckpointError: when it cannot be written.
    """
    try:
        with whole_file(path) as file:
            file.write_text(text)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror or error}. Name another place with --to.") from error


def read_checkpoint(path: Path, key: PublicKey | None) -> Checkpoint:
    """The checkpoint of a file.

    Args:
        path: the file.
        key: that must have signed it; None to take what the file says, because nobody else could write it.

    Raises:
        CheckpointError: when there is none, or it is not signed as it should be.
    """
    try:
        note = path.read_text()
        text = split(note)[0] if key is None else verified(note, key)
        found = Checkpoint.parse(text)
    except OSError as error:
        raise CheckpointError(f"A checkpoint is expected: {path}. It cannot be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, NoteError, CheckpointError) as error:
        why = "It is no text." if isinstance(error, UnicodeDecodeError) else error
        raise CheckpointError(f"{path} is not used as a checkpoint. {why}") from error
    if key is not None and found.origin != key.name:
        raise CheckpointError(
            f"{path} is expected to be of the ledger {key.name}, whose key signed it. Received: one of {found.origin}."
        )
    return found


def read_checkpoints(place: Path, key: PublicKey | None) -> dict[str, Checkpoint]:
    """The checkpoint of a file, or all of a folder, by the name of the file; raises as `read_checkpoint` does.

    Raises:
        CheckpointError: when a folder has none.
    """
    found = {path.name: read_checkpoint(path, key) for path in _files(place)}
    if not found:
        raise CheckpointError(
            f"A checkpoint, a file *{SUFFIX}, is expected in {place}. Received: none. "
            f"Write one with: fullcircle audit checkpoint --to {place}"
        )
    return found


def hold(ledger: Path, checkpoints: Mapping[str, Checkpoint]) -> list[Verdict]:
    """Hold a ledger against checkpoints: it extends one if its first lines, as many as that says, have the root that it says.

    Args:
        ledger: the file.
        checkpoints: by name.

    Returns:
        A verdict for each, from the smallest.
    """
    size, roots = roots_of(ledger, {checkpoint.size for checkpoint in checkpoints.values()})
    in_order = sorted(checkpoints.items(), key=lambda item: (item[1].size, item[0]))
    good = [name for name, checkpoint in in_order if roots.get(checkpoint.size) == checkpoint.root]
    last_good = max((checkpoints[name].size for name in good), default=0)
    bad = [checkpoint.size for name, checkpoint in in_order if name not in good and checkpoint.size > last_good]
    verdicts = []
    for name, checkpoint in in_order:
        then = f"{name}{f' of {checkpoint.time}' if checkpoint.time else ''}"
        fault = None
        if name not in good and checkpoint.size <= last_good:
            fault = (
                f"{then} is of another ledger: this one has other first {checkpoint.size} lines, and agrees with "
                f"{next(n for n in good if checkpoints[n].size == last_good)}, which has more."
            )
        elif name not in good:
            fault = (
                f"{then} has {checkpoint.size} lines, the ledger {size}: at least {checkpoint.size - size} were removed."
                if checkpoint.size > size
                else f"{then} has other first {checkpoint.size} lines: some were edited, removed, inserted or moved since."
            )
            fault += f" The first difference lies {_between(last_good, min(bad), size)}."
        verdicts.append(Verdict(name, checkpoint, fault))
    return verdicts


def prove(ledger: Path, number: int, key: PrivateKey | None = None, *, despite_faults: bool = False) -> str:
    """The proof that a record is in the ledger: its line, the hashes from it to the root, and a checkpoint.

    Args:
        ledger: the file.
        number: of the line, from 1.
        key: that signs the checkpoint; None for one that nobody signs.
        despite_faults: as in `checkpoint_of`.

    Raises:
        CheckpointError: as `checkpoint_of` does.
    """
    checkpoint = checkpoint_of(ledger, key.name if key else UNSIGNED, despite_faults=despite_faults)
    leaves, line = list[bytes](), b""
    for line_now in lines(ledger):
        if len(leaves) == checkpoint.size:
            break
        leaves.append(leaf_hash(line_now[:-1]))
        if len(leaves) == number:
            line = line_now
    if root(leaves) != checkpoint.root:
        raise CheckpointError(f"No proof was made: {ledger} changed while it was read. Run again.")
    hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in inclusion_proof(leaves, number - 1))
    return f"{line.decode()}{PROOF}\nindex {number - 1}\n{hashes}\n{checkpoint.note(key)}"


def _between(good: int, bad: int, size: int) -> str:
    """Where the first difference is, behind the first `good` lines that agree and not behind the first `bad` that do not."""
    if bad > size:
        return f"behind line {good}" if good else "anywhere"
    return f"in lines {good + 1} to {bad}" if good + 1 < bad else f"in line {bad}"


def _files(place: Path) -> list[Path]:
    return sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place]
