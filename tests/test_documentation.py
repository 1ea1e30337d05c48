"""What the README and the docs say can be typed, can be typed; what they name, is there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from benchmarks.__main__ import chosen as chosen_benchmarks
from fullcircle.cli import parser
from fullcircle.core.plugins import canonical
from fullcircle.data.settings import AugmentedSettings, ExamplesSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import KINDS, SOURCES
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.models.autoencoders import AUTOENCODERS, chosen_models, model_settings
from fullcircle.reading.reader import Reader
from fullcircle.reading.readings import schema
from fullcircle.reading.settings import ReaderSettings
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps.profiles import (
    ENCODER,
    PROFILES,
    QUICK_MODELS,
    autoencoder_profile,
    feature_profile,
    glyph_profile,
    profile,
    recognition_profile,
)
from fullcircle.steps.settings import CircleSettings, FeaturesSettings, GlyphsSettings, parts_class, split_overrides
from fullcircle.store.tables import TableReader
from pipelines.run import ALL, AUTO, overrides_of

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def fenced(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def commands():
    for page in PAGES:
        for block in fenced(page, "console"):
            for line in block.splitlines():
                if line.startswith("$ "):
                    yield pytest.param(line[2:].split("  #")[0].split(" #")[0].strip(), id=f"{page.name}: {line[2:40]}")
        for inline in re.findall(r"`(make [^`]+|fullcircle [^`]+)`", page.read_text()):
            yield pytest.param(inline, id=f"{page.name}: {inline}")


@pytest.mark.parametrize("command", commands())
def test_every_command_exists(command):
    program, *arguments = shlex.split(command)
    if program == "make":
        # What make would do, without doing it.
        done = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        given = dict(a.split("=", 1) for a in arguments if "=" in a)
        if "bench" in arguments:
            chosen_benchmarks(given.get("BENCH", "").split(), given.get("SET", "").split())
            return
        overrides = overrides_of(given.get("SET", "").split())
        if "features" in arguments:
            feature_profile(given.get("MODELS", ENCODER), given.get("PROFILE", "quick")).settings.replaced(overrides)
            assert given.get("DRAWING", "line") in DRAWINGS
            assert given.get("SOURCE", "tifinagh") in SOURCES
            return
        if "SOURCE" in given:
            kind, colon, _ = given["SOURCE"].partition(":")
            assert kind in (KINDS if colon else SOURCES)
            of_source, of_models = split_overrides(overrides)
            glyph_profile(given.get("PROFILE", "quick")).settings.replaced(of_source)
            models = chosen_models(given.get("MODELS", ",".join(QUICK_MODELS)))
            assert set(of_models) <= {*models, "report"}
            for model in models:
                if not colon:
                    AUTOENCODERS[model].refuse(SOURCES[kind].canvas, "source", AUTOENCODERS)
                told = {part: values for part, values in of_models.items() if part in (model, "report")}
                autoencoder_profile(model, given.get("PROFILE", "quick")).settings.replaced(told)
        elif given.get("DRAWING") == AUTO:
            recognition_profile(given.get("PROFILE", "quick")).settings.replaced(overrides)
        else:
            chosen = profile(given.get("PROFILE", "quick"))
            # A file of the reader's is made and run in end_to_end/test_own_class.py; any canvas must do here.
            named = given.get("DRAWING", "line")
            for drawing in [DRAWINGS[named]] if named in DRAWINGS else DRAWINGS.values():
                chosen.settings.replaced(overrides).check(drawing)
            assert named in (*DRAWINGS, ALL) or named == "star" or canonical(named).endswith("star.py:Star")
    else:
        assert Path(program).name == "fullcircle"
        parser().parse_args(arguments)


def test_the_two_commands_are_there_and_run(tmp_path):
    text = (ROOT / "README.md").read_text()
    assert "$ make run" in text
    assert "$ make test" in text
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    script = Path(sys.executable).parent / "fullcircle"
    done = subprocess.run([script, "--store", tmp_path, "results", "--json"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_patterns_are_found_as_the_page_says():
    (block,) = fenced(ROOT / "docs" / "feature-patterns.md", "python")
    image = keras.Input((8, 8, 1))
    names = {"encoder": keras.Model(image, keras.layers.Conv2D(3, 3, name="stem")(image)), "maps": np.array([0, 2])}
    exec(block, names)  # the page's own lines
    assert names["pictures"].shape == (2, 8, 8, 1)


def test_codes_are_written_as_the_page_says(tmp_path):
    (block,) = fenced(ROOT / "docs" / "tensorboard.md", "python")
    names = {"store": tmp_path, "codes": np.eye(3), "images": np.zeros((3, 4, 4, 3), np.uint8), "labels": ["a", "b", "a"]}
    exec(block, names)  # the page's own lines
    assert (tmp_path / "logs" / "mine" / "sprite.png").exists()


@pytest.mark.parametrize("page", PAGES, ids=[p.name for p in PAGES])
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("block", fenced(ROOT / "docs" / "data.md", "python")[:4], ids=["pandas", "duckdb", "polars", "about"])
def test_the_picture_comes_back_as_the_page_says(block, store):
    stored = drawing_steps.make_examples(store, DRAWINGS["line"], ExamplesSettings(n=40))
    (path,) = stored.path.glob("*.parquet")
    names = {"path": str(path)}
    exec(block, names)  # the page's own lines
    table = TableReader(path).read(["image", "line_width_px"])
    if "about" in names:
        assert names["about"]["drawing"] == "line"
        return
    wide = np.flatnonzero(table["line_width_px"] > 5)
    assert np.array_equal(names["picture"], table["image"][wide[0] if "duckdb" in names else 0])


def test_every_setting_named_in_the_docs_exists():
    jobs = [CircleSettings(), FeaturesSettings(), GlyphsSettings(), *(parts_class(model)() for model in AUTOENCODERS)]
    for page in PAGES:
        for part, name in re.findall(r"`(\w+)\.(\w+)`", page.read_text()):
            parts = [getattr(job, part) for job in jobs if hasattr(job, part)]
            if parts and name not in ("html", "json", "keras"):  # report.html and encoder.keras are files
                assert any(hasattr(p, name) for p in parts), f"{page.name}: {part}.{name}"


@pytest.mark.parametrize("block", fenced(ROOT / "docs" / "glyphs.md", "python"))
def test_a_sample_is_made_again_as_the_page_says(block, store):
    originals = glyph_steps.make_originals(store, SOURCES["faces"], OriginalsSettings(n=3, height=16, width=16))
    augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=4, workers=1))
    names = {
        "augmented_path": augmented.file("augmented.parquet"),
        "originals_path": originals.file("originals.parquet"),
    }
    exec(block, names)  # the page's own lines
    assert np.array_equal(names["again"], names["row"]["image"])
    assert not np.array_equal(names["again"], names["original"])


def test_a_trained_model_is_read_back_as_the_page_says(store):
    (block,) = fenced(ROOT / "docs" / "autoencoders.md", "python")
    originals = glyph_steps.make_originals(store, SOURCES["tifinagh"], OriginalsSettings(height=8, width=8))
    augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=120, workers=1))
    splits = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings())
    settings = model_settings("vae", epochs=1)
    stored = autoencoder_steps.make_autoencoder(store, "tifinagh", splits["train"], splits["valid"], settings)
    store.ledger.append({"asset": "glyphs/vae", "partition": "tifinagh", "version": stored.hash, "run_id": "r"})
    names = {"store": store.root, "images": splits["test"].table("test").read(["image"])["image"]}
    exec(block, names)  # the page's own lines
    assert names["codes"].shape == (len(names["images"]), 2)
    assert names["again"].shape == (*names["images"].shape, 1)


def test_the_page_of_autoencoders_names_every_model():
    page = (ROOT / "docs" / "autoencoders.md").read_text()
    assert all(f"| `{name}` |" in page for name in AUTOENCODERS)


def test_the_readme_gives_every_profile():
    assert all(f"| `{name}` |" in (ROOT / "README.md").read_text() for name in PROFILES)


def test_errors_follow_from_the_readings_as_the_page_says(tmp_path):
    block = fenced(ROOT / "docs" / "data.md", "python")[-1]
    line = DRAWINGS["line"]
    true = np.array([10, 20, 50, 40, 200, 4, 31])
    read = [true + [3, 4, 0, 0, 0, 0, 0], true[line.permutations[1]]]  # one end 5 px off; the ends exchanged
    rows = [
        {"noise_sigma_level": 0.0, "step": "redraw", "split": split}
        | {f.column: spec[i] for i, f in enumerate(line.factors)}
        | {f"true_{f.column}": true[i] for i, f in enumerate(line.factors)}
        for split, spec in (("test", read[0]), ("test", read[1]), ("valid", read[0]))
    ]
    names = {"path": tmp_path / "readings.parquet"}
    pd.DataFrame(rows).to_parquet(names["path"])
    exec(block, names)  # the page's own lines
    assert names["means"].to_dict() == {("test", 0.0, "redraw"): 1.25, ("valid", 0.0, "redraw"): 2.5}


def test_the_page_names_every_column_of_the_readings():
    line = DRAWINGS["line"]
    reader = Reader(line, scaling("range", line.factors), None, None, ReaderSettings(steps="redraw"))
    page = (ROOT / "docs" / "data.md").read_text().split("## Readings")[1]
    for name in schema(line, reader, {}).names:
        if not any(name.endswith(f.column) for f in line.factors):
            assert f"`{name}`" in page
