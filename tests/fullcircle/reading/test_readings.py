"""The table of readings, with an encoder that is given the answers."""

import numpy as np
import pytest

from fullcircle.data.settings import ExamplesSettings
from fullcircle.drawings import DRAWINGS, Drawing
from fullcircle.drawings.columns import specs_of
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.scaling import scaling
from fullcircle.evaluation.drawings import summarise_readings
from fullcircle.reading import readings
from fullcircle.reading.reader import Reader
from fullcircle.reading.readings import SIGMAS, TRUE, errors_of, levels_of, noisy_picture, of, write_readings
from fullcircle.reading.settings import ReaderSettings
from fullcircle.steps import drawings as drawing_steps
from fullcircle.store.tables import TableReader

LINE = DRAWINGS["line"]
LEVELS = len(SIGMAS)


class GivenAnswers:
    """An encoder that answers with the true specs of all pictures, in order, `off` beside them."""

    def __init__(self, tables, n, off):
        specs = np.concatenate([specs_of(LINE, t.read([f.column for f in LINE.factors], n)) for t in tables])
        read = np.repeat(specs, len(levels_of(dict(enumerate(tables)))), axis=0)
        self.latents = scaling("range", LINE.factors).to_latent(LINE.factors.snap(read + off))

    def predict_on_batch(self, images):
        now, self.latents = self.latents[: len(images)], self.latents[len(images) :]
        return now


@pytest.fixture
def splits(store):
    made = {
        split: drawing_steps.make_examples(store, LINE, ExamplesSettings(n=12, seed=s))
        for split, s in (("test", 1), ("valid", 2))
    }
    return {split: stored.table() for split, stored in made.items()}


def written(path, splits, off=(1, 0, 0, 0, 0, 0, 0), n=8, **settings):
    settings = ReaderSettings(**{"steps": "encoder,redraw", "redraws": 300, "pictures": n} | settings)
    encoder = GivenAnswers(list(splits.values()), n, np.array(off))
    reader = Reader(LINE, scaling("range", LINE.factors), encoder, None, settings)
    rows = write_readings(path, LINE, reader, splits, {"encoder": "e1"})
    table = TableReader(path)
    assert table.rows == rows
    return table, table.read(table.schema.names)


def test_there_is_a_row_for_each_picture_level_and_step(splits, tmp_path):
    table, rows = written(tmp_path / "r.parquet", splits)
    assert table.rows == 2 * 8 * LEVELS * 2
    assert rows["split"].tolist() == ["test"] * 8 * LEVELS * 2 + ["valid"] * 8 * LEVELS * 2
    assert rows["step"][:2].tolist() == ["encoder", "redraw"]
    assert rows["noise_sigma_level"][: 2 * LEVELS : 2] == pytest.approx(SIGMAS)
    examples = splits["test"].read(["id", "image", *(f.column for f in LINE.factors)], 8)
    assert rows["id"][: 8 * LEVELS * 2 : LEVELS * 2].tolist() == examples["id"].tolist()
    for f in LINE.factors:
        assert np.array_equal(rows[TRUE + f.column][: 8 * LEVELS * 2 : LEVELS * 2], examples[f.column])
    assert (table.about["drawing"], table.about["models"]) == ("line", {"encoder": "e1"})


def test_each_step_has_its_own_answer(splits, tmp_path):
    _, rows = written(tmp_path / "r.parquet", splits)
    alone, answer = (of(rows, "test", SIGMAS[0], step) for step in ("encoder", "redraw"))
    true = specs_of(LINE, {f.column: alone[TRUE + f.column] for f in LINE.factors})
    given = LINE.factors.snap(true + [1, 0, 0, 0, 0, 0, 0])
    read = specs_of(LINE, alone)
    assert all(any(np.array_equal(r, t[p]) for p in LINE.permutations) for r, t in zip(read, given, strict=True))
    images = splits["test"].read(["image"], 8)["image"]
    for found in (alone, answer):
        drawn = LINE.render(specs_of(LINE, found))
        mse = ((drawn - images.astype(float)) ** 2).mean(axis=(1, 2)) / 255**2
        assert found["clean_redraw_mse"] == pytest.approx(mse)
        assert found["redraw_mse"] == pytest.approx(mse)  # this is the clean level
        assert np.array_equal(found["pixel_exact"], mse == 0)
        assert (found["explained"][found["pixel_exact"]] == 1).all()
    assert answer["pixel_exact"].sum() > alone["pixel_exact"].sum()
    assert np.isnan(alone["confidence"]).all()
    assert np.isfinite(answer["confidence"]).all()
    assert (alone["redraws"] == 2).all()


