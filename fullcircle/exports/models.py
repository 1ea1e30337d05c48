"""The models that a version stands for: those of a champion, an encoder with its decoder, an autoencoder.

Belongs here: finding them, the record by which each was made, and the report on them. What is written of them is the business of
each format.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from fullcircle.core.settings import SettingsError
from fullcircle.lineage.history import SHORT, History, Made
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.reading.stored import CHAMPION
from fullcircle.store.champions import SUFFIX, Decision, decides_champions, decision_of
from fullcircle.store.objects import Store

ENCODER, DECODER, GLYPHS = "drawings/encoder", "drawings/decoder", "glyphs/"


@dataclasses.dataclass(frozen=True)
class Champion:
    """What a version stands for.

    Attributes:
        of: the version.
        models: the record by which each model was made, by asset, the one that people call first.
        decision: that made them champion; None where the version is a model.
    """

    of: Made
    models: Mapping[str, Made]
    decision: Decision | None

    @property
    def first(self) -> Made:
        """The model that the others serve: the encoder, or the only one."""
        return next(iter(self.models.values()))


def champion(store: Store, history: History, of: Made) -> Champion:
    """The models that a version stands for.

    Raises:
        SettingsError: when it is neither a champion nor a model, or a decision that made none champion.
        StoredObjectError: when the decision is not whole.
    """
    of = making(history, of)
    if not decides_champions(of.asset):
        name = of.asset.removeprefix(GLYPHS)
        if of.asset != ENCODER and not (of.asset.startswith(GLYPHS) and name in AUTOENCODERS):
            raise SettingsError(
                f"A champion or a model is expected, {CHAMPION}, {ENCODER}, {GLYPHS}vae{SUFFIX} or {GLYPHS}vae for one. "
                f"Received: {of.name}."
            )
        found = {of.asset: of}
        if of.asset == ENCODER and DECODER in of.read:
            found[DECODER] = _made(history, of, DECODER, of.read[DECODER])
        return Champion(of, found, None)
    decision = decision_of(store.open(of.version, f"{of.asset} ({of.partition})"))
    if not decision.champion:
        raise SettingsError(f"A decision that made models champion is expected. Received: {of.name}, {decision.outcome}.")
    prefix = of.asset.partition("/")[0]
    models = sorted(decision.champion.items(), reverse=True)  # the encoder before the decoder
    return Champion(of, {f"{prefix}/{name}": _made(history, of, f"{prefix}/{name}", v) for name, v in models}, decision)


def _made(history: History, of: Made, asset: str, version: str) -> Made:
    found = history.lookup(asset, asset, of.partition, version, of.line).made
    if found is None:
        raise SettingsError(
            f"{of.name} names {asset} {version[:SHORT]}, which no record made. See what else is wrong: fullcircle audit verify"
        )
    return making(history, found)


def making(history: History, made: Made) -> Made:
    """The record by which a version was made: the one given may be of a later run, which took what was stored."""
    same = (m for m in history.by_version[made.version] if m.subject == made.subject and m.line <= made.line)
    return next((m for m in reversed(list(same)) if not m.entry.get("reused")), made)


def report_on(history: History, model: Made) -> Made | None:
    """The last report on a model; None where there is none."""
    asset = f"{model.asset}_report"
    found = (m for m in history.readers.get(model.version, ()) if m.asset == asset and m.partition == model.partition)
    return max(found, key=lambda m: m.line, default=None)
