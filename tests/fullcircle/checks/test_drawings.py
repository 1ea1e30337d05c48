"""Every check with an input that passes and one that fails."""

import json
import types

import numpy as np
import pyarrow as pa
import pytest

from fullcircle.checks import drawings as checks
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS, Drawing
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.scaling import scaling
from fullcircle.images.arrays import unit_images
from fullcircle.models.stored import TRAINING
from fullcircle.reports.files import REPORT
from fullcircle.steps import drawings as drawing_steps
from fullcircle.store.hashing import weights_hash
from fullcircle.store.tables import TableReader, TableWriter

LINE = DRAWINGS["line"]
SCALES = scaling("range", LINE.factors)


@pytest.fixture
def examples(store):
    return drawing_steps.make_examples(store, LINE, ExamplesSettings(n=1500))


@pytest.fixture
def splits(store, examples):
    return drawing_steps.make_splits(store, examples, SplitsSettings(train=0.6, test=0.2, valid=0.2))


def altered(store, stored, change):
    """The same table with its Arrow table changed."""
    (path,) = stored.path.glob("*.parquet")
    table = pa.Table.from_batches(TableReader(path).batches())
    with store.draft() as draft:
        changed = change(table)
        with TableWriter(draft.path / path.name, table.schema) as writer:
            for batch in changed.to_batches():
                writer.write(batch)
        return draft.commit()


def test_specs_within_factors(store, examples):
    passed = checks.specs_within_factors(examples, LINE)
    assert passed.passed
    assert passed.figures == {"rows": 1500}

    def widen(table):
        widths = table.column("line_width_px").to_numpy().copy()
        widths[1200] = 11
        return table.set_column(table.schema.get_field_index("line_width_px"), "line_width_px", pa.array(widths))

    failed = checks.specs_within_factors(altered(store, examples, widen), LINE)
    assert not failed.passed
    assert "line_width is expected in [1, 10] px. Received: 11 at row 176. Counted from row 1024" in failed.description


def test_images_are_drawn(examples):
    assert checks.images_are_drawn(examples, LINE).passed

    class Thicker(type(LINE)):
        def draw(self, *, line_width, **factors):
            return super().draw(line_width=line_width + 1, **factors)

    failed = checks.images_are_drawn(examples, Thicker())
    assert not failed.passed
    assert "are not what line.draw draws, example " in failed.description
    assert "Make the examples again" in failed.description


def test_splits_are_whole(store, examples, splits):
    assert checks.splits_are_whole(examples, splits).passed
    empty = altered(store, splits["valid"], lambda t: t.slice(0, 0))
    failed = checks.splits_are_whole(examples, splits | {"valid": empty})
    assert not failed.passed
    assert "Empty split: valid. Make more examples" in failed.description
    short = altered(store, splits["test"], lambda t: t.slice(1))
    failed = checks.splits_are_whole(examples, splits | {"test": short})
    assert not failed.passed
    assert "hold 1,499 of 1,500 examples; a split is truncated" in failed.description


def test_splits_are_disjoint_by_content_whatever_the_ids_say(store, splits):
    assert checks.splits_are_disjoint(splits).passed

    def with_a_copy(table):
        copy = pa.Table.from_batches(splits["train"].table().batches()).slice(5, 1)
        renamed = copy.set_column(0, "id", pa.array(["another id"])).set_column(1, "unit", pa.array(["0" * 16]))
        return pa.concat_tables([table, renamed])

    failed = checks.splits_are_disjoint(splits | {"test": altered(store, splits["test"], with_a_copy)})
    assert not failed.passed
    assert "1 in train and test" in failed.description


def fake_model(monkeypatch, answer):
    monkeypatch.setattr(checks, "model_of", lambda stored: types.SimpleNamespace(predict_on_batch=answer))
    monkeypatch.setattr(checks, "scaling_of", lambda stored, drawing: SCALES)


