"""The chain of the ledger's lines, and going through all of them to see whether any was changed.

Belongs here: the link by which a line holds the one before it, and reading a whole ledger against these links and a Merkle tree.
Does not belong here: appending (`ledger`), looking up (`ledger_index`, which is not trusted here), what is kept outside
(`checkpoints`).

Every line that is written has "previous", the hash of the line before it as a leaf of a Merkle tree (`merkle.leaf_hash`), null in
the first line. So a line that was edited, removed, inserted or moved does not agree with the line behind it. Lines of schema 1 have
no link: the first one behind them is of the kind ``chain``, with their number and the root of the tree over them, which holds
them as they were then. They stay as they are, and the ledger needs no other migration.

Who can write the file can also write all later lines anew, with other links, or cut the last lines off. Only something outside of
the ledger shows that: a checkpoint.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

from fullcircle.store.hashing import canonical_json
from fullcircle.store.ledger_records import CHAIN, SCHEMA, LedgerError, NewerRecordError, Record, kind_of, parse
from fullcircle.store.merkle import Tree, leaf_hash


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that is wrong with a line.

    Attributes:
        line: its number, from 1.
        text: what is wrong and what that means, as sentences.
    """

    line: int
    text: str


@dataclasses.dataclass(frozen=True)
class Examined:
    """A ledger that was read from the first line to the last.

    Attributes:
        size: number of lines; a last one that is unfinished does not count.
        root: of the Merkle tree over them.
        unlinked: how many lines of schema 1 it begins with, which only the line behind them holds.
        unfinished: bytes of a last line without an end, which a process is writing or was killed at.
        faults: in the order of the lines.
    """

    size: int
    root: bytes
    unlinked: int
    unfinished: int
    faults: tuple[Fault, ...]


def linked(record: Record, last: bytes | None) -> bytes:
    """The line of a record that follows `last`, a line without its end; None where it is the first."""
    previous = None if last is None else leaf_hash(last).hex()
    return canonical_json({**record, "previous": previous}) + b"\n"


def is_linked(line: bytes) -> bool:
    """Whether a line holds the one before it; one that is no record does not.

    Raises:
        NewerRecordError: when it is of a newer schema.
    """
    try:
        return "previous" in parse(line)
    except NewerRecordError:
        raise
    except ValueError:
        return False


def beginning(file: IO[bytes]) -> Record:
    """The record that is put behind lines without links."""
    tree = Tree()
    for line in file:
        tree.add(leaf_hash(line[:-1]))
    return {"kind": CHAIN, "schema": SCHEMA, "size": tree.size, "root": tree.root().hex(), "time": time.time()}


def lines(path: Path) -> Iterator[bytes]:
    """Every line with its end, which the last lacks while it is unfinished; nothing where there is no ledger."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        yield from file


def roots_of(path: Path, sizes: Collection[int]) -> tuple[int, dict[int, bytes]]:
    """Number of lines, and the roots of the trees over the first so many, for the sizes that are reached.

    Lines are hashed and not looked into: a tenth of the time of `examine`.
    """
    tree, roots = Tree(), dict[int, bytes]()
    if 0 in sizes:
        roots[0] = tree.root()
    for line in lines(path):
        if not line.endswith(b"\n"):
            break
        tree.add(leaf_hash(line[:-1]))
        if tree.size in sizes:
            roots[tree.size] = tree.root()
    return tree.size, roots


def examine(path: Path) -> Examined:
    """Read all lines of a ledger and find those that are not as they were written, as far as the ledger itself shows it.

    Memory does not grow with the ledger.

    Args:
        path: of the ledger.

    Raises:
        LedgerError: when a line is of a newer schema.
    """
    tree, faults, last, unlinked, unfinished = Tree(), list[Fault](), b"", None, 0
    for line in lines(path):
        if not line.endswith(b"\n"):
            unfinished = len(line)
            break
        number = tree.size + 1
        try:
            record = parse(line)
        except NewerRecordError as error:
            raise LedgerError(f"{path}, line {number}: {error}") from error
        except ValueError as error:
            faults.append(Fault(number, f"It is no record. {error}"))
        else:
            if "previous" in record and unlinked is None:
                unlinked = tree.size
            if wrong := _wrong(record, tree, last, unlinked):
                faults.append(Fault(number, wrong))
        last = leaf_hash(line[:-1])
        tree.add(last)
    return Examined(tree.size, tree.root(), tree.size if unlinked is None else unlinked, unfinished, tuple(faults))


def _wrong(record: Record, before: Tree, last: bytes, unlinked: int | None) -> str | None:
    """What is wrong with the link of a record behind the lines of a tree, the last of which has the hash `last`."""
    if "previous" not in record:
        if "schema" in record:
            return "It has no link to the line before, which every record of its schema is written with: it was edited."
        if unlinked is not None:
            return "It has no link to the line before, unlike lines above: it was inserted, or an older version wrote it."
        return None
    if kind_of(record) == CHAIN and (record["size"], record["root"]) != (before.size, before.root().hex()):
        return "The lines above it are others than when it was written: some were edited, removed, inserted or moved."
    previous: Any = record["previous"]
    if before.size == 0:
        return None if previous is None else "It is the first line and follows another: lines before it were removed."
    if previous != last.hex():
        where = f"line {before.size}"
        return f"It does not follow {where}: {where} was edited, or lines were removed, inserted or moved just above."
    if before.size == unlinked and kind_of(record) != CHAIN:
        return f"It has a link, and no record says what the {unlinked} lines before it were: that record was removed."
    return None
