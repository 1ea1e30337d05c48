"""``python -m pipelines.run``: one job, from nothing to a table of results, with progress all the while.

Belongs here: launching a Dagster job on the instance of DAGSTER_HOME and following its event log in the terminal.
"""

import argparse
import ast
import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from assets import drawings, glyphs
from fullcircle.drawing_checks import refuse_broken
from fullcircle.drawings import register as register_drawing
from fullcircle.glyphs import picture_source
from fullcircle.glyphs import register as register_source
from fullcircle.profiles import Profile, glyph_profile, profile
from fullcircle.progress import duration
from fullcircle.results import latest_reports, results_text
from fullcircle.settings import Parts, SettingsError, default_store
from fullcircle.storage import Store
from pipelines.config import run_config
from pipelines.jobs import CIRCLE, GLYPHS

LAUNCH_TAG = "full_circle/launch"


def overrides_of(assignments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``["examples.n=500"]`` as ``{"examples": {"n": 500}}``.

    Raises:
        SettingsError: when an assignment is not of the form part.name=value.
    """
    overrides: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        where, equals, text = assignment.partition("=")
        part, dot, name = where.partition(".")
        if not (equals and dot):
            raise SettingsError(f"A setting is given as part.name=value, examples.n=500 for one. Received: {assignment!r}.")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        overrides.setdefault(part, {})[name] = value
    return overrides


class Follower(threading.Thread):
    """Prints what a run logs, as it logs it, until stopped.

    Attributes:
        failures: messages of steps that failed.
    """

    def __init__(self, instance: dg.DagsterInstance, launch: str) -> None:
        super().__init__(daemon=True)
        self._instance, self._launch = instance, launch
        self._over = threading.Event()
        self._began = time.monotonic()
        self.failures: list[str] = []

    def run(self) -> None:
        run_id: str | None = None
        cursor: str | None = None
        last = False
        while not last:
            last = self._over.wait(0.5)  # one more look after the end
            if run_id is None:
                runs = self._instance.get_runs(dg.RunsFilter(tags={LAUNCH_TAG: self._launch}), limit=1)
                if not runs:
                    continue
                run_id = runs[0].run_id
            while True:
                found = self._instance.get_records_for_run(run_id, cursor)
                cursor = found.cursor
                for record in found.records:
                    self._show(record.event_log_entry)
                if not found.has_more:
                    break

    def _show(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            self._say(entry.user_message)
        elif event.is_step_failure:
            error = event.step_failure_data.error
            cause = error.cause if error and error.cause else error
            self.failures.append(f"{event.step_key}: {cause.message.strip() if cause else event.message}")
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            warns = check.severity == dg.AssetCheckSeverity.WARN
            verdict = "passed" if check.passed else "WARNING" if warns else "FAILED"
            self._say(f"check {check.asset_key.to_user_string()} {check.check_name}: {verdict}. {check.description or ''}")
            if not check.passed and not warns:
                self.failures.append(f"{check.check_name}: {check.description}")
        elif event.is_step_materialization and event.asset_key:
            self._say(f"made {event.asset_key.to_user_string()}")

    def _say(self, text: str) -> None:
        print(f"[{duration(time.monotonic() - self._began):>5}] {text}", flush=True)

    def stop(self) -> None:
        """Show what is left and end."""
        self._over.set()
        self.join()


@dataclasses.dataclass(frozen=True)
class Launch:
    """What is to be run: a job in one of its profiles, for one partition; `prefix` is that of its assets."""

    job: str
    prefix: str
    partition: str
    profile: Profile[Any]
    settings: Parts


def launch_of(arguments: argparse.Namespace) -> Launch:
    """What the arguments ask for.

    Raises:
        ValueError: naming what is unknown, or the rule that is broken, and the choices.
    """
    overrides = overrides_of(arguments.set)
    if arguments.source is None:
        circle = profile(arguments.profile)
        settings = circle.settings.replaced(overrides)
        drawing = register_drawing(default_store(), arguments.drawing)
        settings.check(drawing)
        refuse_broken(drawing)
        return Launch(CIRCLE, drawings.PREFIX, drawing.name, circle, settings)
    chosen = glyph_profile(arguments.profile)
    of_glyphs = chosen.settings.replaced(overrides)
    name = register_source(default_store(), arguments.source)
    picture_source(default_store(), name).check(of_glyphs.originals)
    return Launch(GLYPHS, glyphs.PREFIX, name, chosen, of_glyphs)


def run(what: Launch) -> tuple[bool, list[str], Path]:
    """Execute a job on the instance of DAGSTER_HOME, as ``dagster job execute`` does.

    Returns:
        Whether it succeeded, what failed, and where everything that the processes printed stands.
    """
    launch = uuid.uuid4().hex
    home = Path(os.environ["DAGSTER_HOME"])
    (home / "launches").mkdir(exist_ok=True)
    log = home / "launches" / f"{launch}.log"
    config = home / "launches" / f"{launch}.json"
    config.write_text(json.dumps(run_config(what.settings), indent=1))
    tags = {"dagster/partition": what.partition, "profile": what.profile.name, LAUNCH_TAG: launch}
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "pipelines.definitions"]
    command += ["-j", f"{what.job}_{what.profile.name}", "-c", str(config), "--tags", json.dumps(tags)]
    with dg.DagsterInstance.get() as instance, log.open("wb") as output:
        follower = Follower(instance, launch)
        follower.start()
        try:
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT) as process:
                return process.wait() == 0, follower.failures, log
        finally:
            follower.stop()


def summary(what: Launch) -> str:
    """The table of results of one partition, or where its tables are while it has no report, and what to type next."""
    store = Store(default_store())
    own = f"{what.prefix}/"
    results = [r for r in latest_reports(store) if r["partition"] == what.partition and r["asset"].startswith(own)]
    tables = [
        f"{asset} of {partition}: {store.path_of(entry['version'])}"
        for (asset, partition), entry in store.ledger.latest_of_all().items()
        if partition == what.partition and asset.startswith(own)
    ]
    variable = {drawings.PREFIX: "DRAWING", glyphs.PREFIX: "SOURCE"}[what.prefix]
    full = f"make run {variable}={what.partition} PROFILE=full".replace("DRAWING=line ", "")
    hints = {
        "make ui": "the Dagster UI on 127.0.0.1: assets, lineage, checks, pictures",
        **({"make results": "this table again"} if results else {}),
        full: "the same graph, larger",
        "make test": "all tests",
    }
    width = max(map(len, hints)) + 3
    return "\n".join(
        [
            results_text(results, what.profile.reaches) if results else "\n".join(tables),
            "\nNext:",
            *(f"  {command:<{width}}{what_for}" for command, what_for in hints.items()),
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Launch, follow, print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.run", description=__doc__)
    parser.add_argument(
        "--drawing",
        default="line",
        help="drawing class, by name or as path/to/file.py:Class, module:Class (default: %(default)s)",
    )
    parser.add_argument("--source", help="instead: picture source, by name or as folder:PATH, fonts:PATH, mnist:FILE.npz")
    parser.add_argument("--profile", default="quick", help="quick or full (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="PART.NAME=VALUE", help="examples.n=500, for one")
    arguments = parser.parse_args(argv)
    try:
        what = launch_of(arguments)
    except ValueError as error:
        print(f"Not launched. {error}", file=sys.stderr)
        return 2
    if not os.environ.get("DAGSTER_HOME"):
        print("Not launched. DAGSTER_HOME is expected to name a folder with dagster.yaml; make run sets it.", file=sys.stderr)
        return 2
    print(f"Full Circle: {what.partition}, profile {what.profile.name} ({what.profile.cost} on 2 cores)", flush=True)
    began = time.monotonic()
    try:
        success, failures, log = run(what)
    except KeyboardInterrupt:
        print("\nInterrupted. What was finished is kept; what was not leaves nothing behind.", file=sys.stderr)
        return 130
    if not success:
        reasons = [f"  {f}" for f in failures] or ["  The process ended before it could say why."]
        print("\nThe run failed.", *reasons, f"The whole log: {log}, or make ui.", sep="\n", file=sys.stderr)
        return 1
    print(f"\nDone in {duration(time.monotonic() - began)}.\n\n{summary(what)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
