"""``python -m pipelines.run``: a job, or several, from nothing to a table of results, with progress all the while.

With neither a drawing class nor a picture source it runs the circle for the line, then one source with two models.

Belongs here: what the command line asks for, and what it says in the end. How a job is launched is `launch`'s business, how
those of all classes are, `backfill`'s.
"""

import argparse
import ast
import dataclasses
import os
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from assets import drawings, glyphs
from assets.materialization import WHOLE
from fullcircle.checks.drawing_class import refuse_broken
from fullcircle.core.default_store import default_store
from fullcircle.core.progress import duration
from fullcircle.core.settings import SettingsError
from fullcircle.data.sources import SOURCES, picture_source
from fullcircle.data.sources import register as register_source
from fullcircle.drawings import DRAWINGS, drawing_of, known_drawings
from fullcircle.drawings import register as register_drawing
from fullcircle.images.arrays import Canvas
from fullcircle.models.autoencoders import AUTOENCODERS, chosen_models
from fullcircle.reports.index import write_index
from fullcircle.reports.results import latest_reports, results_text
from fullcircle.steps.profiles import (
    ENCODER,
    QUICK_MODELS,
    autoencoder_profile,
    feature_profile,
    glyph_profile,
    profile,
    recognition_profile,
)
from fullcircle.steps.settings import CircleSettings, split_overrides
from fullcircle.store.objects import NothingMaterializedError, Store
from pipelines.backfill import Outcome, run_all
from pipelines.backfill import summary as outcomes_text
from pipelines.jobs import CIRCLE, GLYPHS, RECOGNISE, features, learn
from pipelines.launch import Launch, run

ALL, AUTO = "all", "auto"
"""In place of a drawing class: each of them; which of them a picture shows."""

REPORT = "report"
"""The part of the settings that those of every report stand in."""

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
    """What the arguments ask for of a drawing class, or of all that are trained.

    Raises:
        ValueError: naming what is unknown, or the rule that is broken, and the choices.
    """
    overrides = overrides_of(arguments.set)
    if arguments.drawing == AUTO:
        over_all = recognition_profile(arguments.profile)
        return Launch(RECOGNISE, drawings.PREFIX, WHOLE, over_all, over_all.settings.replaced(overrides))
    chosen = profile(arguments.profile)
    settings = chosen.settings.replaced(overrides)
    drawing = drawing_of(arguments.drawing)
    settings.check(drawing)
    if drawing.reference:
        refuse_broken(drawing)
    register_drawing(default_store(), arguments.drawing)
    return Launch(CIRCLE, drawings.PREFIX, drawing.name, chosen, settings)


def glyph_launches(arguments: argparse.Namespace) -> list[Launch]:
    """What the arguments ask for of a picture source: its tables, then each model that learns from them.

    Raises:
        ValueError: naming what is unknown, or the rule that is broken, and the choices.
    """
    of_source, of_models = split_overrides(overrides_of(arguments.set))
    chosen = glyph_profile(arguments.profile)
    settings = chosen.settings.replaced(of_source)
    asked = None if arguments.models is None else chosen_models(arguments.models)
    name = register_source(default_store(), arguments.source)
    source = picture_source(default_store(), name)
    source.check(settings.originals)
    canvas = settings.canvas_for(source.canvas_for(settings.originals))
    models = taking(canvas, name, asked)
    if unused := [part for part in of_models if part not in (*models, REPORT)]:
        raise SettingsError(
            f"Settings of {', '.join(unused)} are heeded by nothing that is run. Add it: MODELS={','.join(unused)}"
        )
    launches = [Launch(GLYPHS, glyphs.PREFIX, name, chosen, settings)]
    for model in models:
        of_model = autoencoder_profile(model, arguments.profile)
        told = {part: values for part, values in of_models.items() if part in (model, REPORT)}
        launches.append(Launch(learn(model), glyphs.PREFIX, name, of_model, of_model.settings.replaced(told)))
    return launches


def feature_launches(arguments: argparse.Namespace) -> list[Launch]:
    """What the arguments ask for of feature patterns: of a drawing class's encoder, or of autoencoders, once they are trained.

    Raises:
        ValueError: naming what is unknown, the rule that is broken, or the command that trains what is not trained.
    """
    overrides, store = overrides_of(arguments.set), Store(default_store())
    if arguments.source is None:
        if arguments.drawing in (ALL, AUTO) or arguments.models is not None:
            received = f"drawing class {arguments.drawing!r}" if arguments.models is None else f"models {arguments.models!r}"
            raise SettingsError(
                "Feature patterns are of one drawing class's encoder, or of models of one picture source. "
                f"Received: {received}. Say DRAWING=line, or SOURCE=tifinagh MODELS=vae."
            )
        prefix, partition = drawings.PREFIX, drawing_of(arguments.drawing or next(iter(DRAWINGS))).name
        models = [ENCODER]
    else:
        prefix, partition = glyphs.PREFIX, picture_source(store.root, register_source(store.root, arguments.source)).name
        trained = [m for m in AUTOENCODERS if store.ledger.latest(f"{prefix}/{m}", partition)]
        models = trained or [QUICK_MODELS[0]] if arguments.models is None else chosen_models(arguments.models)
    launches = []
    for model in models:
        chosen = feature_profile(model, arguments.profile)
        launches.append(Launch(features(model), prefix, partition, chosen, chosen.settings.replaced(overrides)))
        try:
            store.latest(f"{prefix}/{model}", partition)
        except NothingMaterializedError as error:
            raise SettingsError(str(error)) from None
    return launches


