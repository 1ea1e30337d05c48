"""Checks of the glyph rooms: each passes on what is made, and finds what it is there to find."""

import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from fullcircle.checks import glyphs as glyph_checks
from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.data.sources.folder import Folder
from fullcircle.images.arrays import picture_unit
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.store.objects import Store
from fullcircle.store.tables import TableReader, tensor_array, with_about, write_table


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    originals = glyph_steps.make_originals(store, SOURCES["tifinagh"], OriginalsSettings(height=16, width=16))
    augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=700, workers=1))
    splits = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings())
    return store, originals, augmented, splits


def changed(store, stored, name, change, about=None):
    """The object with one of its tables changed, as a fault in the code would have made it."""
    reader = TableReader(stored.file(f"{name}.parquet"))
    columns = reader.read(reader.schema.names)
    change(columns)
    arrays = [
        tensor_array(np.asarray(columns[f.name]))
        if isinstance(f.type, pa.FixedShapeTensorType)
        else pa.array(columns[f.name].tolist(), f.type)
        for f in reader.schema
    ]
    fields = [pa.field(f.name, a.type) for f, a in zip(reader.schema, arrays, strict=True)]
    schema = with_about(pa.schema(fields), reader.about | (about or {}))
    with store.draft() as draft:
        for other in stored.path.glob("*.parquet"):
            (draft.path / other.name).write_bytes(other.read_bytes())
        write_table(draft.path / f"{name}.parquet", schema, [pa.RecordBatch.from_arrays(arrays, schema=schema)])
        return draft.commit()


def test_what_is_made_passes(made):
    _, originals, augmented, splits = made
    found = [
        glyph_checks.originals_are_left(originals),
        glyph_checks.few_are_rejected(originals),
        glyph_checks.originals_are_sound(originals),
        glyph_checks.copies_are_sound(originals, augmented),
        glyph_checks.copies_show_something(augmented),
        glyph_checks.copies_can_be_made_again(originals, augmented),
        glyph_checks.labels_are_balanced(augmented),
        glyph_checks.splits_are_whole(augmented, splits),
        glyph_checks.units_are_disjoint(originals, splits),
        glyph_checks.pictures_are_disjoint(splits),
    ]
    assert all(c.passed for c in found), [c.description for c in found if not c.passed]
    assert found[0].figures == {"originals": 110, "rejected": 0}
    assert found[5].figures == {"remade": 16, "different": 0}


def test_a_source_with_nothing_left_fails_and_says_the_first_reason(store, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    empty = glyph_steps.make_originals(store, Folder("mine", folder), OriginalsSettings())
    assert "No picture is left. The source offers none." in glyph_checks.originals_are_left(empty).description
    (folder / "a.png").write_bytes(b"")
    rejected = glyph_steps.make_originals(store, Folder("mine", folder), OriginalsSettings())
    found = glyph_checks.originals_are_left(rejected)
    assert not found.passed
    assert not found.warns
    assert "The first of 1 rejected: A picture is expected. Received: zero bytes." in found.description


@pytest.mark.parametrize(("allowed", "passes"), [(0.2, False), (0.25, True)])
def test_many_rejected_pictures_warn(allowed, passes, store, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "bad.png").write_bytes(b"")
    for i in range(3):
        Image.fromarray(np.eye(8, k=i, dtype=np.uint8) * 255).save(folder / f"{i}.png")
    originals = glyph_steps.make_originals(store, Folder("mine", folder), OriginalsSettings(max_rejected=allowed))
    found = glyph_checks.few_are_rejected(originals)
    assert (found.passed, found.warns, found.figures) == (passes, True, {"rejected": 1, "share": 0.25})
    assert passes or "1 of 4 pictures were rejected, 25.0%; 20.0% is allowed." in found.description


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c: c["image"].__setitem__(3, 255 - c["image"][3]), "has another hash than its id"),
        (lambda c: [c[n].__setitem__(4, c[n][3]) for n in ("id", "image")], "stands twice"),
        (
            lambda c: (c["image"].__setitem__(3, 9), c["id"].__setitem__(3, picture_unit(np.full((16, 16), 9, np.uint8)))),
            "is of one plain colour",
        ),
        (lambda c: c.update(image=c["image"][:, :8]), r"expected as uint8 \(16, 16\). Received: uint8 \(8, 16\)"),
        (lambda c: c.update(image=c["image"] / np.float32(255)), r"expected as uint8 \(16, 16\). Received: float \(16, 16\)"),
    ],
    ids=["pixels", "twice", "plain", "size", "type"],
)
def test_unsound_originals_are_found(change, fault, made):
    import re

    found = glyph_checks.originals_are_sound(changed(made[0], made[1], "originals", change))
    assert not found.passed
    assert re.search(fault, found.description)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c: c["label"].__setitem__(5, "?"), "says it is '?' of"),
        (lambda c: c["original"].__setitem__(5, "nobody"), "its original nobody is None"),
        (lambda c: c.update(image=c["image"] // 255), "use half of the levels 0 to 255 at least. Received: 0 to 1."),
    ],
    ids=["label", "original", "range"],
)
def test_unsound_samples_are_found(change, fault, made):
    store, originals, augmented, _ = made
    found = glyph_checks.copies_are_sound(originals, changed(store, augmented, "augmented", change))
    assert not found.passed
    assert fault in found.description


