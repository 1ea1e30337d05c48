"""W3C PROV, as PROV-JSON (the member submission of 2013): a graph of versions, of what made and checked them, and of who asked.

Belongs here: which record becomes which element and relation.
Does not belong here: which records (`records`).

A version is an entity; making it, deciding and checking are activities, named by their line's hash in the ledger's Merkle tree;
who asked and the software are agents, the commit is the plan. PROV lets an entity be generated once: a run that took what was
stored, or made the very same again, used it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from typing import IO, Any, TextIO
from urllib.parse import quote

from fullcircle.exports.format import Format, Written, add_to, add_version, text_file
from fullcircle.exports.records import Line, Selection, time_in_iso
from fullcircle.lineage.history import SHORT, History
from fullcircle.lineage.tree import all_inputs
from fullcircle.promotion.decide import BY_HAND
from fullcircle.store.champions import decides_champions
from fullcircle.store.hashing import canonical_json
from fullcircle.store.ledger_records import Record
from fullcircle.store.objects import Store

PREFIXES = {"fc": "urn:fullcircle:"}

SECTIONS = (
    "entity",
    "activity",
    "agent",
    "wasGeneratedBy",
    "used",
    "wasDerivedFrom",
    "wasAssociatedWith",
    "actedOnBehalfOf",
)
"""Of the document, in its order."""

SOFTWARE = "fc:software"
"""The agent that does everything."""

ATTRIBUTES = ("run_id", "code_version", "seed", "reused", "check", "passed", "blocking", "description")
"""Fields of a record that its activity has, as they are."""

STRUCTURES = ("config", "libraries", "machine")
"""Fields that it has as JSON, for an attribute of PROV is no structure."""

NO_HISTORY = History(())
"""The version of an input is in the record of its reader."""


class Document:
    """A PROV-JSON document that is written as it is found, for each section lies in a temporary file of its own.

    In memory are the names of elements only: each may stand in the document once.

    Args:
        stack: closes the temporary files.
    """

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._sections: dict[str, IO[str]] = {
            name: stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))  # noqa: SIM115 (the stack closes it)
            for name in SECTIONS
        }
        self._declared: set[str] = set()
        self.counts = dict.fromkeys(SECTIONS, 0)

    def declare(self, section: str, name: str, attributes: Mapping[str, Any]) -> None:
        """Add an element, unless it is there."""
        if name not in self._declared:
            self._declared.add(name)
            self._add(section, name, attributes)

    def _add(self, section: str, name: str, attributes: Mapping[str, Any]) -> None:
        file = self._sections[section]
        file.write(f"{',' if self.counts[section] else ''}\n{json.dumps(name)}:{json.dumps(attributes, sort_keys=True)}")
        self.counts[section] += 1

    def relate(self, section: str, **attributes: Any) -> None:
        """Add a relation, of which attributes are named without ``prov:``."""
        name = f"_:{section}{self.counts[section] + 1}"
        self._add(section, name, {f"prov:{of}": value for of, value in attributes.items()})

    def write(self, to: TextIO) -> None:
        """Write the whole document."""
        to.write(f'{{"prefix":{json.dumps(PREFIXES)}')
        for section, file in self._sections.items():
            if self.counts[section]:
                to.write(f',\n"{section}":{{')
                file.seek(0)
                while text := file.read(1 << 16):
                    to.write(text)
                to.write("}")
        to.write("}\n")


def describe(store: Store, lines: Iterable[Line], document: Document) -> None:
    """Add records to a document.

    Args:
        store: whose decisions are looked into.
        lines: materialisations and checks, in their order.
        document: to add to.
    """
    generated: set[str] = set()
    document.declare("agent", SOFTWARE, {"prov:label": "Full Circle", "prov:type": _qualified("prov:SoftwareAgent")})
    for line in lines:
        activity = f"fc:record/{line.leaf}"
        document.declare("activity", activity, _activity(line))
        _associate(line, activity, document)
        version = _version(document, *line.key)
        if line.is_check:
            document.relate("used", activity=activity, entity=version)
            continue
        first = version not in generated
        if first:
            generated.add(version)
            document.relate("wasGeneratedBy", entity=version, activity=activity)
        else:
            document.relate("used", activity=activity, entity=version, role=_qualified("fc:stored"))
        for of in all_inputs(store, NO_HISTORY, line.made):
            read = _version(document, of.asset, "" if of.outside else of.partition, of.version)
            document.relate("used", activity=activity, entity=read)
            if first:
                document.relate("wasDerivedFrom", generatedEntity=version, usedEntity=read, activity=activity)


def _version(document: Document, asset: str, partition: str, version: str) -> str:
    """The entity of a version, which is in the document from then on."""
    name = f"fc:{quote('/'.join(filter(None, (asset, partition, version))))}"
    about = {"fc:asset": asset, "fc:partition": partition, "fc:version": version} if partition else {"fc:version": version}
    label = f"{asset}@{version[:SHORT]}{f' ({partition})' if partition else ''}"
    document.declare("entity", name, {"prov:label": label, **about})
    return name


def _activity(line: Line) -> dict[str, Any]:
    record = line.record
    kind = "Check" if line.is_check else "Decision" if decides_champions(record["asset"]) else "Materialization"
    return {
        "prov:type": _qualified(f"fc:{kind}"),
        "prov:label": f"{record['check']} of {record['asset']}" if line.is_check else f"{kind.lower()} of {record['asset']}",
        **({"prov:endTime": time_in_iso(record["time"])} if "time" in record else {}),
        "fc:line": line.number,
        **{f"fc:{name}": record[name] for name in ATTRIBUTES if name in record},
        **{f"fc:{name}": canonical_json(record[name]).decode() for name in STRUCTURES if name in record},
    }


def _associate(line: Line, activity: str, document: Document) -> None:
    """Who did it, on whose behalf, by which code."""
    record = line.record
    if (who := _requester(record)) is not None:
        name, kind = who
        requester = f"fc:agent/{quote(name)}"
        document.declare("agent", requester, {"prov:label": name, "prov:type": _qualified(f"prov:{kind}")})
        document.relate("wasAssociatedWith", activity=activity, agent=requester)
        document.relate("actedOnBehalfOf", delegate=SOFTWARE, responsible=requester, activity=activity)
    plan = {}
    if commit := (record.get("commit") or {}).get("hash"):
        plan["plan"] = f"fc:commit/{quote(str(commit))}"
        document.declare("entity", plan["plan"], {"prov:label": f"commit {commit}", "prov:type": _qualified("prov:Plan")})
    document.relate("wasAssociatedWith", activity=activity, agent=SOFTWARE, **plan)


def _requester(record: Record) -> tuple[str, str] | None:
    """Name and kind of agent of who asked: a schedule, a sensor, or the person in ``make run by anna`` and ``anna: the reason``."""
    asked = record.get("asked_by")
    if not asked:
        return None
    if asked.startswith(("schedule ", "sensor ")):
        return asked, "SoftwareAgent"
    return (asked.partition(": ")[0] if record["run_id"] == BY_HAND else asked.rpartition(" by ")[2]), "Person"


def _qualified(name: str) -> dict[str, str]:
    return {"$": name, "type": "xsd:QName"}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_version(parser, without="all that is on record")
    add_to(parser)


def _write(arguments: argparse.Namespace) -> Written:
    store = Store(arguments.store)
    selection = Selection.of(store, arguments.version, arguments.partition)
    with contextlib.ExitStack() as stack:
        document = Document(stack)
        describe(store, selection, document)
        with text_file(arguments.to) as file:
            document.write(file)
    kinds = {"entities": "entity", "activities": "activity", "agents": "agent"}
    counts = {of: document.counts[section] for of, section in kinds.items()}
    return Written(arguments.to, {**counts, "relations": sum(document.counts.values()) - sum(counts.values())})


PROV = Format("prov", "W3C PROV-JSON, a graph of what was made by whom from what", _add_arguments, _write)
