"""What an edit of the code makes stale: one edit per row, made on a copy of the tree, and the assets whose code version changes."""

import itertools
import json
import os
import shutil
from pathlib import Path

import pytest

from fullcircle.data.sources import SOURCES
from fullcircle.drawings import DRAWINGS
from fullcircle.steps import autoencoders, drawings, feature_patterns, glyphs, recognition
from fullcircle.steps.profiles import AUTOENCODER_PROFILES, FEATURE_PROFILES, GLYPH_PROFILES, PROFILES, RECOGNITION_PROFILES
from fullcircle.store.code_version import ROOT, class_version, code_version, why
from fullcircle.store.objects import StoredObject

MODELS = {"decoder": "half_planes", "encoder": "attention"}


def steps():
    """Every step with the settings of the profile quick and the partitions that it is made for."""
    for step in drawings.STEPS:
        yield step, PROFILES["quick"].settings, DRAWINGS
    yield recognition.STEP, RECOGNITION_PROFILES["quick"].settings, ("all",)
    for step in glyphs.STEPS:
        yield step, GLYPH_PROFILES["quick"].settings, SOURCES
    for model, both in autoencoders.STEPS.items():
        for step in both:
            yield step, AUTOENCODER_PROFILES[model]["quick"].settings, ("tifinagh",)
    for model, step in feature_patterns.STEPS.items():
        partition = "line" if model == feature_patterns.ENCODER else "tifinagh"
        yield step, FEATURE_PROFILES[model]["quick"].settings, (partition,)


