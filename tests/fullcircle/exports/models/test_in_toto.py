"""Statements on how versions were made, read by in-toto's own library."""

import json

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

from fullcircle.store.hashing import file_sha256


def parsed(text):
    """The statement, and its predicate; a field that the formats do not have is an error of the parser."""
    statement = json_format.Parse(text, statement_pb2.Statement())
    Statement.copy_from_pb(statement).validate()
    return statement, json_format.ParseDict(json_format.MessageToDict(statement.predicate), Provenance())


@pytest.fixture
def champion(ask, tmp_path):
    path = tmp_path / "champion.intoto.json"
    code, out, _ = ask("in-toto", "drawings/champion", "--partition", "line", "--to", path)
    assert (code, out) == (0, f"{path}: 4 subjects, 3 dependencies\n")
    return parsed(path.read_text())


def test_the_subjects_are_the_files_of_the_models(champion, trained_records):
    statement, _ = champion
    store, own = trained_records.store, trained_records.own
    expected = {
        f"{asset}/{name}": file_sha256(store.path_of(own[asset]) / name)
        for asset in ("drawings/encoder", "drawings/decoder")
        for name in ("training.json", "weights.bin")
    }
    assert {subject.name: subject.digest["sha256"] for subject in statement.subject} == expected


def test_settings_seed_inputs_and_commit_are_those_on_record(champion, trained_records):
    _, provenance = champion
    store, own = trained_records.store, trained_records.own
    build = provenance.build_definition
    parameters = json_format.MessageToDict(build.external_parameters)
    assert parameters["assets"]["drawings/encoder"] == {"settings": {"epochs": 2, "seed": 3}, "seed": 3}
    internal = json_format.MessageToDict(build.internal_parameters)
    assert internal["drawings/decoder"]["machine"]["processor"] == "Abacus"
    source, *tables = build.resolved_dependencies
    assert source.digest["gitCommit"] == "c" * 40
    assert json_format.MessageToDict(source.annotations) == {"uncommittedChanges": True, "changesSha256": "d" * 64}
    assert {table.name: table.digest["sha256"] for table in tables} == {
        f"drawings/{split}/{split}.parquet": file_sha256(store.path_of(own[f"drawings/{split}"]) / f"{split}.parquet")
        for split in ("train", "valid")
    }


def test_the_run_is_named_with_its_times_and_the_decision(champion):
    _, provenance = champion
    run = provenance.run_details
    assert (run.builder.id, run.metadata.invocation_id) == ("urn:fullcircle:machine:0123456789ab", "run-1")
    # The decoder's record is the fifth, a minute each, and its training took half of one; the decision's is the ninth.
    assert run.metadata.started_on.ToJsonString() == "2026-09-21T14:17:50Z"
    assert run.metadata.finished_on.ToJsonString() == "2026-09-21T14:22:20Z"
    (decision,) = run.byproducts
    assert decision.name == "drawings/champion/champion.json"
    assert decision.annotations["outcome"] == "promoted" and decision.annotations["askedBy"] == "anna"


def test_a_version_that_a_later_run_took_is_of_the_run_that_made_it(ask, trained_records):
    records = [json.loads(line) for line in trained_records.store.ledger.path.read_text().splitlines()]
    assert [r["reused"] for r in records if r["asset"] == "drawings/encoder"] == [False, True]
    _, out, _ = ask("in-toto", "drawings/encoder")
    _, provenance = parsed(out)
    assert provenance.run_details.metadata.invocation_id == "run-1"
    assert provenance.build_definition.resolved_dependencies[0].digest["gitCommit"] == "c" * 40


def test_any_version_can_be_stated_and_what_is_not_on_record_is_left_out(export, records):
    stored = records.files(readings={"a": 1})
    lines = records.store.ledger.path.read_text().splitlines()
    old = {"asset": "drawings/old", "partition": "line", "version": stored.hash, "run_id": "r"}
    old["read"] = {"files of /my pictures": "f" * 64, "drawings/gone": "e" * 64}
    records.store.ledger.path.write_text("\n".join([*lines, json.dumps(old), ""]))
    _, out, _ = export(records.store, "in-toto", f"drawings/old@{stored.hash[:8]}")
    _, provenance = parsed(out)
    gone, outside = provenance.build_definition.resolved_dependencies
    assert (gone.name, dict(gone.digest), outside.uri) == (
        "drawings/gone",
        {},
        f"urn:fullcircle:files%20of%20/my%20pictures@{'f' * 64}",
    )
    assert provenance.run_details.builder.id == "urn:fullcircle:machine:not-on-record"
    assert not provenance.run_details.metadata.HasField("started_on")
    assert not provenance.run_details.byproducts


def test_a_record_without_files_takes_them_from_the_store(export, ask, records):
    lines = [json.loads(line) for line in records.store.ledger.path.read_text().splitlines()]
    for entry in lines:
        entry.pop("files", None)
    records.store.ledger.path.write_text("".join(json.dumps(entry) + "\n" for entry in lines))
    _, with_them, _ = ask("in-toto", "drawings/champion", "--partition", "line")
    _, without, _ = export(records.store, "in-toto", "drawings/champion", "--partition", "line")
    assert without == with_them


def test_a_decision_that_made_none_champion_is_refused(ask, trained_records):
    code, out, err = ask("in-toto", f"drawings/champion@{trained_records.refused.hash[:8]}")
    assert (code, out) == (2, "")
    assert "A decision that made models champion is expected. Received: drawings/champion@" in err and err.endswith(
        ", refused.\n"
    )


def test_a_model_that_no_record_made_is_refused(export, records):
    kept = [line for line in records.store.ledger.path.read_text().splitlines() if '"asset": "drawings/decoder"' not in line]
    records.store.ledger.path.write_text("\n".join(kept) + "\n")
    code, _, err = export(records.store, "in-toto", "drawings/champion", "--partition", "line")
    assert code == 2
    assert "names drawings/decoder" in err and "which no record made" in err


def test_a_damaged_model_is_not_stated(export, records):
    (records.store.path_of(records.own["drawings/encoder"]) / "weights.bin").write_bytes(b"others")
    code, out, err = export(records.store, "in-toto", "drawings/champion", "--partition", "line")
    assert (code, out) == (1, "")
    assert "Stored file is damaged" in err
