"""Sensors: what a tick finds, what it asks for, and that nothing is lost or asked for twice."""

import datetime
import json
import os
import uuid

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from assets.partitions import PARTITION_TAG
from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import ExamplesSettings
from fullcircle.data.sources import register
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.columns import spec_columns
from fullcircle.models.autoencoders import settings_class
from fullcircle.reading import inbox as record
from fullcircle.reading.readings import SIGMAS
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps.profiles import GLYPH_PROFILES, PROFILES
from fullcircle.steps.step import run
from fullcircle.store.champions import Decision, commit_decision
from fullcircle.store.objects import Store
from fullcircle.store.tables import with_about, write_table
from pipelines.definitions import defs
from pipelines.drifting import examples_behind
from pipelines.retraining import FILE, DriftSettings
from pipelines.sensors import ATTEMPTS, SENSORS, look_at_drift
from pipelines.tags import ASKED_FOR_TAG, ASKED_TAG, BECAUSE_TAG, UNATTENDED

BY_NAME = {sensor.name: sensor for sensor in SENSORS}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """DAGSTER_HOME and the store, both of them empty, and an inbox of its own."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path / "store"))
    (tmp_path / FILE).write_text(f'[inbox]\nfolder = "{tmp_path / "inbox"}"\n')
    return tmp_path


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def tick(home, instance):
    """Evaluates a sensor, each time as a new process would: it knows no more than the cursor of its last good tick."""
    cursors = {}

    def evaluate(name, lost=False):
        context = dg.build_sensor_context(instance=instance, cursor=cursors.get(name), sensor_name=name)
        found = BY_NAME[name].evaluate_tick(context)
        if not lost:
            cursors[name] = found.cursor
        return found

    return evaluate


def picture(path, level=200, seconds=1_000_000_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", (16, 16), 20)
    image.paste(level, (3, 4, 9, 12))
    image.save(path, "PNG")
    os.utime(path, (seconds, seconds))


def run_of(instance, job, partition, status, **tags):
    """A run of the instance, as it is after it was launched."""
    tags = {PARTITION_TAG: partition} | tags
    return instance.create_run_for_job(defs.resolve_job_def(job), tags=tags, status=status)


# Watched folders.


@pytest.fixture
def letters(home):
    """A registered folder with three pictures, never made yet."""
    for name in "abc":
        picture(home / "letters" / f"{name}.png", level=100 + ord(name))
    return register(home / "store", f"folder:{home / 'letters'}")


def make(home, source):
    """The tables of a source, as a run makes them."""
    store, settings = Store(home / "store"), GLYPH_PROFILES["quick"].settings.replaced({"augmented": {"n": 12, "workers": 1}})
    for step in glyph_steps.STEPS:
        inputs = {asset: store.latest(asset, source) for asset in step.reads}
        own = getattr(settings, step.part)
        done = run(step, store, source, inputs, own)
        for asset, stored in done.objects.items():
            entry = {**done.recipes[asset].entry(), "version": stored.hash, "run_id": "r", "config": own.as_dict()}
            store.ledger.append(entry)


def test_a_folder_is_made_again_when_it_stays_as_it_is_for_two_ticks(home, tick, letters):
    first = tick("watched_folders")
    assert not first.run_requests
    assert f"{letters}: 3 new: a.png, b.png, c.png. It is made again when it stays like that" in first.skip_message
    (request,) = tick("watched_folders").run_requests
    assert request.tags[PARTITION_TAG] == letters
    assert request.tags[ASKED_TAG] == "sensor watched_folders"
    assert UNATTENDED.items() <= request.tags.items()
    assert [key.path[-1] for key in request.asset_selection] == ["originals", "augmented", "train", "test", "valid"]
    make(home, letters)
    assert tick("watched_folders").skip_message == "Nothing new."


def test_however_many_files_make_one_run_and_deleted_ones_are_named(home, tick, letters):
    make(home, letters)
    for number in range(30):
        picture(home / "letters" / "more" / f"{number:02}.png", level=60 + number)
    (home / "letters" / "b.png").unlink()
    tick("watched_folders")
    (request,) = tick("watched_folders").run_requests
    because = request.tags[BECAUSE_TAG]
    assert because.startswith(f"{letters}: 30 new: more/00.png, more/01.png, ")
    assert "and 20 more; 1 deleted: b.png" in because


def test_a_file_that_is_still_being_copied_is_waited_for(home, tick, letters):
    make(home, letters)
    for seconds in (1, 2, 3):
        picture(home / "letters" / "d.png", seconds=1_000_000_000 + seconds)
        assert not tick("watched_folders").run_requests
    assert len(tick("watched_folders").run_requests) == 1


def test_a_changed_file_makes_a_run_too(home, tick, letters):
    make(home, letters)
    picture(home / "letters" / "a.png", level=1, seconds=1_000_000_009)
    tick("watched_folders")
    (request,) = tick("watched_folders").run_requests
    assert request.tags[BECAUSE_TAG] == f"{letters}: pictures were changed"


def test_what_was_trained_before_is_trained_again_with_the_settings_that_it_had(home, tick, letters):
    make(home, letters)
    store = Store(home / "store")
    config = settings_class("vae")(epochs=7).as_dict()
    store.ledger.append({"asset": "glyphs/vae", "partition": letters, "version": "1" * 64, "run_id": "r", "config": config})
    picture(home / "letters" / "d.png")
    tick("watched_folders")
    (request,) = tick("watched_folders").run_requests
    keys = {key.to_user_string() for key in request.asset_selection}
    assert {"glyphs/originals", "glyphs/vae", "glyphs/vae_report", "glyphs/vae_champion"} <= keys
    assert "glyphs/conv_autoencoder" not in keys
    assert request.run_config["ops"]["glyphs__vae"]["config"]["epochs"] == 7
    assert request.run_config["ops"]["glyphs__augmented"]["config"]["n"] == 12
    subset = defs.resolve_job_def("refresh_pictures").get_subset(asset_selection=set(request.asset_selection))
    assert dg.validate_run_config(subset, request.run_config)


def test_a_folder_that_is_gone_or_empty_makes_no_run(home, tick, letters):
    make(home, letters)
    (home / "letters").rename(home / "unmounted")
    for _ in range(3):
        found = tick("watched_folders")
        assert not found.run_requests
    assert f"{letters}: a folder of pictures is expected at {home / 'letters'}" in found.skip_message


def test_only_named_sources_are_watched_and_an_unknown_name_fails_the_tick(home, tick, letters):
    (home / FILE).write_text('[watched_folders]\nsources = "lettres"\n')
    with pytest.raises(SettingsError, match=f"Received: 'lettres'. Choose from: {letters}."):
        tick("watched_folders")
    (home / FILE).write_text(f'[watched_folders]\nsources = "{letters}"\n')
    assert letters in tick("watched_folders").skip_message


def test_a_tick_that_fails_asks_for_the_same_again(home, tick, letters):
    tick("watched_folders")
    (lost,) = tick("watched_folders", lost=True).run_requests
    (again,) = tick("watched_folders").run_requests
    assert lost.run_key == again.run_key  # of which Dagster makes one run


def test_the_same_folder_as_once_before_is_asked_for_all_the_same(home, tick, letters):
    """After a, then b, comes a again: a key by the state alone would be taken for the first run."""

    def key():
        tick("watched_folders")
        (request,) = tick("watched_folders").run_requests
        make(home, letters)
        return request.run_key

    first = key()
    picture(home / "letters" / "d.png")
    key()
    (home / "letters" / "d.png").unlink()
    assert key() != first


def test_what_is_being_made_is_not_asked_for_again(home, tick, instance, letters):
    tick("watched_folders")
    (request,) = tick("watched_folders").run_requests
    at_work = run_of(instance, "refresh_pictures", letters, dg.DagsterRunStatus.STARTED)
    found = tick("watched_folders")
    assert not found.run_requests
    assert f"waiting for run {at_work.run_id[:8]}" in found.skip_message
    instance.report_run_failed(at_work)
    assert [r.run_key for r in tick("watched_folders").run_requests] == [
        request.run_key
    ]  # whoever asked for that one, it was not this sensor


def test_what_fails_is_asked_for_some_times_and_then_no_more(home, tick, instance, letters):
    tick("watched_folders")
    keys = []
    for _ in range(ATTEMPTS):
        (request,) = tick("watched_folders").run_requests
        keys.append(request.run_key)
        failed = {ASKED_FOR_TAG: request.tags[ASKED_FOR_TAG]}
        run_of(instance, "refresh_pictures", letters, dg.DagsterRunStatus.FAILURE, **failed)
    assert len(set(keys)) == ATTEMPTS
    found = tick("watched_folders")
    assert not found.run_requests
    assert "3 runs did not make it" in found.skip_message
    picture(home / "letters" / "d.png")
    tick("watched_folders")
    assert len(tick("watched_folders").run_requests) == 1


# The inbox.


@pytest.fixture
def trained(home):
    """An encoder of the line is there, and was never decided on."""
    Store(home / "store").ledger.append({"asset": "drawings/encoder", "partition": "line", "version": "1" * 64, "run_id": "r"})


def test_new_pictures_make_one_run_for_each_class(home, tick, trained):
    for name in ("a", "b"):
        picture(home / "inbox" / "line" / "deep" / f"{name}.png")
    assert "line: 2 new, deep/a.png, deep/b.png; read when they stay as they are" in tick("inbox").skip_message
    (request,) = tick("inbox").run_requests
    assert request.tags[PARTITION_TAG] == "line"
    assert request.tags[ASKED_TAG] == "sensor inbox"
    assert request.tags[BECAUSE_TAG] == "line: 2 new, deep/a.png, deep/b.png"
    assert request.run_config["ops"]["drawings__inbox"]["config"]["folder"] == str(home / "inbox")
    assert dg.validate_run_config(defs.resolve_job_def("read_inbox"), request.run_config)


def test_one_that_is_still_being_copied_keeps_no_other_waiting(home, tick, trained):
    picture(home / "inbox" / "line" / "a.png")
    tick("inbox")
    picture(home / "inbox" / "line" / "b.png")
    (request,) = tick("inbox").run_requests
    assert request.tags[BECAUSE_TAG] == "line: 1 new, a.png"


def test_what_was_read_is_not_asked_for(home, tick, trained, monkeypatch):
    picture(home / "inbox" / "line" / "a.png")
    status = (home / "inbox" / "line" / "a.png").stat()
    known = record.Seen({"a.png": (status.st_size, status.st_mtime_ns)}, frozenset())
    monkeypatch.setattr(record, "seen", lambda store, head: known)
    assert tick("inbox").skip_message == tick("inbox").skip_message == "Nothing new."


def test_without_a_champion_pictures_wait_and_the_command_is_named(home, tick):
    picture(home / "inbox" / "arc" / "a.png")
    tick("inbox")
    found = tick("inbox")
    assert not found.run_requests
    assert "arc: 1 new, a.png; there is no champion to read them. Train one with: make run DRAWING=arc" in found.skip_message


def test_a_refused_challenger_reads_nothing(home, tick, trained):
    store = Store(home / "store")
    refused = commit_decision(store, Decision("refused", "It draws nothing.", {"encoder": "1" * 64}, {}, {}, None))
    store.ledger.append({"asset": "drawings/champion", "partition": "line", "version": refused.hash, "run_id": "r"})
    picture(home / "inbox" / "line" / "a.png")
    tick("inbox")
    assert "there is no champion to read them" in tick("inbox").skip_message


def test_what_lies_in_the_wrong_place_is_named(home, tick, trained):
    picture(home / "inbox" / "loose.png")
    picture(home / "inbox" / "lines" / "a.png")
    message = "Not read, for only folders that are called as a drawing class are: lines, loose.png"
    assert tick("inbox").skip_message == message


def test_without_an_inbox_the_tick_names_the_place(home, tick):
    assert tick("inbox").skip_message.startswith(f"A folder is expected at {home / 'inbox'}")


def test_sensors_are_off_until_someone_turns_them_on_and_their_cursors_stay_small(home, tick, trained):
    assert {sensor.default_status for sensor in SENSORS} == {dg.DefaultSensorStatus.STOPPED}
    for number in range(30):
        picture(home / "inbox" / "line" / f"{'a_long_name_' * 8}{number}.png")
    assert len(json.dumps(tick("inbox").cursor)) < 30 * 20


# Drift.

NOW = 1_800_000_000.0
HOURLY = DriftSettings(window=40)
LINE = DRAWINGS["line"]


def readings_of_test(store, encoder, pictures=60):
    """The champion's readings of test: all of them good, at four noise levels."""
    names = [*spec_columns(LINE), "noise_sigma_level", "explained", "redraw_mse", "confidence"]
    fields = [("id", pa.string()), ("split", pa.string()), ("step", pa.string()), *((name, pa.float64()) for name in names)]
    rng = np.random.default_rng(5)
    rows = [
        {"id": f"{i}", "split": "test", "step": "redraw", **dict.fromkeys(names, 1.0)}
        | {"noise_sigma_level": sigma, "explained": 0.95 + 0.05 * rng.random(), "redraw_mse": 0.001 * rng.random()}
        | {"confidence": 0.9 + 0.1 * rng.random()}
        for i in range(pictures)
        for sigma in SIGMAS
    ]
    schema = with_about(pa.schema(fields), {"settings": {"steps": "encoder,gradient,redraw"}})
    with store.draft() as draft:
        write_table(draft.path / "readings.parquet", schema, [pa.RecordBatch.from_pylist(rows, schema=schema)])
        version = draft.commit().hash
    read = {"drawings/encoder": encoder}
    store.ledger.append({"asset": "drawings/readings", "partition": "line", "version": version, "run_id": "r", "read": read})