def test_an_operation_that_wipes_pictures_out_is_found_named_and_counted(made):
    store, originals, _, _ = made
    pipeline = [
        {"rotate": {"probability": 1, "max_left_rotation": 3, "max_right_rotation": 3}},
        {"black_and_white": {"probability": 0.3, "threshold": 255}},
        {"random_brightness": {"probability": 0.5, "min_factor": 0.5, "max_factor": 0.5}},
    ]
    augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=300, workers=1, pipeline=pipeline))
    rows = augmented.table("augmented").read(["operations", "image"])
    blank = [np.ptp(image) < 8 for image in rows["image"]]
    fired = [json.loads(text)[1] is not None for text, b in zip(rows["operations"], blank, strict=True) if b]
    found = glyph_checks.copies_show_something(augmented)
    assert not found.passed
    assert not found.warns  # far more than one in a hundred
    assert found.figures["blank"] == sum(blank) > 30
    assert found.figures["blank_after_black_and_white"] == sum(fired) == sum(blank)
    # Rotate fired for all of them too, but so it does for every copy.
    assert f"the likeliest cause first: black_and_white to {sum(blank)}, " in found.description


def test_a_few_blank_samples_only_warn(made):
    store, _, augmented, _ = made
    found = glyph_checks.copies_show_something(
        changed(store, augmented, "augmented", lambda c: c["image"].__setitem__(slice(0, 7), 30))
    )
    assert (found.passed, found.warns, found.figures["blank"]) == (False, True, 7)
    found = glyph_checks.copies_show_something(
        changed(store, augmented, "augmented", lambda c: c["image"].__setitem__(slice(0, 8), 30))
    )
    assert (found.passed, found.warns) == (False, False)


def test_samples_that_are_not_what_their_records_make_are_found(made):
    store, originals, augmented, _ = made
    rolled = changed(store, augmented, "augmented", lambda c: c.update(image=np.roll(c["image"], 1, axis=2)))
    found = glyph_checks.copies_can_be_made_again(originals, rolled)
    assert not found.passed
    assert "16 of 16 copies are not what their recorded operations make of their original" in found.description


def test_a_rare_label_warns(made):
    store, _, augmented, _ = made

    def rare(columns):
        columns["label"][:] = "a"
        columns["label"][0] = "b"

    found = glyph_checks.labels_are_balanced(changed(store, augmented, "augmented", rare))
    assert (found.passed, found.warns) == (False, True)
    assert "699 of 'a', 1 of 'b': more than 10 times as many" in found.description


def with_split(made, name, change, about=None):
    store, _, _, splits = made
    return splits | {name: changed(store, splits[name], name, change, about)}


def test_an_original_on_two_sides_is_found_by_content(made):
    """A copy of train's slipped into test, whatever its columns say of it."""
    _, originals, _, splits = made
    stolen = splits["train"].table("train").read(["id", "unit", "original", "operations", "image"], limit=1)

    def slip(columns):
        for name, values in stolen.items():
            columns[name][0] = values[0]

    found = glyph_checks.units_are_disjoint(originals, with_split(made, "test", slip))
    assert not found.passed
    assert "1 originals in train and test" in found.description

    def slip_with_another_name(columns):
        for name in ("operations", "image"):
            columns[name][:16] = stolen[name][0]

    found = glyph_checks.units_are_disjoint(originals, with_split(made, "test", slip_with_another_name))
    assert not found.passed
    assert "in test is no copy of the original that it names" in found.description
    found = glyph_checks.pictures_are_disjoint(with_split(made, "test", slip))
    assert (found.passed, found.warns, found.figures) == (False, True, {"shared": 1})


def test_a_copy_of_nothing_is_found(made):
    found = glyph_checks.units_are_disjoint(made[1], with_split(made, "valid", lambda c: c["original"].__setitem__(0, "none")))
    assert "valid holds copies of none, which is no original" in found.description


@pytest.mark.parametrize(
    ("unit", "description", "crossing"),
    [("group", "Split by group", False), ("sample", "These figures flatter", True), ("original", "Split by original", False)],
)
def test_each_unit_is_proved_and_what_it_means_is_reported(made, unit, description, crossing):
    store, originals, augmented, _ = made
    splits = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings(unit=unit))
    found = glyph_checks.units_are_disjoint(originals, splits)
    assert found.passed, found.description
    assert description in found.description
    assert bool(found.figures["originals_in_train_and_test"]) == crossing


def test_splits_that_claim_a_larger_unit_than_they_keep_are_found(made):
    store, originals, augmented, _ = made
    by_sample = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings(unit="sample"))
    for unit in ("original", "group"):
        about = by_sample["train"].table("train").about["splits"] | {"unit": unit, "valid_unit": unit}
        claiming = {name: changed(store, stored, name, lambda c: None, {"splits": about}) for name, stored in by_sample.items()}
        found = glyph_checks.units_are_disjoint(originals, claiming)
        assert not found.passed
        assert f"{unit}s in train and test" in found.description


def test_a_split_that_lost_rows_is_found(made):
    store, _, augmented, splits = made

    def cut(columns):
        for name in columns:
            columns[name] = columns[name][1:]

    found = glyph_checks.splits_are_whole(augmented, splits | {"train": changed(store, splits["train"], "train", cut)})
    assert "a split is truncated" in found.description
