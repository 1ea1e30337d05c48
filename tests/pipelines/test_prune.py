"""What of Dagster's history goes and what stays, and when nothing is removed."""

import os
import shutil
import time
import types

import dagster as dg
import pytest

from assets.materialization import Made
from fullcircle.store.in_use import InUseError, alone
from fullcircle.store.objects import Store
from pipelines import prune as command
from pipelines.io_managers import LedgerIOManager, StoreIOManager
from pipelines.make_run_lock import only_one
from pipelines.prune import history, main
from pipelines.resources import StoreResource
from pipelines.tags import LAUNCH_TAG

CLASSES = dg.StaticPartitionsDefinition(["line", "arc"])


@dg.asset(key=["drawings", "decoder"], partitions_def=CLASSES, config_schema={"n": int})
def decoder(context, store: dg.ResourceParam[Store]):
    with store.draft() as draft:
        (draft.path / "value.txt").write_text(f"{context.partition_key} {context.op_execution_context.op_config['n']}")
        stored = draft.commit()
    entry = {"asset": "drawings/decoder", "partition": context.partition_key, "version": stored.hash, "run_id": context.run_id}
    return dg.MaterializeResult(value=Made(stored, entry | {"read": {}}))


@dg.asset_check(asset=decoder, partitions_def=CLASSES)
def redraws():
    return dg.AssetCheckResult(passed=True)


