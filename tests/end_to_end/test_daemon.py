"""The real daemon, webserver and code server of `make ui`: a schedule and two sensors, and a crash of it all in the middle.

The schedule's training is killed with everything else, and started again; pictures that arrived meanwhile are read by the champion
that comes of it, each once; a changed folder is made again, once.
"""

import contextlib
import datetime
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from fullcircle.data.sources import register as register_source
from fullcircle.drawings import register as register_drawing
from fullcircle.reading import inbox
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps.profiles import GLYPH_PROFILES
from fullcircle.steps.step import run
from fullcircle.store.objects import Store
from pipelines.tags import ASKED_TAG, BECAUSE_TAG, SEED_TAG

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "your-own-class.md"
TINY = [
    "examples.n=1200",
    *("splits.train=0.8", "splits.test=0.1", "splits.valid=0.1"),
    *("decoder.epochs=6", "decoder.balanced_epochs=3"),
    *("encoder.epochs=3", "encoder.image_epochs=1"),
    *("reader.pictures=8", "reader.redraws=100", "reader.gradient_steps=3", "reader.workers=1"),
    *("champion.pictures=20", "champion.redraws=50", "champion.workers=1"),
    "report.pictures=3",
]
SETTINGS = """
[weekly_retraining]
cron = "{cron}"
drawings = "star"
settings = "{settings}"

[watched_folders]
seconds = 5

[inbox]
seconds = 5
folder = "{inbox}"
"""

TURN_ON = {
    "schedule": "mutation ($it: ScheduleSelector!) { startSchedule(scheduleSelector: $it) { __typename } }",
    "sensor": "mutation ($it: SensorSelector!) { startSensor(sensorSelector: $it) { __typename } }",
}
RUNNING = """
query ($it: RepositorySelector!) { repositoryOrError(repositorySelector: $it) { ... on Repository {
  schedules { name scheduleState { status } } sensors { name sensorState { status } } } } }
"""
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "full_circle"}

FRESHNESS = "{ assetNodes { assetKey { path } freshnessStatusInfo { freshnessStatus } } }"


class Ui:
    """`make ui` on an instance: started, asked, and killed with all its processes."""

    def __init__(self, home: Path, store: Path) -> None:
        with contextlib.closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "pipelines.ui", "--host", "127.0.0.1", "--port", str(self.port)]
        environment = os.environ | {
            "DAGSTER_HOME": str(home),
            "FULLCIRCLE_STORE": str(store),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "FRESHNESS_DAEMON_INTERVAL_SECONDS": "5",
        }
        with (home / "ui.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)

    def ask(self, query, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        return answer["data"]

    def state(self):
        found = self.ask(RUNNING, it=REPOSITORY)["repositoryOrError"]
        schedules = {s["name"]: s["scheduleState"]["status"] for s in found["schedules"]}
        return schedules | {s["name"]: s["sensorState"]["status"] for s in found["sensors"]}

    def freshness(self):
        """Of each asset that ages, whether it is fresh."""
        nodes = self.ask(FRESHNESS)["assetNodes"]
        return {
            "/".join(node["assetKey"]["path"]): node["freshnessStatusInfo"]["freshnessStatus"]
            for node in nodes
            if node["freshnessStatusInfo"]
        }

    def kill(self):
        """As a machine without power does it: no process gets to say anything."""
        for place in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if os.getsid(int(place.name)) == self.process.pid:
                    os.kill(int(place.name), signal.SIGKILL)
        self.process.wait()


def until(what, found, seconds=400):
    """Waits until something is there, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):  # the webserver does not listen yet
            if result := found():
                return result
        time.sleep(0.5)
    raise AssertionError(f"{what} within {seconds} s")


def picture(path, star, turn):
    spec = star.factors.snap((star.factors.low + star.factors.high)[None] / 2)
    spec[0, 0] += turn
    spec[0, -2:] = 240, 10
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(star.render(star.factors.snap(spec))[0]).save(path, "PNG")


@pytest.fixture
def place(tmp_path):
    """An instance, and a store that knows a class of the user's own and a folder whose tables are made."""
    home, store = tmp_path / "home", Store(tmp_path / "store")
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "dagster_home" / "dagster.yaml").read_text())
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=2)  # by then all is on; and not again today
    settings = {"cron": f"{soon.minute} {soon.hour} * * *", "settings": " ".join(TINY), "inbox": tmp_path / "inbox"}
    (home / "retraining.toml").write_text(SETTINGS.format(**settings))
    (source,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "star.py").write_text(source)
    register_drawing(store.root, f"{tmp_path / 'star.py'}:Star")
    rng = np.random.default_rng(3)
    for number in range(12):
        (tmp_path / "letters").mkdir(exist_ok=True)
        pixels = np.zeros((16, 16), np.uint8)
        pixels[3:13, 3:13] = rng.integers(0, 2, (10, 10)) * 255
        Image.fromarray(pixels).save(tmp_path / "letters" / f"{number}.png")
    letters = register_source(store.root, f"folder:{tmp_path / 'letters'}")
    settings = GLYPH_PROFILES["quick"].settings.replaced(
        {"augmented": {"n": 90, "workers": 1}, "splits": {"unit": "sample"}, "originals": {"height": 16, "width": 16}}
    )
    for step in glyph_steps.STEPS:
        own = getattr(settings, step.part)
        done = run(step, store, letters, {asset: store.latest(asset, letters) for asset in step.reads}, own)
        for asset, stored in done.objects.items():
            entry = {**done.recipes[asset].entry(), "version": stored.hash, "run_id": "r", "config": own.as_dict()}
            store.ledger.append(entry)
    return tmp_path, home, store, letters


