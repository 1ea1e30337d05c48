"""The report on recognition: which class each trained class's test pictures are taken for, beside what pixels alone tell.

Belongs here: which pictures are read, the confusion matrices, the two baselines, pictures and page. Everything is measured on test;
the classifier on pixels is fitted on train and chosen on valid.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fullcircle.core.progress import Progress, silent
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import NOISY
from fullcircle.images.files import eight_bits, fit
from fullcircle.images.sheets import contact_sheet, data_uri, png, small_webp
from fullcircle.reading.pictures import on_canvas
from fullcircle.reading.readings import noisy_picture
from fullcircle.reading.recognition import Contender, description_length, pixels_judged, ranking
from fullcircle.reports.figures import RECOGNITION
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.page import Table, figure_table, page, page_version
from fullcircle.reports.settings import RecognitionSettings
from fullcircle.store.columns import ID, IMAGE
from fullcircle.store.objects import StoredObject

NOISES = (0.0, 0.05)
"""Standard deviations of the noise, of 1."""

SIDE = 32
"""px: what the classifier on pixels sees, grey. With 64 px it fits slower and no better."""

CHOSEN_ON = 250
"""Examples of valid, of each class, that choose the classifier."""

SHOWN, SHOWN_SIDE = 10, 96


@dataclasses.dataclass(frozen=True)
class Read:
    """What all classes made of the test pictures at one noise level.

    Attributes:
        pictures: as they were given, in the order of `true`.
        true: index of each picture's class, ``int (n,)``.
        recognised: index of the class that was recognised, ``int (n,)``.
        specs: per class what it read, ``(n, n_factors)``.
    """

    pictures: Sequence[np.ndarray]
    true: np.ndarray
    recognised: np.ndarray
    specs: Sequence[np.ndarray]


def read_all(
    contenders: Sequence[Contender],
    tests: Sequence[StoredObject],
    noise: float,
    settings: RecognitionSettings,
    progress: Progress = silent,
) -> Read:
    """Every class reads the first test pictures of every class."""
    pictures: list[np.ndarray] = []
    true: list[int] = []
    for i, test in enumerate(tests):
        block = test.table().read([ID, IMAGE], settings.pictures)
        pictures += [
            noisy_picture(image, identity, 255 * noise, settings.seed)[0]
            for identity, image in zip(block[ID], block[IMAGE], strict=True)
        ]
        true += [i] * len(block[ID])
    drawings = [c.drawing for c in contenders]
    judged = np.array([pixels_judged(drawings, *p.shape[1::-1]) for p in pictures])
    lengths, specs = [], []
    for done, contender in enumerate(contenders):
        images = np.stack([on_canvas(p, contender.drawing) for p in pictures])
        reading = contender.reader.read(images, np.random.default_rng(settings.seed))
        lengths.append(description_length(contender.drawing, reading.redraw_mse, judged))
        specs.append(reading.specs)
        note = f"{contender.drawing.name} has read {len(pictures):,} pictures at sigma {noise:g}"
        progress.step("recognition", done + 1, len(contenders), "classes", note)
    recognised = np.array([ranking(column)[0] for column in np.stack(lengths, axis=1).tolist()])
    return Read(pictures, np.array(true), recognised, specs)


def confusion(true: np.ndarray, recognised: np.ndarray, n: int) -> np.ndarray:
    """How many pictures of each class (rows) were taken for which (columns), ``int (n, n)``."""
    counts = np.zeros((n, n), int)
    np.add.at(counts, (true, recognised), 1)
    return counts


def pixels_of(images: Sequence[np.ndarray]) -> np.ndarray:
    """What the classifier on pixels sees: each picture grey, `SIDE` px, by its own mean and deviation, ``float32 (n, SIDE**2)``."""
    small = np.stack([fit(eight_bits(Image.fromarray(i), 1), SIDE, SIDE).image.reshape(-1) for i in images]).astype(np.float32)
    return np.asarray((small - small.mean(axis=1, keepdims=True)) / (small.std(axis=1, keepdims=True) + 0.5))


def pixel_classifier(
    trains: Sequence[StoredObject], valids: Sequence[StoredObject], settings: RecognitionSettings
) -> tuple[Any, dict[str, float]]:
    """The classifier on pixels that is best on valid, fitted on clean and noisy examples of train, and all accuracies there."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier

    def examples(tables: Sequence[StoredObject], limit: int) -> tuple[np.ndarray, np.ndarray]:
        seen, true = [], []
        for i, stored in enumerate(tables):
            block = stored.table().read([IMAGE, NOISY], limit)
            clean = len(block[IMAGE]) // 2
            seen.append(pixels_of([*block[IMAGE][:clean], *block[NOISY][clean:]]))
            true.append(np.full(len(block[IMAGE]), i))
        return np.concatenate(seen), np.concatenate(true)

    fitted_on, chosen_on = examples(trains, settings.pixels), examples(valids, CHOSEN_ON)
    candidates = {
        "extremely random trees, 300": ExtraTreesClassifier(300, random_state=settings.seed),
        "dense network 256-128": MLPClassifier((256, 128), early_stopping=True, max_iter=60, random_state=settings.seed),
        "5 nearest neighbours": KNeighborsClassifier(5),
    }
    accuracies = {name: float(model.fit(*fitted_on).score(*chosen_on)) for name, model in candidates.items()}
    return candidates[max(accuracies, key=accuracies.__getitem__)], accuracies


