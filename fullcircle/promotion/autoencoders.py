"""An autoencoder's challenger and champion on test pictures whose originals neither was trained on.

Belongs here: which of the test pictures those are, and the errors of each model. The pictures of a source cannot be drawn anew: how
often they were looked at is counted instead, and from a number on a decision says that they are worn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fullcircle.core.settings import SettingsError
from fullcircle.evaluation.autoencoders import BATCH
from fullcircle.evaluation.baselines import mean_picture
from fullcircle.evaluation.metrics import psnr_db
from fullcircle.images.arrays import unit_images
from fullcircle.models.stored import training_of
from fullcircle.models.stored_autoencoder import halves_of
from fullcircle.promotion.comparison import Measure, compared
from fullcircle.promotion.settings import AutoencoderChampionSettings
from fullcircle.store.columns import IMAGE, ORIGINAL, UNIT
from fullcircle.store.objects import Store, StoredObject

PERFECT_DB = 200.0
"""In place of the infinite PSNR of a perfect picture."""

FEWEST = 5
"""Of fewer originals no interval can be given."""


def test_pictures(test: StoredObject, trained_on: set[str], limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The first pictures of test whose unit is none of these, ``uint8 (n, h, w[, c])``, and the original of each.

    Raises:
        SettingsError: when there are too few.
    """
    images: list[np.ndarray] = []
    originals: list[np.ndarray] = []
    rows = 0
    for block in test.table("test").blocks([UNIT, ORIGINAL, IMAGE]):
        new = ~np.isin(block[UNIT].astype(str), sorted(trained_on))
        images.append(block[IMAGE][new][: limit - rows])
        originals.append(block[ORIGINAL][new][: limit - rows].astype(str))
        rows += len(images[-1])
        if rows >= limit:
            break
    different = len(set(np.concatenate(originals).tolist())) if originals else 0
    if different < FEWEST:
        raise SettingsError(
            f"Pictures of at least {FEWEST} originals are expected in test that neither model was trained on. Received: "
            f"{different}. Keep the settings of splits as they were for the champion, or add pictures."
        )
    return np.concatenate(images), np.concatenate(originals)


def by_original(errors: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """The mean error of each original, ``(k,)``: copies of one say the same, so originals are what is drawn again for intervals."""
    _, of = np.unique(originals, return_inverse=True)
    return np.asarray(np.bincount(of, errors) / np.bincount(of))


def units_trained_on(store: Store, source: str, model: StoredObject) -> set[str]:
    """Units of the pictures that a model was fitted on.

    Raises:
        StoredObjectError: when their table is no longer in the store.
    """
    table = store.open(training_of(model)["read"]["train"], f"glyphs/train ({source})").table("train")
    return {str(unit) for block in table.blocks([UNIT]) for unit in block[UNIT]}


def squared_errors(model: StoredObject, images: np.ndarray) -> np.ndarray:
    """Mean squared error of each reconstruction, for pixels in [0, 1], ``(n,)``."""
    trained, found = halves_of(model), []
    for first in range(0, len(images), BATCH):
        part = images[first : first + BATCH]
        made = trained.decode(trained.encode(part))
        found.append(((unit_images(part) - made) ** 2).mean(axis=(1, 2, 3), dtype=np.float64))
    return np.concatenate(found)


def compare_autoencoders(
    store: Store,
    source: str,
    test: StoredObject,
    challenger: StoredObject,
    champion: StoredObject | None,
    settings: AutoencoderChampionSettings,
    comparison: int = 1,
) -> dict[str, Any]:
    """Reconstruct the same test pictures with both, and compare.

    Args:
        store: has the tables that both were trained on.
        source: the picture source.
        test: its table.
        challenger: the model.
        champion: likewise; None: one who answers the mean picture of train.
        settings: how many pictures, the margin.
        comparison: the how-manieth of its chain.

    Returns:
        `figures`, as of `comparison.compared`; `pictures` and `originals`, how many; `looked_at`, how many comparisons these
        pictures have seen now; `worn`, whether that is more than the settings allow.

    Raises:
        SettingsError: when there are too few pictures that neither was trained on.
        StoredObjectError: when a table that one was trained on is no longer in the store.
    """
    both = [challenger] if champion is None else [challenger, champion]
    seen = set().union(*(units_trained_on(store, source, model) for model in both))
    images, originals = test_pictures(test, seen, settings.pictures)
    new = squared_errors(challenger, images)
    if champion is None:
        train = store.open(training_of(challenger)["read"]["train"], f"glyphs/train ({source})").table("train")
        mean = mean_picture(train)
        old = ((unit_images(images) - mean) ** 2).mean(axis=(1, 2, 3), dtype=np.float64)
    else:
        old = squared_errors(champion, images)
    measure = Measure(
        "PSNR",
        by_original(new, originals),
        by_original(old, originals),
        settings.psnr_margin,
        "psnr_margin",
        higher_is_better=True,
        text=lambda value: f"{value:.2f} dB",
        summarise=lambda errors: psnr_db(float(errors.mean())) or PERFECT_DB,
    )
    figures: Mapping[str, Any] = compared([measure], settings.confidence, np.random.default_rng(settings.seed))
    return {
        "figures": figures,
        "pictures": len(images),
        "originals": len(set(originals.tolist())),
        "looked_at": comparison,
        "worn": comparison > settings.comparisons,
    }
