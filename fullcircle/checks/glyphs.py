"""Checks of the glyph rooms: what must hold of originals, copies and splits before anything is learned from them.

Belongs here: each rule as a function from stored objects to a `Check`, as in `fullcircle.checks`. They look at the pictures
themselves, not at what a column says of them.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from fullcircle.checks import drawings as checks
from fullcircle.checks.check import Check, Guard, Rule, Subject
from fullcircle.data.augmented import AUGMENTED, pipeline_of
from fullcircle.data.group_splits import flatters, meaning
from fullcircle.data.originals import ORIGINALS, PLAIN_LEVELS, REASON, pictures_of, rejects
from fullcircle.data.splits import SPLITS
from fullcircle.images.arrays import image_shape, picture_unit
from fullcircle.store.columns import GROUP, ID, IMAGE, LABEL, OPERATIONS, ORIGINAL
from fullcircle.store.objects import StoredObject
from fullcircle.store.tables import TableReader

MAX_BLANK = 0.01
"""Share of blank copies that is borne with a warning."""

MAX_IMBALANCE = 10
"""How many times as often as the rarest label the most common one may stand before a check warns."""

REMADE_GROUPS, REMADE_PER_GROUP = 8, 16
"""How many copies are made again: so many of each of so many random row groups."""


def originals_are_left(originals: StoredObject) -> Check:
    """At least one picture of the source could be had."""
    kept, rejected = originals.table(ORIGINALS).rows, rejects(originals)
    figures = {"originals": kept, "rejected": rejected.rows}
    if not kept:
        first = rejected.read([REASON], limit=1)[REASON]
        why = f" The first of {rejected.rows:,} rejected: {first[0]}" if len(first) else " The source offers none."
        return Check(False, f"No picture is left.{why}", figures)
    return Check(True, f"{kept:,} originals.", figures)


def few_are_rejected(originals: StoredObject) -> Check:
    """No more than a share of the source's pictures, `originals.max_rejected`, was rejected; warns only."""
    kept, rejected = originals.table(ORIGINALS).rows, rejects(originals)
    share, most = rejected.rows / max(kept + rejected.rows, 1), float(rejected.about["max_rejected"])
    figures = {"rejected": rejected.rows, "share": share}
    if share > most:
        return Check(
            False,
            f"{rejected.rows:,} of {kept + rejected.rows:,} pictures were rejected, {share:.1%}; {most:.1%} is allowed. The "
            "reasons are in the metadata and in rejected.parquet. Mend or remove them, or raise originals.max_rejected.",
            figures,
            warns=True,
        )
    return Check(True, f"{rejected.rows:,} of {kept + rejected.rows:,} pictures rejected.", figures, warns=True)


def originals_are_sound(originals: StoredObject) -> Check:
    """Every original is a picture of the canvas that shows something, has the hash of its pixels as its id, and stands once."""
    table = originals.table(ORIGINALS)
    wrong = _wrong_canvas(table)
    if wrong:
        return Check(False, f"{wrong} Make the originals again.")
    seen: set[str] = set()
    for block in table.blocks([ID, IMAGE]):
        for name, image in zip(block[ID].tolist(), block[IMAGE], strict=True):
            fault = (
                "has another hash than its id"
                if picture_unit(image) != name
                else "stands twice"
                if name in seen
                else "is of one plain colour"
                if _is_plain(image[None])[0]
                else ""
            )
            if fault:
                return Check(False, f"Original {name} {fault}. Make the originals again.")
            seen.add(name)
    return Check(True, f"{len(seen):,} originals, each different.", {"originals": len(seen)})


def copies_are_sound(originals: StoredObject, augmented: StoredObject) -> Check:
    """Copies are pictures of the canvas, use the range of levels, and bear the label and group of an original there is."""
    table = augmented.table(AUGMENTED)
    wrong = _wrong_canvas(table)
    if wrong:
        return Check(False, f"{wrong} Make the copies again.")
    read = originals.table(ORIGINALS).read([ID, LABEL, GROUP])
    words = dict(zip(read[ID].tolist(), zip(read[LABEL].tolist(), read[GROUP].tolist(), strict=True), strict=True))
    lowest, highest = 255, 0
    for block in table.blocks([ID, ORIGINAL, LABEL, GROUP, IMAGE]):
        lowest, highest = min(lowest, int(block[IMAGE].min())), max(highest, int(block[IMAGE].max()))
        for name, original, label, group in zip(*(block[c].tolist() for c in (ID, ORIGINAL, LABEL, GROUP)), strict=True):
            if words.get(original) != (label, group):
                return Check(
                    False,
                    f"Copy {name} says it is {label!r} of {group!r}; its original {original} is {words.get(original)}. Make "
                    "the copies again.",
                )
    figures = {"lowest_level": lowest, "highest_level": highest}
    if highest - lowest < 128:
        return Check(
            False,
            f"Copies are expected to use half of the levels 0 to 255 at least. Received: {lowest} to {highest}. Look at contrast "
            "and brightness in augmented.pipeline.",
            figures,
        )
    return Check(True, f"{table.rows:,} copies, levels {lowest} to {highest}.", figures)


