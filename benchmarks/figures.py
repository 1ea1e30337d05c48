"""The figures that README and docs print: where each is from, and whether it is printed as it was measured.

Belongs here: finding printed figures, holding them against ``docs/figures.json`` and the results of benchmarks, and taking the
figures of a store over: ``python -m benchmarks.figures STORE`` writes figures and versions into ``figures.json`` and the pages.
Does not belong here: measuring (`fullcircle.reports`, the benchmarks beside this module).

A *printed figure* is a number with a unit: before %, px, dB or nats, behind FVU, PSNR, MSE or ELBO, or in a column of a table whose
heading has one of these. Each stands in one of these, all listed in ``figures.json`` but the second:

- ``blocks``: a report's figures as `fullcircle results` prints them; ``quoted``: single ones, each with its report and its name
  there, as ``fullcircle audit number`` takes it. The page has the report's version;
- a section that links to the result of a benchmark, and the result has the number;
- ``not_measured``: a setting, a goal, a definition, somebody else's figure, with the reason;
- ``without_report``: measured once, the report is not kept. The section says so on the page (`ADMITTED`).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import TRIAL
from fullcircle.reports.figures import ALL, VARIANTS
from fullcircle.reports.results import latest_reports, results_text
from fullcircle.steps.profiles import AUTOENCODER_PROFILES, PROFILES
from fullcircle.store.files import whole_file
from fullcircle.store.objects import Store

ROOT = Path(__file__).parents[1]
LISTED = "docs/figures.json"

ADMITTED = "no report on record"
"""What a section says of figures whose report is not kept."""

SHORT = 12
"""Digits of a version on a page."""

NUMBER = r"(?<![\w.,@])(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?<=\d)(?:e-?\d+)?(?![\w@]|[.,]\d)"
_UNIT = r"(?:%|px\b|dB\b|nats\b)"
_NAME = r"(?:FVU|PSNR|MSE|ELBO)\b"
_PRINTED = re.compile(rf"{NUMBER}(?:(?: / | to | and |, ){NUMBER})* ?{_UNIT}|{_NAME}(?: of)?(?: at most)? {NUMBER}")
_HEADING = re.compile(rf"{_UNIT}|\b{_NAME}")
_NUMBER = re.compile(NUMBER)
_RESULT = re.compile(r"benchmarks/results/(\w+)\.(?:md|json)\b")

Span = tuple[int, int]


def pages(root: Path = ROOT) -> dict[str, str]:
    """README and docs, by path from the root."""
    return {
        str(path.relative_to(root)): path.read_text() for path in (root / "README.md", *sorted((root / "docs").glob("*.md")))
    }


def printed(text: str) -> Iterator[Span]:
    """Where a page prints figures, commands and programs left out."""
    columns: list[bool] | None = None
    for start, line in _lines(text):
        found = [(start + m.start(), start + m.end()) for m in _PRINTED.finditer(line)]
        yield from found
        if not line.startswith("|"):
            columns = None
            continue
        cells = list(re.finditer(r"(?<=\|)(?:[^|\\]|\\.)*(?=\|)", line))
        if columns is None:
            columns = [bool(_HEADING.search(cell.group())) for cell in cells]
            continue
        for cell, measured in zip(cells, columns, strict=False):
            for m in _NUMBER.finditer(cell.group()) if measured else ():
                begin, end = start + cell.start() + m.start(), start + cell.start() + m.end()
                if not any(a <= begin < b for a, b in found):
                    yield begin, end


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Offset and text of each line that is read, not typed."""
    fence, start = None, 0
    for line in text.splitlines(keepends=True):
        if line.startswith("```"):
            fence = line[3:].strip() if fence is None else None
        elif fence in (None, "", "text"):
            yield start, line.rstrip("\n")
        start += len(line)


