"""The reports of a class in colour that is made of parts, from examples to page, with networks that hardly learned anything."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from fullcircle import checks, circle
from fullcircle.drawings import DRAWINGS
from fullcircle.models.decoders import half_planes
from fullcircle.models.encoders import lookout
from fullcircle.readings import NOISES
from fullcircle.settings import (
    DecoderSettings,
    EncoderSettings,
    ExamplesSettings,
    ReaderSettings,
    ReportSettings,
    SplitsSettings,
)

FACE = DRAWINGS["face"]


@pytest.fixture
def reports(store, monkeypatch):
    monkeypatch.setattr(half_planes, "UNITS", (8,))
    for name, size in {"STEM": 4, "FINE": 4, "COARSE": 4, "SQUEEZE": 2, "CONTEXT": 8, "LOOK": 8, "LOOKS": 1}.items():
        monkeypatch.setattr(lookout, name, size)
    examples = circle.make_examples(store, FACE, ExamplesSettings(n=48, workers=1))
    splits = circle.make_splits(store, examples, SplitsSettings(train=0.5, test=0.25, valid=0.25))
    train, test, valid = (splits[name] for name in ("train", "test", "valid"))
    decoder = circle.make_decoder(store, FACE, train, valid, DecoderSettings(epochs=2, batch_size=8))
    settings = EncoderSettings(epochs=1, objective="spec", batch_size=8)
    encoder = circle.make_encoder(store, FACE, train, valid, decoder, settings)
    reader = ReaderSettings(steps="encoder,redraw", redraws=40, pictures=2, workers=1)
    readings, _ = circle.make_readings(store, FACE, test, valid, encoder, reader)
    shown = ReportSettings(pictures=2)
    return {
        "examples": examples,
        "decoder": circle.report_decoder(store, FACE, test, valid, decoder, shown),
        "encoder": circle.report_encoder(store, FACE, test, valid, decoder, encoder, readings, shown),
    }


def test_a_face_has_its_reports_in_colour_and_its_parts_listed(reports):
    assert checks.images_are_drawn(reports["examples"], FACE).passed
    for name, rows in (("decoder", 3), ("encoder", 2 * 4)):
        report = json.loads(reports[name].file(circle.REPORT).read_text())
        assert 0 < report["metrics"]["mse"] < 1
        sheet = Image.open(io.BytesIO(reports[name].file(circle.CONTACT_SHEET).read_bytes()))
        assert sheet.height == rows * (96 + 4) + 4
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
        assert np.ptp(pixels[4:100, 92:188], axis=2).max() > 30  # the first face is no grey one
    page = reports["encoder"].file(circle.PAGE).read_text()
    assert page.count("the parts that were read") == 2
    for part in ("hair: ellipse", "right eye: ellipse", "mouth: arc"):
        assert page.count(f"<dt>{part}</dt><dd><code>draw.{part.split()[-1]}([(") == 2
    assert "the parts" not in reports["decoder"].file(circle.PAGE).read_text()
    assert set(json.loads(reports["encoder"].file(circle.REPORT).read_text())["reader"]) == {f"{n:g}" for n in NOISES}
