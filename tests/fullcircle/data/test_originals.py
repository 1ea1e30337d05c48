"""Originals: each kind of bad picture is either brought to the canvas rightly or listed with its reason; none vanishes."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fullcircle.core.settings import SettingsError
from fullcircle.data.originals import polarity_of, write_originals
from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources import SOURCES, Source
from fullcircle.data.sources.base import Candidate, Loaded
from fullcircle.data.sources.folder import Folder
from fullcircle.store.tables import TableReader

# An L on a light ground, 16 x 16: light 230, dark 20.
GLYPH = np.full((16, 16), 230, np.uint8)
GLYPH[3:13, 4:6] = GLYPH[11:13, 4:12] = 20
TURNED = 255 - GLYPH


def make(source, folder, settings=None):
    """The two tables, as dictionaries by origin."""
    folder.mkdir(exist_ok=True)
    counts = write_originals(folder, source, settings or OriginalsSettings(height=16, width=16))
    kept = TableReader(folder / "originals.parquet")
    gone = TableReader(folder / "rejected.parquet")
    rows = kept.read(kept.schema.names)
    originals = {rows["origin"][i]: {name: values[i] for name, values in rows.items()} for i in range(kept.rows)}
    reasons = dict(zip(*(gone.read(["origin", "reason"])[c].tolist() for c in ("origin", "reason")), strict=True))
    assert (counts.originals, counts.rejected) == (len(originals), len(reasons))
    return originals, reasons


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "my pictures, größere"
    folder.mkdir()
    return folder


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def claims(width, height):
    """A PNG of some bytes that claims any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def image(array=GLYPH):
    return Image.fromarray(array)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def cmyk():
    """The glyph in four inks: black ink only."""
    zero = Image.new("L", (16, 16), 0)
    return Image.merge("CMYK", [zero, zero, zero, image(255 - GLYPH)])


def clear():
    """The glyph in dark, opaque pixels; all else transparent black, which is white paper after the rule."""
    alpha = np.where(GLYPH == 20, 255, 0).astype(np.uint8)
    return Image.merge("LA", [Image.new("L", (16, 16), 20), image(alpha)])


RIGHT = {
    "plain.png": lambda p: image().save(p),
    "palette.png": lambda p: image().convert("P").save(p),
    "palette.gif": lambda p: image().save(p),
    "16 bit.png": lambda p: image(GLYPH.astype(np.uint16) * 257).save(p),
    "16 bit.tif": lambda p: image(GLYPH.astype(np.uint16) * 257).save(p),
    "32 bit.tif": lambda p: image(GLYPH.astype(np.float32)).save(p),
    "cmyk.tif": lambda p: cmyk().save(p),
    "alpha.png": lambda p: Image.merge("LA", [image(), Image.new("L", (16, 16), 255)]).save(p),
    "turned.jpg": lambda p: image().transpose(Image.Transpose.ROTATE_90).save(p, exif=exif(6), quality=100),
    "upside down.png": lambda p: image().transpose(Image.Transpose.ROTATE_180).save(p, exif=exif(3)),
    "no ending": lambda p: image().save(p, "PNG"),
    "wrong ending.txt": lambda p: image().save(p, "PNG"),
    "ünïcödé – 文字.png": lambda p: image().save(p),
    "colour.webp": lambda p: image().convert("RGB").save(p, lossless=True),
    "bitmap.bmp": lambda p: image().save(p),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_difficult_picture_is_handled_right(name, root, tmp_path):
    RIGHT[name](root / name)
    originals, reasons = make(Folder("mine", root), tmp_path / "out")
    assert reasons == {}
    (row,) = originals.values()
    assert row["origin"] == row["source_file"] == name
    tolerance = 3 if name.endswith(".jpg") else 0
    assert np.abs(row["image"].astype(int) - TURNED).max() <= tolerance
    assert (row["polarity"], row["inverted"]) == ("dark on light", True)
    assert (row["width_px"], row["height_px"]) == (16, 16)


def test_what_is_transparent_is_paper(root, tmp_path):
    clear().save(root / "clear.png")
    originals, _ = make(Folder("mine", root), tmp_path / "out")
    assert np.array_equal(originals["clear.png"]["image"], np.where(GLYPH == 20, 235, 0))


def frames(path):
    image().save(path, save_all=True, append_images=[image().rotate(90)])


BAD = {
    "zero bytes.png": (lambda p: p.write_bytes(b""), "Received: zero bytes."),
    "text.png": (lambda p: p.write_text("no picture at all"), "Received: a file of another kind."),
    "drawing.png": (
        lambda p: p.write_text('<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'),
        "Received: a file of another kind.",
    ),
    "notes.txt": (lambda p: p.write_text("buy milk"), "Received: a file of another kind."),
    ".DS_Store": (lambda p: p.write_bytes(b"\0\0\0\1Bud1"), "Received: a file of another kind."),
    "program.eps": (
        lambda p: p.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"),
        "Received: a file of another kind.",
    ),
    "moving.gif": (frames, "Received: several frames or pages"),
    "moving.webp": (frames, "Received: several frames or pages"),
    "pages.tif": (frames, "Received: several frames or pages"),
    "bomb.png": (lambda p: p.write_bytes(claims(60_000, 60_000)), "at most 50,000,000 pixels. Received: more"),
    "large.png": (lambda p: p.write_bytes(claims(8_000, 8_000)), "Received: 8,000 x 8,000."),
    "damaged.png": (lambda p: p.write_bytes(claims(16, 16)), "Received: a truncated or damaged one"),
    "blank.png": (lambda p: Image.new("L", (16, 16), 200).save(p), "Received: one plain colour, within 1 levels"),
    "white on clear.png": (
        lambda p: Image.merge("LA", [Image.new("L", (16, 16), 255), image(TURNED)]).save(p),
        "what is transparent is laid on white",
    ),
    "pipe.png": (os.mkfifo, "Received: a folder, a pipe or a device."),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_picture_is_listed_with_its_reason_and_stops_nothing(name, root, tmp_path):
    write, reason = BAD[name]
    write(root / name)
    image().save(root / "good.png")
    originals, reasons = make(Folder("mine", root), tmp_path / "out")
    assert list(originals) == ["good.png"]
    assert list(reasons) == [name]
    assert reason in reasons[name]


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "gif", "tif", "webp"])
def test_half_a_file_is_listed(ending, root, tmp_path):
    path = root / f"half.{ending}"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    originals, reasons = make(Folder("mine", root), tmp_path / "out")
    assert originals == {}
    assert "Received" in reasons[path.name]


