import pytest

from pipelines.run_coordinator import refuse_unfit


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
        ({"glyphs__originals", "glyphs__train", "glyphs__colour_vae"}, "digits"),  # which makes the splits itself
        ({"glyphs__colour_vae_report", "glyphs__colour_vae_feature_patterns"}, "digits"),  # of a model already made
        ({"drawings__encoder"}, "line"),
    ],
)
def test_what_the_splits_do_not_decide_is_let_through(with_digits, steps, partition):
    refuse_unfit(with_digits, steps, partition)
