import itertools
import re

import numpy as np
import pyarrow as pa
import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.images.augmentation import BLOCK, OPERATIONS, Pipeline, Records
from fullcircle.images.augmentation.colours import Invert
from fullcircle.images.augmentation.distortions import RandomDistortion
from fullcircle.images.augmentation.erasing import RandomErasing
from fullcircle.images.augmentation.noises import Noise
from fullcircle.images.augmentation.rotations import Rotate
from fullcircle.images.augmentation.skews import Skew

ROTATE = {"probability": 0.5, "max_left_rotation": 10, "max_right_rotation": 10}


@pytest.fixture
def pipeline():
    return Pipeline(
        [
            Rotate(**ROTATE),
            Skew(probability=0.5, magnitude=0.2),
            RandomDistortion(probability=0.5, grid_width=3, grid_height=3, magnitude=2),
            Rotate(**ROTATE),
            Invert(probability=0.2),
            RandomErasing(probability=0.3, rectangle_area=0.3),
            Noise(probability=0.3, max_sigma=9),
        ]
    )


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (7, 16, 16), dtype=np.uint8)


def assert_equal(one, two):
    assert np.array_equal(one.images, two.images)
    assert np.array_equal(one.keypoints, two.keypoints)
    assert np.array_equal(one.labels, two.labels)
    for a, b in zip(one.records.columns().items(), two.records.columns().items(), strict=True):
        assert a[0] == b[0] and np.array_equal(a[1], b[1])


def test_the_same_seed_gives_the_same_samples_whatever_the_number_of_workers(pipeline, images, rng):
    given = {"keypoints": rng.uniform(0, 16, (7, 2, 2)), "labels": np.array(list("abcdefg"))}
    n = 3 * BLOCK + 5
    alone, together = (pipeline.sample(images, n, np.random.default_rng(3), **given, workers=w) for w in (1, 2))
    assert_equal(alone, together)
    assert np.array_equal(alone.labels, given["labels"][alone.records.originals])


def test_a_stream_comes_in_blocks_and_makes_no_more_than_is_asked_for(pipeline, images):
    blocks = list(itertools.islice(pipeline.stream(images, 10**12, 1), 2))
    assert [len(b) for b in blocks] == [BLOCK, BLOCK]
    assert [len(b) for b in pipeline.stream(images, BLOCK + 1, 1)] == [BLOCK, 1]
    assert not np.array_equal(blocks[0].images, blocks[1].images)


def test_balanced_choice_differs_by_at_most_one_and_random_does_not(pipeline, images):
    originals = pipeline.sample(images, 2 * BLOCK, np.random.default_rng(1)).records.originals
    for n in (1, 7, 10, 700, BLOCK + 3, 2 * BLOCK):
        counts = np.bincount(originals[:n], minlength=7)
        assert counts.max() - counts.min() <= 1
    assert len({tuple(originals[i : i + 7]) for i in range(0, 700, 7)}) > 50  # each round in an order of its own
    at_random = pipeline.sample(images, 2 * BLOCK, np.random.default_rng(1), choice="random").records.originals
    counts = np.bincount(at_random, minlength=7)
    assert 1 < counts.max() - counts.min() < 6 * np.sqrt(2 * BLOCK / 7)


def test_more_originals_than_a_block_each_come_once():
    many = np.arange(BLOCK * 2 + 100)
    images = np.zeros((len(many), 2, 2), np.uint8)
    originals = Pipeline([]).sample(images, len(many), np.random.default_rng(1)).records.originals
    assert np.array_equal(np.sort(originals), many) and not np.array_equal(originals, many)


def test_an_empty_pipeline_copies(images, rng):
    copies = Pipeline([]).sample(images, 10, rng)
    assert np.array_equal(copies.images, images[copies.records.originals])
    assert copies.keypoints is None and copies.labels is None


def test_records_are_columns_that_hold_nothing_where_an_operation_did_not_fire(pipeline, images, rng):
    copies = pipeline.sample(images, 200, rng)
    columns = copies.records.columns()
    names = [
        *("original", "rotate_fired", "rotate_left_deg", "skew_fired", "skew_direction", "skew_pull_px"),
        *("random_distortion_fired", "random_distortion_seed", "rotate_2_fired", "rotate_2_left_deg", "invert_fired"),
    ]
    assert list(columns)[: len(names)] == names
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    for name in ("rotate", "rotate_2"):
        assert table.column(f"{name}_left_deg").is_null().to_numpy().tolist() == (~columns[f"{name}_fired"]).tolist()
    record = copies.records.record(3)
    assert record["original"] == columns["original"][3]
    fired = [name for name in ("rotate", "skew", "random_distortion", "rotate_2", "invert") if columns[f"{name}_fired"][3]]
    assert [next(iter(e)) for e in record["operations"][:5] if e] == [name.removesuffix("_2") for name in fired]
    assert len(copies.records.rows(slice(3))) == 3


def test_a_record_of_another_pipeline_is_refused(pipeline, images, rng):
    record = pipeline.sample(images, 1, rng).records.record(0)
    with pytest.raises(ValueError, match="A record of the operations rotate is expected"):
        Pipeline([Rotate(**ROTATE)]).replay(images[0], record)


