"""Champions: which models are served, by decisions that are only ever added.

Belongs here: a decision as it is stored, the chain of those of an asset's partition, and which models the last one made champion.
Does not belong here: how a decision is come to (`promotion`), what a model is.

A decision is an object with the file ``champion.json``. The last one in the ledger says what is served; each names the one before
it, so that none can be taken out of the chain unseen. Models are named by the last part of their asset's key, ``encoder``, with
their content hash.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fullcircle.store.objects import Store, StoredObject, StoredObjectError

FILE = "champion.json"
LOCK = "champions.lock"

PROMOTED, REFUSED, SAME, FORCED, ROLLED_BACK = "promoted", "refused", "same", "forced", "rolled back"
"""How a decision may end: the challenger is champion now; is not; was it before; is it because a person wanted it; an earlier
champion is champion again because a person wanted it."""

BY_HAND = (FORCED, ROLLED_BACK)
"""Those that a person made."""

Models = Mapping[str, str]
"""Content hash of each model of a champion, by name."""


@dataclasses.dataclass(frozen=True)
class Decision:
    """What was decided of a challenger.

    Attributes:
        outcome: one of those above.
        reason: sentences for people.
        challenger: the models that were looked at; of a rollback, those that are champion again.
        champion: those that are served from now on; none where there is no champion.
        before: those that were served before.
        previous: content hash of the decision before this; None of the first.
        comparisons: how many comparisons there have been in this chain, this one included.
        comparison: figures, intervals and margins, and on which pictures; nothing where there was none.
        settings: that it was decided with.
    """

    outcome: str
    reason: str
    challenger: Models
    champion: Models
    before: Models
    previous: str | None
    comparisons: int = 0
    comparison: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def by_hand(self) -> bool:
        """Whether a person made it."""
        return self.outcome in BY_HAND


class OvertakenError(RuntimeError):
    """A decision was come to on what is no longer so."""


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A decision with the object that holds it and the ledger's entry."""

    decision: Decision
    stored: StoredObject
    entry: Mapping[str, Any]


def commit_decision(store: Store, decision: Decision) -> StoredObject:
    """Store a decision. It counts from the moment that the ledger has it, which is the caller's to write."""
    with store.draft() as draft:
        (draft.path / FILE).write_text(json.dumps(dataclasses.asdict(decision), indent=1, sort_keys=True))
        return draft.commit()


def decision_of(stored: StoredObject) -> Decision:
    """The decision that an object holds.

    Raises:
        StoredObjectError: when it holds other fields than this version of Full Circle knows.
    """
    fields = stored.json(FILE)
    try:
        return Decision(**fields)
    except TypeError as error:
        known = ", ".join(field.name for field in dataclasses.fields(Decision))
        raise StoredObjectError(
            f"{stored.file(FILE)} is expected to be a decision with {known}. Received: {', '.join(fields)}. A newer version of "
            "Full Circle may have written it and can read it."
        ) from error


def history(store: Store, asset: str, partition: str) -> list[Recorded]:
    """All decisions, oldest first; one that was only confirmed by a later run stands once.

    Args:
        store: whose.
        asset: ``drawings/champion``.
        partition: drawing class or picture source.

    Raises:
        StoredObjectError: when one is not whole.
    """
    found: list[Recorded] = []
    for entry in store.ledger.entries(asset, partition):
        if found and found[-1].stored.hash == entry["version"]:
            continue
        stored = store.open(entry["version"], f"{asset} ({partition})")
        found.append(Recorded(decision_of(stored), stored, entry))
    return found


def decisions_before(store: Store, asset: str, partition: str, challenger: Models) -> list[Recorded]:
    """The decisions that one of this challenger comes after, oldest first.

    The last ones, as far as they are of the very same challenger and no person made them, are left out: they are decided anew, with
    the same result as long as nothing else changed. So a challenger that was decided of is up to date.
    """
    decisions = history(store, asset, partition)
    while decisions and decisions[-1].decision.challenger == challenger and not decisions[-1].decision.by_hand:
        decisions.pop()
    return decisions


