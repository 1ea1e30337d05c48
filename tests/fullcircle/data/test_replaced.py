"""Files that another process replaces or writes to while they are read: what is on record is of the bytes that were decoded."""

import hashlib
import io
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from PIL import Image

from fullcircle.data.originals import write_originals
from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources import mnist
from fullcircle.data.sources.base import PictureError, SourceError
from fullcircle.data.sources.folder import Folder
from fullcircle.data.sources.fonts import Fonts, matplotlib_fonts
from fullcircle.data.sources.mnist import Mnist
from fullcircle.images import files
from fullcircle.store.tables import TableReader

SIZE = 64
SETTINGS = OriginalsSettings(height=SIZE, width=SIZE)
WRITTEN_TO = "A whole picture is expected. Received: one that was written to while it was read; try again once it is complete."


def picture(seed, kind="png"):
    """Random pixels and the file that holds them."""
    pixels, file = np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE), np.uint8), io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return pixels, file.getvalue()


def candidate(folder):
    (found,) = Folder("mine", folder).candidates(SETTINGS, (SIZE, SIZE, 1))
    return found


def replace(path, data):
    """As what copies with care does: another file takes the name."""
    path.with_name("new").write_bytes(data)
    path.with_name("new").replace(path)


def overwrite(path, data):
    path.write_bytes(data)


def shorten(path, data):
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff"])
@pytest.mark.parametrize(
    ("change", "before", "during", "after"),
    [(replace, "new", "old", "old"), (overwrite, "new", WRITTEN_TO, "old"), (shorten, "Received", WRITTEN_TO, "old")],
)
def test_a_picture_that_changes_is_the_old_one_or_the_new_one_or_refused(
    tmp_path, monkeypatch, kind, change, before, during, after
):
    """Once between listing and opening, once between its header and the rest, once between reading and decoding."""
    (old, old_file), (new, new_file) = picture(1, kind), picture(2, kind)
    whole = {"old": (old, old_file), "new": (new, new_file)}
    path, opened = tmp_path / f"a.{kind}", Image.open
    for at, expected in enumerate((before, during, after)):
        path.write_bytes(old_file)
        os.utime(path, (1e9, 1e9))
        found, calls = candidate(tmp_path), []
        if at == 0:
            change(path, new_file)

        def changing(*arguments, at=at, calls=calls, **more):
            made = opened(*arguments, **more)
            calls.append(made)
            if len(calls) == at:
                change(path, new_file)
            return made

        monkeypatch.setattr(Image, "open", changing)
        if expected in whole:
            pixels, data = whole[expected]
            loaded = found.load()
            assert np.array_equal(loaded.picture, pixels)
            assert loaded.sha256 == hashlib.sha256(data).hexdigest()
            assert len(calls) == 2
        else:
            with pytest.raises(PictureError, match=expected):
                found.load()


FLIP = """
    import os, sys, time
    path, how, *files = sys.argv[1:]
    data = [open(file, "rb").read() for file in files]
    print("begun", flush=True)
    while True:
        for each in data:
            time.sleep(0.0005)
            if how == "replace":
                with open(path + ".new", "wb") as file:
                    file.write(each)
                os.replace(path + ".new", path)
            else:
                with open(path, "wb") as file:
                    file.write(each)
"""


@pytest.mark.parametrize("how", ["replace", "overwrite"])
def test_a_picture_that_another_process_changes_all_the_time_never_mixes(tmp_path, how):
    path, pixels_of = tmp_path / "a.png", {}
    for seed in (1, 2):
        pixels, data = picture(seed)
        pixels_of[hashlib.sha256(data).hexdigest()] = pixels
        (tmp_path / f"{seed}").write_bytes(data)
    path.write_bytes(data)
    command = [sys.executable, "-c", textwrap.dedent(FLIP), path, how, tmp_path / "1", tmp_path / "2"]
    seen, refused = set(), set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        until, looks = time.monotonic() + 30, 0
        while (looks < 300 or len(seen) < 2) and time.monotonic() < until:
            looks += 1
            try:
                opened = files.open_upright(path)
            except PictureError as error:
                refused.add(str(error).partition(" (")[0])
                continue
            assert np.array_equal(opened.picture, pixels_of[opened.sha256])
            seen.add(opened.sha256)
        process.kill()
    assert seen == pixels_of.keys()
    if how == "replace":
        assert not refused


