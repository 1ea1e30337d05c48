import io
import json
import os
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from fullcircle.cli import main
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.models.decoders import DECODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.models.stored import TRAINING
from fullcircle.reading import answers, stored
from fullcircle.reading.pictures import open_picture
from fullcircle.reading.reader import Reader
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import latest_reader

LINE = DRAWINGS["line"]
SPEC = np.array([3, 5, 60, 40, 200, 4, 31])
CODE = 'draw.line([(3, 5), (60, 40)], fill=200, width=4) on Image.new("L", (64, 64), 31)'


def run_code(code):
    """What a person would do with the line: type it."""
    call, canvas = code.split(" on ")
    names = {"Image": Image}
    names["image"] = eval(canvas, names)
    names["draw"] = ImageDraw.Draw(names["image"])
    exec(call, names)
    return np.asarray(names["image"])


def test_the_call_of_a_line_is_the_one_that_pillow_takes():
    assert LINE.call(SPEC) == "draw.line([(3, 5), (60, 40)], fill=200, width=4)"
    assert LINE.canvas_call(SPEC) == 'Image.new("L", (64, 64), 31)'


def test_the_code_draws_the_very_same_picture(rng):
    for spec in LINE.factors.sample(50, rng):
        assert np.array_equal(run_code(f"{LINE.call(spec)} on {LINE.canvas_call(spec)}"), LINE.render(spec[None])[0])


def test_any_class_has_a_call():
    class Plain(type(LINE)):
        call = answers.Drawing.call

    expected = "line.draw(x_start=3, y_start=5, x_end=60, y_end=40, line_grey=200, line_width=4, background_grey=31)"
    assert Plain().call(SPEC) == expected
    assert np.array_equal(eval(expected, {"line": LINE}), LINE.render(SPEC[None])[0])


