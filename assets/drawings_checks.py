"""The checks of the circle's assets, one step per asset.

Belongs here: which rule of `fullcircle.checks` guards which asset, and whether it blocks what comes after. Those that gate
training or what is said of it block; those that look at a finished report warn.
"""

from collections.abc import Callable, Mapping
from functools import partial

import dagster as dg

from assets.checking import Objects, checks_of
from assets.drawings import PREFIX
from fullcircle.checks import drawings as checks
from fullcircle.checks.check import Check
from fullcircle.data.splits import SPLITS
from fullcircle.drawings import Drawing, drawing_class

Rule = Callable[[Drawing, Objects], Check]


def _checks_of(
    asset: str, reads: tuple[str, ...], rules: Mapping[str, Rule], blocking: bool = True
) -> dg.AssetChecksDefinition:
    """One step that applies `rules` to the versions that this run made, or else the latest; they block, or else warn."""

    def of_drawing(rule: Rule, partition: str, objects: Objects) -> Check:
        return rule(drawing_class(partition), objects)

    by_partition = {name: partial(of_drawing, rule) for name, rule in rules.items()}
    return checks_of(PREFIX, asset, reads, by_partition, checks, f"{asset}_checks", blocking)


def _gaps_within_chance(drawing: Drawing, objects: Objects) -> Check:
    (report,) = objects.values()
    return checks.gaps_within_chance(report)


REPORTS = ("decoder_report", "encoder_report")

CHECKS = [
    _checks_of(
        "examples",
        ("examples",),
        {
            "specs_within_factors": lambda drawing, o: checks.specs_within_factors(o["examples"], drawing),
            "images_are_drawn": lambda drawing, o: checks.images_are_drawn(o["examples"], drawing),
        },
    ),
    _checks_of(
        "train",
        ("examples", *SPLITS),
        {
            "splits_are_whole": lambda drawing, o: checks.splits_are_whole(o["examples"], {s: o[s] for s in SPLITS}),
            "splits_are_disjoint": lambda drawing, o: checks.splits_are_disjoint({s: o[s] for s in SPLITS}),
        },
    ),
    _checks_of(
        "decoder",
        ("decoder", "valid"),
        {"decoder_beats_null": lambda drawing, o: checks.decoder_beats_null(o["decoder"], o["valid"], drawing)},
    ),
    _checks_of(
        "encoder",
        ("encoder", "decoder", "valid"),
        {
            "frozen_decoder_unchanged": lambda drawing, o: checks.frozen_decoder_unchanged(o["encoder"], o["decoder"]),
            "encoder_beats_mean": lambda drawing, o: checks.encoder_beats_mean(o["encoder"], o["valid"], drawing),
        },
    ),
    *(_checks_of(report, (report,), {"gaps_within_chance": _gaps_within_chance}, blocking=False) for report in REPORTS),
]
