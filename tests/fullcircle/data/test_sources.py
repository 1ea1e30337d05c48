"""Picture sources: what holds for each of the list, and what is peculiar to one."""

import hashlib
import importlib.metadata
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fullcircle.core.settings import SettingsError
from fullcircle.data import sources as glyphs
from fullcircle.data.settings import AugmentedSettings, OriginalsSettings
from fullcircle.data.sources import KINDS, SOURCES, Source, SourceError, known_sources, picture_source, register
from fullcircle.data.sources.base import Candidate, Loaded, PictureError
from fullcircle.data.sources.faces import Faces
from fullcircle.data.sources.folder import Folder
from fullcircle.data.sources.fonts import INK, Fonts, characters_of, matplotlib_fonts
from fullcircle.data.sources.mnist import Mnist
from fullcircle.steps import glyphs as glyph_steps

FEW = OriginalsSettings(n=5)


def some(source, n=12, settings=FEW):
    canvas = source.canvas_for(settings)
    return [c for c, _ in zip(source.candidates(settings, canvas), range(n), strict=False)]


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
def test_every_source_keeps_its_promises(source):
    first, again = some(source), some(source)
    assert len(first) == min(12, 5 if source.name == "faces" else 12)
    assert len({c.origin for c in first}) == len(first)
    for a, b in zip(first, again, strict=True):
        assert (a.origin, a.file, a.label, a.group) == (b.origin, b.file, b.label, b.group)
        one, other = a.load(), b.load()
        assert np.array_equal(one.picture, other.picture)
        assert one.sha256 == other.sha256
        assert len(one.sha256) == 64
        assert (one.keypoints is None) == (not source.keypoints)
        if one.keypoints is not None:
            assert one.keypoints.shape == (len(source.keypoints), 2)
    assert len(source.canvas) == 3
    assert len(source.summary) > 10


def test_tifinagh_has_55_characters_in_two_faces_and_none_of_the_last_resort():
    candidates = some(SOURCES["tifinagh"], 200)
    assert len(candidates) == 110
    assert {c.group for c in candidates} == {"DejaVu Sans Book", "DejaVu Sans Bold"}
    assert len({c.label for c in candidates}) == 55
    assert all(0x2D30 <= ord(c.label) <= 0x2D6F for c in candidates)
    assert {c.file for c in candidates} == {"DejaVuSans.ttf", "DejaVuSans-Bold.ttf"}
    # Boxes would all look alike.
    assert len({np.asarray(c.load().picture).tobytes() for c in candidates}) == 110


def test_characters_are_as_large_as_the_rule_says_and_centred():
    largest = 0
    for candidate in some(SOURCES["tifinagh"], 55):
        ink = candidate.load().picture.getbbox()
        size = ink[2] - ink[0], ink[3] - ink[1]
        largest = max(largest, *size)
        centre = (ink[0] + ink[2]) / 2, (ink[1] + ink[3]) / 2
        assert np.abs(np.array(centre) - 128).max() <= 0.5
    assert largest == pytest.approx(INK * 256, rel=0.02)


def test_a_character_that_a_font_lacks_is_reported_as_lacking(tmp_path):
    source = Fonts("mine", matplotlib_fonts() / "DejaVuSansMono.ttf")
    settings = OriginalsSettings(characters="A U+2D30")
    has, lacks = some(source, settings=settings)
    assert has.load().picture.getbbox()
    with pytest.raises(PictureError, match=r"A character that the font has is expected. Received: U\+2D30."):
        lacks.load()


def test_fonts_come_from_a_file_or_a_folder_and_a_broken_one_says_so(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.ttf").write_bytes((matplotlib_fonts() / "cmr10.ttf").read_bytes())
    (tmp_path / "broken.ttf").write_text("no font")
    candidates = some(Fonts("mine", tmp_path), settings=OriginalsSettings(characters="A-C"))
    assert [c.origin for c in candidates] == ["broken.ttf", *(f"inner/a.ttf U+004{i}" for i in (1, 2, 3))]
    with pytest.raises(PictureError, match="A font that FreeType opens is expected"):
        candidates[0].load()
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match="A font file, or a folder with .otc, .otf, .ttc, .ttf in it"):
        some(Fonts("mine", tmp_path / "none"))


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("a-e", "abcde"),
        ("A-C x 0-2", "ABCx012"),
        ("U+2D30-U+2D32,U+2D6F", "\u2d30\u2d31\u2d32\u2d6f"),
        ("hello", "helo"),
        ("- a-b a", "-ab"),
        ("é ß", "éß"),
    ],
)
def test_characters_are_named_as_people_do(text, characters):
    assert "".join(characters_of(text)) == characters


