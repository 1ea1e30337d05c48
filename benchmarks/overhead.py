"""Overhead: the whole pipeline under Dagster against the same library calls in one plain script.

Belongs here: the plain script, which is also what a user without Dagster would write; the comparison of both, step by step, from
Dagster's event log; the proof that both made the same objects.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assets.from_steps import op_name
from benchmarks import processes
from benchmarks.results import Benchmark, Outcome, Table
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.drawings import DRAWINGS
from fullcircle.steps import step as steps
from fullcircle.steps.drawings import PREFIX, STEPS
from fullcircle.steps.profiles import profile
from fullcircle.steps.settings import DrawingsSettings
from fullcircle.store.objects import Store, StoredObject

LINE = DRAWINGS["line"]
PROFILE = profile("quick")


@dataclasses.dataclass(frozen=True)
class OverheadSettings(Settings):
    examples: int = setting(PROFILE.settings.examples.n, "how many; everything else as in the profile quick", low=1000)
    decoder_epochs: int = setting(PROFILE.settings.decoder.epochs, "passes of the decoder", low=2)
    encoder_epochs: int = setting(PROFILE.settings.encoder.epochs, "passes of the encoder by spec", low=1)

    def overrides(self) -> dict[str, dict[str, Any]]:
        """What differs from the profile, for both sides."""
        return {
            "examples": {"n": self.examples},
            "decoder": {"epochs": self.decoder_epochs},
            "encoder": {"epochs": self.encoder_epochs},
        }


def plain(store: Store, settings: DrawingsSettings, progress: Progress) -> dict[str, Any]:
    """All steps of a drawing class by library calls: seconds of each, and the hash of everything made."""
    made: dict[str, StoredObject] = {}
    seconds: dict[str, float] = {}
    for step in STEPS:
        name = op_name(step).removeprefix(f"{PREFIX}__")
        progress.say(name)
        began = time.perf_counter()
        inputs = {asset: made[asset] for asset in step.reads}
        made |= steps.run(step, store, LINE.name, inputs, getattr(settings, step.part), progress).objects
        seconds[name] = time.perf_counter() - began
    return {"seconds": seconds, "hashes": {asset.partition("/")[2]: stored.hash for asset, stored in made.items()}}


def under_dagster(folder: Path, settings: OverheadSettings, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Seconds of ``python -m pipelines.run`` on an instance and a store of their own, and its steps and hashes."""
    home = folder / "home"
    home.mkdir()
    shutil.copy(processes.ROOT / "dagster_home" / "dagster.yaml", home)
    environment = os.environ | {"DAGSTER_HOME": str(home), "FULLCIRCLE_STORE": str(folder / "store"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "pipelines.run", "--drawing", LINE.name, "--profile", PROFILE.name]
    for part, values in settings.overrides().items():
        command += [a for name, value in values.items() for a in ("--set", f"{part}.{name}={value}")]
    began = time.time()
    seconds, _ = processes.run(command, environment, lambda line: progress.say(f"Dagster: {line[:120]}"))
    found = event_times(home)
    versions = {asset: entry["version"] for (asset, _), entry in Store(folder / "store").ledger.latest_of_all().items()}
    hashes = {asset.removeprefix(f"{PREFIX}/"): version for asset, version in versions.items()}
    return seconds, {"steps": found, "hashes": hashes, "began": began, "ended": began + seconds}


def event_times(home: Path) -> dict[str, dict[str, float]]:
    """Of the latest run of an instance, when each step's process was asked for, when the step began, and when it ended."""
    import dagster as dg

    kinds = {
        dg.DagsterEventType.STEP_WORKER_STARTING: "asked",
        dg.DagsterEventType.STEP_START: "began",
        dg.DagsterEventType.STEP_SUCCESS: "ended",
    }
    steps: dict[str, dict[str, float]] = {}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (run,) = instance.get_runs(limit=1)
        for entry in instance.all_logs(run.run_id):
            event = entry.dagster_event
            if event is not None and event.step_key and event.event_type in kinds:
                steps.setdefault(event.step_key, {})[kinds[event.event_type]] = entry.timestamp
    return steps


def compare(
    dagster: Mapping[str, Any], dagster_seconds: float, script: Mapping[str, Any], script_seconds: float
) -> list[Table]:
    """The ratio, the steps side by side, and where the difference goes.

    Args:
        dagster: `steps`, `began`, `ended` as of `under_dagster`.
        dagster_seconds: wall clock of the whole command.
        script: `seconds` of each room as of `plain`.
        script_seconds: wall clock of the whole script.
    """
    library = script["seconds"]
    whole = Table(
        "**The whole pipeline**",
        {"way": "", "seconds": ",.1f"},
        [{"way": "plain script", "seconds": script_seconds}, {"way": "under Dagster", "seconds": dagster_seconds}],
    )
    whole = whole.with_ratio("seconds", "plain script", "ratio")
    rows = []
    for step, at in dagster["steps"].items():
        name = step.removeprefix(f"{PREFIX}__")
        rows.append(
            {
                "step": name,
                "process": at["began"] - at["asked"],
                "step itself": at["ended"] - at["began"],
                "plain script": library.get(name),
                "more": at["ended"] - at["began"] - library[name] if name in library else None,
            }
        )
    of_steps = [r for r in rows if r["plain script"] is not None]
    checks = [r for r in rows if r["plain script"] is None]
    times = dagster["steps"].values()
    first, last = min(at["asked"] for at in times), max(at["ended"] for at in times)
    work = sum(at["ended"] - at["asked"] for at in times)
    goes = {
        "before the first step: starting, loading the definitions, planning": first - dagster["began"],
        f"starting a process for each of {len(rows)} steps, which loads the definitions": sum(r["process"] for r in rows),
        f"{len(of_steps)} steps beyond the library: imports, inputs proved whole, event log, cores shared": sum(
            r["more"] for r in of_steps
        ),
        f"the {len(checks)} steps of checks, which the plain script leaves out": sum(r["step itself"] for r in checks),
        "after the last step: the table of results": dagster["ended"] - last,
        "the plain script's own start and end": -(script_seconds - sum(library.values())),
        "steps side by side, and waits between them": (last - first) - work,
    }
    return [
        whole,
        Table(
            "**Step by step**, seconds: from asking for a process to the step's beginning; the step; the same in the plain script",
            {"step": "", "process": ".1f", "step itself": ".1f", "plain script": ".1f", "more": ".1f"},
            rows,
        ),
        Table(
            "**Where the difference goes**, seconds; the sum is the difference",
            {"part": "", "seconds": "+.1f"},
            [*({"part": k, "seconds": v} for k, v in goes.items()), {"part": "sum", "seconds": sum(goes.values())}],
        ),
    ]


def same_hashes(dagster: Mapping[str, str], script: Mapping[str, str]) -> str:
    """Whether both made the same objects, in a sentence that names what differs."""
    differing = sorted(name for name in dagster.keys() | script.keys() if dagster.get(name) != script.get(name))
    if differing:
        return f"**The two did not make the same: the content hashes of {', '.join(differing)} differ.**"
    hashes = ", ".join(f"{name} `{version[:12]}`" for name, version in sorted(script.items()))
    return f"Both made the same {len(script)} objects, hash for hash: {hashes}."


def run(settings: OverheadSettings, progress: Progress) -> Outcome:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "benchmarks.overhead", str(folder / "plain"), json.dumps(settings.overrides())]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        script_seconds, answer = processes.run(command, environment, lambda line: progress.say(f"plain script: {line}"))
        script = json.loads(answer)
        dagster_seconds, dagster = under_dagster(folder, settings, progress)
    same = same_hashes(dagster["hashes"], script["hashes"])
    progress.say(same)
    return Outcome(
        compare(dagster, dagster_seconds, script, script_seconds),
        [
            same,
            f"""Profile {PROFILE.name}, each on a fresh store, Dagster on a fresh instance too, one after the other, as
            processes of their own; seconds are of the whole command, `python -m pipelines.run` and the script's. The script
            calls the same functions of `fullcircle.steps.drawings` in the same order; it has no checks, no history, no record of
            what was read, and nothing beside it. Dagster runs at most two steps at once, so a report or a check can stand
            beside a training and slow it.""",
        ],
        figures={"dagster": dagster, "dagster_seconds": dagster_seconds, "script": script, "script_seconds": script_seconds},
    )


BENCHMARK = Benchmark(
    "overhead",
    "what does Dagster cost?",
    OverheadSettings,
    # The trainings twice, and about 70 s of processes.
    minutes=lambda s: (2 * s.examples * (s.decoder_epochs * 0.0004 + (s.encoder_epochs + 1) * 0.001 + 0.002) + 70) / 60,
    run=run,
)


def main(argv: Sequence[str]) -> None:
    """The plain script: a store's folder and overrides as JSON; prints progress, then seconds and hashes as one line of JSON."""
    settings = PROFILE.settings.replaced(json.loads(argv[1]))
    found = plain(Store(argv[0]), settings, Progress(lambda text: print(text, flush=True)))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
