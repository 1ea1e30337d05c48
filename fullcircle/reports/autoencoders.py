"""The report on an autoencoder: what it keeps of pictures, what its space of codes is worth, and what else it can do.

Belongs here: which sections there are, and their pictures, tables and words. Figures are computed in `autoencoder_evaluation`.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fullcircle.core.progress import Progress, duration, silent
from fullcircle.data.group_splits import flatters
from fullcircle.data.originals import pictures_of
from fullcircle.evaluation.autoencoders import (
    AMONG,
    NOISES,
    Denoised,
    Fitted,
    Judged,
    Measured,
    Trained,
    codec_figures,
    denoise,
    fit_on_train,
    grid_of,
    in_batches,
    judge,
    judged_figures,
    label_accuracy,
    latent_figures,
    measure,
    pictures_at,
    row_of,
)
from fullcircle.evaluation.baselines import BYTES_PER_LATENT
from fullcircle.evaluation.latents import (
    COPIED,
    FAR,
    NEW,
    USUAL,
    Plane,
    Yardstick,
    continuity,
    flat_map,
    kl_share,
    morph_codes,
    prior_codes,
)
from fullcircle.evaluation.metrics import summarise_reconstructions
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.images.arrays import at_rest, unit_images
from fullcircle.images.sheets import contact_sheet, data_uri, film, mosaic, png, small_webp, tiles
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.reports.charts import code_map, loss_curves
from fullcircle.reports.figures import AUTOENCODER
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.page import Section, Table, figure_table, page, rendered
from fullcircle.store.columns import ID, LABEL, ORIGINAL
from fullcircle.store.hashing import TIMING
from fullcircle.store.objects import StoredObject
from fullcircle.store.tables import TableReader

MORPH = "morph.gif"
SHEET_COLUMNS = 10
SIDE = 128
"""px that a picture's longer side is enlarged to at most, by a whole number."""

STRIP = 13
"""Pictures of the morph's strip."""

NUMBERED = 3
"""Codes of at most so many latents stand under their pictures as numbers."""

SHOWN_DENOISED = 8
CALLED = {"model": "this model", "noisy": "nothing done"}


