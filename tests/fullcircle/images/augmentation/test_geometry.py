"""Geometry against trigonometry, known pixels, and maps composed step by step."""

import cmath

import numpy as np
import pytest

from fullcircle.images.augmentation import Pipeline
from fullcircle.images.augmentation.crops import CropBySize, CropCentre, CropRandom
from fullcircle.images.augmentation.distortions import GaussianDistortion, RandomDistortion
from fullcircle.images.augmentation.flips import FlipLeftRight, FlipRandom, FlipTopBottom
from fullcircle.images.augmentation.geometry import displaced, displacement, project
from fullcircle.images.augmentation.operation import Geometric
from fullcircle.images.augmentation.rotations import Rotate, Rotate90, Rotate180, Rotate270, RotateRandom90, RotateWithoutCrop
from fullcircle.images.augmentation.shears import Shear
from fullcircle.images.augmentation.sizes import Resize, Scale
from fullcircle.images.augmentation.skews import Skew, SkewTopBottom
from fullcircle.images.augmentation.zooms import Zoom, ZoomRandom


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (3, 30, 50), dtype=np.uint8)


def always(kind, images, rng, n=30, keypoints=None, **arguments):
    return Pipeline([kind(probability=1, **arguments)]).sample(images, n, rng, keypoints=keypoints)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FlipLeftRight, lambda image: image[:, ::-1]),
        (FlipTopBottom, lambda image: image[::-1]),
        (Rotate90, np.rot90),
        (Rotate180, lambda image: image[::-1, ::-1]),
        (Rotate270, lambda image: np.rot90(image, 3)),
    ],
)
def test_flips_and_quarter_turns_are_exact(kind, expected, images, rng):
    copies = always(kind, images, rng)
    for image, original in zip(copies.images, copies.records.originals, strict=True):
        assert np.array_equal(image, expected(images[original]))


def test_random_flips_and_turns_are_those_recorded(rng):
    images = rng.integers(0, 256, (3, 32, 32), dtype=np.uint8)
    copies = always(RotateRandom90, images, rng, 100)
    turns = copies.records.operations[0].drawn["left_quarters"]
    for image, original, turn in zip(copies.images, copies.records.originals, turns, strict=True):
        assert np.array_equal(image, np.rot90(images[original], turn))
    assert set(turns) == {1, 2, 3}
    copies = always(FlipRandom, images, rng, 100)
    axes = copies.records.operations[0].drawn["axis"]
    for image, original, axis in zip(copies.images, copies.records.originals, axes, strict=True):
        assert np.array_equal(image, np.flip(images[original], 1 if axis == "left_right" else 0))


@pytest.mark.parametrize("kind", [Rotate, RotateWithoutCrop])
def test_a_rotated_point_lands_where_trigonometry_says(kind, rng):
    """With complex numbers, y upwards: turning left multiplies by exp(i angle)."""
    width, height = 50, 30
    points = np.tile(rng.uniform(5, 25, (1, 4, 2)), (1, 1, 1))
    copies = always(kind, np.zeros((1, height, width), np.uint8), rng, 50, points, max_left_rotation=60, max_right_rotation=20)
    angles = copies.records.operations[0].drawn["left_deg"]
    assert angles.min() > -20 and angles.max() < 60 and (angles < 0).any() and (angles > 20).any()
    for angle, moved in zip(np.radians(angles), copies.keypoints, strict=True):
        # The largest rectangle of the same aspect in the turned picture: turned back, its corners touch the picture's border.
        c, s = np.cos(angle), abs(np.sin(angle))
        scale = max(c + s * height / width, c + s * width / height) if kind is Rotate else 1
        for (x, y), (u, v) in zip(points[0], moved, strict=True):
            z = complex(x - (width - 1) / 2, (height - 1) / 2 - y) * cmath.exp(1j * angle) * scale
            assert (u, v) == pytest.approx(((width - 1) / 2 + z.real, (height - 1) / 2 - z.imag), abs=1e-9)


def test_rotate_shows_no_empty_corner_and_rotate_without_crop_fills_it(rng):
    white = np.full((1, 40, 60), 255, np.uint8)
    assert always(Rotate, white, rng, max_left_rotation=25, max_right_rotation=25).images.min() == 255
    turned = {"probability": 1, "max_left_rotation": 45, "max_right_rotation": 45}
    for pipeline, level in (
        (Pipeline([RotateWithoutCrop(**turned)]), 0),
        (Pipeline([RotateWithoutCrop(**turned)], fill=9), 9),
        (Pipeline([RotateWithoutCrop(**turned, fillcolor=77)], fill=9), 77),
        (Pipeline([RotateWithoutCrop(**turned)], fill="edge"), 255),
    ):
        copies = pipeline.sample(white, 30, rng)
        turned_far = np.abs(copies.records.operations[0].drawn["left_deg"]) > 10
        assert turned_far.sum() > 15
        assert (copies.images[turned_far, 0, 0] == level).all()
        assert (copies.images[:, 20, 30] == 255).all()


