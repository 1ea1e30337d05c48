"""The glyph rooms at a tiny size: a real job on a folder of good and bad pictures; nothing is replaced."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from fullcircle.checks.glyphs import GUARDS
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.store.objects import Store

ROOT = Path(__file__).parents[2]
TINY = ["originals.height=16", "originals.width=16", "augmented.n=300", "originals.max_rejected=0.01"]


def launch(home, store, source, *settings):
    command = [sys.executable, "-m", "pipelines.run", "--source", source, "--models", "none"]
    command += [a for s in settings for a in ("--set", s)]
    environment = os.environ | {"DAGSTER_HOME": str(home), "FULLCIRCLE_STORE": str(store)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=550)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run of everything, over a folder whose name nobody would choose."""
    folder = tmp_path_factory.mktemp("glyphs")
    home, pictures = folder / "home", folder / "Größere Bilder, 2...3"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "dagster_home" / "dagster.yaml").read_text())
    rng = np.random.default_rng(1)
    for label in ("ⴰ", "b c"):
        (pictures / label).mkdir(parents=True)
        for i in range(12):
            glyph = np.full((24, 24), 255, np.uint8)
            glyph[4:20, 4:20] = np.kron(rng.integers(0, 2, (4, 4)), np.ones((4, 4))) * 255
            Image.fromarray(glyph).save(pictures / label / f"{i}.png")
    (pictures / "b c" / "drawing.png").write_text("<svg/>")
    done = launch(home, folder / "store", f"folder:{pictures}", *TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    (name,) = json.loads((folder / "store" / "sources.json").read_text())
    return home, Store(folder / "store"), name, done.stdout


def test_a_folder_becomes_a_partition_with_a_plain_name(ran):
    _, store, name, output = ran
    assert name.startswith("folder_Groere_Bilder_2_3_")
    assert f"Full Circle: {name}, profile quick" in output
    assert {partition for _, partition in store.ledger.latest_of_all()} == {name}
    for asset in ("originals", "augmented", "train", "test", "valid"):
        assert f"glyphs/{asset} of {name}: {store.latest(f'glyphs/{asset}', name).path}" in output


def test_bad_pictures_warn_and_are_shown(ran):
    home, _, name, output = ran
    assert "check glyphs/originals few_are_rejected: WARNING. 1 of 25 pictures were rejected, 4.0%; 1.0% is allowed." in output
    checks = [rule.name for guard in GUARDS for rule in guard.rules if rule.name != "few_are_rejected"]
    assert all(f" {name}: passed." in output for name in checks)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["glyphs", "originals"]))
    metadata = event.asset_materialization.metadata
    (row,) = metadata["rejects"].records
    assert row.data["picture"] == "b c/drawing.png"
    assert "a file of another kind" in row.data["reason"]
    assert metadata["rejected"].value == 1
    assert metadata["inverted"].value == 24
    assert event.asset_materialization.partition == name


def test_the_ui_gets_small_pictures(ran):
    with dg.DagsterInstance.from_config(str(ran[0])) as instance:
        for name in ("originals", "augmented"):
            event = instance.get_latest_materialization_event(dg.AssetKey(["glyphs", name]))
            markdown = event.asset_materialization.metadata["pictures"].md_str
            assert "](data:image/webp;base64," in markdown
            assert len(markdown) * 3 / 4 <= 40_100


def test_what_was_read_is_what_was_made(ran):
    _, store, name, _ = ran
    entries = {asset: e for (asset, _), e in store.ledger.latest_of_all().items()}
    assert set(entries) == {f"glyphs/{a}" for a in ("originals", "augmented", "train", "test", "valid")}
    for asset, entry in entries.items():
        assert store.open(entry["version"]).hash == entry["version"]
        of_files = entry["read"].keys() - entries.keys()
        assert [key.startswith("files of folder:/") for key in of_files] == [True] * (asset == "glyphs/originals")
        assert all(entries[upstream]["version"] == entry["read"][upstream] for upstream in entry["read"].keys() - of_files), (
            asset
        )
    rows = [(store.latest(f"glyphs/{s}", name)).table(s).rows for s in ("train", "test", "valid")]
    assert sum(rows) == 300


def test_a_script_makes_the_same_hashes(ran, tmp_path):
    """Without Dagster, and with another number of workers."""
    from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
    from fullcircle.data.sources import picture_source

    _, store, name, _ = ran
    other = Store(tmp_path)
    settings = OriginalsSettings(height=16, width=16, max_rejected=0.01, workers=1)
    originals = glyph_steps.make_originals(other, picture_source(store.root, name), settings)
    augmented = glyph_steps.make_augmented(other, originals, AugmentedSettings(n=300, workers=1))
    splits = glyph_steps.make_glyph_splits(other, originals, augmented, GlyphSplitsSettings())
    made = {"originals": originals, "augmented": augmented, **splits}
    assert {n: o.hash for n, o in made.items()} == {n: store.latest(f"glyphs/{n}", name).hash for n in made}


def test_a_source_without_a_good_picture_stops_the_run_and_says_why(ran, tmp_path):
    home = ran[0]
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    done = launch(home, tmp_path / "store", f"folder:{tmp_path / 'pictures'}", *TINY)
    assert done.returncode == 1
    assert (
        "originals_are_left: No picture is left. The first of 1 rejected: A picture is expected. Received: zero bytes."
        in done.stderr
    )
    assert {asset for asset, _ in Store(tmp_path / "store").ledger.latest_of_all(unverified=True)} == {"glyphs/originals"}
