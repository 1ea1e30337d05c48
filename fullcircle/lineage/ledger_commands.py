"""The commands of the audit that work on the ledger as a file: keys, checkpoints, proofs.

Belongs here: their arguments, and what each prints.
Does not belong here: what a checkpoint is (`store.checkpoints`), following records to what they were made from.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fullcircle.core.settings import SettingsError
from fullcircle.store.ledger_records import MATERIALIZATION, kind_of, records_in
from fullcircle.store.objects import Store

if TYPE_CHECKING:
    from fullcircle.store.checkpoints import Verdict

Commands = Any
"""What `argparse` gives for the commands of a command, which has no public name."""

STDOUT = "-"


def add_ledger_commands(commands: Commands) -> None:
    """Add ``key``, ``checkpoint`` and ``prove`` to the commands of ``fullcircle audit``.

    Args:
        commands: what ``add_subparsers`` of its parser gave. Each command sets `run`, a function of the arguments that returns the
            exit code; the arguments have `store`, the folder.
    """
    key = commands.add_parser("key", help="a new key that signs checkpoints, and beside it the one that verifies them")
    key.set_defaults(run=_key)
    key.add_argument("--to", required=True, type=Path, metavar="FILE", help="new; the public key comes to FILE.pub")
    key.add_argument("--name", help="in every signature, such as example.com/ledger; without it one that no other key has")
    checkpoint = commands.add_parser(
        "checkpoint", help="what the ledger is now, in three lines to keep where nobody who writes the ledger can write"
    )
    checkpoint.set_defaults(run=_checkpoint)
    checkpoint.add_argument("--to", default=STDOUT, metavar="FILE", help="a file, or a folder that is there; - for stdout")
    prove = commands.add_parser(
        "prove", help="the proof that a version's record is in the ledger; verified without this program"
    )
    prove.set_defaults(run=_prove)
    prove.add_argument("version", metavar="ASSET[@VERSION]", help="drawings/encoder@c0ffee; without a version the last one")
    prove.add_argument("--partition", help="drawing class or picture source")
    prove.add_argument("--to", default=STDOUT, metavar="FILE", help="- for stdout")
    for parser in (checkpoint, prove):
        parser.add_argument("--key", type=Path, metavar="FILE", help="that signs it; see `fullcircle audit key`")
        parser.add_argument(
            "--despite-faults",
            action="store_true",
            help="although the ledger was changed, which stays on record: it is known how",
        )
    for parser in (key, checkpoint, prove):
        parser.add_argument("--json", action="store_true", help="print JSON")


def add_against(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `against` to ``fullcircle audit verify``."""
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="a checkpoint that the ledger must extend, or a folder of them"
    )
    parser.add_argument("--public-key", metavar="KEY", help="that must have signed it: as text, or a file")
    parser.add_argument(
        "--unsigned", action="store_true", help="believe what --against says, for nobody who writes the ledger can write there"
    )


def against(store: Store, place: Path, public_key: str | None, unsigned: bool) -> list[Verdict]:
    """Hold a store's ledger against a checkpoint, or a folder of them.

    Args:
        store: whose ledger.
        place: the file or the folder.
        public_key: that must have signed each; as text, or the name of a file.
        unsigned: whether they are believed without a signature.

    Raises:
        CheckpointError: when one cannot be read or is not signed by that key.
        SettingsError: when neither a key nor `unsigned` is given.
    """
    from fullcircle.store.checkpoints import hold, read_checkpoints
    from fullcircle.store.signed_notes import read_public_key

    if (public_key is None) != unsigned:
        raise SettingsError(
            "With --against, either --public-key is expected, of the key that signed, or --unsigned, if nobody who writes the "
            f"ledger can write there. Received: {'both' if unsigned else 'neither'}."
        )
    key = None if public_key is None else read_public_key(public_key)
    return hold(store.ledger.path, read_checkpoints(place, key))


def verdict_text(verdict: Verdict) -> str:
    """What is printed of a verdict, one line."""
    checkpoint = verdict.checkpoint
    then = f" of {checkpoint.time}" if checkpoint.time else ""
    return verdict.fault or f"The ledger extends {verdict.name}{then}: its first {checkpoint.size} lines are the same."


