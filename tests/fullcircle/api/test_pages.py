"""The pages on the library in Python are what the docstrings give, and every line of them runs."""

import contextlib
import doctest
import io
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import fullcircle
from fullcircle.api.page import ELSEWHERE, ORDER, page
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.images.arrays import unit_images
from fullcircle.models.stored import TRAINING
from fullcircle.steps import drawings as steps
from fullcircle.store.objects import Store

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
LINE = DRAWINGS["line"]
SPEC = np.array([[3, 5, 60, 40, 200, 4, 31]])


def fenced(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The root of a store with a small test split and small networks of the line."""
    store = Store(tmp_path_factory.mktemp("pages") / "store")
    examples = steps.make_examples(store, LINE, ExamplesSettings(n=60, workers=1))
    assets = steps.make_splits(store, examples, SplitsSettings(train=0.2, test=0.6, valid=0.2))
    # Networks that always answer the same: the line of the pages, and its picture.
    latent, image = scaling("range", LINE.factors).to_latent(SPEC), unit_images(LINE.render(SPEC))
    for name, taken, given in (("decoder", latent, image), ("encoder", image, latent)):
        from_outside = keras.Input(taken.shape[1:])
        layer = keras.layers.Dense(given[0].size, kernel_initializer="zeros")
        answered = keras.layers.Reshape(given.shape[1:])(layer(keras.layers.Flatten()(from_outside)))
        layer.bias.assign(given.ravel())
        with store.draft() as draft:
            keras.Model(from_outside, answered).save(draft.path / f"{name}.keras")
            read = {"decoder": assets["decoder"].hash} if name == "encoder" else {}
            (draft.path / TRAINING).write_text(json.dumps({"scaling": "range", "read": read}))
            assets[name] = draft.commit()
    for name, stored in assets.items():
        store.ledger.append({"asset": f"drawings/{name}", "partition": "line", "version": stored.hash, "run_id": "r"})
    return store.root


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """A working folder, and the store."""
    monkeypatch.setenv("FULLCIRCLE_STORE", str(made))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_on_the_library_is_what_the_docstrings_give():
    assert (DOCS / "api.md").read_text() == page(), "write it again: python -m fullcircle.api.page docs/api.md"


def test_the_page_has_every_name():
    assert sorted([*ORDER, *ELSEWHERE]) == fullcircle.__all__


def run_as_typed(text, name):
    """Lines after ``>>>`` in their order, with what they print."""
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert test.examples
    printed = io.StringIO()
    found = doctest.DocTestRunner().run(test, out=printed.write)
    assert found.failed == 0, printed.getvalue()


def test_the_examples_of_the_docstrings_run(here):
    image = LINE.render(SPEC)[0]
    Image.fromarray(image).save("a.png")
    run_as_typed("\n".join(fenced(DOCS / "api.md", "pycon")), "api.md")


def test_ten_minutes_run_as_they_are_printed(here):
    blocks = fenced(DOCS / "ten-minutes.md", "python")
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(block, names)  # the page's own lines
    assert fenced(DOCS / "ten-minutes.md", "text") == [printed.getvalue()]
    with Image.open(io.BytesIO(names["answer"]._repr_png_())) as shown, Image.open(DOCS / "images" / "gauge.png") as picture:
        assert np.array_equal(shown, picture)
    # What the README opens with is that picture, of that class, in files.
    Path("gauge.py").write_text("".join(blocks[:2]))
    Image.fromarray(names["noisy"]).save("gauge.png")
    (line,) = fenced(ROOT / "README.md", "pycon")
    run_as_typed(line, "README.md")
