"""The documented JSON schema of the ledger's lines and the rules that the code keeps are the same."""

import json
import re
from pathlib import Path

import pytest

from fullcircle.store import ledger_records
from fullcircle.store.ledger import Ledger
from fullcircle.store.ledger_records import COMMON, MATERIALIZATION, OPTIONAL, REQUIRED, SCHEMA, fault
from fullcircle.store.provenance import provenance

DOCUMENTED = json.loads((Path(__file__).parents[3] / "docs" / "ledger.schema.json").read_text())

AS_SCHEMA = {
    ledger_records._text: {"type": "string"},
    ledger_records._number: {"type": "number"},
    ledger_records._flag: {"type": "boolean"},
    ledger_records._texts: {"type": "array", "items": {"type": "string"}},
    ledger_records._mapping: {"type": "object"},
    ledger_records._texts_by_name: {"type": "object", "additionalProperties": {"type": "string"}},
    ledger_records._whole: {"type": "integer", "minimum": 0},
    ledger_records._sha256: {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    ledger_records._sha256_or_null: {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
    ledger_records._mapping_or_null: {"type": ["object", "null"]},
    ledger_records._mappings_by_name: {"type": "object", "additionalProperties": {"type": "object"}},
}

TYPES = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def keeps(value, schema):
    """Whether a value keeps a schema: the words of JSON Schema that this one uses, and no others."""
    known = {"$schema", "title", "description", "type", "properties", "required", "oneOf", "const"}
    assert schema.keys() <= known | {"items", "additionalProperties", "pattern", "minimum", "maximum"}
    names = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", list(TYPES))
    if not any(isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names):
        return isinstance(value, bool) and "type" not in schema
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        others = [value[name] for name in value.keys() - properties.keys()]
        return (
            set(schema.get("required", ())) <= value.keys()
            and all(keeps(value[name], rule) for name, rule in properties.items() if name in value)
            and all(keeps(other, schema.get("additionalProperties", {})) for other in others)
            and ("oneOf" not in schema or sum(keeps(value, choice) for choice in schema["oneOf"]) == 1)
        )
    if isinstance(value, list):
        return all(keeps(item, schema.get("items", {})) for item in value)
    return (
        ("const" not in schema or value == schema["const"])
        and (not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None)
        and ("minimum" not in schema or value >= schema["minimum"])
        and ("maximum" not in schema or value <= schema["maximum"])
    )


def plain(properties):
    """Properties without their descriptions, of which none may be missing."""
    assert all(rule["description"].endswith(".") for rule in properties.values())
    return {name: {word: v for word, v in rule.items() if word != "description"} for name, rule in properties.items()}


def test_the_schema_is_that_of_the_rules():
    common = {name: AS_SCHEMA[rule] for name, rule in COMMON.items()}
    common["schema"] = common["schema"] | {"maximum": SCHEMA}
    assert plain(DOCUMENTED["properties"]) == common
    assert DOCUMENTED["type"] == "object"
    by_kind = {choice["properties"]["kind"]["const"]: choice for choice in DOCUMENTED["oneOf"]}
    assert list(by_kind) == list(REQUIRED)
    for kind, choice in by_kind.items():
        rules = REQUIRED[kind] | OPTIONAL.get(kind, {})
        named = set(REQUIRED[kind]) | (set() if kind == MATERIALIZATION else {"kind"})
        assert set(choice["required"]) == named
        assert plain(choice["properties"]) == {"kind": {"const": kind}} | {n: AS_SCHEMA[rule] for n, rule in rules.items()}


MADE = {"asset": "a", "partition": "b", "version": "c", "run_id": "d"}
CHECKED = MADE | {"kind": "check", "check": "e", "passed": True, "blocking": True, "description": "f", "time": 1.5}
RECORDS = [
    MADE,
    MADE | {"kind": "materialization", "time": 1, "config": {"n": [1]}, "read": {"x": "y"}, "blocking": ["e"], "note": 1},
    MADE | {"seed": 1, "files": {"a.json": "b"}, "tables": {"a.parquet": {"rows": 1}}, "asked_by": "anna"},
    CHECKED,
    {"kind": "damage", "version": "c", "description": "f", "kept": "g", "time": 1},
    {"kind": "prune", "versions": ["c"], "bytes": 1, "time": 1, "by": "anna"},
    {"kind": "chain", "size": 1, "root": "0" * 64, "time": 1},
]
BAD = [
    {},
    {"asset": "a"},
    MADE | {"version": 3},
    MADE | {"kind": "promotion"},
    MADE | {"time": "now"},
    MADE | {"time": True},
    MADE | {"seed": 1.5},
    MADE | {"seed": -1},
    MADE | {"files": {"a": 1}},
    MADE | {"tables": {"a": 1}},
    MADE | {"previous": "12"},
    MADE | {"commit": "c0de"},
    MADE | {"machine": None},
    MADE | {"kind": "check"},
    CHECKED | {"passed": 1},
    CHECKED | {"asked_by": 1},
    {"kind": "prune", "versions": [1], "bytes": 1, "time": 1, "by": "anna"},
    {"kind": "chain", "size": 1, "root": "0" * 63, "time": 1},
]


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_what_is_appended_keeps_the_schema(record, tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(record)
    ledger.append(record | provenance() | {"commit": None})
    ledger.append(record | provenance())
    appended = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert all(keeps(line, DOCUMENTED) for line in [record, *appended])


@pytest.mark.parametrize("record", BAD, ids=str)
def test_what_is_refused_breaks_the_schema(record):
    assert fault(record) is not None
    assert not keeps(record, DOCUMENTED)


def test_a_newer_record_breaks_the_schema():
    assert not keeps(MADE | {"schema": SCHEMA + 1}, DOCUMENTED)
    assert keeps(MADE | {"schema": SCHEMA}, DOCUMENTED)
