"""The files of the report: ``report.json``, the page, a contact sheet and the film.

Belongs here: what stands in which file, and the order of the page's sections.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fullcircle.core.progress import Progress, duration, silent
from fullcircle.data.group_splits import flatters, meaning_of
from fullcircle.evaluation.autoencoders import Trained, in_batches, pictures_at
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.images.arrays import at_rest
from fullcircle.images.sheets import small_webp
from fullcircle.reports.autoencoders.comparison import baselines, curves
from fullcircle.reports.autoencoders.findings import Findings, Tables, find
from fullcircle.reports.autoencoders.latent_map import latents_of_test
from fullcircle.reports.autoencoders.latent_plane import explorer, grid
from fullcircle.reports.autoencoders.morph import MORPH, from_one_to_another
from fullcircle.reports.autoencoders.pictures import denoising, random_samples, reconstructions
from fullcircle.reports.autoencoders.sheets import SHEET_COLUMNS
from fullcircle.reports.figures import AUTOENCODER
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.page import Section, page, page_version
from fullcircle.store.columns import ID
from fullcircle.store.hashing import TIMING
from fullcircle.store.objects import StoredObject


def autoencoder_report(
    folder: Path,
    originals: StoredObject,
    test: StoredObject,
    valid: StoredObject,
    train: StoredObject,
    model: StoredObject,
    settings: AutoencoderReportSettings,
    progress: Progress = silent,
) -> None:
    """Write the report: ``report.json``, ``report.html``, a contact sheet and ``morph.gif``.

    Args:
        folder: to write into.
        originals: of the source, for the pictures on the map.
        test: what is measured.
        valid: what the filters against noise are tuned on.
        train: what PCA, neighbours and the Gaussian are fitted to, and nearest pictures are sought in.
        model: with its two halves and ``training.json``.
        settings: how much is read and shown.
        progress: where to say how far it is.

    Raises:
        SettingsError: when an id to morph is not in test.
    """
    from fullcircle.models.stored_autoencoder import halves_of

    versions = {"originals": originals, "test": test, "valid": valid, "train": train, "model": model}
    read = {name: stored.hash for name, stored in versions.items()}
    tables = Tables(test.table("test"), valid.table("valid"), train.table("train"), originals)
    write_report(folder, tables, halves_of(model), read, settings, progress)


def write_report(
    folder: Path,
    tables: Tables,
    trained: Trained,
    read: Mapping[str, str],
    settings: AutoencoderReportSettings,
    progress: Progress = silent,
) -> None:
    """`autoencoder_report` of whatever encodes and decodes.

    Args:
        folder: to write into.
        tables: the splits and originals.
        trained: the model.
        read: content hash of everything that was read, by name.
        settings: how much is read and shown.
        progress: where to say how far it is.
    """
    found = find(tables, trained, settings, progress)
    (folder / REPORT).write_text(json.dumps(_as_dict(found, tables, trained, read, settings), indent=1))

    progress.say("report: pictures and map")
    gif = found.morph.gif()
    (folder / MORPH).write_bytes(gif)
    given = pictures_at(tables.test, [int(i) for i in found.shown])
    reconstructed = at_rest(in_batches(trained.decode, found.measured.latents[found.shown]))
    nearest_ones = pictures_at(tables.train, [int(r) for r in found.judged.rows[: settings.pictures]])
    random_ones = at_rest(found.samples[: settings.pictures])
    (folder / CONTACT_SHEET).write_bytes(_contact_sheet(given, reconstructed, random_ones, nearest_ones))
    ids = found.measured.words[ID][found.shown]
    sections = [
        reconstructions(given, reconstructed, found.measured.latents[found.shown], ids),
        baselines(found, tables.test.rows),
        curves(trained.training["history"], found.kl_share),
        latents_of_test(found, tables, settings),
        grid(found, settings),
        *([explorer(trained, settings)] if trained.latents == 2 else []),
        random_samples(found, trained.variational, random_ones, nearest_ones),
        from_one_to_another(found.morph, gif, found.measured, settings),
        denoising(found.denoised, "noise_max_sigma" in trained.training["settings"], settings),
    ]
    (folder / PAGE).write_text(_page(found, tables, trained, read, settings, sections))


def _as_dict(
    found: Findings, tables: Tables, trained: Trained, read: Mapping[str, str], settings: AutoencoderReportSettings
) -> dict[str, Any]:
    training, splits = trained.training, tables.test.about["splits"]
    return {
        "asset": f"glyphs/{training['model']}_report",
        "model": training["model"],
        "source": training["source"],
        "page_version": page_version(write_report),
        "splits": {"unit": splits["unit"], "meaning": meaning_of(splits), "flatters": flatters(tables.test.about)},
        "measured": {
            "test": found.measured.rows,
            "of": tables.test.rows,
            "train": len(found.fitted.latents),
            "pca_train": found.fitted.pca.pictures,
        },
        **found.as_dict(),
        "settings": settings.as_dict(),
        "history": training["history"],
        "training": {k: training[k] for k in ("settings", "parameters", "trainable")},
        "read": dict(read),
        TIMING: training[TIMING],
    }


def _contact_sheet(given: np.ndarray, reconstructed: np.ndarray, random_ones: np.ndarray, nearest_ones: np.ndarray) -> bytes:
    columns = min(len(given), len(random_ones), SHEET_COLUMNS)
    rows = {"test": given, "reconstructed": reconstructed, "random": random_ones, "nearest\nin train": nearest_ones}
    return small_webp([(caption, row[:columns]) for caption, row in rows.items()], columns)


def _page(
    found: Findings,
    tables: Tables,
    trained: Trained,
    read: Mapping[str, str],
    settings: AutoencoderReportSettings,
    sections: list[Section],
) -> str:
    training, meaning = trained.training, meaning_of(tables.test.about["splits"])
    flattering = flatters(tables.test.about)
    kind = "A variational autoencoder" if trained.variational else "An autoencoder"
    return page(
        title=f"{training['model']} on {training['source']}",
        warning=meaning if flattering else "",
        summary=f"{kind} of {trained.latents} latents, measured on {found.measured.rows:,} of {tables.test.rows:,} test pictures. "
        + ("" if flattering else meaning),
        pictures=[],
        tables=[],
        curves="",
        sections=sections,
        facts=_facts(training, read, settings),
        figures=AUTOENCODER,
    )


def _facts(training: Mapping[str, Any], read: Mapping[str, str], settings: AutoencoderReportSettings) -> dict[str, str]:
    timing = training[TIMING]
    took = f"{duration(timing['seconds'])} min, " if "seconds" in timing else ""
    return {
        "model": f"{training['model']}, {training['parameters']:,} parameters, {training['trainable']:,} trainable",
        "trained": f"{took}{len(training['history'])} epochs, the best weights on valid kept",
        "settings": ", ".join(f"{k} {v}" for k, v in training["settings"].items()),
        "report": ", ".join(f"{k} {v}" for k, v in settings.as_dict().items() if v != ""),
        **{f"read: {name}": version for name, version in read.items()},
    }
