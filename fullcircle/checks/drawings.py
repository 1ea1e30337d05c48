"""Checks: what must hold of a stored object before anything is built on it.

Belongs here: each rule as a function from stored objects to a `Check`. They look at the data itself, on train and valid; test is
looked at by reports only. When they run, and what they block, is the orchestrator's business.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping

import numpy as np

from fullcircle.checks.check import Check, Guard, Rule, Subject
from fullcircle.data.splits import SPLITS
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import spec_columns, specs_of
from fullcircle.evaluation.drawings import decoder_errors, mean_spec_error
from fullcircle.evaluation.metrics import summarise_image_errors
from fullcircle.images.arrays import picture_unit, unit_images
from fullcircle.models.stored import model_of, scaling_of, training_of
from fullcircle.reports.drawings import REPORTS
from fullcircle.reports.files import REPORT
from fullcircle.store.columns import ID, IMAGE
from fullcircle.store.objects import StoredObject

DECODER_MAX_FVU = 0.5
"""A decoder that draws nothing has FVU 1; one that draws at all is far below a half after its first minutes."""

ENCODER_MAX_SHARE = 0.95
"""The most an encoder's spec error on valid may be, as a share of the mean spec's: the rest is left to chance."""

REDRAWN_GROUPS, REDRAWN_PER_GROUP = 8, 32
"""How many examples are drawn again: so many of each of so many random row groups."""


def specs_within_factors(examples: StoredObject, drawing: Drawing) -> Check:
    """Every spec of the table lies on its factors' steps and within their ranges."""
    rows = 0
    for block in examples.table().blocks(spec_columns(drawing)):
        try:
            drawing.factors.check(specs_of(drawing, block))
        except ValueError as error:
            return Check(False, f"A spec is outside its factors: {error} Counted from row {rows}. Make the examples again.")
        rows += len(next(iter(block.values())))
    return Check(True, f"All {rows:,} specs are within their factors.", {"rows": rows})


def images_are_drawn(examples: StoredObject, drawing: Drawing) -> Check:
    """A part of the clean pictures, drawn at random, is, pixel for pixel, what the draw method draws from its spec."""
    rng = np.random.default_rng(0)
    redrawn = wrong = 0
    first = ""
    columns = [ID, *spec_columns(drawing), IMAGE]
    for block in itertools.islice(examples.table().blocks(columns, rng, pool=1), REDRAWN_GROUPS):
        rows = slice(0, REDRAWN_PER_GROUP)  # shuffled within the row group already
        again = drawing.render(specs_of(drawing, block)[rows])
        different = np.flatnonzero((again != block[IMAGE][rows]).reshape(len(again), -1).any(axis=1))
        redrawn, wrong = redrawn + len(again), wrong + len(different)
        first = first or (str(block[ID][different[0]]) if len(different) else "")
    figures = {"redrawn": redrawn, "different": wrong}
    if wrong:
        return Check(
            False,
            f"{wrong} of {redrawn} pictures are not what {drawing.name}.draw draws, example {first} for one. "
            "Either the draw method changed since, or it draws by chance. Make the examples again.",
            figures,
        )
    return Check(True, f"{redrawn} pictures redrawn, all the same to the pixel.", figures)


def splits_are_whole(examples: StoredObject, splits: Mapping[str, StoredObject]) -> Check:
    """No split is empty, and together they hold as many rows as the examples."""
    rows = {name: stored.table().rows for name, stored in splits.items()}
    total = examples.table().rows
    empty = [name for name, n in rows.items() if not n]
    if empty:
        return Check(False, f"Empty split: {', '.join(empty)}. Make more examples, or give it a larger share.", rows)
    if sum(rows.values()) != total:
        return Check(
            False, f"The splits hold {sum(rows.values()):,} of {total:,} examples; a split is truncated. Make it again.", rows
        )
    return Check(True, f"All {total:,} examples are in a split.", rows)


def splits_are_disjoint(splits: Mapping[str, StoredObject]) -> Check:
    """No clean picture stands in two splits: hashed from its pixels, whatever its id says."""
    units = {
        name: np.unique(
            np.array([int(picture_unit(i), 16) for block in stored.table().blocks([IMAGE]) for i in block[IMAGE]], np.uint64)
        )
        for name, stored in splits.items()
    }
    shared = {(a, b): len(np.intersect1d(units[a], units[b])) for a, b in itertools.combinations(units, 2)}
    where = ", ".join(f"{n} in {a} and {b}" for (a, b), n in shared.items() if n)
    total = sum(shared.values())
    if total:
        return Check(False, f"Pictures stand in two splits: {where}. Make the splits again.", {"shared": total})
    pictures = sum(len(u) for u in units.values())
    return Check(True, f"{pictures:,} different pictures, each in one split.", {"pictures": pictures, "shared": 0})


def decoder_beats_null(decoder: StoredObject, valid: StoredObject, drawing: Drawing) -> Check:
    """The decoder is finite and clearly better on valid than the best blank picture per example."""
    errors = decoder_errors(valid.table(), drawing, scaling_of(decoder, drawing), model_of(decoder))
    figures = summarise_image_errors(errors)
    mse, fvu = figures["mse"], figures["fvu"]
    if mse is None or fvu is None or not np.isfinite(mse):
        return Check(False, f"The decoder's error on valid is {mse}. Lower decoder.learning_rate and train again.")
    if fvu > DECODER_MAX_FVU:
        return Check(
            False,
            f"The decoder draws nothing, or hardly anything: FVU {fvu:.3f} on valid, where a blank picture has 1 and "
            f"{DECODER_MAX_FVU} is allowed. Train it again from another start (decoder.seed), with drawn pixels weighted up for "
            "longer (decoder.balanced_epochs), or for more epochs.",
            figures,
        )
    return Check(True, f"FVU {fvu:.4f} on valid; a blank picture has 1.", figures)


