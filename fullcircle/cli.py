"""The command ``fullcircle``.

Belongs here: arguments, printing, exit codes. Running the pipeline is Dagster's business: ``python -m pipelines.run``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fullcircle.core.default_store import default_store
from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import SettingsError
from fullcircle.core.system_errors import system_error
from fullcircle.drawings import drawing_of
from fullcircle.exports.commands import add_export
from fullcircle.lineage.commands import add_audit
from fullcircle.reading.settings import STEPS, ReaderSettings
from fullcircle.reports.results import frame, latest_reports, results_text
from fullcircle.store.ledger import LedgerError, StoreError
from fullcircle.store.objects import NothingMaterializedError, Store, StoredObjectError
from fullcircle.store.prune import KEEP, prune

MANY = 200
"""From so many pictures on, `read` says how far it is."""

CLOSED = 141
"""Exit code when nobody reads any more what is printed, as a shell gives it: 128 + SIGPIPE."""

AUTO = "auto"
"""In place of a drawing class: whichever it is."""

BATCH = 400
"""Pictures that all classes read before the first is answered."""

NOTES = Progress(lambda text: print(f"fullcircle: {text}", file=sys.stderr))
"""What is printed once, beside the answers."""


def _results(arguments: argparse.Namespace) -> int:
    store = Store(arguments.store)
    damaged: list[str] = []
    results = latest_reports(store, damaged.append)
    for text in damaged:
        print(f"fullcircle: {text}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(results, indent=1))
    elif arguments.csv:
        print(frame(results).to_csv(index=False), end="")
    elif results:
        from fullcircle.reports.index import write_index

        print(results_text(results))
        print(f"\nall of them on one page: {write_index(store)}")
    elif not damaged:
        print(f"No report yet in {store.root}. Make one with: make run", file=sys.stderr)
        return 1
    return 1 if damaged else 0


def _reader_settings(arguments: argparse.Namespace) -> ReaderSettings:
    taken = ",".join(s for s in STEPS if s in arguments.steps)
    return ReaderSettings(steps=taken, seed=arguments.seed, workers=arguments.workers)


def _pictures(arguments: argparse.Namespace) -> tuple[list[Path], Callable[[Path, object], None], list[Path]]:
    """The pictures that are named, how one that cannot be read is reported, and those that were so far."""
    from fullcircle.images.files import PictureError, pictures_at, printable_name

    paths: list[Path] = []
    failed: list[Path] = []

    def fail(path: Path, message: object) -> None:
        failed.append(path)
        print(f"fullcircle: {printable_name(path)}: {message}", file=sys.stderr)

    for path in arguments.path:
        try:
            paths += pictures_at(path)
        except PictureError as error:
            fail(path, error)
    return paths, fail, failed


def _read_auto(arguments: argparse.Namespace) -> int:
    """Every trained class reads each picture; the likeliest answers."""
    from fullcircle.images.files import PictureError
    from fullcircle.reading.answers import write_overlay
    from fullcircle.reading.pictures import Picture, open_picture
    from fullcircle.reading.recognition import as_plain, contenders, line, recognise

    if arguments.parquet:
        raise SettingsError(
            f"--parquet takes one drawing class, whose factors are its columns. Received: --drawing {AUTO}. "
            "Use --json, or name one."
        )
    settings = _reader_settings(arguments)
    paths, fail, failed = _pictures(arguments)
    taking_part = contenders(
        Store(arguments.store), settings, unverified=arguments.any, last_whole=arguments.last_whole, progress=NOTES
    )
    progress = Progress(lambda text: print(text, file=sys.stderr)) if len(paths) * len(taking_part) >= MANY else silent
    names: set[str] = set()
    found = []
    for first in range(0, len(paths), BATCH):
        opened: list[list[Picture]] = []
        for path in paths[first : first + BATCH]:
            try:
                opened.append([open_picture(path, c.drawing) for c in taking_part])
            except PictureError as error:
                fail(path, error)
        for ranked in recognise(taking_part, opened, (settings.seed, first), progress) if opened else ():
            if not arguments.json:
                print(line(ranked), flush=True)
            if arguments.overlay:
                write_overlay(arguments.overlay, ranked[0].contender.drawing, ranked[0].answer, names)
            found.append(as_plain(ranked))
    if arguments.json:
        print(json.dumps(found, indent=1))
    return 1 if failed else 0


def _read(arguments: argparse.Namespace) -> int:
    from fullcircle.images.files import PictureError
    from fullcircle.reading.answers import Answer, as_dict, write_overlay, write_parquet
    from fullcircle.reading.batches import read_in_batches
    from fullcircle.reading.pictures import Picture, open_picture
    from fullcircle.reading.stored import champion_reader

    if arguments.drawing == AUTO:
        return _read_auto(arguments)
    drawing = drawing_of(arguments.drawing, Path(arguments.store))
    settings = _reader_settings(arguments)
    paths, fail, failed = _pictures(arguments)
    store = Store(arguments.store)
    reader, models = champion_reader(
        store, drawing, settings, unverified=arguments.any, last_whole=arguments.last_whole, progress=NOTES
    )
    if arguments.parquet:
        arguments.parquet.absolute().parent.mkdir(parents=True, exist_ok=True)
    progress = Progress(lambda text: print(text, file=sys.stderr)) if len(paths) >= MANY else silent
    found: list[Answer] = []
    names: set[str] = set()

    def pictures() -> Iterator[Picture]:
        for path in paths:
            try:
                yield open_picture(path, drawing)
            except PictureError as error:
                fail(path, error)

    for batch in read_in_batches(reader, pictures(), len(paths)):
        for answer in batch:
            if not arguments.json:
                print(answer.line(), flush=True)
            if arguments.overlay:
                write_overlay(arguments.overlay, drawing, answer, names)
        found += [answer.without_image() for answer in batch]
        progress.step("reading", len(found), len(paths) - len(failed), "pictures")
    if arguments.json:
        print(json.dumps([as_dict(drawing, a) | {"models": models} for a in found], indent=1))
    if arguments.parquet:
        about = {"drawing": drawing.name, "models": models, "settings": settings.content()}
        write_parquet(arguments.parquet, drawing, found, about)
    return 1 if failed else 0


def _check(arguments: argparse.Namespace) -> int:
    from fullcircle.checks.drawing_class import examine, report, sheet
    from fullcircle.checks.trial import tried

    drawing = tried(arguments.drawing, Path(arguments.store))
    print(f"{drawing.name}: {drawing.summary}")
    found = examine(drawing)
    report(drawing, found, print)
    if found.seen:
        path = arguments.sheet or Path(arguments.store) / "checks" / f"{drawing.name}.png"
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        sheet(drawing).save(path)
        print(f"\nLook at it: {path}")
    return 1 if found.refused else 0


def _list(arguments: argparse.Namespace) -> int:
    from fullcircle.steps.catalogue import catalogue, catalogue_text

    entries = catalogue(Store(arguments.store))
    print(json.dumps([entry.as_dict() for entry in entries], indent=1) if arguments.json else catalogue_text(entries))
    return 0


def _champion(arguments: argparse.Namespace) -> int:
    from fullcircle.promotion import champions as of
    from fullcircle.promotion.decide import force, roll_back
    from fullcircle.store.champions import history

    store, asked, name = Store(arguments.store), arguments.asked, arguments.name
    asset, partition = of.champion_asset(name or "")
    if asked == "rollback":
        of.decided(store, name)
        roll_back(store, asset, partition, arguments.reason, arguments.to)
    elif asked == "promote":
        force(store, asset, partition, of.challenger(store, name, arguments.version), arguments.force)
    elif asked == "compare" and arguments.challenger is not None:
        champion = arguments.champion and of.challenger(store, name, arguments.champion)
        models = champion or of.decided(store, name).decision.champion
        found = of.compare_versions(store, name, of.challenger(store, name, arguments.challenger), models, NOTES)
        print(json.dumps(found, indent=1) if arguments.json else of.figures_text(found["figures"]))
        return 0
    if name is None:
        shown = list(of.champions(store))
        text = (
            "\n".join(of.line(store, *champion) for champion in shown) or "Nothing was decided yet. Train something: make run"
        )
    elif asked == "history":
        of.decided(store, name)
        shown = [(asset, partition, recorded) for recorded in history(store, asset, partition)]
        text = "\n\n".join(of.details(store, *champion) for champion in shown)
    else:
        shown = [(asset, partition, of.decided(store, name))]
        text = of.details(store, *shown[0])
    print(json.dumps([of.as_plain(*champion) for champion in shown], indent=1) if arguments.json else text)
    return 0


def _prune(arguments: argparse.Namespace) -> int:
    print(prune(Store(arguments.store), arguments.keep, delete=arguments.delete).text())
    if not arguments.delete:
        print("\nNothing was removed. To remove what is not needed: --delete. With Dagster's history: make prune")
    return 0


def _steps(text: str) -> list[str]:
    steps = [s.strip() for s in text.split(",")]
    if not set(steps) <= set(STEPS):
        raise argparse.ArgumentTypeError(f"steps are expected to be of {', '.join(STEPS)}. Received: {text!r}.")
    return steps


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    top = argparse.ArgumentParser(prog="fullcircle", description="Write a class that draws; get back its inverse.")
    top.add_argument("--store", default=str(default_store()), help="folder of objects and ledger (default: %(default)s)")
    commands = top.add_subparsers(dest="command", required=True)
    results = commands.add_parser("results", help="the latest figures of every report")
    form = results.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as a list of objects")
    form.add_argument("--csv", action="store_true", help="as a table for other programs, a row for each report")
    results.set_defaults(run=_results)
    there = commands.add_parser(
        "list", help="drawing classes, picture sources, operations and models, and what was made of each"
    )
    there.add_argument("--json", action="store_true", help="as a list of objects")
    there.set_defaults(run=_list)
    check = commands.add_parser("check", help="what is wrong with a drawing class, and what its pictures cannot tell")
    check.add_argument("drawing", metavar="CLASS", help="a name, path/to/file.py:Class or module:Class; its code is run")
    check.add_argument("--sheet", type=Path, metavar="FILE", help="the contact sheet (default: in the store)")
    check.set_defaults(run=_check)
    champion = commands.add_parser("champion", help="which models are served, why, and which were before")
    champion.set_defaults(run=_champion)
    asked = champion.add_subparsers(dest="asked", required=True)
    of = "a drawing class, line, or a model of a picture source, tifinagh/vae"
    show = asked.add_parser("show", help="the champion and the last decision; of all, or of one")
    show.add_argument("name", nargs="?", metavar="NAME", help=of)
    past = asked.add_parser("history", help="every decision, oldest first")
    past.add_argument("name", metavar="NAME", help=of)
    compare = asked.add_parser("compare", help="the figures of the last decision, or of two versions, on other pictures")
    compare.add_argument("name", metavar="NAME", help=of)
    compare.add_argument("challenger", nargs="?", metavar="VERSION", help="of an encoder, or of the model; its beginning")
    compare.add_argument("champion", nargs="?", metavar="OTHER", help="in place of the champion")
    back = asked.add_parser("rollback", help="make the champion before this one champion again; the reason goes on record")
    back.add_argument("name", metavar="NAME", help=of)
    back.add_argument("--reason", required=True, metavar="TEXT", help="why")
    back.add_argument("--to", metavar="VERSION", help="beginning of the version of one of its models (default: the one before)")
    promote = asked.add_parser("promote", help="make a version champion whatever a comparison says; the reason goes on record")
    promote.add_argument("name", metavar="NAME", help=of)
    promote.add_argument("version", nargs="?", metavar="VERSION", help="of an encoder, or of the model (default: the latest)")
    promote.add_argument("--force", required=True, metavar="REASON", help="why")
    for command in (show, past, compare, back, promote):
        command.add_argument("--json", action="store_true", help="as JSON")
    add_export(add_audit(commands))
    pruning = commands.add_parser("prune", help="stored objects that nothing needs any more, and removing them")
    pruning.add_argument(
        "--keep", type=int, default=KEEP, metavar="N", help="versions of each asset and partition (default: %(default)s)"
    )
    pruning.add_argument("--delete", action="store_true", help="remove them (default: only say which)")
    pruning.set_defaults(run=_prune)
    read = commands.add_parser("read", help="pictures, or folders of them, back into the calls that draw them")
    read.add_argument("path", nargs="+", type=Path, metavar="PATH", help="a picture, or a folder of pictures")
    read.add_argument(
        "--drawing", default="line", help=f"what they show: a name, file.py:Class, or {AUTO} (default: %(default)s)"
    )
    read.add_argument("--steps", type=_steps, default=list(STEPS), metavar="STEPS", help=f"of {','.join(STEPS)} (default: all)")
    read.add_argument("--seed", type=int, default=1, help="source of chance of the search (default: %(default)s)")
    read.add_argument(
        "--workers", type=int, default=0, help="processes that search; changes nothing but the time (default: one per core)"
    )
    read.add_argument(
        "--any",
        action="store_true",
        help="use the latest models, champion or not, whatever their checks found; stderr says which did not pass",
    )
    read.add_argument(
        "--last-whole", action="store_true", help="where the champion's files are damaged, use the last champion that is whole"
    )
    read.add_argument("--json", action="store_true", help="as a list of objects")
    read.add_argument("--parquet", type=Path, metavar="FILE", help="also as a table")
    read.add_argument("--overlay", type=Path, metavar="FOLDER", help="also input | redrawn | difference, a PNG per picture")
    read.set_defaults(run=_read)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    arguments = parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that does not know a character must not end the command
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who asked, `head` for one, has read enough; Python would complain again when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except (StoredObjectError, StoreError, LedgerError, NothingMaterializedError, SettingsError) as error:
        print(f"fullcircle: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if (why := system_error(error)) is None:
            raise
        print(f"fullcircle: {why}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:  # it is what cannot be written; Python would complain again when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
