import dataclasses

import pytest

from fullcircle.store.recipe import Recipe, difference, entry_key

RECIPE = Recipe(
    asset="drawings/encoder",
    partition="line",
    code_version="c0de",
    config={"epochs": 12, "learning_rate": 0.004, "model": "lookout"},
    read={"drawings/train": "ab" * 32, "drawings/decoder": "ee" * 32},
    libraries={"keras": "3.12", "numpy": "2.3"},
)


def with_config(**config):
    return dataclasses.replace(RECIPE, config=dict(RECIPE.config) | config)


def test_an_entry_made_by_a_recipe_does_not_differ_from_it():
    assert difference(RECIPE.entry(), RECIPE) is None
    assert difference(RECIPE.entry() | {"version": "v", "run_id": "r", "time": 1.5}, RECIPE) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"config": dict(RECIPE.config) | {"epochs": 6}}, "with other settings (epochs was 6, is now 12)"),
        (
            {"config": {"epochs": 12, "learning_rate": 0.1, "loss": "mse"}},
            "with other settings (learning_rate was 0.1, is now 0.004; loss was mse, is no setting now; model is new, lookout)",
        ),
        ({"code_version": "0"}, "by other code"),
        (
            {"read": dict(RECIPE.read) | {"drawings/train": "cd" * 32}},
            "from another version of drawings/train (cdcdcdcdcdcd then, abababababab now)",
        ),
        ({"read": {"drawings/train": "ab" * 32}}, "without drawings/decoder, which is read now"),
        ({"read": dict(RECIPE.read) | {"drawings/valid": "0"}}, "from drawings/valid, which is not read now"),
        ({"libraries": {"keras": "3.11", "numpy": "2.3"}}, "with other libraries (keras 3.11 then, 3.12 now)"),
        ({"partition": "face"}, "as another asset (drawings/encoder (face) then, drawings/encoder (line) now)"),
    ],
)
def test_the_first_difference_is_given_in_words(change, reason):
    assert difference(RECIPE.entry() | change, RECIPE) == reason


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("config", "with settings that are not on record"),
        ("code_version", "by code that is not on record"),
        ("read", "from inputs that are not on record"),
    ],
)
def test_what_is_not_on_record_counts_as_different(field, reason):
    entry = RECIPE.entry()
    del entry[field]
    assert difference(entry, RECIPE) == reason
    assert entry_key(entry) is None


def test_libraries_that_are_not_on_record_count_as_equal():
    entry = RECIPE.entry()
    del entry["libraries"]
    assert difference(entry, RECIPE) is None
    assert difference(RECIPE.entry() | {"libraries": {"keras": "3.12", "pillow": "11"}}, RECIPE) is None


def test_nested_settings_are_named_by_their_path():
    recipe = dataclasses.replace(RECIPE, config={"decoder": {"epochs": 12, "loss": "mse"}})
    entry = recipe.entry() | {"config": {"decoder": {"epochs": 6, "loss": "mse"}}}
    assert difference(entry, recipe) == "with other settings (decoder.epochs was 6, is now 12)"


def test_many_settings_are_counted():
    entry = RECIPE.entry() | {"config": dict.fromkeys("abcde", 1)}
    assert difference(entry, dataclasses.replace(RECIPE, config={})).endswith("; and 2 more)")


def test_a_long_setting_is_cut():
    assert len(difference(RECIPE.entry() | {"config": {"model": "x" * 1000}}, RECIPE)) < 250


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ({"n": 10}, {"n": 10.0}),
        ({"taken": ["a", "b"]}, {"taken": ("a", "b")}),
        ({"n": 1, "workers": 7}, {"n": 1}),
        ({"reader": {"n": 1, "workers": 7}}, {"reader": {"n": 1}}),
    ],
)
def test_settings_that_mean_the_same_are_the_same(then, now):
    before, recipe = dataclasses.replace(RECIPE, config=then), dataclasses.replace(RECIPE, config=now)
    assert difference(before.entry(), recipe) is None
    assert entry_key(before.entry()) == recipe.key
    assert before.digest == recipe.digest


@pytest.mark.parametrize(("then", "now"), [(1, True), (0, False), (10, 10.5), (1, "1"), (None, 0), ([], {})])
def test_settings_that_only_look_alike_differ(then, now):
    before, recipe = with_config(epochs=then), with_config(epochs=now)
    assert difference(before.entry(), recipe).startswith("with other settings (epochs was")
    assert before.digest != recipe.digest


def test_the_digest_covers_every_part():
    others = [
        with_config(epochs=6),
        dataclasses.replace(RECIPE, asset="drawings/decoder"),
        dataclasses.replace(RECIPE, partition="face"),
        dataclasses.replace(RECIPE, code_version="0"),
        dataclasses.replace(RECIPE, read={}),
        dataclasses.replace(RECIPE, libraries={}),
    ]
    assert len({RECIPE.digest, *(other.digest for other in others)}) == 7
    assert others[-1].key == RECIPE.key  # entries of older versions name no libraries and are found all the same
