"""Which stored models read: the latest that passed their checks, and any only for who asks."""

import json

import numpy as np
import pytest
from PIL import Image

from fullcircle.cli import main
from fullcircle.core.progress import Progress
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.models.stored import TRAINING
from fullcircle.reading import stored
from fullcircle.reading.reader import Reader
from fullcircle.reading.recognition import contenders, trained
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import latest_reader
from fullcircle.store.objects import NothingMaterializedError

LINE = DRAWINGS["line"]
SPEC = np.array([3, 5, 60, 40, 200, 4, 31])
GRADIENT = ReaderSettings(steps="encoder,gradient")
ENCODER = ReaderSettings(steps="encoder")


@pytest.fixture(autouse=True)
def no_networks(monkeypatch):
    """Readers that search alone, so that no network has to be trained."""

    def reader_of(drawing, models, settings):
        return Reader(drawing, scaling("range", drawing.factors), None, None, ReaderSettings(steps="redraw", workers=1))

    monkeypatch.setattr(stored, "reader_of", reader_of)


@pytest.fixture
def make(store):
    """Enters a model that must pass one check."""

    def made(name, passed, number, **read):
        with store.draft() as draft:
            (draft.path / TRAINING).write_text(json.dumps({"number": number, "read": read}))
            version = draft.commit().hash
        subject = {"asset": f"drawings/{name}", "partition": "line", "version": version, "run_id": "r"}
        store.ledger.append(subject | {"blocking": ["learns"]})
        if passed is not None:
            found = {"kind": "check", "check": "learns", "blocking": True, "description": "It learned nothing.", "time": 1.0}
            store.ledger.append(subject | found | {"passed": passed})
        return version

    return made


@pytest.fixture
def messages():
    lines: list[str] = []
    return lines, Progress(lines.append)


def test_a_model_that_failed_its_check_is_not_used_unless_asked_for(store, make, messages):
    lines, progress = messages
    decoder = make("decoder", True, 1)
    passed = make("encoder", True, 1, decoder=decoder)
    failed = make("encoder", False, 2, decoder=decoder)
    assert latest_reader(store, LINE, GRADIENT, progress=progress)[1] == {"encoder": passed, "decoder": decoder}
    assert lines == []
    used = latest_reader(store, LINE, GRADIENT, unverified=True, progress=progress)[1]
    assert used == {"encoder": failed, "decoder": decoder}
    assert lines == [
        f"drawings/encoder of line, version {failed[:12]}, is used although its check learns failed: It learned nothing."
    ]


def test_a_check_without_an_outcome_is_none_that_passed(store, make, messages):
    lines, progress = messages
    version = make("encoder", None, 1, decoder=make("decoder", True, 1))
    with pytest.raises(NothingMaterializedError, match=r"the outcome of its check learns is not on record\. .*--any"):
        latest_reader(store, LINE, ENCODER)
    assert latest_reader(store, LINE, ENCODER, unverified=True, progress=progress)[1] == {"encoder": version}
    assert lines[0].endswith("is used although the outcome of its check learns is not on record")


def test_a_decoder_that_failed_is_not_used_behind_an_encoder_that_passed(store, make):
    decoder = make("decoder", False, 1)
    encoder = make("encoder", True, 1, decoder=decoder)
    assert latest_reader(store, LINE, ENCODER)[1] == {"encoder": encoder}
    with pytest.raises(NothingMaterializedError) as error:
        latest_reader(store, LINE, GRADIENT)
    assert str(error.value) == (
        f"drawings/decoder of line, version {decoder[:12]}, that the latest encoder was trained through, is not used because its "
        "check learns failed: It learned nothing. Make others with: make run DRAWING=line, or use it all the same with: --any"
    )
    assert latest_reader(store, LINE, GRADIENT, unverified=True)[1] == {"encoder": encoder, "decoder": decoder}


def test_classes_whose_encoder_failed_take_no_part_unless_asked_for(store, make):
    make("encoder", False, 1, decoder=make("decoder", True, 1))
    assert trained(store) == []
    assert trained(store, unverified=True) == ["line"]
    with pytest.raises(NothingMaterializedError, match=r"Those that did not: line\. Make others with: .*--any"):
        contenders(store, ENCODER)
    assert [c.drawing.name for c in contenders(store, ENCODER, unverified=True)] == ["line"]


@pytest.mark.parametrize("drawing", ["line", "auto"])
def test_the_command_says_which_models_did_not_pass(store, make, tmp_path, capsys, drawing):
    version = make("encoder", False, 1, decoder=make("decoder", True, 1))
    Image.fromarray(LINE.render(SPEC[None])[0]).save(tmp_path / "a.png")
    read = ["--store", str(store.root), "read", "--drawing", drawing, "--steps", "encoder,redraw", str(tmp_path / "a.png")]
    assert main(read) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert "use" in error and error.rstrip().endswith("all the same with: --any")
    assert main([*read, "--any"]) == 0
    out, error = capsys.readouterr()
    assert "draw.line([" in out
    assert error == (
        f"fullcircle: drawings/encoder of line, version {version[:12]}, is used although its check learns failed: "
        "It learned nothing.\n"
    )
