"""The denoising autoencoder of R5: the networks of `conv_autoencoder`; what it is fed with makes the difference.

Belongs here: that it has those networks. The noise is drawn where pictures are read (`fullcircle.datasets`).
"""

from __future__ import annotations

from fullcircle.models.autoencoders.conv_autoencoder import build

__all__ = ["build"]