def arrive(store, number, encoder, explained=0.97, sigma=0.0):
    """Pictures were read; the reader found them explained as well as this."""
    head, _ = record.record_of(store, "line")
    values = {
        pa.string(): "x",
        pa.bool_(): False,
        pa.timestamp("us", tz="UTC"): datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC),
    }
    filled = {field.name: values.get(field.type, 0) for field in record.schemas(LINE)[record.TABLE]}
    found = {"explained": explained, "redraw_mse": 0.0005, "confidence": 0.95, "noise_sigma_level": sigma, "encoder": encoder}
    rows = {record.TABLE: [filled | found | {"file": f"{uuid.uuid4().hex}.png"} for _ in range(number)]}
    made = record.write(store, LINE, rows, {}, head)
    store.ledger.append({"asset": "drawings/inbox", "partition": "line", "version": made.hash, "run_id": "r"})


@pytest.fixture
def reading(home, trained):
    """A champion with its readings of test."""
    store = Store(home / "store")
    readings_of_test(store, "1" * 64)
    return store


def test_what_is_read_as_well_as_test_is_no_drift(reading):
    arrive(reading, 40, "1" * 64)
    found = look_at_drift(reading, HOURLY, {}, NOW)
    assert not found.wanted
    assert found.notes[0].startswith("line: No drift: ")