def tables(root, out):
    """Hashes of what was kept, and the reasons for the rest."""
    out.mkdir()
    write_originals(out, Folder("mine", root), SETTINGS)
    kept, gone = (TableReader(out / f"{name}.parquet") for name in ("originals", "rejected"))
    return kept.read(["source_sha256"])["source_sha256"].tolist(), gone.read(["reason"])["reason"].tolist()


def test_a_picture_that_was_cut_off_is_listed_and_taken_by_the_next_run(tmp_path):
    root, (_, data) = tmp_path / "in", picture(1)
    root.mkdir()
    source, path = Folder("mine", root), root / "a.png"
    path.write_bytes(data[: len(data) // 2])
    cut_off = source.state()
    kept, (reason,) = tables(root, tmp_path / "first")
    assert kept == []
    assert reason.startswith("A whole picture is expected. Received: a truncated or damaged one")
    path.write_bytes(data)
    assert source.state() != cut_off  # so that the step is not up to date
    assert tables(root, tmp_path / "second") == ([hashlib.sha256(data).hexdigest()], [])


def test_a_picture_that_is_gone_before_it_is_opened_is_listed(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(picture(1)[1])
    found = candidate(tmp_path)
    path.unlink()
    with pytest.raises(PictureError, match="A file is expected. Received: No such file or directory."):
        found.load()


def test_a_file_that_cannot_be_a_picture_for_its_size_is_not_read(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(picture(1)[1])
    os.truncate(path, files.MAX_BYTES + 1)
    with pytest.raises(PictureError, match="at most 500,000,000 bytes. Received: 500,000,001."):
        files.open_upright(path)


def test_a_font_that_is_replaced_is_drawn_as_it_was_opened(tmp_path):
    fonts, path = matplotlib_fonts(), tmp_path / "a.ttf"
    old, new = ((fonts / f"{name}.ttf").read_bytes() for name in ("DejaVuSans", "DejaVuSerif-Bold"))
    path.write_bytes(old)
    settings = OriginalsSettings(characters="AB")
    expected = [c.load() for c in Fonts("mine", path).candidates(settings, (28, 28, 1))]
    found = []
    for each in Fonts("mine", path).candidates(settings, (28, 28, 1)):
        replace(path, new)
        found.append(each.load())
    assert [np.asarray(f.picture).tolist() for f in found] == [np.asarray(e.picture).tolist() for e in expected]
    assert {loaded.sha256 for loaded in found} == {hashlib.sha256(old).hexdigest()}


def an_npz(value):
    arrays = {f"x_{part}": np.full((2, 28, 28), value, np.uint8) for part in ("train", "test")}
    file = io.BytesIO()
    np.savez(file, **arrays, y_train=np.arange(2), y_test=np.arange(2))
    return file.getvalue()


def test_an_mnist_that_changes_is_the_old_one_or_refused(tmp_path, monkeypatch):
    path, read = tmp_path / "mnist.npz", mnist.npy.read_array
    for change in (replace, overwrite):
        path.write_bytes(an_npz(1))
        os.utime(path, (1e9, 1e9))

        def changing(file, *, allow_pickle, change=change):
            found = read(file, allow_pickle=allow_pickle)
            change(path, an_npz(2))
            return found

        monkeypatch.setattr(mnist.npy, "read_array", changing)
        candidates = Mnist("mine", path).candidates(OriginalsSettings(), (28, 28, 1))
        if change is replace:
            loaded = [c.load() for c in candidates]
            assert {each.sha256 for each in loaded} == {hashlib.sha256(an_npz(1)).hexdigest()}
            assert all((np.asarray(each.picture) == 1).all() for each in loaded)
        else:
            with pytest.raises(
                SourceError, match=r"mnist\.npz was written to while it was read. Run again once it is complete."
            ):
                list(candidates)
