"""The checks of the circle's assets, one step per asset.

Belongs here: which rule of `fullcircle.checks` guards which asset, and whether it blocks what comes after. Those that gate
training or what is said of it block; those that look at a finished report warn.
"""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from assets.drawings import PREFIX
from fullcircle import checks
from fullcircle.checks import Check
from fullcircle.drawings import Drawing, drawing_class
from fullcircle.splits import SPLITS
from fullcircle.storage import Store, StoredObject

Objects = Mapping[str, StoredObject]
Rule = Callable[[Drawing, Objects], Check]


def _checks_of(
    asset: str, reads: tuple[str, ...], rules: Mapping[str, Rule], blocking: bool = True
) -> dg.AssetChecksDefinition:
    """One step that applies `rules` to the versions that this run made, or else the latest; they block, or else warn."""
    key = dg.AssetKey([PREFIX, asset])
    others = [dg.AssetKey([PREFIX, name]) for name in reads if name != asset]
    specs = [
        dg.AssetCheckSpec(name, asset=key, additional_deps=others, blocking=blocking, description=_doc(name)) for name in rules
    ]

    @dg.multi_asset_check(name=f"{asset}_checks", specs=specs)
    def check(context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]) -> Iterator[dg.AssetCheckResult]:
        drawing = drawing_class(context.op_execution_context.partition_key)
        objects = {name: store.latest(f"{PREFIX}/{name}", drawing.name, context.run.run_id) for name in reads}
        for name, rule in rules.items():
            found = rule(drawing, objects)
            metadata = {k: v for k, v in found.figures.items() if v is not None}
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=name,
                passed=found.passed,
                severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
                description=found.says,
                metadata={**metadata, "checked": dg.MetadataValue.json({n: o.hash for n, o in objects.items()})},
            )

    return check


def _doc(name: str) -> str:
    return (getattr(checks, name).__doc__ or "").strip()


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