def copies_show_something(augmented: StoredObject) -> Check:
    """No operation wiped a picture out: blank copies are counted, and what was done to them."""
    table = augmented.table(AUGMENTED)
    blank, fired = 0, Counter[str]()
    for block in table.blocks([OPERATIONS, IMAGE]):
        rows = np.flatnonzero(_is_plain(block[IMAGE]))
        blank += len(rows)
        for row in rows:
            fired.update({name for entry in json.loads(block[OPERATIONS][row]) if entry for name in entry})
    share = blank / max(table.rows, 1)
    figures: dict[str, Any] = {"blank": blank, "share": share}
    if blank:
        # First the one that fired for more of them than it does for copies at large.
        often = {operation.name: operation.probability for operation in pipeline_of(table.about).operations}
        suspects = sorted(fired, key=lambda name: fired[name] / often[name], reverse=True)
        done = ", ".join(f"{name} to {fired[name]:,}" for name in suspects) or "nothing"
        return Check(
            False,
            f"{blank:,} of {table.rows:,} copies are blank, {share:.2%}. Done to them, the likeliest cause first: {done}. Make "
            "that operation gentler.",
            figures | {f"blank_after_{name}": n for name, n in fired.items()},
            warns=share <= MAX_BLANK,
        )
    return Check(True, f"None of {table.rows:,} copies is blank.", figures)


def copies_can_be_made_again(originals: StoredObject, augmented: StoredObject) -> Check:
    """A part of the copies, drawn at random, is, byte for byte, what the recorded operations make of its original."""
    table = augmented.table(AUGMENTED)
    remade, wrong = _remade(table, originals)
    figures = {"remade": remade, "different": len(wrong)}
    if wrong:
        return Check(
            False,
            f"{len(wrong)} of {remade} copies are not what their recorded operations make of their original, {wrong[0]} for one. "
            "An operation changed since, or the originals did. Make the copies again.",
            figures,
        )
    return Check(True, f"{remade} copies made again from their originals and records, all the same to the byte.", figures)


def labels_are_balanced(augmented: StoredObject) -> Check:
    """The most common label stands at most `MAX_IMBALANCE` times as often as the rarest; warns only."""
    counts = Counter[str]()
    for block in augmented.table(AUGMENTED).blocks([LABEL]):
        counts.update(block[LABEL].tolist())
    (most, n_most), (least, n_least) = counts.most_common()[0], counts.most_common()[-1]
    figures = {"labels": len(counts), "most": n_most, "least": n_least}
    counted = f"{n_most:,} of {most!r}, {n_least:,} of {least!r}"
    if n_most > MAX_IMBALANCE * n_least:
        return Check(
            False,
            f"{len(counts)} labels, {counted}: more than {MAX_IMBALANCE} times as many. Add originals of the rare ones.",
            figures,
            warns=True,
        )
    return Check(True, f"{len(counts)} labels, {counted}.", figures, warns=True)


def splits_are_whole(augmented: StoredObject, splits: Mapping[str, StoredObject]) -> Check:
    """No split is empty, and together they hold every copy."""
    return checks.splits_are_whole(augmented, splits)


def units_are_disjoint(originals: StoredObject, splits: Mapping[str, StoredObject]) -> Check:
    """No unit stands in two splits, proved on the pictures: originals by their pixels, copies by making some of them again."""
    tables = {name: stored.table(name) for name, stored in splits.items()}
    about = tables[SPLITS[0]].about
    unit, valid_unit = about["splits"]["unit"], about["splits"]["valid_unit"]
    # By content: what an original is called plays no part, its pixels do.
    hashes: dict[str, str] = {}
    groups: dict[str, str] = {}
    for block in originals.table(ORIGINALS).blocks([ID, GROUP, IMAGE]):
        names = block[ID].tolist()
        hashes |= {name: picture_unit(image) for name, image in zip(names, block[IMAGE], strict=True)}
        groups |= dict(zip(names, block[GROUP].tolist(), strict=True))
    remade = 0
    used: dict[str, set[str]] = {}
    copies: dict[str, set[str]] = {}
    for name, table in tables.items():
        used[name], copies[name] = set(), set()
        for block in table.blocks([ID, ORIGINAL]):
            used[name].update(block[ORIGINAL].tolist())
            if unit == "sample":
                copies[name].update(block[ID].tolist())
        if unknown := used[name] - hashes.keys():
            return Check(False, f"{name} holds copies of {min(unknown)}, which is no original. Make the splits again.")
        n, wrong = _remade(table, originals)
        remade += n
        if wrong:
            return Check(False, f"Copy {wrong[0]} in {name} is no copy of the original that it names. Make the copies again.")
    units = {
        "original": {name: {hashes[o] for o in ids} for name, ids in used.items()},
        "group": {name: {groups[o] for o in ids} for name, ids in used.items()},
        "sample": copies,
    }
    shared = []
    for a, b in itertools.combinations(SPLITS, 2):
        by = valid_unit if {a, b} == {"train", "valid"} else unit
        if both := units[by][a] & units[by][b]:
            shared.append(f"{len(both)} {by}s in {a} and {b}, {min(both)!r} for one")
    if shared:
        return Check(False, f"Units stand in two splits: {'; '.join(shared)}. Make the splits again.", {"shared": len(shared)})
    counts = ", ".join(f"{name} {len(used[name]):,}" for name in SPLITS)
    crossing = len(used["train"] & used["test"])
    figures = {"unit": unit, "remade": remade, "originals_in_train_and_test": crossing}
    return Check(True, f"Split by {unit}; originals in {counts}. {meaning(unit, valid_unit)}", figures)


