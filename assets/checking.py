"""Checks as Dagster knows them, alike for all assets.

Belongs here: one step per guard of the library, which applies its rules to the versions that a run made, or else the latest, and
puts their outcome on record.
Does not belong here: the rules and which asset they guard (`fullcircle.checks`).
"""

import time
from collections.abc import Iterator

import dagster as dg

from assets.materialization import partition_of, recorded_of
from fullcircle.checks.check import Guard, Subject
from fullcircle.steps.step import command_for
from fullcircle.store.ledger import CHECK
from fullcircle.store.objects import Store


def checks_of(guard: Guard, partitions: dg.PartitionsDefinition | None) -> dg.AssetChecksDefinition:
    """The step that applies a guard's rules; partitioned as its asset is, so that each partition has its own outcome."""
    key = dg.AssetKey(guard.asset.split("/"))
    others = [dg.AssetDep(dg.AssetKey(asset.split("/"))) for asset in guard.reads if asset != guard.asset]
    specs = [
        dg.AssetCheckSpec(
            rule.name,
            asset=key,
            additional_deps=others,
            blocking=guard.blocking,
            description=rule.summary,
            partitions_def=partitions,
        )
        for rule in guard.rules
    ]

    @dg.multi_asset_check(name=f"{guard.asset.replace('/', '_')}_checks", specs=specs)
    def check(context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]) -> Iterator[dg.AssetCheckResult]:
        partition, run_id = partition_of(context.op_execution_context), context.run.run_id
        objects = {
            asset.partition("/")[2]: store.latest(
                asset, partition, run_id, unverified=True, command=command_for(asset, partition)
            )
            for asset in guard.reads
        }
        subject = Subject(store, partition, objects)
        for rule in guard.rules:
            found = rule(subject)
            warns = found.warns or not guard.blocking
            for asset in (guard.asset, *guard.together):
                record = {
                    "kind": CHECK,
                    "asset": asset,
                    "partition": partition,
                    "version": objects[asset.partition("/")[2]].hash,
                    "run_id": run_id,
                    "check": rule.name,
                    "passed": found.passed,
                    "blocking": not warns,
                    "description": found.description,
                    "time": time.time(),
                    **recorded_of(context.run),
                }
                store.ledger.append(record)
            metadata = {name: value for name, value in found.figures.items() if value is not None}
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=rule.name,
                passed=found.passed,
                severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
                description=found.description,
                metadata={**metadata, "checked": dg.MetadataValue.json({n: o.hash for n, o in objects.items()})},
            )

    return check
