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
from fullcircle.reading.stored import CHAMPION, champion_reader, latest_reader
from fullcircle.store.champions import Decision, commit_decision, last_decision
from fullcircle.store.objects import NothingMaterializedError, StoredObjectError

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


@pytest.fixture
def champion(store):
    """Enters a decision by which models are champion; the hash of the decision."""

    def made(models, outcome="promoted", reason="It is better."):
        last = last_decision(store, CHAMPION, "line")
        before, previous = (last.decision.champion, last.stored.hash) if last else ({}, None)
        decision = Decision(outcome, reason, models, models, before, previous)
        version = commit_decision(store, decision).hash
        store.ledger.append({"asset": CHAMPION, "partition": "line", "version": version, "run_id": "r"})
        return version

    return made


def spoil(store, version):
    (store.path_of(version) / TRAINING).write_text("{}")


def test_the_champion_reads_and_not_what_is_latest(make, store, champion, messages):
    lines, progress = messages
    decoder = make("decoder", True, 1)
    old = make("encoder", True, 2, decoder=decoder)
    assert champion_reader(store, LINE, GRADIENT)[1] == {"encoder": old, "decoder": decoder}  # nothing was decided yet
    champion({"encoder": old, "decoder": decoder})
    latest = make("encoder", True, 3, decoder=decoder)
    assert champion_reader(store, LINE, GRADIENT, progress=progress)[1] == {"encoder": old, "decoder": decoder}
    assert champion_reader(store, LINE, ENCODER)[1] == {"encoder": old}
    assert champion_reader(store, LINE, ENCODER, unverified=True)[1] == {"encoder": latest}
    assert lines == []


def test_without_a_champion_nothing_reads_and_the_reason_is_given(make, store, champion):
    version = make("encoder", True, 1)
    champion({}, "refused", "Refused: no better than nothing.")
    with pytest.raises(
        NothingMaterializedError, match="There is no champion of line. Of the last challenger: Refused: no better"
    ):
        champion_reader(store, LINE, ENCODER)
    assert champion_reader(store, LINE, ENCODER, unverified=True)[1] == {"encoder": version}
    assert champion_reader(store, LINE, ReaderSettings(steps="redraw"))[1] == {}


def test_a_damaged_champion_does_not_read_unless_the_last_whole_one_is_asked_for(make, store, champion, messages):
    lines, progress = messages
    first, second, third = (make("encoder", True, n) for n in (1, 2, 3))
    for version in (first, second, third):
        champion({"encoder": version})
    spoil(store, third)
    spoil(store, second)
    with pytest.raises(
        StoredObjectError,
        match="fullcircle champion rollback line --reason TEXT, or read with the last whole one: --last-whole",
    ):
        champion_reader(store, LINE, ENCODER)
    assert champion_reader(store, LINE, ENCODER, last_whole=True, progress=progress)[1] == {"encoder": first}
    assert f"The last whole one is used: encoder {first[:12]}" in lines[0]
    spoil(store, first)
    with pytest.raises(StoredObjectError, match="No champion before it is whole either"):
        champion_reader(store, LINE, ENCODER, last_whole=True)


def test_a_champion_whose_check_failed_since_does_not_read(make, store, champion):
    version = make("encoder", False, 1)
    champion({"encoder": version})
    with pytest.raises(
        NothingMaterializedError, match="The champion's encoder of line, version .* is not used because its check learns failed"
    ):
        champion_reader(store, LINE, ENCODER)


def test_a_class_without_a_champion_is_left_out_where_all_classes_read(make, store, champion, messages, monkeypatch):
    lines, progress = messages
    make("encoder", True, 1)
    champion({}, "refused", "Refused: no better.")
    with pytest.raises(NothingMaterializedError, match="There is no champion of line"):
        contenders(store, ENCODER, progress=progress)
    with store.draft() as draft:
        (draft.path / TRAINING).write_text("{}")
        version = draft.commit().hash
    store.ledger.append({"asset": "drawings/encoder", "partition": "arc", "version": version, "run_id": "r"})
    assert [c.drawing.name for c in contenders(store, ENCODER, progress=progress)] == ["arc"]
    assert lines[0].startswith("line is left out. There is no champion of line")