def line_of(store: Store, asset: str, version: str | None = None, partition: str | None = None) -> int:
    """The number of the line, from 1, that records a version, the last such line where there are several.

    The whole ledger is read, not its index.

    Args:
        store: whose ledger.
        asset: ``drawings/encoder``.
        version: the beginning of its hash; None for the last version.
        partition: drawing class or picture source; None where only one is meant anyway.

    Raises:
        SettingsError: when there is none, or several partitions have one; it lists what there is.
        LedgerError: at a line that is no record.
    """
    assets, versions, found = set[str](), list[str](), dict[str, int]()
    if store.ledger.path.exists():
        with store.ledger.path.open("rb") as file:
            for number, _, _, record in records_in(file, store.ledger.path):
                if kind_of(record) != MATERIALIZATION:
                    continue
                assets.add(record["asset"])
                if record["asset"] != asset or partition not in (None, record["partition"]):
                    continue
                versions.append(record["version"])
                if record["version"].startswith(version or ""):
                    found[record["partition"]] = number
    if len(found) > 1:
        raise SettingsError(
            f"One partition of {asset} is expected. Received: none, and there are {', '.join(sorted(found))}. "
            "Name one with --partition, or a longer version."
        )
    if found:
        return next(iter(found.values()))
    if asset not in assets:
        known = difflib.get_close_matches(asset, assets, cutoff=0.4) or sorted(assets)
        raise SettingsError(f"An asset of the ledger is expected. Received: {asset!r}. Nearest: {', '.join(known) or 'none'}.")
    where = f"{asset} ({partition})" if partition else asset
    near = difflib.get_close_matches(version or "", dict.fromkeys(v[:12] for v in versions), cutoff=0) or ["none"]
    raise SettingsError(f"A version of {where} is expected. Received: {version!r}. Nearest: {', '.join(near)}.")


def _key(arguments: argparse.Namespace) -> int:
    from fullcircle.store.signed_notes import PrivateKey, write_key

    key = PrivateKey.new(arguments.name)
    public = write_key(arguments.to, key)
    if arguments.json:
        print(json.dumps({"file": str(arguments.to), "public_file": str(public), "public_key": key.public.text()}, indent=1))
    else:
        print(
            f"{key.public.text()}\n\nThe line above verifies; it stands in {public} too. {arguments.to} signs: keep it secret."
        )
    return 0


def _checkpoint(arguments: argparse.Namespace) -> int:
    from fullcircle.store.checkpoints import UNSIGNED, checkpoint_of, read_checkpoint, write_checkpoint
    from fullcircle.store.signed_notes import read_private_key

    ledger, key = Store(arguments.store).ledger.path, read_private_key(arguments.key) if arguments.key else None
    path = None
    if arguments.to == STDOUT:
        checkpoint = checkpoint_of(ledger, key.name if key else UNSIGNED, despite_faults=arguments.despite_faults)
    else:
        path = write_checkpoint(ledger, Path(arguments.to), key, despite_faults=arguments.despite_faults)
        checkpoint = read_checkpoint(path, key.public if key else None)
    if arguments.json:
        shown = {"size": checkpoint.size, "root": checkpoint.root.hex(), "time": checkpoint.time, "origin": checkpoint.origin}
        print(json.dumps({**shown, "file": path and str(path), "note": checkpoint.note(key)}, indent=1))
    elif path is None:
        sys.stdout.write(checkpoint.note(key))
    else:
        print(f"{path}: {checkpoint.size} lines, {f'signed by {key.name}' if key else 'not signed'}")
    return 0


def _prove(arguments: argparse.Namespace) -> int:
    from fullcircle.store.checkpoints import prove, write_text
    from fullcircle.store.signed_notes import read_private_key

    store = Store(arguments.store)
    asset, _, version = arguments.version.partition("@")
    number = line_of(store, asset, version or None, arguments.partition)
    key = read_private_key(arguments.key) if arguments.key else None
    proof = prove(store.ledger.path, number, key, despite_faults=arguments.despite_faults)
    if arguments.to != STDOUT:
        write_text(Path(arguments.to), proof)
    if arguments.json:
        print(json.dumps({"line": number, "file": None if arguments.to == STDOUT else arguments.to, "proof": proof}, indent=1))
    elif arguments.to == STDOUT:
        sys.stdout.write(proof)
    else:
        print(f"{arguments.to}: the proof of line {number}")
    return 0
