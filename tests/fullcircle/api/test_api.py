"""`import fullcircle as fc`: what it costs, what it takes, and what it answers beside the command."""

import base64
import io
import json
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

import fullcircle as fc
from fullcircle import cli
from fullcircle.api import reader as readers
from fullcircle.api.drawing import as_drawing
from fullcircle.core.settings import SettingsError
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.line import Line
from fullcircle.images.files import PictureError
from fullcircle.reading.batches import read_in_batches
from fullcircle.reading.stored import reader_at_hand
from fullcircle.store.objects import NothingMaterializedError
from fullcircle.store.tables import TableReader

LINE = DRAWINGS["line"]
SPEC = np.array([3, 5, 60, 40, 200, 4, 31])
IMAGE = LINE.render(SPEC[None])[0]
CALL = "draw.line([(3, 5), (60, 40)], fill=200, width=4)"


class Dot(fc.Drawing):
    """A square in the middle."""

    name = "dot"
    factors = fc.Factors(fc.Factor("side", 2, 30), fc.Factor("grey", 0, 255, unit="level", kind="colour"))
    height = width = 32

    def draw(self, *, side, grey):
        image = np.full((32, 32), 128, np.uint8)
        image[:side, :side] = grey
        return image


@pytest.fixture(autouse=True)
def own_store(store, monkeypatch):
    monkeypatch.setenv("FULLCIRCLE_STORE", str(store.root))


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return fc.Reader("line", store=tmp_path_factory.mktemp("none"))


@pytest.fixture(scope="module")
def answer(reader):
    return reader.read(IMAGE)


COST = """
import sys, time
began = time.perf_counter()
import fullcircle as fc
print(time.perf_counter() - began, sorted({"numpy", "PIL", "pyarrow"} & set(sys.modules)))
fc.read
print(sorted({"tensorflow", "keras", "pandas", "scipy", "sklearn", "matplotlib", "cv2"} & set(sys.modules)))
"""


