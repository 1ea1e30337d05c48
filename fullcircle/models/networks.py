"""Models: the networks, one per file, and the lists that name them.

Belongs here: what the lists are made of (`Network`) and reading a saved model back. Importable without Keras, so that a
pipeline can list partitions and check settings in a process that never trains.
Does not belong here: a network (`decoders/`, `encoders/`, `autoencoders/`), a loss (`losses`), a training loop (`training`).
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from fullcircle.drawings.scaling import Scaling
from fullcircle.images.arrays import Canvas
from fullcircle.models.tensorflow import load_tensorflow

if TYPE_CHECKING:
    import os

    import keras

    from fullcircle.drawings.base import Drawing

PACKAGES = ("fullcircle.models.decoders", "fullcircle.models.encoders", "fullcircle.models.autoencoders")
"""Where networks are, with layers of their own."""

GUESS = "guess"
"""An encoder that comes to its latent in steps names the layers of the earlier ones ``guess_0``, ``guess_1``, ...; each is fitted
by the same loss as the last, or the first steps would leave all the work to it."""


@dataclasses.dataclass(frozen=True)
class Network:
    """A network by name: where it is built and which canvases it takes.

    Attributes:
        name: key in its list, also a partition key or an asset.
        module: dotted name of the module that holds its `build`.
        summary: one line for lists and reports.
        canvas: the canvases it takes: None for any, a whole number that must divide height and width, or the only
            (height, width, channels).
    """

    name: str
    module: str
    summary: str
    canvas: int | Canvas | None = None

    @property
    def rule(self) -> str:
        """The canvases it takes, in words."""
        if self.canvas is None:
            return "any canvas"
        if isinstance(self.canvas, int):
            return f"a canvas whose height and width are multiples of {self.canvas} px"
        return f"a canvas of {self.canvas}"

    def takes(self, canvas: Canvas) -> bool:
        """Whether it can be built for this (height, width, channels)."""
        if self.canvas is None:
            return True
        if isinstance(self.canvas, int):
            return all(size > 0 and size % self.canvas == 0 for size in canvas[:2])
        return tuple(canvas) == tuple(self.canvas)

    def refuse(self, canvas: Canvas, whose: str, among: Mapping[str, Network] | None = None) -> None:
        """Say no before anything is built.

        Args:
            canvas: (height, width, channels) to build for.
            whose: canvas that is, for the message.
            among: the list to choose another network from, named in the error.

        Raises:
            ValueError: with the rule, the canvas received and the networks of `among` that do take it.
        """
        if self.takes(canvas):
            return
        choices = [a.name for a in (among or {}).values() if a.takes(canvas)]
        raise ValueError(
            f"{self.name} is expected to be built for {self.rule}. "
            f"Received: {canvas} of the {whose}. "
            f"Choose from: {', '.join(choices) or 'none of the list takes it; change the canvas'}."
        )


@dataclasses.dataclass(frozen=True)
class Architecture(Network):
    """An encoder or a decoder by name; its module holds ``build(drawing, scaling) -> keras.Model``."""

    def check(self, drawing: Drawing, among: Mapping[str, Architecture] | None = None) -> None:
        """`refuse` the canvas of a drawing class."""
        self.refuse(drawing.canvas, f"drawing class {drawing.name!r}", among)

    def build(self, drawing: Drawing, scaling: Scaling) -> keras.Model:
        """The untrained network. Imports Keras; its weights come from Keras's global seed (`keras.utils.set_random_seed`)."""
        model: keras.Model = importlib.import_module(self.module).build(drawing, scaling)
        return model


N = TypeVar("N", bound=Network)


def choose(kind: str, name: str, among: Mapping[str, N]) -> N:
    """The network called `name` in a list.

    Raises:
        ValueError: naming the networks there are.
    """
    if name not in among:
        raise ValueError(f"Unknown {kind} {name!r}. Choose from: {', '.join(among)}.")
    return among[name]


def guesses(encoder: keras.Model) -> list[str]:
    """Names of the layers in which an encoder says what it thinks before its last word."""
    return [layer.name for layer in encoder.layers if layer.name.startswith(f"{GUESS}_")]


def load(path: str | os.PathLike[str]) -> keras.Model:
    """Read a saved model back, in safe mode.

    Keras finds a custom layer only after the module that registers it was imported; this imports them all.
    """
    load_tensorflow()
    import keras

    for package in PACKAGES:
        folder = importlib.import_module(package).__path__
        for module in pkgutil.iter_modules(folder, f"{package}."):
            importlib.import_module(module.name)
    model: keras.Model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return model