def frozen_decoder_unchanged(encoder: StoredObject, decoder: StoredObject) -> Check:
    """Training the encoder left the decoder's weights and batch statistics as they are in the store."""
    from fullcircle.store.hashing import weights_hash

    seen = training_of(encoder)["frozen_decoder"]
    stored = weights_hash(model_of(decoder).get_weights())
    figures = {"before": seen["before"], "after": seen["after"], "stored": stored}
    if len(set(figures.values())) > 1:
        return Check(
            False,
            f"The frozen decoder changed while the encoder was trained: {seen['before'][:12]} before, {seen['after'][:12]} after, "
            f"{stored[:12]} in the store. The encoder was trained through another decoder than this; train it again.",
            figures,
        )
    return Check(True, f"The decoder is {stored[:12]} before, after and in the store.", figures)


def encoder_beats_mean(encoder: StoredObject, valid: StoredObject, drawing: Drawing) -> Check:
    """The encoder reads specs on valid better than one who always says the mean spec."""
    model, scales = model_of(encoder), scaling_of(encoder, drawing)
    read, true = [], []
    for block in valid.table().blocks([*spec_columns(drawing), IMAGE]):
        read.append(scales.from_latent(model.predict_on_batch(unit_images(block[IMAGE]))))
        true.append(specs_of(drawing, block))
    specs = np.concatenate(true)
    mean = np.tile((drawing.factors.low + drawing.factors.high) / 2, (len(specs), 1))
    error = mean_spec_error(drawing, specs, np.concatenate(read))
    null = mean_spec_error(drawing, specs, mean)
    figures = {"spec_error": error, "mean_spec_error": null}
    if not error <= ENCODER_MAX_SHARE * null:
        return Check(
            False,
            f"The encoder reads no better than the mean spec: error {error:.4f} of the ranges on valid, the mean spec {null:.4f}, "
            f"{ENCODER_MAX_SHARE:.0%} of it allowed. Train with objective 'both' or 'spec': the image loss alone gives no gradient "
            "to a figure that misses the true one.",
            figures,
        )
    return Check(True, f"Spec error {error:.4f} of the ranges on valid; the mean spec has {null:.4f}.", figures)


def valid_and_test_agree(report: StoredObject) -> Check:
    """No figure differs between valid and test by more than chance explains: less than 1 chance in 20 over all figures."""
    stored = json.loads(report.file(REPORT).read_text())
    differences = stored["split_differences"] if "split_differences" in stored else stored["gaps"]  # so called in older reports
    found = {f"{group}, {name}": figure for group, figures in differences.items() for name, figure in figures.items()}
    beyond = [name for name, difference in found.items() if difference["beyond_chance"]]
    outside = sum(not difference["holds_zero"] for difference in found.values())
    figures = {"figures": len(found), "intervals_without_zero": outside, "beyond_chance": len(beyond)}
    counted = f"{outside} of {len(found)} 95 % intervals leave out 0, where chance alone leaves out {0.05 * len(found):.1f}."
    if beyond:
        named = "; ".join(f"{n}: {found[n]['valid']:.4g} on valid, {found[n]['test']:.4g} on test" for n in beyond)
        return Check(
            False,
            f"Valid and test differ beyond chance in {len(beyond)} of {len(found)} figures: {named}. {counted} Either the "
            "training was fitted to valid, or one of the two does not represent all pictures: look at how settings were chosen.",
            figures,
        )
    return Check(True, f"Valid and test agree in all {len(found)} figures. {counted}", figures)


def _splits(subject: Subject) -> dict[str, StoredObject]:
    return {split: subject[split] for split in SPLITS}


def _guard(asset: str, reads: tuple[str, ...], *rules: Rule, blocking: bool = True, together: tuple[str, ...] = ()) -> Guard:
    keys = tuple(f"drawings/{name}" for name in reads)
    return Guard(f"drawings/{asset}", keys, rules, blocking, tuple(f"drawings/{name}" for name in together))


GUARDS = (
    _guard(
        "examples",
        ("examples",),
        Rule(specs_within_factors, lambda s: (s["examples"], s.drawing)),
        Rule(images_are_drawn, lambda s: (s["examples"], s.drawing)),
    ),
    _guard(
        "train",
        ("examples", *SPLITS),
        Rule(splits_are_whole, lambda s: (s["examples"], _splits(s))),
        Rule(splits_are_disjoint, lambda s: (_splits(s),)),
        together=("test", "valid"),
    ),
    _guard("decoder", ("decoder", "valid"), Rule(decoder_beats_null, lambda s: (s["decoder"], s["valid"], s.drawing))),
    _guard(
        "encoder",
        ("encoder", "decoder", "valid"),
        Rule(frozen_decoder_unchanged, lambda s: (s["encoder"], s["decoder"])),
        Rule(encoder_beats_mean, lambda s: (s["encoder"], s["valid"], s.drawing)),
    ),
    *(
        _guard(report, (report,), Rule(valid_and_test_agree, lambda s: tuple(s.objects.values())), blocking=False)
        for report in REPORTS
        if REPORTS[report].compares
    ),
)
"""Those that gate training, or what is reported of it, block; those that look at a finished report warn."""
