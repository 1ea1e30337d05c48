"""Tables as a Croissant data set: a JSON-LD file beside Parquet files, from which others load them without our code.

Belongs here: the words of the Croissant vocabulary 1.1 (MLCommons), and what of a table and of its record goes into which of them.

Whoever publishes a data set knows its licence, its creators and its address; no record does. They are taken as they are given.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from fullcircle.core.settings import SettingsError
from fullcircle.exports.format import STDOUT, Format, Written, add_to, text_file
from fullcircle.exports.models import making
from fullcircle.lineage.history import SHORT, History, Made
from fullcircle.reports.columns import column_description
from fullcircle.steps.step import command_for
from fullcircle.store.columns import ID
from fullcircle.store.files import whole_file
from fullcircle.store.hashing import digest, file_sha256
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.tables import TableReader

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "conformsTo": "dct:conformsTo",
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    **{
        name: f"cr:{name}"
        for name in (
            *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject"),
            *("fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
            *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator"),
            *("source", "subField", "transform"),
        )
    },
}
"""Appendix 1 of the specification, and the terms that `mlcroissant` misses there."""

SPLITS = {"train": "cr:TrainingSplit", "valid": "cr:ValidationSplit", "test": "cr:TestSplit"}
"""What the names of splits mean, by the stem of their table."""

TYPES: dict[pa.DataType, str] = {
    pa.string(): "sc:Text",
    pa.bool_(): "sc:Boolean",
    pa.float32(): "cr:Float32",
    pa.float64(): "cr:Float64",
    pa.uint8(): "cr:UInt8",
    pa.int32(): "cr:Int32",
    pa.int64(): "cr:Int64",
    pa.timestamp("us", tz="UTC"): "sc:DateTime",
}
"""The types that our tables have."""

PARQUET_FORMAT = "application/x-parquet"


def croissant(
    tables: Sequence[tuple[Made, StoredObject]],
    *,
    licence: str | None = None,
    creators: Sequence[str] = (),
    url: str | None = None,
) -> dict[str, Any]:
    """The description of a data set.

    The files are named without a folder: they are to lie beside it.

    Args:
        tables: the record of each version, and the version; all of one partition, each asset once.
        licence: its SPDX identifier, or its address.
        creators: names of people or organisations.
        url: where the data set is published.

    Raises:
        SettingsError: when a version holds no table, or they do not belong together.
    """
    partition = _partition(tables)
    files = [(made, path) for made, stored in tables for path in _parquet_files(made, stored)]
    readers = {path.stem: TableReader(path) for _, path in files}
    last = max(float(made.entry.get("time", 0.0)) for made, _ in tables)
    day = f"{datetime.datetime.fromtimestamp(last, datetime.UTC):%Y-%m-%d}" if last else None
    versions = [made.version for made, _ in tables]
    version = versions[0] if len(versions) == 1 else digest(sorted(v.encode() for v in versions))
    title = f"{partition}: {', '.join(readers)}"
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"fullcircle-{partition}-{'-'.join(readers)}").strip("-")
    found = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": name,
        "description": _description(tables, readers),
        "version": f"0.0.0+{version}",
        "license": licence and (licence if ":" in licence else f"https://spdx.org/licenses/{licence}.html"),
        "creator": [{"@type": "sc:Organization", "name": creator} for creator in creators],
        "url": url,
        "datePublished": day,
        "dateCreated": day,
        "citeAs": _citation(name, title, version, creators, day, url),
        "keywords": ["Full Circle", partition, *readers],
        "isLiveDataset": False,
        "prov:wasDerivedFrom": [
            {"@id": f"urn:fullcircle:{of}", "sc:version": read}
            for of, read in dict.fromkeys((of, read) for made, _ in tables for of, read in made.read.items())
        ],
        "distribution": [_file(made, path) for made, path in files],
        "recordSet": [*_splits(readers), *(_records(stem, reader) for stem, reader in readers.items())],
    }
    return {key: value for key, value in found.items() if value not in (None, [])}


def _partition(tables: Sequence[tuple[Made, StoredObject]]) -> str:
    subjects = [made.subject for made, _ in tables]
    partitions = {partition for _, partition in subjects}
    if len(partitions) != 1 or len(set(subjects)) != len(subjects) or len({a.partition("/")[0] for a, _ in subjects}) != 1:
        raise SettingsError(
            "A data set is expected to be of one drawing class or picture source, with one version of each asset. "
            f"Received: {', '.join(made.name for made, _ in tables) or 'nothing'}."
        )
    return partitions.pop()


def _parquet_files(made: Made, stored: StoredObject) -> list[Path]:
    files = sorted(stored.path.glob("*.parquet"))
    if not files:
        raise SettingsError(f"Croissant describes tables, drawings/train for one. Received: {made.name}, which holds none.")
    return files


def _description(tables: Sequence[tuple[Made, StoredObject]], readers: Mapping[str, TableReader]) -> str:
    from fullcircle.data.group_splits import meaning_of

    rows = ", ".join(f"{stem} ({reader.rows:,} rows)" for stem, reader in readers.items())
    about = next(iter(readers.values())).about
    made = "; ".join(
        f"{made.asset} {made.version}, made {made.time}, settings {json.dumps(dict(made.config), sort_keys=True)}"
        for made, _ in tables
    )
    splits = next((reader.about["splits"] for reader in readers.values() if "splits" in reader.about), None)
    meaning = f"{meaning_of(splits)} " if splits else ""
    of = f"the drawing class {about['drawing']}" if "drawing" in about else f"the picture source {about.get('source', '')}"
    again = command_for(*tables[0][0].subject)
    return f"Tables of {of}, made by Full Circle: {rows}. {meaning}Versions: {made}. Made by: {again}."


def _citation(name: str, title: str, version: str, creators: Sequence[str], day: str | None, url: str | None) -> str:
    fields = {
        "author": " and ".join(f"{{{creator}}}" for creator in creators),
        "title": title,
        "year": day[:4] if day else "",
        "url": url or "",
        "note": f"Made by Full Circle, data version {version}",
    }
    lines = ", ".join(f"{key} = {{{value}}}" for key, value in fields.items() if value)
    return f"@misc{{{name}-{version[:SHORT]}, {lines}}}"


def _file(made: Made, path: Path) -> dict[str, Any]:
    sha256 = made.entry.get("files", {}).get(path.name) or file_sha256(path)
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "description": f"{made.asset} ({made.partition}), version {made.version}",
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": PARQUET_FORMAT,
        "sha256": sha256,
    }


def _splits(readers: Mapping[str, TableReader]) -> Iterator[dict[str, Any]]:
    """What the names of the splits mean, where there are any."""
    found = {stem: SPLITS[stem] for stem in readers if stem in SPLITS}
    if found:
        yield {
            "@type": "cr:RecordSet",
            "@id": "splits",
            "name": "splits",
            "description": "Train fits, valid chooses, test is looked at by reports only.",
            "dataType": "cr:Split",
            "key": {"@id": "splits/name"},
            "field": [
                {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
                {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": ["sc:URL", "cr:Split"]},
            ],
            "data": [{"splits/name": stem, "splits/url": url} for stem, url in found.items()],
        }


def _records(stem: str, reader: TableReader) -> dict[str, Any]:
    file = reader.path.name
    fields = [_field(stem, file, field, reader.about) for field in reader.schema]
    if stem in SPLITS:
        split = {
            "@type": "cr:Field",
            "@id": f"{stem}/split",
            "name": "split",
            "description": "the split that the row stands in, by the name of its file",
            "dataType": "sc:Text",
            "source": {
                "fileObject": {"@id": file},
                "extract": {"fileProperty": "fullpath"},
                "transform": {"regex": rf"^(?:.*/)?({'|'.join(SPLITS)})(?:\.parquet)?$"},
            },
            "references": {"field": {"@id": "splits/name"}},
        }
        fields = [split, *fields]
    found: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": stem,
        "name": stem,
        "description": f"{reader.rows:,} rows",
        "field": fields,
    }
    if ID in reader.schema.names and "step" not in reader.schema.names:
        found["key"] = {"@id": f"{stem}/{ID}"}
    return found


def _field(stem: str, file: str, field: pa.Field, about: Mapping[str, Any]) -> dict[str, Any]:
    kind, shape = field.type, None
    if isinstance(kind, pa.FixedShapeTensorType):
        kind, shape = kind.value_type, ",".join(map(str, kind.shape))
    found = {
        "@type": "cr:Field",
        "@id": f"{stem}/{field.name}",
        "name": field.name,
        "description": column_description(field.name, about),
        "dataType": _type(field.name, kind),
        "source": {"fileObject": {"@id": file}, "extract": {"column": field.name}},
    }
    if shape is not None:
        found |= {"isArray": True, "arrayShape": shape}
    return {key: value for key, value in found.items() if value is not None}


def _type(name: str, kind: pa.DataType) -> str:
    if kind not in TYPES:
        raise SettingsError(
            f"The types {', '.join(map(str, TYPES))} are known here as types of Croissant. Received: {name} of type {kind}. "
            f"Add a line to TYPES in {__name__}."
        )
    return TYPES[kind]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "versions",
        nargs="+",
        metavar="ASSET[@VERSION]",
        help="drawings/train@6afa for one; without @VERSION the one that is served",
    )
    parser.add_argument("--partition", metavar="NAME", help="drawing class or picture source, where there are several")
    parser.add_argument("--license", metavar="ID", help="of the data: an SPDX identifier, CC0-1.0 for one, or an address")
    parser.add_argument("--creator", action="append", default=[], metavar="NAME", help="who made the data; may be named again")
    parser.add_argument("--url", metavar="ADDRESS", help="where the data set is published")
    parser.add_argument(
        "--copy", action="store_true", help="copy the tables beside --to FILE, where the description expects them"
    )
    add_to(parser)


def _write(arguments: argparse.Namespace) -> Written:
    if arguments.copy and arguments.to == STDOUT:
        raise SettingsError("With --copy, --to is expected to name a file, beside which the tables go. Received: none.")
    store = Store(arguments.store)
    history = History.of(store)
    found = [making(history, history.find(version, arguments.partition)) for version in arguments.versions]
    tables = [(made, store.open(made.version, f"{made.asset} ({made.partition})")) for made in found]
    described = croissant(tables, licence=arguments.license, creators=arguments.creator, url=arguments.url)
    if missing := [f"--{name}" for name in ("license", "creator", "url") if name not in described]:
        print(f"Croissant demands what no record knows. Before you publish it, name {', '.join(missing)}.", file=sys.stderr)
    if arguments.copy:
        folder = Path(arguments.to).absolute().parent
        folder.mkdir(parents=True, exist_ok=True)
        for made, stored in tables:
            for path in _parquet_files(made, stored):
                with whole_file(folder / path.name) as copy:
                    shutil.copyfile(path, copy)
    with text_file(arguments.to) as file:
        json.dump(described, file, indent=2)
        file.write("\n")
    return Written(arguments.to, {"tables": len(described["distribution"])})


CROISSANT = Format("croissant", "tables as a data set that others load, as MLCommons has it", _add_arguments, _write)