def test_what_is_read_worse_asks_for_a_training_that_covers_it_and_only_once(reading):
    arrive(reading, 40, "1" * 64, explained=0.2, sigma=60.0)
    found = look_at_drift(reading, HOURLY, {}, NOW)
    (wanted,) = found.wanted
    assert (wanted.job, wanted.partition) == ("learn_drawing", "line")
    assert wanted.because.startswith("line: Drift: explained is below ")
    assert "examples.noise_max_sigma 25.5 -> 63" in wanted.because
    examples = wanted.config["ops"]["drawings__examples"]["config"]
    assert (examples["noise_max_sigma"], examples["n"]) == (63.0, PROFILES["quick"].settings.examples.n)
    assert dg.validate_run_config(defs.resolve_job_def("learn_drawing"), wanted.config)
    later = look_at_drift(reading, HOURLY, found.cursor, NOW + 3600)
    assert not later.wanted  # nothing was read since
    arrive(reading, 10, "1" * 64, explained=0.2)
    later = look_at_drift(reading, HOURLY, later.cursor, NOW + 7200)
    assert not later.wanted
    assert "line: 10 readings by the champion so far, at least 20 are compared" in later.notes
    arrive(reading, 30, "1" * 64, explained=0.2, sigma=60.0)
    assert len(look_at_drift(reading, HOURLY, later.cursor, NOW + 7200).wanted) == 1


