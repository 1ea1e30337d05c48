"""Contract of every decoder and encoder in the lists, on three drawing classes that share nothing but the base class."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image, ImageDraw

from fullcircle.drawings import DRAWINGS, Drawing
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.scaling import SCALINGS, Scaling, scaling
from fullcircle.models.decoders import DECODERS, build_decoder
from fullcircle.models.encoders import ENCODERS, build_encoder
from fullcircle.models.networks import Architecture, guesses, load


class Disc(Drawing):
    """A coloured disc on black with a notch at some angle: one point, RGB, a periodic factor, a canvas that is not square."""

    name = "disc"
    height, width, channels = 16, 24, 3
    factors = Factors(
        Factor("x", 0, 24, point="centre", axis="x"),
        Factor("y", 0, 16, point="centre", axis="y"),
        Factor("radius", 2, 40),
        Factor("notch", 0, 330, step=30, unit="degree", periodic=True),
        Factor("red", 0, 255, unit="level", kind="colour"),
        Factor("green", 0, 255, unit="level", kind="colour"),
        Factor("blue", 0, 255, unit="level", kind="colour"),
    )

    def draw(self, *, x: int, y: int, radius: int, notch: int, red: int, green: int, blue: int) -> Image.Image:
        image = Image.new("RGB", (self.width, self.height))
        box = (x - radius, y - radius, x + radius, y + radius)
        ImageDraw.Draw(image).pieslice(box, notch + 20, notch + 340, fill=(red, green, blue))
        return image


class Shade(Drawing):
    """A plain canvas of some grey: no geometry at all."""

    name = "shade"
    height, width = 16, 16
    factors = Factors(Factor("grey", 0, 255, unit="level", kind="colour"))
    ground = ("grey",)

    def draw(self, *, grey: int) -> Image.Image:
        return Image.new("L", (self.width, self.height), grey)


CLASSES: dict[str, Drawing] = {d.name: d for d in (DRAWINGS["line"], Disc(), Shade())}
MODELS = [("decoder", name) for name in DECODERS] + [("encoder", name) for name in ENCODERS]


def build(kind: str, name: str, drawing: Drawing, by: Scaling) -> Any:
    return (build_decoder if kind == "decoder" else build_encoder)(name, drawing, by)


def batch(drawing: Drawing, by: Scaling, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents and images of `n` examples."""
    specs = drawing.factors.sample(n, np.random.default_rng(3))
    images = drawing.render(specs).reshape(n, *drawing.canvas).astype("float32") / 255
    return by.to_latent(specs), images


