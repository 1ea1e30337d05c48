"""The steps of a drawing class: examples, splits, decoder, encoder, readings, champion, and a report of each model.

Belongs here: what each asset does, without an orchestrator: reading stored objects, calling one part of the library, committing
what it made. The functions can be called from a plain script; the `Step` beside each is what assets and plans are derived from.
Does not belong here: how a thing is drawn, trained, measured or shown.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import SettingsError
from fullcircle.data.examples import write_examples
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.data.splits import SPLITS, write_splits
from fullcircle.drawings import drawing_class
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import Scaling, scaling
from fullcircle.models.decoders import DECODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.models.stored import TRAINING, model_of, network_module, refuse_changed, scaling_of, training_of
from fullcircle.promotion.decide import decide, unchecked
from fullcircle.promotion.settings import ChampionSettings
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import decoder_of, reader_of
from fullcircle.reports.drawings import REPORTS, Report
from fullcircle.reports.settings import ReportSettings
from fullcircle.steps.columns import of_readings
from fullcircle.steps.step import Inputs, Step, Work, the_drawing_class
from fullcircle.store.champions import Models, commit_decision, decisions_before, opened
from fullcircle.store.objects import Store, StoredObject
from fullcircle.training.settings import DecoderSettings, EncoderSettings

if TYPE_CHECKING:
    import keras

    from fullcircle.training.loop import Training

PREFIX = "drawings"
READINGS_TABLE = "readings.parquet"

LOSS_CLASSES = {"mse": "MSE", "ssim": "SSIM", "pyramid": "Pyramid", "balanced": "Balanced"}
"""Classes of `losses.IMAGE_LOSSES`, which cannot be asked here without importing TensorFlow; a test holds the two equal."""


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


def _commit_model(store: Store, name: str, model: keras.Model, training: Training, about: dict[str, Any]) -> StoredObject:
    with store.draft() as draft:
        model.save(draft.path / f"{name}.keras", include_optimizer=False)
        text = json.dumps(about | training.as_dict(model), indent=1)
        (draft.path / TRAINING).write_text(text)
        return draft.commit()


def _about_training(drawing: Drawing, scales: Scaling, settings: DecoderSettings | EncoderSettings) -> dict[str, Any]:
    """What a stored model holds of how it was made, but for its training and what was read."""
    return {
        "drawing": drawing.name,
        "factors": drawing.factors.table(),
        "canvas": list(drawing.canvas),
        "scaling": scales.name,
        "settings": settings.as_dict(),
    }


def make_decoder(
    store: Store,
    drawing: Drawing,
    train: StoredObject,
    valid: StoredObject,
    settings: DecoderSettings,
    progress: Progress = silent,
    *,
    key: str = "",
    callbacks: Sequence[Any] = (),
) -> StoredObject:
    """Train a decoder, spec -> image, or continue a training of the very same that was cut off.

    Args:
        store: takes the object, ``decoder.keras`` and ``training.json``, and, while it is trained, the checkpoint.
        drawing: the drawing class.
        train: fits.
        valid: chooses.
        settings: of the network and its training.
        progress: where to say how far it is.
        key: of the recipe, so that a training by other code does not continue this one.
        callbacks: Keras's.

    Raises:
        SettingsError: when the class has changed since the tables were made.
        DivergedError: at the first loss that is not a finite number.
    """
    from fullcircle.training.drawings import train_decoder
    from fullcircle.training.loop import checkpoint_file
    from fullcircle.training.tensorboard import Scalars, new_run

    refuse_changed(drawing, train.table().about, "the table")
    scales = scaling(settings.scaling, drawing.factors)
    about = _about_training(drawing, scales, settings) | {"read": {"train": train.hash, "valid": valid.hash}}
    log = Scalars(new_run(store.root, PREFIX, drawing.name, "decoder"))
    with checkpoint_file(store.root, "decoder", drawing.name, decides={**about, "key": key}, progress=progress) as checkpoint:
        decoder, training = train_decoder(
            drawing,
            scales,
            train.table(),
            valid.table(),
            settings,
            progress,
            checkpoint=checkpoint,
            callbacks=[log, *callbacks],
        )
        return _commit_model(store, "decoder", decoder, training, about)


def make_encoder(
    store: Store,
    drawing: Drawing,
    train: StoredObject,
    valid: StoredObject,
    decoder: StoredObject,
    settings: EncoderSettings,
    progress: Progress = silent,
    *,
    key: str = "",
    callbacks: Sequence[Any] = (),
) -> StoredObject:
    """Train an encoder, image -> spec, through the frozen decoder, or continue a training of the very same that was cut off.

    The hash of the decoder's weights before and after is kept beside the history, for the check that it stayed frozen.

    Args:
        store: takes the object, ``encoder.keras`` and ``training.json``, and, while it is trained, the checkpoint.
        drawing: the drawing class.
        train: fits.
        valid: chooses.
        decoder: trained, of this drawing class.
        settings: of the network and its training.
        progress: where to say how far it is.
        key: of the recipe, so that a training by other code does not continue this one.
        callbacks: Keras's.

    Raises:
        SettingsError: when the class has changed since the tables or the decoder were made.
        DivergedError: at the first loss that is not a finite number.
    """
    from fullcircle.store.hashing import weights_hash
    from fullcircle.training.drawings import train_encoder
    from fullcircle.training.loop import checkpoint_file
    from fullcircle.training.tensorboard import Scalars, new_run

    refuse_changed(drawing, train.table().about, "the table")
    scales = scaling_of(decoder, drawing)
    frozen = model_of(decoder)
    before = weights_hash(frozen.get_weights())
    read = {"train": train.hash, "valid": valid.hash, "decoder": decoder.hash}
    about = _about_training(drawing, scales, settings) | {"read": read}
    log = Scalars(new_run(store.root, PREFIX, drawing.name, "encoder"))
    with checkpoint_file(store.root, "encoder", drawing.name, decides={**about, "key": key}, progress=progress) as checkpoint:
        encoder, training = train_encoder(
            drawing,
            scales,
            train.table(),
            valid.table(),
            frozen,
            settings,
            progress,
            checkpoint=checkpoint,
            callbacks=[log, *callbacks],
        )
        about |= {"frozen_decoder": {"before": before, "after": weights_hash(frozen.get_weights())}}
        return _commit_model(store, "encoder", encoder, training, about)


def make_readings(
    store: Store,
    drawing: Drawing,
    test: StoredObject,
    valid: StoredObject,
    encoder: StoredObject,
    settings: ReaderSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Read test and valid at known noise levels, step by step, by the encoder and the decoder that it was trained through."""
    from fullcircle.reading.readings import write_readings

    models = {"encoder": encoder, "decoder": decoder_of(store, drawing, encoder)}
    reader = reader_of(drawing, models, settings)
    hashes = {name: model.hash for name, model in models.items()}
    with store.draft() as draft:
        splits = {"test": test.table(), "valid": valid.table()}
        write_readings(draft.path / READINGS_TABLE, drawing, reader, splits, hashes, progress)
        return draft.commit()