def test_a_tick_too_soon_makes_no_test(reading):
    arrive(reading, 40, "1" * 64)
    cursor = look_at_drift(reading, HOURLY, {}, NOW).cursor
    arrive(reading, 40, "1" * 64, explained=0.2, sigma=60.0)
    assert not look_at_drift(reading, HOURLY, cursor, NOW + 60).wanted
    assert len(look_at_drift(reading, HOURLY, cursor, NOW + 3590).wanted) == 1


def test_readings_by_another_champion_do_not_count(reading):
    arrive(reading, 40, "0" * 64, explained=0.2)
    arrive(reading, 5, "1" * 64)
    found = look_at_drift(reading, HOURLY, {}, NOW)
    assert found.notes == ["line: 5 readings by the champion so far, at least 20 are compared"]


def test_without_retraining_the_tick_says_so_all_the_same(reading):
    arrive(reading, 40, "1" * 64, explained=0.2)
    found = look_at_drift(reading, DriftSettings(window=40, retrain=False), {}, NOW)
    assert not found.wanted
    assert found.notes[0].startswith("line: Drift: ")


def test_what_no_setting_of_examples_covers_is_reported_and_nothing_is_trained(reading):
    """Blur, say: the noise is what it was."""
    arrive(reading, 40, "1" * 64, explained=0.2)
    found = look_at_drift(reading, HOURLY, {}, NOW)
    assert not found.wanted
    assert found.notes[0].startswith("line: Drift: ")
    assert found.notes[0].endswith("To train again on the same kind of examples is no remedy: look at what arrives")


