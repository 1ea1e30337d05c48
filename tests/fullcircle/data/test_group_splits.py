"""Splits of augmented pictures: where each unit goes, and what the figures then prove."""

import numpy as np
import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.data.group_splits import assign_originals, assign_units, flatters, meaning, meaning_of
from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.data.splits import SPLITS, assign
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.store.objects import Store

DEFAULT = GlyphSplitsSettings()
BY_GROUP = GlyphSplitsSettings(unit="group")


def names(n, prefix="unit"):
    return [f"{prefix} {i}" for i in range(n)]


def test_a_unit_goes_where_its_hash_sends_it_whatever_else_there_is():
    many = assign_units(names(3000), DEFAULT, "original")
    assert np.array_equal(many[:300], assign_units(names(300), DEFAULT, "original"))
    assert np.array_equal(many, assign(names(3000), DEFAULT))
    shares = np.bincount(many) / 3000
    assert shares == pytest.approx(DEFAULT.proportions, abs=4 * 0.5 / np.sqrt(3000))


@pytest.mark.parametrize("n", [3, 4, 5, 8, 21])
def test_however_few_units_no_split_is_empty_and_little_is_moved(n):
    moved = []
    for trial in range(60):
        units = names(n, f"trial {trial}")
        split = assign_units(units, DEFAULT, "original")
        assert set(split.tolist()) == {0, 1, 2}
        moved.append((split != assign(units, DEFAULT)).sum())
    assert max(moved) <= 2
    assert n < 21 or np.mean(moved) < 0.5


def test_two_units_cannot_be_split_three_ways():
    with pytest.raises(
        SettingsError, match="At least 3 originals are expected, one for each of train, test, valid. Received: 2."
    ):
        assign_units(names(2), DEFAULT, "original")


def test_several_groups_stand_each_on_one_side():
    groups = [f"writer {i % 5}" for i in range(50)]
    split, valid_unit = assign_originals(names(50), groups, BY_GROUP)
    of_group = {}
    for name, group in zip(names(50), groups, strict=True):
        assert of_group.setdefault(group, split[name]) == split[name]
    assert set(of_group.values()) == {0, 1, 2}
    assert valid_unit == "group"


@pytest.mark.parametrize("smaller", ["a", "b"])
def test_of_two_groups_the_smaller_is_test_and_valid_is_cut_from_the_other(smaller):
    groups = ["a" if i % 3 == 0 else "b" for i in range(90)]
    if smaller == "b":
        groups = ["b" if g == "a" else "a" for g in groups]
    split, valid_unit = assign_originals(names(90), groups, BY_GROUP)
    for name, group in zip(names(90), groups, strict=True):
        assert (split[name] == 1) == (group == smaller)
    inside = [s for s in split.values() if s != 1]
    assert 0 < sum(s == 2 for s in inside) / len(inside) < 0.3
    assert valid_unit == "original"


def test_even_two_originals_of_the_larger_group_make_train_and_valid():
    split, _ = assign_originals(["x", "y", "z"], ["a", "b", "b"], BY_GROUP)
    assert sorted(split.values()) == [0, 1, 2]
    assert split["x"] == 1
    with pytest.raises(SettingsError, match="Of two groups the larger one is split into train and valid. Received: 1 original"):
        assign_originals(["x", "y"], ["a", "b"], BY_GROUP)


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        (["a"] * 3, "one, 'a'"),
        (["", "", ""], "3 originals of no group"),
        (["a", "b", ""], "1 originals of no group"),
        ([], "none"),
    ],
)
def test_too_few_groups_are_refused_with_what_to_do(groups, found):
    with pytest.raises(SettingsError, match=f"at least two groups .* Received: {found}. Use splits.unit=original."):
        assign_originals(names(len(groups)), groups, BY_GROUP)


@pytest.fixture(scope="module")
def tifinagh(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("tifinagh"))
    originals = glyph_steps.make_originals(store, SOURCES["tifinagh"], OriginalsSettings(height=8, width=8))
    return store, originals, glyph_steps.make_augmented(store, originals, AugmentedSettings(n=1200, workers=1))


@pytest.fixture(scope="module", params=["original", "group", "sample"])
def split(tifinagh, request):
    store, originals, augmented = tifinagh
    made = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings(unit=request.param))
    tables = {name: stored.table(name) for name, stored in made.items()}
    return request.param, {
        name: (t, t.read(["id", "unit", "original", "group", "label", "image"])) for name, t in tables.items()
    }


def test_every_sample_is_in_one_split_as_it_was(split, tifinagh):
    whole = tifinagh[2].table("augmented").read(["id", "image"])
    place = {name: i for i, name in enumerate(whole["id"].tolist())}
    rows = [place[name] for _, read in split[1].values() for name in read["id"]]
    assert sorted(rows) == list(range(1200))
    for _, read in split[1].values():
        assert np.array_equal(read["image"], whole["image"][[place[name] for name in read["id"]]])


def test_the_unit_travels_with_the_data_and_stands_on_one_side(split):
    unit, splits = split
    column = {"original": "original", "group": "group", "sample": "id"}[unit]
    seen = {}
    for name, (table, read) in splits.items():
        assert np.array_equal(read["unit"], read[column])
        assert table.about["splits"]["unit"] == unit
        assert table.about["splits"]["proportions"] == {"train": 0.72, "test": 0.2, "valid": 0.08}
        seen[name] = set(read["unit"].tolist())
    assert not seen["train"] & seen["test"]
    assert not seen["valid"] & seen["test"]
    assert bool(seen["train"] & seen["valid"]) == (unit == "group")  # two faces only: valid is cut from train's
    originals = {name: set(read["original"].tolist()) for name, (_, read) in splits.items()}
    assert bool(originals["train"] & originals["test"]) == (unit == "sample")
    assert bool(originals["train"] & originals["valid"]) == (unit == "sample")


def test_what_flatters_says_so_in_the_table(split):
    unit, splits = split
    for table, _ in splits.values():
        assert flatters(table.about) == (unit == "sample")
        assert table.about["splits"]["meaning"].startswith("These figures flatter") == (unit == "sample")


def test_the_meaning_of_older_splits_is_still_read():
    assert meaning_of({"unit": "sample", "says": "old"}) == "old"
    assert meaning_of({"unit": "sample", "meaning": "new"}) == "new"


def test_by_group_the_known_characters_are_met_in_an_unseen_face(split):
    unit, splits = split
    if unit == "group":
        assert set(splits["train"][1]["label"]) | set(splits["valid"][1]["label"]) == set(splits["test"][1]["label"])
        assert set(splits["test"][1]["group"]) != set(splits["train"][1]["group"])
        assert "Valid shares its groups with train" in splits["train"][0].about["splits"]["meaning"]


def test_the_meaning_of_each_unit():
    assert "copies of the same original stand in train and in test" in meaning("sample")
    assert "wholly in one split" in meaning("group")
    assert "Valid shares" not in meaning("group", "group")
    assert "originals that train has never seen" in meaning("original")


def test_too_few_samples_are_refused_with_what_to_do(tifinagh):
    store, originals, _ = tifinagh
    few = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=1, workers=1))
    drafts = set((store.root / "objects").rglob("*"))
    with pytest.raises(SettingsError, match="Every split is expected to hold copies. Received: none in .*Raise augmented.n"):
        glyph_steps.make_glyph_splits(store, originals, few, DEFAULT)
    assert set((store.root / "objects").rglob("*")) == drafts
    assert SPLITS == ("train", "test", "valid")
