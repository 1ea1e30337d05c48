"""Results: the latest figures of every report, from the store alone.

Belongs here: collecting and printing. Nothing is computed; the figures are those of the reports' ``report.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fullcircle.reports.figures import ALL, VARIANTS
from fullcircle.reports.files import PAGE, REPORT
from fullcircle.store.objects import Store, StoredObjectError

if TYPE_CHECKING:
    import pandas as pd

HEADLINES = tuple(name for name, figure in ALL.items() if figure.in_results)
"""The figures of the table, in order."""

REPORTS = ("_report", "feature_patterns")
"""What the names of assets end with that hold a report."""


AUDITS = "lineage/"
"""What the names of reports begin with that are on the store and on no model: they have no figures of one."""


def latest_reports(store: Store, on_damage: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """The latest version of every report, by asset and partition.

    Each is ``{"asset", "partition", "version", "report", "metrics", "meaning"}``; `meaning` is what the figures prove, by how the
    splits were made, empty where there is only one way.

    Args:
        store: whose.
        on_damage: is given a sentence for each report that is not whole; the others are returned. None: the first one is raised.

    Raises:
        StoredObjectError: when a report is not whole and `on_damage` is None.
    """
    results = []
    for (asset, partition), entry in sorted(store.ledger.latest_of_all().items()):
        if not asset.endswith(REPORTS) or asset.startswith(AUDITS):
            continue
        try:
            stored = store.open(entry["version"], f"{asset} ({partition})")
        except StoredObjectError as error:
            if on_damage is None:
                raise
            on_damage(f"{asset} of {partition} is left out. {error}")
            continue
        report = stored.json(REPORT)
        splits = report.get("splits", {})
        results.append(
            {
                "asset": asset,
                "partition": partition,
                "version": stored.hash,
                "report": str(stored.file(PAGE)),
                "metrics": report["metrics"],
                "meaning": splits.get("meaning", splits.get("says", "")),  # older reports have it as "says"
            }
        )
    return results


def frame(results: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The results as a pandas frame, a row for each report.

    Args:
        results: of `latest_reports`.

    Returns:
        Columns `asset`, `partition`, `version`, `report` (path of the page) and `meaning`, then one for each figure that any of the
        reports has, as it is called there; NaN where a report has no such figure, or nothing to compute it from.

    Example:
        >>> frame(latest_reports(store)).set_index("partition")["reader_pixel_exact"]
    """
    import pandas as pd

    given = ("asset", "partition", "version", "report", "meaning")
    figures = dict.fromkeys(name for result in results for name in result["metrics"])
    columns = {name: pd.Series([result[name] for result in results], dtype=object) for name in given}
    columns |= {name: pd.Series([result["metrics"].get(name) for result in results], dtype="float64") for name in figures}
    return pd.DataFrame(columns)


def results_text(results: list[dict[str, Any]], goals: Mapping[str, Mapping[str, float]] | None = None) -> str:
    """The results as a table people read: clean, noisy and the reader's side by side, and what a profile should reach.

    Args:
        results: of `latest_reports`.
        goals: per asset, figure and the most it should be.
    """
    lines: list[str] = []
    for result in results:
        metrics, of_asset = result["metrics"], (goals or {}).get(result["asset"], {})
        variants = {v: head for v, head in VARIANTS.items() if any(name.startswith(v) for name in metrics)}
        lines.append(f"{result['asset']} of {result['partition']}, on test, version {result['version'][:12]}")
        heads = ["clean", *variants.values()] if variants else [""]
        lines.append(f"  {'':<32}" + "".join(f"{h:>12}" for h in heads) + ("        goal" if of_asset else ""))
        for name in HEADLINES:
            if name not in metrics:
                continue
            cells = [ALL[name].text(metrics[name]), *(ALL[name].text(metrics.get(v + name)) for v in variants)]
            goal = f"{'<= ' + format(of_asset[name], 'g'):>12}" if name in of_asset else ""
            lines.append((f"  {ALL[name].label:<32}" + "".join(f"{c:>12}" for c in cells) + goal).rstrip())
        lines += [f"  {result['meaning']}"] if result["meaning"] else []
        lines += [f"  report: {result['report']}", ""]
    return "\n".join(lines).rstrip()
