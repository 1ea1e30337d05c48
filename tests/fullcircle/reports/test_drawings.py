"""The reports of a class in colour that is made of parts, from examples to page, with networks that learned nothing yet."""

import io
import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fullcircle.checks import drawings as checks
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.models.decoders import half_planes
from fullcircle.models.encoders import attention
from fullcircle.models.stored import TRAINING
from fullcircle.reading.readings import NOISES
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reports import page
from fullcircle.reports.drawings.decoder import DECODER_REPORT
from fullcircle.reports.drawings.encoder import ENCODER_REPORT
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.settings import ReportSettings
from fullcircle.reports.trained_classes import figures_on_test, sheet, write_trained_classes
from fullcircle.steps import drawings as drawing_steps
from fullcircle.store.code_version import code_version
from fullcircle.store.objects import NothingMaterializedError

ROOT = Path(__file__).parents[3]
FACE = DRAWINGS["face"]


@pytest.fixture
def reports(store, monkeypatch):
    monkeypatch.setattr(half_planes, "UNITS", (8,))
    for name, size in {"STEM": 4, "FINE": 4, "COARSE": 4, "SQUEEZE": 2, "CONTEXT": 8, "LOOK": 8, "LOOKS": 1}.items():
        monkeypatch.setattr(attention, name, size)
    by = scaling("range", FACE.factors)

    def untrained(kind, network, **read):
        about = {"scaling": "range", "settings": {"model": kind}, "read": read, "parameters": 1, "trainable": 1}
        about |= {"history": [{"stage": kind, "loss": 1.0, "val_loss": 1.0}], "timing": {"seconds": 1, "examples_per_s": 1}}
        with store.draft() as draft:
            network.build(FACE, by).save(draft.path / f"{kind}.keras")
            (draft.path / TRAINING).write_text(json.dumps(about))
            return draft.commit()

    examples = drawing_steps.make_examples(store, FACE, ExamplesSettings(n=16, workers=1))
    splits = drawing_steps.make_splits(store, examples, SplitsSettings(train=0.1, test=0.45, valid=0.45))
    decoder = untrained("decoder", half_planes)
    encoder = untrained("encoder", attention, decoder=decoder.hash)
    reader = ReaderSettings(steps="encoder,redraw", redraws=20, pictures=2, workers=1)
    readings = drawing_steps.make_readings(store, FACE, splits["test"], splits["valid"], encoder, reader)
    shown = ReportSettings(pictures=2)
    read = splits | {"decoder": decoder, "encoder": encoder, "readings": readings}

    def made(report):
        return drawing_steps.make_report(report, store, FACE, {name: read[name] for name in report.takes}, shown)

    return {
        "examples": examples,
        "decoder": made(DECODER_REPORT),
        "decoder again": lambda: made(DECODER_REPORT),
        "encoder": made(ENCODER_REPORT),
    }


def test_a_face_has_its_reports_in_colour_and_its_parts_listed(reports):
    assert checks.images_are_drawn(reports["examples"], FACE).passed
    for name, rows in (("decoder", 3), ("encoder", 2 * 4)):
        report = json.loads(reports[name].file(REPORT).read_text())
        assert 0 < report["metrics"]["mse"] < 1
        sheet = Image.open(io.BytesIO(reports[name].file(CONTACT_SHEET).read_bytes()))
        assert sheet.height == rows * (96 + 4) + 4
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
        assert np.ptp(pixels[4:100, 92:188], axis=2).max() > 30  # the first face is no grey one
    text = reports["encoder"].file(PAGE).read_text()
    assert text.count("the parts that were read") == 2
    for part in ("hair: ellipse", "right eye: ellipse", "mouth: arc"):
        assert text.count(f"<dt>{part}</dt><dd><code>draw.{part.split()[-1]}([(") == 2
    assert "the parts" not in reports["decoder"].file(PAGE).read_text()
    assert set(json.loads(reports["encoder"].file(REPORT).read_text())["reader"]) == {f"{n:g}" for n in NOISES}


def test_figures_on_test_are_what_the_reports_say(store, reports, tmp_path):
    with pytest.raises(NothingMaterializedError, match="face"):
        sheet(store, FACE)
    assert len(write_trained_classes(store, tmp_path).splitlines()) == 2  # no class has reports: the head alone
    assert not list(tmp_path.glob("*.webp"))
    for name in ("decoder", "encoder"):
        entry = {"asset": f"drawings/{name}_report", "partition": "face", "version": reports[name].hash, "run_id": "r"}
        store.ledger.append(entry)
    figures = {n: json.loads(reports[n].file(REPORT).read_text())["metrics"] for n in ("decoder", "encoder")}
    made = figures_on_test(store, FACE)
    assert made["fvu"] == figures["decoder"]["fvu"]
    assert made["redraw_mse"] == figures["encoder"]["reader_redraw_mse"]
    assert made["redraw_fvu"] == pytest.approx(made["redraw_mse"] / figures["decoder"]["null_mse"])
    assert made["psnr_db"] == pytest.approx(-10 * np.log10(made["redraw_mse"]))
    assert made["examples"] == 2
    line = write_trained_classes(store, tmp_path).splitlines()[2]
    assert line.startswith("| [face](#face) | 0:01, 0:01 |") and f"{made['psnr_db']:.1f} dB" in line
    with Image.open(tmp_path / "trained_face.webp") as image:
        assert image.height == 3 * (96 + 4) + 4


def test_a_corrected_page_is_another_object_and_the_same_page_is_not(reports, monkeypatch, tmp_path):
    first, again = reports["decoder"], reports["decoder again"]
    assert again().hash == first.hash
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "fullcircle", copy / "fullcircle", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(page, "code_version", partial(code_version, root=copy))
    assert again().hash == first.hash
    template = copy / "fullcircle/reports/templates/page.html.j2"
    template.write_text(template.read_text().replace("<body>", '<body class="corrected">'))
    corrected = again()
    assert corrected.hash != first.hash
    figures = [stored.json(REPORT) for stored in (first, corrected)]
    assert figures[0].pop("page_version") != figures[1].pop("page_version")
    assert figures[0] == figures[1]
    assert first.file(PAGE).exists()