def test_without_readings_of_test_the_command_is_named(home, trained):
    store = Store(home / "store")
    arrive(store, 40, "1" * 64)
    (note,) = look_at_drift(store, HOURLY, {}, NOW).notes
    assert "There are no drawings/readings of line by the champion" in note
    assert "make run DRAWING=line" in note


def test_the_drift_sensor_looks_at_the_inbox_of_the_store(tick, reading):
    arrive(reading, 40, "1" * 64, explained=0.2, sigma=60.0)
    (request,) = tick("drift").run_requests
    assert request.tags[BECAUSE_TAG].startswith("line: Drift: ")
    assert request.tags[ASKED_TAG] == "sensor drift"
    assert tick("drift").skip_message == "Nothing new."


def test_the_settings_of_the_examples_behind_a_champion_are_found_from_the_ledger(store):
    for asset, version, more in (
        ("examples", "e", {"config": ExamplesSettings(noise_max_sigma=40.0).as_dict()}),
        ("train", "t", {"read": {"drawings/examples": "e"}}),
        ("encoder", "m", {"read": {"drawings/train": "t"}}),
    ):
        store.ledger.append({"asset": f"drawings/{asset}", "partition": "line", "version": version, "run_id": "r", **more})
    assert examples_behind(store, "line", "m").noise_max_sigma == 40.0
    assert examples_behind(store, "line", "other") == ExamplesSettings()