def make_decision(
    store: Store,
    drawing: Drawing,
    encoder: StoredObject,
    decoder: StoredObject,
    settings: ChampionSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Decide whether an encoder and the decoder that it was trained through are champion from now on: ``champion.json``.

    Args:
        store: has the decisions so far, and their models.
        drawing: the drawing class.
        encoder: the challenger's.
        decoder: likewise.
        settings: margins, and on how many pictures both are compared.
        progress: where to say how far it is, and what was decided.

    Raises:
        SettingsError: when there are too few pictures to compare them on.
        StoredObjectError: when the champion is not whole; says how to go back to the one before.
    """
    from fullcircle.promotion.drawings import compare_readers

    asset, challenger = _asset("champion"), {"encoder": encoder, "decoder": decoder}

    def compare(champion: Models | None, comparison: int) -> Mapping[str, Any]:
        other = opened(store, asset, drawing.name, champion) if champion else None
        return compare_readers(store, drawing, challenger, other, settings, comparison, progress)

    versions = {name: model.hash for name, model in challenger.items()}
    refusal = unchecked(store, {_asset(name): version for name, version in versions.items()}, drawing.name)
    decided = decide(versions, decisions_before(store, asset, drawing.name, versions), settings, compare, refusal)
    progress.say(f"champion of {drawing.name}: {decided.reason}")
    return commit_decision(store, decided)


def make_report(
    report: Report, store: Store, drawing: Drawing, read: Mapping[str, StoredObject], settings: ReportSettings
) -> StoredObject:
    """Measure on test, and on valid to compare, and show it: ``report.json``, ``report.html`` and a contact sheet.

    Args:
        report: one of `REPORTS`.
        store: takes the object.
        drawing: the drawing class.
        read: all of `Report.takes`, by name.
        settings: how many examples are shown.

    Raises:
        SettingsError: when readings are by another encoder or of another test.
    """
    if "readings" in report.takes:
        refuse_other_readings(store, drawing.name, read["test"], read["encoder"], read["readings"])
    with store.draft() as draft:
        report.write(draft.path, drawing, read, settings)
        return draft.commit()


def refuse_other_readings(
    store: Store, partition: str, test: StoredObject, encoder: StoredObject, readings: StoredObject
) -> None:
    """Refuse readings by another encoder, or of other test pictures as far as the ledger knows of which they are.

    Raises:
        SettingsError: saying what the readings were made from.
    """
    again = f"Make them again: make run DRAWING={partition}"
    if (by := readings.table().about["models"]["encoder"]) != encoder.hash:
        raise SettingsError(
            f"The readings are expected to be those of the encoder {encoder.hash[:12]}. Received: readings by {by[:12]}. {again}"
        )
    entries = (e for e in store.ledger.entries(_asset("readings"), partition) if e["version"] == readings.hash)
    made_from = [entry.get("read", {}).get(_asset("test"), test.hash) for entry in entries]
    if made_from and test.hash not in made_from:
        raise SettingsError(
            f"The readings are expected to be those of the test pictures {test.hash[:12]}. Received: readings of "
            f"{made_from[-1][:12]}. {again}"
        )


def _asset(name: str) -> str:
    return f"{PREFIX}/{name}"


def _read(work: Work, *names: str) -> list[StoredObject]:
    return [work.inputs[_asset(name)] for name in names]


def _examples(work: Work) -> Mapping[str, StoredObject]:
    """Draw the examples of a drawing class: specs, their pictures, and those with noise."""
    return {_asset("examples"): make_examples(work.store, work.drawing, work.settings, work.progress)}


def _splits(work: Work) -> Mapping[str, StoredObject]:
    """Part the examples into train, test and valid."""
    (examples,) = _read(work, "examples")
    made = make_splits(work.store, examples, work.settings, work.progress)
    return {_asset(split): stored for split, stored in made.items()}


def _decoder(work: Work) -> Mapping[str, StoredObject]:
    """Train the network that draws, from spec to picture."""
    train, valid = _read(work, "train", "valid")
    made = make_decoder(work.store, work.drawing, train, valid, work.settings, work.progress, key=work.key)
    return {_asset("decoder"): made}


def _encoder(work: Work) -> Mapping[str, StoredObject]:
    """Train the network that reads, through the frozen decoder."""
    train, valid, decoder = _read(work, "train", "valid", "decoder")
    made = make_encoder(work.store, work.drawing, train, valid, decoder, work.settings, work.progress, key=work.key)
    return {_asset("encoder"): made}


def _readings(work: Work) -> Mapping[str, StoredObject]:
    """Read pictures of test and valid, by each step of the reader."""
    test, valid, encoder = _read(work, "test", "valid", "encoder")
    return {_asset("readings"): make_readings(work.store, work.drawing, test, valid, encoder, work.settings, work.progress)}


def _champion(work: Work) -> Mapping[str, StoredObject]:
    """Decide whether the new decoder and encoder are served in place of those that are."""
    encoder, decoder = _read(work, "encoder", "decoder")
    return {_asset("champion"): make_decision(work.store, work.drawing, encoder, decoder, work.settings, work.progress)}


def _report(report: Report, work: Work) -> Mapping[str, StoredObject]:
    """Measure a model and show what it does."""
    read = dict(zip(report.takes, _read(work, *report.takes), strict=True))
    return {_asset(report.name): make_report(report, work.store, work.drawing, read, work.settings)}


def _decoder_of_the_encoder(store: Store, partition: str, inputs: Inputs) -> Inputs:
    """The decoder that the encoder was trained through, whatever is the latest."""
    decoder = decoder_of(store, drawing_class(partition, store.root), inputs[_asset("encoder")])
    return {_asset("decoder"): decoder}


def _challenger_and_decisions(store: Store, partition: str, inputs: Inputs) -> Inputs:
    """The challenger's decoder, and the last decision before one of this challenger."""
    found = {**inputs, **_decoder_of_the_encoder(store, partition, inputs)}
    challenger = {name: found[_asset(name)].hash for name in ("encoder", "decoder")}
    decisions = decisions_before(store, _asset("champion"), partition, challenger)
    return found | ({_asset("champion"): decisions[-1].stored} if decisions else {})


def _inputs_of(report: Report, store: Store, partition: str, inputs: Inputs) -> Inputs:
    """What a report reads beside its inputs; readings by another encoder, or of another test, are refused.

    Raises:
        SettingsError: saying what the readings were made from.
    """
    if "readings" in report.takes:
        refuse_other_readings(store, partition, *(inputs[_asset(name)] for name in ("test", "encoder", "readings")))
    return _decoder_of_the_encoder(store, partition, inputs) if "encoder" in report.takes else {}


def _loss(name: str) -> str:
    return f"fullcircle.models.losses:{LOSS_CLASSES[name]}"


def _decoder_code(settings: DecoderSettings, inputs: Inputs) -> tuple[str, ...]:
    balanced = [_loss("balanced")] if settings.balanced_epochs else []
    return DECODERS[settings.model].module, _loss(settings.loss), *balanced


def _encoder_code(settings: EncoderSettings, inputs: Inputs) -> tuple[str, ...]:
    return ENCODERS[settings.model].module, _loss(settings.loss), *_loaded_code(settings, inputs)


def _loaded_code(settings: Any, inputs: Inputs) -> tuple[str, ...]:
    """The code of the networks that are read: their layers decide what they answer."""
    models = ((DECODERS, "decoder"), (ENCODERS, "encoder"))
    found = (network_module(inputs[_asset(name)], among) for among, name in models if _asset(name) in inputs)
    return tuple(module for module in found if module)


def _step_of(report: Report) -> Step:
    def code(settings: ReportSettings, inputs: Inputs) -> tuple[str, ...]:
        return report.code, *_loaded_code(settings, inputs)

    found = {"decoder"} if "encoder" in report.takes else set()
    return _step(
        functools.partial(_report, report),
        "report",
        ReportSettings,
        [name for name in report.takes if name not in found],
        (report.name,),
        more_inputs=functools.partial(_inputs_of, report),
        roots=code,
        classes=the_drawing_class,
    )


def _step(make: Any, part: str, settings: Any, reads: Sequence[str], makes: Sequence[str] = (), **more: Any) -> Step:
    assets = tuple(map(_asset, makes or (make.__name__.removeprefix("_"),)))
    return Step(assets, part, settings, make, tuple(map(_asset, reads)), **more)


EXAMPLES = _step(_examples, "examples", ExamplesSettings, (), classes=the_drawing_class)
SPLITTING = _step(_splits, "splits", SplitsSettings, ("examples",), SPLITS)
DECODER = _step(_decoder, "decoder", DecoderSettings, ("train", "valid"), roots=_decoder_code, classes=the_drawing_class)
ENCODER = _step(
    _encoder, "encoder", EncoderSettings, ("train", "valid", "decoder"), roots=_encoder_code, classes=the_drawing_class
)
READINGS = _step(
    _readings,
    "reader",
    ReaderSettings,
    ("test", "valid", "encoder"),
    more_inputs=_decoder_of_the_encoder,
    roots=_loaded_code,
    classes=the_drawing_class,
    columns=of_readings,
)
CHAMPION = _step(
    _champion,
    "champion",
    ChampionSettings,
    ("encoder",),
    more_inputs=_challenger_and_decisions,
    roots=_loaded_code,
    classes=the_drawing_class,
)
REPORTING = {name: _step_of(report) for name, report in REPORTS.items()}
"""The step of each report, by its name."""

STEPS = (EXAMPLES, SPLITTING, DECODER, ENCODER, READINGS, CHAMPION, *REPORTING.values())
"""In an order in which each comes after what it reads."""

__all__ = [
    "CHAMPION",
    "DECODER",
    "ENCODER",
    "EXAMPLES",
    "PREFIX",
    "READINGS",
    "REPORTING",
    "SPLITTING",
    "STEPS",
    "make_decision",
    "make_decoder",
    "make_encoder",
    "make_examples",
    "make_readings",
    "make_report",
    "make_splits",
    "training_of",
]
