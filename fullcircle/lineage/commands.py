"""The command ``fullcircle audit``.

Belongs here: its arguments, printing, exit codes. What is found is found by the modules beside this one.

Exit codes are for CI: 0 all is well; 1 something is wrong: a store that is not as its ledger has it, a version that came out
differently; 2 it cannot be asked: there is no such version, or the code is another.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fullcircle.core.progress import Progress
from fullcircle.core.settings import SettingsError
from fullcircle.lineage.history import History
from fullcircle.lineage.ledger_commands import add_against, add_ledger_commands, against
from fullcircle.store.objects import NothingMaterializedError, Store, StoredObjectError

FINE, WRONG, CANNOT = 0, 1, 2

NOTES = Progress(lambda text: print(text, file=sys.stderr))
"""How far it is."""

VERSION = "a version: ASSET@VERSION, drawings/encoder@f5ef for one, or the beginning of its hash alone"


def _show(arguments: argparse.Namespace) -> int:
    from fullcircle.lineage.tree import upstream

    store = Store(arguments.store)
    history = History.of(store)
    tree = upstream(store, history, history.find(arguments.asset, arguments.partition))
    if arguments.html is not None:
        from fullcircle.lineage.page import page
        from fullcircle.store.files import whole_file

        arguments.html.absolute().parent.mkdir(parents=True, exist_ok=True)
        with whole_file(arguments.html) as path:
            path.write_text(page(tree), encoding="utf-8")
        print(arguments.html)
    elif arguments.dot:
        print(printable(tree.dot()))
    else:
        _print(arguments, tree)
    return FINE


def _verify(arguments: argparse.Namespace) -> int:
    from fullcircle.lineage.verify import verify

    store = Store(arguments.store)
    held = []
    if arguments.against is not None:
        held = against(store, arguments.against, arguments.public_key, arguments.unsigned)
    found = verify(store, arguments.asset, everything=arguments.all, held=held, progress=NOTES)
    _print(arguments, found)
    return WRONG if found.wrong else FINE


def _impact(arguments: argparse.Namespace) -> int:
    from fullcircle.lineage.impact import impact

    store = Store(arguments.store)
    history = History.of(store)
    _print(arguments, impact(store, history, history.find(arguments.version, arguments.partition)))
    return FINE


def _diff(arguments: argparse.Namespace) -> int:
    from fullcircle.lineage.difference import difference

    store = Store(arguments.store)
    history = History.of(store)
    first, second = (history.find(version, arguments.partition) for version in (arguments.first, arguments.second))
    _print(arguments, difference(store, history, first, second))
    return FINE


def _number(arguments: argparse.Namespace) -> int:
    from fullcircle.lineage.number import number

    store = Store(arguments.store)
    history = History.of(store)
    _print(arguments, number(store, history, history.find(arguments.report, arguments.partition), arguments.metric))
    return FINE


def _reproduce(arguments: argparse.Namespace) -> int:
    from fullcircle.lineage.reproduce import reproduce

    store = Store(arguments.store)
    history = History.of(store)
    made = history.find(arguments.version, arguments.partition)
    with _scratch(arguments.scratch) as scratch:
        found = reproduce(store, history, made, scratch, NOTES, anyway=arguments.anyway)
    _print(arguments, found)
    return FINE if found.different is None else WRONG


@contextlib.contextmanager
def _scratch(folder: Path | None) -> Iterator[Store]:
    """An empty store: in the folder, where it stays, or in one that is removed afterwards.

    Raises:
        SettingsError: when the folder is not empty.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="fullcircle-reproduced-") as temporary:
            yield Store(temporary)
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(f"--scratch is expected to name an empty folder, or none yet. Received: {str(folder)!r}.")
    yield Store(folder)


def _print(arguments: argparse.Namespace, found: Any) -> None:
    print(json.dumps(found.as_dict(), indent=1) if arguments.json else printable(found.text()))


def printable(text: str) -> str:
    """Text in which what would steer the terminal is spelled out: names and reasons may have been written by anybody."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def add_audit(commands: Any) -> Any:
    """Add the command to others.

    Args:
        commands: what `ArgumentParser.add_subparsers` returned.

    Returns:
        What it returned for the command itself, to add to.
    """
    audit = commands.add_parser(
        "audit",
        help="where a version or a figure comes from, and whether all is still so",
        description="Exit codes: 0 all is well, 1 something is wrong, 2 it cannot be asked.",
    )
    asked = audit.add_subparsers(dest="asked", required=True)
    show = _add(asked, "show", _show, "everything that a version was made from, with settings, runs and checks")
    show.add_argument(
        "asset", metavar="ASSET[@VERSION]", help="drawings/encoder@f5ef; without a version the one that is served"
    )
    _partition(show, positional=True)
    form = show.add_mutually_exclusive_group()
    form.add_argument("--html", type=Path, metavar="FILE", help="as a page with a graph to click through")
    form.add_argument("--dot", action="store_true", help="as a graph for Graphviz")
    check = _add(asked, "verify", _verify, "is every file, record and decision as it was when it was made?")
    check.add_argument("asset", nargs="?", metavar="ASSET", help="hash its versions and what they were made from only")
    check.add_argument(
        "--all", action="store_true", help="hash every version, not only what is served and what that was made from"
    )
    add_against(check)
    impact = _add(asked, "impact", _impact, "everything that was made from a version, and what of that is served")
    impact.add_argument("version", metavar="VERSION", help=VERSION)
    _partition(impact)
    diff = _add(asked, "diff", _diff, "why two versions of an asset differ")
    diff.add_argument("first", metavar="A", help=VERSION)
    diff.add_argument("second", metavar="B", help="another of the same asset")
    _partition(diff)
    number = _add(asked, "number", _number, "a figure of a report back to its parents, and the command that makes it again")
    number.add_argument(
        "report", metavar="REPORT[@VERSION]", help="drawings/encoder_report; without a version the one that is served"
    )
    number.add_argument("metric", metavar="METRIC", help="name of the figure, reader_pixel_exact for one")
    _partition(number)
    again = _add(
        asked, "reproduce", _reproduce, "make a version again from the ledger alone, in a store of its own, and compare"
    )
    again.add_argument("version", metavar="VERSION", help=VERSION)
    _partition(again)
    again.add_argument("--anyway", action="store_true", help="also by code that is not the one on record")
    again.add_argument("--scratch", type=Path, metavar="FOLDER", help="empty, keeps what is made (default: removed afterwards)")
    own = set(asked.choices)
    add_ledger_commands(asked)
    for command in (asked.choices[name] for name in asked.choices if name not in own):
        command.set_defaults(run=asking(command.get_default("run")))
    return asked


def _add(asked: Any, name: str, run: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = asked.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}")
    command.set_defaults(run=asking(run))
    command.add_argument("--json", action="store_true", help="as JSON")
    return command


def _partition(command: argparse.ArgumentParser, *, positional: bool = False) -> None:
    about = "drawing class or picture source, where there are several"
    if positional:
        command.add_argument("partition", nargs="?", metavar="PARTITION", help=about)
    else:
        command.add_argument("--partition", metavar="NAME", help=about)


def asking(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """A command whose refusals end with exit code 2; what is damaged ends with 1, as in every command."""

    def asked(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except (SettingsError, NothingMaterializedError) as error:
            print(printable(f"fullcircle: {error}"), file=sys.stderr)
            return CANNOT
        except StoredObjectError as error:
            print(printable(f"fullcircle: {error}"), file=sys.stderr)
            return WRONG

    return asked
