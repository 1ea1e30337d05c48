"""``python -m benchmarks [NAME ...] [--set NAME.SETTING=VALUE ...]``: run, print, and keep the results.

Belongs here: the list of benchmarks and the command line. With several names each runs in a process of its own, so that none
inherits the memory, the threads or the compiled networks of the one before.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's banner says nothing of use here

from benchmarks import (
    augmentation,
    autoencoders,
    confidence,
    drift,
    examples,
    foreign,
    growth,
    kills,
    learning,
    machine,
    overhead,
    promotion,
    reading,
    variants,
)
from benchmarks.results import FOLDER, Benchmark, BenchmarkError, doubts, write
from fullcircle.core.progress import Progress, duration
from fullcircle.core.settings import Settings, SettingsError
from pipelines.request import overrides_of

BENCHMARKS: dict[str, Benchmark] = {
    m.BENCHMARK.name: m.BENCHMARK
    for m in (
        reading,
        foreign,
        confidence,
        drift,
        variants,
        learning,
        examples,
        growth,
        overhead,
        augmentation,
        autoencoders,
        promotion,
        kills,
    )
}


def chosen(names: Sequence[str], assignments: Sequence[str]) -> dict[str, Settings]:
    """Settings of the benchmarks called `names`, all where there are none.

    Raises:
        SettingsError: on an unknown benchmark or setting, or a value that breaks its rule.
    """
    overrides = overrides_of(assignments)
    for name in (*names, *overrides):
        if name not in BENCHMARKS:
            raise SettingsError(f"Unknown benchmark {name!r}. Choose from: {', '.join(BENCHMARKS)}.")
    asked = {name: BENCHMARKS[name] for name in (names or BENCHMARKS)}
    if unused := overrides.keys() - asked.keys():
        raise SettingsError(f"Settings of {', '.join(sorted(unused))} are given, but only {', '.join(asked)} is asked for.")
    found = {}
    for name, benchmark in asked.items():
        known = benchmark.settings().as_dict()
        for setting in overrides.get(name, {}):
            if setting not in known:
                raise SettingsError(f"Unknown setting of {name}: {setting!r}. Choose from: {', '.join(known)}.")
        found[name] = benchmark.settings(**overrides.get(name, {}))
    return found


def measure(benchmark: Benchmark, settings: Settings, folder: Path) -> None:
    """Run one benchmark, print its tables and write its result."""
    known, others, began = machine.facts(), machine.Others(), time.monotonic()
    minutes = benchmark.minutes(settings)
    print(f"{benchmark.name}: {benchmark.question} About {max(minutes, 1):.0f} minutes on 2 quiet cores.", flush=True)
    progress = Progress(lambda text: print(f"[{duration(time.monotonic() - began):>5}] {text}", file=sys.stderr, flush=True))
    outcome = benchmark.run(settings, progress)
    share, seconds = others.share(), time.monotonic() - began
    for table in outcome.tables:
        print(f"\n{table.title.replace('**', '')}\n\n{table.markdown()}")
    for doubt in doubts(benchmark, settings, known, share):
        print(f"\n{doubt}")
    page = write(folder, benchmark, settings, known, share, seconds, outcome)
    print(f"\nDone in {duration(seconds)}. Written: {page}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for; returns the exit code: 2 when nothing was run, 1 when one could not be."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Side by side with what a user would use instead."
    )
    parser.add_argument("name", nargs="*", help=f"{', '.join(BENCHMARKS)}; all of them where none is named")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME.SETTING=VALUE", help="reading.pictures=100, for one"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where results are written (default: %(default)s)")
    arguments = parser.parse_args(argv)
    try:
        asked = chosen(arguments.name, arguments.set)
    except SettingsError as error:
        print(f"Not run. {error}", file=sys.stderr)
        return 2
    if len(asked) == 1:
        ((name, settings),) = asked.items()
        try:
            measure(BENCHMARKS[name], settings, arguments.folder)
        except BenchmarkError as error:
            print(f"{name} was not run. {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nInterrupted. Nothing was written.", file=sys.stderr)
            return 130
        return 0
    total = sum(BENCHMARKS[name].minutes(settings) for name, settings in asked.items())
    print(f"{', '.join(asked)}: about {total:.0f} minutes on 2 quiet cores, nothing else running.\n", flush=True)
    failed = 0
    for name in asked:
        command = [sys.executable, "-m", "benchmarks", name, "--folder", str(arguments.folder)]
        command += [a for s in arguments.set if s.split(".")[0] == name for a in ("--set", s)]
        failed |= subprocess.run(command).returncode
        print(flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
