"""Settings of the trainings of a drawing class's decoder and encoder.

Belongs here: plain data and the rules it must keep.
"""

from __future__ import annotations

import dataclasses

from fullcircle.core.settings import LARGEST_SEED, Settings, SettingsError, setting
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import SCALINGS
from fullcircle.models.decoders import DECODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.models.settings import SCHEDULES

# The names of `losses.IMAGE_LOSSES`, which cannot be asked here without importing TensorFlow; a test holds the two equal.
IMAGE_LOSS_NAMES = ("mse", "ssim", "pyramid", "balanced")
OBJECTIVES = ("both", "spec", "image")
TRAINING_NOISE = ("afresh", "stored", "none")


@dataclasses.dataclass(frozen=True)
class DecoderSettings(Settings):
    """The network that draws, and how it is trained."""

    model: str = setting("half_planes", "architecture", choices=DECODERS)
    scaling: str = setting("range", "how specs become latents, for decoder and encoder", choices=SCALINGS)
    loss: str = setting("mse", "image loss", choices=IMAGE_LOSS_NAMES)
    epochs: int = setting(6, "at most so many passes over train", low=1)
    balanced_epochs: int = setting(1, "of these, the first with drawn pixels and ground weighing the same", low=0)
    batch_size: int = setting(32, "examples per step", low=1)
    learning_rate: float = setting(4e-3, "Adam's rate, the highest of the schedule", above=0)
    schedule: str = setting("cosine", "how the rate moves", choices=SCHEDULES)
    patience: int = setting(
        30, "epochs in a row without progress on valid after which a stage ends, with its best weights", low=1
    )
    seed: int = setting(1, "source of chance of weights and order", low=0, high=LARGEST_SEED)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.balanced_epochs >= self.epochs:
            raise SettingsError(
                f"decoder.balanced_epochs is expected to be less than decoder.epochs. Received: {self.balanced_epochs} "
                f"of {self.epochs}."
            )


@dataclasses.dataclass(frozen=True)
class EncoderSettings(Settings):
    """The network that reads, and how it is trained through the frozen decoder."""

    model: str = setting("attention", "architecture", choices=ENCODERS)
    objective: str = setting("both", "spec, image through the frozen decoder, or spec first, then both", choices=OBJECTIVES)
    loss: str = setting("pyramid", "image loss", choices=IMAGE_LOSS_NAMES)
    noise: str = setting(
        "afresh",
        "noise of the pictures of train: drawn in every epoch at each example's level, as stored, or none",
        choices=TRAINING_NOISE,
    )
    image_weight: float = setting(1.0, "weight of the image loss beside the spec loss", above=0)
    epochs: int = setting(5, "at most so many passes over train for the first objective", low=1)
    image_epochs: int = setting(1, "objective both: at most so many passes with the image loss added", low=1)
    batch_size: int = setting(32, "examples per step", low=1)
    learning_rate: float = setting(2e-3, "Adam's rate, the highest of the schedule", above=0)
    schedule: str = setting("cosine", "how the rate moves", choices=SCHEDULES)
    patience: int = setting(
        30, "epochs in a row without progress on valid after which a stage ends, with its best weights", low=1
    )
    seed: int = setting(1, "source of chance of weights, order and noise", low=0, high=LARGEST_SEED)


def refuse_canvas(drawing: Drawing, decoder: DecoderSettings, encoder: EncoderSettings) -> None:
    """Refuse models that cannot take the drawing's canvas.

    Raises:
        SettingsError: naming the model's rule, the canvas and the models that can.
    """
    for models, chosen in ((DECODERS, decoder.model), (ENCODERS, encoder.model)):
        try:
            models[chosen].check(drawing, models)
        except ValueError as error:
            raise SettingsError(str(error)) from error
