"""How a champion or any other version was made, as an in-toto statement with SLSA's provenance of a build.

Belongs here: the fields of ``https://in-toto.io/Statement/v1`` and ``https://slsa.dev/provenance/v1``, and what of a record goes
into which of them. A statement is not signed here: put it into an envelope with the tool that your keys are kept for.

Of inputs and products the SHA-256 of every file is named, by which anybody verifies them; the version, a hash of what they
hold, stands beside it. What is not on record is left out.
"""

from __future__ import annotations

import argparse
import datetime
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

from fullcircle.exports.format import Format, Written, add_to, text_file
from fullcircle.exports.models import Champion, champion, making
from fullcircle.lineage.code import commit_of
from fullcircle.lineage.history import History, Input, Made
from fullcircle.models.stored import TRAINING
from fullcircle.store.champions import FILE, decides_champions
from fullcircle.store.hashing import TIMING
from fullcircle.store.objects import MANIFEST, Store, StoredObject

STATEMENT, PROVENANCE = "https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1"

URN = "urn:fullcircle"
"""What the names begin with that SLSA wants as an address: no page is behind them."""


def statement(store: Store, history: History, of: Made) -> dict[str, Any]:
    """The statement of a version; of a champion that of its models, with the decision beside them.

    Args:
        store: has the files.
        history: of its ledger.
        of: the version.

    Raises:
        SettingsError: when it is a decision that made no model champion.
        StoredObjectError: when a file that it is about is not whole.
    """
    found = champion(store, history, of) if decides_champions(of.asset) else Champion(of, {of.asset: making(history, of)}, None)
    objects = {asset: store.open(made.version, f"{asset} ({made.partition})") for asset, made in found.models.items()}
    last = found.of if found.decision is not None else found.first
    own = {made.version for made in found.models.values()}
    inputs = {(i.asset, i.partition, i.version): i for made in found.models.values() for i in history.inputs(made)}
    return {
        "_type": STATEMENT,
        "subject": [file for asset, made in found.models.items() for file in _files(made, objects[asset])],
        "predicateType": PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": f"{URN}:build:{of.asset}",
                "externalParameters": {
                    "partition": of.partition,
                    "assets": {
                        asset: _known(settings=dict(made.config), seed=made.entry.get("seed", made.config.get("seed")))
                        for asset, made in found.models.items()
                    },
                },
                "internalParameters": {
                    asset: _known(
                        codeVersion=made.entry.get("code_version"),
                        libraries=made.entry.get("libraries"),
                        python=made.entry.get("python"),
                        machine=made.entry.get("machine"),
                        runId=made.entry["run_id"],
                    )
                    for asset, made in found.models.items()
                },
                "resolvedDependencies": [
                    *_commits(found),
                    *(file for i in inputs.values() if i.version not in own for file in _dependency(store, i)),
                ],
            },
            "runDetails": {
                "builder": {"id": f"{URN}:machine:{last.entry.get('machine', {}).get('host', 'not-on-record')}"},
                "metadata": _known(
                    invocationId=last.entry["run_id"],
                    startedOn=_started(found, objects),
                    finishedOn=_time(last.entry.get("time")),
                ),
                **_byproducts(store, found),
            },
        },
    }


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _sha256(stored: StoredObject) -> dict[str, str]:
    return {name: entry["sha256"] for name, entry in stored.json(MANIFEST).items()}


def _uri(asset: str, version: str) -> str:
    return f"{URN}:{urllib.parse.quote(asset)}@{version}"


def _files(made: Made, stored: StoredObject) -> Iterator[dict[str, Any]]:
    for name, sha256 in _sha256(stored).items():
        yield {
            "name": f"{made.asset}/{name}",
            "uri": _uri(made.asset, made.version),
            "digest": {"sha256": sha256},
            "annotations": {"asset": made.asset, "partition": made.partition, "version": made.version},
        }


def _dependency(store: Store, of: Input) -> Iterator[dict[str, Any]]:
    """The files of an input, as its record has them, else the store; of what lies outside, or was removed, its version alone."""
    stored = StoredObject(of.version, store.path_of(of.version))
    files: dict[str, str] = of.made.entry.get("files", {}) if of.made is not None else {}
    if not files and stored.file(MANIFEST).exists():
        files = _sha256(stored)
    about = {
        "uri": _uri(of.asset, of.version),
        "annotations": {"asset": of.asset, "partition": of.partition, "version": of.version},
    }
    if not files:
        yield {"name": of.asset, **about}
    for name, sha256 in files.items():
        yield {"name": f"{of.asset}/{name}", **about, "digest": {"sha256": sha256}}


def _commits(found: Champion) -> Iterator[dict[str, Any]]:
    """The commits by which the models were made, each once."""
    for commit in {str(c): c for made in found.models.values() if (c := commit_of(made)) is not None}.values():
        changes = {"changesSha256": commit["changes"]} if commit.get("changes") else {}
        yield {
            "name": "source code",
            "uri": f"{URN}:source",
            "digest": {"gitCommit": commit["hash"]},
            "annotations": {"uncommittedChanges": bool(commit.get("dirty")), **changes},
        }


def _started(found: Champion, objects: dict[str, StoredObject]) -> str | None:
    """When the first training began: the end on record less the seconds that it took; None where either is missing."""
    begun = []
    for asset, made in found.models.items():
        file = objects[asset].file(TRAINING)
        seconds = json.loads(file.read_text()).get(TIMING, {}).get("seconds") if file.exists() else None
        if seconds is None or "time" not in made.entry:
            return None
        begun.append(made.entry["time"] - seconds)
    return _time(min(begun))


def _byproducts(store: Store, found: Champion) -> dict[str, Any]:
    if found.decision is None:
        return {}
    stored = StoredObject(found.of.version, store.path_of(found.of.version))
    annotations = _known(
        outcome=found.decision.outcome,
        reason=found.decision.reason,
        time=_time(found.of.entry.get("time")),
        askedBy=found.of.entry.get("asked_by"),
    )
    decision = {
        "name": f"{found.of.asset}/{FILE}",
        "uri": _uri(found.of.asset, found.of.version),
        "digest": {"sha256": _sha256(stored)[FILE]},
        "mediaType": "application/json",
        "annotations": annotations,
    }
    return {"byproducts": [decision]}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "version",
        metavar="ASSET[@VERSION]",
        help="drawings/champion or drawings/encoder@f5ef; without @VERSION the one that is served",
    )
    parser.add_argument("--partition", metavar="NAME", help="drawing class or picture source, where there are several")
    add_to(parser)


def _write(arguments: argparse.Namespace) -> Written:
    store = Store(arguments.store)
    history = History.of(store)
    made = statement(store, history, history.find(arguments.version, arguments.partition))
    with text_file(arguments.to) as file:
        json.dump(made, file, indent=1)
        file.write("\n")
    build = made["predicate"]["buildDefinition"]
    return Written(arguments.to, {"subjects": len(made["subject"]), "dependencies": len(build["resolvedDependencies"])})


IN_TOTO = Format("in-toto", "how a champion was made: a statement with SLSA's provenance", _add_arguments, _write)