@pytest.mark.parametrize(("text", "message"), [("z-a", "a range is expected to go up"), (" ,", "expected to name characters")])
def test_characters_that_are_none_are_refused(text, message):
    with pytest.raises(SettingsError, match=message):
        characters_of(text)


def test_a_setting_that_a_source_does_not_use_is_refused():
    with pytest.raises(SettingsError, match="originals.characters is taken by the source latin and by fonts:PATH"):
        SOURCES["digits"].check(OriginalsSettings(characters="A-Z"))
    SOURCES["latin"].check(OriginalsSettings(characters="A-Z"))


def test_digits_are_scikit_learns_from_0_to_16():
    from sklearn.datasets import load_digits

    data = load_digits()
    candidates = some(SOURCES["digits"], 3000)
    assert len(candidates) == 1797
    for i in (0, 1796):
        picture = np.asarray(candidates[i].load().picture)
        assert np.array_equal(picture, np.rint(data.images[i] * 255 / 16))
        assert candidates[i].label == str(data.target[i])


def test_faces_do_not_depend_on_how_many_there_are_and_know_their_points():
    five, two = some(Faces()), some(Faces(), settings=OriginalsSettings(n=2))
    assert len(two) == 2
    for a, b in zip(two, five, strict=False):
        assert np.array_equal(a.load().picture, b.load().picture)
    other = some(Faces(), settings=OriginalsSettings(n=1, seed=2))[0]
    assert not np.array_equal(other.load().picture, five[0].load().picture)
    loaded = five[0].load()
    left, right, nose, *mouth = loaded.keypoints
    assert left[0] < nose[0] < right[0]
    assert left[1] == right[1] < nose[1] < min(m[1] for m in mouth)
    picture = np.asarray(loaded.picture).astype(int)
    assert five[0].label == "synthetic"
    for x, y in (left, right):  # a white or dark eye, not the skin around it
        eye = picture[round(y) - 6 : round(y) + 7, round(x) - 8 : round(x) + 9]
        assert eye.min() <= 12
        assert (eye.min(axis=2) >= 240).any()


@pytest.fixture
def picture():
    image = Image.new("L", (20, 10), 255)
    image.paste(0, (5, 2, 9, 8))
    return image


