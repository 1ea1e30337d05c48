import keras
import numpy as np
import pytest

from benchmarks import variants
from benchmarks.variants import DECODERS, ENCODERS, Trained, Variant, clock, constants, spread, table
from fullcircle.models.encoders import attention
from fullcircle.training.settings import DecoderSettings, EncoderSettings


def trained(name, seed, examples, **figures):
    return Trained(name, seed, examples, figures, np.zeros((1, 64, 64), np.uint8))


@pytest.mark.parametrize(("of", "settings"), [(DECODERS, DecoderSettings), (ENCODERS, EncoderSettings)])
def test_every_variant_says_only_what_the_settings_know(of, settings):
    for variant in of:
        known = {"epochs": 9, "balanced_epochs": 1} if settings is DecoderSettings else {}
        settings(**{**known, **variant.settings})
        assert sum(variant.shares) == pytest.approx(1)
    assert len({v.name for v in of}) == len(of)


def test_every_encoder_goes_through_a_decoder_that_is_trained():
    assert {v.through for v in ENCODERS} <= {v.name for v in DECODERS}


def follow(variant, seconds, costs, cosine=True, rate=0.5):
    """A fit of one weight whose batches cost so many seconds; returns the clock and the rate of every batch."""
    now, rates, left = [0.0], [], iter(costs)
    watch = clock(seconds, variant, rate, cosine, now=lambda: now[0])

    class Spend(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))
            now[0] += next(left)

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), loss="mse")
    for _ in variant.shares:
        model.fit(np.ones((64, 1)), np.ones((64, 1)), batch_size=1, epochs=1, verbose=0, callbacks=[Spend(), watch])
    return watch, rates


def test_the_clock_ends_training_after_its_seconds_and_the_first_batch_of_a_stage_is_free():
    watch, rates = follow(Variant("v", {}), 10, [100, *[1] * 63])
    assert watch.spent == 10
    assert watch.batches == len(rates) == 11


def test_each_stage_has_its_share():
    watch, _ = follow(Variant("v", {}, (0.25, 0.75)), 20, [1] * 128)
    assert watch.spent == 20
    assert watch.batches == (1 + 5) + (1 + 15)


def test_the_rate_rises_falls_as_a_cosine_and_ends_near_nothing():
    _, rates = follow(Variant("v", {}), 40, [1] * 64)
    assert rates[0] == 0
    assert rates[3] == pytest.approx(0.5)  # two of forty seconds: the end of the warm-up
    middle = 0.5 * 0.5 * (1 + np.cos(np.pi * (21 / 40 - 0.05) / 0.95))
    assert rates[22] == pytest.approx(middle, rel=1e-5)
    assert 0 <= rates[-1] < 0.01
    _, constant = follow(Variant("v", {}), 40, [1] * 64, cosine=False)
    assert set(constant) == {0.5}


def test_a_mean_of_weights_lags_behind_the_weights():
    plain, averaged = Variant("v", {}), Variant("v", {}, averaged=True)
    ends = []
    for variant in (plain, averaged):
        keras.utils.set_random_seed(1)
        watch, _ = follow(variant, 30, [1] * 64, cosine=False, rate=0.05)
        ends.append(float(watch.model.layers[0](np.ones((1, 1)))[0, 0]))
    assert abs(ends[0] - 1) < abs(ends[1] - 1)


def test_constants_are_put_back():
    before = attention.LOOKS
    with pytest.raises(RuntimeError), constants({"fullcircle.models.encoders.attention:LOOKS": 0}):
        assert attention.LOOKS == 0
        raise RuntimeError
    assert before == attention.LOOKS


def test_a_row_says_mean_least_and_most_of_its_seeds():
    assert spread([0.25], ".2f") == "0.25"
    assert spread([1.0, 2.0, 6.0], ".1f") == "3.0 (1.0 to 6.0)"
    made = [
        trained("a", 1, 100, fvu=0.2),
        trained("a", 2, 300, fvu=0.4),
        trained("b", 1, 5, fvu=1.0),
        trained("b", 2, 5, fvu=1.0),
    ]
    found = table("t", "decoder", [Variant("a", {}), Variant("b", {})], made, {"FVU": ("fvu", ".2f")})
    assert found.cells() == [
        ["decoder", "examples seen", "FVU"],
        ["a", "200", "0.30 (0.20 to 0.40)"],
        ["b", "5", "1.00 (1.00 to 1.00)"],
    ]


def test_the_whole_path_in_small(monkeypatch):
    """One variant of each half, the article's, from examples to the page."""
    from fullcircle.core.progress import silent

    monkeypatch.setattr(variants, "DECODERS", DECODERS[:1])
    monkeypatch.setattr(variants, "ENCODERS", ENCODERS[:1])
    outcome = variants.run(variants.VariantsSettings(seconds=1, seeds=1, examples=600, workers=2), silent)
    decoders, encoders = outcome.tables
    assert [r["decoder"] for r in decoders.rows] == [DECODERS[0].name]
    assert [r["encoder"] for r in encoders.rows] == [ENCODERS[0].name]
    assert all(r["examples seen"] > 0 for r in (*decoders.rows, *encoders.rows))
    assert set(outcome.pictures) == {"variants_decoders.webp", "variants_encoders.webp"}
