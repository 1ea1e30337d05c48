"""The circle, room by room: what each asset does, without an orchestrator.

Belongs here: reading stored objects, calling one part of the library, and committing what it made. The assets call these
functions, and so can a plain script; both make the same objects with the same hashes.
Does not belong here: how a thing is drawn, trained, measured or shown.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from fullcircle.core.progress import Progress, silent
from fullcircle.data.examples import write_examples
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.data.splits import SPLITS, write_splits
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import scaling
from fullcircle.models.stored import TRAINING, model_of, refuse_changed, scaling_of
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import decoder_of, reader_of
from fullcircle.reports.settings import ReportSettings
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.tables import TableReader
from fullcircle.training.settings import DecoderSettings, EncoderSettings

if TYPE_CHECKING:
    import keras

    from fullcircle.training.drawings import Training
READINGS = "readings.parquet"


def make_examples(store: Store, drawing: Drawing, settings: ExamplesSettings, progress: Progress = silent) -> StoredObject:
    """Sample specs, draw them, add noise: ``examples.parquet``."""
    with store.draft() as draft:
        write_examples(draft.path / "examples.parquet", drawing, settings, progress)
        return draft.commit()


def make_splits(
    store: Store, examples: StoredObject, settings: SplitsSettings, progress: Progress = silent
) -> dict[str, StoredObject]:
    """Divide the examples into `SPLITS`, each ``<split>.parquet``."""
    with contextlib.ExitStack() as stack:
        drafts = [stack.enter_context(store.draft()) for _ in SPLITS]
        write_splits(examples.file("examples.parquet"), [d.path for d in drafts], settings, progress)
        return {split: draft.commit() for split, draft in zip(SPLITS, drafts, strict=True)}


def table(stored: StoredObject) -> TableReader:
    """The one Parquet table of an object."""
    (path,) = stored.path.glob("*.parquet")
    return TableReader(path)


def _commit_model(store: Store, name: str, model: keras.Model, training: Training, about: dict[str, Any]) -> StoredObject:
    with store.draft() as draft:
        model.save(draft.path / f"{name}.keras", include_optimizer=False)
        text = json.dumps(about | training.as_dict(model), indent=1)
        (draft.path / TRAINING).write_text(text)
        return draft.commit()


def make_decoder(
    store: Store,
    drawing: Drawing,
    train: StoredObject,
    valid: StoredObject,
    settings: DecoderSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Train a decoder, spec -> image: ``decoder.keras`` and ``training.json``."""
    from fullcircle.training.drawings import train_decoder
    from fullcircle.training.tensorboard import Scalars, new_run

    refuse_changed(drawing, table(train).about, "the table")
    scales = scaling(settings.scaling, drawing.factors)
    log = Scalars(new_run(store.root, "drawings", drawing.name, "decoder"))
    decoder, training = train_decoder(drawing, scales, table(train), table(valid), settings, progress, [log])
    about = {
        "drawing": drawing.name,
        "factors": drawing.factors.table(),
        "canvas": list(drawing.canvas),
        "scaling": scales.name,
        "settings": settings.as_dict(),
        "read": {"train": train.hash, "valid": valid.hash},
    }
    return _commit_model(store, "decoder", decoder, training, about)


def make_encoder(
    store: Store,
    drawing: Drawing,
    train: StoredObject,
    valid: StoredObject,
    decoder: StoredObject,
    settings: EncoderSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Train an encoder, image -> spec, through the frozen decoder: ``encoder.keras`` and ``training.json``.

    The hash of the decoder's weights before and after is kept beside the history, for the check that it stayed frozen.
    """
    from fullcircle.store.hashing import weights_hash
    from fullcircle.training.drawings import train_encoder
    from fullcircle.training.tensorboard import Scalars, new_run

    refuse_changed(drawing, table(train).about, "the table")
    scales = scaling_of(decoder, drawing)
    frozen = model_of(decoder)
    before = weights_hash(frozen.get_weights())
    log = Scalars(new_run(store.root, "drawings", drawing.name, "encoder"))
    encoder, training = train_encoder(drawing, scales, table(train), table(valid), frozen, settings, progress, [log])
    about = {
        "drawing": drawing.name,
        "factors": drawing.factors.table(),
        "canvas": list(drawing.canvas),
        "scaling": scales.name,
        "settings": settings.as_dict(),
        "read": {"train": train.hash, "valid": valid.hash, "decoder": decoder.hash},
        "frozen_decoder": {"before": before, "after": weights_hash(frozen.get_weights())},
    }
    return _commit_model(store, "encoder", encoder, training, about)


def make_readings(
    store: Store,
    drawing: Drawing,
    test: StoredObject,
    valid: StoredObject,
    encoder: StoredObject,
    settings: ReaderSettings,
    progress: Progress = silent,
) -> tuple[StoredObject, StoredObject]:
    """Read test and valid at known noise levels, step by step: ``readings.parquet``, and the decoder that it took.

    That is the one that the encoder was trained through.
    """
    from fullcircle.reading.readings import write_readings

    decoder = decoder_of(store, drawing, encoder)
    models = {"encoder": encoder, "decoder": decoder}
    reader = reader_of(drawing, models, settings)
    hashes = {name: model.hash for name, model in models.items()}
    with store.draft() as draft:
        splits = {"test": table(test), "valid": table(valid)}
        write_readings(draft.path / READINGS, drawing, reader, splits, hashes, progress)
        return draft.commit(), decoder


def report_decoder(
    store: Store, drawing: Drawing, test: StoredObject, valid: StoredObject, decoder: StoredObject, settings: ReportSettings
) -> StoredObject:
    """Measure a decoder on test, and on valid to compare, and show it: ``report.json``, ``report.html`` and a contact sheet."""
    from fullcircle.reports.drawings import decoder_report

    with store.draft() as draft:
        decoder_report(draft.path, drawing, test, valid, decoder, settings)
        return draft.commit()


def report_encoder(
    store: Store,
    drawing: Drawing,
    test: StoredObject,
    valid: StoredObject,
    decoder: StoredObject,
    encoder: StoredObject,
    readings: StoredObject,
    settings: ReportSettings,
) -> StoredObject:
    """Measure an encoder on test, and on valid to compare, and the reader step by step by its readings; and show it."""
    from fullcircle.reports.drawings import encoder_report

    with store.draft() as draft:
        encoder_report(draft.path, drawing, test, valid, decoder, encoder, readings, settings)
        return draft.commit()
