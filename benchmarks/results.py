"""Results: what every benchmark gives back, and how it is shown and kept.

Belongs here: tables with their ratio, as Markdown and as data, and writing both whole. One result is two files,
``results/<name>.md`` for people and ``results/<name>.json`` for programs, and pictures beside them.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import BUSY
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings
from fullcircle.store.files import whole_file

RATIO = "x"
"""The format of a column that says how many times."""

TRIAL = "A trial, not the measurement"
"""How a result begins to say that it was made with other settings than the default ones."""

FOLDER = Path(__file__).parent / "results"

Row = Mapping[str, Any]


class BenchmarkError(RuntimeError):
    """A benchmark cannot run here. The message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of figures under a title.

    Attributes:
        title: one line.
        columns: name -> format of a number, ``".2f"`` for one, or `RATIO`; text is shown as it is, None
            as a dash.
        rows: each names some of the columns; what is not named is a dash.
    """

    title: str
    columns: Mapping[str, str]
    rows: Sequence[Row]

    def with_ratio(self, of: str, against: str, name: str, *, inverse: bool = False) -> Table:
        """The same with a column that says how many times the figure of the row `against` each row's figure is.

        Args:
            of: the column to compare.
            against: first column of the row to compare with.
            name: of the new column.
            inverse: one over that, where less is better and the column is to say how much better.

        Raises:
            ValueError: when no row, or more than one, is called `against`.
        """
        label = next(iter(self.columns))
        bases = [row[of] for row in self.rows if row[label] == against]
        if len(bases) != 1:
            names = ", ".join(str(row[label]) for row in self.rows)
            raise ValueError(f"One row is expected to be called {against!r}. Received: {names}.")

        def ratio(value: float | None) -> float | None:
            if not value or not bases[0]:
                return None
            return bases[0] / value if inverse else value / bases[0]

        rows = [{**row, name: ratio(row.get(of))} for row in self.rows]
        return Table(self.title, {**self.columns, name: RATIO}, rows)

    def cells(self) -> list[list[str]]:
        """Header and rows as text."""
        body = [[_cell(row.get(name), how) for name, how in self.columns.items()] for row in self.rows]
        return [list(self.columns), *body]

    def markdown(self) -> str:
        """A Markdown table with columns of even width, numbers to the right."""
        header, *body = self.cells()
        widths = [max(len(r[i]) for r in (header, *body)) for i in range(len(header))]
        right = [bool(how) for how in self.columns.values()]

        def line(cells: Sequence[str]) -> str:
            padded = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True)]
            return f"| {' | '.join(padded)} |"

        rule = "|".join("-" * (w + 1) + ":" if r else "-" * (w + 2) for w, r in zip(widths, right, strict=True))
        return "\n".join([line(header), f"|{rule}|", *(line(r) for r in body)])


def _cell(value: Any, how: str) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, str) or not how:
        return str(value)
    if how == RATIO:
        return f"{value:,.0f} x" if abs(value) >= 100 else f"{value:.3g} x"
    return f"{value:{how}}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a benchmark found.

    Attributes:
        tables: in order of importance.
        notes: paragraphs: how it was measured, and what follows; line breaks in them mean nothing.
        figures: anything else for programs, plain data.
        pictures: file name -> alternative text and bytes, shown after the tables.
    """

    tables: Sequence[Table]
    notes: Sequence[str]
    figures: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    pictures: Mapping[str, tuple[str, bytes]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One question.

    Attributes:
        name: what is typed.
        question: what the result answers, one line.
        settings: its knobs; their defaults are the measurement, anything smaller is a trial.
        minutes: about how long it takes with these settings on 2 quiet cores.
        run: does it.
    """

    name: str
    question: str
    settings: type[Settings]
    minutes: Callable[[Any], float]
    run: Callable[[Any, Progress], Outcome]


def doubts(benchmark: Benchmark, settings: Settings, machine: Mapping[str, Any], others: float | None) -> list[str]:
    """Why the figures of a run are no result, a sentence each."""
    found = []
    default, given = benchmark.settings().as_dict(), settings.as_dict()
    changed = [f"{name} {given[name]:,} instead of {default[name]:,}" for name in given if given[name] != default[name]]
    if changed:
        found.append(f"{TRIAL}: {', '.join(changed)}.")
    if others is None:
        if machine["load_at_start"] > BUSY * machine["cores"]:
            found.append(f"Others may have worked on this machine: load average {machine['load_at_start']} at the start.")
    elif others > BUSY:
        found.append(
            f"Others worked on this machine meanwhile, on {others:.0%} of its cores on average: doubt every figure in seconds."
        )
    return found


def markdown(
    benchmark: Benchmark, settings: Settings, machine: Mapping[str, Any], others: float | None, seconds: float, outcome: Outcome
) -> str:
    """The page of a result."""
    parts = [f"# {benchmark.name}: {benchmark.question}", "Written by `make bench`; do not edit."]
    parts += [f"**{doubt}**" for doubt in doubts(benchmark, settings, machine, others)]
    parts += [f"{table.title}\n\n{table.markdown()}" for table in outcome.tables]
    parts += [f"![{text}]({name})" for name, (text, _) in outcome.pictures.items()]
    parts += [" ".join(text.split()) for text in outcome.notes]
    known = ", ".join(
        f"{k} {v}" for k, v in machine.items() if k not in ("date", "cores", "processor", "memory_gib", "load_at_start")
    )
    used = "unknown" if others is None else f"{others:.0%} of the cores"
    chosen = ", ".join(f"{k} {v}" for k, v in settings.as_dict().items())
    parts += [
        f"{machine['date']}; {machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB; {known}.\n"
        f"Load average at the start {machine['load_at_start']}; used by others meanwhile: {used}.\n"
        f"{seconds / 60:.1f} minutes in all. Settings: {chosen}."
    ]
    return "\n\n".join(parts) + "\n"


def write(
    folder: Path,
    benchmark: Benchmark,
    settings: Settings,
    machine: Mapping[str, Any],
    others: float | None,
    seconds: float,
    outcome: Outcome,
) -> Path:
    """Write page, data and pictures, each whole or not at all, and return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {
        "benchmark": benchmark.name,
        "question": benchmark.question,
        "doubts": doubts(benchmark, settings, machine, others),
        "settings": settings.as_dict(),
        "machine": dict(machine),
        "used_by_others": others,
        "seconds": seconds,
        "tables": [
            {"title": t.title, "rows": [{c: _plain(r.get(c)) for c in t.columns} for r in t.rows]} for t in outcome.tables
        ],
        "figures": _plain(outcome.figures),
    }
    page = folder / f"{benchmark.name}.md"
    contents = {name: content for name, (_, content) in outcome.pictures.items()}
    contents[f"{benchmark.name}.json"] = (json.dumps(data, indent=1, allow_nan=False) + "\n").encode()
    contents[page.name] = markdown(benchmark, settings, machine, others, seconds, outcome).encode()
    for name, content in contents.items():
        with whole_file(folder / name) as temporary:
            temporary.write_bytes(content)
    return page


def _plain(value: Any) -> Any:
    """Plain data that JSON can hold: numbers of NumPy as Python's, what is not finite as None."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