@dataclasses.dataclass(frozen=True)
class Tables:
    """The pictures that a report is made of."""

    test: TableReader
    valid: TableReader
    train: TableReader
    originals: StoredObject


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
        progress: told all the while.

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
        progress: told all the while.
    """
    training = trained.training
    name, source = training["model"], training["source"]
    splits = tables.test.about["splits"]
    rng = np.random.default_rng(settings.seed)
    latents = trained.latents

    progress.say("report: fitting the baselines")
    fitted = fit_on_train(tables.train, trained, latents, settings)
    progress.say("report: measuring on test")
    measured = measure(tables.test, trained, fitted.pca, settings)
    figures = {who: summarise_reconstructions(errors) for who, errors in measured.errors.items()}
    of_codes = latent_figures(measured, trained.variational)
    share = kl_share(training["history"])
    files = codec_figures(tables.test, measured, latents, settings)
    accuracy = label_accuracy(measured, fitted, tables.train, tables.test, settings)

    progress.say("report: decoding, and looking for the nearest training pictures")
    order = rng.permutation(measured.rows)
    shown, chosen = order[: settings.pictures], np.sort(order[: settings.judged])
    test_pictures = unit_images(pictures_at(tables.test, [int(i) for i in chosen]))
    plane = grid_of(fitted.codes, settings)
    drawn = prior_codes(settings.samples, fitted.codes, trained.variational, rng)
    grid = in_batches(trained.decode, plane.codes.reshape(-1, latents))
    samples = in_batches(trained.decode, drawn)
    judged = judge(
        tables.train,
        {
            "test pictures": test_pictures,
            "their reconstructions": in_batches(trained.decode, measured.codes[chosen]),
            "grid points": grid,
            "random samples": samples,
            "the mean picture": fitted.pca.mean.reshape(1, *grid.shape[1:]),
        },
        fitted.pca.mean,
    )
    yardstick = Yardstick(judged["test pictures"].relative)
    nearness = {group: judged_figures(j, yardstick) for group, j in judged.items()}
    smooth = continuity(grid.reshape(*plane.codes.shape[:2], *grid.shape[1:]), plane.steps)

    ends = _ends(tables.test, measured, shown, settings)
    start, end = trained.encode(pictures_at(tables.test, [row for row, _ in ends]))
    way = morph_codes(start, end, settings.morph)
    frames = at_rest(in_batches(trained.decode, way))
    progress.say("report: taking noise away")
    cleaned = denoise(tables.test, tables.valid, trained, settings, SHOWN_DENOISED)

    main = accuracy.get("train", {})
    metrics = {
        **figures["model"],
        "pca_psnr_db": figures["pca"]["psnr_db"],
        "mean_psnr_db": figures["mean"]["psnr_db"],
        **of_codes,
        **({"kl_share": share} if share is not None else {}),
        **{key: value for key, value in main.items() if key.endswith("_accuracy")},
        "completeness": nearness["grid points"]["real"],
        **smooth,
        "samples_copied": nearness["random samples"]["copied"],
        "samples_real": nearness["random samples"]["real"],
    }
    report = {
        "asset": f"glyphs/{name}_report",
        "model": name,
        "source": source,
        "splits": {"unit": splits["unit"], "says": splits["says"], "flatters": flatters(tables.test.about)},
        "measured": {
            "test": measured.rows,
            "of": tables.test.rows,
            "train": len(fitted.codes),
            "pca_train": fitted.pca.pictures,
        },
        "metrics": metrics,
        "baselines": figures,
        "at_the_same_bytes": files,
        "labels": accuracy,
        "nearest_training_pictures": {
            "threshold": {"copied_up_to": yardstick.low, "far_above": yardstick.high},
            **nearness,
        },
        "grid": {"says": plane.says, "steps": list(plane.steps), **smooth},
        "morph": {"from": ends[0][1], "to": ends[1][1], "frames": len(frames)},
        "denoising": {f"{d.sigma:g}": {"psnr_db": d.psnr, "chosen_on_valid": d.chosen} for d in cleaned},
        "settings": settings.as_dict(),
        "history": training["history"],
        "training": {k: training[k] for k in ("settings", "parameters", "trainable")},
        "read": dict(read),
        TIMING: training[TIMING],
    }
    (folder / REPORT).write_text(json.dumps(report, indent=1))

    progress.say("report: pictures and map")
    (folder / MORPH).write_bytes(film(frames, max(SIDE // 2 // max(frames.shape[1:3]), 1)))
    given = pictures_at(tables.test, [int(i) for i in shown])
    reconstructed = at_rest(in_batches(trained.decode, measured.codes[shown]))
    few = judged["random samples"].rows[: settings.pictures]
    nearest_ones, random_ones = pictures_at(tables.train, [int(r) for r in few]), at_rest(samples[: settings.pictures])
    sheet = [("test", given), ("reconstructed", reconstructed), ("random", random_ones), ("nearest\nin train", nearest_ones)]
    columns = min(len(given), len(random_ones), SHEET_COLUMNS)
    (folder / CONTACT_SHEET).write_bytes(small_webp([(caption, p[:columns]) for caption, p in sheet], columns))
    sections = [
        _reconstructions(given, reconstructed, measured.codes[shown], measured.words[ID][shown]),
        _baselines(figures, files, fitted, measured, tables.test.rows),
        _curves(training["history"], share),
        _codes(tables, measured, fitted, trained, of_codes, accuracy, settings),
        _grid(plane, grid, nearness, smooth, measured, settings),
        *([_explorer(trained, settings)] if latents == 2 else []),
        _samples(trained, random_ones, nearest_ones, judged["random samples"], yardstick, nearness),
        _morph((folder / MORPH).read_bytes(), frames, ends, measured, settings),
        _denoising(cleaned, name, settings),
    ]
    variational = "variational autoencoder" if trained.variational else "autoencoder"
    (folder / PAGE).write_text(
        page(
            title=f"{name} on {source}",
            warning=splits["says"] if flatters(tables.test.about) else "",
            summary=f"{_article(variational)} {variational} of {latents} latents, measured on {measured.rows:,} of "
            f"{tables.test.rows:,} test pictures. " + ("" if flatters(tables.test.about) else splits["says"]),
            pictures=[],
            tables=[],
            curves="",
            sections=sections,
            facts=_facts(training, read, settings),
            figures=AUTOENCODER,
        )
    )


def _article(word: str) -> str:
    return "An" if word[0] in "aeiou" else "A"


def _scale(pictures: np.ndarray) -> int:
    return max(SIDE // max(pictures.shape[1:3]), 1)


def _picture(image: Image.Image) -> str:
    return data_uri(png(image), "image/png")


def _sheets(rows: Sequence[tuple[str, np.ndarray]], caption: str, notes: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Contact sheets of `SHEET_COLUMNS` examples each."""
    starts = range(0, len(rows[0][1]), SHEET_COLUMNS)
    cut = [([(name, p[i : i + SHEET_COLUMNS]) for name, p in rows], notes[i : i + SHEET_COLUMNS]) for i in starts]
    return [(caption, _picture(contact_sheet(part, _scale(rows[0][1]), said))) for part, said in cut]