def test_a_folder_gives_labels_and_groups_and_keeps_the_order(tmp_path, picture):
    for name in ("b/anna/1.png", "a/1.png", "a/bert/old/2.png", "0.png", "a/ü ö.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / name)
    found = {c.origin: (c.label, c.group) for c in some(Folder("mine", tmp_path))}
    assert found == {
        "0.png": ("", ""),
        "a/1.png": ("a", ""),
        "a/ü ö.png": ("a", ""),
        "a/bert/old/2.png": ("a", "bert/old"),
        "b/anna/1.png": ("b", "anna"),
    }
    assert list(found) == [c.origin for c in some(Folder("mine", tmp_path))]
    loaded = some(Folder("mine", tmp_path))[0].load()
    assert loaded.sha256 == hashlib.sha256((tmp_path / "0.png").read_bytes()).hexdigest()


def test_links_are_followed_only_inside_the_folder(tmp_path, picture):
    root, outside = tmp_path / "in", tmp_path / "out"
    root.mkdir()
    (outside / "deep").mkdir(parents=True)
    picture.save(outside / "secret.png")
    picture.save(root / "own.png")
    (root / "inside.png").symlink_to(root / "own.png")
    (root / "leaves.png").symlink_to(outside / "secret.png")
    (root / "leaves.too").symlink_to(outside / "deep")
    (root / "round").symlink_to(root)
    (root / "nowhere.png").symlink_to(root / "gone.png")
    reasons = {}
    for candidate in some(Folder("mine", root)):
        try:
            candidate.load()
            reasons[candidate.origin] = ""
        except PictureError as error:
            reasons[candidate.origin] = str(error)
    assert reasons.pop("own.png") == reasons.pop("inside.png") == ""
    assert set(reasons) == {"leaves.png", "leaves.too", "round", "nowhere.png"}
    assert "a symbolic link that leaves it" in reasons["leaves.png"]
    assert "a symbolic link that leaves it" in reasons["leaves.too"]
    assert "a symbolic link to a folder" in reasons["round"]
    assert "No such file" in reasons["nowhere.png"]


def test_a_folder_that_cannot_be_entered_is_a_reason_and_one_that_is_none_an_error(tmp_path, picture, monkeypatch):
    (tmp_path / "closed").mkdir()
    picture.save(tmp_path / "own.png")
    scandir = os.scandir

    def closed(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    own, shut = some(Folder("mine", tmp_path))
    assert own.load()
    with pytest.raises(PictureError, match="A folder that can be read is expected. Received: Permission denied."):
        shut.load()
    assert shut.origin == "closed"
    with pytest.raises(SourceError, match="A folder of pictures is expected at .*gone. Found none."):
        some(Folder("mine", tmp_path / "gone"))


def arrays(n=3, **replaced):
    rng = np.random.default_rng(1)
    whole = {
        "x_train": rng.integers(0, 256, (n, 28, 28), np.uint8),
        "y_train": np.arange(n),
        "x_test": rng.integers(0, 256, (2, 28, 28), np.uint8),
        "y_test": np.array([7, 8]),
    }
    return whole | replaced


def test_mnist_gives_both_halves(tmp_path):
    data = arrays()
    np.savez(tmp_path / "mnist.npz", **data)
    candidates = some(Mnist("mine", tmp_path / "mnist.npz"))
    assert [(c.label, c.group) for c in candidates] == [
        ("0", "train"),
        ("1", "train"),
        ("2", "train"),
        ("7", "test"),
        ("8", "test"),
    ]
    assert np.array_equal(candidates[4].load().picture, data["x_test"][1])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p: np.savez(p, x_train=np.zeros((1, 8, 8), np.uint8)), "is expected to hold x_train, .* Missing: y_train"),
        (
            lambda p: np.savez(p, **arrays(x_train=np.zeros((3, 28, 28)))),
            r"x_train is expected to be uint8 .* float64 \(3, 28, 28\)",
        ),
        (lambda p: np.savez(p, **arrays(y_test=np.zeros(3))), r"y_test to hold n labels. Received: uint8 \(2, 28, 28\) and"),
        (lambda p: np.savez(p, **arrays(x_train=np.array([{}, {}, {}], object))), "plain arrays. Received: Object arrays"),
        (lambda p: p.write_text("no archive"), "is expected to be an .npz of plain arrays"),
        (lambda p: p.write_bytes(b""), "is expected to be an .npz of plain arrays"),
        (lambda p: np.save(p.open("wb"), np.zeros(3)), "is expected to be an .npz of plain arrays"),
    ],
    ids=["a part", "floats", "labels", "pickle", "text", "empty", "npy"],
)
def test_what_is_no_mnist_says_why(tmp_path, write, message):
    path = tmp_path / "mnist.npz"
    write(path)
    with pytest.raises(SourceError, match=message):
        some(Mnist("mine", path))


def header(shape, dtype="|u1"):
    """An array that claims a shape and holds nothing."""
    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(text, {"descr": dtype, "fortran_order": False, "shape": shape})
    return text.getvalue()


def write_claims(path, **claims):
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays().items():
            content = io.BytesIO()
            np.save(content, array)
            archive.writestr(f"{name}.npy", claims.get(name, content.getvalue()))


