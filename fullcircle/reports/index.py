"""The index: one page that links the latest reports of a store, with their headline figures side by side.

Belongs here: how reports are grouped and linked. Nothing is computed; all of it is taken from `results`, and which figures are
compared is decided in `figures`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fullcircle.reports.figures import ALL
from fullcircle.reports.files import CONTACT_SHEET
from fullcircle.reports.page import rendered
from fullcircle.reports.results import latest_reports
from fullcircle.store.files import whole_file
from fullcircle.store.objects import Store

INDEX = "index.html"

HEADLINES = {name: figure for name, figure in ALL.items() if figure.on_index}
"""Of all figures those by which reports on the same pictures are compared at a glance."""


def index_page(results: Sequence[Mapping[str, Any]], folder: Path, damaged: Sequence[str] = ()) -> str:
    """The page: a table for each drawing class or picture source, a row for each report of it.

    Args:
        results: of `results.latest_reports`.
        folder: where the page will lie; links are relative to it, so that both can be moved together.
        damaged: a sentence for each report that is left out.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        prefix, _, _ = result["asset"].rpartition("/")
        groups.setdefault((prefix, result["partition"]), []).append(result)
    sections = []
    for (prefix, partition), reports in sorted(groups.items()):
        figures = {name: figure for name, figure in HEADLINES.items() if any(name in r["metrics"] for r in reports)}
        rows = []
        for r in reports:
            page = Path(r["report"])
            sheet = page.with_name(CONTACT_SHEET)
            rows.append(
                {
                    "title": r["asset"].rpartition("/")[2].removesuffix("_report").replace("_", " "),
                    "link": _link(page, folder),
                    "sheet": _link(sheet, folder) if sheet.exists() else "",
                    "version": r["version"][:12],
                    "figures": [f.text(r["metrics"][name]) if name in r["metrics"] else "" for name, f in figures.items()],
                }
            )
        notes = sorted({r["meaning"] for r in reports} - {""})
        if len(notes) > 1:  # their splits were made in different ways
            notes = [f"{row['title']}: {r['meaning']}" for row, r in zip(rows, reports, strict=True) if r["meaning"]]
        columns = [figure.label for figure in figures.values()]
        sections.append({"title": f"{prefix}: {partition}", "notes": notes, "columns": columns, "rows": rows})
    shown = {name for name in HEADLINES for r in results if name in r["metrics"]}
    meanings = [(figure.label, figure.meaning) for name, figure in HEADLINES.items() if name in shown]
    return rendered("index.html.j2", sections=sections, meanings=meanings, damaged=damaged)


def _link(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def write_index(store: Store) -> Path:
    """The page of a store's latest reports, in the store's own folder; returns where. It names the reports that are not whole.

    Whoever looks at it meanwhile has the page of before, whole.
    """
    path = store.root / INDEX
    damaged: list[str] = []
    text = index_page(latest_reports(store, damaged.append), store.root, damaged)
    with whole_file(path) as temporary:
        temporary.write_text(text)
    return path
