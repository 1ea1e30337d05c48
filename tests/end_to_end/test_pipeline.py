"""The whole pipeline at a tiny size: a real job, real processes, a real instance, a real store; nothing is replaced."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from PIL import Image

from assets.from_steps import op_name
from benchmarks.overhead import event_times, plain
from fullcircle.checks.drawings import GUARDS
from fullcircle.core.progress import silent
from fullcircle.drawings import DRAWINGS
from fullcircle.models.stored import model_of, scaling_of
from fullcircle.reading.readings import of
from fullcircle.reports.files import PAGE, REPORT
from fullcircle.reports.results import latest_reports
from fullcircle.steps.drawings import STEPS
from fullcircle.steps.profiles import PROFILES
from fullcircle.store.objects import Store
from fullcircle.store.tables import TableReader
from pipelines.request import overrides_of

ROOT = Path(__file__).parents[2]
TINY = [
    "examples.n=2400",
    *("splits.train=0.8", "splits.test=0.1", "splits.valid=0.1"),
    *("decoder.epochs=16", "decoder.balanced_epochs=6"),
    *("encoder.epochs=3", "encoder.image_epochs=1"),
    *("champion.pictures=20", "champion.redraws=100", "champion.workers=1"),
    *("reader.pictures=20", "reader.redraws=200", "reader.gradient_steps=10", "reader.workers=2"),
    "report.pictures=4",
]


def launch(home, store, *settings):
    command = [sys.executable, "-m", "pipelines.run", "--drawing", "line", *(a for s in settings for a in ("--set", s))]
    environment = os.environ | {"DAGSTER_HOME": str(home), "FULLCIRCLE_STORE": str(store), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=550)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run of everything."""
    folder = tmp_path_factory.mktemp("pipeline")
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "dagster_home" / "dagster.yaml").read_text())
    done = launch(home, folder / "store", *TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    return home, Store(folder / "store"), done.stdout


@pytest.fixture
def instance(ran):
    with dg.DagsterInstance.from_config(str(ran[0])) as instance:
        yield instance


def test_progress_and_results_are_printed(ran):
    _, store, output = ran
    assert "profile quick (at most 8 minutes on 2 cores)" in output
    assert "made drawings/encoder_report" in output
    assert "decoder: epoch 1 of 10 done, loss " in output
    checks = [rule.name for guard in GUARDS for rule in guard.rules]
    assert [output.count(f" {name}: passed.") for name in checks] == [checks.count(name) for name in checks]
    for result in latest_reports(store):
        assert result["report"] in output
        assert Path(result["report"]).is_file()
    assert "make ui" in output


def test_every_asset_has_its_content_hash_as_data_version(ran, instance):
    _, store, _ = ran
    entries = store.ledger.latest_of_all()
    assert set(entries) == {(asset, "line") for step in STEPS for asset in step.makes}
    for (asset, partition), entry in entries.items():
        key = dg.AssetKey(asset.split("/"))
        event = instance.get_latest_materialization_event(key)
        materialization = event.asset_materialization
        assert materialization.partition == partition == "line"
        assert materialization.tags["dagster/data_version"] == entry["version"] == store.open(entry["version"]).hash
        assert materialization.metadata["read"].data == entry["read"]
        assert event.run_id == entry["run_id"]


def test_what_was_read_is_what_was_made(ran):
    entries = {asset: e for (asset, _), e in ran[1].ledger.latest_of_all().items()}
    for asset, entry in entries.items():
        for upstream, version in entry["read"].items():
            assert entries[upstream]["version"] == version, asset
    models = {"drawings/encoder", "drawings/decoder"}
    assert set(entries["drawings/readings"]["read"]) == models | {"drawings/test", "drawings/valid"}
    assert set(entries["drawings/encoder"]["read"]) == {"drawings/train", "drawings/valid", "drawings/decoder"}


def test_the_ui_gets_one_small_picture_per_report(ran, instance):
    for name in ("decoder_report", "encoder_report"):
        event = instance.get_latest_materialization_event(dg.AssetKey(["drawings", name]))
        markdown = event.asset_materialization.metadata["pictures"].md_str
        assert markdown.startswith("![contact_sheet.webp](data:image/webp;base64,")
        assert len(markdown) * 3 / 4 <= 40_100


def test_the_benchmark_of_overhead_finds_the_times_of_every_step(ran):
    steps = event_times(ran[0])
    assert {op_name(step) for step in STEPS} <= steps.keys()
    assert "drawings_decoder_checks" in steps
    assert all(at["asked"] <= at["began"] <= at["ended"] for at in steps.values())


def test_the_reports_say_all_their_figures(ran):
    store = ran[1]
    results = {r["asset"]: r for r in latest_reports(store)}
    image = {"mse", "null_mse", "fvu", "psnr_db", "ssim", "drawn_pixel_mse"}
    points = {"endpoint_px_mean", "endpoint_px_median", "endpoint_px_p95", "within_1px", "within_2px"}
    assert set(results["drawings/decoder_report"]["metrics"]) == image
    clean = image | points | {"redraw_mse", "pixel_exact"}
    reader = points | {"endpoint_px_hidden", "spec_error", "within_step", "redraw_mse", "pixel_exact", "truth_fits"}
    assert set(results["drawings/encoder_report"]["metrics"]) == (
        clean | {f"noisy_{n}" for n in clean} | {f"reader_{n}" for n in reader}
    )
    stored = store.latest("drawings/encoder_report", "line")
    report = json.loads(stored.file(REPORT).read_text())
    assert list(report["factors"]) == list(DRAWINGS["line"].factors.names)
    rows = (store.latest("drawings/test", "line")).table().rows
    assert sum(g["examples"] for g in report["by_contrast"].values()) == rows
    assert sum(g["examples"] for g in report["by_noise"].values()) == rows
    for noise in ("0", "0.02", "0.05", "0.1"):
        assert set(report["reader"][noise]) == {"encoder", "gradient", "redraw"}
        assert report["reader"][noise]["redraw"]["all"]["examples"] == 20
        assert set(report["split_differences"][f"reader, sigma {noise}"]) == reader
    assert set(report["split_differences"]["encoder, clean"]) == clean
    difference = report["split_differences"]["encoder, noisy"]["endpoint_px_mean"]
    assert difference["test"] == report["metrics"]["noisy_endpoint_px_mean"]
    assert difference["low"] < difference["high"]
    html = stored.file(PAGE).read_text()
    assert "The reader step by step, sigma 0.05" in html
    assert "Valid against test: reader, sigma 0.1" in html
    assert "data:image/png;base64," in html
    assert "<svg" in html
    assert 'src="http' not in html


def test_the_readings_say_what_the_report_says(ran):
    store = ran[1]
    table = (store.latest("drawings/readings", "line")).table()
    assert table.rows == 2 * 20 * 4 * 3
    report = json.loads(store.latest("drawings/encoder_report", "line").file(REPORT).read_text())
    rows = of(table.read(table.schema.names), "test", 0.0, "redraw")
    assert rows["pixel_exact"].mean() == report["metrics"]["reader_pixel_exact"]
    models = {m: store.latest(f"drawings/{m}", "line").hash for m in ("encoder", "decoder")}
    assert table.about["models"] == models


def test_pictures_are_read_by_the_command_without_a_word_on_stderr(ran, tmp_path, rng):
    store, line = ran[1], DRAWINGS["line"]
    for i, image in enumerate(line.render(line.factors.sample(3, rng))):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    command = [Path(sys.executable).parent / "fullcircle", "--store", store.root, "read", tmp_path, "--workers", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [str(tmp_path / f"{i}.png") for i in range(3)]


def test_models_load_in_safe_mode_and_draw(ran, rng):
    store, line = ran[1], DRAWINGS["line"]
    decoder, encoder = (model_of(store.latest(f"drawings/{m}", "line")) for m in ("decoder", "encoder"))
    scales = scaling_of(store.latest("drawings/decoder", "line"), line)
    image = decoder.predict(scales.to_latent(line.factors.sample(3, rng)), verbose=0)
    assert image.shape == (3, 64, 64, 1)
    assert encoder.predict(image, verbose=0).shape == (3, 7)


def test_others_can_read_the_tables(ran):
    (path,) = ran[1].latest("drawings/test", "line").path.glob("*.parquet")
    expected = TableReader(path).read(["image", "x_start_px"], limit=3)

    import duckdb
    import numpy as np
    import pandas as pd
    import polars as pl

    frame = pd.read_parquet(path)
    assert np.array_equal(frame.image[2].reshape(64, 64), expected["image"][2])
    rows = duckdb.sql(f"select x_start_px, image from '{path}' limit 3").fetchall()
    assert [r[0] for r in rows] == expected["x_start_px"].tolist()
    assert np.array_equal(np.array(rows[2][1], np.uint8).reshape(64, 64), expected["image"][2])
    table = pl.read_parquet(path)
    assert np.array_equal(table["image"][2].to_numpy().reshape(64, 64), expected["image"][2])


def test_a_script_makes_the_same_hashes_with_another_number_of_workers(ran, tmp_path):
    """All steps as plain functions in this process, where the run had Dagster and a process for each."""
    settings = PROFILES["quick"].settings.replaced(overrides_of([*TINY, "examples.workers=1", "reader.workers=1"]))
    made = plain(Store(tmp_path / "store"), settings, silent)["hashes"]
    entries = ran[1].ledger.latest_of_all()
    assert {f"drawings/{name}": version for name, version in made.items()} == {a: e["version"] for (a, _), e in entries.items()}


def test_the_same_again_makes_nothing(ran):
    home, store, _ = ran
    before = store.ledger.path.read_bytes()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = len(instance.get_runs())
    done = launch(home, store.root, *TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Full Circle: line, profile quick: up to date, nothing to make" in done.stdout
    assert store.ledger.path.read_bytes() == before
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert len(instance.get_runs()) == runs


def test_another_setting_of_the_reader_makes_readings_and_their_report_only(ran):
    home, store, _ = ran
    before = store.ledger.path.read_text().count("\n")
    done = launch(home, store.root, *TINY, "reader.redraws=150")
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert "drawings/readings was made with other settings (redraws was 200, is now 150)" in done.stdout
        records = [json.loads(line) for line in store.ledger.path.read_text().splitlines()[before:]]
        made = [r["asset"] for r in records if r.get("kind", "materialization") == "materialization"]
        assert made == ["drawings/readings", "drawings/encoder_report"]
    finally:
        back = launch(home, store.root, *TINY)  # what was made before is taken from the store
    assert back.returncode == 0, back.stdout + back.stderr
    assert "up to date, not made again: drawings/readings" in back.stdout


def test_a_decoder_that_draws_nothing_stops_the_run(ran, tmp_path):
    home, _, _ = ran
    hopeless = [s for s in TINY if not s.startswith("decoder")]
    done = launch(home, tmp_path / "store", *hopeless, "decoder.epochs=1", "decoder.balanced_epochs=0", "decoder.loss=ssim")
    assert done.returncode == 1
    assert "check drawings/decoder decoder_beats_null: FAILED" in done.stdout
    assert "The decoder draws nothing, or hardly anything" in done.stderr
    ledger = Store(tmp_path / "store").ledger
    made = {asset for asset, _ in ledger.latest_of_all(unverified=True)}
    assert "drawings/decoder" in made
    assert "drawings/encoder" not in made
    assert ledger.latest("drawings/decoder", "line") is None  # not served: it failed its check


def test_a_damaged_object_is_refused_when_it_is_read(ran):
    _, store, _ = ran
    stored = store.latest("drawings/valid", "line")
    (path,) = stored.path.glob("*.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(RuntimeError, match=rf"Stored file is damaged: {path}.*Materialize drawings/valid \(line\) again"):
            store.latest("drawings/valid", "line")
    finally:
        path.write_bytes(whole)
