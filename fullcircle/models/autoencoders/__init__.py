"""The autoencoders there are: image to latents and back. A new one is a file here and a line in `AUTOENCODERS`.

The list is also the list of the assets ``glyphs/<model>`` and the parameter list of the contract tests. Importable without Keras.

Belongs here: the list, and what is asked of it by name.
Does not belong here: a network and what is particular to it (the files beside this one), losses and training (`training`).
"""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from fullcircle.core.settings import SettingsError, unknown_name
from fullcircle.models.autoencoders import (
    colour_vae,
    conv_autoencoder,
    denoising_autoencoder,
    dense_autoencoder,
    digit_autoencoder,
    residual_vae,
    vae,
)
from fullcircle.models.autoencoders.autoencoder import Autoencoder, Halves
from fullcircle.models.networks import choose
from fullcircle.models.settings import AutoencoderSettings, NoisySettings, ShapedSettings, VariationalSettings

__all__ = [
    "AUTOENCODERS",
    "NONE",
    "Autoencoder",
    "Halves",
    "autoencoder",
    "chosen_models",
    "model_settings",
    "published_settings",
    "settings_class",
]

AUTOENCODERS: dict[str, Autoencoder] = {
    module.AUTOENCODER.name: module.AUTOENCODER
    for module in (
        dense_autoencoder,
        digit_autoencoder,
        conv_autoencoder,
        denoising_autoencoder,
        vae,
        colour_vae,
        residual_vae,
    )
}

NONE = "none"
"""In place of models' names: none of them."""


def autoencoder(name: str) -> Autoencoder:
    """The autoencoder called `name`.

    Raises:
        ValueError: naming the autoencoders there are.
    """
    return choose("autoencoder", name, AUTOENCODERS)


@cache
def settings_class(model: str) -> type[AutoencoderSettings]:
    """The settings of one model: those that it takes, its own defaults, and its name for their section.

    Raises:
        ValueError: naming the models there are.
    """
    chosen = autoencoder(model)
    flags = {NoisySettings: chosen.noisy, ShapedSettings: chosen.shaped, VariationalSettings: chosen.variational}
    bases = tuple(base for base, holds in flags.items() if holds) or (AutoencoderSettings,)
    of_base = {f.name: f for base in bases for f in dataclasses.fields(base)}
    fields = [
        (name, of_base[name].type, dataclasses.field(default=default, metadata=of_base[name].metadata))
        for name, default in chosen.settings.items()
    ]
    return dataclasses.make_dataclass(
        "".join(word.title() for word in model.split("_")) + "Settings",
        fields,
        bases=bases,
        frozen=True,
        namespace={
            "__doc__": f"Settings of {model}, its own defaults.",
            "__module__": __name__,
            "section": classmethod(lambda cls: model),
        },
    )


def model_settings(model: str, **given: Any) -> AutoencoderSettings:
    """The settings of one model, its own defaults where nothing else is given.

    Raises:
        SettingsError: when a rule is broken, or the model does not take what is given.
    """
    settings = settings_class(model)
    known = [f.name for f in dataclasses.fields(settings)]
    for name in given:
        if name not in known:
            raise SettingsError(unknown_name(f"setting of {model}", name, known))
    return settings(**given)


def published_settings(model: str, **given: Any) -> AutoencoderSettings:
    """The settings of one model with which it was trained where it was published; raises as `model_settings` does."""
    return model_settings(model, **{**autoencoder(model).published, **given})


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
