"""The steps of autoencoders: training one, its report, and whether it is champion, for each model of the list.

Belongs here: what each asset does, without an orchestrator, and its `Step`; as `steps.drawings` for drawing classes.
Does not belong here: how a model is trained (`training.autoencoders`), measured or shown (`reports.autoencoders`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fullcircle.core.progress import Progress, silent
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.models.autoencoders import AUTOENCODERS, settings_class
from fullcircle.models.settings import AutoencoderSettings
from fullcircle.models.stored import TRAINING, training_of
from fullcircle.models.stored_autoencoder import DECODER, ENCODER, halves_of
from fullcircle.promotion.decide import decide, unchecked
from fullcircle.promotion.settings import AutoencoderChampionSettings
from fullcircle.steps.glyphs import PREFIX
from fullcircle.steps.step import Inputs, Step, Work
from fullcircle.store.champions import SUFFIX, Models, called, commit_decision, decisions_before, opened
from fullcircle.store.columns import IMAGE, LABEL
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.tables import TableReader


def make_autoencoder(
    store: Store,
    source_name: str,
    train: StoredObject,
    valid: StoredObject,
    settings: AutoencoderSettings,
    progress: Progress = silent,
    *,
    key: str = "",
    callbacks: Any = (),
) -> StoredObject:
    """Train an autoencoder, or continue a training of the very same that was cut off: its halves and ``training.json``.

    Args:
        store: takes the object and, while it is trained, the checkpoint.
        source_name: the picture source.
        train: fits.
        valid: chooses.
        settings: of one model, see `models.autoencoders.model_settings`.
        progress: where to say how far it is.
        key: of the recipe, so that a training by other code does not continue this one.
        callbacks: Keras's.

    Raises:
        ValueError: when the model does not take the canvas.
        DivergedError: at the first loss that is not a finite number.
    """
    from fullcircle.training.autoencoders import train_autoencoder
    from fullcircle.training.loop import checkpoint_file
    from fullcircle.training.tensorboard import Scalars, new_run

    model, table = settings.section(), train.table("train")
    read = {"train": train.hash, "valid": valid.hash}
    decides = {"settings": settings.as_dict(), "read": read, "key": key}
    log = Scalars(new_run(store.root, PREFIX, source_name, model))
    with checkpoint_file(store.root, model, source_name, decides=decides, progress=progress) as checkpoint:
        halves, training = train_autoencoder(
            table, valid.table("valid"), settings, progress, checkpoint=checkpoint, callbacks=[log, *callbacks]
        )
        about = {
            "model": model,
            "source": source_name,
            "canvas": list(table.about["canvas"]),
            "labels": _labels(table),
            "settings": settings.as_dict(),
            "halves": {"encoder": halves.encoder.count_params(), "decoder": halves.decoder.count_params()},
            "read": read,
            "splits": table.about["splits"],
        }
        with store.draft() as draft:
            halves.encoder.save(draft.path / ENCODER, include_optimizer=False)
            halves.decoder.save(draft.path / DECODER, include_optimizer=False)
            (draft.path / TRAINING).write_text(json.dumps(about | training.as_dict(*halves), indent=1))
            return draft.commit()


def _labels(table: TableReader) -> list[str]:
    """The different labels of a table, in order."""
    return sorted({str(label) for block in table.blocks([LABEL]) for label in block[LABEL]})


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
    log_latents(store, test, model)
    return stored


def make_decision(
    store: Store,
    source: str,
    test: StoredObject,
    model: StoredObject,
    settings: AutoencoderChampionSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Decide whether an autoencoder is champion of its kind and source from now on: ``champion.json``.

    Args:
        store: has the decisions so far, and their models.
        source: the picture source.
        test: on whose pictures both are compared.
        model: the challenger.
        settings: the margin, and on how many pictures both are compared.
        progress: where to say what was decided.

    Raises:
        SettingsError: when there are too few pictures to compare them on.
        StoredObjectError: when the champion is not whole; says how to go back to the one before.
    """
    from fullcircle.promotion.autoencoders import compare_autoencoders

    name = training_of(model)["model"]
    asset, challenger = champion_of(f"{PREFIX}/{name}"), {name: model.hash}

    def compare(champion: Models | None, comparison: int) -> Mapping[str, Any]:
        other = opened(store, asset, source, champion)[name] if champion else None
        return compare_autoencoders(store, source, test, model, other, settings, comparison)

    refusal = unchecked(store, {f"{PREFIX}/{name}": model.hash}, source)
    decided = decide(challenger, decisions_before(store, asset, source, challenger), settings, compare, refusal)
    progress.say(f"champion {called(asset, source)}: {decided.reason}")
    return commit_decision(store, decided)