class Near:
    """An encoder that always answers one step beside `SPEC`."""

    def predict_on_batch(self, images):
        beside = SPEC + [1, 0, 0, -1, 20, 0, -9]
        return np.repeat(scaling("range", LINE.factors).to_latent(beside[None]), len(images), axis=0)


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder with two pictures of one line, one of them ten times as large, and no need of a trained network."""

    def champion_reader(store, drawing, settings, **others):
        settings = ReaderSettings(steps=",".join(s for s in settings.taken if s != "gradient"))
        return Reader(drawing, scaling("range", drawing.factors), Near(), None, settings), {"encoder": "e1"}

    monkeypatch.setattr(stored, "champion_reader", champion_reader)
    folder = tmp_path / "pictures"
    folder.mkdir()
    image = LINE.render(SPEC[None])[0]
    Image.fromarray(image).save(folder / "a.png")
    Image.fromarray(np.kron(image, np.ones((10, 10), np.uint8))).save(folder / "b.png")
    return folder


def test_read_prints_the_call_of_each_picture(pictures, capsys):
    assert main(["read", str(pictures)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == 2
    for name, line in zip("ab", lines, strict=True):
        assert line.startswith(f"{pictures / name}.png: {CODE}  # pixel for pixel, confidence 0.9")


def test_read_for_programs(pictures, capsys):
    assert main(["read", "--json", str(pictures / "b.png")]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert f"{answer['call']} on {answer['canvas']}" == CODE
    assert answer["spec"] == dict(zip([f.column for f in LINE.factors], SPEC.tolist(), strict=True))
    assert answer["spec_own_pixels"]["x_start_px"] == 34.5
    assert answer["spec_own_pixels"]["line_width_px"] == 40
    assert (answer["size_px"], answer["pixel_exact"], answer["redraw_mse"]) == ([640, 640], True, 0)
    assert answer["explained"] == 1
    assert answer["models"] == {"encoder": "e1"}


def test_the_number_of_processes_has_its_rule(pictures, capsys):
    assert main(["read", "--workers", "-1", str(pictures)]) == 1
    assert "reader.workers is expected to be at least 0 and at most 256. Received: -1." in capsys.readouterr().err


def test_read_without_the_redraw_knows_no_confidence(pictures, capsys):
    assert main(["read", "--json", "--steps", "encoder", str(pictures / "a.png")]) == 0
    assert json.loads(capsys.readouterr().out)[0]["confidence"] is None
    with pytest.raises(SystemExit):
        main(["read", "--steps", "guess", str(pictures)])
    assert "steps are expected to be of encoder, gradient, redraw. Received: 'guess'" in capsys.readouterr().err


def test_one_bad_picture_never_spoils_the_others(pictures, capsys, tmp_path):
    (pictures / "empty.png").touch()
    (pictures / "text.png").write_text("no picture")
    none = tmp_path / "none"
    none.mkdir()
    assert main(["read", str(pictures), str(tmp_path / "gone.png"), str(none)]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert f"fullcircle: {pictures / 'empty.png'}: A picture is expected. Received: zero bytes." in err
    assert f"fullcircle: {pictures / 'text.png'}: A picture that Pillow opens is expected" in err
    assert f"fullcircle: {tmp_path / 'gone.png'}: A file is expected. Received: No such file" in err
    assert f"fullcircle: {none}: A folder with pictures in it is expected" in err


def odd_names(folder):
    """The pictures of a folder under names that are no UTF-8, of two lines, of an escape code, and as long as names can be."""
    source = folder / "a.png"
    for name in (b"\xff.png", b"two\nlines.png", b"\x1b[31m.png", b"n" * 251 + b".png", b"n" * 250 + b"m.png"):
        shutil.copy(source, folder / os.fsdecode(name))


@pytest.mark.parametrize("strict", [False, True])
def test_no_name_of_a_file_spoils_the_others(pictures, tmp_path, capsys, monkeypatch, strict):
    odd_names(pictures)
    table, folder = tmp_path / "read.parquet", tmp_path / "overlays"
    printed = io.TextIOWrapper(io.BytesIO(), "utf-8" if strict else "ascii", "strict")
    monkeypatch.setattr(sys, "stdout", printed)
    assert main(["read", str(pictures), "--parquet", str(table), "--overlay", str(folder)]) == 0
    lines = printed.buffer.getvalue().decode().splitlines()
    names = {"a", "b", "\\xff", "two\\nlines", "\\x1b[31m", "n" * 251, "n" * 250 + "m"}
    assert {line.partition(f".png: {CODE}")[0] for line in lines} == {f"{pictures}/{name}" for name in names}
    paths = pq.read_table(table)["path"].to_pylist()
    assert {f"{pictures}/two\nlines.png", f"{pictures}/\\xff.png"} < set(paths)
    assert len(paths) == 7
    cut = {"n" * answers.LONGEST, f"{'n' * answers.LONGEST}-2"}
    assert {path.stem for path in folder.iterdir()} == {name for name in names if len(name) < 240} | cut


def test_every_name_is_text_to_any_program(pictures, capsys):
    odd_names(pictures)
    assert main(["read", str(pictures), "--json"]) == 0
    for answer in json.loads(capsys.readouterr().out):
        answer["path"].encode()


def test_a_terminal_that_does_not_know_a_character_ends_nothing(pictures, monkeypatch):
    (pictures / "a.png").rename(pictures / "ⵣ.png")
    printed = io.TextIOWrapper(io.BytesIO(), "ascii", "strict")
    monkeypatch.setattr(sys, "stdout", printed)
    assert main(["read", str(pictures)]) == 0
    assert [line.split(b".png: ")[0][-6:] for line in printed.buffer.getvalue().splitlines()][1] == b"\\u2d63"


def test_what_is_no_file_is_named_and_the_others_are_read(pictures, capsys, monkeypatch):
    os.mkfifo(pictures / "pipe.png")
    (pictures / "link.png").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(pictures)
        server.bind("socket.png")
        (pictures / "shut").mkdir()
        iterdir = Path.iterdir

        def denied(folder):
            if folder.name == "shut":
                raise PermissionError(13, "Permission denied", str(folder))
            return iterdir(folder)

        monkeypatch.setattr(Path, "iterdir", denied)
        assert main(["read", str(pictures / "shut"), str(pictures), "l" * 300]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    for name in ("pipe", "socket"):
        assert f"fullcircle: {pictures / name}.png: A file is expected. Received: a folder, a pipe or a device." in err
    assert f"fullcircle: {pictures / 'link.png'}: A file is expected. Received: No such file or directory." in err
    expected = "A picture, or a folder that can be read, is expected. Received:"
    assert f"fullcircle: {pictures / 'shut'}: {expected} Permission denied." in err
    assert f"{'l' * 300}: " in err
    assert "File name too long" in err
    assert len(err.splitlines()) == 5


def test_a_name_that_is_printed_is_on_one_line(pictures, capsys):
    (pictures / "two\nlines\x1b.png").touch()
    assert main(["read", str(pictures)]) == 1
    assert f"fullcircle: {pictures}/two\\nlines\\x1b.png: A picture is expected." in capsys.readouterr().err


def test_the_table_and_the_overlays(pictures, tmp_path, capsys):
    table, folder = tmp_path / "made" / "read.parquet", tmp_path / "overlays"
    assert main(["read", str(pictures), str(pictures / "a.png"), "--parquet", str(table), "--overlay", str(folder)]) == 0
    rows = pq.read_table(table)
    assert rows["line_width_px"].to_pylist() == [4, 4, 4]
    assert rows["own_line_width_px"].to_pylist() == [4, 40, 4]
    assert rows["pixel_exact"].to_pylist() == [True] * 3
    about = json.loads(rows.schema.metadata[b"fullcircle"])
    assert (about["drawing"], about["models"]) == ("line", {"encoder": "e1"})
    assert sorted(p.name for p in folder.iterdir()) == ["a-2.png", "a.png", "b.png"]
    assert [p.name for p in table.parent.iterdir()] == ["read.parquet"]
    difference = np.asarray(Image.open(folder / "b.png"))[:, -64 * answers.SCALE :]
    assert (difference == 128).all()


def test_an_answer_in_colour_has_code_an_overlay_and_own_pixels_too(tmp_path, rng):
    face = DRAWINGS["face"]
    spec = face.factors.sample(1, rng)
    picture = Image.fromarray(face.render(spec)[0]).resize((192, 192), Image.Resampling.NEAREST)
    picture.save(tmp_path / "face.png")
    picture = open_picture(tmp_path / "face.png", face)
    assert np.array_equal(picture.image, face.render(spec)[0])
    near = face.factors.snap(spec + (np.arange(len(face.factors)) == face.factors.index("smile")))
    search = Reader(face, scaling("range", face.factors), None, None, ReaderSettings(steps="redraw"))
    (answer,) = answers.answers(face, [picture], search.read(picture.image[None], rng, starts=[near]))
    assert answer.pixel_exact
    assert np.array_equal(run_code(answer.code), picture.image)
    sheet = np.asarray(answers.overlay(face, answer))
    side = 96 * answers.SCALE
    assert np.array_equal(sheet[:: answers.SCALE, : side : answers.SCALE], picture.image)
    assert (sheet[:, -side:] == 128).all()
    own = dict(zip(face.factors.names, answer.own.tolist(), strict=True))
    read = dict(zip(face.factors.names, answer.spec.tolist(), strict=True))
    assert own["x_head"] == 2 * read["x_head"] + 0.5  # by pixel centres
    assert (own["head_width"], own["skin_red"]) == (2 * read["head_width"], read["skin_red"])


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "table"
    path.write_text("before")
    with pytest.raises(RuntimeError), answers.whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "before"
    with answers.whole_file(path) as temporary:
        temporary.write_text("after")
    assert path.read_text() == "after"
    assert [p.name for p in tmp_path.iterdir()] == ["table"]


def test_no_model_yet_says_what_makes_one(store, tmp_path, capsys):
    Image.new("L", (64, 64)).save(tmp_path / "a.png")
    assert main(["--store", str(store.root), "read", str(tmp_path / "a.png")]) == 1
    assert "drawings/encoder has no version for 'line'" in (error := capsys.readouterr().err)
    assert "Make one with: make run DRAWING=line" in error


def test_the_reader_is_the_latest_encoder_with_the_decoder_it_was_trained_through(store, tmp_path, capsys):
    def materialise(kind, **read):
        models, chosen = {"decoder": (DECODERS, "half_planes"), "encoder": (ENCODERS, "attention")}[kind]
        with store.draft() as draft:
            models[chosen].build(LINE, scaling("range", LINE.factors)).save(draft.path / f"{kind}.keras")
            (draft.path / TRAINING).write_text(json.dumps({"scaling": "range", "read": read}))
            version = draft.commit().hash
        store.ledger.append({"asset": f"drawings/{kind}", "partition": "line", "version": version, "run_id": "r"})
        return version

    first = materialise("decoder")
    encoder = materialise("encoder", decoder=first)
    latest = materialise("decoder")
    assert first != latest
    assert latest_reader(store, LINE, ReaderSettings())[1] == {"encoder": encoder, "decoder": first}
    assert latest_reader(store, LINE, ReaderSettings(steps="gradient,redraw"))[1] == {"decoder": latest}
    assert latest_reader(store, LINE, ReaderSettings(steps="redraw"))[1] == {}

    Image.fromarray(LINE.render(SPEC[None])[0]).save(tmp_path / "a.png")
    run = ["--store", str(store.root), "read", "--json", str(tmp_path / "a.png")]
    assert main([*run, "--steps", "redraw,encoder"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["models"] == {"encoder": encoder}
    shutil.rmtree(store.path_of(first))
    assert main(run) == 1
    error = capsys.readouterr().err
    assert f"Stored object is missing: {store.path_of(first)}" in error
    assert "Materialize drawings/decoder (line) and then drawings/encoder (line) again." in error
