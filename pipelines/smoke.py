"""The smoke test: everything of a drawing class, made once at the smallest size, in a store of its own that is then removed.

Belongs here: its sizes, the function that runs all steps and checks one after the other, and the job around it. It finds out
overnight that a change of code, of a library or of the machine broke something. What it makes is never anybody's latest version
and can never become a champion: models after an epoch or two are good for nothing.
"""

import dataclasses
import tempfile
from pathlib import Path

import dagster as dg

from assets import drawings
from assets.configuration import config_of
from assets.materialization import partition_of
from fullcircle.checks.check import Subject
from fullcircle.checks.drawings import decoder_beats_null, encoder_beats_mean
from fullcircle.checks.guards import GUARDS
from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import LARGEST_SEED, Settings, setting
from fullcircle.drawings import drawing_class, reference_of
from fullcircle.drawings import register as register_drawing
from fullcircle.steps.drawings import STEPS
from fullcircle.steps.profiles import PROFILES
from fullcircle.steps.settings import DrawingsSettings
from fullcircle.steps.step import Step, run
from fullcircle.store.objects import Store

SETTINGS = PROFILES["quick"].settings.replaced(
    {
        "examples": {"n": 300},
        "splits": {"train": 0.8, "test": 0.1, "valid": 0.1},
        "decoder": {"epochs": 1, "balanced_epochs": 0},
        "encoder": {"epochs": 1, "image_epochs": 1},
        "reader": {"pictures": 4, "redraws": 100, "gradient_steps": 3, "workers": 1},
        "champion": {"pictures": 20, "redraws": 50, "workers": 1},
        "report": {"pictures": 3},
    }
)
"""The quick profile, as small as everything still runs."""

LEARNED = frozenset({decoder_beats_null.__name__, encoder_beats_mean.__name__})
"""Checks of what a model has learned, which nothing does in an epoch or two: asked, but they fail no smoke test."""


@dataclasses.dataclass(frozen=True)
class SmokeSettings(Settings):
    """Everything of one drawing class at the smallest size."""

    seed: int = setting(1, "source of chance of examples and trainings", low=0, high=LARGEST_SEED)


class SmokeError(RuntimeError):
    """A check of the smoke test failed. The message names the drawing class, the check and what it found."""


def smoke(
    root: Path,
    name: str,
    settings: DrawingsSettings = SETTINGS,
    progress: Progress = silent,
    steps: tuple[Step, ...] = STEPS,
) -> list[str]:
    """Make everything of a drawing class in a temporary store, and apply the checks to it.

    Args:
        root: folder of the store whose register knows the class; nothing else of it is read, and nothing in it is written.
        name: of the drawing class.
        settings: of all steps.
        progress: where to say how far it is.
        steps: those that are run, in order.

    Returns:
        A sentence for each check that did not hold and need not: those of what was learned, and those that only warn.

    Raises:
        SmokeError: at the first other check that does not hold.
        Exception: whatever a step raises.
    """
    notes = []
    drawing = drawing_class(name, root)
    with tempfile.TemporaryDirectory(prefix=f"fullcircle-smoke-{name}-") as folder:
        store = Store(folder)
        register_drawing(store.root, reference_of(drawing) or name)
        for step in steps:
            progress.say(f"{', '.join(step.makes)} of {name}")
            inputs = {asset: store.latest(asset, name) for asset in step.reads}
            result = run(step, store, name, inputs, getattr(settings, step.part), progress)
            for asset, stored in result.objects.items():
                store.ledger.append({**result.recipes[asset].entry(), "version": stored.hash, "run_id": "smoke"})
            for guard in (guard for guard in GUARDS if guard.asset in step.makes):
                subject = Subject(store, name, {asset.partition("/")[2]: store.latest(asset, name) for asset in guard.reads})
                for rule in guard.rules:
                    found = rule(subject)
                    if found.passed:
                        continue
                    sentence = f"{guard.asset} of {name}, {rule.name}: {found.description}"
                    if guard.blocking and not found.warns and rule.name not in LEARNED:
                        raise SmokeError(sentence)
                    notes.append(sentence)
    return notes


@dg.op(
    name="smoke_one_class",
    description="Everything of one drawing class at the smallest size, in a temporary store.",
    pool=drawings.TRAINING_POOL,
    config_schema=config_of(SmokeSettings),
)
def _smoke_one_class(context: dg.OpExecutionContext, store: dg.ResourceParam[Store]) -> None:
    name, seed = partition_of(context), SmokeSettings(**context.op_config).seed
    settings = SETTINGS.replaced({part: {"seed": seed} for part in ("examples", "decoder", "encoder")})
    try:
        notes = smoke(store.root, name, settings, Progress(context.log.info))
    except SmokeError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    context.add_output_metadata({"drawing class": name, "seed": seed, "not learned yet": "\n".join(notes) or "all checks hold"})


OP = _smoke_one_class.name


def smoke_job(name: str, executor: dg.ExecutorDefinition) -> dg.JobDefinition:
    """The job that smoke-tests one drawing class, which is its partition."""

    @dg.job(
        name=name,
        partitions_def=drawings.PARTITIONS,
        executor_def=executor,
        description="Make everything of one drawing class once at the smallest size, in a temporary store: it must still run.",
    )
    def job() -> None:
        _smoke_one_class()

    return job
