"""Readers from stored models.

Belongs here: which stored models a reader is made of, and that they passed their checks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fullcircle.core.progress import Progress, silent
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import scaling
from fullcircle.models.stored import model_of, scaling_of, training_of
from fullcircle.reading.settings import ReaderSettings
from fullcircle.store.champions import Models, history, is_whole, last_decision, opened, reigns
from fullcircle.store.objects import NothingMaterializedError, Store, StoredObject, StoredObjectError

CHAMPION = "drawings/champion"
"""The asset whose decisions say what is served."""

if TYPE_CHECKING:
    from fullcircle.reading.reader import Reader


def decoder_of(store: Store, drawing: Drawing, encoder: StoredObject) -> StoredObject:
    """The decoder that an encoder was trained through, which need not be the latest.

    Raises:
        StoredObjectError: when it is no longer in the store.
    """
    again = f"drawings/decoder ({drawing.name}) and then drawings/encoder ({drawing.name})"
    return store.open(training_of(encoder)["read"]["decoder"], again)


def reader_of(drawing: Drawing, models: Mapping[str, StoredObject], settings: ReaderSettings) -> Reader:
    """A reader from stored models, `encoder` and `decoder`, those that its steps need."""
    from fullcircle.reading.reader import Reader

    scales = [scaling_of(model, drawing) for model in models.values()] or [scaling("range", drawing.factors)]
    networks = {name: model_of(model) for name, model in models.items()}
    return Reader(drawing, scales[0], networks.get("encoder"), networks.get("decoder"), settings)


def latest_reader(
    store: Store,
    drawing: Drawing,
    settings: ReaderSettings,
    *,
    unverified: bool = False,
    progress: Progress = silent,
) -> tuple[Reader, dict[str, str]]:
    """A reader of the models of `latest_models`, and the content hash of each; arguments and errors are the same."""
    models = latest_models(store, drawing, settings, unverified=unverified, progress=progress)
    return reader_of(drawing, models, settings), {name: model.hash for name, model in models.items()}


def latest_models(
    store: Store,
    drawing: Drawing,
    settings: ReaderSettings,
    *,
    unverified: bool = False,
    progress: Progress = silent,
) -> dict[str, StoredObject]:
    """The latest encoder and the decoder that it was trained through, as far as a reader needs them.

    Models that no step needs are left out; the gradient without the encoder takes the latest decoder. Models that did not pass
    their blocking checks are not used.

    Args:
        store: where the models are.
        drawing: the drawing class.
        settings: of the reader.
        unverified: use the latest models whatever their checks found.
        progress: where to say which of them did not pass, and why.

    Raises:
        NothingMaterializedError: saying which command makes a model, and which check the last one did not pass.
        StoredObjectError: when a model is not whole or no longer in the store.
    """
    models, command = {}, f"make run DRAWING={drawing.name}"
    if "encoder" in settings.taken:
        models["encoder"] = store.latest("drawings/encoder", drawing.name, unverified=unverified, command=command)
        if "gradient" in settings.taken:
            models["decoder"] = decoder_of(store, drawing, models["encoder"])
    elif "gradient" in settings.taken:
        models["decoder"] = store.latest("drawings/decoder", drawing.name, unverified=unverified, command=command)
    for name, model in models.items():
        if (why := _withheld(store, f"drawings/{name}", drawing.name, model)) is None:
            continue
        which = f"drawings/{name} of {drawing.name}, version {model.hash[:12]},"
        if not unverified:  # a decoder: the latest of an asset is one that passed
            raise NothingMaterializedError(
                f"{which} that the latest encoder was trained through, is not used because {why.rstrip('.')}. Make others with: "
                f"{command}, or use it all the same with: --any"
            )
        progress.say(f"{which} is used although {why}")
    return models


def champion_reader(
    store: Store,
    drawing: Drawing,
    settings: ReaderSettings,
    *,
    unverified: bool = False,
    last_whole: bool = False,
    progress: Progress = silent,
) -> tuple[Reader, dict[str, str]]:
    """A reader of the models of `champion_models`, and the content hash of each; arguments and errors are the same."""
    models = champion_models(store, drawing, settings, unverified=unverified, last_whole=last_whole, progress=progress)
    return reader_of(drawing, models, settings), {name: model.hash for name, model in models.items()}


def reader_at_hand(
    store: Store,
    drawing: Drawing,
    settings: ReaderSettings,
    *,
    unverified: bool = False,
    last_whole: bool = False,
    progress: Progress = silent,
) -> tuple[Reader, dict[str, str], str]:
    """As `champion_reader`; where no model can be used, a reader that searches alone, no models, and the reason.

    Raises:
        NothingMaterializedError: when no model can be used and the settings leave the search out.
    """
    try:
        return *champion_reader(store, drawing, settings, unverified=unverified, last_whole=last_whole, progress=progress), ""
    except NothingMaterializedError as error:
        if "redraw" not in settings.taken:
            raise
        return reader_of(drawing, {}, dataclasses.replace(settings, steps="redraw")), {}, str(error)


def champion_models(
    store: Store,
    drawing: Drawing,
    settings: ReaderSettings,
    *,
    unverified: bool = False,
    last_whole: bool = False,
    progress: Progress = silent,
) -> dict[str, StoredObject]:
    """The models of the champion of a drawing class, ``encoder`` and ``decoder``, as far as a reader needs them.

    In a store in which nothing was ever decided of the class, as those of older versions are, they are those of `latest_models`.

    Args:
        store: where the models and the decisions are.
        drawing: the drawing class.
        settings: of the reader; models that no step needs are left out.
        unverified: use the latest models, whether they are champion or not and whatever their checks found.
        last_whole: where the champion is not whole, use the last one before it that is.
        progress: where to say that something else than the champion is used, and why.

    Raises:
        NothingMaterializedError: when there is no champion; says why the last challenger is not.
        StoredObjectError: when the champion is not whole; says how to go back to the one before.
    """
    last = None if unverified else last_decision(store, CHAMPION, drawing.name)
    if last is None:
        return latest_models(store, drawing, settings, unverified=unverified, progress=progress)
    needed = {name for step, name in (("encoder", "encoder"), ("gradient", "decoder")) if step in settings.taken}
    if not last.decision.champion and needed:
        raise NothingMaterializedError(
            f"There is no champion of {drawing.name}. Of the last challenger: {last.decision.reason} Train another with: make run "
            f"DRAWING={drawing.name}, or use the latest models all the same with: --any"
        )

    def models_of(champion: Models) -> dict[str, StoredObject]:
        return opened(store, CHAMPION, drawing.name, {n: version for n, version in champion.items() if n in needed})

    champion = last.decision.champion
    try:
        models = models_of(champion)
    except StoredObjectError as error:
        if not last_whole:
            raise StoredObjectError(f"{error}, or read with the last whole one: --last-whole") from None
        earlier = reigns([recorded.decision for recorded in history(store, CHAMPION, drawing.name)])[:-1]
        whole = next((models for models in reversed(earlier) if is_whole(store, models)), None)
        if whole is None:
            raise StoredObjectError(f"{error}. No champion before it is whole either.") from None
        progress.say(f"{error}. The last whole one is used: encoder {whole['encoder'][:12]}")
        models = models_of(whole)
    for name, model in models.items():
        if why := _withheld(store, f"drawings/{name}", drawing.name, model):
            raise NothingMaterializedError(
                f"The champion's {name} of {drawing.name}, version {model.hash[:12]}, is not used because {why.rstrip('.')}. Go "
                f"back to the champion before it: fullcircle champion rollback {drawing.name} --reason TEXT, or use the latest "
                "models all the same with: --any"
            )
    return models


def _withheld(store: Store, asset: str, partition: str, model: StoredObject) -> str | None:
    """Why the ledger would not serve a model; None where it would, or knows nothing of it."""
    entries = [entry for entry in store.ledger.entries(asset, partition) if entry["version"] == model.hash]
    return store.ledger.withheld(entries[-1]) if entries else None
