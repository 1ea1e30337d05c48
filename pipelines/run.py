"""``python -m pipelines.run``: from nothing to a table of results, with progress all the while.

What is up to date is not made again. With neither a drawing class nor a picture source it learns the line, then one source with two
models.

Belongs here: the command's arguments, and what it prints. What they ask for is `request`'s business, how a job is launched is
`launch`'s, and every class at once is `every_class`'s.
"""

import argparse
import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from fullcircle.core.default_store import default_store
from fullcircle.core.progress import duration
from fullcircle.core.settings import SettingsError
from fullcircle.core.system_errors import system_error
from fullcircle.drawings import known_drawings
from fullcircle.promotion.champions import champions, versions
from fullcircle.reports.index import write_index
from fullcircle.reports.results import latest_reports, results_text
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps.profiles import profile
from fullcircle.steps.step import WHOLE
from fullcircle.store.champions import called
from fullcircle.store.ledger import LedgerError, StoreError
from fullcircle.store.objects import Store, StoredObjectError
from pipelines.every_class import Outcome, run_all
from pipelines.every_class import summary as outcomes_text
from pipelines.jobs import PREPARE_GLYPHS
from pipelines.launch import Launch, run, stale
from pipelines.make_run_lock import only_one
from pipelines.request import ALL, AUTO, RECOGNITION_PART, drawing_request, overrides_of, requests
from pipelines.run_processes import close_and_print

SHOWN = 12
"""How many reasons for making something again are printed."""

UNUSABLE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)
"""What SQLite says of a full disk and of a folder that cannot be written."""

HELD = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""What SQLite says of a database that another process kept locked for longer than Dagster waits, 5 to 30 seconds."""


def goals(launches: Sequence[Launch]) -> dict[str, Mapping[str, float]]:
    """What the launches of one partition should reach, by report; nothing where settings are not those of the profile."""
    if any(what.settings != what.profile.settings for what in launches):
        return {}
    return {asset: bound for what in launches for asset, bound in what.profile.goals.get(what.partition, {}).items()}


def summary(launches: Sequence[Launch]) -> str:
    """The table of results of each partition, or where its tables are while it has no report, and what to type next."""
    store = Store(default_store())
    parts, hints, any_results = [], {"make ui": "the Dagster UI on 127.0.0.1: assets, lineage, checks, pictures"}, False
    reports = latest_reports(store, lambda damage: print(damage, file=sys.stderr))
    for (prefix, partition), group in groupby(launches, lambda what: (what.prefix, what.partition)):
        whole = list(group)
        own = f"{prefix}/"
        results = [r for r in reports if r["partition"] == partition and r["asset"].startswith(own)]
        tables = [
            f"{asset} of {of}: {store.path_of(entry['version'])}"
            for (asset, of), entry in store.ledger.latest_of_all().items()
            if of == partition and asset.startswith(own)
        ]
        parts.append(results_text(results, goals(whole)) if results else "\n".join(tables))
        any_results |= bool(results)
        variable = {drawing_steps.PREFIX: "DRAWING", glyph_steps.PREFIX: "SOURCE"}[prefix]
        asked = AUTO if partition == WHOLE else partition
        hints[f"make run {variable}={asked} PROFILE=full"] = f"{partition}: the same graph, larger"
        parts += served(store, own, partition)
    if any_results:
        parts.append(f"all reports on one page: {write_index(store)}")
        hints["make results"] = "this table again"
    hints["make test"] = "all tests"
    width = max(map(len, hints)) + 3
    next_ones = (f"  {command:<{width}}{what_for}" for command, what_for in hints.items())
    return "\n".join(["\n\n".join(parts), "\nNext:", *next_ones])


def served(store: Store, prefix: str, partition: str) -> list[str]:
    """A paragraph with the champions of a partition and what was decided last; none where nothing was."""
    try:
        lines = [
            f"champion {called(asset, of)}: {versions(last.decision.champion)}; the last challenger: {last.decision.outcome}"
            for asset, of, last in champions(store)
            if of == partition and asset.startswith(prefix)
        ]
    except StoredObjectError as error:
        print(error, file=sys.stderr)
        return []
    return ["\n".join(lines)] if lines else []


def run_each(launches: Sequence[Launch], *, force: bool) -> int:
    """One after the other; what failed does not keep the rest from being run, but for the tables that models learn from."""
    failed: set[str] = set()
    for what in launches:
        if PREPARE_GLYPHS in failed and what.prefix == glyph_steps.PREFIX:
            continue
        planned = stale(Store(default_store()), what, force=force)
        if not planned:
            print(f"Full Circle: {what.title}, profile {what.profile.name}: up to date, nothing to make", flush=True)
            continue
        print(f"Full Circle: {what.title}, profile {what.profile.name} ({what.profile.cost} on 2 cores)", flush=True)
        if len(planned) < len(what.steps):
            for each in planned[:SHOWN]:
                print(f"  to make: {', '.join(each.step.makes)}, for {each.reason}", flush=True)
        ended = run(what, force=force)
        if ended is not None and not ended.succeeded:
            failed.add(what.job)
            reasons = [f"  {failure}" for failure in ended.failures]
            print("\nThe run failed.", *reasons, f"The whole log: {ended.log}, or make ui.", sep="\n", file=sys.stderr)
    return 1 if failed else 0


def run_every_class(arguments: argparse.Namespace) -> int:
    """Every class there is, and a line for each in the end; then recognition over all of them."""
    store = Store(default_store())
    names = list(known_drawings(store.root))
    chosen = profile(arguments.profile)
    print(f"Full Circle: every drawing class ({len(names)}), profile {chosen.name} ({chosen.cost} each on 2 cores)", flush=True)
    of_recognition = [s for s in arguments.set if s.startswith(f"{RECOGNITION_PART}.")]
    of_classes = [s for s in arguments.set if s not in of_recognition]

    def launch(name: str, assignments: Sequence[str]) -> Launch:
        return drawing_request(argparse.Namespace(**vars(arguments) | {"drawing": name, "set": assignments}))

    outcomes = run_all(names, lambda name: launch(name, of_classes), store, force=arguments.force)
    good = all(outcome.good for outcome in outcomes)
    if sum(outcome.good for outcome in outcomes) > 1:
        ended = run(launch(AUTO, of_recognition), force=arguments.force)
        if ended is None:
            outcomes.append(Outcome("recognition", "up to date"))
        elif ended.succeeded:
            outcomes.append(Outcome("recognition", "made"))
        else:
            outcomes.append(Outcome("recognition", "failed", f"{'; '.join(ended.failures)} Log: {ended.log}"))
            good = False
    print(f"\n{outcomes_text(outcomes)}\n\nTheir figures: make results")
    return 0 if good else 1


def refused(error: Exception) -> str | None:
    """What the system refused, to us or to Dagster's history, as a sentence; None for any other error."""
    if isinstance(error, OSError):
        return system_error(error)
    of_history = getattr(error, "orig", None)  # Dagster keeps it by SQLAlchemy, which wraps what SQLite says
    if not isinstance(of_history, sqlite3.Error) or (code := of_history.sqlite_errorcode & 0xFF) not in UNUSABLE + HELD:
        return None
    home = os.environ.get("DAGSTER_HOME")
    which = f"Dagster's history in DAGSTER_HOME {home} cannot be used: {of_history}"
    if code in UNUSABLE:
        return f"{which}. Free some space, make it writable, or choose another folder with DAGSTER_HOME=FOLDER, and run again."
    held = ", ".join(map(str, locked_databases(Path(home or ".")))) or "it is free again by now"
    return f"{which} by another process ({held}). Wait until that process is done, or end it, and run again."


