"""A drawing class's challenger and champion, both readers, on test pictures that neither was trained on.

Belongs here: drawing those pictures, reading them, and the errors of each. Pictures cost nothing here: they are drawn for this,
from the class itself, and others are drawn once they have been looked at often. Both readers get the same pictures, the same noise
and the same chance in their searches.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import SettingsError
from fullcircle.drawings.base import Drawing
from fullcircle.evaluation.metrics import redraw_errors, spec_errors
from fullcircle.images.arrays import picture_unit
from fullcircle.models.stored import training_of
from fullcircle.promotion.comparison import Measure, compared
from fullcircle.promotion.settings import ChampionSettings
from fullcircle.reading.reader import Reader
from fullcircle.reading.readings import noisy_picture
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import reader_of
from fullcircle.store.columns import UNIT
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.tables import Columns

NOISES = {0.0: "clean", 0.05: "noisy"}
"""Standard deviations of the noise, of 1, and what figures call them."""

TRIES = 20
"""So many times as many pictures as are wanted are drawn at most, where many of them stand in train."""

FEWEST = 20
"""Fewer pictures that no model was trained on tell nothing."""


def test_pictures(
    drawing: Drawing, settings: ChampionSettings, generation: int, trained_on: Set[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Specs and clean pictures that nobody was trained on, ``float64 (n, n_factors)`` and ``uint8 (n, height, width[, channels])``.

    Args:
        drawing: the drawing class.
        settings: how many, and the source of chance.
        generation: how many sets were worn before this one.
        trained_on: units of pictures that are left out.

    Raises:
        SettingsError: when the class draws too few others.
    """
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(generation,)))
    specs: list[np.ndarray] = []
    images: list[np.ndarray] = []
    found = drawn = 0
    while found < settings.pictures and drawn < TRIES * settings.pictures:
        sampled = drawing.factors.sample(settings.pictures, rng)
        rendered = drawing.render(sampled)
        new = np.array([picture_unit(image) not in trained_on for image in rendered])
        specs.append(sampled[new])
        images.append(rendered[new])
        found, drawn = found + int(new.sum()), drawn + len(sampled)
    if found < FEWEST:
        raise SettingsError(
            f"At least {FEWEST} pictures of {drawing.name} are expected that neither model was trained on. Received: {found} of "
            f"{drawn} drawn. The class draws too few different pictures to compare models on others: train on fewer examples."
        )
    return np.concatenate(specs)[: settings.pictures], np.concatenate(images)[: settings.pictures]


def trained_on(store: Store, partition: str, encoder: StoredObject) -> set[str]:
    """Units of the pictures that an encoder, and the decoder that it was trained through, were fitted on.

    Raises:
        StoredObjectError: when their table is no longer in the store.
    """
    table = store.open(training_of(encoder)["read"]["train"], f"drawings/train ({partition})").table()
    return {str(unit) for block in table.blocks([UNIT]) for unit in block[UNIT]}


def errors(
    drawing: Drawing,
    reader: Reader | None,
    specs: np.ndarray,
    images: np.ndarray,
    settings: ChampionSettings,
    progress: Progress,
) -> dict[str, Columns]:
    """What a reader makes of pictures at each noise level.

    Args:
        drawing: the drawing class.
        reader: whose; None: of one who has learned nothing and answers the middle of every factor's range.
        specs: true ones, ``(n, n_factors)``.
        images: clean pictures.
        settings: source of chance of the noise and the search.
        progress: where to say how far it is.

    Returns:
        By name of the noise level, for each picture: `exact`, 1 where its redraw is the clean picture to the pixel; `points`, mean
        distance of its points in px, where the class has points; `spec`, mean error as a share of the ranges.
    """
    found = {}
    span = drawing.factors.high - drawing.factors.low
    for noise, name in NOISES.items():
        noisy = [noisy_picture(image, f"champion {i}", 255 * noise, settings.seed)[0] for i, image in enumerate(images)]
        if reader is None:
            middle = (drawing.factors.low + drawing.factors.high) / 2
            read = drawing.factors.snap(np.tile(middle, (len(images), 1)))
        else:
            progress.say(f"reading {len(images)} test pictures, {name}")
            read = reader.read(np.stack(noisy), np.random.default_rng(settings.seed), progress=progress).specs
        of_spec = spec_errors(drawing, read, specs)
        _, mse = redraw_errors(drawing, read, images)
        found[name] = {"exact": (mse == 0).astype(np.float64), "spec": (of_spec["factors"] / span).mean(axis=1)}
        if of_spec["points"].shape[1]:
            found[name]["points"] = of_spec["points"].mean(axis=1)
    return found


def measures(challenger: Mapping[str, Columns], champion: Mapping[str, Columns], settings: ChampionSettings) -> list[Measure]:
    """What is compared, from the `errors` of both."""
    found = []
    for level in NOISES.values():
        new, old = challenger[level], champion[level]
        found.append(
            Measure(
                f"pixel for pixel, {level}",
                new["exact"],
                old["exact"],
                settings.exact_margin,
                "exact_margin",
                higher_is_better=True,
                text=lambda value: f"{value:.1%}".replace("%", " %"),
            )
        )
        if "points" in new:
            margin, setting, column, name = settings.points_margin, "points_margin", "points", "points off"
        else:
            margin, setting, column, name = settings.spec_margin, "spec_margin", "spec", "spec error"
        found.append(
            Measure(
                f"{name}, {level}",
                new[column],
                old[column],
                margin,
                setting,
                higher_is_better=False,
                text=(lambda value: f"{value:.2f} px") if column == "points" else (lambda value: f"{value:.4f} of the ranges"),
            )
        )
    return found


def compare_readers(
    store: Store,
    drawing: Drawing,
    challenger: Mapping[str, StoredObject],
    champion: Mapping[str, StoredObject] | None,
    settings: ChampionSettings,
    comparison: int = 1,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Read the same test pictures with both, and compare.

    Args:
        store: has the tables that both were trained on.
        drawing: the drawing class.
        challenger: its models, `encoder` and `decoder`.
        champion: likewise; None: one who has learned nothing.
        settings: how many pictures, margins.
        comparison: the how-manieth of its chain, which says the test pictures.
        progress: where to say how far it is.

    Returns:
        `figures`, as of `comparison.compared`; `pictures`, how many; `generation`, how many sets of test pictures were worn before
        this; `looked_at`, how many comparisons this set has seen now.

    Raises:
        SettingsError: when there are too few pictures that neither was trained on, or the class has changed since.
        StoredObjectError: when a table that one was trained on is no longer in the store.
    """
    generation, before = divmod(comparison - 1, settings.comparisons)
    both = [challenger] if champion is None else [challenger, champion]
    seen = set().union(*(trained_on(store, drawing.name, models["encoder"]) for models in both))
    specs, images = test_pictures(drawing, settings, generation, seen)
    reader = ReaderSettings(redraws=settings.redraws, seed=settings.seed, workers=settings.workers)
    new, old = (
        errors(drawing, None if models is None else reader_of(drawing, models, reader), specs, images, settings, progress)
        for models in (challenger, champion)
    )
    rng = np.random.default_rng(settings.seed)
    figures = compared(measures(new, old, settings), settings.confidence, rng)
    if champion is None:  # exact is what one who has learned nothing never is; a challenger that never is either is no worse
        for name, figure in figures.items():
            figure["may_be_equal"] = name.startswith("pixel for pixel")
    return {
        "figures": figures,
        "pictures": len(images),
        "noises": {name: noise for noise, name in NOISES.items()},
        "generation": generation,
        "looked_at": before + 1,
    }