def _reconstructions(given: np.ndarray, reconstructed: np.ndarray, codes: np.ndarray, ids: np.ndarray) -> Section:
    fields = tiles(codes, *given.shape[1:3])
    numbers = ["\n".join(f"{v:.2f}" for v in code) for code in codes] if codes.shape[1] <= NUMBERED else []
    difference = np.abs(given.astype(np.int16) - reconstructed).astype(np.uint8)
    rows = [("test", given), ("its code", fields), ("reconstructed", reconstructed), ("difference", difference)]
    caption = (
        "test picture | its code, a field per latent: blue below 0, red above | reconstructed from it | absolute difference"
    )
    return Section(
        "Originals over reconstructions",
        f"The same test pictures for every model, chosen by the seed: {', '.join(ids)}.",
        _sheets(rows, caption, numbers),
    )


def _baselines(
    figures: Mapping[str, Mapping[str, Any]], files: Mapping[str, Any], fitted: Fitted, measured: Measured, of: int
) -> Section:
    latents = fitted.codes.shape[1]
    had = len(fitted.pca.directions)
    short = "" if had == latents else f" It has {had} directions, for there are no more."
    budget = files["budget"]
    columns = list(files["files"])
    rows = [
        ("bytes, mean", [f"{files['files'][c]['bytes_mean']:,.0f}" for c in columns]),
        (f"files of at most {budget:,} bytes", [f"{files['files'][c]['fits']:.0%}" for c in columns]),
        (AUTOENCODER["psnr_db"].label, [AUTOENCODER["psnr_db"].text(files["files"][c]["psnr_db"]) for c in columns]),
        (AUTOENCODER["ssim"].label, [AUTOENCODER["ssim"].text(files["files"][c]["ssim"]) for c in columns]),
    ]
    unfit = [c for c in columns if files["files"][c]["fits"] == 0]
    honest = (
        f" No setting of {' or '.join(unfit)} is that small for any picture: what stands there is of its smallest files, which are "
        "larger than the code."
        if unfit
        else " Where no setting is that small, the smallest file counts."
    )
    return Section(
        "Beside what one would use instead",
        f"On {measured.rows:,} of {of:,} test pictures. PCA has as many latents and is fitted on {fitted.pca.pictures:,} pictures "
        f"of train.{short} A code takes {BYTES_PER_LATENT} bytes a latent, {budget:,} in all, the decoder's weights not counted; "
        f"files are counted with their header, on the first {files['pictures']:,} test pictures.{honest}",
        tables=[
            figure_table(
                "Reconstruction",
                {"this model": figures["model"], f"PCA, {had}": figures["pca"], "mean picture": figures["mean"]},
                AUTOENCODER,
            ),
            Table("At the same bytes", ["this model", *columns[1:]], rows),
        ],
    )


def _curves(history: Sequence[dict[str, Any]], share: float | None) -> Section:
    words = "Summed over pixels (and latents), mean over pictures; the weights of the best epoch on valid are kept."
    if share is not None:
        words += f" Total = reconstruction + KL times its factor. In the best epoch KL is {share:.1%} of the total."
    return Section("Loss per epoch", words, markup=f"<figure>{loss_curves(history)}</figure>")


def _codes(
    tables: Tables,
    measured: Measured,
    fitted: Fitted,
    trained: Trained,
    of_codes: Mapping[str, Any],
    accuracy: Mapping[str, Mapping[str, Any]],
    settings: AutoencoderReportSettings,
) -> Section:
    points, how = flat_map(measured.codes, settings.seed)
    labels = measured.words[LABEL]
    examples = dict(zip(labels.tolist(), measured.words[ORIGINAL].tolist(), strict=True))
    pictures = pictures_of(tables.originals, set(examples.values()))
    by_label = {label: pictures[original] for label, original in examples.items() if original in pictures}
    direct = measured.codes.shape[1] == 2
    drawn = code_map(points, labels, by_label, ("latent 1", "latent 2") if direct else ("", ""))
    said = f"The codes of {measured.rows:,} of {tables.test.rows:,} test pictures: {how}."
    n = len(set(labels.tolist()))
    said += f" {n} labels; a picture of each stands at the median of its points." if n > 1 else " All have the same label."
    active = f" {of_codes['active_latents']} of {of_codes['latents']} latents are active."
    if "kl" in of_codes:
        active += f" KL {of_codes['kl']:.2f} nats, negative ELBO {of_codes['negative_elbo']:.2f} nats on test."
    tables_of = []
    words = ""
    if accuracy:
        groups = {}
        for among, figures in accuracy.items():
            groups[AMONG[among]] = {k: v for k, v in figures.items() if k.endswith("_accuracy")}
        train, test = accuracy["train"], accuracy["test"]
        words = (
            f" Labels by the {settings.neighbours} nearest neighbours. Among the first {len(fitted.codes):,} pictures of train: "
            f"{_asked(train)} Among test, the picture itself left out ({test['labels']} labels): copies of the same original vote "
            "too, so this says how well copies of unseen pictures stay together, no more."
        )
        tables_of = [figure_table("Is the label told?", groups, AUTOENCODER)]
    elif n <= 1:
        words = " With one label there is nothing that neighbours could tell."
    return Section("The codes of test", said + active + words, [(how, data_uri(drawn, "image/png"))], tables_of)