def test_geometry_shows_what_lies_outside_the_frame_of_an_earlier_operation(images, rng):
    """Zoom in by two, then out by two: nothing is lost, because pictures are resampled once."""
    there_and_back = [{"zoom": {"probability": 1, "min_factor": f, "max_factor": f}} for f in (2, 0.5)]
    copies = Pipeline.from_data(there_and_back).sample(images, 7, rng)
    assert np.array_equal(copies.images, images[copies.records.originals])


def test_an_operation_of_the_user_needs_no_list(images, rng):
    class Darker(Invert):
        """Halve every level."""

        name = "darker"

        def apply(self, images, drawn):
            return images // 2

    assert "darker" not in OPERATIONS
    copies = Pipeline([Darker(probability=1)]).sample(images, 7, rng)
    assert np.array_equal(copies.images, images[copies.records.originals] // 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"rotate": ROTATE}, "A pipeline is expected to be a list of operations, [{"),
        (["rotate"], "An operation is expected to be written as its name and arguments, [{"),
        ([{"rotate": ROTATE, "zoom": {}}], "An operation is expected to be written as its name and arguments"),
        ([{"rotate": [1, 2]}], "Arguments are expected to be given by name"),
        ([{"rotat": ROTATE}], "Unknown operation: 'rotat'. Did you mean 'rotate'? Choose from: rotate, rotate_without_crop, "),
        (
            [{"rotate": {"probability": 1, "max_left": 5}}],
            "Unknown argument of rotate: 'max_left'. Did you mean 'max_left_rotation'? Choose from: probability, ",
        ),
        (
            [{"rotate": {"probability": 1}}],
            "rotate is expected to be given max_left_rotation, max_right_rotation. Received: probability.",
        ),
        ([{"invert": {}}], "invert is expected to be given probability. Received: no argument."),
        (
            [{"rotate": ROTATE | {"max_left_rotation": 200}}],
            "rotate.max_left_rotation is expected to be at least 0 and at most 180. Received: 200.",
        ),
        ([{"invert": {"probability": "often"}}], "invert.probability is expected to be a number. Received: 'often'."),
        (
            [{"zoom": {"probability": 1, "min_factor": 2, "max_factor": 1.5}}],
            "zoom.min_factor is expected to be at most zoom.max_factor. Received: 2 and 1.5.",
        ),
        (
            [{"zoom_random": {"probability": 1, "percentage_area": 0.5, "randomise_percentage_area": 1}}],
            "zoom_random.randomise_percentage_area is expected to be true or false. Received: 1.",
        ),
        (
            [{"resize": {"probability": 1, "width": 28.5, "height": 28}}],
            "resize.width is expected to be a whole number. Received: 28.5.",
        ),
        (
            [{"rotate_without_crop": ROTATE | {"fillcolor": 300}}],
            "rotate_without_crop.fillcolor is expected to be at least 0 and at most 255. Received: 300.",
        ),
        (
            [
                {
                    "gaussian_distortion": {
                        "probability": 1,
                        "grid_width": 2,
                        "grid_height": 2,
                        "magnitude": 1,
                        "corner": "top",
                        "method": "in",
                    }
                }
            ],
            "gaussian_distortion.corner is expected to be one of bell, ul, ur, dl, dr. Received: 'top'.",
        ),
    ],
)
def test_bad_data_is_refused_with_rule_value_and_choices(data, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        Pipeline.from_data(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fill": 256}, "fill is expected to be a whole number in [0, 255], or 'edge'. Received: 256."),
        ({"fill": "black"}, "Received: 'black'."),
        (
            {"interpolation": "liner"},
            "Unknown interpolation: 'liner'. Did you mean 'linear'? Choose from: linear, nearest, cubic.",
        ),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        Pipeline([], **options)
    with pytest.raises(SettingsError, match="A pipeline is expected to be made of operations. Received: 'rotate'."):
        Pipeline(["rotate"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"images": np.zeros((3, 8, 8))},
            "uint8 (m, height, width) or (m, height, width, 3), at least one. Received: float64 (3, 8, 8).",
        ),
        ({"images": np.zeros((3, 8, 8, 4), np.uint8)}, "Received: uint8 (3, 8, 8, 4)."),
        ({"images": np.zeros((0, 8, 8), np.uint8)}, "Received: uint8 (0, 8, 8)."),
        ({"n": 0}, "n is expected to be at least 1. Received: 0."),
        ({"workers": 0}, "workers are expected to be at least 1. Received: 0."),
        ({"choice": "balance"}, "Unknown choice: 'balance'. Did you mean 'balanced'? Choose from: balanced, random."),
        ({"keypoints": np.zeros((3, 2))}, "keypoints are expected as (3, k, 2). Received: (3, 2)."),
        ({"labels": [1, 2]}, "3 labels are expected, one per original. Received: 2."),
    ],
)
def test_arrays_that_do_not_fit_are_refused(given, message, rng):
    given = {"images": np.zeros((3, 8, 8), np.uint8), "n": 4, "rng": rng} | given
    with pytest.raises(ValueError, match=re.escape(message)):
        Pipeline([]).sample(**given)


def test_records_join_in_order(pipeline, images, rng):
    records = pipeline.sample(images, 50, rng).records
    joined = Records.joined([records.rows(slice(20)), records.rows(slice(20, None))])
    assert [joined.record(i) for i in range(50)] == [records.record(i) for i in range(50)]
