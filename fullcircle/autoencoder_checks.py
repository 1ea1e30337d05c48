"""Checks of autoencoders: what must hold of a trained one before anything is told of it.

Belongs here: each rule as a function from stored objects to a `Check`, as in `fullcircle.checks`. They look at train and valid;
test is looked at by reports only.
"""

from __future__ import annotations

import numpy as np

from fullcircle import gallery
from fullcircle.autoencoding import Trained, halves_of
from fullcircle.checks import Check
from fullcircle.evaluation import unit_images
from fullcircle.examples import IMAGE
from fullcircle.latents import ACTIVE, active_latents, kl_nats
from fullcircle.storage import StoredObject

LEARNED_MAX_SHARE = 0.98
"""The most an autoencoder's loss on valid may be above the least there is, as a share of what the mean picture's is above it.

Binary cross-entropy has a least above 0, that of the picture itself, which is most of it where there are many greys. A model that
draws the same for all has a share of 1 or more; but two latents cannot say much of a character that was never seen: `vae` has 0.93
of it on tifinagh.
"""

NEAREST_TO_0 = 1e-7
"""Probabilities are kept so far from 0 and 1, as Keras keeps them."""


def reconstruction_per_picture(loss: str, images: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Loss of each picture, summed over its pixels, ``float64 (n,)``: of `bce` in nats, of `mse` the squared error.

    Args:
        loss: one of `autoencoder_settings.RECONSTRUCTIONS`.
        images: ``float32 (n, h, w, c)`` in [0, 1].
        made: the same, what was made of them.
    """
    true, made = (np.asarray(a, np.float64).reshape(len(images), -1) for a in (images, made))
    if loss == "mse":
        return np.sum((true - made) ** 2, axis=1)
    made = np.clip(made, NEAREST_TO_0, 1 - NEAREST_TO_0)
    return -np.sum(true * np.log(made) + (1 - true) * np.log1p(-made), axis=1)


def mean_picture(train: StoredObject) -> np.ndarray:
    """The mean of all pictures of train, ``float32 (h, w, c)`` in [0, 1]: what one who has learned nothing answers."""
    total, rows = 0.0, 0
    for block in gallery.table(train, "train").blocks([IMAGE]):
        total, rows = total + block[IMAGE].sum(axis=0, dtype=np.float64), rows + len(block[IMAGE])
    mean = np.asarray(total) / (255 * rows)
    return (mean if mean.ndim == 3 else mean[..., None]).astype(np.float32)


def pictures_are_learned(model: StoredObject, train: StoredObject, valid: StoredObject) -> Check:
    """What the model makes of valid's pictures is finite, and clearly nearer to them than the mean picture of train."""
    trained, mean = halves_of(model), mean_picture(train)
    loss = trained.training["settings"]["loss"]
    made, null, least = [], [], []
    for block in gallery.table(valid, "valid").blocks([IMAGE]):
        images = unit_images(block[IMAGE])
        made.append(reconstruction_per_picture(loss, images, trained.decode(trained.encode(images))))
        null.append(reconstruction_per_picture(loss, images, np.broadcast_to(mean, images.shape)))
        least.append(reconstruction_per_picture(loss, images, images))
    found, bound, best = (float(np.concatenate(parts).mean()) for parts in (made, null, least))
    name = trained.training["model"]
    unit = "nats" if loss == "bce" else "squared error"
    if not np.isfinite(found):
        return Check(False, f"The loss of {name} on valid is {found}. Lower {name}.learning_rate and train again.")
    share = (found - best) / max(bound - best, 1e-9)
    figures = {"reconstruction": found, "mean_picture": bound, "least": best, "share_of_mean_picture": share}
    if share > LEARNED_MAX_SHARE:
        return Check(
            False,
            f"{name} makes of valid's pictures hardly more than their mean: {found:.1f} {unit} a picture, the mean picture of "
            f"train {bound:.1f}, the least there is {best:.1f}; {LEARNED_MAX_SHARE:.0%} of the way from this to the mean picture's "
            f"is allowed, it is {share:.0%}. Train for more epochs ({name}.epochs), with another rate "
            f"({name}.learning_rate), or with more latents ({name}.latents).",
            figures,
        )
    return Check(
        True,
        f"{found:.1f} {unit} a picture of valid; the mean picture of train has {bound:.1f}, the least is {best:.1f}.",
        figures,
    )


def latents_are_active(model: StoredObject, valid: StoredObject) -> Check:
    """At least one latent of a variational model says something of the picture: the model has not collapsed to its prior."""
    trained = halves_of(model)
    mean, log_var = _posteriors(trained, valid)
    name, settings = trained.training["model"], trained.training["settings"]
    active, latents = int(active_latents(mean, variational=True).sum()), trained.latents
    kl = float(kl_nats(mean, log_var).sum(axis=1).mean())
    best = min(trained.training["history"], key=lambda entry: entry["val_loss"])
    share = settings["kl_factor"] * best["val_kl"] / best["val_loss"]
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
    parts = [trained.posterior(block[IMAGE]) for block in gallery.table(valid, "valid").blocks([IMAGE])]
    said = [part for part in parts if part is not None]
    if not said:
        raise ValueError(f"A variational model is expected. Received: {trained.training['model']}.")
    return np.concatenate([mean for mean, _ in said]), np.concatenate([log_var for _, log_var in said])