def test_a_file_that_must_not_be_read_is_listed(root, tmp_path, monkeypatch):
    path = root / "closed.png"
    image().save(path)
    path.chmod(0)
    if not os.geteuid():  # nothing is closed to root
        monkeypatch.setattr(Image, "open", lambda *_, **__: raises(PermissionError(13, "Permission denied", str(path))))
    _, reasons = make(Folder("mine", root), tmp_path / "out")
    assert reasons == {"closed.png": "A picture that Pillow opens is expected. Received: Permission denied."}


def test_names_that_are_no_text_are_written_out(root, tmp_path):
    image().save(os.fsencode(root) + b"/\xff\xfe.png")
    originals, _ = make(Folder("mine", root), tmp_path / "out")
    assert list(originals) == ["\\xff\\xfe.png"]


def test_the_first_of_equal_pictures_stays(root, tmp_path):
    for label in ("a", "b"):
        (root / label).mkdir()
    image().save(root / "a" / "1.png")
    image().save(root / "a" / "2.bmp")
    image(TURNED).save(root / "b" / "3.png")  # the same when turned to light on dark
    originals, reasons = make(Folder("mine", root), tmp_path / "out")
    assert list(originals) == ["a/1.png"]
    assert reasons["a/2.bmp"] == "A picture that no other shows is expected. Received: pixel for pixel that of a/1.png."
    assert reasons["b/3.png"].endswith("pixel for pixel that of a/1.png, which is labelled 'a' and not 'b'.")


def test_nothing_is_lost_whatever_happens(root, tmp_path):
    for name, (write, _) in BAD.items():
        write(root / name)
    for name, write in RIGHT.items():
        write(root / name)
    originals, reasons = make(Folder("mine", root), tmp_path / "out")
    assert sorted([*originals, *reasons]) == sorted([*BAD, *RIGHT])
    assert set(BAD) < set(reasons)
    # All the right ones show the same glyph: one stays (the JPEG differs a little).
    assert set(originals) == {"16 bit.png", "turned.jpg"}


class Odd(Source):
    """Whatever it is given to offer."""

    name = "odd"
    summary = "for tests"

    def __init__(self, *loads):
        self._loads = loads

    def candidates(self, settings, canvas):
        for i, load in enumerate(self._loads):
            yield Candidate(f"number {i}", "none", "", "", load)


def raises(error):
    raise error