def log_latents(store: Store, test: StoredObject, model: StoredObject) -> Path | None:
    """The latents of test pictures for TensorBoard's projector; its folder, None where there are fewer than two pictures."""
    from fullcircle.training.projector import POINTS, write_projector
    from fullcircle.training.tensorboard import LOGS

    trained = halves_of(model)
    read = test.table("test").read([IMAGE, LABEL], POINTS)
    if len(read[IMAGE]) < 2:
        return None
    name, source = trained.training["model"], trained.training["source"]
    folder = store.root / LOGS / PREFIX / source / name / f"latents_{model.hash[:12]}"
    write_projector(folder, trained.encode(read[IMAGE]), read[IMAGE], read[LABEL].tolist(), f"{name} of {source}")
    return folder


def _autoencoder(work: Work) -> Mapping[str, StoredObject]:
    """Train an autoencoder on a picture source."""
    train, valid = (work.inputs[f"{PREFIX}/{split}"] for split in ("train", "valid"))
    made = make_autoencoder(work.store, work.partition, train, valid, work.settings, work.progress, key=work.key)
    return {f"{PREFIX}/{work.settings.section()}": made}


def _autoencoder_report(work: Work) -> Mapping[str, StoredObject]:
    """Measure an autoencoder and show what it does."""
    read = dict(work.inputs)
    originals, test, valid, train = (read.pop(f"{PREFIX}/{name}") for name in ("originals", "test", "valid", "train"))
    ((asset, model),) = read.items()
    made = report_autoencoder(work.store, originals, test, valid, train, model, work.settings, work.progress)
    return {report_of(asset): made}


def _champion(work: Work) -> Mapping[str, StoredObject]:
    """Decide whether the new autoencoder is served in place of the one that is."""
    read = dict(work.inputs)
    test = read.pop(f"{PREFIX}/test")
    (model,) = (asset for asset in read if not asset.endswith(SUFFIX))
    made = make_decision(work.store, work.partition, test, read[model], work.settings, work.progress)
    return {champion_of(model): made}


def _decisions(store: Store, partition: str, inputs: Inputs) -> Inputs:
    """The last decision before one of this challenger."""
    ((asset, model),) = ((asset, stored) for asset, stored in inputs.items() if asset != f"{PREFIX}/test")
    challenger = {asset.rpartition("/")[2]: model.hash}
    decisions = decisions_before(store, champion_of(asset), partition, challenger)
    return {champion_of(asset): decisions[-1].stored} if decisions else {}


def champion_of(asset: str) -> str:
    """The asset that says which version of a model is champion."""
    return f"{asset}{SUFFIX}"


def report_of(asset: str) -> str:
    """The asset that reports on a model."""
    return f"{asset}_report"


def _code_of(model: str) -> tuple[str, ...]:
    return (f"{AUTOENCODERS[model].module}:build",)


def _network_code(settings: AutoencoderSettings, inputs: Inputs) -> tuple[str, ...]:
    return _code_of(settings.section())


def _loaded_code(settings: Any, inputs: Inputs) -> tuple[str, ...]:
    """The code of the networks that are read: their layers decide what they answer."""
    return tuple(root for asset in inputs if (name := asset.rpartition("/")[2]) in AUTOENCODERS for root in _code_of(name))


def _steps_of(model: str) -> tuple[Step, Step, Step]:
    asset = f"{PREFIX}/{model}"
    splits = {name: f"{PREFIX}/{name}" for name in ("originals", "test", "valid", "train")}
    return (
        Step((asset,), model, settings_class(model), _autoencoder, (splits["train"], splits["valid"]), roots=_network_code),
        Step(
            (report_of(asset),),
            "report",
            AutoencoderReportSettings,
            _autoencoder_report,
            (*splits.values(), asset),
            roots=_loaded_code,
        ),
        Step(
            (champion_of(asset),),
            "champion",
            AutoencoderChampionSettings,
            _champion,
            (splits["test"], asset),
            more_inputs=_decisions,
            roots=_loaded_code,
        ),
    )


STEPS = {model: _steps_of(model) for model in AUTOENCODERS}
"""Of each model: training, report and champion."""
