"""Contact sheets of examples and of a decoder, small enough for the UI.

Belongs here: pictures of data and models while they are made, of examples and valid; pictures of test stand in the reports.
"""

from __future__ import annotations

import numpy as np

from fullcircle.drawings.columns import NOISY
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.scaling import scaling
from fullcircle.images.arrays import at_rest
from fullcircle.images.sheets import small_webp
from fullcircle.models.stored import model_of, training_of
from fullcircle.store.columns import IMAGE
from fullcircle.store.objects import StoredObject

COLUMNS = 10


def examples_sheet(examples: StoredObject) -> bytes:
    """The first examples, clean above noisy, as a small WebP."""
    read = examples.table().read([IMAGE, NOISY], COLUMNS)
    return small_webp([("clean", read[IMAGE]), ("noisy", read[NOISY])], COLUMNS)


def decoder_sheet(decoder: StoredObject, valid: StoredObject) -> bytes:
    """The first examples of valid: drawn, decoded, and the absolute difference, as a small WebP."""
    training = training_of(decoder)
    factors = Factors(*(Factor(**row) for row in training["factors"]))
    columns = [factor.column for factor in factors]
    read = valid.table().read([IMAGE, *columns], COLUMNS)
    specs = np.stack([read[name] for name in columns], axis=1).astype(np.float64)
    latents = scaling(training["scaling"], factors).to_latent(specs)
    decoded = at_rest(np.asarray(model_of(decoder).predict_on_batch(latents)))
    difference = np.abs(read[IMAGE].astype(int) - decoded).astype(np.uint8)
    return small_webp([("drawn", read[IMAGE]), ("decoded", decoded), ("difference", difference)], COLUMNS)