def sections(text: str) -> list[tuple[str, Span]]:
    """Heading and extent of each section, up to the next heading of any level."""
    starts = [start for start, line in _lines(text) if re.match(r"#+ ", line)]
    return [(text[a:b].partition("\n")[0], (a, b)) for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def problems(texts: Mapping[str, str], listed: Mapping[str, Any], results: Path) -> list[str]:
    """What is wrong with the printed figures, a sentence each.

    Args:
        texts: of the pages, by path.
        listed: what ``figures.json`` has.
        results: folder of the benchmarks' results.
    """
    found: list[str] = []
    figures = {page: list(printed(text)) for page, text in texts.items()}
    covered: dict[str, list[Span]] = {page: [] for page in texts}

    def cover(page: str, text: str) -> list[Span]:
        """All places of a text on a page; of a heading its section."""
        source = texts.get(page, "")
        if text.startswith("#"):
            spans = [span for heading, span in sections(source) if heading == text]
        else:
            spans = [(m.start(), m.end()) for m in re.finditer(re.escape(text), source)]
        if not any(a <= begin and end <= b for a, b in spans for begin, end in figures.get(page, [])):
            found.append(f"{page} is expected to print the figures that {LISTED} lists. Received: none in {text!r}.")
        covered.get(page, []).extend(spans)
        return spans

    for page, names in listed["blocks"].items():
        for name in names:
            text = block(name, listed["reports"][name])
            start = texts.get(page, "").find(text)
            if start < 0:
                found.append(f"{page} is expected to have the figures of {name}. Received: others than these:\n{text}")
            else:
                covered[page].append((start, start + len(text)))
    for quote in listed["quoted"]:
        page, text = quote["page"], quote["text"]
        cover(page, text)
        found += _misprints(quote, listed["reports"])
        versions = {of[0]: listed["reports"][of[0]]["version"][:SHORT] for of in quote["of"] if of}
        missing = [f"{name}@{version}" for name, version in versions.items() if version not in texts.get(page, "")]
        found += [f"{page} is expected to name the report of {text!r}. Received: no {name}." for name in missing]
    for entry in listed["not_measured"]:
        cover(entry["page"], entry["text"])
    for entry in listed["without_report"]:
        page = entry["page"]
        for a, _ in cover(page, entry["text"]):
            section = next(span for _, span in sections(texts[page]) if span[0] <= a < span[1])
            if ADMITTED not in " ".join(texts[page][slice(*section)].lower().split()):
                found.append(
                    f"{page}: the section of {entry['text']!r} is expected to say {ADMITTED!r}. Received: it does not."
                )
    known: dict[str, list[float]] = {}
    for page, text in texts.items():
        for heading, (a, b) in sections(text):
            linked = sorted(set(_RESULT.findall(text[a:b])))
            for name in linked:
                known.setdefault(name, _numbers_of(results, name))
            for begin, end in figures[page]:
                if not a <= begin < b or any(x <= begin and end <= y for x, y in covered[page]):
                    continue
                figure = text[begin:end]
                if not linked:
                    found.append(f"{page}, {heading!r}: a figure is expected to be listed in {LISTED}. Received: {figure!r}.")
                elif lacking := [n for n in _NUMBER.findall(figure) if not _occurs(n, (v for r in linked for v in known[r]))]:
                    found.append(f"{page}, {heading!r}: {figure!r} is not in {', '.join(linked)}: {', '.join(lacking)}.")
    return found


def block(name: str, report: Mapping[str, Any]) -> str:
    """The figures of a report as `make run` prints them, in a folder of nobody's."""
    asset, partition = name.split(" ")
    version = report["version"]
    path = f"/home/you/full-circle/store/objects/{version[:2]}/{version}/report.html"
    result = {**report, "asset": asset, "partition": partition, "report": path}
    quick = [PROFILES["quick"].goals, *(of["quick"].goals for of in AUTOENCODER_PROFILES.values())]
    return results_text([result], {asset: goals for of in quick for asset, goals in of.get(partition, {}).items()})


def _misprints(quote: Mapping[str, Any], reports: Mapping[str, Any]) -> Iterator[str]:
    numbers = _NUMBER.findall(quote["text"])
    if len(numbers) != len(quote["of"]):
        yield f"{quote['page']}: {len(quote['of'])} numbers are expected in {quote['text']!r}. Received: {', '.join(numbers)}."
        return
    for text, of in zip(numbers, quote["of"], strict=True):
        if of and not _is_rounded(text, value := _value(of, reports)):
            yield f"{quote['page']}: {of[1]} of {of[0]} is {value:g}. Received: {text} in {quote['text']!r}."


def _value(of: Sequence[str], reports: Mapping[str, Any]) -> float:
    """A figure as it is printed: of shares the percentage."""
    name, metric = of
    figure = ALL[next((metric.removeprefix(v) for v in VARIANTS if metric.startswith(v)), metric)]
    return float(reports[name]["metrics"][metric]) * (100 if figure.form.endswith("%") else 1)


def _is_rounded(text: str, value: float) -> bool:
    digits, _, exponent = text.replace(",", "").partition("e")
    decimals = len(digits.partition(".")[2]) - int(exponent or 0)
    return abs(float(text.replace(",", "")) - value) <= 0.5 * 10.0**-decimals * (1 + 1e-6)


def _occurs(text: str, values: Iterable[float]) -> bool:
    """Whether a number is the rounding of one of these, or of its percentage."""
    return any(_is_rounded(text, value) or _is_rounded(text, 100 * value) for value in values)


def _numbers_of(results: Path, name: str) -> list[float]:
    """Every number of a benchmark's data and page, which has ratios too; none of a trial, which proves nothing."""

    def numbers(value: Any) -> Iterator[float]:
        if isinstance(value, Mapping | list):
            for item in value.values() if isinstance(value, Mapping) else value:
                yield from numbers(item)
        elif isinstance(value, int | float):
            yield float(value)

    data = json.loads((results / f"{name}.json").read_text())
    if any(doubt.startswith(TRIAL) for doubt in data["doubts"]):
        return []
    page = _NUMBER.findall((results / f"{name}.md").read_text())
    return [*numbers(data), *(float(text.replace(",", "")) for text in page)]


def refreshed(
    texts: Mapping[str, str], listed: Mapping[str, Any], reports: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, Any]]:
    """Pages and list with the figures and versions of other reports in place of those that they have.

    Args:
        texts: of the pages, by path.
        listed: what ``figures.json`` has; of its reports those that are not among `reports` stay.
        reports: by asset and partition.
    """
    new, now = dict(texts), {**listed["reports"], **{name: reports[name] for name in listed["reports"] if name in reports}}
    for page, names in listed["blocks"].items():
        for name in names:
            new[page] = new[page].replace(block(name, listed["reports"][name]), block(name, now[name]))
    quoted = []
    for quote in listed["quoted"]:
        text, end = "", 0
        for m, of in zip(_NUMBER.finditer(quote["text"]), quote["of"], strict=True):
            text += quote["text"][end : m.start()] + (_printed_as(m.group(), _value(of, now)) if of else m.group())
            end = m.end()
        text += quote["text"][end:]
        new[quote["page"]] = new[quote["page"]].replace(quote["text"], text)
        quoted.append({**quote, "text": text})
    for page in {*listed["blocks"], *(quote["page"] for quote in quoted)}:
        for name, report in listed["reports"].items():
            new[page] = new[page].replace(report["version"][:SHORT], now[name]["version"][:SHORT])
    return new, {**listed, "reports": now, "quoted": quoted}