@pytest.mark.parametrize(
    ("claims", "received"),
    [
        ({"x_train": header((10**12, 28, 28))}, "784,000,000,001,608"),
        ({"x_train": header((2**32, 2**32, 1))}, "18,446,744,073,709,55"),  # 0 modulo 2 ** 64
        ({"x_train": header((3 * 10**6, 28, 28)), "y_train": header((3 * 10**6,), "<i8")}, "2,376,001,58"),
        ({"y_test": header((2,), "<U500000000")}, "4,000,00"),
    ],
    ids=["rows", "overflow", "together", "text"],
)
def test_an_mnist_that_claims_more_than_fits_is_refused_before_it_is_read(tmp_path, claims, received):
    write_claims(tmp_path / "mnist.npz", **claims)
    source = Mnist("mine", tmp_path / "mnist.npz")
    expected = f"is expected to hold at most 2,147,483,648 bytes of arrays. Received: {received}.*folder:PATH"
    for read in (some, lambda source: source.check(OriginalsSettings())):
        with pytest.raises(SourceError, match=expected):
            read(source)


@pytest.mark.parametrize("claim", [b"", b"no array", header((3, 28, 28)), b"\x93NUMPY\x03\x00" + header((3, 28, 28))[8:]])
def test_an_mnist_whose_array_is_none_says_so(tmp_path, claim):
    write_claims(tmp_path / "mnist.npz", x_train=claim)
    with pytest.raises(SourceError, match="is expected to be an .npz of plain arrays. Received: "):
        some(Mnist("mine", tmp_path / "mnist.npz"))


@pytest.mark.parametrize(
    "write", [os.mkfifo, Path.mkdir, lambda p: p.symlink_to("/dev/zero")], ids=["pipe", "folder", "device"]
)
def test_an_mnist_that_is_no_file_is_refused_and_not_waited_for(tmp_path, write):
    path = tmp_path / "mnist.npz"
    write(path)
    source = Mnist("mine", path)
    for read in (some, lambda source: source.check(OriginalsSettings())):
        with pytest.raises(SourceError, match="is expected to be a file. Received: a folder, a pipe or a device"):
            read(source)


@pytest.mark.parametrize("kind", [Folder, Fonts])
def test_no_source_waits_for_a_pipe(tmp_path, kind):
    for name in ("pipe.png", "pipe.ttf"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "link.png").symlink_to("pipe.png")
    kind("mine", tmp_path).state()
    for place in (tmp_path, tmp_path / "pipe.ttf"):
        with pytest.raises((PictureError, SourceError), match="expected"):
            for candidate in kind("mine", place).candidates(OriginalsSettings(), (64, 64, 1)):
                candidate.load()


def test_a_path_gets_a_name_that_fits_anywhere_and_keeps_it(tmp_path):
    root, folder = tmp_path / "store", tmp_path / "Schöne Bilder, 1|2"
    folder.mkdir()
    name = register(root, f"folder:{folder}")
    assert name.startswith("folder_Schone_Bilder_1_2_")
    assert name.isascii()
    assert name.replace("_", "").isalnum()
    assert register(root, f"folder:{folder}") == name
    assert register(root, name) == name
    source = picture_source(root, name)
    assert isinstance(source, Folder)
    assert (source.name, source.path) == (name, folder)
    (tmp_path / "other" / folder.name).mkdir(parents=True)
    assert register(root, f"folder:{tmp_path / 'other' / folder.name}") != name
    assert len(known_sources(root)) == len(SOURCES) + 2
    assert json.loads((root / "sources.json").read_text())[name] == f"folder:{folder}"


def a_folder(path):
    (path / "a").mkdir(parents=True)
    Image.fromarray(np.eye(64, dtype=np.uint8) * 255).save(path / "a" / "1.png")
    (path / "a" / "2.png").write_text("no picture")


def a_font(path):
    path.mkdir(parents=True)
    shutil.copy(matplotlib_fonts() / "DejaVuSans.ttf", path)


def an_npz(path):
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        np.savez(file, **arrays())


