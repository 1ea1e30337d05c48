"""The ledger as a Parquet file, a row for each line. Which columns there are is the business of `store.ledger_table`."""

from __future__ import annotations

import argparse
from pathlib import Path

from fullcircle.exports.format import Format, Written
from fullcircle.store.objects import Store


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", required=True, metavar="FILE", help="a row for each line")


def _write(arguments: argparse.Namespace) -> Written:
    from fullcircle.store.ledger_table import write_ledger_table

    rows = write_ledger_table(Store(arguments.store).ledger.path, Path(arguments.to))
    return Written(arguments.to, {"records": rows})


PARQUET = Format("parquet", "the ledger as a table, for SQL and pandas", _add_arguments, _write)
