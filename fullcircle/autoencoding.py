"""Autoencoding, room by room: what the assets of autoencoders do, without an orchestrator. What `circle` is for drawings.

Belongs here: reading stored objects, calling one part of the library, committing what it made; and a trained model read back, with
its two halves as functions of pictures and codes.
Does not belong here: how a model is trained (`fitting`), measured or shown (`report.autoencoders`).
"""

from __future__ import annotations

import dataclasses
import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fullcircle import gallery
from fullcircle.autoencoder_settings import AutoencoderReportSettings, AutoencoderSettings
from fullcircle.evaluation import unit_images
from fullcircle.examples import IMAGE
from fullcircle.hashing import TIMING, canonical_json, digest
from fullcircle.models.autoencoders import AUTOENCODERS, Halves
from fullcircle.originals import LABEL
from fullcircle.progress import Progress, silent
from fullcircle.sources import code_version
from fullcircle.storage import Store, StoredObject
from fullcircle.tables import TableReader

if TYPE_CHECKING:
    import keras

ENCODER, DECODER = "encoder.keras", "decoder.keras"
TRAINING = "training.json"
CHECKPOINTS = "checkpoints"
"""Folder of the store for trainings that were cut off; there is nothing in it that cannot be made again."""

BATCH = 256
"""Pictures, or codes, that go through a network at once."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained autoencoder.

    Attributes:
        encoder: see `models.autoencoders.Halves`.
        decoder: likewise.
        training: what its object says of its training: model, source, canvas, settings, history, what was read.
    """

    encoder: keras.Model
    decoder: keras.Model
    training: dict[str, Any]

    @property
    def variational(self) -> bool:
        """Whether its encoder says a distribution for each picture."""
        return isinstance(self.encoder.output, dict)

    @property
    def latents(self) -> int:
        """Numbers in a code."""
        return int(self.decoder.input.shape[1])

    def encode(self, images: np.ndarray) -> np.ndarray:
        """The codes of pictures; the means, if variational.

        Args:
            images: ``uint8 (n, h, w[, c])``, or ``float32`` of the same shapes in [0, 1].

        Returns:
            ``float32 (n, latents)``.
        """
        if not len(images):
            return np.zeros((0, self.latents), np.float32)
        said = [self.encoder.predict_on_batch(batch) for batch in _unit_batches(images)]
        return np.concatenate([s["mean"] if self.variational else s for s in said])

    def posterior(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and log variance of each code, each ``float32 (n, latents)``; None of a model that is not variational."""
        if not self.variational:
            return None
        if not len(images):
            return np.zeros((0, self.latents), np.float32), np.zeros((0, self.latents), np.float32)
        said = [self.encoder.predict_on_batch(batch) for batch in _unit_batches(images)]
        return np.concatenate([s["mean"] for s in said]), np.concatenate([s["log_var"] for s in said])

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """The pictures of codes ``(n, latents)``, ``float32 (n, h, w, c)`` in [0, 1]."""
        if not len(codes):
            return np.zeros((0, *self.training["canvas"]), np.float32)
        codes = np.asarray(codes, np.float32)
        return np.concatenate([self.decoder.predict_on_batch(codes[i : i + BATCH]) for i in range(0, len(codes), BATCH)])


def _unit_batches(images: np.ndarray) -> list[np.ndarray]:
    parts = (images[i : i + BATCH] for i in range(0, len(images), BATCH))
    if images.dtype == np.uint8:
        return [unit_images(part) for part in parts]
    return [np.asarray(part if part.ndim == 4 else part[..., None], np.float32) for part in parts]


def code_of(model: str) -> str:
    """Short hash of the sources that decide what a trained model holds."""
    return code_version("fullcircle.fitting", AUTOENCODERS[model].module)


def make_autoencoder(
    store: Store,
    source_name: str,
    train: StoredObject,
    valid: StoredObject,
    settings: AutoencoderSettings,
    progress: Progress = silent,
    callbacks: Any = (),
) -> StoredObject:
    """Train an autoencoder, or go on where a training of the very same was cut off: its halves and ``training.json``.

    Args:
        store: takes the object and, while it is trained, the checkpoint.
        source_name: the picture source.
        train: fits.
        valid: chooses.
        settings: of one model, see `autoencoder_settings.model_settings`.
        progress: told all the while.
        callbacks: Keras's.

    Raises:
        ValueError: when the model does not take the canvas.
        DivergedError: when a loss is no longer a number.
    """
    from fullcircle.fitting import fit_autoencoder
    from fullcircle.logs import Scalars, new_run

    model, table = settings.section(), gallery.table(train, "train")
    read = {"train": train.hash, "valid": valid.hash}
    checkpoint = _checkpoint(store, model, source_name, read, settings)
    log = Scalars(new_run(store.root, "glyphs", source_name, model))
    fitted = fit_autoencoder(
        table, gallery.table(valid, "valid"), settings, progress, checkpoint=checkpoint, callbacks=[log, *callbacks]
    )
    about = {
        "model": model,
        "source": source_name,
        "canvas": list(table.about["canvas"]),
        "labels": _labels(table),
        "settings": settings.as_dict(),
        "history": list(fitted.history),
        **_sizes(fitted.halves),
        "read": read,
        "splits": table.about["splits"],
        TIMING: {"seconds": fitted.seconds, "examples_per_s": fitted.pictures / max(fitted.seconds, 1e-9)},
    }
    with store.draft() as draft:
        fitted.halves.encoder.save(draft.path / ENCODER, include_optimizer=False)
        fitted.halves.decoder.save(draft.path / DECODER, include_optimizer=False)
        (draft.path / TRAINING).write_text(json.dumps(about, indent=1))
        stored = draft.commit()
    checkpoint.unlink(missing_ok=True)
    return stored


def _checkpoint(store: Store, model: str, source: str, read: dict[str, str], settings: AutoencoderSettings) -> Path:
    """The file of a training's checkpoint: of no other settings, tables, code or library. Those of others are removed."""
    libraries = {name: version(name) for name in ("keras", "numpy", "tensorflow")}
    decides = {"settings": settings.as_dict(), "read": read, "code": code_of(model), **libraries}
    path = store.root / CHECKPOINTS / model / source / f"{digest([canonical_json(decides)])[:24]}.npz"
    for other in path.parent.glob("*"):
        if other != path:
            other.unlink()
    return path


def _labels(table: TableReader) -> list[str]:
    """The different labels of a table, in order."""
    return sorted({str(label) for block in table.blocks([LABEL]) for label in block[LABEL]})


def _sizes(halves: Halves) -> dict[str, Any]:
    return {
        "parameters": sum(half.count_params() for half in halves),
        "trainable": sum(math.prod(w.shape) for half in halves for w in half.trainable_weights),
        "halves": {"encoder": halves.encoder.count_params(), "decoder": halves.decoder.count_params()},
    }


def training_of(stored: StoredObject) -> dict[str, Any]:
    """What a stored autoencoder says of its training."""
    training: dict[str, Any] = json.loads(stored.file(TRAINING).read_text())
    return training


def encoder_of(stored: StoredObject) -> keras.Model:
    """The encoder of a stored autoencoder, loaded in safe mode."""
    from fullcircle.models import load

    return load(stored.file(ENCODER))


def halves_of(stored: StoredObject) -> Trained:
    """A stored autoencoder, its halves loaded in safe mode."""
    from fullcircle.models import load

    return Trained(load(stored.file(ENCODER)), load(stored.file(DECODER)), training_of(stored))


def report_autoencoder(
    store: Store,
    originals: StoredObject,
    test: StoredObject,
    valid: StoredObject,
    train: StoredObject,
    model: StoredObject,
    settings: AutoencoderReportSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Measure an autoencoder on test, beside its baselines, and show it: ``report.json``, a page, a contact sheet and a morph."""
    from fullcircle.report.autoencoders import autoencoder_report

    with store.draft() as draft:
        autoencoder_report(draft.path, originals, test, valid, train, model, settings, progress)
        stored = draft.commit()
    log_codes(store, test, model)
    return stored


def log_codes(store: Store, test: StoredObject, model: StoredObject) -> Path | None:
    """The codes of test pictures for TensorBoard's projector; its folder, None where there are fewer than two pictures."""
    from fullcircle.logs import LOGS
    from fullcircle.projector import POINTS, write_projector

    trained = halves_of(model)
    read = gallery.table(test, "test").read([IMAGE, LABEL], POINTS)
    if len(read[IMAGE]) < 2:
        return None
    said = trained.training
    folder = store.root / LOGS / "glyphs" / said["source"] / said["model"] / f"codes_{model.hash[:12]}"
    write_projector(
        folder, trained.encode(read[IMAGE]), read[IMAGE], read[LABEL].tolist(), f"{said['model']} of {said['source']}"
    )
    return folder
