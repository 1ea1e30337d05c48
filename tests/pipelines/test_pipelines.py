import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.materialization import Made
from fullcircle.core.settings import SettingsError
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.steps.profiles import AUTOENCODER_PROFILES
from fullcircle.store.objects import NothingMaterializedError
from pipelines import request, run
from pipelines.io_managers import LedgerIOManager
from pipelines.launch import RunOutcome
from pipelines.run_processes import GRPC_TAG

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
    # Processor time, for the machine may be busy: every server, run and step process pays it.
    code = "import dagster, time; t = time.process_time(); import pipelines.definitions; print(time.process_time() - t)"
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
    assert request.overrides_of(["examples.n=500", "decoder.model=article", "splits.train=.8"]) == {
        "examples": {"n": 500},
        "decoder": {"model": "article"},
        "splits": {"train": 0.8},
    }
    for bad in ("n=5", "examples.n"):
        with pytest.raises(SettingsError, match=f"part.name=value.*Received: '{bad}'"):
            request.overrides_of([bad])


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
        (["--features", "--models", "vae"], "Received: models 'vae'. Name one: DRAWING=line, or SOURCE=tifinagh MODELS=vae."),
        (["--features", "--source", "tifinagh"], "glyphs/conv_autoencoder has no version for 'tifinagh'"),
        (["--features", "--source", "tifinagh", "--models", "vae"], "glyphs/vae has no version for 'tifinagh'"),
        (["--features", "--set", "features.maps=0"], "features.maps is expected to be at least 1. Received: 0."),
        (["--features", "--set", "features.scales=3:"], "features.scales is expected to be CELLS:WEIGHT"),
        (["--source", "digits", "--set", "originals.characters=A-Z"], "originals.characters is taken by the source latin"),
        (
            ["--source", "tifinagh", "--models", "vea"],
            "Unknown model: 'vea'. Did you mean 'vae'? Choose from: dense_autoencoder",
        ),
        (
            ["--source", "digits", "--models", "vae,colour_vae"],
            "colour_vae is expected to be built for a canvas whose height and width are multiples of 16 px. Received: (28, 28, 1) "
            "of the picture source 'digits'. Choose from: dense_autoencoder, digit_autoencoder, conv_autoencoder",
        ),
        (["--source", "tifinagh", "--set", "vae.epochs=0"], "vae.epochs is expected to be at least 1. Received: 0."),
        (["--source", "tifinagh", "--set", "colour_vae.epochs=1"], "Add it: MODELS=colour_vae"),
        (["--source", "tifinagh", "--models", "vae", "--set", "vae.dropout=0.1"], "Unknown setting of vae: 'dropout'."),
        (["--drawing", "line", "--models", "vae"], "Models learn from a picture source."),
        (["--drawing", "all", "--models", "vae"], "Models learn from a picture source."),
    ],
)
def test_bad_input_is_not_launched(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path))  # whose register of sources is empty, whatever this checkout's holds
    assert run.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Not launched. ")
    assert message in error


def launches(*arguments):
    given = {"drawing": None, "source": None, "models": None, "features": False, "force": False, "profile": "quick", "set": []}
    return request.requests(argparse.Namespace(**given | dict(zip(arguments[::2], arguments[1::2], strict=True))))


def named(what):
    """A launch in words: its job, the model of whose assets it is, and the partition."""
    models = [step.part for step in what.steps if step.part in AUTOENCODERS]
    return " ".join([what.job, *models, what.partition])


def learning(source, *models):
    return [f"prepare_glyphs {source}", *(f"train_autoencoders {model} {source}" for model in models)]


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """A store of its own, whose registers are empty."""
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "jobs"),
    [
        ((), ["learn_drawing line", *learning("tifinagh", "conv_autoencoder", "vae")]),
        (("drawing", "line"), ["learn_drawing line"]),
        (("source", "digits"), learning("digits", "conv_autoencoder", "vae")),
        (("source", "digits", "models", "none"), ["prepare_glyphs digits"]),
        (("models", "none"), ["learn_drawing line", "prepare_glyphs tifinagh"]),
        (("drawing", "auto"), ["recognise_drawings all"]),
        (
            ("source", "faces", "models", "colour_vae,residual_vae"),
            learning("faces", "colour_vae", "residual_vae"),
        ),
        (
            ("source", "digits", "set", ["originals.height=30"]),
            ["prepare_glyphs digits"],
        ),  # the two do not take it: not asked for, left out
    ],
)
def test_what_is_run(empty, arguments, jobs):
    found = launches(*arguments)
    assert [named(what) for what in found] == jobs


