"""Augmented: the table says how each copy came about, and anybody can make it again."""

import itertools
import json

import numpy as np
import pytest

from fullcircle.data.augmented import pipeline_of, write_augmented
from fullcircle.data.settings import AugmentedSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.data.sources.folder import Folder
from fullcircle.images.augmentation import Pipeline
from fullcircle.reports.glyphs import augmented_sheet, originals_sheet
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.store.hashing import content_hash

SMALL = OriginalsSettings(height=16, width=16, n=4)


@pytest.fixture(scope="module")
def tifinagh(tmp_path_factory):
    from fullcircle.store.objects import Store

    store = Store(tmp_path_factory.mktemp("tifinagh"))
    originals = glyph_steps.make_originals(store, SOURCES["tifinagh"], SMALL)
    return store, originals, glyph_steps.make_augmented(store, originals, AugmentedSettings(n=1500, workers=1))


def columns(stored, *names):
    return stored.table("augmented").read(names)


def test_each_sample_can_be_made_again_from_its_row(tifinagh):
    _, originals, augmented = tifinagh
    own = originals.table("originals").read(["id", "label", "group", "image"])
    place = {name: i for i, name in enumerate(own["id"].tolist())}
    rows = columns(augmented, "id", "original", "label", "group", "operations", "image")
    pipeline = pipeline_of(augmented.table("augmented").about)
    for i in itertools.chain(range(20), range(1480, 1500)):  # of both blocks
        original = place[rows["original"][i]]
        assert (rows["label"][i], rows["group"][i]) == (own["label"][original], own["group"][original])
        again = pipeline.replay(own["image"][original], {"operations": json.loads(rows["operations"][i])})
        assert np.array_equal(again, rows["image"][i])
    assert len(set(rows["id"].tolist())) == 1500


def test_records_say_which_operations_fired_as_often_as_they_should(tifinagh):
    fired = [json.loads(text) for text in columns(tifinagh[2], "operations")["operations"]]
    about = tifinagh[2].table("augmented").about
    for i, operation in enumerate(about["pipeline"]):
        ((name, arguments),) = operation.items()
        entries = [f[i] for f in fired]
        assert all(e is None or list(e) == [name] for e in entries)
        share = sum(e is not None for e in entries) / len(entries)
        p = arguments["probability"]
        assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / len(entries)) + 1e-9, name
    turned = [f[0]["rotate"] for f in fired if f[0]]
    assert all(abs(v) <= 10 for entry in turned for v in entry.values())


def test_originals_are_taken_equally_often(tifinagh):
    _, counts = np.unique(columns(tifinagh[2], "original")["original"].astype(str), return_counts=True)
    assert len(counts) == 110
    assert counts.max() - counts.min() <= 1


def test_the_first_samples_do_not_depend_on_how_many_follow_nor_on_workers(tifinagh, tmp_path):
    store, originals, augmented = tifinagh
    few = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=40, workers=1))
    first, all_of_them = columns(few, "id", "image"), columns(augmented, "id", "image")
    assert all(np.array_equal(first[name], all_of_them[name][:40]) for name in first)
    again = tmp_path / "augmented.parquet"
    write_augmented(again, originals.table("originals"), AugmentedSettings(n=1500, workers=2))
    assert content_hash(again) == content_hash(augmented.file("augmented.parquet"))
    other = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=40, seed=2, workers=1))
    assert not np.array_equal(columns(other, "image")["image"], first["image"])


def test_keypoints_move_with_a_face(store):
    originals = glyph_steps.make_originals(store, SOURCES["faces"], SMALL)
    own = originals.table("originals").read(["id", "keypoints"])
    flip = AugmentedSettings(n=8, workers=1, pipeline=[{"flip_left_right": {"probability": 1}}])
    rows = (glyph_steps.make_augmented(store, originals, flip)).table("augmented").read(["original", "keypoints"])
    place = {name: i for i, name in enumerate(own["id"].tolist())}
    for original, points in zip(rows["original"], rows["keypoints"], strict=True):
        before = own["keypoints"][place[original]]
        assert points[:, 0] == pytest.approx(15 - before[:, 0], abs=1e-4)
        assert points[:, 1] == pytest.approx(before[:, 1], abs=1e-4)


def test_a_pipeline_may_change_the_size(store):
    originals = glyph_steps.make_originals(store, SOURCES["faces"], SMALL)
    settings = AugmentedSettings(n=3, workers=1, pipeline=[{"resize": {"probability": 1, "width": 24, "height": 20}}])
    augmented = glyph_steps.make_augmented(store, originals, settings)
    assert columns(augmented, "image")["image"].shape == (3, 20, 24, 3)
    assert augmented.table("augmented").about["canvas"] == [20, 24, 3]
    assert augmented_sheet(originals, augmented)[:4] == b"RIFF"


def test_no_operation_is_a_pipeline_too(store):
    originals = glyph_steps.make_originals(store, SOURCES["faces"], SMALL)
    augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=4, workers=1, pipeline=[]))
    own = originals.table("originals").read(["image"])["image"]
    assert {i.tobytes() for i in columns(augmented, "image")["image"]} == {i.tobytes() for i in own}


def test_without_originals_nothing_is_augmented(store, tmp_path):
    (tmp_path / "empty").mkdir()
    originals = glyph_steps.make_originals(store, Folder("mine", tmp_path / "empty"), OriginalsSettings())
    assert originals_sheet(originals) is None
    with pytest.raises(ValueError, match="Originals are expected to augment. Received: none."):
        glyph_steps.make_augmented(store, originals, AugmentedSettings(n=3))


def test_contact_sheets_are_small_and_show_originals_above_their_copies(tifinagh):
    import io

    from PIL import Image

    _, originals, augmented = tifinagh
    sheet = augmented_sheet(originals, augmented)
    assert len(sheet) <= 40_000
    own = {i.tobytes() for i in originals.table("originals").read(["image"])["image"]}
    shown = np.asarray(Image.open(io.BytesIO(sheet)).convert("L"))
    first = np.ascontiguousarray(shown[4:20, 92:108])
    assert first.tobytes() in own  # lossless at this size
    assert shown.shape[0] == 5 * 20 + 4
    assert len(originals_sheet(originals)) <= 40_000


def test_the_table_says_all_that_is_needed_without_this_project(tifinagh):
    about = tifinagh[2].table("augmented").about
    assert about["source"] == "tifinagh"
    assert about["seed"] == 1
    assert Pipeline.from_data(about["pipeline"]).as_data() == about["pipeline"]
    assert [f.name for f in tifinagh[2].table("augmented").schema] == [
        *("id", "original", "label", "group", "operations", "image")
    ]