def pictures_are_disjoint(splits: Mapping[str, StoredObject]) -> Check:
    """No picture stands in two splits, pixel for pixel; warns only, for chance may draw the same picture twice."""
    hashes = {}
    for name, stored in splits.items():
        found = [
            int(picture_unit(image), 16)
            for block in stored.table(name).blocks([IMAGE])
            for image in block[IMAGE][~_is_plain(block[IMAGE])]
        ]
        hashes[name] = np.unique(np.array(found, np.uint64))
    shared = {f"{a} and {b}": len(np.intersect1d(hashes[a], hashes[b])) for a, b in itertools.combinations(SPLITS, 2)}
    figures = {"shared": sum(shared.values())}
    if any(shared.values()):
        where = ", ".join(f"{n:,} in {names}" for names, n in shared.items() if n)
        flattering = any(flatters(stored.table(name).about) for name, stored in splits.items())
        why = (
            meaning("sample")
            if flattering
            else "Different originals became the same picture, by chance or by a drastic operation."
        )
        return Check(False, f"The same pictures, pixel for pixel: {where}. {why}", figures, warns=True)
    return Check(True, "No picture, pixel for pixel, stands in two splits.", figures, warns=True)


def _is_plain(images: np.ndarray) -> np.ndarray:
    """Which pictures show nothing, ``bool (n,)``."""
    levels = np.ptp(images.reshape(len(images), -1, *images.shape[3:]), axis=1)
    return np.asarray(levels.reshape(len(images), -1).max(axis=1) < PLAIN_LEVELS)


def _wrong_canvas(table: TableReader) -> str:
    """What is wrong with the pictures' type, if anything is."""
    found, shape = table.schema.field(IMAGE).type, image_shape(tuple(table.about["canvas"]))
    if str(found.value_type) == "uint8" and tuple(found.shape) == shape:
        return ""
    return f"Pictures are expected as uint8 {shape}. Received: {found.value_type} {tuple(found.shape)}."


def _remade(table: TableReader, originals: StoredObject) -> tuple[int, list[str]]:
    """How many copies were made again, and the ids of those that came out differently."""
    rng = np.random.default_rng(0)
    pipeline = pipeline_of(table.about)
    columns = [ID, ORIGINAL, OPERATIONS, IMAGE]
    chosen = [
        tuple(block[name][i] for name in columns)
        for block in itertools.islice(table.blocks(columns, rng, pool=1), REMADE_GROUPS)
        for i in range(min(REMADE_PER_GROUP, len(block[ID])))  # shuffled within the row group already
    ]
    pictures = pictures_of(originals, {original for _, original, _, _ in chosen})
    wrong = []
    for name, original, operations, image in chosen:
        picture = pictures.get(original)
        again = None if picture is None else pipeline.replay(picture, {"operations": json.loads(operations)})
        if again is None or not np.array_equal(again, image):
            wrong.append(str(name))
    return len(chosen), wrong


def _splits(subject: Subject) -> dict[str, StoredObject]:
    return {split: subject[split] for split in SPLITS}


def _guard(asset: str, reads: tuple[str, ...], *rules: Rule, together: tuple[str, ...] = ()) -> Guard:
    keys = tuple(f"glyphs/{name}" for name in reads)
    return Guard(f"glyphs/{asset}", keys, rules, together=tuple(f"glyphs/{name}" for name in together))


GUARDS = (
    _guard(
        "originals",
        ("originals",),
        Rule(originals_are_left, lambda s: (s["originals"],)),
        Rule(few_are_rejected, lambda s: (s["originals"],)),
        Rule(originals_are_sound, lambda s: (s["originals"],)),
    ),
    _guard(
        "augmented",
        ("augmented", "originals"),
        Rule(copies_are_sound, lambda s: (s["originals"], s["augmented"])),
        Rule(copies_show_something, lambda s: (s["augmented"],)),
        Rule(copies_can_be_made_again, lambda s: (s["originals"], s["augmented"])),
        Rule(labels_are_balanced, lambda s: (s["augmented"],)),
    ),
    _guard(
        "train",
        ("originals", "augmented", *SPLITS),
        Rule(splits_are_whole, lambda s: (s["augmented"], _splits(s))),
        Rule(units_are_disjoint, lambda s: (s["originals"], _splits(s))),
        Rule(pictures_are_disjoint, lambda s: (_splits(s),)),
        together=("test", "valid"),
    ),
)
"""A check that only warns says so itself."""
