"""Training a drawing class: one routine for the decoder, the encoder or both, with either half frozen.

Belongs here: joining the halves, their objectives, what is frozen. Which settings are good is a profile's business.
Does not belong here: the loop that every training shares (`loop`), autoencoders of pictures (`autoencoders`).

The halves are joined as one Keras model whose outputs are named `latent` and `image`; an objective says which of them have a loss.
A frozen half keeps both its weights and its batch statistics.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from fullcircle.core.progress import Progress, silent
from fullcircle.data.batches import Quantity, batches
from fullcircle.drawings import Drawing
from fullcircle.drawings.scaling import Scaling
from fullcircle.models.decoders import build_decoder
from fullcircle.models.encoders import build_encoder
from fullcircle.models.losses import image_loss, spec_loss
from fullcircle.models.networks import guesses
from fullcircle.store.tables import TableReader
from fullcircle.training.loop import Stage, Training, fit, paced
from fullcircle.training.settings import DecoderSettings, EncoderSettings

SPEC_DELTA = 0.03
"""Where the spec loss turns from squared to absolute, 1 px of 64: hopeless examples shall not drown the others."""


@dataclasses.dataclass(frozen=True)
class Objective:
    """What a stretch of training is after.

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


def _with_guesses(objective: Objective, encoder: keras.Model | None) -> dict[str, str]:
    """The outputs that have a loss, and like which of its losses: guesses by specs if specs are compared at all, else by image."""
    compared = {output: output for output in objective.losses}
    for guess in guesses(encoder) if encoder is not None else ():
        compared |= {guess: "latent"} if "latent" in objective.losses else {_pictured(guess): "image"}
    return compared


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
    objectives: Sequence[Objective],
    settings: DecoderSettings | EncoderSettings,
    progress: Progress = silent,
    checkpoint: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Training:
    """Train the halves given, in place, a stage for each objective; each stage keeps the weights that were best on valid.

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
        objectives: in order.
        settings: batch size, rate, schedule, patience, seed.
        progress: where to say how far it is.
        checkpoint: file from which a killed training continues, see `loop.fit`.
        callbacks: Keras's, in every stage.

    Raises:
        DivergedError: at the first loss that is not a finite number.
    """
    for name, half in {"encoder": encoder, "decoder": decoder}.items():
        if half is not None:
            half.trainable = name != frozen

    def stage(number: int, objective: Objective) -> Stage:
        compared = _with_guesses(objective, encoder)
        targets: dict[str, Quantity] = {output: "image" if like == "image" else "latent" for output, like in compared.items()}

        def compiled(optimizer: keras.optimizers.Optimizer) -> keras.Model:
            model = join(encoder, decoder, list(compared))
            model.stage = objective.name  # for callbacks
            losses, weights = (
                {output: of[like] for output, like in compared.items()} for of in (objective.losses, objective.weights)
            )
            model.compile(optimizer, loss=losses, loss_weights=weights)
            return model

        def dataset(table: TableReader, source: Quantity, **more: Any) -> tf.data.Dataset:
            return batches(table, drawing, scaling, source=source, targets=targets, batch_size=settings.batch_size, **more)

        def fitted(epoch: Callable[[], int]) -> tf.data.Dataset:
            return dataset(train, source, seed=settings.seed + 1000 * number, epoch=epoch)

        return Stage(
            objective.name,
            objective.epochs,
            compiled,
            fitted,
            dataset(valid, _stored(source)),
            train.rows,
            settings.batch_size,
            about={"stage": objective.name},
        )

    stages = [stage(number, objective) for number, objective in enumerate(objectives)]
    optimizer = paced(settings.learning_rate, settings.schedule, sum(stage.steps for stage in stages))
    return fit(stages, optimizer, patience=settings.patience, progress=progress, checkpoint=checkpoint, callbacks=callbacks)


def train_decoder(
    drawing: Drawing,
    scaling: Scaling,
    train: TableReader,
    valid: TableReader,
    settings: DecoderSettings,
    progress: Progress = silent,
    *,
    checkpoint: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, Training]:
    """A decoder trained from its seed: spec, as latent, to the clean image.

    In the first epochs what is drawn and what is ground weigh the same; without that some starts never leave the blank picture.
    """
    keras.utils.set_random_seed(settings.seed)
    decoder = build_decoder(settings.model, drawing, scaling)
    first = settings.balanced_epochs
    objectives = [
        Objective("decoder, balanced", {"image": image_loss("balanced")}, {"image": 1.0}, first),
        Objective("decoder", {"image": image_loss(settings.loss)}, {"image": 1.0}, settings.epochs - first),
    ][not first :]
    training = train_halves(
        drawing,
        scaling,
        train,
        valid,
        decoder=decoder,
        source="latent",
        objectives=objectives,
        settings=settings,
        progress=progress,
        checkpoint=checkpoint,
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
    *,
    checkpoint: Path | None = None,
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
    by_spec = Objective("encoder by spec", {"latent": spec}, {"latent": 1.0}, settings.epochs)
    objectives = {
        "spec": [by_spec],
        "image": [Objective("encoder by image", {"image": image}, {"image": 1.0}, settings.epochs)],
        "both": [
            by_spec,
            Objective(
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
        objectives=objectives,
        settings=settings,
        progress=progress,
        checkpoint=checkpoint,
        callbacks=callbacks,
    )
    return encoder, training
