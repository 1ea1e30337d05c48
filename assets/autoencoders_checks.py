"""The checks of autoencoders, one step per model, from the list.

Belongs here: which rule of `fullcircle.checks.autoencoders` guards which model.
"""

from assets.checking import Rule, checks_of
from assets.glyphs import PREFIX
from fullcircle.checks import autoencoders as autoencoder_checks
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.models.autoencoders.autoencoder import Autoencoder


def _rules(chosen: Autoencoder) -> dict[str, Rule]:
    name = chosen.name
    rules: dict[str, Rule] = {
        "pictures_are_learned": lambda _, o: autoencoder_checks.pictures_are_learned(o[name], o["train"], o["valid"])
    }
    if chosen.variational:
        rules["latents_are_active"] = lambda _, o: autoencoder_checks.latents_are_active(o[name], o["valid"])
    return rules


CHECKS = {
    name: checks_of(PREFIX, name, (name, "train", "valid"), _rules(chosen), autoencoder_checks, f"{name}_checks")
    for name, chosen in AUTOENCODERS.items()
}
"""The step that checks each model."""
