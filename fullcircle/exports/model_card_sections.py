"""A model card, section by section: what a model is for, what it was made from, how good it is, and where it ends.

Belongs here: what stands in the card. Words come from the drawing class or the list of models, figures from the report and the
decision on record, each with the version that has it. Intervals are those of a bootstrap over the readings that the report was
made from; a report on a model whose errors on single pictures are not stored has none.

Source of the header: the metadata of Hugging Face's model cards, ``model-index`` with it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import yaml

from fullcircle.data.group_splits import meaning_of
from fullcircle.drawings import drawing_class
from fullcircle.evaluation.bootstrap import INTERVAL, RESAMPLES, resampled
from fullcircle.evaluation.drawings import summarise_readings
from fullcircle.exports.models import ENCODER, Champion, champion, report_on
from fullcircle.lineage.code import commit_of
from fullcircle.lineage.history import SHORT, History, Input, Made
from fullcircle.lineage.number import command
from fullcircle.lineage.tree import Tree, upstream
from fullcircle.models.autoencoders import autoencoder
from fullcircle.models.stored import training_of
from fullcircle.reading.readings import errors_of, of
from fullcircle.reports.figures import ALL, VARIANTS, Figure
from fullcircle.reports.files import REPORT
from fullcircle.steps.step import command_for
from fullcircle.store.champions import called
from fullcircle.store.hashing import TIMING
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.recipe import WITHOUT_EFFECT

TASK = "image-feature-extraction"
"""What comes nearest among the tasks that Hugging Face knows."""

Interval = tuple[float, float]


def model_card(store: Store, history: History, version: Made, licence: str) -> str:
    """The card.

    Args:
        store: has the models and the report.
        history: of its ledger.
        version: a champion, an encoder or an autoencoder.
        licence: as Hugging Face calls it, ``mit`` for one.

    Raises:
        SettingsError: when it is neither champion nor model, or its drawing class can no longer be had.
        StoredObjectError: when something that the card is about is not whole.
    """
    found = champion(store, history, version)
    return "\n".join(_Card(store, history, found, licence).lines())


class _Card:
    """What all sections need."""

    def __init__(self, store: Store, history: History, found: Champion, licence: str) -> None:
        self.store, self.history, self.found, self.licence = store, history, found, licence
        self.partition, self.of_drawing = found.of.partition, found.first.asset == ENCODER
        self.name = called(found.of.asset, self.partition)
        if found.decision is None and not self.of_drawing:
            self.name = f"{self.partition}/{found.first.asset.partition('/')[2]}"
        self.objects = {asset: store.open(m.version, f"{asset} ({m.partition})") for asset, m in found.models.items()}
        self.training = {asset: training_of(stored) for asset, stored in self.objects.items()}
        self.tree: Tree = upstream(store, history, found.first)
        self.made_report = report_on(history, found.first)
        self.report: dict[str, Any] = {}
        if self.made_report is not None:
            report = self.made_report
            self.report = store.open(report.version, f"{report.asset} ({report.partition})").json(REPORT)
        self.intervals = self._intervals()

    def lines(self) -> Iterator[str]:
        """The whole card."""
        yield from ("---", yaml.safe_dump(self._header(), sort_keys=False, allow_unicode=True).rstrip(), "---", "")
        yield from (f"# {self.name}", "", self._purpose(), "")
        for title, section in (
            ("How to use it", self._use()),
            ("What it was trained on", self._data()),
            ("How it was trained", self._settings()),
            ("Figures on test", self._figures()),
            ("Why it is served", self._decision()),
            ("Limits", self._limits()),
            ("Lineage", self._lineage()),
        ):
            if text := list(section):
                yield from (f"## {title}", "", *text, "")

    def _header(self) -> dict[str, Any]:
        metrics = [
            {"name": _label(name), "type": name, "value": value}
            for name, value in self.report.get("metrics", {}).items()
            if value is not None and _figure(name).on_index
        ]
        test = self._test()
        header: dict[str, Any] = {
            "license": self.licence,
            "library_name": "keras",
            "pipeline_tag": TASK,
            "tags": ["full-circle", "keras", "inverse-graphics" if self.of_drawing else "autoencoder", self.partition],
            "metrics": [metric["type"] for metric in metrics],
        }
        if metrics and test is not None:
            task = "a picture back into the call that draws it" if self.of_drawing else "a picture from a few numbers"
            dataset = {
                "name": f"{test.asset} ({test.partition})",
                "type": f"fullcircle-{test.partition}",
                "split": "test",
                "revision": test.version,
            }
            results = {"task": {"type": TASK, "name": task}, "dataset": dataset, "metrics": metrics}
            header["model-index"] = [{"name": self.name, "results": [results]}]
        return header

    def _test(self) -> Input | None:
        """What the report was measured on."""
        inputs = () if self.made_report is None else self.history.inputs(self.made_report)
        return next((of for of in inputs if of.asset.endswith("/test")), None)

    def _purpose(self) -> str:
        first, training = self.found.first, self.training[self.found.first.asset]
        height, width, channels = training["canvas"]
        pictures = f"{'grey' if channels == 1 else 'RGB'} pictures of {height} x {width} pixels"
        if not self.of_drawing:
            model = autoencoder(first.asset.partition("/")[2])
            latents = training["settings"].get("latents")
            numbers = f" A picture becomes {latents:,} numbers, from which it is made again." if latents else ""
            return f"An autoencoder of {pictures} from the picture source {self.partition}: {model.summary}.{numbers}"
        drawing = drawing_class(self.partition, self.store.root)
        return (
            f"Reads {pictures} of a {drawing.name} back into the call that draws them. {drawing.summary} The encoder answers the "
            f"{len(drawing.factors)} factors below; the decoder, through which it was trained, draws what it answered; a search "
            "redraws with the true method until the picture is met."
        )

    def _use(self) -> Iterator[str]:
        if self.of_drawing:
            yield from ("```console", f"$ fullcircle read --drawing {self.partition} picture.png", "```")
            yield ""
            yield "That reads with the champion. A picture may be of any size: it is brought to the canvas."
        else:
            yield "`encoder.keras` and `decoder.keras` are plain Keras models, loaded in safe mode:"
            yield from ("", "```python", "import keras", "", 'encoder = keras.saving.load_model("encoder.keras")', "```")

    def _data(self) -> Iterator[str]:
        yield from _table(("table", "version", "rows", "settings"), self._tables())
        if self.of_drawing:
            factors = self.training[self.found.first.asset].get("factors", [])
            yield ""
            rows = [
                (f"`{f['name']}`", f"{f['low']:g}", f"{f['high']:g}", f"{f['step']:g}", f["unit"], f["kind"]) for f in factors
            ]
            yield from _table(("factor", "from", "to", "step", "unit", "kind"), rows)
        if splits := self.training[self.found.first.asset].get("splits"):
            yield from ("", meaning_of(splits))

    def _tables(self) -> Iterator[Sequence[str]]:
        test = self._test()
        makers = [node.made for node in self.tree.nodes.values()] + ([test.made] if test is not None else [])
        for made in makers:
            if made is None or made.asset in self.found.models:
                continue
            if tables := made.entry.get("tables") or self._rows_of(made.version):
                named = {name.partition(".")[0]: f"{table['rows']:,}" for name, table in tables.items()}
                rows = ", ".join(named.values() if len(named) == 1 else (f"{n} {name}" for name, n in named.items()))
                yield f"`{made.asset}`", f"`{made.version[:SHORT]}`", rows, _settings_text(made.config)

    def _rows_of(self, version: str) -> dict[str, dict[str, Any]]:
        """Of records that do not say: what the store has."""
        stored = StoredObject(version, self.store.path_of(version))
        return stored.contents().get("tables", {}) if stored.path.exists() else {}

    def _settings(self) -> Iterator[str]:
        rows = []
        for asset, made in self.found.models.items():
            training = self.training[asset]
            seconds = training.get(TIMING, {}).get("seconds")
            took = "" if seconds is None else f", {seconds / 60:.1f} min"
            rows.append(
                (
                    f"`{asset}`",
                    _parameters(training),
                    f"{len(training['history'])} epochs{took}",
                    _settings_text(made.config),
                )
            )
        yield from _table(("model", "parameters", "training", "settings"), rows)
        yield ""
        yield "The best weights on valid are kept. Test is looked at by reports only."
        yield ""
        for asset, made in self.found.models.items():
            machine = made.entry.get("machine", {})
            libraries = ", ".join(f"{name} {v}" for name, v in sorted(made.entry.get("libraries", {}).items()))
            on = f", on {machine.get('processor')} with {machine.get('cores')} cores" if machine else ""
            yield f"- `{asset}`: {libraries or 'libraries not on record'}{on}"

    def _figures(self) -> Iterator[str]:
        if self.made_report is None:
            asset, partition = f"{self.found.first.asset}_report", self.partition
            yield f"No report on it is on record. Make one: `{command_for(asset, partition)}`"
            return
        version = self.made_report.version[:SHORT]
        yield f"As they stand in `{self.made_report.asset}@{version}`."
        yield ""
        metrics = self.report["metrics"]
        variants = [v for v in VARIANTS if any(name.startswith(v) for name in metrics)]
        heads = ("figure", *(("clean", *(VARIANTS[v] for v in variants)) if variants else ("value",)), "meaning")
        rows = [
            (figure.label, *(figure.text(metrics.get(v + name)) for v in ("", *variants)), figure.meaning)
            for name, figure in ALL.items()
            if figure.in_results and any(v + name in metrics for v in ("", *variants))
        ]
        yield from _table(heads, rows)
        if self.intervals:
            yield ""
            yield (
                f"The reader by noise, with {INTERVAL:.0%} intervals of a bootstrap over the pictures, {RESAMPLES:,} draws; "
                "sigma is the noise's deviation, of 1:"
            )
            yield ""
            names = list(dict.fromkeys(name for figures in self.intervals.values() for name in figures))
            table = [
                (noise, *(_with_interval(ALL[name], *found[name]) if name in found else "–" for name in names))
                for noise, found in self.intervals.items()
            ]
            yield from _table(("sigma", *(ALL[name].label for name in names)), table)

    def _intervals(self) -> dict[str, dict[str, tuple[float, Interval]]]:
        """By noise and figure of the last step of the reader: its value in the report, and the interval from the readings."""
        version = self.made_report.read.get("drawings/readings") if self.made_report is not None else None
        if version is None or not self.store.path_of(version).exists():
            return {}
        rows = self.store.open(version, f"drawings/readings ({self.partition})").table()
        drawing = drawing_class(self.partition, self.store.root)
        read = rows.read([name for name in rows.schema.names if name != "redraws"])
        found: dict[str, dict[str, tuple[float, Interval]]] = {}
        for noise, steps in self.report.get("reader", {}).items():
            last = list(steps)[-1]
            figures = steps[last].get("all", {})
            errors = errors_of(drawing, of(read, "test", 255 * float(noise), last))
            if not len(errors["contrast"]):
                continue
            again, seed = summarise_readings(errors), int(self.report.get("settings", {}).get("seed", 1))
            draws = resampled(errors, summarise_readings, np.random.default_rng(seed))
            tail = (1 - INTERVAL) / 2
            for name in ("pixel_exact", "within_step", "within_1px", "endpoint_px_mean", "spec_error"):
                value, computed = figures.get(name), again.get(name)
                if value is not None and computed is not None and math.isclose(value, computed, rel_tol=1e-9):
                    low, high = (float(bound) for bound in np.nanquantile(draws[name], [tail, 1 - tail]))
                    found.setdefault(noise, {})[name] = value, (low, high)
        return found

    def _decision(self) -> Iterator[str]:
        decision = self.found.decision
        if decision is None:
            return
        yield f"Decided {self.found.of.time}. {decision.reason}"
        if figures := decision.comparison.get("figures"):
            yield ""
            margins = (
                (n, f["text"], f["bound"], "not set" if f["margin"] is None else f"{f['margin']:g}") for n, f in figures.items()
            )
            yield from _table(("figure", "challenger (champion)", "better by at least", "margin"), margins)
            yield ""
            sure = decision.settings.get("confidence")
            bound = f"; each bound holds with probability {sure:g}" if sure is not None else ""
            yield f"On {decision.comparison.get('pictures', 0):,} test pictures{bound}."

    def _limits(self) -> Iterator[str]:
        if self.of_drawing:
            yield (
                f"- It knows pictures of one {self.partition}, within the ranges above and on a canvas like the one that it was "
                "trained on. Test pictures are drawn by the class itself; how well it reads pictures from elsewhere is not "
                "measured here."
            )
            for title, of_pictures in (("by_contrast", "clean"), ("by_noise", "noisy")):
                if groups := self.report.get(title):
                    name = next(
                        (n for n in ("endpoint_px_mean", "fvu") if all(g.get(n) is not None for g in groups.values())), "mse"
                    )
                    parts = (
                        f"{ALL[name].text(g.get(name))} at {group} ({g['examples']:,} examples)" for group, g in groups.items()
                    )
                    yield f"- The encoder alone on {of_pictures} pictures, {ALL[name].label}, by grey levels: {'; '.join(parts)}."
        else:
            yield "- It knows pictures like those of its source; what it makes of others is not measured here."
            others = {n: figures.get("psnr_db") for n, figures in self.report.get("baselines", {}).items() if n != "model"}
            if others:
                label = {"pca": "PCA of as many latents", "mean": "the mean picture of train"}
                parts = (f"{label.get(n, n)} {ALL['psnr_db'].text(value)}" for n, value in others.items())
                yield f"- What it is to be held against, {ALL['psnr_db'].label}: {'; '.join(parts)}."
        beyond = [
            f"{ALL[name].label if name in ALL else name} ({group})"
            for group, figures in self.report.get("split_differences", {}).items()
            for name, difference in figures.items()
            if difference.get("beyond_chance")
        ]
        if beyond:
            yield f"- Valid, by which it was chosen, and test differ beyond chance in: {', '.join(beyond)}."
        yield (
            "- Trained again on the same machine it comes out the same; on another processor weights may differ in the last "
            "digits, and figures within their intervals."
        )

    def _lineage(self) -> Iterator[str]:
        found = self.found
        rows = [(f"`{asset}`", f"`{made.version}`", made.time, made.entry["run_id"]) for asset, made in found.models.items()]
        if found.decision is not None:
            rows.append((f"`{found.of.asset}`", f"`{found.of.version}`", found.of.time, found.of.entry["run_id"]))
        if self.made_report is not None:
            report = self.made_report
            rows.append((f"`{report.asset}`", f"`{report.version}`", report.time, report.entry["run_id"]))
        yield from _table(("asset", "version", "made", "run"), rows)
        yield ""
        for commit in {str(c): c for made in found.models.values() if (c := commit_of(made)) is not None}.values():
            yield f"Source code: commit `{commit['hash']}`{', with changes that are in no commit' if commit.get('dirty') else ''}."
            yield ""
        yield "Where it comes from, whether it is still so, the same made again and compared, and how one would make it today:"
        yield ""
        short = found.first.version[:SHORT]
        yield from (
            "```console",
            f"$ fullcircle audit show {found.first.asset}@{short}",
            f"$ fullcircle audit verify {found.first.asset}",
            f"$ fullcircle audit reproduce {short}",
            f"$ {command(self.tree)}",
            "```",
        )


def _figure(name: str) -> Figure:
    return ALL.get(next((name.removeprefix(v) for v in VARIANTS if name.startswith(v)), name), Figure(name, ""))


def _label(name: str) -> str:
    variant = next((VARIANTS[v] for v in VARIANTS if name.startswith(v)), "")
    return f"{_figure(name).label}{f', {variant}' if variant else ''}"


def _with_interval(figure: Figure, value: float, interval: Interval) -> str:
    low, high = (figure.text(bound) for bound in interval)
    return f"{figure.text(value)} ({low} to {high})"


def _parameters(training: Mapping[str, Any]) -> str:
    every, trainable = training["parameters"], training["trainable"]
    return f"{every:,}" if every == trainable else f"{every:,}, {trainable:,} of them trainable"


def _settings_text(config: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value if isinstance(value, str) and value else json.dumps(value)}"
        for name, value in sorted(config.items())
        if name != WITHOUT_EFFECT
    )


def _table(heads: Sequence[str], rows: Any) -> Iterator[str]:
    """A table; what would end a cell is escaped."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('---' for _ in heads)}|"
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', '&#124;').replace(chr(10), ' ') for cell in row)} |"
