import pytest

from assets import autoencoders, drawings, feature_patterns, glyphs
from pipelines.run_coordinator import refuse_partition, refuse_unfit


@pytest.fixture
def with_digits(store, with_tables):
    return with_tables(store, "digits", samples=40)


def test_models_that_do_not_take_the_canvas_are_refused(with_digits):
    refuse_unfit(with_digits, {"glyphs__vae", "glyphs__vae_report"}, "digits")
    with pytest.raises(ValueError, match=r"multiples of 16 px. Received: \(28, 28, 1\) of the picture source 'digits'."):
        refuse_unfit(with_digits, {"glyphs__vae", "glyphs__colour_vae"}, "digits")


@pytest.mark.parametrize(
    ("steps", "partition"),
    [
        ({"glyphs__colour_vae"}, "tifinagh"),  # whose splits are not there
        ({"glyphs__originals", "glyphs__splits", "glyphs__colour_vae"}, "digits"),  # which makes the splits itself
        ({"glyphs__colour_vae_report", "glyphs__colour_vae_feature_patterns"}, "digits"),  # of a model already made
        ({"drawings__encoder"}, "line"),
    ],
)
def test_what_the_splits_do_not_decide_is_let_through(with_digits, steps, partition):
    refuse_unfit(with_digits, steps, partition)


@pytest.mark.parametrize(
    ("steps", "partition", "message"),
    [
        (
            {"drawings__encoder"},
            None,
            "A drawing class is expected as the run's partition. Received: none. Choose one of line, ",
        ),
        (
            {"drawings__examples", "drawings__splits"},
            "../../x",
            "drawing class is expected as the run's partition. Received: '../../x'.",
        ),
        ({"drawings__feature_patterns"}, "tifinagh", "drawing class is expected as the run's partition. Received: 'tifinagh'."),
        (
            {"glyphs__vae_report"},
            "line",
            "picture source is expected as the run's partition. Received: 'line'. Choose one of tifi",
        ),
        ({"glyphs__splits"}, "", "Received: ''."),
    ],
)
def test_a_partition_that_is_not_known_is_refused(store, steps, partition, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        refuse_partition(store.root, steps, partition)


def test_partitions_that_are_known_are_let_through(store):
    store.root.mkdir(exist_ok=True)
    (store.root / "drawings.json").write_text('{"star": "/nowhere/star.py:Star"}')
    refuse_partition(store.root, {"drawings__encoder"}, "star")
    for assets in (*autoencoders.ASSETS.values(), glyphs.ASSETS):
        refuse_partition(store.root, {asset.op.name for asset in assets}, "tifinagh")
    refuse_partition(store.root, {asset.op.name for asset in drawings.RECOGNITION}, None)


def test_every_partitioned_step_is_known_to_the_rule(store):
    partitioned = [*drawings.ASSETS, *glyphs.ASSETS, *feature_patterns.ASSETS.values()]
    partitioned += [asset for assets in autoencoders.ASSETS.values() for asset in assets]
    for asset in partitioned:
        with pytest.raises(ValueError, match="is expected as the run's partition"):
            refuse_partition(store.root, {asset.op.name}, None)