def test_expand_holds_the_whole_picture(rng):
    grown = Pipeline(
        [
            RotateWithoutCrop(probability=1, max_left_rotation=180, max_right_rotation=180, expand=True),
            Resize(probability=1, width=64, height=64),
        ]
    )
    corners = np.array([[[0, 0], [49, 0], [49, 29], [0, 29]]])
    copies = grown.sample(np.full((1, 30, 50), 200, np.uint8), 50, rng, keypoints=corners)
    assert copies.images.shape == (50, 64, 64)
    assert copies.keypoints.min() > -0.5 and copies.keypoints.max() < 63.5


def test_zoom_magnifies_about_the_centre_and_zoom_random_stays_inside(rng):
    points = np.array([[[0, 0], [24.5, 14.5], [49, 29]]])
    copies = always(Zoom, np.zeros((1, 30, 50), np.uint8), rng, 20, points, min_factor=0.5, max_factor=2)
    factor = copies.records.operations[0].drawn["factor"][:, None, None]
    assert copies.keypoints == pytest.approx(np.array([24.5, 14.5]) + factor * (points - [24.5, 14.5]))
    white = np.full((1, 30, 50), 255, np.uint8)
    copies = always(ZoomRandom, white, rng, 50, points, percentage_area=0.4)
    assert copies.images.min() == 255
    assert np.diff(copies.keypoints, axis=1)[:, 0] == pytest.approx(np.tile([24.5 / 0.4, 14.5 / 0.4], (50, 1)))
    copies = always(ZoomRandom, white, rng, 200, percentage_area=0.4, randomise_percentage_area=True)
    share = copies.records.operations[0].drawn["share"]
    assert 0.1 <= share.min() < 0.15 and 0.35 < share.max() <= 0.4


def test_crops_are_slices(images, rng):
    middle = always(CropCentre, images, rng, percentage_area=0.5)
    assert np.array_equal(middle.images, images[middle.records.originals][:, 7:22, 12:37])
    by_size = always(CropBySize, images, rng, width=20, height=10)
    assert np.array_equal(by_size.images, images[by_size.records.originals][:, 10:20, 15:35])
    for crop in (
        always(CropRandom, images, rng, 200, percentage_area=0.9),
        always(CropBySize, images, rng, 200, width=45, height=27, centre=False),
    ):
        drawn = crop.records.operations[0].drawn
        assert set(drawn["left_px"]) == set(range(6)) and set(drawn["top_px"]) == set(range(4))
        for i, (left, top) in enumerate(zip(drawn["left_px"], drawn["top_px"], strict=True)):
            assert np.array_equal(crop.images[i], images[crop.records.originals[i], top : top + 27, left : left + 45])
    assert np.array_equal(
        *(lambda s: (s.images, images[s.records.originals]))(always(CropBySize, images, rng, width=51, height=9))
    )


def test_samples_are_one_size_where_only_some_are_cropped(images, rng):
    crop = CropCentre(probability=0.5, percentage_area=0.5)
    assert Pipeline([crop]).sample(images, 9, rng).images.shape == (9, 30, 50)
    assert Pipeline([crop, Resize(probability=1, width=28, height=24)]).sample(images, 9, rng).images.shape == (9, 24, 28)
    assert Pipeline([Scale(probability=1, scale_factor=1.5), crop]).sample(images, 9, rng).images.shape == (9, 30, 50)
    random = CropCentre(probability=1, percentage_area=0.5, randomise_percentage_area=True)
    assert Pipeline([random, Rotate90(probability=1)]).sample(images, 9, rng).images.shape == (9, 30, 50)


def test_scaling_down_takes_the_mean_and_up_interpolates(images, rng):
    half = always(Resize, images, rng, width=25, height=15)
    blocks = images[half.records.originals].reshape(-1, 15, 2, 25, 2).mean(axis=(2, 4))
    assert np.abs(half.images - blocks).max() <= 1
    # A fine grating is plain from afar; without the mean it would be black or white.
    grating = np.tile(np.array([0, 255], np.uint8), (1, 60, 30))
    assert np.abs(always(Scale, grating, rng, scale_factor=0.25).images.astype(int) - 127.5).max() < 3
    ramp = np.tile(np.arange(50, dtype=np.uint8) * 5, (1, 30, 1))
    double = always(Scale, ramp, rng, scale_factor=2).images[0]
    assert double.shape == (60, 100)
    assert double[30, 20:26].tolist() == [49, 51, 54, 56, 59, 61]  # a quarter of the way, three quarters: 48.75, 51.25, ...


