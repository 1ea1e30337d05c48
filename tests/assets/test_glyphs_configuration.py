"""The glyph assets in Dagster: what they are called, and that bad settings are refused when a run is launched."""

import warnings

import dagster as dg
import pytest
from dagster._core.system_config.objects import ResolvedRunConfig

from assets.configuration import config_of
from assets.glyphs import ASSETS, CHECKS, PARTITIONS
from assets.partitions import partitions_of
from fullcircle.checks.glyphs import GUARDS
from fullcircle.data.sources import SOURCES, known_sources, register
from fullcircle.images.augmentation import OPERATIONS
from fullcircle.steps.glyphs import STEPS
from fullcircle.steps.settings import GlyphsSettings
from pipelines.config import run_config
from pipelines.definitions import defs
from pipelines.jobs import PREPARE_GLYPHS

JOBS = ["__ASSET_JOB", PREPARE_GLYPHS]
ROTATE = {"probability": 0.5, "max_left_rotation": 5, "max_right_rotation": 5}


def pipeline(*operations):
    return {"pipeline": list(operations)}


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize(
    ("op", "config", "message"),
    [
        ("glyphs__originals", {"height": 3}, "originals.height is expected to be 0 or at least 8. Received: 3."),
        ("glyphs__originals", {"polarity": "dark"}, "originals.polarity (auto | border | keep | invert) got dark"),
        ("glyphs__augmented", {"n": 0}, "augmented.n is expected to be at least 1. Received: 0."),
        ("glyphs__augmented", {"fill": "red"}, "augmented.fill is expected to be auto, edge or a level"),
        (
            "glyphs__augmented",
            pipeline({"rotate": ROTATE | {"probability": 2}}),
            "rotate.probability is expected to be at least 0",
        ),
        ("glyphs__augmented", pipeline({"rotatoe": ROTATE}), 'unexpected config entry "rotatoe"'),
        ("glyphs__augmented", pipeline({"rotate": {"probability": 0.5}}), "Missing required config entries"),
        (
            "glyphs__augmented",
            pipeline({"rotate": ROTATE, "invert": {"probability": 1}}),
            "You can only specify a single field",
        ),
        (
            "glyphs__augmented",
            pipeline({"zoom": {"probability": 1, "min_factor": 2, "max_factor": 1}}),
            "zoom.min_factor is expected to be at most zoom.max_factor. Received: 2 and 1.",
        ),
        ("glyphs__splits", {"splits": {"unit": "font"}}, "splits.unit (original | group | sample) got font"),
        ("glyphs__splits", {"splits": {"test": 0.9}}, "are expected to add up to 1."),
    ],
)
def test_a_bad_value_is_refused_at_launch(job, op, config, message):
    with pytest.raises(dg.DagsterInvalidConfigError) as error:
        ResolvedRunConfig.build(defs.resolve_job_def(job), {"ops": {op: {"config": config}}})
    assert message in str(error.value)


@pytest.mark.parametrize("job", JOBS)
def test_good_settings_are_taken(job):
    whole = ResolvedRunConfig.build(defs.resolve_job_def(job), run_config(GlyphsSettings(), STEPS))
    ResolvedRunConfig.build(defs.resolve_job_def(job), {})
    configured = whole.ops["glyphs__augmented"].config
    assert [next(iter(o)) for o in configured["pipeline"]] == ["rotate", "zoom", "shear", "skew", "random_distortion"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_in_the_launchpad_with_its_arguments(name):
    fields = config_of(OPERATIONS[name]).config_type.fields
    assert "probability" in fields
    assert all(field.description for field in fields.values())


def test_partitions_are_the_sources_and_those_registered(tmp_path, monkeypatch):
    assert set(SOURCES) <= set(PARTITIONS.get_partition_keys())
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path))
    (tmp_path / "pictures").mkdir()
    name = register(tmp_path, f"folder:{tmp_path / 'pictures'}")
    assert partitions_of(known_sources, SOURCES).get_partition_keys() == [*SOURCES, name]
    (tmp_path / "sources.json").write_text("spoilt")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert partitions_of(known_sources, SOURCES).get_partition_keys() == list(SOURCES)
    assert "Mend it or delete it" in str(caught[0].message)


def test_everything_says_whose_it_is_and_what():
    specs = [spec for asset in ASSETS for spec in asset.specs]
    assert {s.key.path[-1] for s in specs} == {"originals", "augmented", "train", "test", "valid"}
    for spec in specs:
        assert spec.key.path[0] == "glyphs"
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.group_name not in (None, "default"), spec.key
        assert spec.tags, spec.key
        assert len(spec.description or "") > 10, spec.key
        assert spec.code_version, spec.key


def test_every_check_may_block_and_says_its_rule():
    specs = [spec for check in CHECKS for spec in check.check_specs]
    assert all(s.partitions_def == PARTITIONS for s in specs)
    assert [spec.name for spec in specs] == [rule.name for guard in GUARDS for rule in guard.rules]
    assert all(spec.blocking and len(spec.description or "") > 20 for spec in specs)
