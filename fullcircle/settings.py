"""Settings: everything a run may be told, with its rules. Checked before anything is made.

Belongs here: plain data and the rules it must keep. The Dagster configuration and the profiles are derived from these classes.
Does not belong here: anything that is slow to import; this module is read whenever definitions are loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fullcircle.models.decoders import DECODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.noise import NOISE_LAWS
from fullcircle.scaling import SCALINGS

if TYPE_CHECKING:
    from fullcircle.drawings.base import Drawing

# The names of `losses.IMAGE_LOSSES`, which cannot be asked here without importing TensorFlow; a test holds the two equal.
IMAGE_LOSS_NAMES = ("mse", "ssim", "pyramid", "balanced")
OBJECTIVES = ("both", "spec", "image")
TRAINING_NOISE = ("afresh", "stored", "none")
SCHEDULES = ("cosine", "constant")
STEPS = ("encoder", "gradient", "redraw")
"""The reader's steps, in order; each can be left out, but not all."""


class SettingsError(ValueError):
    """A setting breaks a rule. The message names the rule, what was received and the choices."""


def setting(
    default: Any,
    about: str,
    *,
    choices: Iterable[str] | None = None,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
) -> Any:
    """A field with its rule: one of `choices`, any text, or a number in [low, high] and greater than `above`.

    What kind of number, or whether it is text, or true or false, its annotation says. With `dataclasses.MISSING` for a default it
    must be given; with None it may be left out.
    """
    rule = {
        "about": about,
        "choices": tuple(choices) if choices is not None else None,
        "low": low,
        "high": high,
        "above": above,
    }
    return dataclasses.field(default=default, metadata=rule)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of all settings: checks every field against its rule when it is made."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, rule = getattr(self, field.name), field.metadata
            if "low" not in rule:
                continue  # not of `setting`: the class has a rule of its own for it
            name = f"{self.section()}.{field.name}"
            if value is None and field.default is None:
                continue
            if field.type in (bool, "bool"):
                if not isinstance(value, bool):
                    raise SettingsError(f"{name} is expected to be true or false. Received: {value!r}.")
                continue
            if rule["choices"] is not None:
                if value not in rule["choices"]:
                    raise SettingsError(f"{name} is expected to be one of {', '.join(rule['choices'])}. Received: {value!r}.")
                continue
            if field.type in (str, "str"):
                if not isinstance(value, str):
                    raise SettingsError(f"{name} is expected to be text. Received: {value!r}.")
                continue
            whole = field.type in (int, "int", "int | None")
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise SettingsError(f"{name} is expected to be a {'whole ' * whole}number. Received: {value!r}.")
            if not (rule["low"] <= value <= rule["high"] and value > rule["above"]):
                bounds = [f"at least {rule['low']:g}"] if rule["low"] > -math.inf else []
                bounds += [f"greater than {rule['above']:g}"] if rule["above"] > -math.inf else []
                bounds += [f"at most {rule['high']:g}"] if rule["high"] < math.inf else []
                raise SettingsError(f"{name} is expected to be {' and '.join(bounds)}. Received: {value!r}.")

    @classmethod
    def section(cls) -> str:
        """What messages call these settings: ``examples`` of ``examples.n``."""
        return cls.__name__.removesuffix("Settings").lower()

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON; 10 for a fraction is 10.0, as Dagster has it, so that both say and hash the same."""
        fractions = {f.name for f in dataclasses.fields(self) if f.type in (float, "float", "float | None")}
        return {
            name: float(value) if name in fractions and value is not None else value
            for name, value in dataclasses.asdict(self).items()
        }


class Parts:
    """Base of the settings of a whole job: a frozen dataclass, each field of which is the `Settings` of one part."""

    def replaced(self, overrides: Mapping[str, Mapping[str, Any]]) -> Self:
        """These settings with some replaced, ``{"examples": {"n": 500}}``.

        Raises:
            SettingsError: on an unknown name, naming the nearest and the choices, or a value that breaks its rule.
        """
        parts = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]  # every subclass is one
        for part, values in overrides.items():
            if part not in parts:
                raise SettingsError(unknown_name("part of the settings", part, parts))
            known = [f.name for f in dataclasses.fields(parts[part])]
            for name in values:
                if name not in known:
                    raise SettingsError(unknown_name(f"setting of {part}", name, known))
            parts[part] = dataclasses.replace(parts[part], **values)
        return type(self)(**parts)


@dataclasses.dataclass(frozen=True)
class ExamplesSettings(Settings):
    n: int = setting(20_000, "how many examples", low=1)
    seed: int = setting(1, "source of chance of specs and noise", low=0)
    noise_law: str = setting("uniform", "how the noise level of each example is drawn", choices=NOISE_LAWS)
    noise_max_sigma: float = setting(25.5, "largest noise level, in grey levels", low=0, high=255)
    workers: int = setting(2, "threads that draw; changes nothing but the time", low=1, high=256)


@dataclasses.dataclass(frozen=True)
class SplitsSettings(Settings):
    train: float = setting(0.9, "share that fits", above=0, high=1)
    test: float = setting(0.09, "share that only reports look at", above=0, high=1)
    valid: float = setting(0.01, "share that chooses (early stopping)", above=0, high=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if abs(sum(self.proportions) - 1) > 1e-9:
            raise SettingsError(
                f"splits.train, splits.test and splits.valid are expected to add up to 1. Received: {self.train:g} + "
                f"{self.test:g} + {self.valid:g} = {sum(self.proportions):g}."
            )

    @property
    def proportions(self) -> tuple[float, float, float]:
        """In the order of `splits.SPLITS`."""
        return self.train, self.test, self.valid


@dataclasses.dataclass(frozen=True)
class DecoderSettings(Settings):
    model: str = setting("half_planes", "architecture", choices=DECODERS)
    scaling: str = setting("range", "how specs become latents, for decoder and encoder", choices=SCALINGS)
    loss: str = setting("mse", "image loss", choices=IMAGE_LOSS_NAMES)
    epochs: int = setting(6, "at most so many passes over train", low=1)
    balanced_epochs: int = setting(1, "of these, the first with drawn pixels and ground weighing the same", low=0)
    batch_size: int = setting(32, "examples per step", low=1)
    learning_rate: float = setting(4e-3, "Adam's rate, the highest of the schedule", above=0)
    schedule: str = setting("cosine", "how the rate moves", choices=SCHEDULES)
    patience: int = setting(30, "epochs without progress on valid before training stops", low=1)
    seed: int = setting(1, "source of chance of weights and order", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.balanced_epochs >= self.epochs:
            raise SettingsError(
                f"decoder.balanced_epochs is expected to be less than decoder.epochs. Received: {self.balanced_epochs} "
                f"of {self.epochs}."
            )


@dataclasses.dataclass(frozen=True)
class EncoderSettings(Settings):
    model: str = setting("lookout", "architecture", choices=ENCODERS)
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
    patience: int = setting(30, "epochs without progress on valid before training stops", low=1)
    seed: int = setting(1, "source of chance of weights, order and noise", low=0)


@dataclasses.dataclass(frozen=True)
class ReportSettings(Settings):
    pictures: int = setting(10, "examples shown, drawn at random from test", low=1, high=64)
    seed: int = setting(1, "source of chance of which are shown", low=0)


@dataclasses.dataclass(frozen=True)
class ReaderSettings(Settings):
    steps: str = setting(
        ",".join(STEPS),
        "what a picture goes through",
        choices=[",".join(s) for n in (3, 2, 1) for s in itertools.combinations(STEPS, n)],
    )
    gradient_steps: int = setting(40, "steps of Adam on the latent through the frozen decoder", low=1)
    learning_rate: float = setting(0.005, "Adam's rate at the first of these steps; it falls to 0", above=0)
    levels: int = setting(5, "levels of the image loss's pyramid", low=1)
    redraws: int = setting(3000, "at most so many drawings per picture in the search", low=1)
    jump: int = setting(3, "farthest random jump when the search is stuck, in steps of a factor", low=1)
    patience: int = setting(10, "rounds of jumps in vain before a residual that noise explains is believed", low=0)
    batch_size: int = setting(100, "pictures per network step", low=1)
    pictures: int = setting(250, "readings: at most so many pictures of test, and of valid", low=1)
    seed: int = setting(1, "source of chance of the search, and of the readings' noise", low=0)
    workers: int = setting(
        0,
        "processes that search, 0: one per core where there are pictures enough; changes nothing but the time",
        low=0,
        high=256,
    )

    @property
    def taken(self) -> tuple[str, ...]:
        """The steps, in order."""
        return tuple(self.steps.split(","))

    @property
    def said(self) -> dict[str, Any]:
        """What decides the answers, for the metadata of tables: all but the number of workers."""
        return {name: value for name, value in self.as_dict().items() if name != "workers"}


@dataclasses.dataclass(frozen=True)
class RecognitionSettings(Settings):
    pictures: int = setting(40, "of test, of each class, that every class reads, clean and noisy", low=1)
    redraws: int = setting(500, "at most so many drawings per picture and class in the search", low=1)
    pixels: int = setting(1000, "examples of train, of each class, for the classifier on pixels", low=2)
    seed: int = setting(1, "source of chance of noise, search and classifier", low=0)
    workers: int = setting(0, "processes that search, 0: one per core; changes nothing but the time", low=0, high=256)


@dataclasses.dataclass(frozen=True)
class CircleSettings(Parts):
    """All settings of one run of the whole circle."""

    examples: ExamplesSettings = dataclasses.field(default_factory=ExamplesSettings)
    splits: SplitsSettings = dataclasses.field(default_factory=SplitsSettings)
    decoder: DecoderSettings = dataclasses.field(default_factory=DecoderSettings)
    encoder: EncoderSettings = dataclasses.field(default_factory=EncoderSettings)
    reader: ReaderSettings = dataclasses.field(default_factory=ReaderSettings)
    report: ReportSettings = dataclasses.field(default_factory=ReportSettings)

    def check(self, drawing: Drawing) -> None:
        """Refuse models that cannot take the drawing's canvas.

        Raises:
            SettingsError: naming the model's rule, the canvas and the models that can.
        """
        for models, chosen in ((DECODERS, self.decoder.model), (ENCODERS, self.encoder.model)):
            try:
                models[chosen].check(drawing, models)
            except ValueError as error:
                raise SettingsError(str(error)) from error


@dataclasses.dataclass(frozen=True)
class RecogniseSettings(Parts):
    """All settings of what is made over all drawing classes at once."""

    recognition: RecognitionSettings = dataclasses.field(default_factory=RecognitionSettings)


def unknown_name(what: str, received: str, choices: Iterable[str]) -> str:
    """The message for a name that is not among the choices: the nearest, and all of them."""
    choices = list(choices)
    near = difflib.get_close_matches(received, choices, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown {what}: {received!r}.{hint} Choose from: {', '.join(choices)}."


def default_store() -> Path:
    """Where objects and ledger are: ``FULLCIRCLE_STORE``, or the folder ``store`` of this checkout."""
    return Path(os.environ.get("FULLCIRCLE_STORE") or Path(__file__).parents[1] / "store").absolute()
