"""The decision: a challenger, the champion, and what comes of it.

Belongs here: the rules, alike for drawing classes and autoencoders, and what a person may decide against them.
Does not belong here: how two models are compared (`comparison`, `drawings`, `autoencoders`).
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Mapping
from typing import Any

from fullcircle.core.settings import SettingsError
from fullcircle.promotion.comparison import not_better, sentence, without_margin, worse
from fullcircle.promotion.settings import PromotionSettings
from fullcircle.store.champions import (
    FORCED,
    PROMOTED,
    REFUSED,
    ROLLED_BACK,
    SAME,
    Decision,
    Models,
    Recorded,
    commit_decision,
    deciding,
    history,
    is_whole,
    reigns,
)
from fullcircle.store.objects import Store
from fullcircle.store.provenance import provenance

BY_HAND = "by hand"
"""In place of the run's id in the ledger's entry of a decision that a person made."""


def unchecked(store: Store, models: Models, partition: str) -> str | None:
    """Why models may not be served whatever their figures are: the first blocking check that is not on record as passed.

    Args:
        store: whose ledger.
        models: content hash of each by its asset, ``drawings/encoder``.
        partition: of the assets.
    """
    for asset, version in models.items():
        entries = [entry for entry in store.ledger.entries(asset, partition) if entry["version"] == version]
        if entries and (why := store.ledger.withheld(entries[-1])):
            return f"{asset} {version[:12]} is not served, because {why}"
    return None


Compare = Callable[[Models | None, int], Mapping[str, Any]]
"""Compares the challenger with a champion, or with one who has learned nothing where it is None; the number says the how-manieth
comparison of the chain it is. Gives ``{"figures": ..., "pictures": ..., ...}``, the figures as of `comparison.compared`."""


def decide(
    challenger: Models,
    decisions: list[Recorded],
    settings: PromotionSettings,
    compare: Compare,
    refusal: str | None = None,
) -> Decision:
    """Decide of a challenger.

    Args:
        challenger: its models.
        decisions: all before this one, oldest first.
        settings: with the margins.
        compare: does it; asked only where it is needed.
        refusal: why the challenger may not be served whatever its figures are: a blocking check that failed.
    """
    last = decisions[-1] if decisions else None
    before: Models = last.decision.champion if last else {}
    count = last.decision.comparisons if last else 0

    def decided(outcome: str, reason: str, comparison: Mapping[str, Any] | None = None) -> Decision:
        return Decision(
            outcome,
            reason,
            challenger=challenger,
            champion=challenger if outcome in (PROMOTED, SAME) else before,
            before=before,
            previous=last.stored.hash if last else None,
            comparisons=count + (comparison is not None),
            comparison=comparison or {},
            settings=settings.content(),
        )

    if refusal is not None:
        return decided(REFUSED, f"Refused: {refusal}")
    if before == challenger:
        return decided(SAME, "The challenger is the champion: the very same models.")
    if (rolled_back := _rolled_back(challenger, decisions)) is not None:
        return decided(REFUSED, f"Refused: it was champion and was rolled back, because: {rolled_back}")
    if not before:
        comparison = compare(None, count + 1)
        figures = comparison["figures"]
        shown = sentence(figures, "without learning")
        if failed := not_better({name: f for name, f in figures.items() if not f.get("may_be_equal")}):
            return decided(
                REFUSED, f"Refused: no better than one that has learned nothing in {'; '.join(failed)}. {shown}.", comparison
            )
        return decided(PROMOTED, f"Promoted: the first champion. {shown}.", comparison)
    comparison = compare(before, count + 1)
    figures = comparison["figures"]
    shown = sentence(figures)
    if missing := without_margin(figures):
        names = " and ".join(f"champion.{name}" for name in missing)
        return decided(REFUSED, f"Refused: by how much a figure may be worse is not set. Set {names}. {shown}.", comparison)
    if failed := worse(figures):
        margins = "; ".join(f"{name} (margin {figures[name]['margin']:g})" for name in failed)
        return decided(REFUSED, f"Refused: it may be worse beyond the margin in {margins}. {shown}.", comparison)
    return decided(PROMOTED, f"Promoted: no figure is worse beyond its margin. {shown}.", comparison)


def _rolled_back(challenger: Models, decisions: list[Recorded]) -> str | None:
    """Why a challenger was taken back; None where it was not, or was wanted by a person after that."""
    for recorded in reversed(decisions):
        decision = recorded.decision
        if decision.outcome == FORCED and decision.champion == challenger:
            return None
        if decision.outcome == ROLLED_BACK and decision.before == challenger:
            return decision.reason
    return None


def roll_back(store: Store, asset: str, partition: str, reason: str, to: str | None = None) -> Decision:
    """Make an earlier champion champion again, on record.

    Args:
        store: whose.
        asset: ``drawings/champion``.
        partition: drawing class or picture source.
        reason: why, in the words of who wants it.
        to: beginning of the content hash of one of its models; None: the champion before the present one that is whole.

    Raises:
        SettingsError: when there is none, or it is not whole.
    """
    _with_reason(reason)
    with deciding(store):
        decisions = history(store, asset, partition)
        earlier = reigns([recorded.decision for recorded in decisions])[:-1]
        if to is not None:
            matching = [models for models in earlier if any(version.startswith(to) for version in models.values())]
            if not matching:
                raise SettingsError(
                    f"An earlier champion of {partition} is expected. Received: {to!r}. There are: {_listed(earlier)}."
                )
            chosen: Models | None = matching[-1]
        else:
            chosen = next((models for models in reversed(earlier) if is_whole(store, models)), None)
        if chosen is None or not is_whole(store, chosen):
            raise SettingsError(
                f"A champion of {partition} to go back to is expected that lies whole in the store. Received: {_listed(earlier)}. "
                "Train another one."
            )
        last = decisions[-1]
        return _by_hand(
            store,
            asset,
            partition,
            Decision(
                ROLLED_BACK,
                reason,
                challenger=chosen,
                champion=chosen,
                before=last.decision.champion,
                previous=last.stored.hash,
                comparisons=last.decision.comparisons,
            ),
        )


def force(store: Store, asset: str, partition: str, models: Models, reason: str) -> Decision:
    """Make models champion whatever a comparison says, on record.

    Args:
        store: whose.
        asset: ``drawings/champion``.
        partition: drawing class or picture source.
        models: that are to be served.
        reason: why, in the words of who wants it.

    Raises:
        SettingsError: when no reason is given, or the models are not whole.
    """
    _with_reason(reason)
    with deciding(store):
        if not is_whole(store, models):
            raise SettingsError(f"Models that lie whole in the store are expected. Received: {_listed([models])}.")
        decisions = history(store, asset, partition)
        last = decisions[-1] if decisions else None
        return _by_hand(
            store,
            asset,
            partition,
            Decision(
                FORCED,
                reason,
                challenger=models,
                champion=models,
                before=last.decision.champion if last else {},
                previous=last.stored.hash if last else None,
                comparisons=last.decision.comparisons if last else 0,
            ),
        )


def _with_reason(reason: str) -> None:
    if not reason.strip():
        raise SettingsError("A reason is expected, for the record. Received: none.")


def _by_hand(store: Store, asset: str, partition: str, decision: Decision) -> Decision:
    stored = commit_decision(store, decision)
    store.ledger.append(
        {
            "asset": asset,
            "partition": partition,
            "version": stored.hash,
            "run_id": BY_HAND,
            "time": time.time(),
            "asked_by": f"{getpass.getuser()}: {decision.reason}",
            **stored.contents(),
            **provenance(),
        }
    )
    return decision


def _listed(champions: list[Models]) -> str:
    return (
        ", ".join(" and ".join(f"{name} {version[:12]}" for name, version in models.items()) for models in champions) or "none"
    )
