import json

import keras
import numpy as np
import pytest

from fullcircle.checks.autoencoders import gain_by_unit, latents_are_active, pictures_are_learned
from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.evaluation.baselines import mean_picture
from fullcircle.images.arrays import unit_images
from fullcircle.models.autoencoders import model_settings
from fullcircle.models.stored import training_of
from fullcircle.models.stored_autoencoder import DECODER, ENCODER, halves_of
from fullcircle.promotion.autoencoders import by_original
from fullcircle.promotion.autoencoders import test_pictures as pictures_of_test
from fullcircle.promotion.settings import AutoencoderChampionSettings
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps.step import run
from fullcircle.store.champions import decision_of
from fullcircle.store.objects import Store
from fullcircle.training.loop import CHECKPOINTS

SMALL = {"epochs": 2, "batch_size": 32}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Splits of a few small Tifinagh characters, and two models of them."""
    store = Store(tmp_path_factory.mktemp("autoencoding"))
    originals = glyph_steps.make_originals(store, SOURCES["tifinagh"], OriginalsSettings(height=16, width=16))
    augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=330, workers=1))
    splits = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings())
    models = {
        name: autoencoder_steps.make_autoencoder(store, "tifinagh", splits["train"], splits["valid"], settings)
        for name, settings in (
            ("dense_autoencoder", model_settings("dense_autoencoder", epochs=40, batch_size=32, learning_rate=3e-3)),
            ("vae", model_settings("vae", **SMALL)),
        )
    }
    return store, splits, models


def test_a_trained_model_says_what_it_is_and_what_it_was_made_from(made):
    _, splits, models = made
    training = training_of(models["vae"])
    assert {p.name for p in models["vae"].path.iterdir()} == {"encoder.keras", "decoder.keras", "training.json", "object.json"}
    assert (training["model"], training["source"], training["canvas"]) == ("vae", "tifinagh", [16, 16, 1])
    assert training["settings"] == model_settings("vae", **SMALL).as_dict()
    assert training["read"] == {"train": splits["train"].hash, "valid": splits["valid"].hash}
    assert training["splits"]["unit"] == "original"
    assert "ⴰ" in training["labels"]
    assert len(training["history"]) == 2
    assert set(training["history"][0]) == {
        "epoch",
        *(f"{s}{n}" for s in ("", "val_") for n in ("loss", "reconstruction", "kl")),
    }
    assert training["parameters"] == sum(training["halves"].values()) > training["trainable"]
    assert training["timing"]["examples_per_s"] > 0


@pytest.mark.parametrize("name", ["dense_autoencoder", "vae"])
def test_a_trained_model_encodes_and_decodes(made, name):
    _, splits, models = made
    trained = halves_of(models[name])
    images = splits["valid"].table("valid").read(["image"])["image"]
    latents = trained.encode(images)
    assert (latents.shape, latents.dtype) == ((len(images), trained.latents), np.float32)
    assert np.array_equal(latents, trained.encode(unit_images(images)))
    back = trained.decode(latents)
    assert (back.shape, back.dtype) == ((len(images), 16, 16, 1), np.float32)
    assert trained.variational == (name == "vae")
    if trained.variational:
        mean, log_var = trained.posterior(images)
        assert np.array_equal(mean, latents)
        assert log_var.shape == latents.shape
    else:
        assert trained.posterior(images) is None
    assert trained.encode(images[:0]).shape == (0, trained.latents)
    assert trained.decode(latents[:0]).shape == (0, 16, 16, 1)


class Interrupt(keras.callbacks.Callback):
    """Ends a training when its second epoch begins, as Ctrl-C does."""

    def __init__(self, before=lambda: None):
        super().__init__()
        self.before = before

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.before()
            raise KeyboardInterrupt


def test_a_training_cut_off_makes_the_same_object_and_leaves_no_checkpoint(made):
    store, splits, models = made
    settings = model_settings("vae", **SMALL)
    folder = store.root / CHECKPOINTS / "vae" / "tifinagh"
    assert not list(folder.iterdir())

    def make(settings=settings, **more):
        return autoencoder_steps.make_autoencoder(store, "tifinagh", splits["train"], splits["valid"], settings, **more)

    with pytest.raises(KeyboardInterrupt):
        make(callbacks=[Interrupt()])
    assert [path.suffix for path in folder.iterdir()] == [".npz"]
    messages = []
    assert make(progress=autoencoder_steps.Progress(messages.append)).hash == models["vae"].hash
    assert "goes on after epoch 1 of 2" in messages[0]
    assert not list(folder.iterdir())


def test_a_training_beside_another_of_the_same_model_leaves_its_checkpoint(made):
    store, splits, models = made
    messages = []

    def make(progress=autoencoder_steps.silent, callbacks=(), **more):
        settings = model_settings("vae", **SMALL | more)
        return autoencoder_steps.make_autoencoder(
            store, "tifinagh", splits["train"], splits["valid"], settings, progress, callbacks=callbacks
        )

    with pytest.raises(KeyboardInterrupt):
        make(callbacks=[Interrupt(before=lambda: make(epochs=1, learning_rate=1e-4))])
    assert make(autoencoder_steps.Progress(messages.append)).hash == models["vae"].hash
    assert "goes on after epoch 1 of 2" in messages[0]


def test_latents_of_test_are_kept_for_the_projector(made, tmp_path):
    _, splits, models = made
    folder = autoencoder_steps.log_latents(Store(tmp_path), splits["test"], models["vae"])
    assert folder == tmp_path / "logs" / "glyphs" / "tifinagh" / "vae" / f"latents_{models['vae'].hash[:12]}"
    test = splits["test"].table("test")
    written = np.loadtxt(folder / "tensors.tsv", delimiter="\t")[:, :2]
    latents = halves_of(models["vae"]).encode(test.read(["image"])["image"])
    assert np.allclose(written, latents, atol=1e-5)
    assert (folder / "sprite.png").exists()


def test_the_mean_picture_is_that_of_all_of_train(made):
    images = made[1]["train"].table("train").read(["image"])["image"]
    assert np.allclose(mean_picture(made[1]["train"].table("train"))[..., 0], images.mean(axis=0) / 255, atol=1e-6)


def test_a_model_that_learned_passes_and_one_that_did_not_is_reported_with_what_to_do(made):
    store, splits, models = made
    good = pictures_are_learned(models["dense_autoencoder"], splits["train"], splits["valid"])
    assert good.passed, good.description
    assert good.figures["reconstruction"] < good.figures["mean_picture"]
    assert good.figures["gain"] > 2 * good.figures["standard_error"] > 0
    idle = model_settings("dense_autoencoder", epochs=1, learning_rate=1e-9)
    stored = autoencoder_steps.make_autoencoder(store, "tifinagh", splits["train"], splits["valid"], idle)
    bad = pictures_are_learned(stored, splits["train"], splits["valid"])
    assert not bad.passed and not bad.warns
    assert (
        "no more than their mean" in bad.description and "Train with more epochs (dense_autoencoder.epochs)" in bad.description
    )


def test_a_gain_that_may_be_chance_warns(made, monkeypatch):
    _, splits, models = made
    monkeypatch.setattr("fullcircle.checks.autoencoders.CHANCE", 1e9)
    doubtful = pictures_are_learned(models["dense_autoencoder"], splits["train"], splits["valid"])
    assert doubtful.warns and not doubtful.passed
    assert "it may be chance" in doubtful.description


def test_copies_of_one_original_count_as_one():
    gains, error = gain_by_unit(np.array([1.0, 3.0, 4.0, 4.0, 4.0]), np.array(["a", "a", "b", "b", "b"], object))
    assert gains.tolist() == [2.0, 4.0]
    assert error == pytest.approx(1.0)  # deviation sqrt(2) over sqrt(2)
    assert gain_by_unit(np.ones(4), np.array(["a"] * 4))[1] is None


def test_a_collapsed_model_fails_with_advice(made):
    store, splits, models = made
    found = latents_are_active(models["vae"], splits["valid"])
    assert set(found.figures) == {"active_latents", "latents", "kl_nats", "kl_share_of_loss"}
    assert found.passed == (found.figures["active_latents"] > 0)
    with store.draft() as draft:  # the same model, its encoder deaf
        trained = halves_of(models["vae"])
        layer = trained.encoder.get_layer("mean")
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
        trained.encoder.save(draft.path / ENCODER)
        trained.decoder.save(draft.path / DECODER)
        (draft.path / autoencoder_steps.TRAINING).write_text(json.dumps(trained.training))
        deaf = draft.commit()
    collapsed = latents_are_active(deaf, splits["valid"])
    assert not collapsed.passed
    assert collapsed.figures["active_latents"] == 0
    assert "vae has collapsed" in collapsed.description
    assert "Lower vae.kl_factor (now 1)" in collapsed.description
    with pytest.raises(ValueError, match=r"A variational model is expected. Received: dense_autoencoder."):
        latents_are_active(models["dense_autoencoder"], splits["valid"])


def decided(store, splits, model, **settings):
    """Decides of a model as its step does, and enters the decision."""
    name = training_of(model)["model"]
    inputs = {"glyphs/test": splits["test"], f"glyphs/{name}": model}
    settings = AutoencoderChampionSettings(**settings)
    result = run(autoencoder_steps.STEPS[name][2], store, "tifinagh", inputs, settings)
    asset = f"glyphs/{name}_champion"
    entry = result.recipes[asset].entry() | {"version": result.objects[asset].hash, "run_id": "r", "time": 1.0}
    store.ledger.append(entry)
    return decision_of(result.objects[asset]), result


def test_a_trained_model_is_champion_and_the_same_again_is_up_to_date(made):
    store, splits, models = made
    first, result = decided(store, splits, models["dense_autoencoder"])
    assert (first.outcome, first.champion) == ("promoted", {"dense_autoencoder": models["dense_autoencoder"].hash})
    figure = first.comparison["figures"]["PSNR"]
    assert figure["challenger"] > figure["champion"]  # that of the mean picture of train
    assert first.comparison["originals"] >= 5
    assert not result.reused
    assert decided(store, splits, models["dense_autoencoder"])[1].reused


def test_a_worse_challenger_is_refused(made):
    """One that has hardly been trained, against the champion of the test before."""
    store, splits, models = made
    before, _ = decided(store, splits, models["dense_autoencoder"])
    hardly = model_settings("dense_autoencoder", epochs=1, batch_size=32, learning_rate=1e-5)
    worse = autoencoder_steps.make_autoencoder(store, "tifinagh", splits["train"], splits["valid"], hardly)
    after, _ = decided(store, splits, worse)
    assert (after.outcome, after.champion) == ("refused", before.champion)
    assert "worse beyond the margin in PSNR (margin 0.5)" in after.reason


def test_pictures_of_originals_that_a_model_was_trained_on_are_not_used(made):
    _, splits, _ = made
    units = set(splits["test"].table("test").read(["unit"])["unit"].tolist())
    kept = sorted(units)[:5]
    images, originals = pictures_of_test(splits["test"], units - set(kept), 1000)
    assert set(originals.tolist()) == set(kept)
    assert len(images) == len(originals)
    with pytest.raises(SettingsError, match="Pictures of at least 5 originals are expected in test"):
        pictures_of_test(splits["test"], units - set(kept[:4]), 1000)


def test_a_comparison_has_the_mean_error_of_each_original():
    assert by_original(np.array([1.0, 3.0, 5.0]), np.array(["a", "a", "b"])).tolist() == [2.0, 5.0]
