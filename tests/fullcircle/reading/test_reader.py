"""The reader without a trained network: an encoder that is given the answer a few steps off, a decoder that is a blurred pixel."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fullcircle.core.settings import SettingsError
from fullcircle.drawings import DRAWINGS, Drawing
from fullcircle.drawings.factors import Factor, Factors, colour_factors
from fullcircle.drawings.scaling import scaling
from fullcircle.evaluation.metrics import spec_errors, within_a_step
from fullcircle.images.noise import add_noise, noise_level
from fullcircle.reading.confidence import calibrated, explained_variance, mean_squares
from fullcircle.reading.palette import Palette
from fullcircle.reading.reader import Pictures, Reader, ReaderSettings
from fullcircle.reading.search import moves

LINE = DRAWINGS["line"]


class GivenAnswers:
    """An encoder that answers with given specs, in order."""

    def __init__(self, drawing, specs):
        self.latents = scaling("range", drawing.factors).to_latent(specs)

    def predict_on_batch(self, images):
        now, self.latents = self.latents[: len(images)], self.latents[len(images) :]
        return now


class Disc(Drawing):
    """A coloured disc on a fixed ground: three channels, no point, a colour factor per channel."""

    name = "disc"
    height, width, channels = 20, 24, 3
    factors = Factors(
        Factor("x", 4, 20),
        Factor("y", 4, 16),
        Factor("radius", 2, 8, step=0.5),
        Factor("red", 0, 255, unit="level", kind="colour"),
        Factor("green", 0, 250, step=5, unit="level", kind="colour"),
    )

    def draw(self, *, x, y, radius, red, green):
        image = np.full((20, 24, 3), 9, np.uint8)
        rows, columns = np.mgrid[:20, :24]
        image[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = (red, green, 77)
        return image


class Veil(Disc):
    """The same, half transparent: no pixel shows its colour factor."""

    name = "veil"

    def draw(self, **factors):
        return (super().draw(**factors).astype(int) * 3 // 4 + 40).astype(np.uint8)


def reader(drawing, starts, **settings):
    settings = ReaderSettings(**{"steps": "encoder,redraw"} | settings)
    return Reader(drawing, scaling("range", drawing.factors), GivenAnswers(drawing, starts), None, settings)


def seen_lines(n, rng):
    specs = LINE.factors.sample(20 * n, rng)
    ends = np.hypot(specs[:, 0] - specs[:, 2], specs[:, 1] - specs[:, 3])
    return specs[(LINE.contrast(specs) >= 8) & (ends > 12)][:n]


def a_few_steps_off(drawing, specs, rng, steps=2):
    off = rng.integers(-steps, steps, specs.shape, endpoint=True) * drawing.factors.step
    return drawing.factors.snap(specs + off)


def test_clean_lines_become_exact_to_the_pixel(rng):
    specs = seen_lines(40, rng)
    images = LINE.render(specs)
    reading = reader(LINE, a_few_steps_off(LINE, specs, rng)).read(images, rng)
    assert reading.pixel_exact.mean() >= 0.95
    assert np.array_equal(reading.redraw_mse == 0, reading.pixel_exact)
    assert np.array_equal(LINE.render(reading.specs[reading.pixel_exact]), images[reading.pixel_exact])
    assert reading.redraws.max() <= ReaderSettings().redraws + 10
    assert reading.sigmas.max() < 0.5


def test_the_order_of_the_ends_is_found(rng):
    specs = seen_lines(20, rng)
    starts = a_few_steps_off(LINE, specs[:, LINE.permutations[1]], rng, 1)
    assert reader(LINE, starts).read(LINE.render(specs), rng).pixel_exact.mean() >= 0.9


def test_noise_is_read_through_and_stops_the_search(rng):
    specs = seen_lines(30, rng)
    specs[:, 4], specs[:, 6] = 200, 60
    images = add_noise(LINE.render(specs), np.full(len(specs), 10.0), rng)
    reading = reader(LINE, a_few_steps_off(LINE, specs, rng)).read(images, rng)
    assert spec_errors(LINE, reading.specs, specs)["points"].mean() < 0.8
    assert np.median(reading.redraws) < 900
    assert reading.redraw_mse.mean() == pytest.approx((10 / 255) ** 2, rel=0.05)
    assert reading.sigmas == pytest.approx(np.full(len(specs), 10), rel=0.1)
    assert np.abs(reading.specs[:, [4, 6]] - [200, 60]).mean() < 2


def test_equal_chance_gives_equal_answers_whatever_follows(rng):
    specs = seen_lines(6, rng)
    images, starts = LINE.render(specs), a_few_steps_off(LINE, specs, rng, 3)
    one = reader(LINE, starts).read(images, np.random.default_rng(1))
    two = reader(LINE, starts, batch_size=2).read(images[:4], np.random.default_rng(1))
    assert np.array_equal(one.specs[:4], two.specs)
    assert np.array_equal(one.redraws[:4], two.redraws)


def test_the_number_of_processes_changes_nothing(rng):
    specs = seen_lines(30, rng)
    images, starts = add_noise(LINE.render(specs), np.full(30, 5.0), rng), a_few_steps_off(LINE, specs, rng, 3)
    one, two = (
        reader(LINE, starts, redraws=300, workers=workers, batch_size=20).read(images, np.random.default_rng(1))
        for workers in (1, 2)
    )
    for field in dataclasses.fields(one):
        assert np.array_equal(getattr(one, field.name), getattr(two, field.name)), field.name


def test_each_step_says_what_it_read(rng):
    specs = seen_lines(12, rng)
    images, starts = LINE.render(specs), a_few_steps_off(LINE, specs, rng)
    pictures = [Pictures(images[:5], np.arange(5)), Pictures(images[5:], np.arange(7))]
    found = list(reader(LINE, starts).stream(iter(pictures), 12))
    assert [len(steps.answer.specs) for steps in found] == [5, 7]
    for steps, part in zip(found, (slice(5), slice(5, 12)), strict=True):
        assert list(steps.each) == ["encoder", "redraw"]
        assert steps.each["redraw"] is steps.answer
        alone = steps.each["encoder"]
        assert np.array_equal(np.sort(alone.specs), np.sort(starts[part]))  # not what the search made of it
        redrawn = [
            ((LINE.render(starts[part][:, p]) - images[part].astype(float)) ** 2).mean(axis=(1, 2)) for p in LINE.permutations
        ]
        assert alone.redraw_mse == pytest.approx(np.min(redrawn, axis=0) / 255**2)
        assert (steps.answer.redraw_mse <= alone.redraw_mse).all()
        assert np.isnan(alone.confidence).all()
    (only,) = reader(LINE, starts[:5], steps="encoder").stream(pictures[:1], 5)
    assert list(only.each) == ["encoder"]
    assert np.array_equal(only.answer.redraw_mse, only.each["encoder"].redraw_mse)


@pytest.mark.parametrize("cls", [Disc, Veil])
def test_other_classes_are_read_by_the_same_code(cls, rng):
    drawing = cls()
    assert Palette(drawing).valid == (cls is Disc)
    specs = drawing.factors.sample(12, rng)
    images = drawing.render(specs)
    # Not in the list of classes, so no process could import it: searched here
    reading = reader(drawing, a_few_steps_off(drawing, specs, rng), workers=2).read(images, rng)
    assert reading.pixel_exact.mean() >= 0.8


@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
def test_every_class_is_read_from_near_starts_by_the_search_alone(drawing, rng):
    assert Palette(drawing).valid
    specs = drawing.factors.sample(60, rng)
    specs = specs[drawing.contrast(specs) >= 32][:3]
    images, starts = drawing.render(specs), a_few_steps_off(drawing, specs, rng, 1)
    search = Reader(drawing, scaling("range", drawing.factors), None, None, ReaderSettings(steps="redraw"))
    reading = search.read(images, rng, starts=list(starts[:, None]))
    assert reading.pixel_exact.all()
    assert np.array_equal(drawing.render(reading.specs), images)


def test_a_palette_looks_for_a_colour_in_its_own_channel_only(rng):
    """What has the level of a label in another channel is fixed: the search would else paint it over."""

    class Dot(Disc):
        factors = Factors(Factor("x", 4, 20), *colour_factors("dot", 3))

        def draw(self, *, x, dot_red, dot_green, dot_blue):
            image = np.full((20, 24, 3), (int(label[2]), int(label[0]), int(label[1])), np.uint8)
            image[5:9, x - 3 : x + 3] = (dot_red, dot_green, dot_blue)
            return image

    label = np.zeros(3)
    label = Palette(Dot()).labels
    palette = Palette(Dot())
    assert np.array_equal(palette.labels, label)  # the ground has the labels, each in another channel, and nobody minds
    assert palette.valid
    spec = np.array([[9, 30, 200, 77]])
    blind = np.array([[9, 0, 0, 0]])
    fitted, left = palette.fit(blind, Dot().render(spec).reshape(-1).astype(float))
    assert np.array_equal(fitted, spec)
    assert left[0] == 0


def test_a_class_of_few_pictures_gives_up_on_a_picture_of_none():
    class Plain(Disc):
        factors = Factors(Factor("grey", 0, 255, unit="level", kind="colour"))

        def draw(self, *, grey):
            return np.full((20, 24, 3), grey, np.uint8)

    class Two(Disc):
        factors = Factors(Factor("x", 5, 6), Factor("grey", 0, 255, unit="level", kind="colour"))

        def draw(self, *, x, grey):
            return super().draw(x=x, y=9, radius=4, red=grey, green=grey)

    for drawing in (Plain(), Two()):
        specs = drawing.factors.low[None]
        stripes = np.zeros(drawing.image_shape, np.uint8)
        stripes[::5] = 255
        images = np.stack([drawing.render(specs)[0] + 50, stripes])
        reading = reader(drawing, np.repeat(specs, 2, axis=0)).read(images, np.random.default_rng(1))
        assert reading.pixel_exact.tolist() == [drawing.name == "disc" and len(drawing.factors) == 1, False]
        assert reading.redraws.max() < 600
        assert reading.confidence[1] <= 0.5


def test_a_palette_finds_the_colours_of_a_line(rng):
    specs = LINE.factors.sample(10, rng)
    palette = Palette(LINE)
    for spec in specs:
        image = LINE.render(spec[None]).reshape(-1).astype(float)
        blind = spec.copy()
        blind[palette.colours] = 0
        fitted, left = palette.fit(blind[None], image)
        assert left[0] == 0
        assert np.array_equal(LINE.render(fitted).reshape(-1), image)


def test_moves_follow_from_the_factor_table():
    line = moves(LINE, colours=False)
    assert not line[:, LINE.factors.of_kind("colour")].any()
    found = {tuple(m) for m in line.tolist()}
    assert len(found) == len(line)
    assert (3, 0, 0, 0, 0, 0, 0) in found  # one factor
    assert (0, 0, 1, -1, 0, 0, 0) in found  # a point
    assert (1, 1, 1, 1, 0, 0, 0) in found  # all points
    assert (0, 0, 0, 1, 0, -1, 0) in found  # an end with the width
    assert {abs(m[3]) for m in moves(Veil(), colours=True).tolist()} == {0, 1, 2, 4, 8, 16, 32, 64, 128}


@pytest.mark.parametrize("sigma", [0, 2, 5, 25])
def test_the_noise_level_is_seen_in_the_picture(sigma, rng):
    image = LINE.render(np.array([[5, 9, 60, 40, 170, 6, 100]]))
    assert noise_level(add_noise(image, np.array([sigma]), rng)[0]) == pytest.approx(sigma, rel=0.05, abs=0.1)


def test_within_a_step_knows_orders_and_no_colours():
    true = np.array([[3, 5, 60, 40, 200, 4, 31]])
    for read, expected in (
        ([60, 40, 3, 6, 0, 5, 0], True),
        ([60, 40, 3, 7, 200, 4, 31], False),
        ([3, 5, 60, 40, 200, 6, 31], False),
    ):
        assert within_a_step(LINE, np.array([read]), true).tolist() == [expected]


def test_confidence_tells_seen_lines_from_unseen(rng):
    clear, hidden = seen_lines(10, rng), seen_lines(10, rng)
    clear[:, 4], clear[:, 6] = 220, 30
    hidden[:, 4] = hidden[:, 6] + np.where(hidden[:, 6] > 128, -1, 1)
    specs = np.concatenate([clear, hidden])
    images = add_noise(LINE.render(specs), np.full(20, 12.0), rng)
    confidence = reader(LINE, a_few_steps_off(LINE, specs, rng)).read(images, rng).confidence
    assert confidence[:10].min() > 0.7
    assert confidence[10:].max() < confidence[:10].min()


def test_confidence_falls_on_what_is_no_line(rng):
    line = seen_lines(1, rng)
    line[:, 4], line[:, 6] = 220, 30
    image = Image.fromarray(np.full((64, 64), 30, np.uint8))
    ImageDraw.Draw(image).arc((8, 8, 54, 54), 20, 300, fill=220, width=3)
    words = Image.fromarray(np.full((64, 64), 30, np.uint8))
    ImageDraw.Draw(words).text((32, 32), "XGE", 220, ImageFont.load_default(26), anchor="mm")
    pictures = [LINE.render(line)[0], np.asarray(image), np.asarray(words), np.full((64, 64), 30, np.uint8)]
    reading = reader(LINE, np.repeat(line, 4, axis=0)).read(np.stack(pictures), rng)
    assert reading.confidence[0] > 0.95
    assert reading.confidence[1:].max() < 0.4
    assert reading.confidence[3] < 0.05  # a blank picture is any line in its own colour, pixel for pixel
    assert reading.explained[[0, 3]].tolist() == [1, 1]
    assert reading.explained[1:3].max() < 0.6
    assert (reading.near[0] > 0.95, reading.near[3] < 0.05) == (True, True)


def test_explained_is_a_share_of_the_variance_beyond_noise(rng):
    half = np.zeros((64, 64), np.uint8)
    half[:32] = 200  # variance 100^2
    noise = add_noise(np.full((1, 64, 64), 128, np.uint8), np.array([10.0]), rng)[0]
    mse = np.array([[0, 2500, 10_000, 40_000], [noise.var(), 0, 0, 0]]) / 255**2
    explained = explained_variance(np.stack([half, noise]), mse, np.array([0.0, 10.0]))
    assert explained[0] == pytest.approx([1, 0.75, 0, 0], abs=1e-4)
    assert explained[1, 0] == 1
    colours = np.stack([half, half, np.full((64, 64), 9, np.uint8)], axis=-1)[None]
    assert explained_variance(colours, mse[:1, 1:2], np.zeros(1))[0, 0] == pytest.approx(1 - 2500 / (10_000 * 2 / 3), abs=1e-4)


def test_noise_has_one_level_on_every_scale_and_an_offset_grows_with_it(rng):
    rest = rng.normal(0, 3, (512, 512, 1))
    assert [level for _, level in mean_squares(rest)] == pytest.approx([9] * 4, rel=0.1)
    assert mean_squares(np.full((64, 64, 1), 2.0)) == [(4096, 4), (1024, 16), (256, 64), (64, 256)]
    assert [n for n, _ in mean_squares(np.ones((3, 5, 1)))] == [15, 2]


def test_confidence_grows_with_what_is_near_and_with_what_is_explained():
    grid = np.linspace(0, 1, 101)
    for explained in (1, 0.9, 0.5):
        assert (np.diff(calibrated(grid, np.full(101, explained))) >= 0).all()
    for near in (1, 0.6):
        assert (np.diff(calibrated(np.full(101, near), grid)) >= 0).all()
    assert calibrated(np.ones(1), np.ones(1)) > 0.97
    assert calibrated(np.array([0, 1]), np.array([1, 0])).tolist() == [0, 0]
    assert np.isnan(calibrated(np.array([np.nan]), np.ones(1)))


def test_steps_can_be_left_out(rng):
    specs = seen_lines(5, rng)
    images = LINE.render(specs)
    alone = reader(LINE, specs, steps="encoder").read(images, rng)
    assert alone.pixel_exact.all()
    assert np.isnan(alone.confidence).all()
    assert (alone.redraws == 2).all()
    sampled = Reader(LINE, scaling("range", LINE.factors), None, None, ReaderSettings(steps="redraw", redraws=100))
    assert sampled.read(images, rng).redraws.max() <= 300
    assert len(alone.specs) == 5
    assert reader(LINE, specs).read(images[:0], rng).specs.shape == (0, 7)


def test_the_search_begins_where_someone_else_stopped(rng):
    specs = seen_lines(10, rng)
    images, near = LINE.render(specs), a_few_steps_off(LINE, specs, rng, 1)
    search = Reader(LINE, scaling("range", LINE.factors), None, None, ReaderSettings(steps="redraw", redraws=300))
    starts = [*(spec[None] + 0.3 for spec in near[:9]), np.empty((0, 7))]  # brought to whole steps; none for the last
    begun = search.read(images, np.random.default_rng(1), starts=starts)
    assert begun.pixel_exact[:9].all()
    alone = search.read(images, np.random.default_rng(1))
    assert begun.redraws[:9].mean() < 0.7 * alone.redraws[:9].mean()
    assert np.array_equal(begun.specs[9], alone.specs[9])


def test_given_starts_stand_beside_the_networks(rng):
    specs = seen_lines(4, rng)
    images, far = LINE.render(specs), LINE.factors.sample(4, rng)
    found = reader(LINE, far, steps="encoder").read(images, rng, starts=specs[:, None])
    assert found.pixel_exact.all()
    with pytest.raises(ValueError, match="Starts are expected for each of the 4 pictures. Received: 2."):
        reader(LINE, far).read(images, rng, starts=specs[:2, None])


def test_gradient_steps_move_towards_the_picture(rng):
    import keras
    from keras import ops

    from fullcircle.models.decoders import DECODERS

    keras.utils.set_random_seed(1)
    scales = scaling("range", LINE.factors)
    decoder = DECODERS["half_planes"].build(LINE, scales)
    specs = seen_lines(3, rng)
    truth = np.asarray(decoder(scales.to_latent(specs)))
    settings = ReaderSettings(steps="encoder,gradient", gradient_steps=20)
    begin = scales.to_latent(a_few_steps_off(LINE, specs, rng))
    moved = Reader(LINE, scales, GivenAnswers(LINE, specs), decoder, settings)._descend(begin, truth)
    error = [float(ops.mean((decoder(latent) - truth) ** 2)) for latent in (begin, moved)]
    assert error[1] < 0.5 * error[0]
    assert moved.shape == begin.shape


def test_a_step_without_its_network_and_a_wrong_canvas_are_refused(rng):
    scales = scaling("range", LINE.factors)
    with pytest.raises(ValueError, match="The step encoder needs an encoder. Received: None."):
        Reader(LINE, scales, None, None)
    with pytest.raises(ValueError, match=r"Pictures are expected as \(n, 64, 64\) uint8. Received: \(1, 32, 32\) uint8"):
        reader(LINE, np.zeros((1, 7))).read(np.zeros((1, 32, 32), np.uint8), rng)
    with pytest.raises(SettingsError, match=r"reader.steps is expected to be one of encoder,gradient,redraw"):
        ReaderSettings(steps="none")
