"""Tables as a Croissant data set: valid by MLCommons' own library, and loaded by it."""

import json

import mlcroissant
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.exports.croissant import croissant
from fullcircle.lineage.history import Made
from fullcircle.store.hashing import file_sha256
from fullcircle.store.objects import StoredObject

TABLES = [f"drawings/{name}" for name in ("train", "valid", "test", "readings")]
PUBLISHED = ["--license", "CC0-1.0", "--creator", "Anna", "--creator", "Ben", "--url", "https://example.com/line"]

REQUIRED = {
    "Dataset": {"@context", "@type", "conformsTo", "description", "license", "name", "url", "creator", "datePublished"},
    "FileObject": {"@type", "@id", "name", "contentUrl", "encodingFormat", "sha256"},
}
"""Croissant 1.1, "Dataset-level Information: Required", and "FileObject"; mlcroissant only warns of some of them."""


@pytest.fixture
def published(ask, tmp_path):
    """The folder of a data set with its tables."""
    path = tmp_path / "set" / "croissant.json"
    code, out, err = ask("croissant", *TABLES, "--partition", "line", *PUBLISHED, "--copy", "--to", path)
    assert (code, out, err) == (0, f"{path}: 4 tables\n", "")
    return path


def test_mlcroissant_finds_nothing_wrong_and_reads_every_row(published):
    data = mlcroissant.Dataset(published)
    assert (data.metadata.ctx.issues.errors, data.metadata.ctx.issues.warnings) == (set(), set())
    rows = list(data.records("valid"))
    assert len(rows) == pq.read_metadata(published.parent / "valid.parquet").num_rows > 0
    assert {row["valid/split"] for row in rows} == {b"valid"}
    assert len(rows[0]["valid/image"]) == 64 * 64
    assert len(list(data.records("readings"))) == 40


def test_every_required_field_is_there_with_what_is_on_record(published, trained_records):
    described = json.loads(published.read_text())
    assert REQUIRED["Dataset"] <= described.keys()
    assert all(REQUIRED["FileObject"] <= file.keys() for file in described["distribution"])
    for file in described["distribution"]:
        assert file["sha256"] == file_sha256(published.parent / file["contentUrl"])
        assert file["contentSize"] == f"{(published.parent / file['contentUrl']).stat().st_size} B"
    assert described["license"] == "https://spdx.org/licenses/CC0-1.0.html"
    assert [creator["name"] for creator in described["creator"]] == ["Anna", "Ben"]
    assert "{Anna} and {Ben}" in described["citeAs"] and "2026" in described["citeAs"]
    assert trained_records.own["drawings/train"] in described["description"]
    assert {"@id": "urn:fullcircle:drawings/examples", "sc:version": trained_records.own["drawings/examples"]} in described[
        "prov:wasDerivedFrom"
    ]


def test_fields_have_the_types_of_the_columns_and_say_what_they_mean(published):
    described = json.loads(published.read_text())
    sets = {of["@id"]: {field["name"]: field for field in of["field"]} for of in described["recordSet"]}
    assert list(sets) == ["splits", "train", "valid", "test", "readings"]
    image, x = sets["train"]["image"], sets["train"]["x_start_px"]
    assert (image["dataType"], image["isArray"], image["arrayShape"]) == ("cr:UInt8", True, "64,64")
    assert (x["dataType"], x["description"]) == ("cr:Int32", "factor x_start, from 0 to 64 px in steps of 1")
    assert sets["readings"]["pixel_exact"]["dataType"] == "sc:Boolean"
    assert "split" in sets["train"] and sets["readings"]["split"]["source"]["extract"] == {"column": "split"}


def test_the_version_of_one_table_is_its_own(ask, trained_records):
    _, out, err = ask("croissant", "drawings/test", "--partition", "line")
    described = json.loads(out)
    assert described["version"] == f"0.0.0+{trained_records.own['drawings/test']}"
    assert not {"license", "creator", "url"} & described.keys()
    assert err == "Croissant demands what no record knows. Before you publish it, name --license, --creator, --url.\n"


def test_an_address_is_a_licence_too(ask):
    _, out, _ = ask("croissant", "drawings/test", "--license", "https://example.com/terms")
    assert json.loads(out)["license"] == "https://example.com/terms"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["drawings/test", "glyphs/vae"], "A data set is expected to be of one drawing class or picture source"),
        (["drawings/test", "drawings/test"], "with one version of each asset. Received: drawings/test@"),
        (["drawings/decoder"], "Croissant describes tables, drawings/train for one. Received: drawings/decoder@"),
        (["drawings/test", "--copy"], "With --copy, --to is expected to name a file"),
    ],
)
def test_what_is_no_data_set_is_refused(ask, arguments, message):
    code, out, err = ask("croissant", *arguments)
    assert (code, out) == (2, "")
    assert message in err


@pytest.fixture
def table(tmp_path):
    """Makes an object with a table of one column of a type."""

    def make(kind):
        pq.write_table(pa.table({"first_seen": pa.array([], kind)}), tmp_path / "table.parquet")
        made = Made(1, {"asset": "drawings/table", "partition": "line", "version": "a" * 64})
        return [(made, StoredObject("a" * 64, tmp_path))]

    return make


def test_a_time_is_one_and_an_unknown_type_is_refused(table):
    (records,) = croissant(table(pa.timestamp("us", tz="UTC")))["recordSet"]
    assert records["field"][0]["dataType"] == "sc:DateTime"
    with pytest.raises(SettingsError, match=r"Received: first_seen of type int16\. Add a line to TYPES"):
        croissant(table(pa.int16()))