@pytest.mark.parametrize(("kind", "make"), [("folder", a_folder), ("fonts", a_font), ("mnist", an_npz)])
def test_the_same_pictures_elsewhere_are_the_same_tables(store, tmp_path, kind, make):
    hashes, places = set(), []
    for place in (tmp_path / "here" / "mine", tmp_path / "elsewhere" / "mine"):
        make(place)
        name = register(store.root, f"{kind}:{place}")
        originals = glyph_steps.make_originals(store, picture_source(store.root, name), OriginalsSettings(characters=""))
        hashes.add(originals.hash)
        assert str(tmp_path) not in repr([originals.table(t).about for t in ("originals", "rejected")])
        assert originals.table("originals").about["source"] == kind
        (recipe,) = glyph_steps.ORIGINALS_STEP.recipes(store, name, {}, OriginalsSettings()).values()
        places += recipe.entry()["read"]
    assert len(hashes) == 1
    assert places == [f"files of {kind}:{tmp_path / there / 'mine'}" for there in ("here", "elsewhere")]


def test_a_table_of_an_older_version_that_names_a_path_is_read(store, tmp_path, monkeypatch):
    a_folder(tmp_path / "mine")
    monkeypatch.setattr(Folder, "about", {"path": "/home/me/mine"})
    originals = glyph_steps.make_originals(store, Folder("mine", tmp_path / "mine"), OriginalsSettings())
    monkeypatch.undo()
    assert originals.table("originals").about["path"] == "/home/me/mine"
    augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=5, workers=1))
    assert augmented.table().about["source"] == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tifinag", "Unknown picture source 'tifinag'. Choose from: tifinagh, latin, digits, faces, folder:PATH"),
        ("zip:a.zip", "Unknown kind of source 'zip'. Choose from: folder:PATH, fonts:PATH, mnist:PATH"),
        ("folder:/nowhere/at/all", "expected to name something that exists. Received: '/nowhere/at/all'"),
        ("folder:", "expected to name something that exists. Received: ''"),
    ],
)
def test_a_source_that_is_none_is_refused(tmp_path, text, message):
    with pytest.raises(SettingsError, match=message):
        register(tmp_path, text)
    assert not (tmp_path / "sources.json").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"a b": "folder:/x"}', '{"a": "zip:/x"}', '{"a": 1}'])
def test_a_spoilt_register_is_named(tmp_path, text):
    (tmp_path / "sources.json").write_text(text)
    with pytest.raises(SettingsError, match=r"sources.json is expected to hold names .* Mend it or delete it"):
        known_sources(tmp_path)


class Own(Source):
    """One white square."""

    name = "whatever"
    summary = "one white square"

    def candidates(self, settings, canvas):
        yield Candidate("square", "none", "square", "", lambda: Loaded(Image.new("L", (9, 9), 255), "0" * 64))


class Failing(Own):
    def __init__(self):
        raise RuntimeError("no luck")


def test_a_source_behind_an_entry_point_is_there_and_a_broken_one_says_why(tmp_path, monkeypatch):
    points = [
        importlib.metadata.EntryPoint(name, value, glyphs.REGISTER.entry_points)
        for name, value in {
            "squares": f"{__name__}:Own",
            "failing": f"{__name__}:Failing",
            "missing": "no.such.module:Thing",
            "wrong": "json:dumps",
            "digits": f"{__name__}:Own",
            "a b": f"{__name__}:Own",
        }.items()
    ]
    loads = {"squares": Own, "failing": Failing, "wrong": json.dumps}
    load = importlib.metadata.EntryPoint.load
    monkeypatch.setattr(importlib.metadata.EntryPoint, "load", lambda self: loads.get(self.name) or load(self))
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: points if group == glyphs.REGISTER.entry_points else []
    )
    with pytest.warns(
        UserWarning, match="is left out: a name of letters, digits and underscores, at most 100, that no"
    ) as warned:
        known = known_sources(tmp_path)
    assert len(warned) == 2
    assert list(known) == [*SOURCES, "failing", "missing", "squares", "wrong"]
    assert known["digits"] is SOURCES["digits"]
    assert known["squares"].name == "squares"
    assert len(some(known["squares"])) == 1
    for name, why in (("failing", "no luck"), ("missing", "No module named 'no'"), ("wrong", "Received: <function dumps")):
        assert why in known[name].summary
        with pytest.raises(SourceError, match=f"The entry point '{name}' of fullcircle.sources is expected to be a Source"):
            some(known[name])


def test_every_kind_can_be_named():
    assert set(KINDS) == {"folder", "fonts", "mnist"}