def taking(canvas: Canvas, source: str, asked: Sequence[str] | None) -> list[str]:
    """The models that are to learn from pictures of this canvas: those asked for, or `QUICK_MODELS` as far as they take it.

    Raises:
        ValueError: when one that was asked for does not take it, naming those that do.
    """
    if asked is None:
        return [model for model in QUICK_MODELS if AUTOENCODERS[model].takes(canvas)]
    for model in asked:
        AUTOENCODERS[model].refuse(canvas, f"picture source {source!r}", AUTOENCODERS)
    return list(asked)


def launches_of(arguments: argparse.Namespace) -> list[Launch]:
    """All that the arguments ask for, in order; where they name neither, the first drawing class and the first picture source.

    Then settings go to the circle where it has such a part, to the source and its models where not.
    """
    if arguments.features:
        return feature_launches(arguments)
    if arguments.source is not None:
        return glyph_launches(arguments)
    if arguments.models is not None and arguments.drawing is not None:
        raise SettingsError(
            "Models learn from a picture source. Received: models for a drawing class. Say SOURCE=tifinagh, too."
        )
    if arguments.drawing is not None:
        return [launch_of(arguments)]
    parts = {field.name for field in dataclasses.fields(CircleSettings)}
    of_circle = [s for s in arguments.set if s.partition(".")[0] in parts]
    others = [s for s in arguments.set if s not in of_circle]
    first = {"drawing": next(iter(DRAWINGS)), "source": next(iter(SOURCES))}
    return [
        launch_of(argparse.Namespace(**vars(arguments) | first | {"set": of_circle})),
        *glyph_launches(argparse.Namespace(**vars(arguments) | first | {"set": others})),
    ]


def goals(launches: Sequence[Launch]) -> dict[str, Mapping[str, float]]:
    """What the launches of one partition should reach, by report; nothing where settings are not those of the profile."""
    if any(what.settings != what.profile.settings for what in launches):
        return {}
    return {asset: bound for what in launches for asset, bound in what.profile.reaches.get(what.partition, {}).items()}


def summary(launches: Sequence[Launch]) -> str:
    """The table of results of each partition, or where its tables are while it has no report, and what to type next."""
    store = Store(default_store())
    parts, hints, any_results = [], {"make ui": "the Dagster UI on 127.0.0.1: assets, lineage, checks, pictures"}, False
    for (prefix, partition), group in groupby(launches, lambda what: (what.prefix, what.partition)):
        whole = list(group)
        own = f"{prefix}/"
        results = [r for r in latest_reports(store) if r["partition"] == partition and r["asset"].startswith(own)]
        tables = [
            f"{asset} of {of}: {store.path_of(entry['version'])}"
            for (asset, of), entry in store.ledger.latest_of_all().items()
            if of == partition and asset.startswith(own)
        ]
        parts.append(results_text(results, goals(whole)) if results else "\n".join(tables))
        any_results |= bool(results)
        variable = {drawings.PREFIX: "DRAWING", glyphs.PREFIX: "SOURCE"}[prefix]
        asked = AUTO if partition == WHOLE else partition
        hints[f"make run {variable}={asked} PROFILE=full"] = f"{partition}: the same graph, larger"
    if any_results:
        parts.append(f"all reports on one page: {write_index(store)}")
        hints["make results"] = "this table again"
    hints["make test"] = "all tests"
    width = max(map(len, hints)) + 3
    next_ones = (f"  {command:<{width}}{what_for}" for command, what_for in hints.items())
    return "\n".join(["\n\n".join(parts), "\nNext:", *next_ones])


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
        help="drawing class, by name, as path/to/file.py:Class or module:Class; all; or auto, to tell them apart",
    )
    parser.add_argument("--source", help="instead: picture source, by name or as folder:PATH, fonts:PATH, mnist:FILE.npz")
    parser.add_argument(
        "--models", help="of a source: which autoencoders, conv_autoencoder,vae for one; none (default: these two)"
    )
    parser.add_argument(
        "--features", action="store_true", help="instead of training: what the maps of a trained encoder react to most"
    )
    parser.add_argument("--profile", default="quick", help="quick or full (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="PART.NAME=VALUE", help="examples.n=500, for one")
    arguments = parser.parse_args(argv)
    try:
        every = arguments.source is None and arguments.drawing == ALL and not arguments.features
        if every and arguments.models is not None:
            raise SettingsError(
                "Models learn from a picture source. Received: models for drawing classes. Say SOURCE=tifinagh."
            )
        launches = [] if every else launches_of(arguments)
        if every:
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
        failed = _run_all(arguments) if every else _run_each(launches)
    except KeyboardInterrupt:
        print(
            "\nInterrupted. What was finished is kept; an autoencoder's training goes on from its last epoch when run again.",
            file=sys.stderr,
        )
        return 130
    if not (failed or every):
        print(f"\nDone in {duration(time.monotonic() - began)}.\n\n{summary(launches)}")
    return failed


def _run_each(launches: Sequence[Launch]) -> int:
    """One after the other; what failed does not keep the rest from being run, but for the tables that models learn from."""
    failed: set[str] = set()
    for what in launches:
        if GLYPHS in failed and what.prefix == glyphs.PREFIX:
            continue
        models = what.job.removeprefix(learn("")) if what.job.startswith(learn("")) else ""
        name = f"{models}, {what.partition}" if models else what.partition
        print(f"Full Circle: {name}, profile {what.profile.name} ({what.profile.cost} on 2 cores)", flush=True)
        success, failures, log = run(what)
        if not success:
            failed.add(what.job)
            reasons = [f"  {f}" for f in failures] or ["  The process ended before it could say why."]
            print("\nThe run failed.", *reasons, f"The whole log: {log}, or make ui.", sep="\n", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
