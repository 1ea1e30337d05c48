"""Training: one routine that trains the decoder, the encoder or both, with either half frozen.

Belongs here: joining the halves, stages, what is frozen, early stopping. Which settings are good is a profile's business.
Does not belong here: what every training shares (`epochs`), autoencoders of pictures (`fitting`).

The halves are joined as one Keras model whose outputs are named `latent` and `image`; a stage says which of them have a loss. A
frozen half keeps both its weights and its batch statistics.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from fullcircle.core.progress import Progress, silent
from fullcircle.data.batches import Quantity, batches
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import Scaling
from fullcircle.models.decoders import build_decoder
from fullcircle.models.encoders import build_encoder
from fullcircle.models.losses import image_loss, spec_loss
from fullcircle.models.networks import guesses
from fullcircle.store.hashing import TIMING
from fullcircle.store.tables import TableReader
from fullcircle.training.loop import Watch, paced
from fullcircle.training.settings import DecoderSettings, EncoderSettings

SPEC_DELTA = 0.03
"""Where the spec loss turns from squared to absolute, 1 px of 64: hopeless examples shall not drown the others."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stretch of training with one objective.

    Attributes:
        name: for history and progress.
        losses: for each output that has one, `latent` or `image`, its loss.
        weights: of the losses.
        epochs: at most so many.
    """

    name: str
    losses: Mapping[str, keras.losses.Loss]
    weights: Mapping[str, float]
    epochs: int


@dataclasses.dataclass(frozen=True)
class Training:
    """What happened: one entry per epoch (`stage`, `loss`, `val_loss`, ...), and how long it took."""

    history: Sequence[Mapping[str, Any]]
    seconds: float
    examples: int

    def as_dict(self, model: keras.Model) -> dict[str, Any]:
        """As plain data, with the size of `model`; the time it took stands apart, for it is not content."""
        return {
            "history": [dict(h) for h in self.history],
            "parameters": model.count_params(),
            "trainable": sum(math.prod(w.shape) for w in model.trainable_weights),
            TIMING: {"seconds": self.seconds, "examples_per_s": self.examples / max(self.seconds, 1e-9)},
        }


def join(encoder: keras.Model | None, decoder: keras.Model | None, outputs: Sequence[str]) -> keras.Model:
    """One model of the halves there are, with these outputs.

    `latent`; `image`, with both halves decoder(encoder(image)), from a decoder alone what it draws from a latent; and for each of
    the encoder's guesses, ``guess_0`` for one, the same two: ``guess_0`` and ``guess_0_image``.
    """
    made: dict[str, Any] = {}
    if encoder is not None:
        source, made["latent"] = encoder.input, encoder.output
        made |= {name: encoder.get_layer(name).output for name in guesses(encoder)}
        if decoder is not None:
            made["image"] = decoder(encoder.output)
            made |= {_pictured(name): decoder(made[name]) for name in guesses(encoder) if _pictured(name) in outputs}
    elif decoder is not None:
        source, made["image"] = decoder.input, decoder.output
    else:
        raise ValueError("At least one half is expected, encoder or decoder. Received: none.")
    return keras.Model(source, {name: made[name] for name in outputs}, name="joined")


def _pictured(guess: str) -> str:
    """The output that shows what a guess looks like."""
    return f"{guess}_image"


def _with_guesses(stage: Stage, encoder: keras.Model | None) -> dict[str, str]:
    """The outputs that a stage judges, and like which of its losses: guesses by specs if specs are judged at all, else by image."""
    judged = {output: output for output in stage.losses}
    for guess in guesses(encoder) if encoder is not None else ():
        judged |= {guess: "latent"} if "latent" in stage.losses else {_pictured(guess): "image"}
    return judged


def _stored(source: Quantity) -> Quantity:
    """What valid is read from: the same pictures after every epoch, so that its losses can be compared."""
    return "noisy_image" if source == "noise_afresh" else source


def train_halves(
    drawing: Drawing,
    scaling: Scaling,
    train: TableReader,
    valid: TableReader,
    *,
    encoder: keras.Model | None = None,
    decoder: keras.Model | None = None,
    frozen: str | None = None,
    source: Quantity,
    stages: Sequence[Stage],
    settings: DecoderSettings | EncoderSettings,
    progress: Progress = silent,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Training:
    """Train the halves given, in place, stage after stage; each stage keeps the weights that were best on valid.

    Args:
        drawing: the drawing class.
        scaling: between specs and latents.
        train: fits.
        valid: chooses.
        encoder: image -> latent.
        decoder: latent -> image.
        frozen: ``"encoder"``, ``"decoder"`` or None; that half keeps weights and batch statistics.
        source: what goes in: `latent` for a decoder alone, else `image`, `noisy_image` or `noise_afresh`. Images are compared with
            the clean one.
        stages: objectives in order.
        settings: batch size, rate, schedule, patience, seed.
        progress: told all the while.
        callbacks: Keras's, in every stage.
    """
    halves = {"encoder": encoder, "decoder": decoder}
    for name, half in halves.items():
        if half is not None:
            half.trainable = name != frozen
    history: list[dict[str, Any]] = []
    began, examples = time.monotonic(), 0
    # One optimizer and one schedule over all stages: a new objective is no reason to forget the pace.
    steps = sum(stage.epochs for stage in stages) * -(-train.rows // settings.batch_size)
    optimizer = paced(settings.learning_rate, settings.schedule, steps)
    for number, stage in enumerate(stages):
        judged = _with_guesses(stage, encoder)
        losses, weights = ({output: of[like] for output, like in judged.items()} for of in (stage.losses, stage.weights))
        model = join(encoder, decoder, list(losses))
        model.stage = stage.name  # for callbacks
        targets: dict[str, Quantity] = {output: "image" if like == "image" else "latent" for output, like in judged.items()}
        fit, choose = (
            batches(table, drawing, scaling, source=said, targets=targets, batch_size=settings.batch_size, seed=seed)
            for table, said, seed in ((train, source, settings.seed + 1000 * number), (valid, _stored(source), None))
        )
        model.compile(optimizer, loss=losses, loss_weights=weights)
        said = {"stage": stage.name}
        watch = Watch(stage.name, stage.epochs, train.rows, settings.batch_size, progress, about=said)
        best = keras.callbacks.EarlyStopping("val_loss", patience=settings.patience, restore_best_weights=True)
        model.fit(
            fit, validation_data=choose, epochs=stage.epochs, shuffle=False, verbose=0, callbacks=[watch, best, *callbacks]
        )
        history += watch.history
        examples += len(watch.history) * train.rows
    return Training(history, time.monotonic() - began, examples)


def train_decoder(
    drawing: Drawing,
    scaling: Scaling,
    train: TableReader,
    valid: TableReader,
    settings: DecoderSettings,
    progress: Progress = silent,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, Training]:
    """A decoder trained from its seed: spec, as latent, to the clean image.

    In the first epochs what is drawn and what is ground weigh the same; without that some starts never leave the blank picture.
    """
    keras.utils.set_random_seed(settings.seed)
    decoder = build_decoder(settings.model, drawing, scaling)
    first = settings.balanced_epochs
    stages = [
        Stage("decoder, balanced", {"image": image_loss("balanced")}, {"image": 1.0}, first),
        Stage("decoder", {"image": image_loss(settings.loss)}, {"image": 1.0}, settings.epochs - first),
    ][not first :]
    training = train_halves(
        drawing,
        scaling,
        train,
        valid,
        decoder=decoder,
        source="latent",
        stages=stages,
        settings=settings,
        progress=progress,
        callbacks=callbacks,
    )
    return decoder, training


def train_encoder(
    drawing: Drawing,
    scaling: Scaling,
    train: TableReader,
    valid: TableReader,
    decoder: keras.Model,
    settings: EncoderSettings,
    progress: Progress = silent,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, Training]:
    """An encoder trained from its seed, from noisy images, through the frozen decoder.

    Objective `spec` compares latents, order-free; `image` compares the picture that the frozen decoder makes of the latent with
    the clean one, as the article does; `both` does the first, then the two together.

    The noise of train is drawn again in every epoch, each example at its stored level (`noise` says otherwise): from stored noise
    alone an encoder learns its examples by heart, those whose figure cannot be seen first.
    """
    keras.utils.set_random_seed(settings.seed)
    encoder = build_encoder(settings.model, drawing, scaling)
    spec, image = spec_loss(drawing, scaling, delta=SPEC_DELTA), image_loss(settings.loss)
    by_spec = Stage("encoder by spec", {"latent": spec}, {"latent": 1.0}, settings.epochs)
    stages = {
        "spec": [by_spec],
        "image": [Stage("encoder by image", {"image": image}, {"image": 1.0}, settings.epochs)],
        "both": [
            by_spec,
            Stage(
                "encoder by spec and image",
                {"latent": spec, "image": image},
                {"latent": 1.0, "image": settings.image_weight},
                settings.image_epochs,
            ),
        ],
    }[settings.objective]
    sources: dict[str, Quantity] = {"afresh": "noise_afresh", "stored": "noisy_image", "none": "image"}
    training = train_halves(
        drawing,
        scaling,
        train,
        valid,
        encoder=encoder,
        decoder=decoder,
        frozen="decoder",
        source=sources[settings.noise],
        stages=stages,
        settings=settings,
        progress=progress,
        callbacks=callbacks,
    )
    return encoder, training