def test_noise_comes_from_seed_id_and_level_alone(splits, tmp_path):
    image = np.full((64, 64), 128, np.uint8)
    one, seed = noisy_picture(image, "a", 12.75, 1)
    again, same = noisy_picture(image, "a", 12.75, 1)
    assert np.array_equal(one, again)
    assert seed == same
    assert (one.astype(float) - 128).std() == pytest.approx(12.75, rel=0.05)
    assert np.array_equal(noisy_picture(image, "a", 0.0, 1)[0], image)
    for other in (("b", 12.75, 1), ("a", 5.1, 1), ("a", 12.75, 2)):
        assert not np.array_equal(noisy_picture(image, *other)[0], one)
        assert noisy_picture(image, *other)[1] != seed
    few = written(tmp_path / "few.parquet", splits, n=4)[1]
    many = written(tmp_path / "many.parquet", splits, n=8, batch_size=8)[1]
    for name in few:
        assert np.array_equal(of(few, "valid")[name], of(many, "valid")[name][: 4 * LEVELS * 2], equal_nan=name == "confidence")


def test_the_number_of_processes_is_no_content(splits, tmp_path):
    from fullcircle.store.hashing import content_hash

    for workers in (1, 2):
        written(tmp_path / f"{workers}.parquet", splits, n=4, workers=workers)
    assert content_hash(tmp_path / "1.parquet") == content_hash(tmp_path / "2.parquet")


def test_the_splits_may_be_smaller_than_asked_for(splits, tmp_path):
    table, rows = written(tmp_path / "r.parquet", splits, n=100, steps="encoder")
    assert table.rows == 2 * 12 * LEVELS
    assert set(rows["step"]) == {"encoder"}


@pytest.mark.parametrize(("law", "levels"), [("uniform", (*SIGMAS, 41.0)), ("article", SIGMAS), ("none", SIGMAS)])
def test_what_has_more_noise_by_the_uniform_law_is_read_at_that_level_too(store, law, levels):
    table = drawing_steps.make_examples(store, LINE, ExamplesSettings(n=4, noise_max_sigma=41.0, noise_law=law)).table()
    assert levels_of({"test": table}) == levels


def test_examples_with_more_noise_are_read_at_their_largest_level_too(store, tmp_path):
    noisier = drawing_steps.make_examples(store, LINE, ExamplesSettings(n=4, noise_max_sigma=41.0)).table()
    _, rows = written(tmp_path / "r.parquet", {"test": noisier}, n=2, steps="encoder")
    assert rows["noise_sigma_level"] == pytest.approx((*SIGMAS, 41.0) * 2)
    image, number = noisier.read(["image", "id"], 1)["image"][0], noisier.read(["id"], 1)["id"][0]
    given = noisy_picture(image, number, 41.0, 1)[0].astype(float)
    drawn = LINE.render(specs_of(LINE, {name: values[4:5] for name, values in rows.items()}))[0]
    assert rows["redraw_mse"][4] == pytest.approx(((given - drawn) ** 2).mean() / 255**2)


class Ring(Drawing):
    """A class without points or ground."""

    name = "ring"
    height = width = 16
    factors = Factors(Factor("radius", 2, 8), Factor("grey", 0, 255, unit="level", kind="colour"))

    def draw(self, *, radius, grey):
        rows, columns = np.mgrid[:16, :16] - 7.5
        return np.where(np.hypot(rows, columns) <= radius, grey, 0).astype(np.uint8)


def test_errors_follow_from_the_factor_table():
    rows = {
        "id": np.array(["a", "b"], object),
        "radius_px": np.array([3, 6]),
        "grey_level": np.array([100, 151]),
        "true_radius_px": np.array([3, 3]),
        "true_grey_level": np.array([100, 100]),
        "clean_redraw_mse": np.array([0.0, 0.5]),
        "redraw_mse": np.array([0.1, 0.6]),
        "true_redraw_mse": np.array([0.1, 0.5]),
        "pixel_exact": np.array([True, False]),
        "contrast_level": np.array([100.0, 100.0]),
    }
    errors = errors_of(Ring(), rows)
    assert errors["factors"].tolist() == [[0, 0], [3, 51]]
    assert errors["spec_error"].tolist() == [0, (3 / 6 + 51 / 255) / 2]
    assert errors["within_step"].tolist() == [1, 0]
    figures = summarise_readings(errors)
    assert figures == {
        "spec_error": pytest.approx(0.175),
        "within_step": 0.5,
        "redraw_mse": 0.25,
        "pixel_exact": 0.5,
        "truth_fits": 0.5,
    }
    nothing = {name: values[:0] for name, values in errors.items()}
    assert set(summarise_readings(nothing).values()) == {None}


def test_the_noise_levels_are_those_of_the_goals():
    assert readings.NOISES == (0.0, 0.02, 0.05, 0.10)
    assert pytest.approx((0, 5.1, 12.75, 25.5)) == SIGMAS
