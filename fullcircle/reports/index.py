"""The index: one page that links the latest reports of a store, with their headline figures side by side.

Belongs here: which figures stand there and how reports are grouped. Nothing is computed; all of it is taken from `results`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fullcircle.reports.files import CONTACT_SHEET
from fullcircle.reports.page import FIGURES, figure_text, rendered
from fullcircle.reports.results import latest_reports
from fullcircle.store.objects import Store

INDEX = "index.html"

HEADLINES = (
    "psnr_db",
    "pca_psnr_db",
    "ssim",
    "fvu",
    "negative_elbo",
    "active_latents",
    "knn_accuracy",
    "knn_pixels_accuracy",
    "completeness",
    "samples_copied",
    "endpoint_px_mean",
    "within_1px",
    "pixel_exact",
    "accuracy",
    "pixels_accuracy",
    "above_test",
    "dead_maps",
)
"""Of all figures those by which reports on the same pictures are compared at a glance."""


def index_page(results: Sequence[Mapping[str, Any]], folder: Path) -> str:
    """The page: a table for each drawing class or picture source, a row for each report of it.

    Args:
        results: of `results.latest_reports`.
        folder: where the page will lie; links are relative to it, so that both can be moved together.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        prefix, _, _ = result["asset"].rpartition("/")
        groups.setdefault((prefix, result["partition"]), []).append(result)
    sections = []
    for (prefix, partition), reports in sorted(groups.items()):
        names = [name for name in HEADLINES if any(name in r["metrics"] for r in reports)]
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
                    "figures": [figure_text(name, r["metrics"][name]) if name in r["metrics"] else "" for name in names],
                }
            )
        says = sorted({r["says"] for r in reports} - {""})
        if len(says) > 1:  # their splits were made in different ways
            says = [f"{row['title']}: {r['says']}" for row, r in zip(rows, reports, strict=True) if r["says"]]
        columns = [FIGURES[name][0] for name in names]
        sections.append({"title": f"{prefix}: {partition}", "says": says, "columns": columns, "rows": rows})
    shown = {name for name in HEADLINES for r in results if name in r["metrics"]}
    meanings = [FIGURES[name] for name in HEADLINES if name in shown]
    return rendered("index.html.j2", sections=sections, meanings=meanings)


def _link(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def write_index(store: Store) -> Path:
    """The page of a store's latest reports, in the store's own folder; returns where.

    Raises:
        StoredObjectError: when a report is not whole.
    """
    path = store.root / INDEX
    path.write_text(index_page(latest_reports(store), store.root))
    return path
