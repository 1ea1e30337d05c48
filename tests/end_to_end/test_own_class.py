"""A class of the user's own, as docs/your-own-class.md has it: from the page to the reader's answer, through real processes."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from PIL import Image

from fullcircle.checks.drawing_class import sheet
from fullcircle.drawings import drawing_class, register
from fullcircle.steps.drawings import STEPS
from fullcircle.steps.profiles import profile
from fullcircle.steps.step import plan
from fullcircle.store.objects import Store
from pipelines.every_class import run_all
from pipelines.jobs import LEARN_DRAWING
from pipelines.launch import Launch
from pipelines.request import overrides_of
from pipelines.tags import GROUP_TAG

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "your-own-class.md"
TINY = [
    "examples.n=1200",
    *("splits.train=0.8", "splits.test=0.1", "splits.valid=0.1"),
    *("decoder.epochs=6", "decoder.balanced_epochs=3"),
    *("encoder.epochs=3", "encoder.image_epochs=1"),
    *("champion.pictures=20", "champion.redraws=100", "champion.workers=1"),
    *("reader.pictures=8", "reader.redraws=200", "reader.gradient_steps=5", "reader.workers=2"),
    "report.pictures=3",
]


def source_of_page():
    (source,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return source


def python(home, store, *arguments):
    environment = os.environ | {"DAGSTER_HOME": str(home), "FULLCIRCLE_STORE": str(store), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=550)


def run(home, store, drawing, *settings):
    return python(home, store, "-m", "pipelines.run", "--drawing", drawing, *(a for s in settings for a in ("--set", s)))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The page's file, checked and run."""
    folder = tmp_path_factory.mktemp("own")
    home, star = folder / "home", folder / "classes" / "star.py"
    for made in (home, star.parent):
        made.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "dagster_home" / "dagster.yaml").read_text())
    star.write_text(source_of_page())
    checked = python(home, folder / "store", "-m", "fullcircle.cli", "check", f"{star}:Star")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = run(home, folder / "store", f"{star}:Star", *TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    return home, Store(folder / "store"), star, checked.stdout, done.stdout


def test_the_readers_own_code_is_short():
    assert len(source_of_page().splitlines()) < 40


def test_the_page_shows_this_class(ran):
    store = ran[1]
    shown, now = Image.open(PAGE.parent / "images" / "star.webp"), sheet(drawing_class("star", store.root))
    assert shown.size == now.size


def test_every_rule_holds_and_the_sheet_is_there(ran):
    _, store, _, checked, _ = ran
    assert "passed   no_symmetry_is_missing" in checked, "the last one that is asked where the others hold"
    assert "warning" not in checked
    assert "FAILED" not in checked
    assert f"Look at it: {store.root / 'checks' / 'star.png'}" in checked


def test_it_is_a_partition_like_ours(ran):
    home, store, star, _, output = ran
    assert "Full Circle: star, profile quick" in output
    assert "make run DRAWING=star PROFILE=full" in output
    sha256 = hashlib.sha256(star.read_bytes()).hexdigest()
    assert json.loads((store.root / "drawings.json").read_text()) == {"star": {"reference": f"{star}:Star", "sha256": sha256}}
    entries = store.ledger.latest_of_all()
    assert set(entries) == {(asset, "star") for step in STEPS for asset in step.makes}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["drawings", "encoder_report"]))
    assert event.asset_materialization.partition == "star"


def test_its_code_is_part_of_the_code_version(ran):
    home, store, star, _, _ = ran
    before = star.read_text()
    try:
        star.write_text(f"# A comment changes nothing.\n{before}")
        by_name = run(home, store.root, "star", *TINY)
        assert by_name.returncode == 2
        assert f"Not launched. {star} has changed since it was registered" in by_name.stderr
        assert by_name.stderr.endswith(f"accept it as it is: make run DRAWING={star}:Star\n")
        same = run(home, store.root, f"{star}:Star", *TINY)
        assert "Full Circle: star, profile quick: up to date, nothing to make" in same.stdout, same.stdout + same.stderr
        star.write_text(before.replace("turn / 12", "turn / 12.0"))
        register(store.root, f"{star}:Star")
        planned = plan(store, STEPS, profile("quick").settings.replaced(overrides_of(TINY)), "star")
    finally:
        star.write_text(before)
        register(store.root, f"{star}:Star")
    assert planned[0].reason == "drawings/examples was made by other code"


