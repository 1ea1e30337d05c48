"""Champions as people ask for them: by name, as text, and two versions beside each other.

Belongs here: what ``fullcircle champion`` shows and how it finds versions. The decisions themselves are `decide`'s.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import SettingsError
from fullcircle.drawings import drawing_class
from fullcircle.models.stored import training_of
from fullcircle.promotion.settings import AutoencoderChampionSettings, ChampionSettings
from fullcircle.reading.stored import CHAMPION
from fullcircle.store.champions import SUFFIX, Models, Recorded, called, decides_champions, is_whole, last_decision
from fullcircle.store.objects import NothingMaterializedError, Store

UNSEEN_SEED = 0
"""Source of chance of test pictures for comparisons that decide nothing: others than those that decisions look at."""

SHORT = 12
"""Characters of a content hash that are shown."""


def champion_asset(name: str) -> tuple[str, str]:
    """Asset and partition of what commands call ``line`` or ``tifinagh/vae``."""
    partition, slash, model = name.partition("/")
    return (f"glyphs/{model}{SUFFIX}", partition) if slash else (CHAMPION, partition)


def champions(store: Store) -> Iterator[tuple[str, str, Recorded]]:
    """Every asset of a champion with its partition and last decision.

    Raises:
        StoredObjectError: when a decision is not whole.
    """
    for asset, partition in sorted(store.ledger.latest_of_all()):
        if decides_champions(asset):
            last = last_decision(store, asset, partition)
            assert last is not None
            yield asset, partition, last


def decided(store: Store, name: str) -> Recorded:
    """The last decision of a champion by its name.

    Raises:
        NothingMaterializedError: when nothing was decided of it, naming those there are.
    """
    last = last_decision(store, *champion_asset(name))
    if last is None:
        known = ", ".join(called(asset, partition) for asset, partition, _ in champions(store)) or "none"
        raise NothingMaterializedError(
            "A champion is expected, of a drawing class (line) or of a model of a picture source (tifinagh/vae). "
            f"Received: {name!r}. There are: {known}."
        )
    return last


def line(store: Store, asset: str, partition: str, last: Recorded) -> str:
    """A champion in one line: name, models, since which decision, and whether its files are whole."""
    decision = last.decision
    whole = "" if not decision.champion or is_whole(store, decision.champion) else "  NOT WHOLE"
    return f"{called(asset, partition):<24}{versions(decision.champion):<44}{when(last)}  {decision.outcome}{whole}"


def details(store: Store, asset: str, partition: str, recorded: Recorded) -> str:
    """A decision with its reason and figures."""
    decision, comparison = recorded.decision, recorded.decision.comparison
    lines = [
        f"{called(asset, partition)}: {decision.outcome}, {when(recorded)}, decision {recorded.stored.hash[:SHORT]}",
        f"  champion:   {versions(decision.champion)}",
        f"  challenger: {versions(decision.challenger)}",
        f"  {decision.reason}",
    ]
    if figures := comparison.get("figures"):
        lines += ["", figures_text(figures)]
        looked = f"; comparison {comparison['looked_at']} on these" if "looked_at" in comparison else ""
        worn = ". They are worn: add pictures to the source" if comparison.get("worn") else ""
        lines.append(f"  on {comparison['pictures']:,} test pictures{looked}, {decision.comparisons} in all{worn}")
    if decision.champion and not is_whole(store, decision.champion):
        lines.append(
            f"  Its files are not whole. Go back: fullcircle champion rollback {called(asset, partition)} --reason TEXT"
        )
    return "\n".join(lines)


def figures_text(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures of a comparison as a table."""
    rows = [("", "challenger (champion)", "better by at least", "margin")]
    rows += [
        (name, f["text"], f["bound"], "not set" if f["margin"] is None else f"{f['margin']:g}") for name, f in figures.items()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def versions(models: Models) -> str:
    """Models in a line, ``encoder f5ef63282af7, decoder 383dbf3ea27c``."""
    return ", ".join(f"{name} {version[:SHORT]}" for name, version in sorted(models.items(), reverse=True)) or "none"


def when(recorded: Recorded) -> str:
    """When a decision was entered, ``2026-11-25 03:00 UTC``."""
    seconds = recorded.entry.get("time")
    return (
        "at a time not on record"
        if seconds is None
        else f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M} UTC"
    )


def as_plain(asset: str, partition: str, recorded: Recorded) -> dict[str, Any]:
    """A decision for JSON, with where and when it was entered."""
    return {
        "champion_of": called(asset, partition),
        "decision": recorded.stored.hash,
        "time": recorded.entry.get("time"),
        "run_id": recorded.entry["run_id"],
        **dataclasses.asdict(recorded.decision),
    }


def challenger(store: Store, name: str, version: str | None = None) -> dict[str, str]:
    """The models that a version stands for: of a drawing class an encoder and the decoder that it was trained through.

    Args:
        store: whose ledger.
        name: ``line`` or ``tifinagh/vae``.
        version: beginning of the content hash of an encoder or an autoencoder; None: the latest, whatever its checks found.

    Raises:
        SettingsError: when no version begins so, or several do.
        StoredObjectError: when it is not whole.
    """
    champion, partition = champion_asset(name)
    model = "encoder" if champion == CHAMPION else champion.rpartition("/")[2].removesuffix(SUFFIX)
    asset = f"{champion.partition('/')[0]}/{model}"
    made = list(dict.fromkeys(entry["version"] for entry in store.ledger.entries(asset, partition)))
    found = [v for v in made if v.startswith(version)] if version is not None else made[-1:]
    if len(found) != 1:
        known = ", ".join(v[:SHORT] for v in made) or "none"
        raise SettingsError(
            f"The beginning of one version of {asset} of {partition} is expected. Received: "
            f"{'no version, and none was made' if version is None else repr(version)}. There are: {known}."
        )
    stored = store.open(found[0], f"{asset} ({partition})")
    return {model: stored.hash} | ({"decoder": training_of(stored)["read"]["decoder"]} if champion == CHAMPION else {})


def compare_versions(store: Store, name: str, new: Models, old: Models, progress: Progress = silent) -> dict[str, Any]:
    """Compare two versions on pictures that no decision looks at; nothing is decided.

    Args:
        store: whose.
        name: ``line`` or ``tifinagh/vae``.
        new: models in place of the challenger's.
        old: models in place of the champion's.
        progress: where to say how far it is.
    """
    from fullcircle.promotion.autoencoders import compare_autoencoders
    from fullcircle.promotion.drawings import compare_readers

    asset, partition = champion_asset(name)
    first, second = (
        {model: store.open(version, f"the {model} of {name}") for model, version in models.items()} for models in (new, old)
    )
    if asset == CHAMPION:
        settings = ChampionSettings(seed=UNSEEN_SEED)
        return compare_readers(store, drawing_class(partition, store.root), first, second, settings, progress=progress)
    (a,), (b,) = first.values(), second.values()
    test = store.latest("glyphs/test", partition)
    return compare_autoencoders(store, partition, test, a, b, AutoencoderChampionSettings())