@pytest.fixture(params=MODELS, ids=lambda model: " ".join(model))
def kind_and_name(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


@pytest.fixture(params=CLASSES)
def drawing(request: pytest.FixtureRequest) -> Drawing:
    return CLASSES[request.param]


@pytest.mark.parametrize("scaled", SCALINGS)
def test_shapes_names_and_range(kind_and_name: tuple[str, str], drawing: Drawing, scaled: str) -> None:
    kind, name = kind_and_name
    by = scaling(scaled, drawing.factors)
    model = build(kind, name, drawing, by)
    latents, images = batch(drawing, by, 3)
    given, expected = (latents, images) if kind == "decoder" else (images, latents)
    answer = model.predict(given, verbose=0)
    assert model.input.name == ("latent" if kind == "decoder" else "image")
    assert answer.shape == expected.shape
    assert model.output_shape == (None, *expected.shape[1:])
    assert answer.dtype == np.float32
    assert np.isfinite(answer).all()
    if kind == "decoder":
        assert answer.min() >= 0
        assert answer.max() <= 1


def test_finite_beyond_the_data(kind_and_name: tuple[str, str], drawing: Drawing) -> None:
    """Corners of the latent cube, all points in one place, latents outside their range; black, white and flat images."""
    kind, name = kind_and_name
    by = scaling("range", drawing.factors)
    model = build(kind, name, drawing, by)
    rows = np.array([-3, -1, 0, 1, 3], "float32")
    if kind == "decoder":
        given = np.repeat(rows[:, None], len(drawing.factors), axis=1)
    else:
        given = np.stack([np.full(drawing.canvas, v, "float32") for v in (0, 0.5, 1)])
    assert np.isfinite(model.predict(given, verbose=0)).all()
    assert np.isfinite(gradient(model, given)).all()


def gradient(model: Any, given: np.ndarray) -> np.ndarray:
    """Of the sum of squares of the output and of the guesses before it, which have losses too, by the input."""
    import keras
    import tensorflow as tf

    outputs = keras.Model(model.input, [model.output, *(model.get_layer(name).output for name in guesses(model))])
    x = tf.convert_to_tensor(given)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = sum(tf.reduce_sum(output**2) for output in outputs(x, training=False))
    return np.asarray(tape.gradient(value, x))


def test_gradient_reaches_the_input(kind_and_name: tuple[str, str], drawing: Drawing) -> None:
    """Every factor of the spec, and some pixel of every channel: the second stage and the reader's refinement live by it."""
    kind, name = kind_and_name
    by = scaling("standardise", drawing.factors)
    latents, images = batch(drawing, by, 16)
    slope = gradient(build(kind, name, drawing, by), latents if kind == "decoder" else images)
    assert np.isfinite(slope).all()
    if kind == "decoder":
        assert (np.abs(slope).max(axis=0) > 0).all()
    elif drawing.name != "shade":  # a flat picture has no contrast to look at
        assert (np.abs(slope).max(axis=(0, 1, 2)) > 0).all()


def test_saved_and_loaded_in_safe_mode(kind_and_name: tuple[str, str], drawing: Drawing, tmp_path: Any) -> None:
    kind, name = kind_and_name
    by = scaling("standardise", drawing.factors)
    model = build(kind, name, drawing, by)
    latents, images = batch(drawing, by, 4)
    given = latents if kind == "decoder" else images
    model.save(tmp_path / "model.keras")
    again = load(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert [type(a) for a in again.layers] == [type(b) for b in model.layers]
    assert json.loads(again.to_json()) == json.loads(model.to_json())
    np.testing.assert_array_equal(again.predict(given, verbose=0), model.predict(given, verbose=0))


def test_loads_in_a_process_that_built_nothing(tmp_path: Any) -> None:
    drawing = DRAWINGS["line"]
    by = scaling("range", drawing.factors)
    paths = []
    for kind, name in MODELS:
        paths.append(str(tmp_path / f"{kind}_{name}.keras"))
        build(kind, name, drawing, by).save(paths[-1])
    code = f"from fullcircle.models.networks import load\nfor path in {paths!r}: print(load(path).name)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == [f"{name}_{kind}" for kind, name in MODELS]


def test_config_does_not_depend_on_what_was_built_before(kind_and_name: tuple[str, str]) -> None:
    """The audit compares configs; a name such as dense_17 would differ from run to run."""
    kind, name = kind_and_name
    drawing = DRAWINGS["line"]
    by = scaling("range", drawing.factors)
    first, second = (build(kind, name, drawing, by) for _ in range(2))
    assert json.dumps(first.get_config(), sort_keys=True) == json.dumps(second.get_config(), sort_keys=True)
    assert [w.path for w in first.weights] == [w.path for w in second.weights]


def test_same_seed_same_weights(kind_and_name: tuple[str, str]) -> None:
    import keras

    drawing = DRAWINGS["line"]
    by = scaling("range", drawing.factors)
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(4)
        weights.append(build(*kind_and_name, drawing, by).get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_overfits_a_tiny_batch(kind_and_name: tuple[str, str]) -> None:
    """Eight lines by heart, to under a tenth of the error of the best constant."""
    import keras

    from fullcircle.models.losses import Balanced, spec_loss
    from fullcircle.training.drawings import join

    kind, name = kind_and_name
    drawing = DRAWINGS["line"]
    by = scaling("standardise", drawing.factors)
    keras.utils.set_random_seed(0)
    model = build(kind, name, drawing, by)
    latents, images = batch(drawing, by, 8)
    if kind == "decoder":
        given, wanted, loss = latents, images, Balanced()
        constant = images.mean(axis=(1, 2, 3), keepdims=True) + 0 * images
    else:
        given, wanted, loss = images, latents, spec_loss(drawing, by)
        constant = latents.mean(axis=0, keepdims=True) + 0 * latents
    halves = {"decoder": None, "encoder": None, kind: model}
    names = ["image" if kind == "decoder" else "latent", *guesses(model)]
    joined = join(**halves, outputs=names)
    joined.compile(keras.optimizers.Adam(3e-3), loss=dict.fromkeys(names, loss))
    given, wanted = np.concatenate([given] * 20), np.concatenate([wanted] * 20)
    fitted = joined.fit(given, dict.fromkeys(names, wanted), batch_size=8, epochs=15, shuffle=False, verbose=0).history
    history = fitted[f"{names[0]}_loss" if len(names) > 1 else "loss"]
    # As seen in training: batch statistics follow so fast a fit with a delay that is not in question here.
    assert history[-1] < 0.1 * float(loss(wanted, np.concatenate([constant] * 20)))


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_article_has_the_published_counts(kind: str) -> None:
    drawing = DRAWINGS["line"]
    model = build(kind, "article", drawing, scaling("range", drawing.factors))
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    published = {"decoder": (166_336, 166_240), "encoder": (305_153, 305_041)}
    assert (model.count_params(), trainable) == published[kind]


def test_half_planes_leave_colours_alone() -> None:
    """Halving both greys halves every pixel, as long as nothing is painted white: geometry does not see colour."""
    drawing = DRAWINGS["line"]
    by = scaling("range", drawing.factors)
    model = build_decoder("half_planes", drawing, by)
    palette = model.get_layer("image").palette
    palette.assign(np.where(np.arange(4) == 3, -9.0, 0.0) * np.ones(palette.shape))
    specs = drawing.factors.sample(4, np.random.default_rng(0))
    halves = specs.copy()
    specs[:, [4, 6]], halves[:, [4, 6]] = (200, 50), (100, 25)
    whole, half = (model.predict(by.to_latent(s), verbose=0) for s in (specs, halves))
    np.testing.assert_allclose(half, whole / 2, atol=1e-5)


def test_half_planes_start_from_the_known_ground() -> None:
    """Without regions the picture is the background grey, to a few levels: no start is spent on finding the ground."""
    drawing = DRAWINGS["line"]
    by = scaling("range", drawing.factors)
    layer = build_decoder("half_planes", drawing, by).get_layer("image")
    specs = drawing.factors.sample(5, np.random.default_rng(0))
    image = np.asarray(layer([np.zeros((5, 64 * 64, layer.palette.shape[0] - 1), "float32"), by.to_latent(specs)]))
    np.testing.assert_allclose(image, np.broadcast_to(specs[:, 6].reshape(5, 1, 1, 1) / 255, image.shape), atol=0.03)


def test_geometry_features_by_hand() -> None:
    """Start (0, 0), end (64, 32), width 4 of 1 to 10, on the 64 px canvas."""
    drawing = DRAWINGS["line"]
    by = scaling("standardise", drawing.factors)
    layer = build_decoder("half_planes", drawing, by).get_layer("geometry")
    features, points = (np.asarray(v)[0] for v in layer(by.to_latent(np.array([[0, 0, 64, 32, 7, 4, 9]]))))
    width = np.eye(10)[3]
    direction = np.array([2, 1]) / np.sqrt(5)
    expected = [width, [-1, -1], [1, 0], [2, 1], [np.sqrt(5)], direction, *(d * width for d in direction)]
    np.testing.assert_allclose(features, np.concatenate(expected), atol=1e-5)
    np.testing.assert_allclose(points, [[0, 0], [-1, -1], [1, 0]], atol=1e-5)


def features_of(drawing: Drawing, spec: list[float]) -> np.ndarray:
    """Of one spec, by the decoder's layer."""
    by = scaling("range", drawing.factors)
    model = build_decoder("half_planes", drawing, by)
    latent = by.to_latent(np.array([spec]))
    if "in_order" in {layer.name for layer in model.layers}:
        latent = model.get_layer("in_order")(latent)
    features, _ = model.get_layer("geometry")(latent)
    assert features.shape[1] == model.get_layer("geometry").output[0].shape[1]  # as it was when the network was built
    return np.asarray(features)[0]


def test_three_points_say_on_which_side_the_third_lies() -> None:
    """Right, then down on the canvas: 1; the other way round: -1. Seven features: the side, and it times three directions."""
    triangle = DRAWINGS["triangle"]
    there, back = features_of(triangle, [9, 9, 29, 9, 29, 39, 1, 2]), features_of(triangle, [9, 9, 29, 39, 29, 9, 1, 2])
    hypotenuse = np.array([2, 3]) / np.sqrt(13)
    np.testing.assert_allclose(there[-7:], [1, 1, 0, *hypotenuse, 0, 1], atol=1e-4)
    np.testing.assert_allclose(back[-7:], [-1, *-hypotenuse, -1, 0, 0, 1], atol=1e-4)


def test_angles_meet_the_other_factors_and_each_other() -> None:
    """Start 30 and end 120 degrees: sine and cosine of the difference, start - end, are -1 and 0."""
    arc = DRAWINGS["arc"]
    features = features_of(arc, [30, 30, 10, 20, 30, 120, 1, 3, 2])
    others = np.concatenate([np.eye(13)[2], np.eye(13)[12], np.eye(5)[2]])
    turns = [0.5, np.sqrt(0.75), np.sqrt(0.75), -0.5]
    np.testing.assert_allclose(features[35 : 35 + 4 * 31], np.concatenate([t * others for t in turns]), atol=1e-5)
    np.testing.assert_allclose(features[35 + 4 * 31 :][:2], [-1, 0], atol=1e-5)


def test_corners_whose_order_says_nothing_are_put_in_order() -> None:
    rectangle = DRAWINGS["rectangle"]
    one, other = features_of(rectangle, [50, 9, 20, 40, 0, 2, 1, 2]), features_of(rectangle, [20, 40, 50, 9, 0, 2, 1, 2])
    np.testing.assert_array_equal(one, other)
    line = DRAWINGS["line"]  # whose ends exchange as points, not coordinate by coordinate
    assert "in_order" not in {layer.name for layer in build_decoder("half_planes", line, scaling("range", line.factors)).layers}


def test_a_plane_may_be_bent_to_a_circle() -> None:
    """1 - dx^2 - dy^2 over a quarter of the canvas about the point (0.5, 0): half a unit of radius, edge to edge."""
    from fullcircle.models.decoders.half_planes import Conics

    layer = Conics(32, 64, 1, 1)
    edges = np.array([[0, 0, 250, -1000, 0, -1000]], "float32")
    mixture = np.array([[100, -50]], "float32")  # the plane itself, decided
    points = np.array([[[0, 0], [0.5, 0]]], "float32")
    layer.build([edges.shape, mixture.shape, points.shape])
    layer.anchor.assign([[-9, 9]])  # hung on the second point
    region = np.asarray(layer([edges, mixture, points])).reshape(32, 64)
    y, x = np.meshgrid((2 * np.arange(32) + 1) / 32 - 1, (2 * np.arange(64) + 1) / 64 - 1, indexing="ij")
    np.testing.assert_array_equal(region > 0.5, (x - 0.5) ** 2 + y**2 < 0.25)


@pytest.mark.parametrize(
    ("name", "plan"),
    [("line", (12, 3, False)), ("rectangle", (12, 3, False)), ("triangle", (16, 4, False)), ("arc", (6, 3, True))],
)
def test_how_large_a_decoder_is_follows_from_the_factors(name: str, plan: tuple[int, int, bool]) -> None:
    from fullcircle.models.decoders.half_planes import Plan

    assert Plan.of(DRAWINGS[name]) == Plan(*plan)


def test_the_decoder_of_the_line_has_the_counts_it_always_had() -> None:
    """Models trained before there were other classes are of this size, and new ones can be compared with them."""
    line = DRAWINGS["line"]
    assert build_decoder("half_planes", line, scaling("range", line.factors)).count_params() == 164_076
    assert build_encoder("attention", line, scaling("range", line.factors)).count_params() == 2_166_723


def test_a_colour_is_painted_in_its_own_channel_only() -> None:
    face = DRAWINGS["face"]
    by = scaling("range", face.factors)
    layer = build_decoder("half_planes", face, by).get_layer("image")
    specs = face.factors.sample(3, np.random.default_rng(0))
    regions = np.zeros((3, 96 * 96, layer.palette.shape[0] - 1), "float32")
    regions[..., 0] = 1  # the first region everywhere: it begins as the one colour that is not the ground
    image = np.asarray(layer([regions, by.to_latent(specs)]))
    skin = specs[:, [face.factors.index(f"skin_{c}") for c in ("red", "green", "blue")]] / 255
    np.testing.assert_allclose(image, np.broadcast_to(skin[:, None, None], image.shape), atol=0.04)


@pytest.mark.parametrize("scaled", SCALINGS)
def test_attention_answers_in_real_units(scaled: str) -> None:
    """All answers at 0: points mid-canvas, colours black, widths mid-range, angles half a turn on; under either scaling."""
    disc = CLASSES["disc"]
    by = scaling(scaled, disc.factors)
    model = build_encoder("attention", disc, by)
    latent = np.asarray(model.get_layer("guess_0")(model.get_layer("arranged")(np.zeros((1, 7), "float32"))))
    np.testing.assert_allclose(by.from_latent(latent), [[12, 8, 21, 180, 0, 0, 0]], atol=1e-4)


def test_attention_reads_an_angle_without_a_seam() -> None:
    """From sine and cosine: a whole turn is twelve steps of 30 degrees, and both sides of the seam stay within the turn."""
    disc = CLASSES["disc"]
    by = scaling("range", disc.factors)
    layer = build_encoder("attention", disc, by).get_layer("angles")
    turns = np.array([-0.5, -0.25, 0, 0.25, 0.4999])
    pairs = np.stack([np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)], axis=1).astype("float32")
    shares = np.asarray(layer(pairs))[:, 0]
    np.testing.assert_allclose(np.abs(shares), np.abs(turns), atol=1e-4)
    np.testing.assert_allclose(shares[1:4], turns[1:4], atol=1e-4)


def test_attention_finds_a_point_where_it_looks() -> None:
    """All attention on one cell without offsets: the answer is the cell's centre, in x and y."""
    line = DRAWINGS["line"]
    model = build_encoder("attention", line, scaling("range", line.factors))
    logits = np.full((1, 16, 16, 2), -50, "float32")
    logits[0, 2, 5, 0] = logits[0, 15, 0, 1] = 50
    places = model.get_layer("places")(np.zeros((1, 16, 16, 4), "float32"))
    found = np.asarray(model.get_layer("points")([logits, places]))
    pixels = (found + 1) * 32
    np.testing.assert_allclose(pixels, [[22, 10, 2, 62]], atol=1e-4)


@pytest.mark.parametrize("scaled", SCALINGS)
def test_attention_looks_closely_at_the_points_it_found(scaled: str) -> None:
    """A lit pixel stands at (8, 8) of a window of 16 around it, also in the corner; what lies outside the canvas is 0."""
    line = DRAWINGS["line"]
    by = scaling(scaled, line.factors)
    image = np.full((1, 64, 64, 1), 0.5, "float32")
    image[0, 10, 20], image[0, 63, 0] = 1, 0.75
    spec = np.array([[20.75, 10.5, 0, 64, 9, 3, 7]])
    windows, off = build_encoder("attention", line, by).get_layer("windows_1")([image, by.to_latent(spec)])
    start, end = np.asarray(windows)[..., 0]
    assert (start.max(), np.argwhere(start == 1).tolist()) == (1, [[8, 8]])
    assert np.argwhere(end == 0.75).tolist() == [[8, 8]]
    assert (end == 0).sum() == 256 - 8 * 9  # eight columns and nine rows of the corner are on the canvas
    np.testing.assert_allclose(off, [[0.25, 0, -0.5, 0.5]], atol=1e-4)


def test_a_closer_look_corrects_the_guess_before_it() -> None:
    """With nothing learned yet the answer is the first guess; a correction of 1 in every factor moves the latent by a tenth."""
    line = DRAWINGS["line"]
    by = scaling("range", line.factors)
    model = build_encoder("attention", line, by)
    _, images = batch(line, by, 3)
    outputs = keras.Model(model.input, [model.output, *(model.get_layer(name).output for name in guesses(model))])
    last, first, second = outputs.predict(images, verbose=0)
    assert np.array_equal(last, first)
    assert np.array_equal(last, second)
    model.get_layer("look_2_5").bias.assign(np.ones(7))
    last, first, second = outputs.predict(images, verbose=0)
    np.testing.assert_allclose(last - second, 0.1, atol=1e-6)
    assert np.array_equal(first, second)


def test_unknown_names_get_the_choices() -> None:
    by = scaling("range", DRAWINGS["line"].factors)
    with pytest.raises(ValueError, match=r"Unknown decoder 'x'. Choose from: half_planes, article."):
        build_decoder("x", DRAWINGS["line"], by)
    with pytest.raises(ValueError, match=r"Unknown encoder 'x'. Choose from: "):
        build_encoder("x", DRAWINGS["line"], by)


def test_a_canvas_that_does_not_fit_is_refused_with_rule_and_choices() -> None:
    class Odd(Shade):
        """A canvas of 15 x 16."""

        name = "odd"
        height = 15

    odd = Odd()
    message = (
        r"article is expected to be built for a canvas whose height and width are multiples of 8 px. "
        r"Received: \(15, 16, 1\) of the drawing class 'odd'. Choose from: half_planes."
    )
    with pytest.raises(ValueError, match=message):
        build_decoder("article", odd, scaling("range", odd.factors))


@pytest.mark.parametrize(("canvas", "takes"), [(None, True), (8, True), (5, False), ((16, 16, 1), True), ((16, 16, 3), False)])
def test_canvas_rules(canvas: Any, takes: bool) -> None:
    assert Architecture("a", "m", "s", canvas).takes((16, 16, 1)) is takes


def test_lists_can_be_read_without_keras() -> None:
    code = "import sys, fullcircle.models.decoders, fullcircle.models.encoders; print('keras' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


def test_frozen_decoder_stays_as_it_was() -> None:
    """Encoder then frozen decoder, compile and fit: the decoder's weights and batch statistics stay; the encoder moves."""
    import keras

    drawing = DRAWINGS["line"]
    by = scaling("range", drawing.factors)
    _, images = batch(drawing, by, 8)
    for decoder_name in DECODERS:
        encoder, decoder = build_encoder("article", drawing, by), build_decoder(decoder_name, drawing, by)
        decoder.trainable = False
        before, moved = decoder.get_weights(), encoder.get_weights()
        joined = keras.Sequential([encoder, decoder])
        joined.compile("adam", loss="mse")
        joined.fit(images, images, batch_size=4, epochs=2, verbose=0)
        for a, b in zip(before, decoder.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert any((a != b).any() for a, b in zip(moved, encoder.get_weights(), strict=True))
