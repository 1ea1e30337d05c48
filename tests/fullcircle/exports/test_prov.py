"""W3C PROV-JSON: what another library reads from it, and that the graph has the edges of the ledger."""

import json

import prov.model
import pytest

from fullcircle.store.merkle import leaf_hash


@pytest.fixture
def graph(written, export, tmp_path):
    """The document, as another library has it: its elements by name, and its relations."""
    path = tmp_path / "prov.json"
    code, out, _ = export(written.store, "prov", "--to", path, "--json")
    assert code == 0
    document = prov.model.ProvDocument.deserialize(str(path), format="json")
    elements = {str(of.identifier): of for of in document.get_records(prov.model.ProvElement)}
    relations = [
        (type(of).__name__, *(str(value) for _, value in of.formal_attributes if value is not None))
        for of in document.get_records(prov.model.ProvRelation)
    ]
    assert sum(json.loads(out).get(name, 0) for name in ("entities", "activities", "agents")) == len(elements)
    assert json.loads(out)["relations"] == len(relations)
    return elements, relations


def entity(written, name, partition="line"):
    return f"fc:drawings/{name}/{partition}/{written.versions[f'drawings/{name}']}"


def activities(written):
    """By number of the line."""
    lines = written.store.ledger.path.read_bytes().splitlines()
    return {number: f"fc:record/{leaf_hash(line).hex()}" for number, line in enumerate(lines, 1)}


def attributes(element):
    return {str(name): str(value) for name, value in element.attributes}


def test_the_graph_has_the_edges_of_the_ledger(graph, written):
    _, relations = graph
    line = activities(written)
    examples, train, encoder, champion = (entity(written, name) for name in ("examples", "train", "encoder", "champion"))
    outside = f"fc:files%20of%20pictures/{'f' * 64}"
    made = [of for of in relations if of[0] == "ProvGeneration"]
    assert made == [
        ("ProvGeneration", examples, line[1]),
        ("ProvGeneration", train, line[3]),
        ("ProvGeneration", encoder, line[4]),
        ("ProvGeneration", champion, line[8]),
        ("ProvGeneration", f"fc:lineage/audit_report/all/{'e' * 64}", line[9]),
        ("ProvGeneration", f"fc:glyphs/originals/a%20b/{'c' * 64}", line[11]),
    ]
    assert [of for of in relations if of[0] == "ProvDerivation"] == [
        ("ProvDerivation", train, examples, line[3]),
        ("ProvDerivation", encoder, train, line[4]),
        ("ProvDerivation", encoder, outside, line[4]),
        ("ProvDerivation", champion, encoder, line[8]),
    ]
    assert [of for of in relations if of[0] == "ProvUsage"] == [
        ("ProvUsage", line[2], examples),
        ("ProvUsage", line[3], examples),
        ("ProvUsage", line[4], train),
        ("ProvUsage", line[4], outside),
        ("ProvUsage", line[5], encoder),
        ("ProvUsage", line[6], encoder),
        ("ProvUsage", line[7], train),  # taken as it was stored
        ("ProvUsage", line[7], examples),
        ("ProvUsage", line[8], encoder),
    ]


def test_who_asked_and_by_which_code(graph, written):
    elements, relations = graph
    line = activities(written)
    commit = "fc:commit/c323f6fc7214f7c79649693777f8f7f670c83f44"
    assert ("ProvAssociation", line[1], "fc:software", commit) in relations
    assert ("ProvAssociation", line[9], "fc:software") in relations  # of no commit on record
    assert ("ProvAssociation", line[1], "fc:agent/anna") in relations
    assert ("ProvAssociation", line[8], "fc:agent/anna") in relations  # by hand, with a reason
    assert ("ProvDelegation", "fc:software", "fc:agent/schedule%20weekly_retraining", line[4]) in relations
    kinds = {name: attributes(of)["prov:type"] for name, of in elements.items() if isinstance(of, prov.model.ProvAgent)}
    assert kinds == {
        "fc:software": "prov:SoftwareAgent",
        "fc:agent/anna": "prov:Person",
        "fc:agent/schedule%20weekly_retraining": "prov:SoftwareAgent",
    }
    assert attributes(elements[commit])["prov:type"] == "prov:Plan"


def test_what_the_elements_say(graph, written):
    elements, _ = graph
    line = activities(written)
    kinds = {number: attributes(elements[line[number]])["prov:type"] for number in (*range(1, 10), 11)}
    assert [number for number, kind in kinds.items() if kind == "fc:Check"] == [2, 5, 6]
    assert [number for number, kind in kinds.items() if kind == "fc:Decision"] == [8]
    failed = attributes(elements[line[5]])
    assert (failed["fc:check"], failed["fc:passed"], failed["fc:description"]) == (
        "encoder_beats_mean",
        "False",
        "Nothing is well.",
    )
    made = elements[line[1]]
    assert made.get_endTime().isoformat() == "2026-09-21T14:14:20+00:00" and elements[line[9]].get_endTime() is None
    assert (attributes(made)["fc:config"], attributes(made)["fc:line"]) == ('{"epochs":3}', "1")
    examples = attributes(elements[entity(written, "examples")])
    assert (examples["fc:asset"], examples["fc:partition"]) == ("drawings/examples", "line")
    assert examples["prov:label"] == f"drawings/examples@{written.versions['drawings/examples'][:12]} (line)"
    assert line[10] not in elements  # a prune makes nothing and decides nothing


def test_of_one_version_it_has_what_that_was_made_from(written, export):
    code, text, _ = export(written.store, "prov", f"drawings/train@{written.versions['drawings/train'][:12]}")
    document = json.loads(text)
    assert code == 0
    line = activities(written)
    assert list(document["activity"]) == [line[number] for number in (1, 2, 3, 7)]
    assert [name for name in document["entity"] if "commit" not in name] == [
        entity(written, "examples"),
        entity(written, "train"),
    ]
    assert len(document["wasGeneratedBy"]) == 2


def test_of_no_ledger_the_document_has_the_software_only(store, export):
    code, text, _ = export(store, "prov")
    assert (code, list(json.loads(text)), text[-1]) == (0, ["prefix", "agent"], "\n")
