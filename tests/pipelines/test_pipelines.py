import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.materialization import Made
from fullcircle.settings import SettingsError
from fullcircle.storage import NothingMaterializedError
from pipelines import run
from pipelines.io_managers import LedgerIOManager

ROOT = Path(__file__).parents[2]
HEAVY = ("tensorflow", "keras", "matplotlib", "cv2", "sklearn")


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ | environment
    ).stdout


def test_loading_the_definitions_imports_nothing_heavy():
    loaded = python("import sys, pipelines.definitions; print(*sys.modules)").split()
    assert "dagster" in loaded
    assert not set(HEAVY) & set(loaded)


def test_loading_the_definitions_adds_little_to_dagster():
    # The bound is 3 s; the best of three, for the machine may be busy.
    code = "import dagster, time; t = time.perf_counter(); import pipelines.definitions; print(time.perf_counter() - t)"
    assert min(float(python(code)) for _ in range(3)) < 3


def test_the_definitions_load_through_the_workspace(tmp_path):
    command = [Path(sys.executable).parent / "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"DAGSTER_HOME": str(tmp_path)})
    assert found.returncode == 0, found.stderr
    assert "full_circle" in found.stdout + found.stderr


def test_no_setting_makes_dagster_ignore_the_workspace():
    text = (ROOT / "pyproject.toml").read_text()
    assert "[tool.dagster]" not in text
    assert "[tool.dg]" not in text


def entry(version, run_id):
    return {"asset": "drawings/train", "partition": "line", "version": version, "run_id": run_id}


def test_the_io_manager_reads_what_this_run_made_then_the_latest(store):
    objects = []
    for text in ("first", "second"):
        with store.draft() as draft:
            (draft.path / "a.txt").write_text(text)
            objects.append(draft.commit())
    first, second = objects
    for stored, run_id in ((first, "a"), (second, "b")):
        manager = LedgerIOManager(store, run_id)
        manager.handle_output(dg.build_output_context(), Made(stored, entry(stored.hash, run_id)))
    context = dg.build_input_context(asset_key=dg.AssetKey(["drawings", "train"]), partition_key="line")
    assert LedgerIOManager(store, "a").load_input(context) == first
    assert LedgerIOManager(store, "b").load_input(context) == second
    assert LedgerIOManager(store, "c").load_input(context) == second
    other = dg.build_input_context(asset_key=dg.AssetKey(["drawings", "test"]), partition_key="line")
    with pytest.raises(NothingMaterializedError, match="drawings/test has no version for 'line'"):
        LedgerIOManager(store, "a").load_input(other)


def test_overrides_are_numbers_or_names():
    assert run.overrides_of(["examples.n=500", "decoder.model=article", "splits.train=.8"]) == {
        "examples": {"n": 500},
        "decoder": {"model": "article"},
        "splits": {"train": 0.8},
    }
    for bad in ("n=5", "examples.n"):
        with pytest.raises(SettingsError, match=f"part.name=value.*Received: '{bad}'"):
            run.overrides_of([bad])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--drawing", "star"], "Unknown drawing class 'star'. Choose from: line"),
        (["--profile", "fast"], "Unknown profile 'fast'. Choose from: quick, full"),
        (["--set", "examples.n=0"], "examples.n is expected to be at least 1. Received: 0."),
        (["--set", "decoder.loss=hinge"], "decoder.loss is expected to be one of mse"),
        (["--set", "splits.train=0.5"], "add up to 1"),
        (["--source", "tifinag"], "Unknown picture source 'tifinag'. Choose from: tifinagh, latin, digits, faces, folder:PATH"),
        (["--source", "folder:/nowhere"], "folder:PATH is expected to name something that exists. Received: '/nowhere'."),
        (["--source", "tifinagh", "--profile", "fast"], "Unknown profile 'fast'. Choose from: quick, full"),
        (["--source", "tifinagh", "--set", "augmented.n=0"], "augmented.n is expected to be at least 1. Received: 0."),
        (["--source", "tifinagh", "--set", "decoder.epochs=1"], "Unknown part of the settings: 'decoder'."),
        (["--features"], "drawings/encoder has no version for 'line'"),
        (
            ["--features", "--drawing", "all"],
            "are of one drawing class's encoder, or of models of one picture source. Received: drawing class 'all'.",
        ),
        (["--features", "--models", "vae"], "Received: models 'vae'. Say DRAWING=line, or SOURCE=tifinagh MODELS=vae."),
        (["--features", "--source", "tifinagh"], "glyphs/conv_autoencoder has no version for 'tifinagh'"),
        (["--features", "--source", "tifinagh", "--models", "vae"], "glyphs/vae has no version for 'tifinagh'"),
        (["--features", "--set", "features.maps=0"], "features.maps is expected to be at least 1. Received: 0."),
        (["--features", "--set", "features.scales=3:"], "features.scales is expected to be CELLS:WEIGHT"),
        (["--source", "digits", "--set", "originals.characters=A-Z"], "originals.characters is heeded by the source latin"),
    ],
)
def test_bad_input_is_not_launched(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path))  # whose register of sources is empty, whatever this checkout's holds
    assert run.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Not launched. ")
    assert message in error


def test_without_a_home_nothing_is_launched(capsys, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert run.main([]) == 2
    assert "DAGSTER_HOME is expected to name a folder" in capsys.readouterr().err
