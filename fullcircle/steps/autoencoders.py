"""Autoencoding, room by room: what the assets of autoencoders do, without an orchestrator. What `circle` is for drawings.

Belongs here: reading stored objects, calling one part of the library, committing what it made; and a trained model read back, with
its two halves as functions of pictures and codes.
Does not belong here: how a model is trained (`fitting`), measured or shown (`report.autoencoders`).
"""

from __future__ import annotations

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fullcircle.core.progress import Progress, silent
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.models.autoencoders.autoencoder import Halves
from fullcircle.models.settings import AutoencoderSettings
from fullcircle.models.stored_autoencoder import DECODER, ENCODER, halves_of
from fullcircle.store.code_version import code_version
from fullcircle.store.columns import IMAGE, LABEL
from fullcircle.store.hashing import TIMING, canonical_json, digest
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.tables import TableReader

TRAINING = "training.json"
CHECKPOINTS = "checkpoints"
"""Folder of the store for trainings that were cut off; there is nothing in it that cannot be made again."""


def code_of(model: str) -> str:
    """Short hash of the sources that decide what a trained model holds."""
    return code_version("fullcircle.training.autoencoders", AUTOENCODERS[model].module)


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
    from fullcircle.training.autoencoders import fit_autoencoder
    from fullcircle.training.tensorboard import Scalars, new_run

    model, table = settings.section(), train.table("train")
    read = {"train": train.hash, "valid": valid.hash}
    checkpoint = _checkpoint(store, model, source_name, read, settings)
    log = Scalars(new_run(store.root, "glyphs", source_name, model))
    fitted = fit_autoencoder(
        table, valid.table("valid"), settings, progress, checkpoint=checkpoint, callbacks=[log, *callbacks]
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
    from fullcircle.reports.autoencoders import autoencoder_report

    with store.draft() as draft:
        autoencoder_report(draft.path, originals, test, valid, train, model, settings, progress)
        stored = draft.commit()
    log_codes(store, test, model)
    return stored


def log_codes(store: Store, test: StoredObject, model: StoredObject) -> Path | None:
    """The codes of test pictures for TensorBoard's projector; its folder, None where there are fewer than two pictures."""
    from fullcircle.training.projector import POINTS, write_projector
    from fullcircle.training.tensorboard import LOGS

    trained = halves_of(model)
    read = test.table("test").read([IMAGE, LABEL], POINTS)
    if len(read[IMAGE]) < 2:
        return None
    said = trained.training
    folder = store.root / LOGS / "glyphs" / said["source"] / said["model"] / f"codes_{model.hash[:12]}"
    write_projector(
        folder, trained.encode(read[IMAGE]), read[IMAGE], read[LABEL].tolist(), f"{said['model']} of {said['source']}"
    )
    return folder
