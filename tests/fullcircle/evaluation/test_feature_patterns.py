"""Feature patterns of networks made by hand, whose best pictures are known by mathematics."""

import keras
import numpy as np
import pyarrow as pa
import pytest
from keras import layers

from fullcircle.core.settings import SettingsError
from fullcircle.evaluation.feature_patterns import (
    OUT_OF_STEPS,
    SETTLED,
    SILENT,
    Statistics,
    activations,
    as_pictures,
    chosen,
    most_exciting,
    patterns,
    snapshot_steps,
    standardise,
    start_images,
)
from fullcircle.evaluation.settings import FeaturePatternsSettings
from fullcircle.images.arrays import unit_images
from fullcircle.store.tables import TableReader, tensor_array, tensor_type, write_table

SEEN = Statistics(0.4, 0.2)
FAST = FeaturePatternsSettings(step=0.1, steps=100, starts=4)
SIZE = 9
EDGE = np.sign(np.arange(SIZE) - SIZE // 2).astype("float32")[None, :, None] * np.ones((SIZE, SIZE, 1), "float32")
CORNER = np.pad(np.ones((3, 3, 1), "float32"), ((0, 6), (0, 6), (0, 0)))


def network(kernels, biases, activation="relu", size=SIZE):
    """One convolution, each of whose maps has a kernel given by hand."""
    image = keras.Input((size, size, 1), name="image")
    x = layers.Conv2D(len(kernels), kernels[0].shape[0], activation=activation, name="conv")(image)
    model = keras.Model(image, layers.Dense(2, name="latent")(layers.Flatten(name="flat")(x)), name="by_hand")
    model.get_layer("conv").set_weights([np.stack(kernels, axis=-1), np.array(biases, "float32")])
    return model


@pytest.fixture(scope="module")
def by_hand():
    """An edge, a corner, and a map that nothing in reach can excite."""
    return network([EDGE, CORNER, 0.01 * EDGE], [20.0, 20.0, -50.0])


def test_the_pattern_of_a_kernel_is_the_kernel(by_hand):
    found = patterns(by_hand, "conv", np.array([0, 1]), SEEN, FAST)
    for pattern, kernel, activation in zip(found.images, (EDGE, CORNER), found.activations, strict=True):
        best = standardise(kernel[None])[0]
        assert np.corrcoef(pattern.ravel(), best.ravel())[0, 1] > 0.99
        most = float((kernel * (SEEN.mean + SEEN.deviation * best)).sum()) + 20  # of all images of this lightness and contrast
        assert 0.99 * most < activation <= most * (1 + 1e-6)
    assert found.ended == (SETTLED, SETTLED)
    assert (found.activations > found.start_activations).all()


def test_a_pattern_is_standardised_at_every_step(by_hand):
    found = patterns(by_hand, "conv", np.array([0, 1]), SEEN, FAST)
    for images in found.snapshots.values():
        assert images.mean(axis=(1, 2, 3)) == pytest.approx(np.zeros(2), abs=1e-5)
        assert images.std(axis=(1, 2, 3)) == pytest.approx(np.ones(2), abs=1e-5)
    pictures = as_pictures(found.images, SEEN)
    assert (pictures.mean(), pictures.std()) == pytest.approx((0.4, 0.2), abs=1e-5)


def test_a_dead_map_is_given_up_after_ten_silent_steps(by_hand):
    found = patterns(by_hand, "conv", np.array([2, 0]), SEEN, FAST)
    assert (found.ended[0], found.steps[0], found.activations[0]) == (SILENT, 10, 0.0)
    assert found.ended[1] == SETTLED  # the other is not kept from climbing
    assert not np.array_equal(found.snapshots[0][0], found.images[0])  # other start images were tried
    assert patterns(by_hand, "conv", np.array([2]), SEEN, FeaturePatternsSettings(silent_steps=3, starts=2)).steps[0] == 3


def test_a_map_that_one_start_image_leaves_cold_climbs_from_another():
    # About one start image in six has the light in the corner that it takes.
    model = network([CORNER], [-9 * (SEEN.mean + SEEN.deviation)])
    found = patterns(model, "conv", np.array([0]), SEEN, FeaturePatternsSettings(step=0.1, starts=1, silent_steps=40, seed=2))
    assert found.start_activations[0] == 0
    assert found.ended == (SETTLED,)
    assert found.activations[0] > 0


def test_what_has_settled_stays_as_it_is(by_hand):
    # Both climb as fast; beside an activation of 2000 that is no change to speak of.
    model = network([EDGE, EDGE], [2000.0, 10.0])
    found = patterns(model, "conv", np.array([0, 1]), SEEN, FAST)
    first, second = found.steps
    assert first < second
    after = [images for step, images in found.snapshots.items() if step >= first]
    assert len(after) > 1
    assert all(np.array_equal(images[0], found.images[0]) for images in after)
    assert not np.array_equal(after[0][1], found.images[1])


def test_all_at_once_is_one_at_a_time(by_hand):
    settings = FeaturePatternsSettings(step=0.05, steps=20, starts=4)
    together = patterns(by_hand, "conv", np.array([0, 1, 2]), SEEN, settings)
    for i in range(3):
        alone = patterns(by_hand, "conv", np.array([i]), SEEN, settings)
        assert alone.images[0] == pytest.approx(together.images[i], abs=1e-4)
        assert alone.activations[0] == pytest.approx(together.activations[i], rel=1e-5)
        assert (alone.steps[0], alone.ended[0]) == (together.steps[i], together.ended[i])
    split = patterns(
        by_hand, "conv", np.array([0, 1, 2]), SEEN, FeaturePatternsSettings(step=0.05, steps=20, starts=4, batch_size=2)
    )
    assert split.images == pytest.approx(together.images, abs=1e-4)
    assert split.ended == together.ended == (OUT_OF_STEPS, OUT_OF_STEPS, SILENT)


def test_the_same_seed_gives_the_same_patterns(by_hand):
    settings = FeaturePatternsSettings(steps=5, starts=2)
    one, again, other = (
        patterns(by_hand, "conv", np.array([0, 1]), SEEN, FeaturePatternsSettings(steps=5, starts=2, seed=seed))
        for seed in (settings.seed, settings.seed, 7)
    )
    assert np.array_equal(one.images, again.images)
    assert not np.array_equal(one.images, other.images)


def test_each_map_begins_at_the_start_image_that_it_reacts_to_most(by_hand):
    settings = FeaturePatternsSettings(steps=1, starts=6)
    found = patterns(by_hand, "conv", np.array([0, 1]), SEEN, settings)
    starts = start_images((SIZE, SIZE, 1), 6, settings.fields, np.random.default_rng(settings.seed))
    tried = activations(by_hand, {"conv": np.array([0, 1])}, as_pictures(starts, SEEN))
    assert np.array_equal(found.snapshots[0], starts[tried.argmax(axis=0)])
    assert found.start_activations == pytest.approx(tried.max(axis=0))


def test_start_images_have_the_length_scales_asked_for(rng):
    def neighbours(fields):
        image = start_images((56, 56, 1), 1, fields, rng)[0, ..., 0]
        assert (image.mean(), image.std()) == pytest.approx((0, 1), abs=1e-5)
        return np.corrcoef(image[:, 1:].ravel(), image[:, :-1].ravel())[0, 1]

    coarse, finer, per_pixel = (neighbours([(cells, 1.0)]) for cells in (3, 14, None))
    assert coarse > 0.97 > finer > 0.5 > 0.1 > abs(per_pixel)
    assert neighbours([(3, 1.0), (None, 0.01)]) > 0.95  # weights weigh
    assert abs(neighbours([(3, 0.01), (None, 1.0)])) < 0.1
    small = start_images((8, 12, 3), 2, FeaturePatternsSettings().fields, rng)  # 14 cells do not fit 8 px
    assert small.shape == (2, 8, 12, 3)
    assert small.dtype == np.float32


def test_snapshots_are_spaced_on_a_logarithmic_scale():
    assert snapshot_steps(400, 8) == [0, 1, 2, 6, 13, 31, 72, 170, 400]
    assert snapshot_steps(1, 8) == [0, 1]


@pytest.fixture
def table(tmp_path, rng):
    images = rng.integers(0, 256, (1100, SIZE, SIZE), dtype=np.uint8)  # more than one row group
    schema = pa.schema([("id", pa.string()), ("image", tensor_type((SIZE, SIZE)))])
    ids = pa.array([f"picture {i}" for i in range(len(images))])
    write_table(tmp_path / "test.parquet", schema, [pa.record_batch([ids, tensor_array(images)], schema=schema)])
    return TableReader(tmp_path / "test.parquet"), images


def test_the_pictures_that_excite_most_are_found_by_streaming(by_hand, table):
    reader, images = table
    maps = {"conv": np.array([0, 1]), "latent": np.array([1])}
    found = most_exciting(by_hand, maps, reader, FeaturePatternsSettings(pictures=3, batch_size=100))
    every = activations(by_hand, maps, unit_images(images))
    order = np.argsort(-every, axis=0)[:3]
    assert found.activations == pytest.approx(np.take_along_axis(every, order, axis=0), rel=1e-5)
    assert found.ids.tolist() == [[f"picture {i}" for i in row] for row in order]
    assert np.array_equal(found.images, images[order])
    assert found.mean == pytest.approx(every.mean(axis=0), rel=1e-4)
    assert (found.statistics.mean, found.statistics.deviation) == pytest.approx(((images / 255).mean(), (images / 255).std()))
    assert found.rows == 1100


def test_pictures_of_another_shape_are_refused(table):
    with pytest.raises(ValueError, match=r"takes pictures of \(5, 5, 1\). Received: \(9, 9, 1\)"):
        most_exciting(network([EDGE[:3, :3]], [0], size=5), {"conv": np.array([0])}, table[0], FeaturePatternsSettings())


def test_layers_and_maps_are_chosen(by_hand):
    def of(encoder, **settings):
        return {name: maps.tolist() for name, maps in chosen(encoder, FeaturePatternsSettings(**settings)).items()}

    assert of(by_hand) == {"conv": [0, 1, 2]}
    assert of(by_hand, maps=2) == {"conv": [0, 2]}
    assert of(by_hand, layers="latent, conv:1:0") == {"latent": [0, 1], "conv": [0, 1]}
    dense = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3, name="latents")])
    assert of(dense) == {"latents": [0, 1, 2]}
    with pytest.raises(SettingsError, match="Unknown layer of 'by_hand' in features.layers: 'cnv'. Did you mean 'conv'?"):
        of(by_hand, layers="cnv")
    with pytest.raises(SettingsError, match="A map of layer 'conv' in features.layers is expected to be in 0..2. Received: 3."):
        of(by_hand, layers="conv:3")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"scales": "3:1,x:2"}, "features.scales is expected to be CELLS:WEIGHT"),
        ({"scales": "0:1"}, "CELLS at least 1 or full"),
        ({"scales": "3:0"}, "WEIGHT greater than 0"),
        ({"layers": "conv:x"}, "features.layers is expected to be NAME or NAME:MAP:MAP"),
        ({"step": 0.0}, "features.step is expected to be greater than 0"),
    ],
)
def test_bad_settings_are_refused(setting, message):
    with pytest.raises(SettingsError, match=message):
        FeaturePatternsSettings(**setting)
