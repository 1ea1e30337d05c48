"""What TensorBoard is to show: event files read back by TensorBoard's own reader."""

import json
import time

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorflow import make_ndarray

from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.models.stored import training_of
from fullcircle.steps import drawings as drawing_steps
from fullcircle.training.projector import SPRITE, sprite, write_projector
from fullcircle.training.settings import DecoderSettings
from fullcircle.training.tensorboard import Scalars, new_run


def scalars(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: [(e.step, float(make_ndarray(e.tensor_proto))) for e in events.Tensors(tag)] for tag in events.Tags()["tensors"]
    }


def test_a_training_is_logged_by_epoch_and_stage_and_hashed_without_its_log(store):
    line = DRAWINGS["line"]
    examples = drawing_steps.make_examples(store, line, ExamplesSettings(n=60))
    splits = drawing_steps.make_splits(store, examples, SplitsSettings(train=0.6, test=0.2, valid=0.2))
    settings = DecoderSettings(model="article", epochs=3, balanced_epochs=1)
    made = drawing_steps.make_decoder(store, line, splits["train"], splits["valid"], settings)
    (run,) = (store.root / "logs" / "drawings" / "line" / "decoder").iterdir()
    train, valid = scalars(run / "train"), scalars(run / "valid")
    history = training_of(made)["history"]
    for stage in ("decoder, balanced", "decoder"):
        of_stage = [h for h in history if h["stage"] == stage]
        assert train[f"{stage}/loss"] == [(h["epoch"], pytest.approx(h["loss"])) for h in of_stage]
        assert valid[f"{stage}/loss"] == [(h["epoch"], pytest.approx(h["val_loss"])) for h in of_stage]
        assert len(train[f"{stage}/learning_rate"]) == len(of_stage)
    assert sum(f.stat().st_size for f in run.rglob("*") if f.is_file()) < 10_000
    names = set(json.loads(made.file("object.json").read_text()))
    assert names == {"decoder.keras", "training.json"}


def test_two_trainings_in_one_second_have_two_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "strftime", lambda _: "2026-11-21_094605")
    first = new_run(tmp_path, "drawings", "line", "decoder")
    assert first == tmp_path / "logs" / "drawings" / "line" / "decoder" / "2026-11-21_094605"
    first.mkdir(parents=True)
    assert new_run(tmp_path, "drawings", "line", "decoder").name == "2026-11-21_094605_2"


def test_a_log_hardly_costs_time(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    log = Scalars(tmp_path / "run")
    log.set_model(model)
    figures = dict.fromkeys(("loss", "kl", "reconstruction", "val_loss", "val_kl", "val_reconstruction"), 0.5)
    log.on_epoch_end(0, figures)  # opens the files
    began = time.process_time()
    for epoch in range(1, 21):
        log.on_epoch_end(epoch, figures)
    assert (time.process_time() - began) / 20 < 0.05  # s of an epoch that takes seconds to minutes
    log.on_train_end()
    assert [step for step, _ in scalars(tmp_path / "run" / "valid")["epoch/kl"]] == list(range(1, 22))


def test_latents_pictures_and_labels_go_into_the_projectors_files(tmp_path, rng):
    latents = rng.standard_normal((7, 2)).astype("float32")
    images = rng.integers(0, 256, (7, 6, 8), dtype=np.uint8)
    labels = ["a", "b", "tab\there", "", "ⴰ", "a", "b"]
    write_projector(tmp_path / "run", latents, images, labels, name="latents of x")
    read = np.loadtxt(tmp_path / "run" / "tensors.tsv", delimiter="\t")
    assert read == pytest.approx(np.hstack([latents, np.zeros((7, 1))]), abs=1e-6)  # the projector shows three dimensions
    lines = (tmp_path / "run" / "metadata.tsv").read_text().splitlines()
    assert lines[0] == "label\tpicture"
    assert [line.split("\t") for line in lines[3:6]] == [["tab here", "2"], ["-", "3"], ["ⴰ", "4"]]
    sheet = np.asarray(Image.open(tmp_path / "run" / "sprite.png"))
    assert sheet.shape == (18, 24)
    assert np.array_equal(sheet[6:12, 16:24], images[5])
    config = (tmp_path / "run" / "projector_config.pbtxt").read_text()
    assert "single_image_dim: 8 single_image_dim: 6" in config
    assert list((tmp_path / "run").glob("events.out.*"))


def test_a_sprite_is_never_larger_than_the_projector_takes():
    sheet, (width, height) = sprite(np.zeros((1500, 300, 200, 3), np.uint8))
    assert max(sheet.size) <= SPRITE
    assert sheet.size == (39 * width, 39 * height)
    assert width / height == pytest.approx(2 / 3, abs=0.01)
    assert sprite(np.zeros((5, 64, 64), np.uint8))[1] == (64, 64)


def test_a_single_code_is_refused(tmp_path):
    with pytest.raises(ValueError, match="At least two pictures are expected"):
        write_projector(tmp_path, np.zeros((1, 2)), np.zeros((1, 4, 4), np.uint8), ["a"])
    with pytest.raises(ValueError, match="Received: 3 latents, 2 images, 3 labels"):
        write_projector(tmp_path, np.zeros((3, 2)), np.zeros((2, 4, 4), np.uint8), ["a", "b", "c"])
