"""Kills: the whole pipeline killed at random moments, and run once more.

Belongs here: a small pipeline of the line by ``make run``'s own command, SIGKILL of every process of it at a moment drawn at
random, one more run, and what is to hold after that: the same content hashes as of a run that was not cut off, nothing
half-written, no draft and no checkpoint left, no run that Dagster takes for running, no slot of a pool that is held.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.processes import ROOT
from benchmarks.results import Benchmark, BenchmarkError, Outcome, Table
from fullcircle.core.progress import Progress, duration
from fullcircle.core.settings import Settings, setting
from fullcircle.store.objects import Store, StoredObjectError

SMALL = (
    *("examples.n=1200", "splits.train=0.8", "splits.test=0.1", "splits.valid=0.1"),
    *("decoder.epochs=10", "decoder.balanced_epochs=6", "encoder.epochs=2", "encoder.image_epochs=1"),
    *("reader.pictures=10", "reader.redraws=100", "reader.gradient_steps=5"),
    *("champion.pictures=20", "champion.redraws=100", "report.pictures=2"),
)
"""Of the run: large enough that the decoder passes its check."""

END_SECONDS = 900
"""How long a run may take before it counts as stuck."""


@dataclasses.dataclass(frozen=True)
class KillsSettings(Settings):
    kills: int = setting(25, "how many runs are killed", low=1)
    seed: int = setting(1, "source of chance of the moments", low=0)


@dataclasses.dataclass(frozen=True)
class Place:
    """A store and a DAGSTER_HOME of their own, and the environment in which both are used."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def environment(self) -> dict[str, str]:
        self.home.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "dagster_home" / "dagster.yaml", self.home)
        return os.environ | {
            "DAGSTER_HOME": str(self.home),
            "FULLCIRCLE_STORE": str(self.store.root),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }


def command() -> list[str]:
    """What ``make run`` calls."""
    return [sys.executable, "-m", "pipelines.run", "--drawing", "line", *(a for s in SMALL for a in ("--set", s))]


def processes_of(place: Place) -> Iterator[int]:
    """Every process whose environment names the store, in whatever session it is."""
    variable = f"FULLCIRCLE_STORE={place.store.root}\0".encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and variable in (entry / "environ").read_bytes():
                yield int(entry.name)


def whole_run(place: Place) -> float:
    """Run to the end; its seconds.

    Raises:
        BenchmarkError: when it fails, with the end of what it printed.
    """
    began = time.monotonic()
    done = subprocess.run(command(), cwd=ROOT, env=place.environment(), capture_output=True, text=True, timeout=END_SECONDS)
    if done.returncode:
        raise BenchmarkError(f"A run ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return time.monotonic() - began


def killed_run(place: Place, seconds: float) -> str:
    """Run, kill every process of it after so many seconds, and say what it had made last."""
    with subprocess.Popen(
        command(),
        cwd=ROOT,
        env=place.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return "it had ended"
        while left := list(processes_of(place)):  # one may start another while it is looked for them
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
            process.poll()
    made = [record["asset"].partition("/")[2] for record in place.store.ledger.entries()]
    return f"after {made[-1]}" if made else "before examples"


def versions(place: Place) -> dict[str, str]:
    """The content hash of every asset."""
    return {asset: entry["version"] for (asset, _), entry in place.store.ledger.latest_of_all(unverified=True).items()}


def faults(place: Place, expected: dict[str, str]) -> list[str]:
    """What does not hold after a run that went to its end."""
    import dagster as dg

    found = []
    store, now = place.store, versions(place)
    found += [
        f"{asset} is {now.get(asset, 'missing')[:12]}" for asset, version in expected.items() if now.get(asset) != version
    ]
    for folder in (store.root / "objects").glob("*/*"):
        try:
            store.open(folder.name)
        except StoredObjectError as error:
            found.append(str(error))
    found += [f"draft {path.name}" for path in (store.root / "drafts").glob("*")]
    found += [f"checkpoint {path.name}" for path in (store.root / "checkpoints").glob("*/*/*")]
    with dg.DagsterInstance.from_config(str(place.home)) as instance:
        found += [f"run {run.run_id[:8]} is {run.status.value}" for run in instance.get_runs() if not run.is_finished]
        storage = instance.event_log_storage
        for pool in storage.get_concurrency_keys():
            info = storage.get_concurrency_info(pool)
            found += [f"a slot of pool {pool} is held by {slot.run_id[:8]}" for slot in info.claimed_slots]
    return found


def run(settings: KillsSettings, progress: Progress) -> Outcome:
    if not Path("/proc/self/environ").exists():
        raise BenchmarkError("The processes of a run are found in /proc, which is not there.")
    rng = np.random.default_rng(settings.seed)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as temporary:
        unbroken = Place(Path(temporary) / "unbroken")
        seconds = whole_run(unbroken)
        expected = versions(unbroken)
        progress.say(f"a run that is not cut off: {duration(seconds)}, {len(expected)} assets")
        for kill in range(1, settings.kills + 1):
            place = Place(Path(temporary) / f"{kill}")
            at = float(rng.uniform(2, seconds))
            when = killed_run(place, at)
            again = whole_run(place)
            found = faults(place, expected)
            rows.append(
                {
                    "kill": f"{kill}",
                    "at, s": at,
                    "when": when,
                    "run again, s": again,
                    "same hashes": "yes" if versions(place) == expected else "NO",
                    "left over": "; ".join(found) or "nothing",
                }
            )
            progress.say(
                f"kill {kill} of {settings.kills}: at {at:.1f} s, {when}; again {again:.0f} s; {'; '.join(found) or 'good'}"
            )
            shutil.rmtree(place.folder, ignore_errors=True)
    good = sum(row["left over"] == "nothing" for row in rows)
    columns = {"kill": "", "at, s": ".1f", "when": "", "run again, s": ".0f", "same hashes": "", "left over": ""}
    return Outcome(
        [Table(f"**{good} of {len(rows)} kills** left nothing behind after one more run", columns, rows)],
        [
            f"""The line at a small size ({SMALL[0]} and so on), which takes {seconds:.0f} s when it is not cut off. Every
            process of the run gets SIGKILL at a moment drawn at random over that time; then the same command runs once more. What
            is to hold: all content hashes are those of the run that was not cut off; every stored object is whole; no draft, no
            checkpoint; no run that Dagster takes for running; no slot of a pool that is held."""
        ],
        figures={"kills": rows, "seconds": seconds},
    )


BENCHMARK = Benchmark(
    "kills",
    "is anything lost when a run is killed?",
    KillsSettings,
    minutes=lambda s: 1 + s.kills * 1.6,
    run=run,
)
