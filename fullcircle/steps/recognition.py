"""The step that measures recognition over all trained classes: which class does a picture show?

Belongs here: what that asset does, without an orchestrator, and its `Step`. It has no partition: it reads those of all classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fullcircle.core.progress import Progress, silent
from fullcircle.data.splits import SPLITS
from fullcircle.drawings import drawing_class
from fullcircle.models.decoders import DECODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.models.stored import network_module
from fullcircle.reading.recognition import Contender, trained
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import decoder_of, reader_of
from fullcircle.reports.settings import RecognitionSettings
from fullcircle.steps.drawings import PREFIX
from fullcircle.steps.step import Inputs, Step, Work
from fullcircle.store.objects import NothingMaterializedError, Store, StoredObject

NAME = "recognition_report"


def recognition_inputs(store: Store) -> dict[str, StoredObject]:
    """What is read of each trained class, by ``drawings/encoder (line)``: its splits, encoder, and that one's decoder.

    Raises:
        NothingMaterializedError: when fewer than two classes have been trained.
    """
    names = trained(store)
    if len(names) < 2:
        raise NothingMaterializedError(
            f"To tell classes apart takes two that have an encoder. Received: {', '.join(names) or 'none'}. Make one with: "
            "make run DRAWING=rectangle, or all with: make run DRAWING=all"
        )
    found: dict[str, StoredObject] = {}
    for name in names:
        own = {a: store.latest(f"{PREFIX}/{a}", name, command=f"make run DRAWING={name}") for a in (*SPLITS, "encoder")}
        own["decoder"] = decoder_of(store, drawing_class(name, store.root), own["encoder"])
        found |= {_key(asset, name): stored for asset, stored in own.items()}
    return found


def _key(asset: str, name: str) -> str:
    return f"{PREFIX}/{asset} ({name})"


def _names(inputs: Inputs) -> list[str]:
    """The classes of these inputs, in their order."""
    return [key.partition("(")[2].rstrip(")") for key in inputs if key.startswith(f"{PREFIX}/encoder ")]


def report_recognition(
    store: Store, inputs: Inputs, settings: RecognitionSettings, progress: Progress = silent
) -> StoredObject:
    """Measure which class pictures are taken for, over all trained classes, and show it.

    Args:
        store: to commit to.
        inputs: of `recognition_inputs`.
        settings: how many pictures, the search's budget.
        progress: where to say how far it is.
    """
    from fullcircle.reports.recognition import recognition_report

    reader = ReaderSettings(redraws=settings.redraws, seed=settings.seed, workers=settings.workers)
    taking_part = []
    for name in _names(inputs):
        drawing = drawing_class(name, store.root)
        models = {half: inputs[_key(half, name)] for half in ("encoder", "decoder")}
        hashes = {half: model.hash for half, model in models.items()}
        taking_part.append(Contender(drawing, reader_of(drawing, models, reader), hashes))
    splits = {split: [inputs[_key(split, name)] for name in _names(inputs)] for split in SPLITS}
    with store.draft() as draft:
        recognition_report(draft.path, taking_part, splits, settings, progress)
        return draft.commit()


def _recognition_report(work: Work) -> Mapping[str, StoredObject]:
    """Measure how often the drawing class of a picture is recognised."""
    return {f"{PREFIX}/{NAME}": report_recognition(work.store, work.inputs, work.settings, work.progress)}


def _inputs(store: Store, partition: str, inputs: Inputs) -> Inputs:
    return recognition_inputs(store)


def _classes(store: Store, partition: str, inputs: Inputs) -> Sequence[object]:
    return [drawing_class(name, store.root) for name in _names(inputs)]


def _loaded_code(settings: Any, inputs: Inputs) -> tuple[str, ...]:
    """The code of the networks that are read."""
    lists = {"encoder": ENCODERS, "decoder": DECODERS}
    found = [network_module(inputs[_key(half, name)], among) for name in _names(inputs) for half, among in lists.items()]
    return tuple(sorted({module for module in found if module}))


STEP = Step(
    (f"{PREFIX}/{NAME}",),
    "recognition",
    RecognitionSettings,
    _recognition_report,
    more_inputs=_inputs,
    roots=_loaded_code,
    classes=_classes,
)