@pytest.mark.parametrize(
    ("decode", "description"),
    [
        (lambda truth: truth, None),
        (lambda truth: np.broadcast_to(truth.mean(axis=(1, 2), keepdims=True), truth.shape), "draws nothing"),
        (lambda truth: np.full_like(truth, 0.5), "draws nothing"),
        (lambda truth: np.full_like(truth, np.nan), "error on valid is nan. Lower decoder.learning_rate"),
    ],
)
def test_decoder_beats_null(splits, monkeypatch, decode, description):
    def answer(latent):
        return decode(unit_images(LINE.render(LINE.factors.snap(SCALES.from_latent(latent)))))

    fake_model(monkeypatch, answer)
    found = checks.decoder_beats_null(splits["train"], splits["valid"], LINE)
    assert found.passed == (description is None)
    assert description is None or description in found.description


def test_a_decoder_that_draws_nothing_is_reported_with_what_to_do(splits, monkeypatch):
    fake_model(monkeypatch, lambda latent: np.full((len(latent), 64, 64, 1), 0.5, np.float32))
    description = checks.decoder_beats_null(splits["train"], splits["valid"], LINE).description
    assert "decoder.seed" in description
    assert "decoder.balanced_epochs" in description


def test_frozen_decoder_unchanged(store, monkeypatch):
    weights = [np.arange(6, dtype=np.float32).reshape(2, 3)]
    monkeypatch.setattr(checks, "model_of", lambda stored: types.SimpleNamespace(get_weights=lambda: weights))

    def encoder(**hashes):
        with store.draft() as draft:
            (draft.path / TRAINING).write_text(json.dumps({"frozen_decoder": hashes}))
            return draft.commit()

    same, other = weights_hash(weights), weights_hash([weights[0] + 1])
    assert checks.frozen_decoder_unchanged(encoder(before=same, after=same), None).passed
    moved = checks.frozen_decoder_unchanged(encoder(before=same, after=other), None)
    assert not moved.passed
    assert "The frozen decoder changed" in moved.description
    assert not checks.frozen_decoder_unchanged(encoder(before=other, after=other), None).passed


class Bar(Drawing):
    """A bar of some height, so that a picture's mean says the spec."""

    name = "bar"
    factors = Factors(Factor("bar_height", 0, 64))

    def draw(self, bar_height):
        image = np.zeros((64, 64), np.uint8)
        image[:bar_height] = 255
        return image


@pytest.mark.parametrize(("skill", "passed"), [(1.0, True), (0.0, False), (-1.0, False), (np.nan, False)])
def test_encoder_beats_mean(store, monkeypatch, skill, passed):
    scales = scaling("range", Bar.factors)
    valid = drawing_steps.make_examples(store, Bar(), ExamplesSettings(n=200))

    def read(images):
        return skill * (2 * images.mean(axis=(1, 2)) - 1)

    fake_model(monkeypatch, read)
    monkeypatch.setattr(checks, "scaling_of", lambda stored, drawing: scales)
    found = checks.encoder_beats_mean(valid, valid, Bar())
    assert found.passed == passed
    assert passed or "no better than the mean spec" in found.description


@pytest.mark.parametrize("key", ["split_differences", "gaps"], ids=["now", "older report"])
def test_valid_and_test_agree(store, key):
    def report(**beyond):
        difference = {"valid": 0.5, "test": 0.75, "holds_zero": False}
        figures = {name: difference | {"beyond_chance": b} for name, b in ({"fvu": False} | beyond).items()}
        with store.draft() as draft:
            (draft.path / REPORT).write_text(json.dumps({key: {"encoder, clean": figures}}))
            return draft.commit()

    passed = checks.valid_and_test_agree(report())
    assert passed.passed
    assert (
        passed.description
        == "Valid and test agree in all 1 figures. 1 of 1 95 % intervals leave out 0, where chance alone leaves out 0.1."
    )
    failed = checks.valid_and_test_agree(report(mse=True))
    assert not failed.passed
    assert "differ beyond chance in 1 of 2 figures: encoder, clean, mse: 0.5 on valid, 0.75 on test." in failed.description
    assert failed.figures == {"figures": 2, "intervals_without_zero": 2, "beyond_chance": 1}
