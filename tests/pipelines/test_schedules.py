"""Schedules: which runs a tick asks for, and at which times, over a year with both changes of clocks and over nights off."""

import datetime
import logging
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import dagster as dg
import dagster._daemon.daemon  # before the scheduler, each of which imports the other
import pytest
from dagster._core.remote_representation.external import RemoteSchedule
from dagster._core.remote_representation.external_data import ScheduleSnap
from dagster._core.remote_representation.handle import RepositoryHandle
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    InstigatorType,
    ScheduleInstigatorData,
    TickStatus,
)
from dagster._scheduler import scheduler

from assets.partitions import PARTITION_TAG
from fullcircle.core.settings import SettingsError
from fullcircle.steps.profiles import PROFILES
from fullcircle.store.objects import Store
from pipelines import schedules
from pipelines.definitions import defs
from pipelines.retraining import FILE, Retraining, ScheduleSettings
from pipelines.schedules import SCHEDULES, seed_of, trained_classes
from pipelines.tags import ASKED_TAG, SEED_TAG

WEEKLY, SMOKE, AUDIT = SCHEDULES
BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = datetime.datetime(2027, 3, 7, 3, 0, tzinfo=datetime.UTC)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """DAGSTER_HOME and the store, both of them empty."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path / "store"))
    return tmp_path


def train(home, *names):
    """As if encoders of these classes had been trained."""
    for name in names:
        entry = {"asset": "drawings/encoder", "partition": name, "version": "1" * 64, "run_id": "r"}
        Store(home / "store").ledger.append(entry)


def tick(schedule, scheduled=SUNDAY):
    return schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=scheduled))


# What a tick asks for.


def test_each_class_that_was_trained_gets_a_run_with_the_seed_of_the_tick(home):
    train(home, "arc", "line", "gone")
    found = tick(WEEKLY).run_requests
    seed = seed_of("weekly_retraining", SUNDAY)
    assert [request.tags[PARTITION_TAG] for request in found] == ["line", "arc"]
    assert len({request.run_key for request in found}) == 2
    for request in found:
        assert request.tags[ASKED_TAG] == "schedule weekly_retraining"
        assert request.tags[SEED_TAG] == str(seed)
        assert request.tags["profile"] == "quick"
        assert request.tags["dagster/max_runtime"] == "86400"
        configs = {op: request.run_config["ops"][f"drawings__{op}"]["config"] for op in ("examples", "decoder", "encoder")}
        assert {config["seed"] for config in configs.values()} == {seed}
        assert configs["examples"]["n"] == PROFILES["quick"].settings.examples.n


def test_without_a_class_that_was_trained_the_tick_says_what_to_do(home):
    skipped = tick(WEEKLY)
    assert not skipped.run_requests
    assert "make run DRAWING=line" in skipped.skip_message
    assert 'drawings = "line,arc" under [weekly_retraining]' in skipped.skip_message


def test_settings_are_read_again_at_each_tick(home):
    train(home, "line")
    assert [r.tags[PARTITION_TAG] for r in tick(WEEKLY).run_requests] == ["line"]
    (home / FILE).write_text(
        '[weekly_retraining]\ndrawings = "arc, face"\nprofile = "full"\nsettings = "examples.n=500 decoder.epochs=3"\n'
    )
    arc, face = tick(WEEKLY).run_requests
    assert (arc.tags[PARTITION_TAG], face.tags[PARTITION_TAG], arc.tags["profile"]) == ("arc", "face", "full")
    assert arc.run_config["ops"]["drawings__examples"]["config"]["n"] == 500
    assert arc.run_config["ops"]["drawings__encoder"]["config"]["epochs"] == PROFILES["full"].settings.encoder.epochs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('drawings = "lin"', "Unknown drawing class in weekly_retraining.drawings: 'lin'. Did you mean 'line'?"),
        ('profile = "fast"', "Unknown profile 'fast'"),
        ('settings = "examples.n=0"', "examples.n is expected to be at least 1"),
        ('cron = "x"', "cron is expected to be five fields"),
    ],
)
def test_a_tick_by_bad_settings_fails_and_says_why(home, text, message):
    train(home, "line")
    (home / FILE).write_text(f"[weekly_retraining]\n{text}\n")
    with pytest.raises(dg.DagsterError) as error:
        tick(WEEKLY)
    assert isinstance(error.value.__cause__, SettingsError)
    assert message in str(error.value.__cause__)


def test_a_bad_file_does_not_keep_the_definitions_from_being_loaded(home):
    (home / FILE).write_text("[weekly")
    with pytest.warns(UserWarning, match="is expected to be TOML"):
        found = schedules.retraining_at_load()
    assert found == Retraining()


def test_the_smoke_test_has_a_run_for_each_class_too(home):
    train(home, "line")
    (request,) = tick(SMOKE).run_requests
    assert request.tags[PARTITION_TAG] == "line"
    assert request.run_config == {"ops": {"smoke_one_class": {"config": {"seed": seed_of("nightly_smoke", SUNDAY)}}}}
    assert "profile" not in request.tags


def test_the_configurations_are_those_of_their_jobs(home):
    train(home, "line")
    repository = defs.get_repository_def()
    for schedule in SCHEDULES:
        (request,) = tick(schedule).run_requests
        assert dg.validate_run_config(repository.get_job(schedule.job_name), request.run_config)


def test_schedules_are_off_until_someone_turns_them_on():
    assert {schedule.default_status for schedule in SCHEDULES} == {dg.DefaultScheduleStatus.STOPPED}


def test_trained_classes_are_those_with_an_encoder_whatever_its_checks_found(home):
    entry = {"asset": "drawings/encoder", "partition": "line", "version": "1" * 64, "run_id": "r", "blocking": ["a"]}
    store = Store(home / "store")
    store.ledger.append(entry)
    store.ledger.append(entry | {"asset": "drawings/decoder", "partition": "arc"})
    assert trained_classes(store) == ["line"]


def test_seeds_differ_by_schedule_and_time_and_not_by_zone():
    later = SUNDAY + datetime.timedelta(weeks=1)
    assert len({seed_of("a", SUNDAY), seed_of("b", SUNDAY), seed_of("a", later)}) == 3
    assert seed_of("a", SUNDAY) == seed_of("a", SUNDAY.astimezone(BERLIN)) < 2**32


# When: what Dagster's scheduler makes of the cron fields, with the clock given.


def remote(schedule, **settings):
    """The schedule as the daemon sees it, with other cron fields and time zone."""
    chosen = ScheduleSettings(**settings)
    again = dg.ScheduleDefinition(
        name=schedule.name, cron_schedule=chosen.cron, job_name=schedule.job_name, execution_timezone=chosen.time_zone
    )
    handle = RepositoryHandle.for_test(location_name="full_circle", repository_name="__repository__")
    return RemoteSchedule(ScheduleSnap.from_def(again, defs.get_repository_def()), handle)


def looks(begin, end, hours=5):
    """When the daemon looks; in truth every minute."""
    while begin < end:
        begin += datetime.timedelta(hours=hours)
        yield begin


class Instance:
    """What the scheduler asks of Dagster's instance, in memory: a year of looks would take SQLite minutes."""

    def __init__(self, state):
        self.state, self.ticks = state, []

    def get_ticks(self, *_, limit):
        return self.ticks[::-1][:limit]

    def create_tick(self, data):
        self.ticks.append(InstigatorTick(len(self.ticks), data))
        return self.ticks[-1]

    def update_tick(self, tick):
        self.ticks[tick.tick_id] = tick

    def update_instigator_state(self, state):
        self.state = state


