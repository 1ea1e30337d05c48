"""Contract of the default networks on every drawing class there is: they are built from its factor table, learn, and come back.

Networks are made tiny, for what is asked is whether the table was understood: two examples are learned by heart.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.models.decoders import half_planes
from fullcircle.models.encoders import attention
from fullcircle.models.losses import Balanced, spec_loss
from fullcircle.models.networks import guesses, load

EVERY = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(half_planes, "UNITS", (64,))
    for name, size in {"STEM": 8, "FINE": 8, "COARSE": 8, "SQUEEZE": 4, "CONTEXT": 64, "LOOK": 32, "LOOKS": 1}.items():
        monkeypatch.setattr(attention, name, size)


def two_examples(drawing):
    """The scaling, and latents and images of examples that can be seen."""
    specs = drawing.factors.sample(40, np.random.default_rng(3))
    specs = specs[drawing.contrast(specs) > 60][:2]
    by = scaling("range", drawing.factors)
    return by, by.to_latent(specs), drawing.render(specs).reshape(2, *drawing.canvas).astype("float32") / 255


def learn(model, outputs, given, wanted, loss, steps):
    """Share of the loss, summed over the outputs, that is left after so many steps; Keras's own `fit` takes longer to build."""
    joined = keras.Model(model.input, {f"output_{i}": output for i, output in enumerate(outputs)})
    optimizer = keras.optimizers.Adam(5e-3)
    optimizer.build(joined.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            left = sum(loss(wanted, output) for output in joined(given, training=True).values())
        optimizer.apply(tape.gradient(left, joined.trainable_variables))
        return left

    course = [float(step()) for _ in range(steps)]
    return course[-1] / course[0]


def comes_back(model, given, path):
    model.save(path)
    np.testing.assert_array_equal(load(path)(given), model(given))


@EVERY
def test_a_decoder_learns_by_heart_and_comes_back(drawing, tiny, tmp_path):
    by, latents, images = two_examples(drawing)
    keras.utils.set_random_seed(1)
    decoder = half_planes.build(drawing, by)
    assert learn(decoder, [decoder.output], latents, images, Balanced(), steps=80) < 0.3
    comes_back(decoder, latents, tmp_path / "decoder.keras")


@EVERY
def test_an_encoder_learns_by_heart_and_comes_back(drawing, tiny, tmp_path):
    by, latents, images = two_examples(drawing)
    keras.utils.set_random_seed(1)
    encoder = attention.build(drawing, by)
    outputs = [encoder.output, *(encoder.get_layer(name).output for name in guesses(encoder))]
    assert learn(encoder, outputs, images, latents, spec_loss(drawing, by), steps=40) < 0.2
    comes_back(encoder, images, tmp_path / "encoder.keras")
