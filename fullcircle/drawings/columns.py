"""Columns of a drawing class's tables: a spec and its pictures.

Belongs here: which columns hold the spec, and reading it back.
"""

from __future__ import annotations

import numpy as np

from fullcircle.drawings.base import Drawing
from fullcircle.store.tables import Columns


def specs_of(drawing: Drawing, block: Columns) -> np.ndarray:
    """The specs in a block of an examples table, ``float64 (n, n_factors)``."""
    return np.stack([block[c] for c in spec_columns(drawing)], axis=1).astype(np.float64)


SIGMA, NOISY = "noise_sigma_level", "noisy_image"


def spec_columns(drawing: Drawing) -> list[str]:
    """The columns that hold the spec, in the order of the factors."""
    return [f.column for f in drawing.factors]
