"""Assets from the library's steps.

Belongs here: everything that all assets share: keys, inputs, configuration, what is read, metadata, code references. What is
particular to one is handed in. What a step does is in `fullcircle.steps`.
"""

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.configuration import config_of
from assets.materialization import FORCE_TAG, OWNERS, Made, lineage_metadata, materialized, partition_of, progress_of
from fullcircle.steps.step import Inputs, Step, run
from fullcircle.store.code_version import code_version
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.provenance import provenance

Metadata = Callable[[StoredObject, Inputs], Mapping[str, Any]]
"""What is particular to the metadata of an asset, from what was made and from its inputs."""


@dataclasses.dataclass(frozen=True)
class About:
    """What Dagster shows of an asset.

    Attributes:
        description: one sentence.
        group: of the lineage graph.
        kinds: technologies.
        metadata: of each version.
    """

    description: str
    group: str
    kinds: frozenset[str]
    metadata: Metadata


def asset_of(
    step: Step,
    partitions: dg.PartitionsDefinition | None,
    about: Mapping[str, About],
    *,
    types: Mapping[str, Any] | None = None,
    deps: Sequence[dg.AssetDep] = (),
    pool: str | None = None,
    always: bool = False,
    before: Callable[[Store, str], None] = lambda store, partition: None,
) -> dg.AssetsDefinition:
    """The asset, or the assets, that a step makes.

    Args:
        step: of the library.
        partitions: one for each drawing class or picture source; None for an asset over all of them.
        about: what Dagster shows, by asset.
        types: Dagster's types of settings that are neither numbers nor text.
        deps: what else it is made from, for the lineage graph; found by the step itself.
        pool: limits how many run at once.
        always: make it anew in each run, whatever is stored: what it is made from is more than its recipe has.
        before: refuses a partition before anything is made of it.
    """
    code = code_version(step.root)
    ins = {_name(asset): dg.AssetIn(key=_key(asset)) for asset in step.reads}
    several = len(step.makes) > 1

    def results(
        context: dg.AssetExecutionContext, store: Store, objects: Mapping[str, StoredObject]
    ) -> Iterator[dg.MaterializeResult[Made]]:
        provenance()  # found before the work begins: code may be edited while it is under way
        partition = partition_of(context.op_execution_context)
        config = context.op_execution_context.op_config
        settings = step.settings(**(config[step.part] if several else config))
        before(store, partition)
        inputs = {asset: objects[_name(asset)] for asset in step.reads}
        force = always or context.run.tags.get(FORCE_TAG) == "true"
        result = run(step, store, partition, inputs, settings, progress_of(context), force=force)
        for asset in step.makes:
            stored = result.objects[asset]
            columns = step.column_lineage(asset, stored, result.inputs)
            metadata = {**about[asset].metadata(stored, result.inputs), **lineage_metadata(columns)}
            yield materialized(context, result, asset, settings, metadata)

    if several:

        @dg.multi_asset(
            name=op_name(step),
            outs={
                _name(asset): dg.AssetOut(
                    key=_key(asset),
                    group_name=about[asset].group,
                    kinds=set(about[asset].kinds),
                    owners=OWNERS,
                    description=about[asset].description,
                    code_version=code,
                    metadata=_code_reference(step),
                )
                for asset in step.makes
            },
            ins=ins,
            deps=deps,
            partitions_def=partitions,
            pool=pool,
            # A multi-asset takes a mapping of fields only, so the rules hang on the one field.
            config_schema={step.part: config_of(step.settings, types)},
        )
        def assets(
            context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], **objects: StoredObject
        ) -> Iterator[dg.MaterializeResult[Made]]:
            yield from results(context, store, objects)

        return assets

    (asset,) = step.makes

    @dg.asset(
        key=_key(asset),
        ins=ins,
        deps=deps,
        partitions_def=partitions,
        group_name=about[asset].group,
        kinds=set(about[asset].kinds),
        owners=OWNERS,
        description=about[asset].description,
        code_version=code,
        metadata=_code_reference(step),
        pool=pool,
        config_schema=config_of(step.settings, types),
    )
    def one(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], **objects: StoredObject
    ) -> dg.MaterializeResult[Made]:
        return next(results(context, store, objects))

    return one


def op_name(step: Step) -> str:
    """What Dagster calls the step."""
    if len(step.makes) > 1:
        return f"{step.prefix}__{step.part}"
    return step.makes[0].replace("/", "__")


def _key(asset: str) -> dg.AssetKey:
    return dg.AssetKey(asset.split("/"))


def _name(asset: str) -> str:
    return asset.partition("/")[2]


def _code_reference(step: Step) -> Mapping[str, Any]:
    file, (_, line) = inspect.getsourcefile(step.function), inspect.getsourcelines(step.function)
    assert file is not None
    reference = dg.LocalFileCodeReference(file_path=file, line_number=line, label=step.function.__name__.strip("_"))
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
