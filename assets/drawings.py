"""The assets of drawing classes, one partition per class: examples, splits, decoder, encoder, readings, champion, reports.

Belongs here: what Dagster shows of each. What is done is in `fullcircle.steps.drawings`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.checking import checks_of
from assets.from_steps import About, asset_of
from assets.materialization import decision_metadata, report_metadata, shown, table_metadata, training_metadata
from assets.partitions import partitions_of
from fullcircle.checks.drawing_class import refuse_broken
from fullcircle.checks.drawings import GUARDS
from fullcircle.checks.trial import tried
from fullcircle.data.splits import SPLITS
from fullcircle.drawings import DRAWINGS, known_drawings
from fullcircle.reports.drawing_sheets import decoder_sheet, examples_sheet
from fullcircle.reports.drawings import REPORTS, Report
from fullcircle.steps import drawings as steps
from fullcircle.steps import recognition
from fullcircle.steps.step import Inputs
from fullcircle.store.objects import Store, StoredObject

PREFIX = steps.PREFIX
PARTITIONS = partitions_of(known_drawings, DRAWINGS)
TRAINING_POOL = "train"
TABLE, MODEL, REPORT, DECISION = (
    frozenset({"python", "parquet"}),
    frozenset({"tensorflow"}),
    frozenset({"python", "html"}),
    frozenset({"python", "json"}),
)


def _table(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    return table_metadata(stored.table())


def _examples(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    return {**_table(stored, inputs), "pictures": shown("examples", examples_sheet(stored))}


def _model(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    return training_metadata(stored)


def _decoder(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    return {**training_metadata(stored), "pictures": shown("decoder", decoder_sheet(stored, inputs[f"{PREFIX}/valid"]))}


def _report(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    return report_metadata(stored)


_SPLITS = {"train": "What models are fitted on.", "test": "What only reports look at.", "valid": "What chooses."}

ABOUT: dict[str, About] = {
    "examples": About(
        "Sampled specs and what the drawing class draws from them: clean picture, noisy picture, noise level.",
        "examples",
        TABLE,
        _examples,
    ),
    **{
        split: About(f"{use} Examples go where the hash of their clean picture sends them.", "splits", TABLE, _table)
        for split, use in _SPLITS.items()
    },
    "decoder": About(
        "A network that draws: spec -> image, a differentiable stand-in for the draw method.", "models", MODEL, _decoder
    ),
    "encoder": About("A network that reads: image -> spec, trained through the frozen decoder.", "models", MODEL, _model),
    "readings": About(
        "What the reader makes of test and valid at four noise levels: a row per picture, level and step, with the truth.",
        "readings",
        TABLE,
        _table,
    ),
    "champion": About(
        "Which encoder and decoder are served: the challenger's, or the champion's as before; figures of both, intervals and why.",
        "champions",
        DECISION,
        decision_metadata,
    ),
    **{name: About(report.sentence, "reports", REPORT, _report) for name, report in REPORTS.items()},
    recognition.NAME: About(
        "Which class is it? Every trained class reads test pictures of every class; beside it, what pixels alone tell.",
        "reports",
        REPORT,
        _report,
    ),
}

_BY_KEY = {f"{PREFIX}/{name}": about for name, about in ABOUT.items()}


def _key(name: str) -> dg.AssetKey:
    return dg.AssetKey([PREFIX, name])


def _refuse_broken(store: Store, partition: str) -> None:
    """A class of the user's own may have been launched in the UI; ours are held by their tests."""
    drawing = tried(partition, store.root)
    if drawing.reference:
        refuse_broken(drawing)


def _found(report: Report) -> list[dg.AssetDep]:
    """What a report reads beside its step's inputs, found from them."""
    reads = steps.REPORTING[report.name].reads
    return [dg.AssetDep(_key(name)) for name in report.takes if f"{PREFIX}/{name}" not in reads]


ASSETS = [
    asset_of(steps.EXAMPLES, PARTITIONS, _BY_KEY, before=_refuse_broken),
    asset_of(steps.SPLITTING, PARTITIONS, _BY_KEY),
    asset_of(steps.DECODER, PARTITIONS, _BY_KEY, pool=TRAINING_POOL),
    asset_of(steps.ENCODER, PARTITIONS, _BY_KEY, pool=TRAINING_POOL),
    asset_of(steps.READINGS, PARTITIONS, _BY_KEY),
    asset_of(steps.CHAMPION, PARTITIONS, _BY_KEY, deps=[dg.AssetDep(_key("decoder"))]),
    *(asset_of(steps.REPORTING[name], PARTITIONS, _BY_KEY, deps=_found(report)) for name, report in REPORTS.items()),
]
"""One partition per drawing class."""

RECOGNITION = [
    asset_of(
        recognition.STEP,
        None,
        _BY_KEY,
        deps=[dg.AssetDep(_key(name), partition_mapping=dg.AllPartitionMapping()) for name in (*SPLITS, "decoder", "encoder")],
    )
]
"""Those over all drawing classes at once."""

CHECKS = [checks_of(guard, PARTITIONS) for guard in GUARDS]