def test_interpolation_can_be_chosen(rng):
    edge = np.zeros((1, 16, 16), np.uint8)
    edge[..., 8:] = 200
    zoom = [Zoom(probability=1, min_factor=1.7, max_factor=1.7)]
    levels = {
        k: set(np.unique(Pipeline(zoom, interpolation=k).sample(edge, 1, rng).images)) for k in ("nearest", "linear", "cubic")
    }
    assert levels["nearest"] == {0, 200}
    assert max(levels["linear"]) == 200 and len(levels["linear"]) > 2
    assert max(levels["cubic"]) > 200  # cubic curves overshoot


def test_skews_pull_the_corners_that_they_say(rng):
    corners = np.array([[[-0.5, -0.5], [49.5, -0.5], [49.5, 29.5], [-0.5, 29.5]]])
    copies = always(Skew, np.full((1, 30, 50), 255, np.uint8), rng, 300, corners, magnitude=0.5)
    drawn = copies.records.operations[0].drawn
    assert copies.images.min() == 255  # no empty corner
    assert drawn["pull_px"].min() > 0 and 24 < drawn["pull_px"].max() <= 25
    assert len(set(drawn["direction"])) == 12
    for direction, pull, moved in zip(drawn["direction"], drawn["pull_px"], copies.keypoints - corners, strict=True):
        by = moved / pull
        assert np.abs(by - np.rint(by)).max() < 1e-6
        assert (np.abs(by).sum() == pytest.approx(2)) == (direction in ("left", "right", "top", "bottom"))
        if direction == "top":
            assert np.rint(by).tolist() == [[-1, 0], [1, 0], [0, 0], [0, 0]]
        if direction == "bottom left down":
            assert np.rint(by).tolist() == [[0, 0], [0, 0], [0, 0], [0, 1]]
    directions = always(SkewTopBottom, np.zeros((1, 8, 8), np.uint8), rng, 50).records.operations[0].drawn["direction"]
    assert set(directions) == {"top", "bottom"}


def test_shear_slants_by_its_angle(rng):
    width, height = 50, 30
    corners = np.array([[[-0.5, -0.5], [49.5, -0.5], [49.5, 29.5], [-0.5, 29.5]]])
    copies = always(Shear, np.full((1, height, width), 255, np.uint8), rng, 60, corners, max_shear_left=20, max_shear_right=20)
    assert copies.images.min() == 255
    drawn = copies.records.operations[0].drawn
    assert set(drawn["axis"]) == {"x", "y"}
    for axis, angle, (a, b, _, d) in zip(drawn["axis"], drawn["right_deg"], copies.keypoints, strict=True):
        tan = np.tan(np.radians(angle))
        if axis == "x":  # the left side leans by the angle; then what is whole is stretched to the width
            assert (a - d)[0] * (1 - abs(tan) * height / width) == pytest.approx(tan * height)
            assert (a[1], d[1]) == pytest.approx((-0.5, 29.5))
        else:
            assert (a - b)[1] * (1 - abs(tan) * width / height) == pytest.approx(tan * width)
            assert (a[0], b[0]) == pytest.approx((-0.5, 49.5))


def test_distortions_move_inner_corners_and_nothing_on_the_border(rng):
    distortion = RandomDistortion(probability=1, grid_width=5, grid_height=3, magnitude=2)
    seeds = {"seed": rng.integers(0, 2**53, 500)}
    nodes = distortion.nodes(seeds)
    assert nodes.shape == (500, 4, 6, 2)
    assert not nodes[:, [0, -1]].any() and not nodes[:, :, [0, -1]].any()
    inner = nodes[:, 1:-1, 1:-1]
    assert -2 <= inner.min() < -1.99 and 1.99 < inner.max() <= 2
    assert abs(inner.mean()) < 5 * 2 / np.sqrt(3 * inner.size)
    assert inner.std() == pytest.approx(2 / np.sqrt(3), rel=0.03)
    frames = np.array([[50, 30]] * 500)
    at_nodes = np.stack(np.meshgrid(np.arange(6) * 10, np.arange(4) * 10), axis=-1).reshape(1, -1, 2)
    value, _ = displacement(nodes, frames, np.repeat(at_nodes, 500, axis=0))
    assert value.reshape(nodes.shape) == pytest.approx(nodes)
    value, _ = displacement(nodes, frames, np.tile([[[15.0, 15.0]]], (500, 1, 1)))
    assert value[:, 0] == pytest.approx(nodes[:, 1:3, 1:3].mean(axis=(1, 2)))


