"""deploy/ on a real PostgreSQL: a run that a sensor asks for, in the database; backup and restore as docs/production.md has them.

The services are started by the commands of deploy/compose.yaml, as processes of this machine in place of containers. What the page
types into containers is run here too, by a shell in which `docker` does so.
"""

import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
import yaml

from fullcircle.data.settings import ExamplesSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps.settings import DrawingsSettings
from fullcircle.steps.step import plan
from fullcircle.store.objects import Store
from pipelines.run_processes import GRPC_TAG

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SERVICES = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
SETTINGS = ExamplesSettings(n=40, workers=1)

CODE = """
import dagster as dg
from pipelines import definitions

ASKED = {
    "run_key": "once",
    "partition_key": "line",
    "asset_selection": [dg.AssetKey(["drawings", "examples"])],
    "run_config": {"ops": {"drawings__examples": {"config": {"n": 40, "workers": 1}}}},
}


examples = dg.define_asset_job(
    "make_examples", [ASKED["asset_selection"][0]], executor_def=dg.in_process_executor  # or each check has a process of its own
)


@dg.sensor(job=examples, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def asks_once(context):
    return dg.RunRequest(**ASKED)


@dg.schedule(job=examples, cron_schedule="0 0 1 1 *", default_status=dg.DefaultScheduleStatus.RUNNING)
def new_year(context):
    return dg.RunRequest(**ASKED)


defs = dg.Definitions.merge(definitions.defs, dg.Definitions(sensors=[asks_once], schedules=[new_year]))
"""

DOCKER = """
docker() {  # what the page types into a container is run here; what starts and stops containers is not
  local command=$2
  shift 2
  [[ $command == exec || $command == run ]] || return 0
  while [[ $1 == -* ]]; do shift; done
  if [[ $1 == code && -e ${MEANWHILE:-} ]]; then  # a step ends between the two copies, and the database goes on
    psql --quiet --username=fullcircle --command="UPDATE runs SET status = 'LATER'" fullcircle
    cp -r "$MEANWHILE/objects" "$FULLCIRCLE_STORE"
    cat "$MEANWHILE/ledger.jsonl" >> "$FULLCIRCLE_STORE/ledger.jsonl"
  fi
  "${@:2}"
}
"""


@pytest.fixture(scope="session")
def programs():
    """The folder of PostgreSQL's programs; where there is none, what needs it is left out, but not in CI."""
    on_path = shutil.which("initdb")
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), *([Path(on_path)] if on_path else [])]
    if not found:
        assert "CI" not in os.environ, ".ci/run installs postgresql"
        pytest.skip("no PostgreSQL on this machine: .ci/run installs one, make test asks for no more than Python and make")
    return found[-1].parent


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, process, seconds=240.0):
    """Wait for what a process is to do, as long as the process is there."""
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "The process has ended."
        assert time.monotonic() < until, "It did not happen."
        time.sleep(0.2)


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port))):
        return True
    return False


@pytest.fixture
def environment(programs, monkeypatch):
    """The variables of compose.yaml, and a server as its image makes one: a superuser and a database, trusted by the socket."""
    given = SERVICES["code"]["environment"]
    secret = "p@ss w/rd:%"  # what has a meaning in addresses
    # PostgreSQL refuses to be root's, and its user sees nothing of pytest's own folders.
    user = next(name for name in ("postgres", "nobody") if _is_there(name)) if os.geteuid() == 0 else None
    owner = {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="postgres-") as place:
        home, data = Path(place), Path(place) / "data"
        (home / "secret").write_text(secret)
        if user is not None:
            for path in (home, home / "secret"):
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        initdb = [programs / "initdb", "--pgdata", data, f"--username={given['POSTGRES_USER']}", f"--pwfile={home / 'secret'}"]
        initdb += ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
        initdb += SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
        subprocess.run(initdb, check=True, cwd=home, stdout=subprocess.DEVNULL, **owner)
        port = str(free_port())
        variables = given | {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": port, "POSTGRES_PASSWORD": secret}
        variables |= {"PGHOST": place, "PGPORT": port, "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        server = [programs / "postgres", "-D", data, "-p", port, "-k", place, "-h", "127.0.0.1", "-c", "fsync=off"]
        with (home / "log").open("wb") as log, subprocess.Popen(server, cwd=home, stdout=log, stderr=log, **owner) as process:
            try:
                wait_for(lambda: is_healthy("postgres"), process)
                subprocess.run(["createdb", "--username", given["POSTGRES_USER"], given["POSTGRES_DB"]], check=True)
                yield variables
            finally:
                process.send_signal(signal.SIGINT)  # fast shutdown
                process.wait(60)


def _is_there(name):
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))


def is_healthy(service, **replaced):
    """Whether the health check of a service passes."""
    kind, *command = SERVICES[service]["healthcheck"]["test"]
    assert kind == "CMD"
    return subprocess.run([replaced.get(word, word) for word in command], stdout=subprocess.DEVNULL).returncode == 0


@pytest.fixture
def here(tmp_path, environment, monkeypatch):
    """A folder with DAGSTER_HOME, the store and deploy/ for the port of a code server of its own."""
    (tmp_path / "production_code.py").write_text(CODE)
    (tmp_path / "dagster_home").mkdir()
    shutil.copy(DEPLOY / "dagster.yaml", tmp_path / "dagster_home")
    port = str(free_port())
    workspace = (DEPLOY / "workspace.yaml").read_text().replace("host: code", "host: 127.0.0.1")
    (tmp_path / "workspace.yaml").write_text(workspace.replace("port: 4000", f"port: {port}"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster_home"))
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(tmp_path))))
    return tmp_path, port


