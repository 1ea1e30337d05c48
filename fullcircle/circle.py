"""The circle, room by room: what each asset does, without an orchestrator.

Belongs here: reading stored objects, calling one part of the library, and committing what it made. The assets call these
functions, and so can a plain script; both make the same objects with the same hashes.
Does not belong here: how a thing is drawn, trained, measured or shown.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fullcircle.drawings import Drawing
from fullcircle.examples import write_examples
from fullcircle.feature_settings import FeaturePatternsSettings
from fullcircle.progress import Progress, silent
from fullcircle.scaling import Scaling, scaling
from fullcircle.settings import (
    DecoderSettings,
    EncoderSettings,
    ExamplesSettings,
    ReaderSettings,
    RecognitionSettings,
    ReportSettings,
    SettingsError,
    SplitsSettings,
)
from fullcircle.splits import SPLITS, write_splits
from fullcircle.storage import NothingMaterializedError, Store, StoredObject
from fullcircle.tables import TableReader

if TYPE_CHECKING:
    import keras

    from fullcircle.reading import Reader
    from fullcircle.training import Training

TRAINING = "training.json"
READINGS = "readings.parquet"
REPORT = "report.json"
PAGE = "report.html"
CONTACT_SHEET = "contact_sheet.webp"


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
    if "factors" in training:  # models from before they said so have none
        _refuse_other(drawing, training, "a model")
    return scaling(training["scaling"], drawing.factors)


def _refuse_other(drawing: Drawing, about: Mapping[str, Any], what: str) -> None:
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
    from fullcircle.models import load

    (path,) = stored.path.glob("*.keras")
    return load(path)


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
    from fullcircle.logs import Scalars, new_run
    from fullcircle.training import train_decoder

    _refuse_other(drawing, table(train).about, "the table")
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
    from fullcircle.hashing import weights_hash
    from fullcircle.logs import Scalars, new_run
    from fullcircle.training import train_encoder

    _refuse_other(drawing, table(train).about, "the table")
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


def decoder_of(store: Store, drawing: Drawing, encoder: StoredObject) -> StoredObject:
    """The decoder that an encoder was trained through, which need not be the latest.

    Raises:
        StoredObjectError: when it is no longer in the store.
    """
    again = f"drawings/decoder ({drawing.name}) and then drawings/encoder ({drawing.name})"
    return store.open(training_of(encoder)["read"]["decoder"], again)


def reader_of(drawing: Drawing, models: Mapping[str, StoredObject], settings: ReaderSettings) -> Reader:
    """A reader from stored models, `encoder` and `decoder`, those that its steps need."""
    from fullcircle.reading import Reader

    scales = [scaling_of(model, drawing) for model in models.values()] or [scaling("range", drawing.factors)]
    networks = {name: model_of(model) for name, model in models.items()}
    return Reader(drawing, scales[0], networks.get("encoder"), networks.get("decoder"), settings)


def latest_reader(store: Store, drawing: Drawing, settings: ReaderSettings) -> tuple[Reader, dict[str, str]]:
    """A reader from the latest encoder and the decoder that it was trained through, and the content hash of each.

    Models that no step needs are left out; the gradient without the encoder takes the latest decoder.

    Raises:
        NothingMaterializedError: saying which command makes a model.
        StoredObjectError: when a model is not whole or no longer in the store.
    """
    models = {}
    if "encoder" in settings.taken:
        models["encoder"] = store.latest("drawings/encoder", drawing.name)
        if "gradient" in settings.taken:
            models["decoder"] = decoder_of(store, drawing, models["encoder"])
    elif "gradient" in settings.taken:
        models["decoder"] = store.latest("drawings/decoder", drawing.name)
    return reader_of(drawing, models, settings), {name: model.hash for name, model in models.items()}


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
    from fullcircle.readings import write_readings

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
    from fullcircle.report.drawings import decoder_report

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
    from fullcircle.report.drawings import encoder_report

    with store.draft() as draft:
        encoder_report(draft.path, drawing, test, valid, decoder, encoder, readings, settings)
        return draft.commit()


def report_feature_patterns(
    store: Store,
    asset: str,
    partition: str,
    test: StoredObject,
    model: StoredObject,
    encoder: keras.Model,
    settings: FeaturePatternsSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Find what maps of an encoder react to most, beside the test pictures that excite them most, and show it.

    Args:
        store: to commit to.
        asset: what it is made for.
        partition: drawing class or picture source.
        test: pictures to compare with.
        model: the stored object that `encoder` is from.
        encoder: any Keras model from images.
        settings: which maps, and how to climb.
        progress: told all the while.
    """
    from fullcircle.report.feature_patterns import feature_patterns_report

    with store.draft() as draft:
        feature_patterns_report(
            draft.path,
            asset=asset,
            partition=partition,
            encoder=encoder,
            test=table(test),
            read={"test": test.hash, "encoder": model.hash},
            settings=settings,
            progress=progress,
        )
        return draft.commit()


def report_recognition(
    store: Store, settings: RecognitionSettings, progress: Progress = silent
) -> tuple[StoredObject, dict[str, StoredObject]]:
    """Measure which class pictures are taken for, over the latest of all trained classes, and show it; and what was read.

    Raises:
        NothingMaterializedError: when fewer than two classes have been trained.
    """
    from fullcircle.recognition import contenders
    from fullcircle.report.recognition import recognition_report

    reader = ReaderSettings(redraws=settings.redraws, seed=settings.seed, workers=settings.workers)
    taking_part = contenders(store, reader)
    names = [c.drawing.name for c in taking_part]
    if len(names) < 2:
        raise NothingMaterializedError(
            f"To tell classes apart takes two that have an encoder. Received: {', '.join(names)}. Make one with: "
            "make run DRAWING=rectangle, or all with: make run DRAWING=all"
        )
    splits = {split: [store.latest(f"drawings/{split}", name) for name in names] for split in SPLITS}
    models = {
        f"drawings/{half} ({c.drawing.name})": StoredObject(version, store.path_of(version))
        for c in taking_part
        for half, version in c.models.items()
    }
    tables = {f"drawings/{s} ({n})": o for s, stored in splits.items() for n, o in zip(names, stored, strict=True)}
    with store.draft() as draft:
        recognition_report(draft.path, taking_part, splits, settings, progress)
        return draft.commit(), tables | models