@pytest.fixture
def ticks(monkeypatch):
    """Runs the daemon's scheduler at given times; returns the scheduled times of its ticks."""

    def at_time(workspace, logger, schedule, scheduled, zone, tick, *rest):
        tick.update_state(TickStatus.SUCCESS)
        yield None

    monkeypatch.setattr(scheduler, "_schedule_runs_at_time", at_time)

    def run(schedule, turned_on, times_of_looks):
        data = ScheduleInstigatorData(schedule.cron_schedule, turned_on.timestamp())
        origin = schedule.get_remote_origin()
        instance = Instance(InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data))
        workspace, last, logger = SimpleNamespace(instance=instance), None, logging.getLogger("test")
        for now in times_of_looks:
            for times in scheduler.launch_scheduled_runs_for_schedule_iterator(
                workspace, logger, schedule, instance.state, now, 5, 0, {}, None, None, last
            ):
                if times is not None:
                    last = times.last_iteration_timestamp
        assert {tick.status for tick in instance.ticks} == {TickStatus.SUCCESS}
        return [datetime.datetime.fromtimestamp(tick.timestamp, datetime.UTC) for tick in instance.ticks]

    return run


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 3 * * *", "30 1 * * *"])
def test_over_a_year_in_berlin_no_night_is_missed_and_none_runs_twice(ticks, cron):
    """2:30 does not exist on 28 March 2027, and exists twice on 31 October."""
    begin = datetime.datetime(2027, 1, 1, tzinfo=BERLIN).astimezone(datetime.UTC)
    end = datetime.datetime(2028, 1, 1, tzinfo=BERLIN).astimezone(datetime.UTC)
    found = ticks(remote(SMOKE, cron=cron, time_zone="Europe/Berlin"), begin, looks(begin, end))
    days = [at.astimezone(BERLIN).date() for at in found]
    assert days == [datetime.date(2027, 1, 1) + datetime.timedelta(days=n) for n in range(365)]
    minute, hour = map(int, cron.split()[:2])
    shifted = {at.astimezone(BERLIN).date() for at in found if (at.astimezone(BERLIN).hour, at.minute) != (hour, minute)}
    assert shifted == ({datetime.date(2027, 3, 28)} if hour == 2 else set())
    assert len({seed_of("nightly_smoke", at) for at in found}) == 365


def test_the_week_has_one_retraining_over_a_year(ticks):
    begin = datetime.datetime(2027, 1, 1, tzinfo=BERLIN).astimezone(datetime.UTC)
    end = begin + datetime.timedelta(days=365)
    found = ticks(remote(WEEKLY, cron="0 3 * * 0", time_zone="Europe/Berlin"), begin, looks(begin, end))
    assert len(found) == 52
    assert {(at.astimezone(BERLIN).isoweekday(), at.astimezone(BERLIN).hour) for at in found} == {(7, 3)}


def test_of_seven_nights_off_the_last_is_made_up_once(ticks):
    begin = datetime.datetime(2027, 1, 1, 12, tzinfo=datetime.UTC)
    off, on = begin + datetime.timedelta(days=2), begin + datetime.timedelta(days=9)
    at = [*looks(begin, off, hours=1), on, *looks(on, on + datetime.timedelta(days=1), hours=1)]
    found = ticks(remote(SMOKE, cron="30 2 * * *"), begin, at)
    assert [at.day for at in found] == [2, 3, 10, 11]