def test_a_picture_is_read_back_by_its_name(ran, tmp_path):
    home, store, _, _, _ = ran
    star = drawing_class("star", store.root)
    spec = star.factors.snap((star.factors.low + star.factors.high)[None] / 2)
    spec[0, -2:] = 240, 10
    Image.fromarray(star.render(spec)[0]).save(tmp_path / "picture.png")
    read = python(home, store.root, "-m", "fullcircle.cli", "read", str(tmp_path / "picture.png"), "--drawing", "star")
    assert (read.returncode, read.stderr) == (0, "")
    assert read.stdout.startswith(f"{tmp_path / 'picture.png'}: star.draw(x=")
    listed = python(home, store.root, "-m", "fullcircle.cli", "list", "--json")
    entries = {(e["kind"], e["name"]): e for e in json.loads(listed.stdout)}
    decoder = store.latest("drawings/decoder", "star").hash[:12]
    assert entries["drawing class", "star"]["made"]["decoder"] == decoder
    assert entries["decoder", "half_planes"]["made"] == {"star": decoder}


def test_models_of_other_factors_are_refused(ran, tmp_path):
    home, store, star, _, _ = ran
    before = star.read_text()
    Image.new("L", (64, 64)).save(tmp_path / "picture.png")
    try:
        star.write_text(before.replace('Factor("outer_radius", 14, 24)', 'Factor("outer_radius", 14, 26)'))
        edited = python(home, store.root, "-m", "fullcircle.cli", "read", str(tmp_path), "--drawing", "star")
        register(store.root, f"{star}:Star")
        read = python(home, store.root, "-m", "fullcircle.cli", "read", str(tmp_path), "--drawing", "star")
    finally:
        star.write_text(before)
        register(store.root, f"{star}:Star")
    assert (edited.returncode, read.returncode) == (1, 1)
    assert edited.stderr.startswith(f"fullcircle: {star} has changed since it was registered")
    assert "The drawing class 'star' has changed since a model of it was made: ('outer_radius', 14" in read.stderr
    assert "Make everything of it again: make run DRAWING=star" in read.stderr


def test_a_broken_class_is_not_launched(ran, tmp_path):
    home, store, star, _, _ = ran
    broken = tmp_path / "broken.py"
    broken.write_text(star.read_text().replace('"star"', '"broken"', 1).replace("turn / 12", "0 / 12"))
    done = run(home, store.root, f"{broken}:Star", *TINY)
    assert done.returncode == 2
    assert "Not launched. The drawing class 'broken' is refused. No pixel of 256 pictures changes with turn" in done.stderr
    assert "broken" not in json.loads((store.root / "drawings.json").read_text())


def test_of_two_classes_one_is_up_to_date_and_another_fails(ran, tmp_path, monkeypatch, capsys):
    """The launches that ``DRAWING=all`` makes, for two classes."""
    home, store, star, _, _ = ran
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("FULLCIRCLE_STORE", str(store.root))
    few = star.with_name("few.py")
    few.write_text(star.read_text().replace('"star"', '"few"', 1))
    entries = json.loads((store.root / "drawings.json").read_text())
    (store.root / "drawings.json").write_text(json.dumps(entries | {"few": f"{few}:Star"}))

    def launch_of(name):
        quick = profile("quick")
        settings = quick.settings.replaced(overrides_of(TINY if name == "star" else ["examples.n=2"]))
        return Launch(LEARN_DRAWING, name, quick, settings, STEPS, name)

    outcomes = run_all(["few", "star"], launch_of, store)
    assert [o.became for o in outcomes] == ["failed", "up to date"]
    assert "splits_are_whole: Empty split:" in outcomes[0].note
    assert "few: made drawings/examples" in capsys.readouterr().out
    with dg.DagsterInstance.get() as instance:
        (failed,) = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": "few"}))
    assert failed.tags[GROUP_TAG].startswith("drawings-")
    assert failed.status == dg.DagsterRunStatus.FAILURE
