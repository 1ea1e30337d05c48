"""The report on feature patterns: what maps of a trained encoder react to most, beside the test pictures that excite them most.

Belongs here: which layers and figures are given, pictures, page and table. How a pattern is found is `feature_patterns`' business.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fullcircle.core.progress import Progress, duration, silent
from fullcircle.evaluation.feature_patterns import (
    SILENT,
    Excited,
    Patterns,
    activations,
    as_pictures,
    chosen,
    most_exciting,
    patterns,
)
from fullcircle.evaluation.settings import FeaturePatternsSettings
from fullcircle.images.arrays import at_rest, unit_images
from fullcircle.images.sheets import contact_sheet, data_uri, small_webp, webp
from fullcircle.reports.figures import FEATURE_PATTERNS
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.page import Table, figure_table, page, page_version
from fullcircle.store.hashing import TIMING
from fullcircle.store.tables import TableReader, tensor_array, tensor_type, with_about, write_table

if TYPE_CHECKING:
    import keras

PATTERNS = "patterns.parquet"

SHEET_COLUMNS, SHEET_LAYERS = 10, 8
"""Maps and layers, at most, on the contact sheet that Dagster shows; the page shows all."""

SIDE = 128
"""Of a picture on the page, px, or a little less: pixels are enlarged by whole numbers."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found of one map.

    Attributes:
        layer: its name.
        map: its index.
        activation: on its pattern, as the network was given it.
        picture_activation: on the pattern as a picture, cut to [0, 1] and rounded to 8 bits.
        start_activation: on the start image.
        test_activation: on the test picture that excites it most.
        test_mean: on test pictures, the mean.
        test_ids: of those that excite it most, the first the most.
        steps: taken.
        ended: why the climb ended.
    """

    layer: str
    map: int
    activation: float
    picture_activation: float
    start_activation: float
    test_activation: float
    test_mean: float
    test_ids: Sequence[str]
    steps: int
    ended: str

    @property
    def dead(self) -> bool:
        return self.ended == SILENT

    def message(self, settings: FeaturePatternsSettings) -> str:
        """Why a map was given up."""
        tried = (
            f"Map {self.map} of {self.layer!r} was given up: no gradient, so nothing to climb, on the {settings.starts} "
            f"start images and in {self.steps} steps, each from another one; activation {self.activation:.3g} throughout."
        )
        if self.test_activation > self.activation:
            return f"{tried} Test pictures do excite it, up to {self.test_activation:.3g}: try more with features.starts."
        return f"{tried} No test picture excites it either: the map is dead, and the network would read the same without it."


def feature_patterns_report(
    folder: Path,
    *,
    asset: str,
    partition: str,
    encoder: keras.Model,
    test: TableReader,
    read: Mapping[str, str],
    settings: FeaturePatternsSettings,
    progress: Progress = silent,
) -> None:
    """Write ``report.json``, ``report.html``, a contact sheet, and the patterns themselves as `PATTERNS`.

    Args:
        folder: to write into.
        asset: what the report is called.
        partition: drawing class or picture source.
        encoder: the network that is asked.
        test: pictures to compare with, and to take lightness and contrast from.
        read: hashes of what was read.
        settings: which maps, and how to climb.
        progress: where to say how far it is.

    Raises:
        SettingsError: when a layer or a map is named that the encoder has not.
        ValueError: when the pictures are not of the shape that it takes.
    """
    began = time.monotonic()
    layers = chosen(encoder, settings)
    excited = most_exciting(encoder, layers, test, settings, progress)
    found = [patterns(encoder, layer, maps, excited.statistics, settings, progress) for layer, maps in layers.items()]
    shown = [at_rest(as_pictures(p.images, excited.statistics)) for p in found]
    findings = _findings(encoder, found, shown, excited)
    alive = [f for f in findings if not f.dead]
    metrics = {
        "patterns": len(alive),
        "dead_maps": len(findings) - len(alive),
        "above_test": _share([f.activation > f.test_activation for f in alive]),
        "picture_above_test": _share([f.picture_activation > f.test_activation for f in alive]),
    }
    timing = {"seconds": time.monotonic() - began}
    dead = [f.message(settings) for f in findings if f.dead]
    report = {
        "asset": asset,
        "partition": partition,
        "page_version": page_version(feature_patterns_report),
        "encoder": encoder.name,
        "metrics": metrics,
        "maps": [dataclasses.asdict(f) for f in findings],
        "dead": dead,
        "statistics": dataclasses.asdict(excited.statistics),
        "test_pictures": excited.rows,
        "settings": settings.as_dict(),
        "read": dict(read),
        TIMING: timing,
    }
    (folder / REPORT).write_text(json.dumps(report, indent=1))
    _write_patterns(folder / PATTERNS, found, findings, report)
    rows = [(p.layer, _without_dead(p, s)) for p, s in zip(found, shown, strict=True)]
    (folder / CONTACT_SHEET).write_bytes(small_webp(_even(rows[:SHEET_LAYERS], SHEET_COLUMNS), SHEET_COLUMNS))
    (folder / PAGE).write_text(
        page(
            title=f"Feature patterns: {encoder.name} of {partition}",
            summary=f"The picture that each of {len(findings)} maps in {len(layers)} layers reacts to most, climbed from noise "
            f"along the gradient of the map's mean activation, in steps of {settings.step:g}, at most {settings.steps}. Under each "
            f"pattern the pictures of test, of {excited.rows:,}, that excite the map most; then the way from the start. A pattern "
            "is as light, and has as much contrast, as all pixels of test together; pixels outside black and white are cut off "
            "for showing.",
            pictures=_sheets(found, shown, excited, settings),
            tables=[figure_table("All maps", {"on test": metrics}, FEATURE_PATTERNS), *_tables(findings)],
            curves="",
            facts={
                "encoder": f"{encoder.name}, {encoder.count_params():,} parameters",
                "test pictures": f"mean {excited.statistics.mean:.3f}, deviation {excited.statistics.deviation:.3f}, of 1",
                "took": f"{duration(timing['seconds'])} min",
                "settings": ", ".join(f"{k} {v}" for k, v in settings.as_dict().items() if v != ""),
                **{f"dead map {i}": message for i, message in enumerate(dead, start=1)},
                **{f"read: {name}": version for name, version in read.items()},
            },
            figures=FEATURE_PATTERNS,
        )
    )


def _share(held: Sequence[bool]) -> float | None:
    return sum(held) / len(held) if held else None


def _findings(encoder: keras.Model, found: Sequence[Patterns], shown: Sequence[np.ndarray], excited: Excited) -> list[Finding]:
    made: list[Finding] = []
    for p, pictures in zip(found, shown, strict=True):
        as_seen = np.diag(activations(encoder, {p.layer: p.maps}, unit_images(pictures)))
        for i, index in enumerate(p.maps):
            column = len(made)
            made.append(
                Finding(
                    layer=p.layer,
                    map=int(index),
                    activation=float(p.activations[i]),
                    picture_activation=float(as_seen[i]),
                    start_activation=float(p.start_activations[i]),
                    test_activation=float(excited.activations[0, column]),
                    test_mean=float(excited.mean[column]),
                    test_ids=excited.ids[:, column].tolist(),
                    steps=int(p.steps[i]),
                    ended=p.ended[i],
                )
            )
    return made


def _write_patterns(path: Path, found: Sequence[Patterns], findings: Sequence[Finding], about: Mapping[str, Any]) -> None:
    """The patterns as a table: a row per map, the image standardised, and what turns it into a picture in the metadata."""
    images = np.concatenate([p.images for p in found])
    schema = pa.schema(
        [
            ("layer", pa.string()),
            ("map", pa.int32()),
            ("activation", pa.float64()),
            ("steps", pa.int32()),
            ("ended", pa.string()),
            ("image", tensor_type(images.shape[1:], pa.float32())),
        ]
    )
    kept = {name: about[name] for name in ("asset", "partition", "encoder", "statistics", "settings", "read")}
    columns = [pa.array([getattr(f, field.name) for f in findings], field.type) for field in list(schema)[:-1]]
    batch = pa.record_batch([*columns, tensor_array(images)], schema=with_about(schema, kept))
    write_table(path, batch.schema, [batch])


def _without_dead(found: Patterns, shown: np.ndarray) -> np.ndarray:
    """Pictures of patterns; a map without one is left blank."""
    mute = np.array([end == SILENT for end in found.ended])
    blank = np.where(mute.reshape(-1, *[1] * (shown.ndim - 1)), 255, shown)
    return np.asarray(blank, np.uint8)


def _even(rows: Sequence[tuple[str, np.ndarray]], most: int) -> list[tuple[str, np.ndarray]]:
    """Rows of as many pictures each, with blank ones at the end of the shorter."""
    n = min(max(len(pictures) for _, pictures in rows), most)
    return [
        (caption, np.concatenate([p[:n], np.full((max(n - len(p), 0), *p.shape[1:]), 255, np.uint8)])) for caption, p in rows
    ]


def _sheets(
    found: Sequence[Patterns], shown: Sequence[np.ndarray], excited: Excited, settings: FeaturePatternsSettings
) -> list[tuple[str, str]]:
    """Two sheets for each stretch of a layer's maps: patterns over test pictures, and the way there."""
    sheets: list[tuple[str, str]] = []
    first = 0
    for p, pictures in zip(found, shown, strict=True):
        scale = max(SIDE // max(pictures.shape[1:3]), 1)
        best = excited.images[:, first : first + len(p.maps)]
        first += len(p.maps)
        way = {step: _without_dead(p, at_rest(as_pictures(z, excited.statistics))) for step, z in p.snapshots.items()}
        for i in range(0, len(p.maps), SHEET_COLUMNS):
            some = slice(i, i + SHEET_COLUMNS)
            maps = ", ".join(str(m) for m in p.maps[some])
            notes = [f"map {m}" for m in p.maps[some]]
            rows = [("pattern", _without_dead(p, pictures)[some])]
            rows += [(f"test, no. {k + 1}", row[some]) for k, row in enumerate(best)]
            steps = [(f"step {step}", z[some]) for step, z in way.items()]
            about = f"{p.layer}, maps {maps}"
            sheets.append((f"{about}: pattern | the test pictures that excite the map most", _address(rows, scale, notes)))
            sheets.append((f"{about}: from the start to the pattern", _address(steps, scale, notes)))
    return sheets


def _address(rows: Sequence[tuple[str, np.ndarray]], scale: int, notes: Sequence[str]) -> str:
    return data_uri(webp(contact_sheet(rows, scale, notes)), "image/webp")


def _tables(findings: Sequence[Finding]) -> list[Table]:
    """A table of activations for each layer."""
    columns = ["start", "pattern", "pattern as a picture", "best of test", "mean of test", "steps", "ended"]
    made = []
    for layer in dict.fromkeys(f.layer for f in findings):
        rows = [
            (
                f"map {f.map}",
                [
                    *(f"{a:.4g}" for a in (f.start_activation, f.activation, f.picture_activation)),
                    *(f"{a:.4g}" for a in (f.test_activation, f.test_mean)),
                    f"{f.steps}",
                    "dead" if f.dead and f.test_activation <= f.activation else f.ended,
                ],
            )
            for f in findings
            if f.layer == layer
        ]
        made.append(Table(f"Mean activation of maps of {layer}", columns, rows))
    return made
