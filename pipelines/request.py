"""What a command line asks to be made: launches, in order, from drawing classes, picture sources, models, a profile and settings.

Belongs here: reading the arguments of `make run`, and refusing what cannot be made before anything is launched.
Does not belong here: launching (`launch`, `every_class`) and what is printed in the end (`run`).
"""

import argparse
import ast
import dataclasses
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from fullcircle.checks.drawing_class import refuse_broken
from fullcircle.checks.trial import tried
from fullcircle.core.default_store import default_store
from fullcircle.core.settings import SettingsError, is_text
from fullcircle.data.sources import SOURCES, picture_source
from fullcircle.data.sources import register as register_source
from fullcircle.data.splits import refuse_likely_empty
from fullcircle.drawings import DRAWINGS, drawing_of
from fullcircle.drawings import register as register_drawing
from fullcircle.images.arrays import Canvas
from fullcircle.models.autoencoders import AUTOENCODERS, chosen_models
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps import feature_patterns as feature_steps
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps import recognition
from fullcircle.steps.estimate import Estimate, estimate_drawing, estimate_pictures
from fullcircle.steps.profiles import (
    QUICK_MODELS,
    autoencoder_profile,
    feature_profile,
    glyph_profile,
    profile,
    recognition_profile,
)
from fullcircle.steps.settings import (
    OF_EVERY_MODEL,
    DrawingsSettings,
    FeaturesSettings,
    GlyphsSettings,
    RecogniseSettings,
    parts_class,
    split_overrides,
)
from fullcircle.steps.step import WHOLE, command_for
from fullcircle.store.objects import NothingMaterializedError, Store
from pipelines.jobs import LEARN_DRAWING, PREPARE_GLYPHS, RECOGNISE_DRAWINGS, TRAIN_AUTOENCODERS, features_job
from pipelines.launch import Launch, stale

ALL, AUTO = "all", "auto"
"""In place of a drawing class: each of them; which of them a picture shows."""

"""The part of the settings that those of every report stand in."""

RECOGNITION_PART = "recognition"
"""The part of the settings of what is made over all classes."""

TABLES = ("examples", "originals", "augmented", "splits")
"""The parts of the settings whose steps take nearly all of the disk."""


