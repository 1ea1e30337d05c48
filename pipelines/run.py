"""``python -m pipelines.run``: one job, from nothing to a table of results, with progress all the while.

Belongs here: what the command line asks for, and what it says in the end. How a job is launched is `launch`'s business, how
those of all classes are, `backfill`'s.
"""

import argparse
import ast
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from assets import drawings, feature_patterns, glyphs
from assets.materialization import WHOLE
from fullcircle.drawing_checks import refuse_broken
from fullcircle.drawings import drawing_of, known_drawings
from fullcircle.drawings import register as register_drawing
from fullcircle.glyphs import picture_source
from fullcircle.glyphs import register as register_source
from fullcircle.profiles import feature_profile, glyph_profile, profile, recognition_profile
from fullcircle.progress import duration
from fullcircle.results import latest_reports, results_text
from fullcircle.settings import SettingsError, default_store
from fullcircle.storage import NothingMaterializedError, Store
from pipelines.backfill import Outcome, run_all
from pipelines.backfill import summary as outcomes_text
from pipelines.jobs import CIRCLE, FEATURES, GLYPHS, RECOGNISE
from pipelines.launch import Launch, run

ALL, AUTO = "all", "auto"
"""In place of a drawing class: each of them; which of them a picture shows."""

RECOGNITION = drawings.RECOGNITION[0].key.to_user_string()


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


def launch_of(arguments: argparse.Namespace) -> Launch:
    """What the arguments ask for.

    Raises:
        ValueError: naming what is unknown, or the rule that is broken, and the choices.
    """
    overrides = overrides_of(arguments.set)
    if arguments.features:
        return _features(arguments, overrides)
    if arguments.source is None and arguments.drawing == AUTO:
        over_all = recognition_profile(arguments.profile)
        return Launch(RECOGNISE, drawings.PREFIX, WHOLE, over_all, over_all.settings.replaced(overrides))
    if arguments.source is None:
        circle = profile(arguments.profile)
        settings = circle.settings.replaced(overrides)
        drawing = drawing_of(arguments.drawing)
        settings.check(drawing)
        if drawing.reference:
            refuse_broken(drawing)
        register_drawing(default_store(), arguments.drawing)
        return Launch(CIRCLE, drawings.PREFIX, drawing.name, circle, settings)
    chosen = glyph_profile(arguments.profile)
    of_glyphs = chosen.settings.replaced(overrides)
    name = register_source(default_store(), arguments.source)
    picture_source(default_store(), name).check(of_glyphs.originals)
    return Launch(GLYPHS, glyphs.PREFIX, name, chosen, of_glyphs)


def _features(arguments: argparse.Namespace, overrides: dict[str, dict[str, Any]]) -> Launch:
    """What is to be launched for the feature patterns of an encoder that has been trained."""
    chosen = feature_profile(arguments.profile)
    settings = chosen.settings.replaced(overrides)
    if arguments.source is not None or arguments.drawing in (ALL, AUTO):
        received = arguments.source or arguments.drawing
        raise SettingsError(f"Feature patterns are of the encoder of one drawing class. Received: {received!r}.")
    name = drawing_of(arguments.drawing).name
    try:
        Store(default_store()).latest(f"{drawings.PREFIX}/encoder", name)
    except NothingMaterializedError as error:
        raise SettingsError(str(error)) from None
    return Launch(FEATURES, drawings.PREFIX, name, chosen, settings)


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
    asked = AUTO if what.partition == WHOLE else what.partition
    if what.job == FEATURES:
        results = [r for r in results if r["asset"].endswith(feature_patterns.FEATURE_PATTERNS)]
    target = "features" if what.job == FEATURES else "run"
    full = f"make {target} {variable}={asked} PROFILE=full".replace("DRAWING=line ", "")
    hints = {
        "make ui": "the Dagster UI on 127.0.0.1: assets, lineage, checks, pictures",
        **({"make results": "this table again"} if results else {}),
        full: "the same graph, larger",
        "make test": "all tests",
    }
    width = max(map(len, hints)) + 3
    return "\n".join(
        [
            results_text(results, what.profile.reaches.get(what.partition)) if results else "\n".join(tables),
            "\nNext:",
            *(f"  {command:<{width}}{what_for}" for command, what_for in hints.items()),
        ]
    )


def _run_all(arguments: argparse.Namespace) -> int:
    """Every class there is, and a line for each in the end."""
    store = Store(default_store())
    names = list(known_drawings(store.root))
    chosen = profile(arguments.profile)
    print(f"Full Circle: every drawing class ({len(names)}), profile {chosen.name} ({chosen.cost} each on 2 cores)", flush=True)
    of_recognition = [s for s in arguments.set if s.startswith("recognition.")]
    of_classes = [s for s in arguments.set if s not in of_recognition]

    def launch(name: str, assignments: Sequence[str]) -> Launch:
        return launch_of(argparse.Namespace(**vars(arguments) | {"drawing": name, "set": assignments}))

    outcomes = run_all(names, lambda name: launch(name, of_classes), store)
    good = all(outcome.good for outcome in outcomes)
    if sum(outcome.good for outcome in outcomes) > 1 and (
        any(outcome.became == "made" for outcome in outcomes) or store.ledger.latest(RECOGNITION, WHOLE) is None
    ):
        success, failures, log = run(launch(AUTO, of_recognition))
        outcomes.append(
            Outcome("recognition", "made" if success else "failed", "" if success else f"{'; '.join(failures)} Log: {log}")
        )
        good &= success
    print(f"\n{outcomes_text(outcomes)}\n\nTheir figures: make results")
    return 0 if good else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Launch, follow, print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.run", description=__doc__)
    parser.add_argument(
        "--drawing",
        default="line",
        help="drawing class, by name, as path/to/file.py:Class or module:Class; all; or auto, to tell them apart (default: line)",
    )
    parser.add_argument("--source", help="instead: picture source, by name or as folder:PATH, fonts:PATH, mnist:FILE.npz")
    parser.add_argument(
        "--features", action="store_true", help="instead of training: what the maps of the trained encoder react to most"
    )
    parser.add_argument("--profile", default="quick", help="quick or full (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="PART.NAME=VALUE", help="examples.n=500, for one")
    arguments = parser.parse_args(argv)
    try:
        every = arguments.source is None and arguments.drawing == ALL and not arguments.features
        what = None if every else launch_of(arguments)
        if what is None:
            of_classes = [s for s in arguments.set if not s.startswith("recognition.")]
            profile(arguments.profile).settings.replaced(overrides_of(of_classes))
    except ValueError as error:
        print(f"Not launched. {error}", file=sys.stderr)
        return 2
    if not os.environ.get("DAGSTER_HOME"):
        print("Not launched. DAGSTER_HOME is expected to name a folder with dagster.yaml; make run sets it.", file=sys.stderr)
        return 2
    began = time.monotonic()
    try:
        if what is None:
            return _run_all(arguments)
        print(f"Full Circle: {what.partition}, profile {what.profile.name} ({what.profile.cost} on 2 cores)", flush=True)
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