def test_goals_are_those_of_the_profile_and_none_where_it_was_changed(empty):
    whole = launches("source", "tifinagh")
    expected = {f"glyphs/{m}_report": AUTOENCODERS[m].goals["quick"]["tifinagh"] for m in ("conv_autoencoder", "vae")}
    assert run.goals(whole) == expected
    assert run.goals(launches("source", "latin")) == {}
    assert run.goals(launches("source", "tifinagh", "set", ["vae.latents=3"])) == {}


def test_settings_go_where_they_belong(empty):
    overrides = ["examples.n=500", "augmented.n=60", "vae.epochs=2", "report.pictures=4"]
    line, glyphs, conv, vae = launches("set", overrides)
    assert line.settings.examples.n == 500
    assert line.settings.report.pictures == 4
    assert glyphs.settings.augmented.n == 60
    assert vae.settings.vae.epochs == 2
    assert conv.settings == AUTOENCODER_PROFILES["conv_autoencoder"]["quick"].settings
    _, conv, vae = launches("source", "tifinagh", "set", overrides[1:])
    assert conv.settings.report.pictures == vae.settings.report.pictures == 4


def test_a_crop_makes_the_canvas_that_models_must_take(empty):
    crop = "augmented.pipeline=[{'crop_by_size': {'probability': 1, 'width': 30, 'height': 30}}]"
    with pytest.raises(ValueError, match=r"multiples of 4 px. Received: \(30, 30, 1\)"):
        launches("source", "tifinagh", "models", "vae", "set", [crop])


@pytest.mark.parametrize(
    ("fails", "runs"),
    [
        ("nothing", ["prepare_glyphs", "conv_autoencoder", "vae"]),
        ("conv_autoencoder", ["prepare_glyphs", "conv_autoencoder", "vae"]),
        ("prepare_glyphs", ["prepare_glyphs"]),  # nothing to learn from
    ],
)
def test_what_fails_keeps_only_that_from_being_run_which_needs_it(empty, monkeypatch, capsys, tmp_path, fails, runs):
    ran = []

    def launched(what, force):
        models = [step.part for step in what.steps if step.part in AUTOENCODERS]
        ran.append(models[0] if models else what.job)
        failures = [f"{ran[-1]}: it broke"] if ran[-1] == fails else []
        return RunOutcome(not failures, failures, tmp_path / "log")

    monkeypatch.setattr(run, "run", launched)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert run.main(["--source", "tifinagh"]) == (fails != "nothing")
    assert ran == runs
    printed = capsys.readouterr()
    assert f"Full Circle: {'tifinagh' if len(runs) == 1 else 'vae, tifinagh'}, profile quick" in printed.out
    assert ("Next:" in printed.out) == (fails == "nothing")
    assert (f"{fails}: it broke" in printed.err) == (fails != "nothing")


def test_a_run_that_was_killed_is_closed_also_where_nothing_is_left_to_make(empty, monkeypatch, capsys, tmp_path):
    @dg.job
    def work(): ...

    monkeypatch.setattr(run, "stale", lambda *_, **__: [])
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    gone = json.dumps({"host": "localhost", "socket": str(tmp_path / "gone")})
    with dg.DagsterInstance.get() as instance:
        dead = instance.create_run_for_job(work, status=dg.DagsterRunStatus.STARTED, tags={GRPC_TAG: gone})
    assert run.main(["--drawing", "line"]) == 0
    assert f"Closed run {dead.run_id[:8]} (job work): its processes were gone.\n" in capsys.readouterr().out
    with dg.DagsterInstance.get() as instance:
        assert instance.get_run_by_id(dead.run_id).status == dg.DagsterRunStatus.FAILURE


def test_without_a_home_nothing_is_launched(capsys, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert run.main([]) == 2
    assert "DAGSTER_HOME is expected to name a folder" in capsys.readouterr().err