def _asked(figures: Mapping[str, Any]) -> str:
    """Of how many test pictures the label could be told among train."""
    if not figures["asked"]:
        return "no label of test stands there, so it cannot be asked."
    if figures["asked"] == figures["of"]:
        return f"asked of all {figures['of']:,}, whose {figures['labels']} labels all stand there."
    return (
        f"asked of the {figures['asked']:,} of {figures['of']:,} whose label stands there ({figures['labels']} labels); the "
        "others nobody could tell."
    )


def _grid(
    plane: Plane,
    grid: np.ndarray,
    nearness: Mapping[str, Mapping[str, Any]],
    smooth: Mapping[str, float],
    measured: Measured,
    settings: AutoencoderReportSettings,
) -> Section:
    rows, columns = plane.codes.shape[:2]
    pictures = at_rest(grid)
    pictures = pictures.reshape(rows, columns, *pictures.shape[1:])[::-1]  # the last row is the highest
    inside = ""
    if plane.codes.shape[2] == 2:
        low, high = settings.grid_low, settings.grid_high
        share = ((measured.codes >= low) & (measured.codes <= high)).all(axis=1).mean()
        inside = f" {share:.0%} of test's codes lie within."
    text = (
        f"{plane.says[0].upper()}{plane.says[1:]}.{inside} Completeness is the share of grid points that decode to something near "
        "a real picture: not 'far' as it is defined under random samples."
    )
    scale = max(64 // max(grid.shape[1:3]), 1)
    groups = {"grid": {"completeness": nearness["grid points"]["real"], **smooth}}
    return Section(
        "Grid of decoded points",
        text,
        [(plane.says, _picture(mosaic(pictures, scale)))],
        [figure_table("The space", groups, AUTOENCODER)],
    )


def _explorer(trained: Trained, settings: AutoencoderReportSettings) -> Section:
    n, low, high = settings.explorer, settings.grid_low, settings.grid_high
    at = np.linspace(low, high, n, dtype=np.float32)
    across, down = np.meshgrid(at, at)
    decoded = at_rest(in_batches(trained.decode, np.stack([across, down], axis=2).reshape(-1, 2)))
    decoded = decoded.reshape(n, n, *decoded.shape[1:])
    height, width = decoded.shape[2:4]
    buffer = io.BytesIO()
    sprite = decoded.swapaxes(1, 2).reshape(n * height, n * width, *decoded.shape[4:])
    Image.fromarray(sprite).save(buffer, "WEBP", quality=80, method=4)
    about = {"n": n, "low": low, "high": high, "width": width, "height": height, "scale": max(256 // max(height, width), 1)}
    markup = rendered("explorer.html.j2", about=about, sprite=data_uri(buffer.getvalue(), "image/webp"))
    return Section(
        "Explorer",
        f"One slider per latent, over [{low:g}, {high:g}]. {n} x {n} points were decoded; between them the page mixes the four "
        "around, which the decoder might draw a little differently.",
        markup=markup,
    )


def _samples(
    trained: Trained,
    random_ones: np.ndarray,
    nearest_ones: np.ndarray,
    judged: Judged,
    yardstick: Yardstick,
    nearness: Mapping[str, Mapping[str, Any]],
) -> Section:
    prior = (
        "Codes drawn from the prior, N(0, 1)."
        if trained.variational
        else "A plain autoencoder has no prior: codes are drawn from a Gaussian with the mean and covariance of train's codes."
    )
    verdicts = yardstick.verdicts(judged.relative)
    notes = [f"{d:.3f} / {r:.2f}\n{v}" for d, r, v in zip(judged.distances, judged.relative, verdicts, strict=True)]
    text = (
        f"{prior} Under each its nearest training picture; the distance, which is the root of the mean squared difference, of 1; "
        "and the relative one, a share of its own distance from the mean picture, for blur is near to everything. Judged by "
        f"test pictures, which train does not hold: 'copied' is relatively nearer than {USUAL:.0%} of them are to train (at most "
        f"{yardstick.low:.2f}), 'far' is farther than {USUAL:.0%} of them (above {yardstick.high:.2f}), 'new' is between."
    )
    groups = list(nearness)
    rows = [
        ("pictures", [f"{nearness[g]['pictures']:,}" for g in groups]),
        ("distance, median", [f"{nearness[g]['distance_median']:.3f}" for g in groups]),
        ("relative distance, median", ["–" if (r := nearness[g]["relative_median"]) is None else f"{r:.2f}" for g in groups]),
        *((verdict, [f"{nearness[g][verdict]:.0%}" for g in groups]) for verdict in (COPIED, NEW, FAR)),
    ]
    sheet = [("random\nsample", random_ones), ("nearest\nin train", nearest_ones)]
    return Section(
        "Random samples: new or copied?",
        text,
        _sheets(sheet, "random sample | nearest training picture | distance / relative distance, and verdict", notes),
        [Table("Nearest training pictures", groups, rows)],
    )


def _ends(
    test: TableReader, measured: Measured, shown: np.ndarray, settings: AutoencoderReportSettings
) -> list[tuple[int, str]]:
    """Row and id of the two pictures of the morph."""
    labels, ids = measured.words[LABEL], measured.words[ID]
    start = int(shown[0])
    if settings.morph_from:
        start = row_of(test, settings.morph_from, "morph_from")
    first_label = labels[start] if start < measured.rows else None
    others = [int(i) for i in shown if labels[i] != first_label and int(i) != start]
    end = (others or [int(i) for i in shown if int(i) != start] or [start])[0]
    if settings.morph_to:
        end = row_of(test, settings.morph_to, "morph_to")
    named = (settings.morph_from, settings.morph_to)
    return [(row, name or str(ids[row])) for row, name in zip((start, end), named, strict=True)]


def _morph(
    gif: bytes, frames: np.ndarray, ends: Sequence[tuple[int, str]], measured: Measured, settings: AutoencoderReportSettings
) -> Section:
    def called(row: int, identity: str) -> str:
        label = measured.words[LABEL][row] if row < measured.rows else ""
        return f"{identity} ({label})" if label else identity

    there = frames[: settings.morph]
    strip = there[np.linspace(0, len(there) - 1, min(STRIP, len(there))).astype(int)]
    scale = max(_scale(frames) * 3 // 4, 1)
    return Section(
        "From one picture to another",
        f"{settings.morph} points on the straight line between the codes of {called(*ends[0])} and {called(*ends[1])}, and as many "
        "back.",
        [(f"{len(strip)} of the {settings.morph}", _picture(mosaic(strip[None], scale, gap=4)))],
        markup=f'<figure><img src="{data_uri(gif, "image/gif")}" width="{frames.shape[2] * _scale(frames)}" alt="there and back">'
        "<figcaption>there and back</figcaption></figure>",
    )


def _denoising(cleaned: Sequence[Denoised], name: str, settings: AutoencoderReportSettings) -> Section:
    noisy = name in AUTOENCODERS and AUTOENCODERS[name].noisy
    trained = (
        "It was trained for this: noise in, the clean picture as target."
        if noisy
        else "It was not trained for this; it never saw noise."
    )
    who = list(cleaned[0].psnr)
    rows = [(CALLED.get(w, w), [AUTOENCODER["psnr_db"].text(d.psnr[w]) for d in cleaned]) for w in who]
    chosen = "; ".join(
        f"at {d.sigma:g} median of {d.chosen['median filter']:g} px, non-local means of {d.chosen['non-local means']:.0f} levels"
        for d in cleaned
    )
    pictures = []
    for d in cleaned:
        sheet = [(CALLED.get(w, w).replace(" ", "\n", 1) if w != "noisy" else "noisy", d.pictures[w]) for w in who]
        pictures += _sheets(
            [*sheet, ("clean", d.pictures["clean"])],
            f"sigma {d.sigma:g}: {', '.join(w for w, _ in sheet)}, clean".replace("\n", " "),
        )
    return Section(
        "Taking noise away",
        f"Gaussian noise of a standard deviation of {', '.join(f'{s:g}' for s in NOISES)} (of 1), rounded and cut to 0..255, on "
        f"{settings.denoised} test pictures at most. {trained} The filters have the best of their settings on valid: {chosen}.",
        pictures,
        [Table("PSNR against the clean picture, dB", [f"sigma {d.sigma:g}" for d in cleaned], rows)],
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
