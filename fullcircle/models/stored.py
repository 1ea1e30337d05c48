"""Trained networks of a drawing class, read back from the store.

Belongs here: what a stored model says of itself, and loading it in safe mode.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fullcircle.core.settings import SettingsError
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import Scaling, scaling
from fullcircle.models.networks import Network
from fullcircle.store.objects import StoredObject

if TYPE_CHECKING:
    import keras


TRAINING = "training.json"


def training_of(stored: StoredObject) -> dict[str, Any]:
    """What a stored model says of its training: settings, history, parameters, what was read."""
    training: dict[str, Any] = json.loads(stored.file(TRAINING).read_text())
    return training


def scaling_of(stored: StoredObject, drawing: Drawing) -> Scaling:
    """The scaling that a stored model speaks.

    Raises:
        SettingsError: when the model was made for other factors or another canvas than the class has now.
    """
    training = training_of(stored)
    if "factors" in training:  # older models have none
        refuse_changed(drawing, training, "a model")
    return scaling(training["scaling"], drawing.factors)


def refuse_changed(drawing: Drawing, about: Mapping[str, Any], what: str) -> None:
    """Refuse what was made when the class had other factors or another canvas."""

    def table(factors: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        return [(f["name"], f["low"], f["high"], f["step"], f["unit"]) for f in factors]

    made = [tuple(about["canvas"]), *table(about["factors"])]
    now = [drawing.canvas, *table(drawing.factors.table())]
    differ = [f"{a} then, {b} now" for a, b in itertools.zip_longest(made, now) if a != b]
    if differ:
        raise SettingsError(
            f"The drawing class {drawing.name!r} has changed since {what} of it was made: {differ[0]}. Make everything of it "
            f"again: make run DRAWING={drawing.name}"
        )


def model_of(stored: StoredObject) -> keras.Model:
    """The one network of an object, loaded in safe mode."""
    from fullcircle.models.networks import load

    (path,) = stored.path.glob("*.keras")
    return load(path)


def network_module(stored: StoredObject, among: Mapping[str, Network]) -> str | None:
    """The module of the network that a stored model is, by what it holds of its settings; None for one that is no longer listed."""
    name = training_of(stored)["settings"].get("model", "")
    return among[name].module if name in among else None