def overrides_of(assignments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``["examples.n=500"]`` as ``{"examples": {"n": 500}}``.

    A value is read as Python or JSON has it, ``true``, ``5e-05`` and ``[1, 2]`` included; what is neither is text. For a setting
    that holds text a number is the text that was typed.

    Raises:
        SettingsError: when an assignment is not of the form part.name=value.
    """
    overrides: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        where, equals, text = assignment.partition("=")
        part, dot, name = where.partition(".")
        if not (equals and dot):
            raise SettingsError(f"A setting is given as part.name=value, examples.n=500 for one. Received: {assignment!r}.")
        value = _value(text)
        is_typed = where in text_settings() and not isinstance(value, str)
        overrides.setdefault(part, {})[name] = text if is_typed else value
    return overrides


@cache
def text_settings() -> frozenset[str]:
    """Every setting that holds text, ``augmented.fill`` for one."""
    graphs = (DrawingsSettings, GlyphsSettings, RecogniseSettings, FeaturesSettings, *map(parts_class, AUTOENCODERS))
    parts = ((part.name, getattr(graph(), part.name)) for graph in graphs for part in dataclasses.fields(graph))
    return frozenset(f"{name}.{field.name}" for name, part in parts for field in dataclasses.fields(part) if is_text(field))


def _value(text: str) -> Any:
    for read in (ast.literal_eval, json.loads):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text


def requests(arguments: argparse.Namespace) -> list[Launch]:
    """All that the arguments ask for, in order; where they name neither, the first drawing class and the first picture source.

    Then settings go to the drawing class where it has such a part, to the source and its models where not.

    Raises:
        ValueError: naming what is unknown, or the rule that is broken, and the choices.
    """
    if arguments.features:
        return feature_requests(arguments)
    if arguments.source is not None:
        return glyph_requests(arguments)
    if arguments.models is not None and arguments.drawing is not None:
        raise SettingsError(
            "Models learn from a picture source. Received: models for a drawing class. Add SOURCE=tifinagh, for one."
        )
    if arguments.drawing is not None:
        return [drawing_request(arguments)]
    parts = {field.name for field in dataclasses.fields(DrawingsSettings)}
    of_class = [s for s in arguments.set if s.partition(".")[0] in parts]
    others = [s for s in arguments.set if s not in of_class]
    first = {"drawing": next(iter(DRAWINGS)), "source": next(iter(SOURCES))}
    return [
        drawing_request(argparse.Namespace(**vars(arguments) | first | {"set": of_class})),
        *glyph_requests(argparse.Namespace(**vars(arguments) | first | {"set": others})),
    ]


def drawing_request(arguments: argparse.Namespace) -> Launch:
    """What the arguments ask for of a drawing class, or of all that are trained.

    Raises:
        ValueError: naming what is unknown, or the rule that is broken, and the choices.
    """
    overrides = overrides_of(arguments.set)
    if arguments.drawing == AUTO:
        over_all = recognition_profile(arguments.profile)
        settings: Any = over_all.settings.replaced(overrides)
        return Launch(RECOGNISE_DRAWINGS, WHOLE, over_all, settings, (recognition.STEP,), "recognition over all classes")
    chosen = profile(arguments.profile)
    settings = chosen.settings.replaced(overrides)
    drawing = tried(arguments.drawing)
    settings.check(drawing)
    if drawing.reference:
        refuse_broken(drawing)
    refuse_likely_empty(settings.examples.n, settings.splits, "examples.n")
    launch = Launch(LEARN_DRAWING, drawing.name, chosen, settings, drawing_steps.STEPS, drawing.name)
    refuse_large(launch, estimate_drawing(settings, drawing.canvas), arguments)
    register_drawing(default_store(), arguments.drawing)
    return launch


def glyph_requests(arguments: argparse.Namespace) -> list[Launch]:
    """What the arguments ask for of a picture source: its tables, then each model that learns from them.

    Raises:
        ValueError: naming what is unknown, or the rule that is broken, and the choices.
    """
    of_source, of_models = split_overrides(overrides_of(arguments.set))
    chosen = glyph_profile(arguments.profile)
    of_tables = chosen.settings.replaced(of_source)
    asked = None if arguments.models is None else chosen_models(arguments.models)
    name = register_source(default_store(), arguments.source)
    source = picture_source(default_store(), name)
    source.check(of_tables.originals)
    own_canvas = source.canvas_for(of_tables.originals)
    if of_tables.splits.unit == "sample":  # of originals and groups none stays empty
        refuse_likely_empty(of_tables.augmented.n, of_tables.splits, "augmented.n")
    tables = Launch(PREPARE_GLYPHS, name, chosen, of_tables, glyph_steps.STEPS, name)
    estimate = estimate_pictures(of_tables.originals, of_tables.augmented, own_canvas, draws="n" in source.takes)
    refuse_large(tables, estimate, arguments)
    models = taking(of_tables.canvas_for(own_canvas), name, asked)
    if unused := [part for part in of_models if part not in (*models, *OF_EVERY_MODEL)]:
        raise SettingsError(f"Settings of {', '.join(unused)} change nothing that is run. Add it: MODELS={','.join(unused)}")
    launches = [tables]
    for model in models:
        of_model = autoencoder_profile(model, arguments.profile)
        own = {part: values for part, values in of_models.items() if part in (model, *OF_EVERY_MODEL)}
        settings = of_model.settings.replaced(own)
        launches.append(
            Launch(TRAIN_AUTOENCODERS, name, of_model, settings, autoencoder_steps.STEPS[model], f"{model}, {name}")
        )
    return launches


def refuse_large(launch: Launch, estimate: Estimate, arguments: argparse.Namespace) -> None:
    """Refuse what does not fit on the disk, and what takes long unless it is meant; but not what lies in the store already.

    Raises:
        SettingsError: with the estimate, what is allowed, and the word to go on.
    """
    root, meant = default_store(), getattr(arguments, "large", False)
    try:
        estimate.refuse(root, meant=meant)
    except SettingsError:
        planned = stale(Store(root), launch, force=getattr(arguments, "force", False))
        if any(each.step.part in TABLES for each in planned):
            raise
        if planned:
            dataclasses.replace(estimate, bytes=0.0).refuse(root, meant=meant)


def feature_requests(arguments: argparse.Namespace) -> list[Launch]:
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
                f"Received: {received}. Name one: DRAWING=line, or SOURCE=tifinagh MODELS=vae."
            )
        prefix, partition = drawing_steps.PREFIX, drawing_of(arguments.drawing or next(iter(DRAWINGS))).name
        models = [feature_steps.ENCODER]
    else:
        prefix = glyph_steps.PREFIX
        partition = picture_source(store.root, register_source(store.root, arguments.source)).name
        trained = [m for m in AUTOENCODERS if store.ledger.latest(f"{prefix}/{m}", partition)]
        models = trained or [QUICK_MODELS[0]] if arguments.models is None else chosen_models(arguments.models)
    launches = []
    for model in models:
        chosen = feature_profile(model, arguments.profile)
        settings = chosen.settings.replaced(overrides)
        steps = (feature_steps.STEPS[model],)
        launches.append(
            Launch(features_job(model), partition, chosen, settings, steps, f"feature patterns of {model}, {partition}")
        )
        asset = f"{prefix}/{model}"
        try:
            store.latest(asset, partition, command=command_for(asset, partition))
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