def test_the_bell_of_gaussian_distortion(rng):
    def bell(corner, method):
        return GaussianDistortion(probability=1, grid_width=10, grid_height=10, magnitude=8, corner=corner, method=method)

    sigmas = bell("bell", "in").sigmas()
    assert sigmas.shape == (9, 9)
    assert sigmas[4, 4] == 8 and sigmas.min() < 1  # the peak, in the middle
    # By hand, two nodes to the right of the peak: (exp(-.2^2 / .05) - edge) / (1 - edge), the edge being a corner of the bell.
    edge = np.exp(-0.5 / 0.05)
    assert sigmas[4, 6] == pytest.approx(8 * (np.exp(-0.8) - edge) / (1 - edge))
    assert bell("bell", "out").sigmas()[4, 4] == pytest.approx(0.08)
    for corner, peak in (("ul", (0, 0)), ("ur", (0, 8)), ("dl", (8, 0)), ("dr", (8, 8))):
        assert np.unravel_index(bell(corner, "in").sigmas().argmax(), (9, 9)) == peak
    nodes = bell("bell", "in").nodes({"seed": rng.integers(0, 2**53, 4000)})
    assert nodes[:, 1:-1, 1:-1].std(axis=0) == pytest.approx(np.stack([sigmas] * 2, axis=-1), rel=0.06)


def test_a_displacement_is_inverted_to_a_millionth_of_a_pixel_where_it_does_not_fold(rng):
    n, frames = 200, np.array([[64, 48]] * 200)
    nodes = np.pad(rng.uniform(-3.5, 3.5, (n, 3, 4, 2)), ((0, 0), (1, 1), (1, 1), (0, 0)))
    q = rng.uniform(-5, 70, (n, 9, 2))
    value, _ = displacement(nodes, frames, q)
    landed = displaced(nodes, frames, q + value)
    assert np.abs(landed - q).max() < 1e-6


def test_the_fused_map_is_the_composition_of_the_maps_step_by_step(rng):
    """On a ramp a level is a coordinate: what a copy shows is where it came from."""
    operations = [
        Rotate(probability=0.8, max_left_rotation=20, max_right_rotation=20),
        RandomDistortion(probability=0.7, grid_width=4, grid_height=3, magnitude=3),
        Skew(probability=0.7, magnitude=0.2),
        FlipLeftRight(probability=0.5),
        GaussianDistortion(probability=0.5, grid_width=5, grid_height=5, magnitude=3, corner="ul", method="in"),
        Shear(probability=0.7, max_shear_left=10, max_shear_right=10),
        CropRandom(probability=0.5, percentage_area=0.9),
    ]
    across = np.tile(np.arange(60, dtype=np.uint8) * 4, (60, 1))
    pipeline = Pipeline(operations)
    n = 60
    xs, ys = (pipeline.sample(ramp[None], n, np.random.default_rng(5)) for ramp in (across, across.T))
    grid = np.stack(np.meshgrid(np.arange(60), np.arange(60)), axis=-1).reshape(1, -1, 2)
    errors = []
    for i in range(n):
        steps, frame = [], np.array([[60, 60]])
        for operation, entry in zip(operations, xs.records.rows([i]).operations, strict=True):
            if entry.fired[0]:
                if isinstance(operation, Geometric):
                    after = operation.frames_after(frame, entry.drawn)
                    steps.append(("matrix", operation.matrices(frame, after, entry.drawn), None))
                    frame = after
                else:
                    steps.append(("nodes", operation.nodes(entry.drawn), frame))
        at = (grid + 0.5) * frame / 60
        for kind, what, over in reversed(steps):
            at = project(what, at) if kind == "matrix" else at + displacement(what, over, at)[0]
        at = (at - 0.5).reshape(60, 60, 2)
        inside = ((at > 0.5) & (at < 58.5)).all(axis=-1)
        errors += [np.abs(xs.images[i] / 4 - at[..., 0])[inside], np.abs(ys.images[i] / 4 - at[..., 1])[inside]]
    errors = np.concatenate(errors)
    assert errors.size > n * 60 * 60
    # Rounding to a level is an eighth of a pixel. Where a pixel is a mean of several points, it differs from its centre at folds.
    assert (errors < 0.13).mean() > 0.99
    assert errors.max() < 0.3
