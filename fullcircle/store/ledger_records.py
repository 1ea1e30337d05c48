"""The ledger's records: which kinds there are, what each must hold, and reading one from its line.

Belongs here: the rules that a single record must keep, and the rule which versions may be used.
Does not belong here: finding a record (`ledger_index`), writing one (`ledger`).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

MATERIALIZATION, CHECK, DAMAGE, PRUNE, CHAIN = "materialization", "check", "damage", "prune", "chain"

SCHEMA = 2
"""Of the records that this version writes. Those of 1 do not name theirs; they have no link to the line before either."""

Record = dict[str, Any]


class StoreError(OSError):
    """The store cannot be written. The message names the path, the cause and what to do; `errno` is that of the cause."""


class LedgerError(RuntimeError):
    """A line of the ledger is no record. The message names the file and the line, what was found and what to do."""


class NewerRecordError(ValueError):
    """A record was written by a newer version of Full Circle."""


class StoreWarning(UserWarning):
    """Something in the store was damaged and has been mended. The message says what, and where the damaged part is kept."""


def _text(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()  # half of a surrogate pair is legal in JSON, and nowhere else
    except UnicodeEncodeError:
        return False
    return True


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _texts_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _sha256_or_null(value: Any) -> bool:
    return value is None or _sha256(value)


def _mapping_or_null(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _mappings_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_mapping, value.values()))


EXPECTED: dict[Callable[[Any], bool], str] = {
    _text: "text",
    _number: "a number",
    _flag: "true or false",
    _texts: "a list of texts",
    _mapping: "an object",
    _texts_by_name: "an object of texts",
    _whole: "a whole number, 0 or more",
    _sha256: "64 hexadecimal digits",
    _sha256_or_null: "64 hexadecimal digits, or null",
    _mapping_or_null: "an object, or null",
    _mappings_by_name: "an object of objects",
}

_OF_ASSET: dict[str, Callable[[Any], bool]] = {"asset": _text, "partition": _text, "version": _text, "run_id": _text}
REQUIRED: dict[str, dict[str, Callable[[Any], bool]]] = {
    MATERIALIZATION: _OF_ASSET,
    CHECK: _OF_ASSET | {"check": _text, "passed": _flag, "blocking": _flag, "description": _text, "time": _number},
    DAMAGE: {"version": _text, "description": _text, "kept": _text, "time": _number},
    PRUNE: {"versions": _texts, "bytes": _number, "time": _number, "by": _text},
    CHAIN: {"size": _whole, "root": _sha256, "time": _number},
}
"""The fields that a record of each kind must have. Further fields are kept as they are."""

COMMON: dict[str, Callable[[Any], bool]] = {
    "schema": _whole,
    "previous": _sha256_or_null,
    "commit": _mapping_or_null,
    "python": _text,
    "machine": _mapping,
}
"""The fields that a record of any kind may have: `Ledger.append` and `provenance` give them."""

OPTIONAL: dict[str, dict[str, Callable[[Any], bool]]] = {
    MATERIALIZATION: {
        "time": _number,
        "config": _mapping,
        "read": _texts_by_name,
        "code_version": _text,
        "libraries": _texts_by_name,
        "blocking": _texts,
        "asked_by": _text,
        "seed": _whole,
        "files": _texts_by_name,
        "tables": _mappings_by_name,
    },
    CHECK: {"asked_by": _text},
}
"""The fields that a record of each kind may have, or that those of older versions lack."""


def kind_of(record: Mapping[str, Any]) -> Any:
    """The kind of a record; lines of older versions name none and are materialisations."""
    return record.get("kind", MATERIALIZATION)


def rules_of(kind: str) -> dict[str, Callable[[Any], bool]]:
    """What every field that a record of a kind must have or may have is held to."""
    return COMMON | REQUIRED[kind] | OPTIONAL.get(kind, {})


def fault(record: Any) -> str | None:
    """What is wrong with a record, as a sentence; None when it keeps the rules of its kind.

    Raises:
        NewerRecordError: when it is of a schema that is not known here, whose rules may be others.
    """
    if not isinstance(record, dict):
        return f"A record is expected to be a JSON object. Received: {_shown(record)}."
    schema = record.get("schema", 1)
    if _whole(schema) and schema > SCHEMA:
        raise NewerRecordError(
            f"A record of schema {SCHEMA} or older is expected. Received: one of schema {schema}, which a newer version of Full "
            "Circle wrote. Use that version, or another store with FULLCIRCLE_STORE=FOLDER."
        )
    kind = kind_of(record)
    if not isinstance(kind, str) or kind not in REQUIRED:
        return (
            f"Unknown kind of record: {_shown(kind)}. Known are {', '.join(REQUIRED)}; "
            "a newer version of Full Circle may have written it and can read it."
        )
    if missing := REQUIRED[kind].keys() - record.keys():
        return f"A ledger entry needs {', '.join(sorted(missing))}. Received: {', '.join(record) or 'none'}."
    for name, keeps in rules_of(kind).items():
        if name in record and not keeps(record[name]):
            return f"{name} is expected to be {EXPECTED[keeps]}. Received: {_shown(record[name])}."
    return None


def parse(line: bytes) -> Record:
    """The record of a line.

    Raises:
        ValueError: when it is none, saying why.
        NewerRecordError: when it is of a newer schema.
    """
    try:
        record = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"It is no JSON ({error}): {_shown(line)}.") from error
    if wrong := fault(record):
        raise ValueError(wrong)
    return record


def records_in(file: IO[bytes], path: Path, offset: int = 0, number: int = 1) -> Iterator[tuple[int, int, bytes, Record]]:
    """Number, offset, line and record of every line from `offset` on, which is where line `number` begins.

    The last line is left out while it is unfinished, that is without a line's end: a process is writing it, or was killed at it.

    Raises:
        LedgerError: at a line that is no record.
    """
    file.seek(offset)
    for line in file:
        if not line.endswith(b"\n"):
            return
        try:
            record = parse(line)
        except NewerRecordError as error:
            raise LedgerError(f"{path}, line {number}: {error}") from error
        except ValueError as error:
            raise LedgerError(
                f"{path}, line {number}: {error} No line is passed over, so that no older version is used by mistake. Restore the "
                f"line from a copy, or remove it if what it records may be lost: sed -i.bak {number}d {shlex.quote(str(path))}"
            ) from error
        yield number, offset, line, record
        number += 1
        offset += len(line)


def withheld(entry: Mapping[str, Any], checks: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Why a version must not be used: the blocking check that failed or whose outcome is missing; None when it may be used.

    An entry names the checks that it must pass in "blocking". One that names none, of an older version, is withheld only when a
    blocking check on record failed. A check that failed without blocking has only warned.

    Args:
        entry: a materialisation.
        checks: the last record of each check of this asset, partition and version, by name.
    """
    for name in entry.get("blocking", sorted(checks)):
        found = checks.get(name)
        if found is None:
            return f"the outcome of its check {name} is not on record"
        if not found["passed"] and found["blocking"]:
            return f"its check {name} failed: {found['description']}"
    return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]}..."
