"""The report on an autoencoder: what it keeps of pictures, what its latent space is worth, and what else it can do.

Belongs here: which sections there are, and their pictures, tables and words. Read in this order: `findings` has all that is
measured; `comparison`, `pictures`, `latent_map`, `latent_plane` and `morph` make sections of it; `report` writes the files.
Does not belong here: how a figure is computed (`evaluation.autoencoders`, `evaluation.latents`).
"""

from fullcircle.reports.autoencoders.findings import Tables
from fullcircle.reports.autoencoders.morph import MORPH
from fullcircle.reports.autoencoders.report import autoencoder_report, write_report

__all__ = ["MORPH", "Tables", "autoencoder_report", "write_report"]
