"""`fullcircle audit export`: what every format has alike, and the ledger as a table."""

import json

import pyarrow.parquet as pq
import pytest

from fullcircle import cli
from fullcircle.exports.commands import FORMATS
from fullcircle.store.merkle import leaf_hash

VERSIONS = "abcde"


def entry(version, asset="drawings/encoder", partition="line", **more):
    return {"asset": asset, "partition": partition, "version": version * 64, "run_id": "r", **more}


@pytest.fixture
def filled(store):
    for version in VERSIONS:
        store.ledger.append(entry(version, time=1.5))
    store.ledger.append(entry("f", partition="face"))
    store.ledger.append(entry("a", asset="drawings/decoder", commit={"hash": "c0de", "dirty": False, "changes": None}, seed=3))
    outcome = {"check": "redraws", "passed": True, "blocking": True, "description": "", "time": 2.5}
    store.ledger.append(entry("a", kind="check", **outcome))
    return store


def export(store, *arguments):
    return cli.main(["--store", str(store.root), "audit", "export", *map(str, arguments)])


def test_the_ledger_is_a_table(filled, tmp_path, capsys):
    path = tmp_path / "ledger.parquet"
    assert export(filled, "parquet", "--to", path) == 0
    assert capsys.readouterr().out == f"{path}: 8 records\n"
    rows = pq.read_table(path).to_pylist()
    lines = filled.ledger.path.read_bytes().splitlines()
    assert [row["line"] for row in rows] == list(range(1, 9))
    assert [row["record"].encode() for row in rows] == lines
    assert [row["leaf"] for row in rows] == [leaf_hash(line).hex() for line in lines]
    assert [row["kind"] for row in rows] == ["materialization"] * 7 + ["check"]
    assert (rows[0]["time"].timestamp(), rows[5]["time"], rows[0]["version"], rows[0]["commit"]) == (1.5, None, "a" * 64, None)
    assert (rows[6]["commit"], rows[6]["dirty"], rows[6]["seed"]) == ("c0de", False, 3)
    assert (rows[7]["check"], rows[7]["passed"], rows[0]["passed"]) == ("redraws", True, None)


def test_of_no_ledger_the_table_is_empty_and_of_a_bad_one_there_is_none(store, tmp_path, capsys):
    path = tmp_path / "ledger.parquet"
    assert export(store, "parquet", "--to", path, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"to": str(path), "records": 0}
    path.unlink()
    store.ledger.append(entry("a"))
    store.ledger.path.write_bytes(store.ledger.path.read_bytes() + b"{}\n")
    assert export(store, "parquet", "--to", path) == 1
    assert "line 2" in capsys.readouterr().err
    assert not path.exists()


def test_an_unknown_format_is_refused_with_those_there_are(store, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        export(store, "yaml")
    message = capsys.readouterr().err
    assert all(of.name in message for of in FORMATS)
