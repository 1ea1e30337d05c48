"""Training: one routine that trains the decoder, the encoder or both, with either half frozen.

Belongs here: composing the halves, compile and fit, early stopping, history. Which settings are good is a profile's business.

The halves are joined as one Keras model whose outputs are named `latent`, `image` and, where an encoder has such a layer, `bins`;
an objective says which of them have a loss. A frozen half keeps both its weights and its batch statistics.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np

from fullcircle.datasets import Quantity, batches
from fullcircle.drawings import Drawing
from fullcircle.hashing import weights_hash
from fullcircle.losses import BinLoss, SpecLoss, image_loss
from fullcircle.progress import Progress, silent
from fullcircle.scaling import Scaling
from fullcircle.settings import DecoderSettings, EncoderSettings
from fullcircle.tables import TableReader
