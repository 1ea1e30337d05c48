"""OpenLineage: events valid against the specification, what is in them, and that a server gets all of them."""

import contextlib
import datetime
import http.server
import inspect
import json
import threading
import uuid
from pathlib import Path

import jsonschema
import pytest
import referencing

from fullcircle.exports import openlineage
from fullcircle.exports.openlineage_events import RUNS
from fullcircle.lineage.steps import _by_asset
from fullcircle.store.merkle import leaf_hash
from fullcircle.store.objects import Store

SCHEMAS = [json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "openlineage").glob("*.json"))]
REGISTRY = referencing.Registry().with_resources(
    (schema["$id"], referencing.Resource.from_contents(schema)) for schema in SCHEMAS
)
OURS = "urn:fullcircle:ledger.schema.json"


def validate(value, url):
    """By the schema that the URL names; every date, id and address in the form that it must have, too."""
    checker = jsonschema.FormatChecker()
    checker.checks("date-time", ValueError)(lambda text: datetime.datetime.fromisoformat(text).tzinfo is not None)
    checker.checks("uri")(lambda text: ":" in text and " " not in text)
    validator = jsonschema.Draft202012Validator({"$ref": url}, registry=REGISTRY, format_checker=checker)
    validator.validate(value)


def facets(value):
    """Every facet in an event, with its name."""
    if isinstance(value, dict):
        for name, of in value.items():
            if isinstance(of, dict) and "_schemaURL" in of:
                yield name, of
            yield from facets(of)
    elif isinstance(value, list):
        for of in value:
            yield from facets(of)


@pytest.fixture(scope="module")
def events(written, tmp_path_factory):
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    parser = openlineage.argparse.ArgumentParser()
    openlineage.OPENLINEAGE.add_arguments(parser)
    parser.set_defaults(store=written.store.root)
    assert openlineage.OPENLINEAGE.write(parser.parse_args(["--to", str(path)])).counts == {"events": 20}
    return [json.loads(line) for line in path.read_text().splitlines()]


def of_line(events, number):
    """START and the other event of a line of the ledger."""
    at = next(i for i, e in enumerate(events) if e["run"]["facets"].get("fullcircle_record", {}).get("line") == number)
    return events[at - 1], events[at]


def versions(datasets):
    return {of["name"]: of["facets"]["version"]["datasetVersion"] for of in datasets}


def test_every_event_and_every_facet_is_valid(events):
    seen = set()
    for event in events:
        validate(event, event["schemaURL"])
        for name, facet in facets(event):
            seen.add(name)
            if facet["_schemaURL"] == OURS:
                validate(facet, "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet")
            else:
                validate(facet, facet["_schemaURL"])
    assert seen == {
        "dataQualityAssertions",
        "documentation",
        "errorMessage",
        "fullcircle_record",
        "jobType",
        "outputStatistics",
        "parent",
        "processing_engine",
        "schema",
        "sourceCodeLocation",
        "version",
    }


def test_what_is_not_valid_shows(events):
    """The schemas are really applied: the same events with a fault each are refused."""
    start, end = of_line(events, 1)
    broken = [
        (start | {"eventTime": "yesterday"}, start["schemaURL"]),
        (start | {"run": {"runId": "1"}}, start["schemaURL"]),
        (start | {"eventType": "DONE"}, start["schemaURL"]),
        ({"_producer": "urn:x", "_schemaURL": "urn:x"}, end["outputs"][0]["facets"]["version"]["_schemaURL"]),
    ]
    for value, url in broken:
        with pytest.raises(jsonschema.ValidationError):
            validate(value, url)


def test_a_run_starts_and_ends_and_both_events_have_the_versions_that_were_read(events, written):
    starts, ends = events[::2], events[1::2]
    assert {e["eventType"] for e in starts} == {"START"} and {e["eventType"] for e in ends} == {"COMPLETE", "FAIL"}
    assert all(
        versions(s["inputs"]) == versions(e["inputs"]) and s["job"] == e["job"] for s, e in zip(starts, ends, strict=True)
    )
    assert len({e["run"]["runId"] for e in ends}) == len(ends)
    _, encoder = of_line(events, 4)
    assert versions(encoder["inputs"]) == {
        "drawings/train/line": written.versions["drawings/train"],
        "files of pictures": "f" * 64,
    }
    assert versions(encoder["outputs"]) == {"drawings/encoder/line": written.versions["drawings/encoder"]}
    _, champion = of_line(events, 8)
    assert versions(champion["inputs"]) == {"drawings/encoder/line": written.versions["drawings/encoder"]}


