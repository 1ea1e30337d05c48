"""The command ``fullcircle audit export``.

Belongs here: the list of formats, and what all have alike when they are typed and answered.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from fullcircle.exports.croissant import CROISSANT
from fullcircle.exports.format import STDOUT, Format
from fullcircle.exports.in_toto import IN_TOTO
from fullcircle.exports.model_card import MODEL_CARD
from fullcircle.exports.openlineage import OPENLINEAGE
from fullcircle.exports.parquet import PARQUET
from fullcircle.exports.prov import PROV
from fullcircle.exports.signature import SIGNATURE
from fullcircle.lineage.commands import FINE, asking, printable

FORMATS = (PARQUET, OPENLINEAGE, PROV, CROISSANT, IN_TOTO, SIGNATURE, MODEL_CARD)
"""All formats, in the order in which they are offered."""


def add_export(asked: Any) -> None:
    """Add the command to those of ``fullcircle audit``.

    Args:
        asked: what `lineage.commands.add_audit` returned.
    """
    summary = "what is on record, in the formats of others"
    export = asked.add_parser("export", help=summary, description=f"{summary[0].upper()}{summary[1:]}")
    formats = export.add_subparsers(dest="format", required=True, metavar="FORMAT")
    for of in FORMATS:
        parser = formats.add_parser(of.name, help=of.summary, description=f"{of.summary[0].upper()}{of.summary[1:]}")
        of.add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="say as JSON what was written")
        parser.set_defaults(run=asking(_export(of)))


def _export(of: Format) -> Callable[[argparse.Namespace], int]:
    def export(arguments: argparse.Namespace) -> int:
        written = of.write(arguments)
        if written.to != STDOUT:
            print(json.dumps(written.as_dict()) if arguments.json else printable(written.text()))
        return FINE

    return export
