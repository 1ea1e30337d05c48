"""Where the columns of a table come from, held against the tables themselves: equal values where rows are handed on."""

import numpy as np
import pytest

from fullcircle.data.settings import AugmentedSettings, ExamplesSettings, GlyphSplitsSettings, OriginalsSettings, SplitsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.reading.reader import Reader
from fullcircle.reading.readings import write_readings
from fullcircle.reading.settings import ReaderSettings
from fullcircle.steps import drawings, glyphs

THIRDS = SplitsSettings(train=0.4, test=0.3, valid=0.3)


def names(step, asset, stored, inputs):
    """By column, the columns it comes from, in one string each."""
    found = step.column_lineage(asset, stored, inputs)
    assert list(found) == stored.table(asset.rpartition("/")[2]).schema.names
    return {column: [f"{of}.{name}" for of, name in parents] for column, parents in found.items()}


def test_a_split_hands_every_column_on(store):
    examples = drawings.make_examples(store, DRAWINGS["line"], ExamplesSettings(n=40))
    splits = drawings.make_splits(store, examples, THIRDS)
    inputs = {"drawings/examples": examples}
    found = names(drawings.SPLITTING, "drawings/test", splits["test"], inputs)
    assert found == {column: [f"drawings/examples.{column}"] for column in examples.table().schema.names}
    assert not any(names(drawings.EXAMPLES, "drawings/examples", examples, {}).values())


def test_what_was_read_comes_from_the_picture_and_the_truth_from_its_spec(store):
    line = DRAWINGS["line"]
    splits = drawings.make_splits(store, drawings.make_examples(store, line, ExamplesSettings(n=12)), THIRDS)
    reader = Reader(line, scaling("range", line.factors), None, None, ReaderSettings(steps="redraw", pictures=2, redraws=20))
    with store.draft() as draft:
        tables = {name: splits[name].table() for name in ("test", "valid")}
        write_readings(draft.path / drawings.READINGS_TABLE, line, reader, tables, {})
        readings = draft.commit()
    inputs = {f"drawings/{name}": splits[name] for name in ("test", "valid")} | {"drawings/encoder": readings}
    found = names(drawings.READINGS, "drawings/readings", readings, inputs)

    def both(*columns):
        return [f"drawings/{split}.{column}" for split in ("test", "valid") for column in columns]

    spec = [f.column for f in line.factors]
    assert found["id"] == both("id")
    assert found["split"] == found["noise_sigma_level"] == found["step"] == []
    assert {column: found[f"true_{column}"] for column in spec} == {column: both(column) for column in spec}
    assert found["contrast_level"] == both(*spec)
    assert found["true_redraw_mse"] == both(*spec, "id", "image")
    judged = ("redraw_mse", "clean_redraw_mse", "pixel_exact", "explained", "confidence", "redraws")
    assert all(found[column] == both("id", "image") for column in (*spec, *judged))
    true = {row: x for split in tables.values() for row, x in zip(*split.read(["id", spec[0]]).values(), strict=True)}
    rows = readings.table().read(["id", f"true_{spec[0]}"])
    assert [true[row] for row in rows["id"]] == rows[f"true_{spec[0]}"].tolist()


@pytest.mark.parametrize(("unit", "column"), [("original", "original"), ("sample", "id"), ("group", "group")])
def test_copies_come_from_originals_and_splits_from_copies(store, unit, column):
    originals = glyphs.make_originals(store, SOURCES["tifinagh"], OriginalsSettings(height=8, width=8))
    augmented = glyphs.make_augmented(store, originals, AugmentedSettings(n=120, workers=1))
    copies = names(glyphs.AUGMENTED_STEP, "glyphs/augmented", augmented, {"glyphs/originals": originals})
    of = {"id": "id", "original": "id", "label": "label", "group": "group", "image": "image"}
    assert copies == {name: [f"glyphs/originals.{source}"] for name, source in of.items()} | {"operations": []}
    splits = glyphs.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings(unit=unit))
    inputs = {"glyphs/originals": originals, "glyphs/augmented": augmented}
    found = names(glyphs.SPLITTING, "glyphs/train", splits["train"], inputs)
    assert found == {name: [f"glyphs/augmented.{name}"] for name in copies} | {"unit": [f"glyphs/augmented.{column}"]}
    train = splits["train"].table().read(["unit", column])
    assert np.array_equal(train["unit"], train[column])
    assert glyphs.ORIGINALS_STEP.column_lineage("glyphs/originals", originals, {}).keys() == set(
        originals.table("originals").schema.names
    )


def test_a_model_has_no_columns(store):
    with store.draft() as draft:
        (draft.path / "training.json").write_text("{}")
        model = draft.commit()
    inputs = {"drawings/train": model, "drawings/valid": model}
    assert drawings.DECODER.column_lineage("drawings/decoder", model, inputs) == {}