def test_what_a_materialization_has(events, written):
    _, made = of_line(events, 1)
    run, job, (output,) = made["run"], made["job"], made["outputs"]
    lines = written.store.ledger.path.read_bytes().splitlines()
    assert run["runId"] == str(uuid.uuid5(RUNS, leaf_hash(lines[0]).hex()))
    assert made["eventTime"] == "2026-09-21T14:14:20.000000+00:00"
    assert (job["namespace"], job["name"], output["name"]) == ("fullcircle", "drawings/examples/line", "drawings/examples/line")
    assert job["facets"]["jobType"]["jobType"] == "MATERIALIZATION"
    assert job["facets"]["documentation"]["description"].startswith("Draw the examples of a drawing class")
    where = job["facets"]["sourceCodeLocation"]
    commit = "c323f6fc7214f7c79649693777f8f7f670c83f44"
    assert (where["path"], where["version"]) == ("fullcircle/steps/drawings.py", commit)
    assert where["url"] == f"gitoid:commit:sha1:{commit}"
    assert run["facets"]["parent"]["run"]["runId"] == "25e346c1-4d5d-4203-b643-3d42292a8a11"
    assert (run["facets"]["processing_engine"]["name"], run["facets"]["processing_engine"]["version"]) == (
        "Full Circle",
        commit,
    )
    record = run["facets"]["fullcircle_record"]
    assert (record["record"]["config"], record["record"]["asked_by"]) == ({"epochs": 3}, "make run by anna")
    fields = output["facets"]["schema"]["fields"]
    assert [(f["name"], f["type"], f["ordinal_position"]) for f in fields] == [("id", "string", 1), ("x_px", "int64", 2)]
    assert fields[0]["description"] == "identifier of the row, different for each"
    assert (
        output["outputFacets"]["outputStatistics"]["rowCount"],
        output["outputFacets"]["outputStatistics"]["fileCount"],
    ) == (2, 1)


def test_of_several_tables_each_has_its_columns_and_of_none_there_are_none(events):
    (train,) = of_line(events, 3)[1]["outputs"]
    fields = train["facets"]["schema"]["fields"]
    assert [(f["name"], f["type"], [c["name"] for c in f["fields"]]) for f in fields] == [
        ("left_out.parquet", "table", ["id"]),
        ("train.parquet", "table", ["id"]),
    ]
    assert "rowCount" not in train["outputFacets"]["outputStatistics"]
    (encoder,) = of_line(events, 4)[1]["outputs"]
    assert "schema" not in encoder["facets"]


@pytest.mark.parametrize(
    ("line", "state", "success", "severity"),
    [(2, "COMPLETE", True, "error"), (5, "FAIL", False, "error"), (6, "COMPLETE", False, "warn")],
)
def test_a_check_asserts_and_one_that_blocks_fails(events, line, state, success, severity):
    start, end = of_line(events, line)
    (assertion,) = end["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (end["eventType"], assertion["success"], assertion["severity"], end["outputs"]) == (state, success, severity, [])
    assert "dataQualityAssertions" not in start["inputs"][0].get("inputFacets", {})
    assert ("errorMessage" in end["run"]["facets"]) == (state == "FAIL")
    assert end["job"]["name"] == f"{end['inputs'][0]['name']}.{assertion['assertion']}"


def test_where_a_check_is_and_what_it_asks_comes_from_its_function(events):
    job = of_line(events, 2)[1]["job"]["facets"]
    assert job["sourceCodeLocation"]["path"] == "fullcircle/checks/drawings.py"
    assert job["documentation"]["description"].startswith("Every spec of the table lies on its factors' steps")


def test_what_is_not_on_record_is_left_out(events):
    by_hand, old, foreign = (of_line(events, line)[1] for line in (8, 9, 11))
    assert "parent" not in by_hand["run"]["facets"] and "parent" not in foreign["run"]["facets"]
    assert (old["job"]["name"], old["outputs"][0]["outputFacets"]) == ("lineage/audit_report", {})
    assert {"sourceCodeLocation", "documentation"}.isdisjoint(old["job"]["facets"])
    assert "processing_engine" not in old["run"]["facets"]
    assert old["eventTime"] == by_hand["eventTime"]  # of the record before it
    assert foreign["eventTime"] == "1970-01-01T00:00:00.000000+00:00"
    assert foreign["job"]["name"] == "glyphs/originals/a b"


def test_every_step_has_a_line_that_documents_it():
    assert all(inspect.getdoc(step.function) for step in _by_asset().values())


def test_the_same_ledger_gives_the_same_events_and_a_version_those_of_what_it_was_made_from(written, export):
    code, everything, _ = export(written.store, "openlineage")
    assert code == 0 and export(written.store, "openlineage")[1] == everything
    _, some, _ = export(written.store, "openlineage", f"drawings/train@{written.versions['drawings/train'][:12]}")
    records = [json.loads(line)["run"]["facets"].get("fullcircle_record", {}).get("line") for line in some.splitlines()]
    assert records[1::2] == [1, 2, 3, 7]  # line 7 took what line 3 made; the encoder was made from it
    assert set(some.splitlines()) < set(everything.splitlines())
    assert export(written.store, "openlineage", "drawings/trian")[0] == 2


@contextlib.contextmanager
def server(answers):
    """A server on this machine that gives these status codes, the last of them for good; its address and what it was sent."""
    sent = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append((self.path, self.headers.get("Authorization"), json.loads(body)))
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}", sent
        finally:
            listening.shutdown()