@contextlib.contextmanager
def deciding(store: Store) -> Iterator[None]:
    """While it is entered, no other process enters a decision."""
    with store.in_use(), (store.root / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def enter_decision(store: Store, entry: Mapping[str, Any]) -> None:
    """Write the ledger's entry of a decision, as long as it still follows the last one.

    Args:
        store: whose ledger.
        entry: a materialisation whose version is the decision.

    Raises:
        OvertakenError: when somebody decided otherwise while it was decided. Nothing is entered.
    """
    asset, partition = entry["asset"], entry["partition"]
    with deciding(store):
        decision = decision_of(store.open(entry["version"], f"{asset} ({partition})"))
        earlier = decisions_before(store, asset, partition, decision.challenger)
        if (earlier[-1].stored.hash if earlier else None) != decision.previous:
            now = earlier[-1].decision.outcome if earlier else "nothing"
            raise OvertakenError(
                f"The decision on the champion of {called(asset, partition)} is expected to follow the last one. Received: one "
                f"that was come to while it was decided otherwise ({now}). Nothing was entered; run it again."
            )
        store.ledger.append(entry)


def last_decision(store: Store, asset: str, partition: str) -> Recorded | None:
    """The decision that counts; None before the first.

    Raises:
        StoredObjectError: when it is not whole.
    """
    entry = store.ledger.latest(asset, partition)
    if entry is None:
        return None
    stored = store.open(entry["version"], f"{asset} ({partition})")
    return Recorded(decision_of(stored), stored, entry)


def reigns(decisions: Sequence[Decision]) -> list[Models]:
    """The champions that can be gone back to, oldest first; the last is the present one.

    A rollback takes away those that came after the one that it goes back to.

    Args:
        decisions: oldest first.
    """
    found: list[Models] = []
    for decision in decisions:
        if not decision.champion:
            found = []
        elif decision.outcome == ROLLED_BACK:
            while found and found[-1] != decision.champion:
                found.pop()
            found = found or [decision.champion]
        elif not found or found[-1] != decision.champion:
            if decision.outcome not in (PROMOTED, FORCED) and decision.champion in found:
                del found[found.index(decision.champion) + 1 :]  # decided anew: what came after it is no champion any more
            else:
                found.append(decision.champion)
    return found


SUFFIX = "_champion"
"""What the asset of the champion of one of several models ends with, ``glyphs/vae_champion``; else it is ``drawings/champion``."""


def decides_champions(asset: str) -> bool:
    """Whether the versions of an asset are decisions."""
    return asset.endswith(("/champion", SUFFIX))


def called(asset: str, partition: str) -> str:
    """What commands call a champion: ``line``, or ``tifinagh/vae``."""
    name = asset.rpartition("/")[2]
    return f"{partition}/{name.removesuffix(SUFFIX)}" if name.endswith(SUFFIX) else partition


def opened(store: Store, asset: str, partition: str, models: Models) -> dict[str, StoredObject]:
    """The models of a champion, proved whole.

    Args:
        store: whose.
        asset: ``drawings/champion``.
        partition: drawing class or picture source.
        models: by name.

    Raises:
        StoredObjectError: naming the model and how to go back to an earlier champion.
    """
    name = called(asset, partition)
    try:
        return {model: store.open(version, f"the {model} of {name}") for model, version in models.items()}
    except StoredObjectError as error:
        raise StoredObjectError(
            f"The champion of {name} is not whole. {error} Or go back to the champion before it: fullcircle champion rollback "
            f"{name} --reason TEXT"
        ) from error


def is_whole(store: Store, models: Models) -> bool:
    """Whether all models of a champion can be opened."""
    try:
        for version in models.values():
            store.open(version)
    except StoredObjectError:
        return False
    return True
