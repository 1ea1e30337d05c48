"""Settings of the autoencoders: one class per model, made from the list; what is particular to a model stands there.

Belongs here: the rules of what a training may be told. A model that is not variational has no KL factor, one that is not noisy no
noise: what would not be heeded cannot be said.
Does not belong here: the list (`fullcircle.models.autoencoders`), how large a profile is (`fullcircle.profiles`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any

from fullcircle.models.autoencoders import AUTOENCODERS, autoencoder
from fullcircle.settings import SCHEDULES, Parts, Settings, SettingsError, setting, unknown_name

RECONSTRUCTIONS = ("bce", "mse")
OPTIMIZERS = ("adam", "rmsprop")
ACTIVATIONS = ("leaky_relu", "relu", "selu")
NONE = "none"
"""In place of models' names: none of them."""


@dataclasses.dataclass(frozen=True)
class AutoencoderSettings(Settings):
    """Those of every autoencoder."""

    latents: int = setting(32, "numbers in a code", low=1, high=4096)
    loss: str = setting("bce", "reconstruction, summed over pixels: bce, in nats; mse, squared error", choices=RECONSTRUCTIONS)
    epochs: int = setting(15, "at most so many passes over train", low=1)
    epoch_pictures: int = setting(10_000, "at most so many pictures of train in a pass, other ones each time", low=1)
    batch_size: int = setting(128, "pictures per step", low=1)
    optimizer: str = setting("adam", "which", choices=OPTIMIZERS)
    learning_rate: float = setting(1e-3, "the highest of the schedule", above=0)
    schedule: str = setting("constant", "how the rate moves", choices=SCHEDULES)
    patience: int = setting(10, "epochs without progress on valid before training stops", low=1)
    seed: int = setting(1, "source of chance of weights, order, latents and noise", low=0)


@dataclasses.dataclass(frozen=True)
class VariationalSettings(AutoencoderSettings):
    kl_factor: float = setting(1.0, "weight of the KL divergence beside the reconstruction; 1 makes the loss the ELBO", low=0)


@dataclasses.dataclass(frozen=True)
class ShapedSettings(VariationalSettings):
    activation: str = setting("leaky_relu", "between layers; selu comes with alpha dropout", choices=ACTIVATIONS)
    dropout: float = setting(0.0, "share of values that training leaves out after each layer", low=0, high=0.9)


@dataclasses.dataclass(frozen=True)
class NoisySettings(AutoencoderSettings):
    noise_max_sigma: float = setting(
        76.5, "largest noise level of what goes in, in grey levels; each picture's is uniform below", above=0, high=255
    )


@dataclasses.dataclass(frozen=True)
class AutoencoderReportSettings(Settings):
    """Those of every autoencoder's report."""

    pictures: int = setting(10, "pictures of test that are shown, chosen by the seed", low=2, high=64)
    limit: int = setting(2000, "at most so many pictures of test are measured, and shown on the map", low=2)
    fitted: int = setting(
        8000, "at most so many pictures of train that PCA, the nearest neighbours and the Gaussian are fitted to", low=2
    )
    judged: int = setting(300, "at most so many pictures of test whose nearest training pictures are sought among all", low=2)
    coded: int = setting(100, "at most so many pictures of test that are saved as JPEG and WebP", low=1)
    denoised: int = setting(50, "at most so many pictures of test, and of valid, that noise is added to", low=2)
    neighbours: int = setting(5, "that vote on a label", low=1)
    samples: int = setting(100, "random codes that are decoded and judged", low=2)
    grid: int = setting(10, "side of the grid of decoded points", low=2, high=40)
    grid_low: float = setting(-8.0, "of two latents, both: where the grid and the explorer begin")
    grid_high: float = setting(8.0, "and where they end")
    grid_closed: bool = setting(True, "whether the grid has points at its end too: [-8, 8] or [-8, 8)")
    explorer: int = setting(33, "of two latents: decoded points along a slider; between them the page mixes", low=2, high=65)
    morph: int = setting(90, "pictures of the way from one code to another, and as many back", low=2, high=1000)
    morph_from: str = setting("", "id in test that the morph begins with; empty: the first one shown")
    morph_to: str = setting("", "id in test that it ends with; empty: the next one shown that has another label")
    seed: int = setting(1, "source of chance of what is shown, samples, noise and maps", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grid_low >= self.grid_high:
            raise SettingsError(
                f"report.grid_low is expected to be less than report.grid_high. Received: {self.grid_low:g} and {self.grid_high:g}."
            )

    @classmethod
    def section(cls) -> str:
        return "report"


@cache
def settings_class(model: str) -> type[AutoencoderSettings]:
    """The settings of one model: those that it heeds, its own defaults, and its name for their section.

    Raises:
        ValueError: naming the models there are.
    """
    chosen = autoencoder(model)
    base: type[AutoencoderSettings] = AutoencoderSettings
    if chosen.noisy:
        base = NoisySettings
    elif chosen.shaped:
        base = ShapedSettings
    elif chosen.variational:
        base = VariationalSettings
    of_base = {f.name: f for f in dataclasses.fields(base)}
    fields = [
        (name, of_base[name].type, dataclasses.field(default=default, metadata=of_base[name].metadata))
        for name, default in chosen.settings.items()
    ]
    return dataclasses.make_dataclass(
        "".join(word.title() for word in model.split("_")) + "Settings",
        fields,
        bases=(base,),
        frozen=True,
        namespace={
            "__doc__": f"Settings of {model}, its own defaults.",
            "__module__": __name__,
            "section": classmethod(lambda cls: model),
        },
    )


def model_settings(model: str, **told: Any) -> AutoencoderSettings:
    """The settings of one model, its own defaults where nothing else is told.

    Raises:
        SettingsError: when a rule is broken, or the model does not heed what is told.
    """
    settings = settings_class(model)
    known = [f.name for f in dataclasses.fields(settings)]
    for name in told:
        if name not in known:
            raise SettingsError(unknown_name(f"setting of {model}", name, known))
    return settings(**told)


def published_settings(model: str, **told: Any) -> AutoencoderSettings:
    """The settings of one model with which its write-up trains it; raises as `model_settings` does."""
    return model_settings(model, **{**autoencoder(model).published, **told})


@cache
def parts_class(model: str) -> type[Parts]:
    """All settings of one model's run: its own, in a part of its name, and those of its report."""
    made: type[Parts] = dataclasses.make_dataclass(
        "".join(word.title() for word in model.split("_")) + "Parts",
        [
            (model, settings_class(model), dataclasses.field(default_factory=settings_class(model))),
            ("report", AutoencoderReportSettings, dataclasses.field(default_factory=AutoencoderReportSettings)),
        ],
        bases=(Parts,),
        frozen=True,
        namespace={"__doc__": f"All settings of a run of {model}.", "__module__": __name__},
    )
    return made


def chosen_models(text: str) -> list[str]:
    """``"vae,conv_autoencoder"`` as names, in the order of the list; `NONE` and nothing are none.

    Raises:
        SettingsError: naming the models there are.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names in ([], [NONE]):
        return []
    for name in names:
        if name not in AUTOENCODERS:
            raise SettingsError(unknown_name("model", name, [*AUTOENCODERS, NONE]))
    return [name for name in AUTOENCODERS if name in names]


def model_of(settings: AutoencoderSettings) -> str:
    """The model that settings are of."""
    return settings.section()


def split_overrides(overrides: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Overrides apart: those of the source's own rooms, and those of models and their reports."""
    of_models = {part: values for part, values in overrides.items() if part in (*AUTOENCODERS, "report")}
    return {part: values for part, values in overrides.items() if part not in of_models}, of_models
