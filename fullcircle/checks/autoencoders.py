"""Checks of autoencoders: what must hold of a trained one before anything is reported of it.

Belongs here: each rule as a function from stored objects to a `Check`, as in `fullcircle.checks`. They look at train and valid;
test is looked at by reports only.
"""

from __future__ import annotations

import numpy as np

from fullcircle.checks.check import Check, Guard, Rule
from fullcircle.evaluation.baselines import mean_picture
from fullcircle.evaluation.latents import ACTIVE, active_latents, kl_nats, kl_share
from fullcircle.evaluation.metrics import reconstruction_loss
from fullcircle.images.arrays import unit_images
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.models.stored_autoencoder import Trained, halves_of
from fullcircle.store.columns import IMAGE, UNIT
from fullcircle.store.objects import StoredObject

CHANCE = 2.0
"""Standard errors by which a gain over the mean picture must be above 0 to be no chance."""


def pictures_are_learned(model: StoredObject, train: StoredObject, valid: StoredObject) -> Check:
    """What the model makes of valid's pictures is finite, and nearer to them than the mean picture of train: else it fails.

    It warns where that may be chance: copies of one original say the same, so what is counted is the gain of each unit of the split
    (an original, say). Two latents cannot say much of characters that were never seen, and that is a finding, not a fault.
    """
    trained, mean = halves_of(model), mean_picture(train.table("train"))
    loss = trained.training["settings"]["loss"]
    made, null, units = [], [], []
    for block in valid.table("valid").blocks([UNIT, IMAGE]):
        images = unit_images(block[IMAGE])
        made.append(reconstruction_loss(loss, images, trained.decode(trained.encode(images))))
        null.append(reconstruction_loss(loss, images, np.broadcast_to(mean, images.shape)))
        units.append(block[UNIT])
    found, bound = (float(np.concatenate(parts).mean()) for parts in (made, null))
    name = trained.training["model"]
    unit = "nats" if loss == "bce" else "squared error"
    if not np.isfinite(found):
        return Check(False, f"The loss of {name} on valid is {found}. Lower {name}.learning_rate and train again.")
    gains, error = gain_by_unit(np.concatenate(null) - np.concatenate(made), np.concatenate(units))
    figures = {"reconstruction": found, "mean_picture": bound, "gain": float(gains.mean()), "units": len(gains)}
    figures |= {"standard_error": error} if error is not None else {}
    measured = f"{found:.1f} {unit} a picture, the mean picture of train {bound:.1f}"
    settings = f"more epochs ({name}.epochs), another rate ({name}.learning_rate), or more latents ({name}.latents)"
    advice = f"Train with {settings}."
    if found >= bound:
        return Check(False, f"{name} makes of valid's pictures no more than their mean: {measured}. {advice}", figures)
    if error is None or gains.mean() <= CHANCE * error:
        sure = "of one unit alone" if error is None else f"{gains.mean():.1f} with a standard error of {error:.1f}"
        return Check(
            False,
            f"{name} makes of valid's pictures more than their mean, but it may be chance: {measured}; the gain over {len(gains)} "
            f"units of the split is {sure}. {advice}",
            figures,
            warns=True,
        )
    return Check(True, f"{measured}; the gain over {len(gains)} units of the split is no chance.", figures)


def gain_by_unit(gains: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, float | None]:
    """The mean gain of each unit, ``float64 (k,)``, and the standard error of their mean; None of a single unit."""
    _, of = np.unique(units.astype(str), return_inverse=True)
    means = np.bincount(of, gains) / np.bincount(of)
    return means, float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else None


def latents_are_active(model: StoredObject, valid: StoredObject) -> Check:
    """At least one latent of a variational model says something of the picture: the model has not collapsed to its prior."""
    trained = halves_of(model)
    mean, log_var = _posteriors(trained, valid)
    name, settings = trained.training["model"], trained.training["settings"]
    active, latents = int(active_latents(mean, variational=True).sum()), trained.latents
    kl = float(kl_nats(mean, log_var).sum(axis=1).mean())
    share = kl_share(trained.training["history"]) or 0.0
    figures = {"active_latents": active, "latents": latents, "kl_nats": kl, "kl_share_of_loss": share}
    if not active:
        return Check(
            False,
            f"{name} has collapsed: none of its {latents} latents says anything of the picture (the variance of each one's mean "
            f"over valid is at most {ACTIVE:g}), KL is {kl:.3g} nats. Lower {name}.kl_factor (now "
            f"{settings['kl_factor']:g}), or train for longer or with another rate ({name}.epochs, {name}.learning_rate).",
            figures,
        )
    return Check(
        True, f"{active} of {latents} latents are active; KL is {kl:.2f} nats, {share:.1%} of the loss on valid.", figures
    )


def _posteriors(trained: Trained, valid: StoredObject) -> tuple[np.ndarray, np.ndarray]:
    parts = [trained.posterior(block[IMAGE]) for block in valid.table("valid").blocks([IMAGE])]
    known = [part for part in parts if part is not None]
    if not known:
        raise ValueError(f"A variational model is expected. Received: {trained.training['model']}.")
    return np.concatenate([mean for mean, _ in known]), np.concatenate([log_var for _, log_var in known])


def _guard(model: str) -> Guard:
    rules = [Rule(pictures_are_learned, lambda s: (s[model], s["train"], s["valid"]))]
    if AUTOENCODERS[model].variational:
        rules.append(Rule(latents_are_active, lambda s: (s[model], s["valid"])))
    return Guard(f"glyphs/{model}", tuple(f"glyphs/{name}" for name in (model, "train", "valid")), tuple(rules))


GUARDS = {model: _guard(model) for model in AUTOENCODERS}
"""Of each model of the list."""
