import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from fullcircle.models.autoencoders import AUTOENCODERS, model_settings
from fullcircle.models.networks import load
from fullcircle.store.hashing import weights_hash
from fullcircle.training.autoencoders import Joined

PUBLISHED = {
    "dense_autoencoder": ((28, 28, 1), 32, 110_816, 111_568),
    "conv_autoencoder": ((64, 64, 1), 128, 2_116_096, 2_169_217),
    "denoising_autoencoder": ((64, 64, 1), 128, 2_116_096, 2_169_217),
    "vae": ((64, 64, 1), 2, 281_492, 125_249),
}


def canvas_of(name, channels=1):
    """The smallest canvas that a model takes and the tests' pictures fit on."""
    return 16, 16, channels


def built(name, canvas=None, **settings):
    keras.utils.set_random_seed(1)
    return AUTOENCODERS[name].build(canvas or canvas_of(name), model_settings(name, **settings))


@pytest.fixture
def pictures(rng):
    """A light block somewhere on black, each elsewhere."""
    made = np.zeros((8, 16, 16, 1), np.float32)
    for i, (y, x) in enumerate(rng.integers(1, 9, (8, 2))):
        made[i, y : y + 6, x : x + 6] = 1
    return made


def test_the_list_imports_no_keras():
    code = "import sys, fullcircle.models.autoencoders, fullcircle.models.settings; print('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_of_the_write_up(name):
    canvas, latents, encoder, decoder = PUBLISHED[name]
    halves = built(name, canvas)
    assert model_settings(name).latents == latents
    assert (halves.encoder.count_params(), halves.decoder.count_params()) == (encoder, decoder)


def test_the_colour_vae_takes_its_write_ups_canvas():
    halves = built("colour_vae", (96, 96, 3))
    assert halves.decoder.input.shape == (None, 256)
    assert halves.encoder.get_layer("conv_256").output.shape == (None, 6, 6, 256)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", AUTOENCODERS)
def test_pictures_become_codes_and_codes_pictures(name, channels, rng):
    canvas = canvas_of(name, channels)
    chosen = AUTOENCODERS[name]
    assert chosen.takes(canvas)
    halves = built(name, canvas, latents=5)
    encoded = halves.encoder.predict_on_batch(rng.random((3, *canvas), np.float32))
    assert set(encoded) == {"mean", "log_var"} if chosen.variational else True
    latents = list(encoded.values()) if chosen.variational else [encoded]
    assert all(part.shape == (3, 5) and part.dtype == np.float32 for part in latents)
    made = halves.decoder.predict_on_batch(3 * rng.standard_normal((3, 5), np.float32))
    assert (made.shape, made.dtype) == ((3, *canvas), np.float32)
    assert made.min() >= 0
    assert made.max() <= 1


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_a_saved_model_is_the_same_in_safe_mode(name, tmp_path, rng):
    for half in built(name):
        half.save(tmp_path / "half.keras")
        back = load(tmp_path / "half.keras")
        x = rng.random((2, *half.input.shape[1:]), np.float32)
        one, other = (m.predict_on_batch(x) for m in (half, back))
        assert all(np.array_equal(one[k], other[k]) for k in one) if isinstance(one, dict) else np.array_equal(one, other)


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_the_same_seed_builds_the_same_model(name):
    one, other = built(name), built(name)
    assert weights_hash(one.encoder.get_weights()) == weights_hash(other.encoder.get_weights())
    assert weights_hash(one.decoder.get_weights()) == weights_hash(other.decoder.get_weights())


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_a_small_batch_is_learned_by_heart(name, pictures):
    settings = model_settings(name, latents=8, **({"kl_factor": 0.1} if AUTOENCODERS[name].variational else {}))
    keras.utils.set_random_seed(1)
    model = Joined(AUTOENCODERS[name].build((16, 16, 1), settings), settings)
    model.compile(keras.optimizers.Adam(3e-3))
    losses = [float(model.train_on_batch(pictures, pictures, return_dict=True)["loss"]) for _ in range(40)]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize(("name", "canvas"), [("vae", (30, 28, 1)), ("colour_vae", (28, 28, 1))])
def test_a_canvas_that_does_not_fit_is_refused_with_the_choices(name, canvas):
    with pytest.raises(ValueError, match="dense_autoencoder") as error:
        AUTOENCODERS[name].refuse(canvas, "picture source 'mine'", AUTOENCODERS)
    assert f"Received: {canvas} of the picture source 'mine'" in str(error.value)
    chosen = str(error.value).split("Choose from: ")[1]
    assert name not in chosen.rstrip(".").split(", ")


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "selu"])
def test_the_colour_vaes_activation_decides_norm_and_dropout(activation):
    halves = built("colour_vae", (16, 16, 3), activation=activation, dropout=0.1)
    for half in halves:
        kinds = {type(layer).__name__ for layer in half.layers}
        assert ("BatchNormalization" in kinds) == (activation != "selu")
        assert ("AlphaDropout" if activation == "selu" else "Dropout") in kinds
    assert not any("Dropout" in type(layer).__name__ for half in built("colour_vae") for layer in half.layers)


def test_the_residual_decoder_knows_where_it_draws():
    assert '"Coordinates"' in json.dumps(json.loads(built("residual_vae").decoder.to_json()))