@pytest.mark.daemon
@pytest.mark.timeout(1500)  # two starts of everything, seven runs: minutes on an idle machine
def test_what_the_daemon_is_asked_for_is_made_once_also_over_a_crash(place):
    folder, home, store, letters = place
    star = register_drawing(store.root, "star")
    with contextlib.ExitStack() as stack:
        instance = stack.enter_context(dg.DagsterInstance.from_config(str(home)))
        instance.get_runs_count()  # its databases are made before others open them, too
        ui = Ui(home, store.root)
        stack.callback(lambda: ui.kill())

        def runs(job, *statuses):
            filters = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus(status) for status in statuses] or None)
            return instance.get_runs(filters)

        until("the UI is expected", lambda: ui.ask("{ version }"))
        assert set(until("the code location is expected", ui.state).values()) == {"STOPPED"}
        turned = ui.ask(TURN_ON["schedule"], it={**REPOSITORY, "scheduleName": "weekly_retraining"})
        assert turned["startSchedule"]["__typename"] == "ScheduleStateResult"
        for sensor in ("watched_folders", "inbox"):
            turned = ui.ask(TURN_ON["sensor"], it={**REPOSITORY, "sensorName": sensor})
            assert turned["startSensor"]["__typename"] == "Sensor"

        # Everything arrives at once: pictures in the inbox, which have no champion yet, and in a folder, of which one goes.
        for turn in range(3):
            picture(folder / "inbox" / "star" / f"{turn}.png", star, turn)
        (folder / "inbox" / "star" / "broken.png").write_bytes(b"no picture")
        shutil.copy(folder / "letters" / "0.png", folder / "letters" / "more.png")
        with Image.open(folder / "letters" / "more.png") as copied:
            copied.rotate(90).save(folder / "letters" / "more.png")
        (folder / "letters" / "5.png").unlink()
        until("a run of the schedule is expected", lambda: runs("learn_drawing"))
        made = until("the run of the folder is expected to be made", lambda: runs("refresh_pictures", "SUCCESS", "FAILURE"))
        assert made[0].status == dg.DagsterRunStatus.SUCCESS
        until("examples are expected", lambda: store.ledger.latest("drawings/examples", "star", unverified=True))
        (killed,) = runs("learn_drawing", "STARTED")
        ui.kill()

        ui = Ui(home, store.root)
        until("the UI is expected again", lambda: ui.ask("{ version }"))
        until("the killed run is expected to be executed again", lambda: runs("learn_drawing", "SUCCESS"))
        until("pictures are expected to be read", lambda: runs("read_inbox", "SUCCESS"))
        assert ui.state() == {
            "weekly_retraining": "RUNNING",
            "nightly_smoke": "STOPPED",
            "nightly_audit": "STOPPED",
            "watched_folders": "RUNNING",
            "inbox": "RUNNING",
            "drift": "STOPPED",
        }

        until("a fresh champion is expected", lambda: ui.freshness()["drawings/champion"] == "HEALTHY")
        assert ui.freshness()["glyphs/vae_champion"] == "UNKNOWN"  # there is none

        # Nothing twice, nothing lost, and each says what asked for it.
        again, first = runs("learn_drawing")
        assert (first.run_id, first.status) == (killed.run_id, dg.DagsterRunStatus.FAILURE)
        assert again.parent_run_id == first.run_id
        assert again.tags[SEED_TAG] == first.tags[SEED_TAG]
        assert [each.status for each in runs("read_inbox")] == [dg.DagsterRunStatus.SUCCESS]
        (refreshed,) = runs("refresh_pictures")
        assert f"{letters}: 1 new: more.png; 1 deleted: 5.png" == refreshed.tags[BECAUSE_TAG]
        entries = {asset: entry for (asset, _), entry in store.ledger.latest_of_all(unverified=True).items()}
        asked_by = {asset: entry["asked_by"] for asset, entry in entries.items()}
        assert asked_by["drawings/champion"] == "schedule weekly_retraining" == again.tags[ASKED_TAG]
        assert asked_by["drawings/inbox"] == "sensor inbox"
        assert asked_by["glyphs/originals"] == "sensor watched_folders"
        assert entries["drawings/examples"]["config"]["seed"] == int(first.tags[SEED_TAG])

        head = store.latest(inbox.ASSET, "star")
        read = inbox.last_rows(store, head, ["file", "encoder"]).to_pydict()
        assert sorted(read["file"]) == ["0.png", "1.png", "2.png"]
        assert set(read["encoder"]) == {entries["drawings/encoder"]["version"]}
        refused = inbox.last_rows(store, head, ["file"], table=inbox.REFUSED).column("file").to_pylist()
        assert refused == ["broken.png"]