def test_a_server_gets_every_event_once(written, events, export, monkeypatch):
    monkeypatch.setenv(openlineage.KEY_VARIABLE, "secret")
    with server([201]) as (url, sent):
        code, out, _ = export(written.store, "openlineage", "--to", url)
        assert (code, out) == (0, f"{url}: 20 events\n")
    assert [event for _, _, event in sent] == events
    assert {(path, key) for path, key, _ in sent} == {("/api/v1/lineage", "Bearer secret")}


def test_an_address_with_a_path_is_taken_as_it_is_and_a_gateway_is_asked_again(written, export):
    with server([503, 200]) as (url, sent):
        assert export(written.store, "openlineage", "drawings/train", "--to", f"{url}/take/it?all=1")[0] == 0
    assert [path for path, _, _ in sent] == ["/take/it?all=1"] * 9
    assert sent[0] == sent[1]


@pytest.mark.parametrize(("answers", "taken"), [([500], "none was taken"), ([201, 201, 500], "the 2 before it were taken")])
def test_a_server_that_refuses_ends_it_with_one_sentence(written, export, answers, taken):
    with server([*answers]) as (url, sent):
        code, out, err = export(written.store, "openlineage", "--to", url)
    assert (code, out, len(sent)) == (2, "", len(answers))
    assert f"Received: 500 Internal Server Error, at event {len(answers)} of 20; {taken}" in err
    assert len(err.splitlines()) == 1


def test_a_server_that_is_not_there_is_reported(written, export):
    with server([201]) as (url, _):
        pass
    code, _, err = export(written.store, "openlineage", "--to", url)
    assert code == 2 and "Received: no answer, ConnectionError, at event 1 of 20; none was taken" in err


@pytest.mark.parametrize(("url", "received"), [("http://", "'http://'"), ("https://anna:secret@host", "one with a user in it")])
def test_an_address_that_is_none_is_refused(written, export, url, received):
    code, _, err = export(written.store, "openlineage", "--to", url)
    assert code == 2 and f"Received: {received}" in err and "secret" not in err


def test_of_a_bad_ledger_nothing_is_sent_and_no_file_is_left(tmp_path, export):
    store = Store(tmp_path / "store")
    store.ledger.append({"asset": "drawings/train", "partition": "line", "version": "a" * 64, "run_id": "r"})
    with store.ledger.path.open("a") as file:
        file.write("{}\n")
    with server([201]) as (url, sent):
        assert export(store, "openlineage", "--to", url)[0] == 1
    path = tmp_path / "new" / "events.jsonl"
    code, _, err = export(store, "openlineage", "--to", path)
    assert (code, sent, list(path.parent.iterdir())) == (1, [], []) and "line 2" in err


def test_of_no_ledger_there_are_no_events(store, export, tmp_path):
    path = tmp_path / "events.jsonl"
    code, out, _ = export(store, "openlineage", "--to", path, "--json")
    assert (code, json.loads(out), path.read_text()) == (0, {"to": str(path), "events": 0}, "")
