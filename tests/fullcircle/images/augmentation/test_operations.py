"""What every operation must hold to, without exceptions by name."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.images.augmentation import BLOCK, OPERATIONS, Pipeline
from fullcircle.images.augmentation.operation import Colouring

EVERY = pytest.mark.parametrize("kind", OPERATIONS.values(), ids=OPERATIONS)
MOVING = pytest.mark.parametrize(
    "kind", [o for o in OPERATIONS.values() if not issubclass(o, Colouring)], ids=lambda kind: kind.name
)


@pytest.fixture(params=[(40, 40), (32, 40), (40, 32, 3)], ids=str)
def images(request, rng):
    """Pictures with something at every scale: blocks, and noise on them."""
    blocks = rng.integers(30, 200, (6, *[size // 8 for size in request.param[:2]], *request.param[2:]))
    return (blocks.repeat(8, axis=1).repeat(8, axis=2) + rng.integers(0, 40, (6, *request.param))).astype(np.uint8)


def pipeline(kind, probability, **options):
    return Pipeline([kind(probability=probability, **kind.example)], **options)


@EVERY
def test_with_probability_0_it_leaves_pictures_untouched(kind, images, rng):
    copies = pipeline(kind, 0).sample(images, 20, rng)
    assert np.array_equal(copies.images, images[copies.records.originals])
    assert not copies.records.operations[0].fired.any()


@EVERY
def test_with_probability_1_it_always_fires_and_does_something(kind, images, rng):
    copies = pipeline(kind, 1).sample(images, 20, rng)
    assert copies.records.operations[0].fired.all()
    width, height = pipeline(kind, 1).frame(images.shape[2], images.shape[1])
    assert copies.images.dtype == np.uint8
    assert copies.images.shape == (20, height, width, *images.shape[3:])
    # Grey pictures have no colour to take out or to strengthen.
    grey_stays = kind.name in ("greyscale", "random_color") and images.ndim == 3
    same_shape = copies.images.shape[1:] == images.shape[1:]
    changed = not same_shape or (copies.images != images[copies.records.originals]).any()
    assert changed != grey_stays


@EVERY
def test_its_probability_is_exact(kind, rng):
    n = 4 * BLOCK
    fired = pipeline(kind, 0.3).sample(np.zeros((1, 4, 4), np.uint8), n, rng).records.operations[0].fired
    # Five standard deviations of a binomial share: less than a millionth of all seeds leave them.
    assert abs(fired.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / n)


@EVERY
def test_the_same_seed_gives_the_same_pictures_and_the_first_do_not_depend_on_how_many_follow(kind, images):
    one, two = (pipeline(kind, 0.5).sample(images, n, np.random.default_rng(3)) for n in (12, 40))
    assert np.array_equal(one.images, two.images[:12])
    assert not np.array_equal(two.images, pipeline(kind, 0.5).sample(images, 40, np.random.default_rng(4)).images)


@EVERY
def test_any_sample_can_be_made_again_from_its_record_alone(kind, images, rng):
    twice = Pipeline([kind(probability=0.6, **kind.example)] * 2)
    copies = twice.sample(images, 20, rng)
    for i, image in enumerate(copies.images):
        record = json.loads(json.dumps(copies.records.record(i)))
        assert np.array_equal(twice.replay(images[record["original"]], record), image)


@EVERY
def test_it_is_data(kind):
    written = pipeline(kind, 0.5)
    assert Pipeline.from_data(json.loads(json.dumps(written.as_data()))) == written
    assert Pipeline.from_data([{kind.name: {"probability": 0.5, **kind.example}}]) == written


@EVERY
def test_a_bad_argument_is_refused(kind):
    with pytest.raises(
        SettingsError, match=rf"{kind.name}.probability is expected to be at least 0 and at most 1. Received: 1.5"
    ):
        Pipeline.from_data([{kind.name: {**kind.example, "probability": 1.5}}])
    with pytest.raises(SettingsError, match=f"Unknown argument of {kind.name}: 'probabilty'. Did you mean 'probability'"):
        Pipeline.from_data([{kind.name: {**kind.example, "probabilty": 0.5}}])


@EVERY
def test_it_says_what_it_is_and_what_its_arguments_are(kind):
    assert kind.summary().endswith(".")
    assert all(field.metadata["about"] for field in dataclasses.fields(kind))


@MOVING
def test_key_points_move_with_the_picture(kind, rng):
    """A bright dot at a key point: its centre of mass lies where the key point went."""
    size, n = 96, 60
    points = rng.uniform(40, 56, (n, 1, 2))
    y, x = np.mgrid[:size, :size]
    distance = (x - points[:, 0, 0, None, None]) ** 2 + (y - points[:, 0, 1, None, None]) ** 2
    dots = np.rint(255 * np.exp(-distance / 2)).astype(np.uint8)
    copies = pipeline(kind, 1).sample(dots, n, rng, keypoints=points)
    height, width = copies.images.shape[1:]
    y, x = np.mgrid[:height, :width]
    seen = 0
    for image, (at,) in zip(copies.images.astype(float), copies.keypoints, strict=True):
        # A dot that the frame cuts has its centre of mass elsewhere.
        if (at < 6).any() or (at > [width - 7, height - 7]).any():
            continue
        centre = [(image * x).sum() / image.sum(), (image * y).sum() / image.sum()]
        assert np.hypot(*(centre - at)) < 0.3
        seen += 1
    assert seen > n / 3


def test_the_documentation_names_every_operation_with_its_arguments_and_its_example_runs():
    page = (Path(__file__).parents[4] / "docs" / "augmentation.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| .* \|$", page, re.MULTILINE))
    arguments = {
        name: [f.name for f in dataclasses.fields(kind) if f.name != "probability"] for name, kind in OPERATIONS.items()
    }
    assert {name: re.findall(r"`(\w+)`", text) for name, text in rows.items()} == arguments
    exec(re.search(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1], {})
