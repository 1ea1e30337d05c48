"""A format, and what the modules of several share: their arguments, and the file or stdout that they write to.

Belongs here: what no single format owns.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from fullcircle.core.settings import SettingsError
from fullcircle.store.files import whole_file

STDOUT = "-"


class ExportError(SettingsError):
    """It cannot be exported there. The message says where, what was received and what to do."""


@dataclasses.dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        to: the file or the address; `STDOUT`, of which nothing is printed.
        counts: how many of what, such as 8 "records".
    """

    to: str
    counts: Mapping[str, int]

    def text(self) -> str:
        """``ledger.parquet: 8 records``."""
        return f"{self.to}: {', '.join(f'{count:,} {of}' for of, count in self.counts.items())}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {"to": self.to, **self.counts}


@dataclasses.dataclass(frozen=True)
class Format:
    """A format of others.

    Attributes:
        name: that is typed, ``parquet``.
        summary: what it is for, a phrase.
        add_arguments: adds its own to those that all have (``--store``, ``--json``): `add_to`, `add_version` and further ones.
        write: what is asked for. Raises `SettingsError` where it cannot be had: then nothing is written.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    write: Callable[[argparse.Namespace], Written]


def add_to(parser: argparse.ArgumentParser, *, metavar: str = "FILE", about: str = "- for stdout") -> None:
    """Add ``--to``: where it is written, stdout unless it is named."""
    parser.add_argument("--to", default=STDOUT, metavar=metavar, help=f"{about} (default: %(default)s)")


def add_version(parser: argparse.ArgumentParser, *, without: str) -> None:
    """Add ``[ASSET[@VERSION]]`` and ``--partition``.

    Args:
        parser: of the format.
        without: what is written where no version is named.
    """
    about = f"drawings/encoder@f5ef, and what it was made from; without @VERSION the one that is served (default: {without})"
    parser.add_argument("version", nargs="?", metavar="ASSET[@VERSION]", help=about)
    parser.add_argument(
        "--partition", metavar="NAME", help="drawing class or picture source of the version, where there are several"
    )


@contextlib.contextmanager
def text_file(to: str) -> Iterator[TextIO]:
    """A file to write text into, which is whole in the end or as it was before; stdout for `STDOUT`."""
    if to == STDOUT:
        yield sys.stdout
        return
    path = Path(to).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file
