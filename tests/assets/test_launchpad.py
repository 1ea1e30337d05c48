"""What the launchpad offers and says of settings, and that all values arrive as they were meant."""

import json

import dagster as dg
import pytest

from assets.configuration import config_of, pipeline_type
from fullcircle.core.settings import Settings
from fullcircle.images.augmentation import OPERATIONS
from fullcircle.models.autoencoders import AUTOENCODERS, settings_class
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps.settings import DrawingsSettings, GlyphsSettings
from pipelines.config import run_config
from pipelines.definitions import defs
from pipelines.jobs import JOBS, LEARN_DRAWING, PREPARE_GLYPHS
from pipelines.request import overrides_of


def subclasses(of=Settings):
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)


PUBLIC = [s for s in dict.fromkeys(subclasses()) if s.__module__.startswith("fullcircle.") and not s.__name__.startswith("_")]


def shapes_of(kind):
    """Every description of settings in a configuration type, those of nested ones included."""
    if kind.description:
        yield kind.description
    for field in getattr(kind, "fields", {}).values():
        yield from shapes_of(field.config_type)
    if isinstance(kind, dg.Array):
        yield from shapes_of(kind.inner_type)


def resolved(job, config):
    """The configuration that the ops of a run get, through JSON as a launch sends it."""
    return dg.validate_run_config(defs.resolve_job_def(job), json.loads(json.dumps(config)))["ops"]


def resolved_op(job, op, config):
    return resolved(job, {"ops": {op: {"config": config}}})[op]["config"]


@pytest.mark.parametrize("settings", PUBLIC)
def test_every_class_of_settings_says_what_they_are(settings):
    assert settings.summary().endswith("."), settings
    assert not settings.summary().startswith(f"{settings.__name__}("), "the docstring that dataclasses write"


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_the_launchpad_says_what_settings_are_and_sends_nobody_to_a_file(job):
    config = defs.resolve_job_def(job.name).run_config_schema.config_type
    texts = list(shapes_of(config))
    assert any(": " in text and text.endswith(".") for text in texts)
    assert not any(".py" in text or "fullcircle/" in text for text in texts)


def test_classes_of_settings_do_not_share_one_configuration_type():
    made = [*OPERATIONS.values(), *map(settings_class, AUTOENCODERS)]
    types = [config_of(settings, {"pipeline": pipeline_type()}).config_type for settings in made]
    assert len({t.description for t in types}) == len({t.key for t in types}) == len(made)


def test_choices_are_offered_and_arrive_as_text():
    field = config_of(type(DrawingsSettings().decoder)).config_type.fields["model"]
    assert isinstance(field.config_type, dg.Enum)
    assert field.config_type.config_values == ["half_planes", "article"]
    assert field.default_value == "half_planes"
    value = resolved_op(LEARN_DRAWING, "drawings__decoder", {"model": "article"})["model"]
    assert value == "article"
    assert type(value) is str
    warped = {"gaussian_distortion": OPERATIONS["gaussian_distortion"].example | {"probability": 1.0, "corner": "ul"}}
    (operation,) = resolved_op(PREPARE_GLYPHS, "glyphs__augmented", {"pipeline": [warped]})["pipeline"]
    assert operation["gaussian_distortion"]["corner"] == "ul"


@pytest.mark.parametrize(
    ("job", "op", "config", "message"),
    [
        (LEARN_DRAWING, "drawings__decoder", {"model": "gan"}, "decoder.model (half_planes | article) got gan"),
        (LEARN_DRAWING, "drawings__readings", {"steps": "guess"}, "reader.steps (encoder,gradient,redraw | "),
        (PREPARE_GLYPHS, "glyphs__splits", {"splits": {"unit": "font"}}, "splits.unit (original | group | sample) got font"),
        (
            PREPARE_GLYPHS,
            "glyphs__augmented",
            {"pipeline": [{"gaussian_distortion": {"corner": "middle"}}]},
            "gaussian_distortion.corner (bell | ul | ur | dl | dr) got middle",
        ),
        (PREPARE_GLYPHS, "glyphs__augmented", {"fill": [1]}, "augmented.fill is expected to be text."),
        (PREPARE_GLYPHS, "glyphs__augmented", {"fill": True}, "augmented.fill is expected to be text."),
        (PREPARE_GLYPHS, "glyphs__augmented", {"fill": 256}, "auto, edge or a level from 0 to 255."),
        (
            LEARN_DRAWING,
            "drawings__decoder",
            {"seed": 2**32},
            "decoder.seed is expected to be at least 0 and at mos",
        ),
        (
            LEARN_DRAWING,
            "drawings__examples",
            {"noise_max_sigma": float("nan")},
            "noise_max_sigma is expected to be a finite number. Received: nan.",
        ),
    ],
)
def test_a_wrong_value_is_refused_at_launch_and_the_choices_are_named(job, op, config, message):
    with pytest.raises(dg.DagsterInvalidConfigError) as error:
        resolved_op(job, op, config)
    assert message in str(error.value)


@pytest.mark.parametrize("level", [255, "255"])
def test_a_level_may_be_a_number_or_text(level):
    assert resolved_op(PREPARE_GLYPHS, "glyphs__augmented", {"fill": level})["fill"] == level


def test_what_was_set_on_the_command_line_is_what_the_run_gets():
    settings = DrawingsSettings().replaced(overrides_of(["decoder.learning_rate=0.00005", "encoder.learning_rate=1e-7"]))
    ops = resolved(LEARN_DRAWING, run_config(settings, drawing_steps.STEPS))
    rates = [ops[f"drawings__{name}"]["config"]["learning_rate"] for name in ("decoder", "encoder")]
    assert rates == [5e-05, 1e-7]
    assert all(type(rate) is float for rate in rates)
    settings = GlyphsSettings().replaced(overrides_of(["augmented.fill=255", "originals.even_light=true"]))
    ops = resolved(PREPARE_GLYPHS, run_config(settings, glyph_steps.STEPS))
    assert ops["glyphs__augmented"]["config"]["fill"] == "255"
    assert ops["glyphs__originals"]["config"]["even_light"] is True