def locked_databases(home: Path) -> list[Path]:
    """The SQLite files of a DAGSTER_HOME that another process keeps locked at this moment."""
    found = []
    for path in sorted(home.rglob("*.db")):
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=0.0, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute("ROLLBACK")
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF in HELD:
                found.append(path)
    return found


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(prog="python -m pipelines.run", description=__doc__)
    made.add_argument(
        "--drawing",
        help="drawing class, by name, as path/to/file.py:Class or module:Class; all; or auto, to tell them apart",
    )
    made.add_argument("--source", help="instead: picture source, by name or as folder:PATH, fonts:PATH, mnist:FILE.npz")
    made.add_argument(
        "--models", help="of a source: which autoencoders, conv_autoencoder,vae for one; none (default: these two)"
    )
    made.add_argument(
        "--features", action="store_true", help="instead of training: what the maps of a trained encoder react to most"
    )
    made.add_argument("--profile", default="quick", help="quick or full (default: %(default)s)")
    made.add_argument("--force", action="store_true", help="make everything again, what is up to date too")
    made.add_argument("--large", action="store_true", help="go on although it takes more than 50 GB or a day")
    made.add_argument("--set", action="append", default=[], metavar="PART.NAME=VALUE", help="examples.n=500, for one")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Launch, follow, print; returns the exit code."""
    arguments = parser().parse_args(argv)
    every = arguments.source is None and arguments.drawing == ALL and not arguments.features
    try:
        if every and arguments.models is not None:
            raise SettingsError(
                "Models learn from a picture source. Received: models for drawing classes. Name SOURCE=tifinagh."
            )
        launches = [] if every else requests(arguments)
        if every:
            of_classes = [s for s in arguments.set if not s.startswith(f"{RECOGNITION_PART}.")]
            profile(arguments.profile).settings.replaced(overrides_of(of_classes))
    except (ValueError, StoreError, LedgerError) as error:
        print(f"Not launched. {error}", file=sys.stderr)
        return 2
    except Exception as error:
        if (why := refused(error)) is None:
            raise
        print(f"Not launched. {why}", file=sys.stderr)
        return 2
    if not os.environ.get("DAGSTER_HOME"):
        print("Not launched. DAGSTER_HOME is expected to name a folder with dagster.yaml; make run sets it.", file=sys.stderr)
        return 2
    began = time.monotonic()
    try:
        # The store is in use between the steps of its runs, too.
        with only_one(Path(os.environ["DAGSTER_HOME"])), Store(default_store()).in_use():
            close_and_print()  # also where nothing is launched: a run that was killed at its very end left nothing to make
            failed = run_every_class(arguments) if every else run_each(launches, force=arguments.force)
        if not (failed or every):
            print(f"\nDone in {duration(time.monotonic() - began)}.\n\n{summary(launches)}")
    except (LedgerError, StoreError) as error:
        print(f"Stopped. {error}", file=sys.stderr)
        return 1
    except Exception as error:
        if (why := refused(error)) is None:
            raise
        print(f"Stopped. {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nInterrupted. What was finished is kept; a training continues from its last epoch when run again.",
            file=sys.stderr,
        )
        return 130
    return failed


if __name__ == "__main__":
    for ends in (signal.SIGTERM, signal.SIGHUP):  # as a Ctrl-C does: the run is canceled and its processes ended first
        signal.signal(ends, signal.default_int_handler)
    raise SystemExit(main())
