"""Checks as Dagster knows them, alike for all rooms.

Belongs here: one step per asset that applies rules of the library to the versions that a run made, or else the latest.
Does not belong here: the rules (`fullcircle.checks`, `fullcircle.checks.glyphs`), which rule guards which asset.
"""

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

import dagster as dg

from fullcircle.checks.check import Check
from fullcircle.store.objects import Store, StoredObject

Objects = Mapping[str, StoredObject]
Rule = Callable[[str, Objects], Check]
"""Takes the partition key and the objects by name."""


def checks_of(
    prefix: str,
    asset: str,
    reads: tuple[str, ...],
    rules: Mapping[str, Rule],
    module: ModuleType,
    step: str,
    blocking: bool = True,
) -> dg.AssetChecksDefinition:
    """One step, called `step`, that applies `rules`, functions of `module` by name.

    What fails blocks what comes after, unless the check says that it only warns, or none of these is to block.
    """
    key = dg.AssetKey([prefix, asset])
    others = [dg.AssetKey([prefix, name]) for name in reads if name != asset]
    specs = [
        dg.AssetCheckSpec(
            name,
            asset=key,
            additional_deps=others,
            blocking=blocking,
            description=(getattr(module, name).__doc__ or "").strip(),
        )
        for name in rules
    ]

    @dg.multi_asset_check(name=step, specs=specs)
    def check(context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]) -> Iterator[dg.AssetCheckResult]:
        partition = context.op_execution_context.partition_key
        objects = {name: store.latest(f"{prefix}/{name}", partition, context.run.run_id) for name in reads}
        for name, rule in rules.items():
            found = rule(partition, objects)
            metadata = {k: v for k, v in found.figures.items() if v is not None}
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=name,
                passed=found.passed,
                severity=dg.AssetCheckSeverity.WARN if found.warns or not blocking else dg.AssetCheckSeverity.ERROR,
                description=found.says,
                metadata={**metadata, "checked": dg.MetadataValue.json({n: o.hash for n, o in objects.items()})},
            )

    return check
