"""The denoising autoencoder: the networks of `conv_autoencoder`; what it is fed with makes the difference.

Belongs here: that it has those networks. The noise is drawn where pictures are read (`fullcircle.data.batches`).
"""

from __future__ import annotations

from fullcircle.models.autoencoders.autoencoder import Autoencoder
from fullcircle.models.autoencoders.conv_autoencoder import build

__all__ = ["AUTOENCODER", "build"]

AUTOENCODER = Autoencoder(
    "denoising_autoencoder",
    __name__,
    "the networks of conv_autoencoder; noise goes in, the clean picture is the target",
    canvas=4,
    noisy=True,
    settings={"latents": 128, "epochs": 15},
    quick={"epochs": 4},
)