def test_a_source_of_ones_own_that_raises_loses_one_picture_only(tmp_path):
    good = Loaded(image(), "0" * 64)
    source = Odd(lambda: raises(ZeroDivisionError("oh")), lambda: good, lambda: None, lambda: raises(MemoryError("all of it")))
    originals, reasons = make(source, tmp_path / "out")
    assert list(originals) == ["number 1"]
    assert reasons["number 0"] == "A picture is expected. Received: ZeroDivisionError: oh."
    assert "AttributeError" in reasons["number 2"]
    assert reasons["number 3"] == "A picture is expected. Received: MemoryError: all of it."


@pytest.mark.parametrize(
    ("ground", "ink", "expected"),
    [(255, 0, "dark on light"), (0, 255, "light on dark"), (100, 20, "dark on light"), (160, 240, "light on dark")],
)
def test_polarity_is_what_the_border_says(ground, ink, expected, rng):
    picture = np.full((32, 32), ground, np.float64)
    picture[8:24, 14:18] = ink
    assert polarity_of(picture.astype(np.uint8)) == expected
    uneven = picture + np.linspace(-10, 10, 32) + rng.normal(0, 3, (32, 32))
    assert polarity_of(np.clip(uneven, 0, 255).astype(np.uint8)) == expected
    assert polarity_of(np.repeat(picture.astype(np.uint8)[..., None], 3, axis=2)) == expected


@pytest.mark.parametrize(
    ("polarity", "channels", "inverted"),
    [("auto", 1, True), ("auto", 3, False), ("border", 3, True), ("keep", 1, False), ("invert", 3, True)],
)
def test_inversion_can_be_forced_and_is_recorded(polarity, channels, inverted, root, tmp_path):
    image().save(root / "dark on light.png")
    settings = OriginalsSettings(height=16, width=16, channels=channels, polarity=polarity)
    originals, _ = make(Folder("mine", root), tmp_path / "out", settings)
    (row,) = originals.values()
    assert (row["polarity"], row["inverted"]) == ("dark on light", inverted)
    assert row["image"].shape == ((16, 16) if channels == 1 else (16, 16, 3))
    assert (row["image"].reshape(16, 16, -1)[..., 0] == (TURNED if inverted else GLYPH)).all()


def test_invert_turns_every_picture(root, tmp_path):
    image(TURNED).save(root / "light on dark.png")
    originals, _ = make(Folder("mine", root), tmp_path / "out", OriginalsSettings(height=16, width=16, polarity="invert"))
    assert np.array_equal(originals["light on dark.png"]["image"], GLYPH)


def test_aspect_is_kept_and_the_rest_is_ground(root, tmp_path):
    Image.fromarray(np.kron(GLYPH, np.ones((4, 8), np.uint8))).save(root / "wide.png")  # 128 x 64
    originals, _ = make(Folder("mine", root), tmp_path / "out", OriginalsSettings(height=32, width=32))
    row = originals["wide.png"]
    assert (row["width_px"], row["height_px"]) == (128, 64)
    assert (row["image"][:8] == 25).all()
    assert (row["image"][24:] == 25).all()
    # Each pixel in the middle is the mean of 4 x 4, which here is one level or the other.
    assert np.array_equal(row["image"][8:24], np.kron(TURNED, np.ones((1, 2), np.uint8)))


def test_keypoints_come_to_the_canvas_with_the_picture(tmp_path):
    points = np.array([[0, 0], [19, 9]])
    source = Odd(
        lambda: Loaded(Image.fromarray(np.kron(np.eye(2, dtype=np.uint8) * 255, np.ones((5, 10), np.uint8))), "0", points)
    )
    source.keypoints = ("first", "last")
    folder = tmp_path / "out"
    originals, _ = make(source, folder, OriginalsSettings(height=40, width=40))
    # 20 x 10 doubled to 40 x 20, ten rows down: the centre of the first pixel is the middle of a 2 x 2 square.
    assert originals["number 0"]["keypoints"].tolist() == [[0.5, 10.5], [38.5, 28.5]]
    assert TableReader(folder / "originals.parquet").about["keypoints"] == ["first", "last"]


def test_threads_change_nothing(tmp_path):
    tables = []
    for workers in (1, 4):
        folder = tmp_path / str(workers)
        folder.mkdir()
        write_originals(folder, SOURCES["tifinagh"], OriginalsSettings(workers=workers, height=16, width=16))
        tables.append(TableReader(folder / "originals.parquet").read(["id", "image", "origin"]))
    assert all(np.array_equal(tables[0][name], tables[1][name]) for name in tables[0])
    assert len(tables[0]["id"]) == 110


def test_a_setting_that_has_no_effect_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(SettingsError, match="originals.characters"):
        write_originals(tmp_path, SOURCES["faces"], OriginalsSettings(characters="A"))
    assert list(tmp_path.iterdir()) == []