def test_importing_costs_next_to_nothing():
    done = subprocess.run([sys.executable, "-c", COST], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    seconds, loaded = first.split(maxsplit=1)
    assert float(seconds) < 0.1
    assert (loaded, second) == ("[]", "[]")


def test_names_are_offered_and_others_are_not():
    assert set(fc.__all__) <= set(dir(fc))
    with pytest.raises(AttributeError, match="module 'fullcircle' has no attribute 'raed'"):
        _ = fc.raed


def test_an_answer_has_what_the_command_prints(answer, tmp_path, capsys):
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    assert answer.spec == dict(zip(LINE.factors.names, SPEC.tolist(), strict=True))
    assert answer.spec_own_pixels == answer.spec
    assert (answer.call, answer.canvas) == (CALL, 'Image.new("L", (64, 64), 31)')
    assert (answer.pixel_exact, answer.redraw_mse, answer.explained) == (True, 0, 1)
    assert 0.9 < answer.confidence <= 1
    assert np.array_equal(answer.redraw, IMAGE)
    assert np.array_equal(answer.picture, IMAGE)
    assert answer.drawing is LINE
    of_file = fc.read(tmp_path / "a.png", steps="redraw")
    assert cli.main(["read", str(tmp_path / "a.png"), "--steps", "redraw", "--parquet", str(tmp_path / "t.parquet")]) == 0
    assert capsys.readouterr().out == f"{of_file!r}\n"
    assert cli.main(["read", str(tmp_path / "a.png"), "--steps", "redraw", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [of_file.as_dict()]
    assert of_file.path == tmp_path / "a.png"
    assert answer.as_dict() == of_file.as_dict() | {"path": None}
    frame = fc.read([tmp_path / "a.png"], steps="redraw").frame()
    assert frame.to_dict("records") == TableReader(tmp_path / "t.parquet").frame().to_dict("records")


def test_without_a_model_the_search_reads_and_says_so(answer, reader):
    assert answer.models == reader.models == {}
    assert answer.model == reader.model
    assert re.fullmatch(
        r"no network, the search alone: drawings/encoder has no version for 'line' in .*\. Make one with: make run DRAWING=line",
        answer.model,
    )
    assert fc.Reader("line", steps="redraw").model == "no network, the search alone"
    with pytest.raises(NothingMaterializedError, match="Make one with: make run DRAWING=line"):
        fc.Reader("line", steps="encoder")


def test_models_are_named_by_their_content(monkeypatch):
    found = reader_at_hand(readers.Store("/nowhere"), LINE, readers.ReaderSettings(steps="redraw"))[0]
    monkeypatch.setattr(readers, "reader_at_hand", lambda *_, **__: (found, {"encoder": "e" * 64, "decoder": "d" * 64}, ""))
    read = fc.read(IMAGE)
    assert read.model == f"encoder {'e' * 12}, decoder {'d' * 12}"
    assert read.models == read.as_dict()["models"] == {"encoder": "e" * 64, "decoder": "d" * 64}


@pytest.mark.parametrize(
    "given",
    [
        Image.fromarray(IMAGE),
        IMAGE[..., None],
        np.repeat(IMAGE[..., None], 3, axis=2),
        np.dstack([*[IMAGE] * 3, np.full_like(IMAGE, 255)]),
    ],
    ids=["Pillow", "one channel", "RGB", "RGBA"],
)
def test_one_picture_in_any_form_is_one_answer(reader, given):
    assert reader.read(given).call == CALL


def test_several_are_several_answers(tmp_path):
    reader, image = fc.Reader(Dot), Dot().draw(side=9, grey=200)
    for name in ("a.png", "b.png"):
        Image.fromarray(image).save(tmp_path / name)
    (tmp_path / "c.txt").write_text("no picture")
    stack = np.stack([image, image])
    for given in (stack, np.repeat(stack[..., None], 3, axis=3), [image, str(tmp_path / "a.png")], tmp_path):
        found = reader.read(given)
        assert [a.call for a in found] == ["dot.draw(side=9, grey=200)"] * 2
        assert found.failed == {}
    assert [a.path.name for a in found] == ["a.png", "b.png"]
    assert isinstance(found[:1], fc.Answers)
    assert len(reader.read([])) == 0
    assert len(reader.read(iter([tmp_path, image]))) == 3


def test_one_damaged_file_among_many_is_warned_of(reader, tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    Image.fromarray(IMAGE).save(tmp_path / "b.png")
    with pytest.warns(UserWarning, match=r"Not read: .*a\.png: A picture that Pillow opens is expected\."):
        found = reader.read(tmp_path)
    assert [a.path.name for a in found] == ["b.png"]
    assert list(found.failed) == [tmp_path / "a.png"]
    assert "not read: " in repr(found)
    assert "<p>not read: " in found._repr_html_()
    with pytest.raises(PictureError, match=r"a\.png: A picture that Pillow opens is expected\."):
        reader.read(tmp_path / "a.png")


def test_what_is_no_picture_is_refused_with_the_rule(reader, tmp_path):
    with pytest.raises(
        PictureError, match=r"uint8 \(height, width\).*Received: float64 \(64, 64\)\. Levels in \[0, 1\] become"
    ):
        reader.read(IMAGE / 255)
    with pytest.raises(PictureError, match=r"Received: uint8 \(2, 2, 2, 2, 2\)\."):
        reader.read(np.zeros((2,) * 5, np.uint8))
    for wrong in (3, [3], None):
        with pytest.raises(PictureError, match=r"A path, an array, a Pillow image, or a list of them is expected\. Received: "):
            reader.read(wrong)
    with pytest.raises(PictureError, match=r"gone\.png: A file is expected\. Received: No such file"):
        reader.read(tmp_path / "gone.png")
    with pytest.raises(PictureError, match=r": A folder with pictures in it is expected\. Received: none"):
        reader.read(tmp_path)


def test_the_same_seed_gives_the_same_answers_in_any_batches(reader):
    given = [readers.as_picture(readers.Path(f"{i}"), Image.fromarray(IMAGE), LINE) for i in range(3)]
    small = fc.Reader("line", steps="redraw", redraws=200)
    object.__setattr__(small._reader.settings, "batch_size", 2)
    found = [a for batch in read_in_batches(small._reader, given, 3) for a in batch]
    assert [repr(a).split(": ", 1)[1] for a in small.read(np.stack([IMAGE] * 3))] == [a.line().split(": ", 1)[1] for a in found]
    assert [a.picture.path.name for a in found] == ["0", "1", "2"]


def test_any_class_reads_without_training(rng):
    specs, images = fc.examples(Dot, 3, rng)
    assert images.shape == (3, 32, 32)
    for given in (Dot, Dot()):
        found = fc.read(images, drawing=given)
        assert [list(a.spec.values()) for a in found] == specs.tolist()
    assert repr(found[0]) == f"picture 0: {found[0].call}  # pixel for pixel, confidence {found[0].confidence:.2f}"


def test_a_class_is_had_by_name_reference_class_or_object(store, tmp_path):
    (tmp_path / "own.py").write_text("from fullcircle.drawings.line import Line\n\n\nclass Own(Line):\n    name = 'own'\n")
    assert as_drawing("line", store.root) is as_drawing(Line, store.root) is as_drawing(LINE, store.root) is LINE
    assert as_drawing(f"{tmp_path}/own.py:Own", store.root).name == "own"
    for wrong in (3, int):
        with pytest.raises(SettingsError, match="drawing is expected to be a name .* a subclass of fullcircle.Drawing or an"):
            as_drawing(wrong, store.root)
    with pytest.raises(SettingsError, match="Unknown drawing class 'lin'"):
        as_drawing("lin", store.root)
    for members, message in (({"name": "a b"}, "Nameless is expected to have a name"), ({"factors": 3}, "to have factors")):
        with pytest.raises(SettingsError, match=message):
            as_drawing(type("Nameless", (Dot,), members), store.root)


def test_chance_is_given(rng):
    one, other = (fc.examples("line", 5, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one.specs, other.specs)
    assert np.array_equal(LINE.render(one.specs), one.images)
    with pytest.raises(TypeError, match=r"rng is expected to be a numpy\.random\.Generator.*Received: 1\."):
        fc.examples("line", 5, 1)
    with pytest.raises(ValueError, match=r"n is expected to be at least 0\. Received: -1\."):
        fc.examples("line", -1, rng)


def test_a_notebook_shows_picture_redraw_and_difference(answer):
    with Image.open(io.BytesIO(answer._repr_png_())) as sheet:
        shown = np.asarray(sheet)
    assert np.array_equal(shown[::3, :192:3, 0], IMAGE)
    assert np.array_equal(shown[::3, 200:392:3, 0], IMAGE)
    assert (shown[:, 400:] == 128).all()
    page = answer._repr_html_()
    assert base64.b64encode(answer._repr_png_()).decode() in page
    assert "Image.new(&quot;L&quot;, (64, 64), 31)" in page
    assert "the search alone: drawings/encoder has no version" in page


def test_what_is_written_in_a_page_is_text(reader, tmp_path):
    path = tmp_path / "<b>.png"
    Image.fromarray(IMAGE).save(path)
    assert "<b>" not in reader.read(path)._repr_html_()


def test_of_many_answers_the_first_are_shown(answer):
    many = fc.Answers([answer] * 12)
    assert repr(many).splitlines()[-1] == "and 2 more"
    assert len(repr(many).splitlines()) == 11
    assert many._repr_html_().count("<figure") == 10
    assert repr(fc.Answers([])) == fc.Answers([])._repr_html_() == "no pictures"


@pytest.fixture
def stored(store):
    """Puts files into the store as an asset of the line."""

    def made(asset, **files):
        with store.draft() as draft:
            for name, text in files.items():
                (draft.path / name.replace("_", ".")).write_text(text)
            version = draft.commit().hash
        store.ledger.append({"asset": asset, "partition": "line", "version": version, "run_id": "r"})

    return made


def test_what_is_not_in_the_store_is_named_with_what_is_near(stored):
    with pytest.raises(NothingMaterializedError, match="drawings/test has no version for 'line' in .*: make run DRAWING=line"):
        fc.table("drawings/test", "line")
    with pytest.raises(NothingMaterializedError, match="make run SOURCE=tifinagh"):
        fc.load("glyphs/vae", "tifinagh")
    stored("drawings/encoder_report", report_json="{}")
    with pytest.raises(
        SettingsError, match="Unknown asset in .*: 'drawings/encoder_reprt'. Did you mean 'drawings/encoder_rep"
    ):
        fc.table("drawings/encoder_reprt", "line")
    with pytest.raises(SettingsError, match=r"'lin'\. Did you mean 'line'\?.*Make another with: make run DRAWING=lin"):
        fc.load("drawings/encoder_report", "lin")
    for function, what in ((fc.load, "network"), (fc.table, "table")):
        with pytest.raises(SettingsError, match=rf"holds a {what}\. Received: .* object\.json, report\.json\. They are in /"):
            function("drawings/encoder_report", "line")


def test_tables_and_columns_are_chosen_by_name(store):
    import pyarrow as pa
    import pyarrow.parquet as pq

    for asset, names in {"drawings/test": ["test"], "drawings/inbox": ["inbox", "refused"]}.items():
        with store.draft() as draft:
            for name in names:
                pq.write_table(pa.table({name: [1, 2, 3]}), draft.path / f"{name}.parquet")
            version = draft.commit().hash
        store.ledger.append({"asset": asset, "partition": "line", "version": version, "run_id": "r"})
    assert fc.table("drawings/test", "line", limit=2).to_dict("list") == {"test": [1, 2]}
    assert list(fc.table("drawings/inbox", "line", name="refused").columns) == ["refused"]
    with pytest.raises(
        SettingsError, match=r"holds several tables\. Choose one of them, name='inbox' for one: inbox, refused\."
    ):
        fc.table("drawings/inbox", "line")
    with pytest.raises(SettingsError, match=r"Unknown table of drawings/inbox: 'refuse'\. Did you mean 'refused'\?"):
        fc.table("drawings/inbox", "line", name="refuse")
    with pytest.raises(SettingsError, match=r"Unknown column of drawings/test: 'tests'\. Did you mean 'test'\?"):
        fc.table("drawings/test", "line", columns=["tests"])
    with pytest.raises(SettingsError, match=r"holds a network\. Received: drawings/test, .*Call fc\.table for it\."):
        fc.load("drawings/test", "line")


def test_nothing_is_warned_of_where_nothing_is_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fc.read(IMAGE).call == CALL
