"""The command ``fullcircle``.

Belongs here: arguments, printing, exit codes. Running the pipeline is Dagster's business: ``python -m pipelines.run``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from fullcircle.results import latest_reports, results_text
from fullcircle.settings import default_store
from fullcircle.storage import Store, StoredObjectError


def _results(arguments: argparse.Namespace) -> int:
    store = Store(arguments.store)
    results = latest_reports(store)
    if arguments.json:
        print(json.dumps(results, indent=1))
        return 0
    if not results:
        print(f"No report yet in {store.root}. Make one with: make run", file=sys.stderr)
        return 1
    print(results_text(results))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    top = argparse.ArgumentParser(prog="fullcircle", description="Write a class that draws; get back its inverse.")
    top.add_argument("--store", default=str(default_store()), help="folder of objects and ledger (default: %(default)s)")
    commands = top.add_subparsers(dest="command", required=True)
    results = commands.add_parser("results", help="the latest figures of every report")
    results.add_argument("--json", action="store_true", help="as a list of objects")
    results.set_defaults(run=_results)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except StoredObjectError as error:
        print(f"fullcircle: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