def recognition_report(
    folder: Path,
    contenders: Sequence[Contender],
    splits: Mapping[str, Sequence[StoredObject]],
    settings: RecognitionSettings,
    progress: Progress = silent,
) -> None:
    """Write the report: ``report.json``, ``report.html`` and a contact sheet.

    Args:
        folder: to write into.
        contenders: the trained classes.
        splits: `train`, `test` and `valid` of each of them, in their order.
        settings: how many pictures, the search's budget.
        progress: where to say how far it is.
    """
    names = [c.drawing.name for c in contenders]
    read = {noise: read_all(contenders, splits["test"], noise, settings, progress) for noise in NOISES}
    model, on_valid = pixel_classifier(splits["train"], splits["valid"], settings)
    matrices, figures = {}, {}
    for noise, r in read.items():
        by_pixels = model.predict(pixels_of(r.pictures))
        counts = np.bincount(r.true, minlength=len(names))
        matrices[noise] = {
            "read": confusion(r.true, r.recognised, len(names)),
            "pixels": confusion(r.true, by_pixels, len(names)),
        }
        figures[noise] = {
            "accuracy": float((r.recognised == r.true).mean()),
            "pixels_accuracy": float((by_pixels == r.true).mean()),
            "majority_accuracy": float(counts.max() / counts.sum()),
            "examples": len(r.true),
        }
    versions = {
        **{f"{split} of {n}": s.hash for split, stored in splits.items() for n, s in zip(names, stored, strict=True)},
        **{f"{half} of {c.drawing.name}": version for c in contenders for half, version in c.models.items()},
    }
    metrics = figures[NOISES[0]] | {f"noisy_{k}": v for k, v in figures[NOISES[1]].items()}
    report = {
        "asset": "drawings/recognition_report",
        "page_version": page_version(recognition_report),
        "classes": names,
        "metrics": {name: value for name, value in metrics.items() if not name.endswith("examples")},
        "confusion": {f"{n:g}": {k: v.tolist() for k, v in m.items()} for n, m in matrices.items()},
        "pixel_classifiers_on_valid": on_valid,
        "read": versions,
    }
    (folder / REPORT).write_text(json.dumps(report, indent=1))
    caption = "given | read by its own class | read by the class recognised; mistaken pictures first"
    rows = _shown([c.drawing for c in contenders], read[NOISES[0]])
    (folder / CONTACT_SHEET).write_bytes(small_webp(rows, SHOWN))
    by_noise = {f"sigma {n:g}" if n else "clean": f for n, f in figures.items()}
    tables = [figure_table("On test", by_noise, RECOGNITION)]
    for noise, matrix in matrices.items():
        how = f"sigma {noise:g}" if noise else "clean"
        tables += [_matrix(f"Read by every class, {how}: pictures of (row) taken for (column)", matrix["read"], names)]
        tables += [_matrix(f"Classifier on pixels, {how}", matrix["pixels"], names)]
    (folder / PAGE).write_text(
        page(
            title="Which class is it?",
            summary=f"Every trained class reads {settings.pictures:,} test pictures of every class, and the shortest description "
            "decides: which spec, and what its redraw leaves of the picture. Beside it a classifier that sees pixels alone, "
            f"{max(on_valid, key=on_valid.__getitem__)}, the best of {len(on_valid)} on valid.",
            pictures=[(caption, data_uri(png(contact_sheet(rows)), "image/png"))],
            tables=tables,
            curves="",
            facts={f"read: {name}": version for name, version in versions.items()}
            | {f"on valid: {name}": f"{score:.1%}" for name, score in on_valid.items()},
            figures=RECOGNITION,
        )
    )


def _matrix(title: str, counts: np.ndarray, names: Sequence[str]) -> Table:
    rows = [
        (name, [*(str(n) if n else "" for n in row), f"{row[i] / max(row.sum(), 1):.0%}"])
        for i, (name, row) in enumerate(zip(names, counts, strict=True))
    ]
    return Table(title, [*names, "right"], rows)


def _shown(drawings: Sequence[Drawing], read: Read) -> list[tuple[str, np.ndarray]]:
    """Rows of a contact sheet: mistaken pictures first, then of each class its first ones in turn."""
    within = np.arange(len(read.true)) - np.searchsorted(read.true, read.true)
    order = np.lexsort((within, read.recognised == read.true))[:SHOWN]

    def drawn(by: np.ndarray) -> np.ndarray:
        return np.stack([_same_size(drawings[by[i]].render(read.specs[by[i]][i][None])[0]) for i in order])

    given = np.stack([_same_size(read.pictures[i]) for i in order])
    return [
        ("given", given),
        ("read by its\nown class", drawn(read.true)),
        ("by the class\nrecognised", drawn(read.recognised)),
    ]


def _same_size(image: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(image).convert("RGB").resize((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.NEAREST)
    return np.asarray(picture)
