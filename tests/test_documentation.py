"""What the README and the docs say can be typed, can be typed; what they name, is there.

Commands go through the real parsers and the real refusals. Only what they would launch is not launched.
"""

import ast
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import benchmarks.__main__
import pipelines.run
from fullcircle import cli, data, drawings
from fullcircle.checks.guards import GUARDS
from fullcircle.data.settings import AugmentedSettings, ExamplesSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.images.augmentation import Pipeline
from fullcircle.models.autoencoders import AUTOENCODERS, model_settings
from fullcircle.models.decoders import DECODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.reading.reader import Reader
from fullcircle.reading.readings import schema
from fullcircle.reading.settings import ReaderSettings
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps import feature_patterns, recognition
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps.profiles import PROFILES
from fullcircle.steps.settings import DrawingsSettings, FeaturesSettings, GlyphsSettings, RecogniseSettings, parts_class
from fullcircle.store.objects import Store
from fullcircle.store.tables import TableReader
from pipelines.jobs import JOBS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PACKAGES = "fullcircle|assets|pipelines|benchmarks"
GROUPS = {drawings.REGISTER.entry_points, data.sources.REGISTER.entry_points}

LAUNCHED = 97
"""What stands for the exit code of what would have been run."""


def fenced(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def ids(pages):
    return [str(page.relative_to(ROOT)) for page in pages]


def commands():
    for page in PAGES:
        for block in fenced(page, "console"):
            for line in block.splitlines():
                if line.startswith("$ "):
                    yield pytest.param(line[2:].split("  #")[0].split(" #")[0].strip(), id=f"{page.name}: {line[2:40]}")
        for inline in re.findall(r"`((?:make|fullcircle|python -m) [^`]+)`", page.read_text()):
            yield pytest.param(inline, id=f"{page.name}: {inline}")


@pytest.fixture(scope="session")
def everything_trained(tmp_path_factory):
    """The root of a store whose ledger has every model, of every class and source."""
    store = Store(tmp_path_factory.mktemp("trained") / "store")
    with store.draft() as draft:
        (draft.path / "training.json").write_text("{}")
        version = draft.commit().hash
    trained = [(f"drawings/{feature_patterns.ENCODER}", name) for name in DRAWINGS]
    trained += [(f"glyphs/{model}", source) for model in AUTOENCODERS for source in SOURCES]
    entries = [{"asset": asset, "partition": partition, "version": version, "run_id": "r"} for asset, partition in trained]
    store.ledger.path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return store.root


@pytest.fixture
def readers_machine(tmp_path, monkeypatch, everything_trained):
    """The folder that a reader of the docs types in: the class, the pictures and the models that the commands speak of."""
    home, path_to = tmp_path / "home", tmp_path / "path" / "to"
    star = fenced(DOCS / "your-own-class.md", "python")[0]
    for folder in (home / "my pictures", path_to):
        folder.mkdir(parents=True)
    for file in (tmp_path / "star.py", path_to / "star.py"):
        file.write_text(star)
    (tmp_path / "gauge.py").write_text("".join(fenced(DOCS / "ten-minutes.md", "python")[:2]))
    Image.new("L", (8, 8), 200).save(home / "my pictures" / "a.png")
    images, labels = np.zeros((6, 28, 28), np.uint8), np.arange(6)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    register = {"star": f"{tmp_path / 'star.py'}:Star"}
    store = tmp_path / "own"
    store.mkdir()
    for name in ("objects", "ledger.jsonl"):
        (store / name).symlink_to(everything_trained / name)
    (store / "drawings.json").write_text(json.dumps(register))
    monkeypatch.setenv("FULLCIRCLE_STORE", str(store))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nothing_is_launched(monkeypatch):
    monkeypatch.setattr(pipelines.run, "run_each", lambda launches, *, force: LAUNCHED)
    monkeypatch.setattr(pipelines.run, "run_every_class", lambda arguments: LAUNCHED)


@pytest.mark.parametrize("command", commands())
def test_every_command_exists(command, readers_machine, nothing_is_launched, monkeypatch, capsys):
    program, *arguments = shlex.split(command)
    if program != "make":
        run(program, arguments)
        return
    # What make would do, without doing it; what it would run is then run here.
    done = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = [shlex.split(line) for line in done.stdout.splitlines() if re.match(r"\S*python -m (pipelines|benchmarks)", line)]
    assert made or not {"run", "features", "bench", "ui"} & set(arguments)
    monkeypatch.setattr(benchmarks.__main__, "measure", lambda benchmark, settings, folder: None)
    monkeypatch.setattr(benchmarks.__main__.subprocess, "run", lambda command: subprocess.CompletedProcess(command, 0))
    for python, *rest in made:
        run(Path(python).name, rest)
    assert "Not " not in capsys.readouterr().err


def run(program, arguments):
    """A command as a reader types it, as far as it goes without launching anything."""
    if Path(program).name == "fullcircle":
        if len(arguments) > 1:
            cli.parser().parse_args(arguments)
            return
        with pytest.raises(SystemExit, match="^0$"):  # a sentence names the command, without what it takes
            cli.parser().parse_args([*arguments, "--help"])
        return
    assert (Path(program).name, arguments[0]) == ("python", "-m")
    module, rest = arguments[1], arguments[2:]
    if module == "pipelines.run":
        assert pipelines.run.main(rest) == LAUNCHED
    elif module == "benchmarks":
        assert benchmarks.__main__.main(rest) == 0
    else:
        assert importlib.util.find_spec(module), module


def test_the_two_commands_are_there_and_run(tmp_path):
    text = (ROOT / "README.md").read_text()
    assert "$ make run" in text
    assert "$ make test" in text
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    script = Path(sys.executable).parent / "fullcircle"
    done = subprocess.run([script, "--store", tmp_path, "results", "--json"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def anchors(page):
    """What the headings of a page can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED, ids=ids(LINKED))
def test_links_lead_somewhere(page):
    for target, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", page.read_text())):
        if "://" in target:
            continue
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_module_and_file_that_is_named_exists(page):
    text = page.read_text()
    for dotted in set(re.findall(rf"(?<![\w./\-])(?:{PACKAGES})(?:\.\w+)+", text)) - GROUPS:
        assert exists(dotted), dotted
    for path in re.findall(rf"`((?:{PACKAGES}|tests|docs)/[^`<>*\s]*)`", text):
        assert (ROOT / path).exists(), path


def exists(dotted):
    """Whether there is such a module, or such a name in one."""
    names = dotted.split(".")
    for length in range(len(names), 0, -1):
        try:
            found = importlib.import_module(".".join(names[:length]))
        except ModuleNotFoundError:
            continue
        for name in names[length:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_import_of_an_example_works(page):
    for block in fenced(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in PACKAGES.split("|"):
                assert all(exists(f"{node.module}.{alias.name}") for alias in node.names), ast.unparse(node)


def test_every_setting_named_in_the_docs_exists():
    jobs = [DrawingsSettings(), FeaturesSettings(), GlyphsSettings(), RecogniseSettings()]
    jobs += [parts_class(model)() for model in AUTOENCODERS]
    for page in PAGES:
        for part, name in re.findall(r"`(\w+)\.(\w+)`", page.read_text()):
            parts = [getattr(job, part) for job in jobs if hasattr(job, part)]
            if parts and name not in ("html", "json", "keras", "py"):  # report.html and encoder.keras are files
                assert any(hasattr(p, name) for p in parts), f"{page.name}: {part}.{name}"


def test_the_docs_name_every_asset_job_check_and_model():
    page = {name: (DOCS / f"{name}.md").read_text() for name in ("dagster", "glyphs", "autoencoders", "models", "audit")}
    readme = (ROOT / "README.md").read_text()
    assert all(f"| `{job.name}` |" in page["dagster"] for job in JOBS)
    checks = {"drawings": page["dagster"], "glyphs": page["glyphs"] + page["autoencoders"], "lineage": page["audit"]}
    for guard in GUARDS:
        assert all(f"`{rule.name}`" in checks[guard.asset.partition("/")[0]] for rule in guard.rules), guard.asset
    assert all(f"| `{name}` |" in page["autoencoders"] for name in AUTOENCODERS)
    assert all(f"| `{name}` " in page["models"] for name in (*DECODERS, *ENCODERS))
    assert all(f"| `{name}` |" in readme for name in PROFILES)
    made = [asset for step in (*drawing_steps.STEPS, recognition.STEP) for asset in step.makes]
    assert all(f"`{asset}`" in readme or f"`{asset.partition('/')[2]}`" in readme for asset in made)


def test_the_rooms_in_the_docs_are_those_of_the_library():
    rooms = {folder.name for folder in (ROOT / "fullcircle").iterdir() if (folder / "__init__.py").exists()}
    for page in (ROOT / "README.md", DOCS / "contributing.md"):
        named = re.findall(r"^\| \d+ \| (.+?) \|", page.read_text(), re.MULTILINE)
        assert {room for row in named for room in re.findall(r"`(\w+)/`", row)} == rooms, page.name


def test_a_step_runs_without_an_orchestrator_as_the_page_says(tmp_path, monkeypatch):
    (block,) = (block for block in fenced(DOCS / "contributing.md", "python") if "run(" in block)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(block, names)  # the page's own lines
    assert names["examples"].table().rows == 100


def test_what_a_result_depends_on_is_asked_as_the_page_says():
    (block,) = fenced(DOCS / "dagster.md", "python")
    names = {}
    exec(block, names)  # the page's own lines
    assert "fullcircle.training.loop:fit" in names["behind"]
    assert names["way"][0] == "fullcircle.steps.drawings:_examples"
    assert names["way"][-1].startswith("fullcircle.images.noise:")


def example(name):
    """A block of the page on contributing that defines this, as a module."""
    (block,) = (
        block for block in fenced(DOCS / "contributing.md", "python") if re.search(rf"^(class|def) {name}\b", block, re.M)
    )
    names = {"__name__": name}
    exec(block, names)  # the page's own lines
    return names[name]


def test_the_walks_for_contributors_work(store, rng):
    dot = example("Dot")()
    painted = dot.render(np.array([[30, 20, 4, 200, 10]]))[0] == 200
    assert (list(np.flatnonzero(painted.any(axis=0))), list(np.flatnonzero(painted.any(axis=1)))) == (
        [*range(26, 35)],
        [*range(16, 25)],
    )
    posterised = Pipeline([example("Posterise")(probability=1, min_bits=2)]).sample(np.full((1, 4, 4), 255, np.uint8), 40, rng)
    assert set(posterised.images.ravel()) == {256 - 2**bits for bits in range(1, 7)}
    settings = model_settings("dense_autoencoder", latents=3)
    halves = example("build")((8, 8, 1), settings)
    assert (halves.encoder.output_shape, halves.decoder.output_shape) == ((None, 3), (None, 8, 8, 1))
    examples = drawing_steps.make_examples(store, dot, ExamplesSettings(n=40))
    assert example("every_factor_varies")(examples, dot).passed


WALKED = """
import json, sys
from pathlib import Path
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.reports.drawings import REPORTS
from fullcircle.reports.settings import ReportSettings
from fullcircle.steps import drawings as steps
from fullcircle.store.objects import Store
from pipelines.definitions import defs
from pipelines.jobs import LEARN_DRAWING

store, line = Store(Path(sys.argv[1])), DRAWINGS["line"]
examples = steps.make_examples(store, line, ExamplesSettings(n=40, workers=1))
splits = steps.make_splits(store, examples, SplitsSettings(train=0.2, test=0.6, valid=0.2))
made = steps.make_report(REPORTS["examples_report"], store, line, {"test": splits["test"]}, ReportSettings(pictures=2))
results = json.loads(made.file("report.json").read_text())
assert f"spread by {results['metrics']['spread']:.1f} grey levels" in made.file("report.html").read_text()
recipes = steps.REPORTING["examples_report"].recipes(store, "line", {"drawings/test": splits["test"]}, ReportSettings())
names = [node.name for node in defs.resolve_job_def(LEARN_DRAWING).graph.nodes]
print(results["asset"], list(recipes), "drawings__examples_report" in names)
"""


def test_the_walk_for_a_report_ends_at_an_asset_of_every_class(tmp_path):
    """The page's file and its line, in a copy: the step, the asset and the report are there."""
    for package in ("fullcircle", "assets", "pipelines"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (block,) = (block for block in fenced(DOCS / "contributing.md", "python") if "def examples_report" in block)
    reports = tmp_path / "fullcircle" / "reports" / "drawings"
    (reports / "examples.py").write_text(f'"""The report on examples."""\n\n{block}')
    listed = (reports / "__init__.py").read_text()
    line = "from fullcircle.reports.drawings.examples import EXAMPLES_REPORT\n"
    at = listed.index("from ")
    (reports / "__init__.py").write_text(
        listed[:at] + line + listed[at:].replace("DECODER_REPORT,\n", "DECODER_REPORT,\n        EXAMPLES_REPORT,\n")
    )
    done = subprocess.run(
        [sys.executable, "-c", WALKED, tmp_path / "store"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "drawings/examples_report ['drawings/examples_report'] True"


def test_patterns_are_found_as_the_page_says():
    (block,) = fenced(DOCS / "feature-patterns.md", "python")
    image = keras.Input((8, 8, 1))
    names = {"encoder": keras.Model(image, keras.layers.Conv2D(3, 3, name="stem")(image)), "maps": np.array([0, 2])}
    exec(block, names)  # the page's own lines
    assert names["pictures"].shape == (2, 8, 8, 1)


def test_latents_are_written_as_the_page_says(tmp_path):
    (block,) = fenced(DOCS / "tensorboard.md", "python")
    names = {"store": tmp_path, "latents": np.eye(3), "images": np.zeros((3, 4, 4, 3), np.uint8), "labels": ["a", "b", "a"]}
    exec(block, names)  # the page's own lines
    assert (tmp_path / "logs" / "mine" / "sprite.png").exists()


@pytest.mark.parametrize("block", fenced(DOCS / "data.md", "python")[:4], ids=["pandas", "duckdb", "polars", "about"])
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


@pytest.mark.parametrize("block", fenced(DOCS / "glyphs.md", "python"))
def test_a_copy_is_made_again_as_the_page_says(block, store):
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
    (block,) = fenced(DOCS / "autoencoders.md", "python")
    originals = glyph_steps.make_originals(store, SOURCES["tifinagh"], OriginalsSettings(height=8, width=8))
    augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=120, workers=1))
    splits = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings())
    settings = model_settings("vae", epochs=1)
    stored = autoencoder_steps.make_autoencoder(store, "tifinagh", splits["train"], splits["valid"], settings)
    store.ledger.append({"asset": "glyphs/vae", "partition": "tifinagh", "version": stored.hash, "run_id": "r"})
    names = {"store": store.root, "images": splits["test"].table("test").read(["image"])["image"]}
    exec(block, names)  # the page's own lines
    assert names["latents"].shape == (len(names["images"]), 2)
    assert names["again"].shape == (*names["images"].shape, 1)


def test_errors_follow_from_the_readings_as_the_page_says(tmp_path):
    (block,) = (block for block in fenced(DOCS / "data.md", "python") if "readings" in block)
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


def test_what_was_made_is_a_frame_with_the_columns_of_the_page(store):
    page = (DOCS / "data.md").read_text().split("## What was made")[1]
    entry = {"asset": "drawings/decoder", "partition": "line", "version": "v", "run_id": "r"}
    store.ledger.append(entry)
    store.ledger.append(entry | {"version": "w", "blocking": ["decoder_beats_null"]})
    names = {"store": store.root}
    exec(re.search(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1], names)  # the page's own lines
    assert all(f"`{column}`" in page for column in names["made"].columns)
    assert (list(names["made"].version), list(names["served"].version)) == (["v", "w"], ["v"])


def test_the_page_names_every_column_of_the_readings():
    line = DRAWINGS["line"]
    reader = Reader(line, scaling("range", line.factors), None, None, ReaderSettings(steps="redraw"))
    page = (DOCS / "data.md").read_text().split("## Readings")[1].split("## What was made")[0]
    for name in schema(line, reader, {}).names:
        if not any(name.endswith(f.column) for f in line.factors):
            assert f"`{name}`" in page