ONLY_ASSET = dg.AssetSelection.assets(decoder).without_checks()
RUNS = [("arc", 0, None), ("line", 0, ONLY_ASSET), ("line", 1, ONLY_ASSET), ("line", 2, None)]
RUNS += [("line", n, ONLY_ASSET) for n in (3, 4)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with store and history as some runs leave them, and the ids of these runs."""
    folder = tmp_path_factory.mktemp("made")
    home = folder / "home"
    (home / "launches").mkdir(parents=True)
    (home / "launches" / "refused.log").write_text("a launch that became no run\n")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return folder, [run(instance, home, *of) for of in RUNS]


def run(instance, home, partition, n, selection):
    """A run as `make run` leaves one, with the log of its launch; returns its id."""
    store = StoreResource(root=str(home.parent / "store"))
    resources = {"store": store, "io_manager": StoreIOManager(store=store)}
    (home / "launches" / f"{partition}{n}.log").write_text("printed\n")
    done = dg.materialize(
        [decoder, redraws],
        instance=instance,
        partition_key=partition,
        resources=resources,
        tags={LAUNCH_TAG: f"{partition}{n}"},
        run_config={"ops": {"drawings__decoder": {"config": {"n": n}}}},
        selection=selection,
    )
    assert done.success
    return done.run_id


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    """A copy of `made`, which commands find."""
    shutil.copytree(made[0], tmp_path / "copy")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "copy" / "home"))
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path / "copy" / "store"))
    return tmp_path / "copy" / "home"


@pytest.fixture
def instance(home):
    with dg.DagsterInstance.get() as instance:
        yield instance


def of_history(home):
    shards = {path.stem for path in (home / "history" / "runs").glob("*.db")} - {"index"}
    printed = {path.name for path in (home / "storage").iterdir()} if (home / "storage").exists() else set()
    return shards, printed, {path.stem for path in (home / "launches").iterdir()}


def test_the_latest_runs_stay_and_those_that_hold_what_is_latest_and_the_rest_goes_with_all_it_left(
    made, instance, home, capsys
):
    store, key, runs, before = Store(home.parent / "store"), dg.AssetKey(["drawings", "decoder"]), made[1], of_history(home)
    assert main(["--keep", "1"]) == 0
    assert of_history(home) == before
    planned = capsys.readouterr().out
    assert "\nnot needed             3 objects " in planned
    assert "\nnot needed: 3 of 6 runs, " in planned
    assert planned.endswith("Nothing was removed. To remove it: make prune DELETE=1\n")

    assert main(["--keep", "1", "--delete"]) == 0
    stay = {runs[0], runs[3], runs[5]}  # the latest of each partition, and the one with the latest outcome of the check
    assert {record.dagster_run.run_id for record in instance.get_run_records()} == stay
    shards, printed, logs = of_history(home)
    assert shards == stay
    assert printed == before[1] & stay
    assert before[1] - stay, "steps print"
    assert logs == {"arc0", "line2", "line4"}
    assert set(instance.get_materialized_partitions(key)) == {"line", "arc"}
    whose = {entry["run_id"] for entry in store.ledger.entries() if store.path_of(entry["version"]).exists()}
    assert whose == stay, "what retained runs made is kept"
    assert "removed: 3 of 6 runs, " in capsys.readouterr().out

    assert main(["--keep", "1", "--delete"]) == 0
    assert "removed: 0 of 3 runs, 0 files, 0 B" in capsys.readouterr().out


def test_where_clocks_were_set_back_both_runs_stay(made, instance, home):
    real = instance.all_logs

    def earlier(run_id, of_type=None):
        shift = 0 if run_id == made[1][2] else -3600
        return [entry._replace(timestamp=entry.timestamp + shift) for entry in real(run_id, of_type)]

    instance.all_logs = earlier
    assert [old.run_id for old in history(instance, home, 1).old] == [made[1][4], made[1][1]]


@pytest.mark.parametrize("alive", [True, False])
def test_nothing_is_removed_while_a_run_is_under_way(instance, home, monkeypatch, capsys, alive):
    started, of = dg.DagsterRunStatus.STARTED, {"dagster/partition": "arc"}
    instance.add_run(dg.DagsterRun(job_name="learn_drawing", run_id="1a2b3c4d", status=started, tags=of))
    monkeypatch.setattr(command, "is_dead", lambda instance, record: not alive)
    before = of_history(home)
    if not alive:
        assert main(["--keep", "1", "--delete"]) == 0
        assert of_history(home) != before
        return
    assert main(["--keep", "1", "--delete"]) == 1
    error = "Nothing was removed: run 1a2b3c4d (job learn_drawing, partition arc) is under way. Run again afterwards, or cancel"
    assert capsys.readouterr().err.startswith(error)
    assert of_history(home) == before
    assert main(["--keep", "1"]) == 0, "who only asks is not refused"


def test_a_run_that_waits_for_its_turn_is_under_way():
    queued = types.SimpleNamespace(run_id="1a2b3c4d", job_name="work", tags={}, status=dg.DagsterRunStatus.QUEUED)

    def get_run_records(filters):
        return [types.SimpleNamespace(dagster_run=queued)] if queued.status in filters.statuses else []

    with pytest.raises(command.ActiveRunsError, match=r"run 1a2b3c4d \(job work\) is under way"):
        command.refuse_active(types.SimpleNamespace(get_run_records=get_run_records))


def test_nothing_is_removed_while_a_make_run_is_at_work(instance, home, capsys):
    with only_one(home):
        assert main(["--delete"]) == 1
    assert capsys.readouterr().err.startswith(f"Nothing was done: a make run is at work (process {os.getpid()}, since ")


def test_nothing_is_removed_while_the_store_is_in_use(instance, home, capsys):
    before = of_history(home)
    with Store(home.parent / "store").in_use():
        assert main(["--keep", "1", "--delete"]) == 1
    assert capsys.readouterr().err.startswith("Nothing was removed: a run or another command is using the store ")
    assert of_history(home) == before


def test_a_step_has_the_store_until_what_it_made_is_in_the_ledger(instance, home, monkeypatch):
    real, refused = LedgerIOManager.handle_output, []

    def handle_output(self, context, obj):
        try:
            with alone(self._store.root):
                pass
        except InUseError:
            refused.append(time.time())
        real(self, context, obj)

    monkeypatch.setattr(LedgerIOManager, "handle_output", handle_output)
    run(instance, home, "arc", 7, None)
    assert len(refused) == 1
    with alone(home.parent / "store"):
        pass


@pytest.mark.parametrize(
    ("arguments", "code", "message"), [(["--keep", "0"], 1, "At least 1 version of each asset"), ([], 2, "D")]
)
def test_what_cannot_be_asked_for_is_one_sentence(home, monkeypatch, capsys, arguments, code, message):
    if code == 2:
        monkeypatch.delenv("DAGSTER_HOME")
    assert main(arguments) == code
    assert capsys.readouterr().err.startswith(message)