STEPS = list(steps())
STAMPS = itertools.count(1)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Objects that say which network they are, in place of trained ones."""

    def make(asset):
        name = asset.partition("/")[2]
        folder = tmp_path_factory.mktemp("object")
        (folder / "training.json").write_text(json.dumps({"settings": {"model": MODELS.get(name, name)}}))
        return StoredObject(asset, folder)

    return {asset: make(asset) for step, _, _ in STEPS for asset in (*step.reads, *step.makes)}


def versions(root, stored, store):
    """The code version of each asset of each partition, as `Step.recipes` has it, of the tree at `root`."""
    found = {}
    for step, settings, partitions in STEPS:
        inputs = {asset: stored[asset] for asset in step.reads}
        code = code_version(step.root, *step.roots(getattr(settings, step.part), inputs), root=root)
        for partition in partitions:
            classes = [class_version(of, root=root) for of in step.classes(store, partition, inputs)]
            found |= {f"{asset} ({partition})": (code, *classes) for asset in step.makes}
    return found


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "fullcircle", root / "fullcircle", ignore=shutil.ignore_patterns("__pycache__"))
    return root


OF_A_CLASS = ("examples", "decoder", "encoder", "decoder_report", "readings", "champion", "encoder_report")
TABLES = ("originals", "augmented", "train", "test", "valid")


def of_class(*names):
    return {f"drawings/{asset} ({name})" for asset in OF_A_CLASS for name in names}


def of_all(*assets, partitions=None):
    prefix = dict.fromkeys(TABLES, "glyphs")
    return {
        f"{prefix.get(asset, 'drawings')}/{asset} ({partition})"
        for asset in assets
        for partition in partitions or (SOURCES if asset in prefix else DRAWINGS)
    }


def trained(*models):
    return {f"glyphs/{model}{end} (tifinagh)" for model in models for end in ("", "_report", "_champion", "_feature_patterns")}


MODEL_REPORTS = {f"glyphs/{model}_report (tifinagh)" for model in autoencoders.STEPS}
ALL_TRAINED = {f"glyphs/{model} (tifinagh)" for model in autoencoders.STEPS}
DRAWING_REPORTS = of_all("decoder_report", "encoder_report")
RECOGNITION = {"drawings/recognition_report (all)"}
PATTERNS = {
    f"{step.makes[0]} ({'line' if m == feature_patterns.ENCODER else 'tifinagh'})" for m, step in feature_patterns.STEPS.items()
}

EDITS = [
    ("a docstring", "drawings/face.py", "arranged out of simpler ones", "made of others", set()),
    ("a comment", "training/drawings.py", "import keras\n", "import keras  # first\n", set()),
    ("a drawing class", "drawings/triangle.py", "fill=triangle", "fill=triangle, outline=0", of_class("triangle")),
    (
        "a drawing class that the face has as a part, and the synthetic faces",
        "drawings/arc.py",
        '"line_width", 1, 5',
        '"line_width", 1, 4',
        of_class("arc", "face") | {"glyphs/originals (faces)"},
    ),
    ("a new drawing class", "drawings/__init__.py", "Face())}", "Face(), Face())}", set()),
    ("a new autoencoder", "models/autoencoders/__init__.py", "        vae,\n", "        vae,\n        vae,\n", set()),
    ("an autoencoder's defaults and goals", "models/autoencoders/vae.py", '"epochs": 30', '"epochs": 31', set()),
    ("an autoencoder's network", "models/autoencoders/vae.py", 'name="flat"', 'name="flattened"', trained("vae")),
    ("a decoder that nobody chose", "models/decoders/article.py", ", 256, ", ", 255, ", set()),
    (
        "an encoder",
        "models/encoders/attention.py",
        "GLANCES = 2",
        "GLANCES = 3",
        of_all("encoder", "readings", "champion", "encoder_report") | {"drawings/feature_patterns (line)"},
    ),
    ("an image loss that nobody chose", "models/losses.py", "return 1 - tf.image.ssim", "return 2 - tf.image.ssim", set()),
    ("a setting's default", "data/settings.py", "setting(20_000,", "setting(30_000,", set()),
    ("a setting's text", "data/settings.py", "how many examples", "number of examples", set()),
    (
        "the proportions that settings stand for",
        "data/settings.py",
        "return self.train, self.test, self.valid\n",
        "return self.test, self.train, self.valid\n",
        of_all("train", "test", "valid") | {f"drawings/{s} ({c})" for s in ("train", "test", "valid") for c in DRAWINGS},
    ),
    (
        "the pipeline that settings stand for",
        "data/settings.py",
        '"edge": "edge"}',
        '"edge": 0}',
        of_all("augmented"),
    ),
    ("an operation that the pipeline has", "images/augmentation/shears.py", "np.tan", "np.sin", of_all("augmented")),
    ("an operation that it has not", "images/augmentation/erasing.py", "rectangle_area", "rectangle_share", set()),
    (
        "how noise is added: everything that draws noise",
        "images/noise.py",
        "np.rint(noise, out=noise)",
        "np.floor(noise, out=noise)",
        of_all("examples", "encoder", "decoder", "readings", "champion", "encoder_report")
        | ALL_TRAINED
        | MODEL_REPORTS
        | RECOGNITION,
    ),
    (
        "the template of all reports",
        "reports/templates/page.html.j2",
        "<body",
        "<body class='x'",
        DRAWING_REPORTS | RECOGNITION | MODEL_REPORTS | PATTERNS,
    ),
    ("the template of one report", "reports/templates/explorer.html.j2", "<", " <", MODEL_REPORTS),
    ("a report's wording", "reports/recognition.py", "SHOWN_SIDE = 10, 96", "SHOWN_SIDE = 10, 97", RECOGNITION),
    ("progress", "core/progress.py", "left", "to go", set()),
    ("the command", "cli.py", "picture", "image", set()),
    ("the store", "store/objects.py", "is missing", "has gone", set()),
    ("a plan's wording", "steps/step.py", "was never made", "is new", set()),
]
"""What is edited, where (each text is replaced wherever it stands in the file), and what becomes stale."""


@pytest.mark.parametrize(("file", "old", "new", "stale"), [pytest.param(*edit, id=what) for what, *edit in EDITS])
def test_what_an_edit_makes_stale(copy, stored, store, file, old, new, stale):
    before = versions(copy, stored, store)
    path = Path(copy) / "fullcircle" / file
    text, times = path.read_bytes(), path.stat()
    assert old.encode() in text
    path.write_bytes(text.replace(old.encode(), new.encode()))
    os.utime(path, ns=(1, next(STAMPS)))  # a file of the same size and time would count as the same
    try:
        after = versions(copy, stored, store)
    finally:
        path.write_bytes(text)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    changed = {name for name in before if after[name] != before[name]}
    assert changed == stale, f"more: {sorted(changed - stale)}; fewer: {sorted(stale - changed)}"


@pytest.mark.parametrize("step", [step for step, _, _ in STEPS], ids=lambda step: step.makes[0])
def test_no_list_and_no_class_of_one_partition_is_behind_the_code_of_all(step):
    for dragged in (
        "fullcircle.drawings.line",
        "fullcircle.data.sources.digits",
        *(f"fullcircle.models.{kind}:{kind.upper()}" for kind in ("decoders", "encoders", "autoencoders")),
    ):
        assert why(dragged, step.root) == []
