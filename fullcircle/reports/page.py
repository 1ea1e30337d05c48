"""The page: one self-contained HTML file from figures, pictures and curves; and the version of the code that makes it.

Belongs here: what the pages of all reports share. What stands on a page is the business of its report.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fullcircle.reports.figures import Figures
from fullcircle.store.code_version import code_version


@dataclasses.dataclass(frozen=True)
class Table:
    """A titled table: rows of figures, one column per group."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page with a heading of its own.

    Attributes:
        title: heading.
        text: a paragraph.
        pictures: caption and data address of each.
        tables: under the pictures.
        markup: HTML or SVG of the project's own making, between the two; never anything from outside.
    """

    title: str
    text: str = ""
    pictures: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
    markup: str = ""


@dataclasses.dataclass(frozen=True)
class Listing:
    """A titled list of lines of code, each with a name."""

    title: str
    lines: Sequence[tuple[str, str]]


def figure_table(title: str, groups: Mapping[str, Mapping[str, Any]], figures: Figures) -> Table:
    """Figures of several groups side by side; rows follow `figures`."""
    shown = {n: f for n, f in figures.items() if any(n in g for g in groups.values())}
    return Table(title, list(groups), [(f.label, [f.text(g.get(n)) for g in groups.values()]) for n, f in shown.items()])


def split_difference_tables(differences: Mapping[str, Mapping[str, Mapping[str, Any]]], figures: Figures) -> list[Table]:
    """A table for each group of `bootstrap.split_differences`: valid, test, difference, its interval, and what follows."""
    columns = ["valid", "test", "test - valid", "95 % interval", "0 in it", "beyond chance"]
    tables = []
    for group, of_group in differences.items():
        rows = []
        for figure, difference in ((f, of_group[name]) for name, f in figures.items() if name in of_group):
            numbers = [figure.text(difference[k]) for k in ("valid", "test", "difference")]
            interval = " to ".join(figure.text(difference[k]) for k in ("low", "high"))
            words = ["yes" if difference[k] else "no" for k in ("holds_zero", "beyond_chance")]
            rows.append((figure.label, [*numbers, interval, *words]))
        tables.append(Table(f"Valid against test: {group}", columns, rows))
    return tables


def page(
    *,
    title: str,
    summary: str,
    pictures: Sequence[tuple[str, str]],
    tables: Sequence[Table],
    curves: str,
    facts: Mapping[str, str],
    figures: Figures,
    listings: Sequence[Listing] = (),
    sections: Sequence[Section] = (),
    warning: str = "",
) -> str:
    """The HTML page.

    Args:
        title: heading.
        summary: a paragraph under it.
        pictures: caption and data address of each sheet.
        tables: in order.
        curves: SVG text; empty where nothing was trained.
        facts: how it came about: settings, hashes read, seconds.
        figures: those that are explained where the tables show them.
        listings: code, under the pictures.
        sections: in order, after all these.
        warning: what must not be overlooked, in plain sight above everything.
    """
    every = [*tables, *(table for section in sections for table in section.tables)]
    shown = {word for table in every for word in (*table.columns, *(label for label, _ in table.rows))}
    meanings = [(figure.label, figure.meaning) for figure in figures.values() if figure.label in shown]
    return rendered(
        "page.html.j2",
        title=title,
        summary=summary,
        pictures=pictures,
        listings=listings,
        tables=tables,
        curves=curves,
        facts=facts,
        meanings=meanings,
        sections=sections,
        warning=warning,
    )


def page_version(report: Callable[..., None]) -> str:
    """Short hash of the code that makes a report's page, templates included, for its ``report.json``.

    A page is no content of its own, so by figures and pictures alone a corrected page would be the same object, and the old page
    would stay. With this beside the figures it is another object.

    Args:
        report: the function that writes the report: what it measures and shows belongs to the page as the template does.
    """
    return code_version(f"{report.__module__}:{report.__name__}")


def rendered(template: str, **values: Any) -> str:
    """One of the templates with its values; what comes from outside is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("fullcircle.reports"), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template).render(**values)