def _printed_as(text: str, value: float) -> str:
    """A value with as many digits as another number has, and a leading zero where that has one."""
    decimals = len(text.partition(".")[2])
    new = f"{value:,.{decimals}f}"
    return new.removeprefix("0") if text.startswith(".") and value < 1 else new


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Take the figures of a store over; returns the exit code: 1 when something is left to be put right by hand."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=main.__doc__)
    parser.add_argument("store", nargs="?", type=Path, help="without it the printed figures are only looked at")
    arguments = parser.parse_args(argv)
    texts, listed = pages(root), json.loads((root / LISTED).read_text())
    if arguments.store:
        kept = ("version", "meaning", "metrics")
        found = latest_reports(Store(arguments.store))
        reports = {f"{r['asset']} {r['partition']}": {name: r[name] for name in kept} for r in found}
        for name in listed["reports"].keys() - reports.keys():
            print(f"{name} stays as it was: {arguments.store} has none.", file=sys.stderr)
        texts, listed = refreshed(texts, listed, reports)
        for page, text in {**texts, LISTED: json.dumps(listed, indent=1) + "\n"}.items():
            if text != (root / page).read_text():
                with whole_file(root / page) as temporary:
                    temporary.write_text(text)
                print(f"written: {page}")
    wrong = problems(texts, listed, root / "benchmarks" / "results")
    print("\n".join(wrong) or "Every printed figure is as it was measured.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
