"""Pictures nobody vouches for: each kind of trouble by its message, each point of the rule by what is known of it."""

import os
import struct
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fullcircle.drawings import DRAWINGS
from fullcircle.images import files
from fullcircle.images.files import PictureError, find_pictures
from fullcircle.reading.pictures import open_picture

LINE = DRAWINGS["line"]
SPEC = np.array([3, 5, 60, 40, 200, 4, 31])
PICTURE = Image.fromarray(LINE.render(SPEC[None])[0])


@pytest.fixture
def save(tmp_path):
    def save(picture, name="picture.png", **options):
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def claims(width, height):
    """A PNG of some bytes that claims any size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_picture_of_the_canvas_stays_as_it_is(save):
    for mode in ("L", "RGB", "RGBA", "LA", "P"):
        read = open_picture(save(PICTURE.convert(mode)), LINE)
        assert np.array_equal(read.image, PICTURE), mode
        assert read.own_pixels(LINE, SPEC).tolist() == SPEC.tolist()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "A picture is expected. Received: zero bytes."),
        (b"no picture at all", "A picture that Pillow opens is expected. Received: a file of another kind."),
        (claims(20_000, 20_000), "at most 50,000,000 pixels. Received: more"),
        (claims(8_000, 8_000), "at most 50,000,000 pixels. Received: 8,000 x 8,000."),
        (claims(64, 64), "A whole picture is expected. Received: a truncated or damaged one"),
    ],
    ids=["zero bytes", "not a picture", "bomb", "too large", "damaged"],
)
def test_what_cannot_be_read_says_why(content, message, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(PictureError) as error:
        open_picture(path, LINE)
    assert message in str(error.value)


def test_a_missing_file_a_folder_and_half_a_file_say_why(tmp_path, save):
    with pytest.raises(PictureError, match="A file is expected. Received: No such file or directory."):
        open_picture(tmp_path / "nowhere.png", LINE)
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8))
    for name in ("half.png", "half.jpg", "half.bmp", "half.gif", "half.tif"):
        path = save(noise, name)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(PictureError, match="Received"):
            open_picture(path, LINE)


@pytest.mark.parametrize("name", ["moving.gif", "pages.tif", "moving.webp"])
def test_several_frames_are_refused(name, save):
    path = save(PICTURE, name, save_all=True, append_images=[PICTURE.rotate(90)])
    with pytest.raises(PictureError, match="One still picture is expected. Received: several frames or pages"):
        open_picture(path, LINE)


def test_nothing_is_decoded_before_the_size_is_known(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    path.write_bytes(claims(8_000, 8_000))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(PictureError, match=f"{files.MAX_PIXELS:,}"):
        open_picture(path, LINE)


def test_sixteen_bits_become_eight(save):
    wide = Image.fromarray(np.asarray(PICTURE).astype(np.uint16) * 257)
    for name in ("wide.png", "wide.tif"):
        assert np.array_equal(open_picture(save(wide, name), LINE).image, PICTURE)
    real = Image.fromarray(np.asarray(PICTURE).astype(np.float32))
    assert np.array_equal(open_picture(save(real, "real.tif"), LINE).image, PICTURE)


def of_every_kind():
    """A picture of 97 x 61 random pixels in every mode, with and without transparency."""
    rng = np.random.default_rng(1)
    values = rng.integers(0, 256, (97, 61, 4), np.uint8)
    coloured = Image.fromarray(values)
    yield "I;16", Image.fromarray(values[..., :2].copy().view(np.uint16)[..., 0])
    yield "I", Image.fromarray(values.view(np.int32)[..., 0])
    yield "F", Image.fromarray(np.where(values[..., 0] > 250, np.nan, values[..., 1] * 1.3 - 20).astype(np.float32))
    for mode in ("RGBA", "RGB", "L", "LA", "1", "CMYK", "YCbCr", "HSV"):
        picture = coloured.convert("RGB").convert(mode) if mode in ("YCbCr", "HSV") else coloured.convert(mode)
        yield mode, picture
    palette = coloured.convert("RGB").quantize(16)
    yield "P", palette
    clear = palette.copy()
    clear.info["transparency"] = 3
    yield "P, transparent", clear
    grey = coloured.convert("L")
    grey.info["transparency"] = int(values[0, 0, 0])
    yield "L, transparent", grey


@pytest.mark.parametrize("channels", [1, 3])
def test_strips_change_nothing(monkeypatch, channels):
    for name, picture in of_every_kind():
        monkeypatch.setattr(files, "STRIP", 10**9)
        whole = files.eight_bits(picture, channels)
        assert (whole.mode, whole.size) == ({1: "L", 3: "RGB"}[channels], picture.size), name
        for pixels in (1, 1000):
            monkeypatch.setattr(files, "STRIP", pixels)
            assert np.array_equal(files.eight_bits(picture, channels), whole), name


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_bringing_a_large_picture_to_eight_bits_takes_little_memory(kind):
    large = Image.fromarray(np.full((4000, 2000), 200, kind))
    tracemalloc.start()
    try:
        files.eight_bits(large, 1)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 40e6  # 8 million pixels; one copy of them as float64 would take 64 MB


def test_threads_wait_while_others_have_large_pictures_open(save, monkeypatch):
    path, open_now, most = save(PICTURE), [], []
    monkeypatch.setattr(files, "_ROOM", files._Room(2 * (64 * 64 + path.stat().st_size // files.BYTES)))

    def opens(i):
        with files.few_at_a_time():
            if i == 3:
                with pytest.raises(PictureError):
                    files.open_upright(path.parent / "nowhere.png")
            files.open_upright(path)
            open_now.append(i)
            most.append(len(open_now))
            time.sleep(0.02)
            open_now.remove(i)
            if i == 5:
                raise KeyError(i)

    with ThreadPoolExecutor(8) as pool:
        ended = [pool.submit(opens, i) for i in range(16)]
    assert [future.exception() is None for future in ended] == [i != 5 for i in range(16)]
    assert max(most) == 2


def test_one_thread_never_waits_for_itself(save, monkeypatch):
    monkeypatch.setattr(files, "_ROOM", files._Room(10))
    path = save(PICTURE)
    with files.few_at_a_time():
        for _ in range(3):
            files.open_upright(path)
    for _ in range(3):
        files.open_upright(path)


def test_what_is_transparent_is_laid_on_white(save):
    clear = Image.new("RGBA", (64, 64), (10, 20, 30, 0))
    assert (open_picture(save(clear), LINE).image == 255).all()
    palette = PICTURE.convert("P")
    index = int(np.asarray(palette)[0, 0])
    ground = np.asarray(PICTURE) == 31
    assert (open_picture(save(palette, "p.png", transparency=index), LINE).image[ground] == 255).all()


def test_the_camera_was_held_upright(save):
    lying = PICTURE.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 270 degrees to see it upright
    assert np.array_equal(open_picture(save(lying, exif=exif), LINE).image, PICTURE)


def test_a_large_picture_is_scaled_and_its_own_pixels_come_back(save):
    large = Image.fromarray(np.kron(np.asarray(PICTURE), np.ones((10, 10), np.uint8)))
    read = open_picture(save(large), LINE)
    assert np.array_equal(read.image, PICTURE)
    own = read.own_pixels(LINE, SPEC)
    assert own.tolist() == [34.5, 54.5, 604.5, 404.5, 200, 40, 31]  # centres of 10 x 10 squares, ten times as wide


def test_an_oblong_picture_is_padded_with_its_border(save):
    oblong = Image.new("L", (200, 100), 90)
    oblong.paste(10, (80, 40, 120, 60))
    read = open_picture(save(oblong), LINE)
    assert read.image.shape == (64, 64)
    assert (read.image[:16] == 90).all()
    assert (read.image[48:] == 90).all()
    assert read.offset == (0, 16)
    assert read.own_pixels(LINE, np.array([0, 16, 64, 48, 0, 1, 0]))[:4] == pytest.approx([1.0625, 1.0625, 201.0625, 101.0625])
    assert open_picture(save(Image.new("L", (5000, 1), 7)), LINE).image.tolist() == [[7] * 64] * 64


def lit(size=256):
    """A line across the border in uneven light: a slope and darker corners, up to 60 levels apart."""
    clean = np.asarray(PICTURE.resize((size, size), Image.Resampling.NEAREST)).astype(float) + 60
    y, x = np.mgrid[:size, :size] / size - 0.5
    return Image.fromarray(np.clip(np.rint(clean + 40 * x - 15 * y - 30 * (x**2 + y**2)), 0, 255).astype(np.uint8))


def test_uneven_light_is_taken_away_from_a_scaled_picture(save):
    ground = LINE.render(SPEC[None])[0] == SPEC[6]
    read = open_picture(save(lit()), LINE).image.astype(float)
    assert np.ptp(read[ground]) <= 4
    assert read[~ground].mean() - read[ground].mean() == pytest.approx(SPEC[4] - SPEC[6], abs=12)
    assert np.ptp(np.asarray(lit().resize((64, 64), Image.Resampling.BOX))[ground].astype(float)) > 40
    tinted = files.even_light(np.stack([np.asarray(lit(64)), np.full((64, 64), 7, np.uint8)], axis=-1))
    assert np.ptp(tinted[..., 0][ground].astype(float)) <= 4
    assert (tinted[..., 1] == 7).all()


def test_light_stays_where_the_ground_is_plain_the_size_the_canvas_s_or_the_class_has_no_ground(save, monkeypatch):
    assert np.array_equal(open_picture(save(lit(64)), LINE).image, lit(64))
    wide = LINE.render(np.array([[0, 0, 64, 20, 200, 10, 31]]))[0]  # over the border
    assert files.even_light(wide) is wide
    scaled = np.asarray(lit().resize((64, 64), Image.Resampling.BOX))
    monkeypatch.setattr(type(LINE), "ground", ())
    assert np.array_equal(open_picture(save(lit()), LINE).image, scaled)


def test_a_folder_gives_its_pictures_by_name(tmp_path, save):
    for name in ("b.png", "a.jpg"):
        save(PICTURE, name)
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner.png").mkdir()
    given = tmp_path / "notes.txt"
    assert [p.name for p in find_pictures([tmp_path, given])] == ["a.jpg", "b.png", "notes.txt"]


def test_what_is_called_a_picture_and_is_none_is_not_left_out(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("nowhere")
    (tmp_path / "round.png").symlink_to("round.png")
    paths = list(find_pictures([tmp_path]))
    assert [path.name for path in paths] == ["link.png", "pipe.png", "round.png"]
    for path in paths:
        with pytest.raises(PictureError, match="A file is expected. Received: "):
            files.open_upright(path)


@pytest.mark.parametrize(
    ("name", "valid", "printed"),
    [
        (b"plain name.png", "plain name.png", "plain name.png"),
        ("ünï ⵣ 猫.png".encode(), "ünï ⵣ 猫.png", "ünï ⵣ 猫.png"),
        (b"a\xff.png", "a\\xff.png", "a\\xff.png"),
        (b"two\nlines.png", "two\nlines.png", "two\\nlines.png"),
        (b"\x1b[31mred.png", "\x1b[31mred.png", "\\x1b[31mred.png"),
        ("\u202egnp.exe".encode(), "\u202egnp.exe", "\\u202egnp.exe"),
    ],
)
def test_a_name_is_printed_on_one_line_and_does_nothing(name, valid, printed):
    path = Path(os.fsdecode(name))
    assert (files.valid_name(path), files.printable_name(path)) == (valid, printed)