@contextlib.contextmanager
def running(service, folder, *more, **replaced):
    """A service by its command, in a session of its own, of which nothing is left afterwards."""
    command = [replaced.get(word, word) for word in SERVICES[service]["command"]]
    with (folder / f"{service}.log").open("wb") as log:
        process = subprocess.Popen([*command, *more], cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            yield process
        except BaseException:
            print((folder / f"{service}.log").read_text())
            raise
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.terminate()
                process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def typed(heading, folder, **variables):
    """Run what a section of the page types."""
    page = (ROOT / "docs" / "production.md").read_text()
    (block,) = re.findall(r"^```sh\n(.*?)^```", page.split(f"\n## {heading}\n")[1].split("\n## ")[0], re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        ["bash", "-c", DOCKER + block], cwd=folder, env=os.environ | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def rows(environment, query):
    connection = psycopg2.connect(
        host=environment["POSTGRES_HOST"],
        port=environment["POSTGRES_PORT"],
        user=environment["POSTGRES_USER"],
        password=environment["POSTGRES_PASSWORD"],
        dbname=environment["POSTGRES_DB"],
    )
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


@dg.job
def nothing():
    pass


ASKED_FOR = dg.RunsFilter(job_name="make_examples")

TABLES = {
    "runs": "SELECT run_id, status FROM runs ORDER BY id",
    "tags": "SELECT run_id, key, value FROM run_tags ORDER BY 1, 2, 3",
    "events": "SELECT id, run_id, dagster_event_type, asset_key FROM event_logs ORDER BY id",
    "checks": "SELECT check_name, execution_status FROM asset_check_executions ORDER BY 1",
    "states": "SELECT status, instigator_type FROM instigators ORDER BY 2",
    "ticks": "SELECT id, status FROM job_ticks ORDER BY id",
}


def test_a_run_is_in_the_database_and_comes_back_with_the_store(here, environment, monkeypatch):
    folder, port = here
    with dg.DagsterInstance.get() as instance:
        server = json.dumps({"host": "127.0.0.1", "port": int(port)})
        cut_off = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED, tags={GRPC_TAG: server})
    with (
        running("code", folder, "--module-name", "production_code", **{"0.0.0.0": "127.0.0.1", "4000": port}) as code,
        dg.DagsterInstance.get() as instance,
    ):
        wait_for(lambda: listens(port), code)
        assert is_healthy("code", **{"4000": port})
        with running("daemon", folder) as daemon:
            wait_for(lambda: any(run.is_finished for run in instance.get_runs(ASKED_FOR)), daemon)
            assert is_healthy("daemon")
        (run,) = instance.get_runs(ASKED_FOR)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
    assert not list(folder.rglob("*.db"))  # nothing is left to SQLite

    before = {table: rows(environment, query) for table, query in TABLES.items()}
    assert before["runs"] == [
        (cut_off.run_id, "FAILURE"),
        (run.run_id, "SUCCESS"),
    ]  # the former was closed as the code server started
    assert (run.run_id, "dagster/sensor_name", "asks_once") in before["tags"]
    assert (run.run_id, "dagster/partition", "line") in before["tags"]
    made = {asset for _, _, kind, asset in before["events"] if kind == "ASSET_MATERIALIZATION"}
    assert made == {'["drawings", "examples"]'}
    assert {status for _, status in before["checks"]} == {"SUCCEEDED"}
    assert set(before["states"]) >= {("DECLARED_IN_CODE", "SCHEDULE"), ("DECLARED_IN_CODE", "SENSOR")}
    assert "SUCCESS" in {status for _, status in before["ticks"]}

    # While the backup is made, a step ends: it is in the store, and not in the database.
    meanwhile = Store(folder / "meanwhile")
    later = drawing_steps.make_examples(meanwhile, DRAWINGS["ellipse"], SETTINGS)
    meanwhile.ledger.append({"asset": "drawings/examples", "partition": "ellipse", "version": later.hash, "run_id": "later"})
    store = Store(folder / "store")
    examples = store.latest("drawings/examples", "line")
    (store.root / "drafts" / "begun").mkdir(parents=True)
    typed("Backup", folder, MEANWHILE=str(meanwhile.root))
    (archive,) = folder.glob("backup/*/store.tar")
    with tarfile.open(archive) as stored:
        names = stored.getnames()
    assert [name for name in names if "drafts" in name or "sqlite" in name] == []
    assert names.index("./ledger.jsonl") < min(at for at, name in enumerate(names) if name.startswith("objects"))

    shutil.rmtree(store.root)
    restored = Store(folder / "restored")
    restored.root.mkdir()
    monkeypatch.setenv("FULLCIRCLE_STORE", str(restored.root))
    assert {status for _, status in rows(environment, TABLES["runs"])} == {"LATER"}
    typed("Restore", folder)
    assert {table: rows(environment, query) for table, query in TABLES.items()} == before
    assert restored.open(examples.hash).table().rows == SETTINGS.n
    assert restored.latest("drawings/examples", "line").hash == examples.hash
    assert restored.latest("drawings/examples", "ellipse").hash == later.hash
    (planned,) = plan(restored, [drawing_steps.EXAMPLES], DrawingsSettings(examples=SETTINGS), "line")
    assert planned.reason is None

    typed("Upgrade", folder)
    with dg.DagsterInstance.get() as instance:
        (again,) = instance.get_runs(ASKED_FOR)
        assert (again.run_id, again.status) == (run.run_id, run.status)
        event = instance.get_latest_materialization_event(dg.AssetKey(["drawings", "examples"]))
        named = event.asset_materialization.metadata["hash"].value
        assert restored.open(named).hash == examples.hash
