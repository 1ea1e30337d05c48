"""Small stores with an honest history that tests may tamper with.

Their objects are of a few bytes and look like tables, models, reports and decisions. Nothing is trained.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fullcircle.store.champions import (
    PROMOTED,
    REFUSED,
    ROLLED_BACK,
    Decision,
    commit_decision,
    decisions_before,
    enter_decision,
    history,
)
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.prune import prune

BEGAN = 1_790_000_000.0


class World:
    """A store that is being filled.

    Args:
        root: of the store.
    """

    def __init__(self, root):
        self.store = Store(root)
        self.seconds = BEGAN
        self.run = 0

    def tick(self):
        self.seconds += 60.0
        return self.seconds

    def commit(self, files):
        with self.store.draft() as draft:
            for name, content in files.items():
                path = draft.path / name
                if name.endswith(".parquet"):
                    pq.write_table(pa.table({"spec": content}), path)
                else:
                    path.write_text(json.dumps(content) if name.endswith(".json") else content)
            return draft.commit().hash

    def enter(self, asset, version, read=None, config=None, partition="line", **fields):
        """A record of a materialisation, as an asset has it."""
        entry = {
            "asset": asset,
            "partition": partition,
            "version": version,
            "run_id": f"run-{self.run}",
            "time": self.tick(),
            "code_version": "0123456789ab",
            "config": config or {},
            "read": read or {},
            "libraries": {"numpy": "2.0.0"},
            "reused": False,
            **StoredObject(version, self.store.path_of(version)).contents(),
            **fields,
        }
        self.store.ledger.append(entry)
        return version

    def check(self, asset, version, name="is_sound", passed=True, partition="line", blocking=True):
        record = {
            "kind": "check",
            "asset": asset,
            "partition": partition,
            "version": version,
            "run_id": f"run-{self.run}",
            "check": name,
            "passed": passed,
            "blocking": blocking,
            "description": "all is well" if passed else "nothing is well",
            "time": self.tick(),
        }
        self.store.ledger.append(record)

    def learn(self, partition="line", seed=1, epochs=3, passed=True, promoted=True):
        """What one run over a drawing class makes; returns the versions by the last part of the asset's key."""
        self.run += 1
        own = dict[str, str]()

        def made(name, files, reads, config, **fields):
            read = {f"drawings/{of}": own[of] for of in reads}
            own[name] = self.enter(f"drawings/{name}", self.commit(files), read, config, partition, **fields)

        def about(reads, **more):
            return {"of": partition, "read": {of: own[of] for of in reads}, **more}

        made(
            "examples",
            {"examples.parquet": [seed, len(partition), 3]},
            (),
            {"n": 3, "seed": seed, "workers": 2},
            asked_by="anna",
        )
        for i, split in enumerate(("train", "test", "valid")):
            made(split, {f"{split}.json": [partition, split, own["examples"], i]}, ("examples",), {"train": 0.8})
        config = {"epochs": epochs, "seed": seed}
        for model, reads in (("decoder", ("train", "valid")), ("encoder", ("train", "valid", "decoder"))):
            training = about(reads, settings=config, model=model)
            made(model, {"training.json": training, f"{model}.bin": f"weights {seed}"}, reads, config, blocking=["is_sound"])
            self.check(f"drawings/{model}", own[model], passed=passed or model == "decoder", partition=partition)
        made("readings", {"readings.json": about(("test", "encoder"))}, ("test", "encoder"), {"steps": "redraw"})
        report = about(("test", "encoder", "readings"), metrics={"reader_pixel_exact": 0.5 + seed / 1000}, asset="r")
        files = {"report.json": report, "report.html": f"<p>{seed}</p>"}
        made("encoder_report", files, ("test", "encoder", "readings"), {"pictures": 10})
        self.decide(partition, own, PROMOTED if passed and promoted else REFUSED)
        return own

    def decide(self, partition, own, outcome):
        asset, challenger = "drawings/champion", {"decoder": own["decoder"], "encoder": own["encoder"]}
        earlier = decisions_before(self.store, asset, partition, challenger)
        last = earlier[-1] if earlier else None
        before = dict(last.decision.champion) if last else {}
        decision = Decision(
            outcome,
            f"because of {self.run}",
            challenger=challenger,
            champion=challenger if outcome == PROMOTED else before,
            before=before,
            previous=last.stored.hash if last else None,
        )
        read = {f"drawings/{name}": version for name, version in challenger.items()}
        if last is not None:
            read["drawings/champion"] = last.stored.hash
        own["champion"] = commit_decision(self.store, decision).hash
        entry = {"asset": asset, "partition": partition, "version": own["champion"], "run_id": f"run-{self.run}"}
        enter_decision(self.store, entry | {"time": self.tick(), "read": read, "config": {}, "code_version": "0"})

    def roll_back(self, partition="line"):
        """Back to the first champion, by hand."""
        decisions = history(self.store, "drawings/champion", partition)
        first = next((d.decision.champion for d in decisions if d.decision.champion), None)
        if first is None:
            return
        last = decisions[-1]
        decision = Decision(ROLLED_BACK, f"at {self.seconds}", first, first, last.decision.champion, last.stored.hash)
        entry = {"asset": "drawings/champion", "partition": partition, "run_id": "by hand", "time": self.tick()}
        self.store.ledger.append(entry | {"version": commit_decision(self.store, decision).hash, "asked_by": "anna: bad"})

    def reuse(self, partition="line"):
        """A run that found everything up to date."""
        self.run += 1
        for asset in ("drawings/examples", "drawings/train", "drawings/decoder"):
            entry = self.store.ledger.latest(asset, partition, unverified=True)
            if entry is not None and self.store.damage(entry["version"]) is None:
                self.store.ledger.append(entry | {"reused": True, "time": self.tick(), "run_id": f"run-{self.run}"})

    def killed(self, partition="line"):
        """A run that was killed: an object that no record names, and a version whose checks were not applied."""
        self.run += 1
        self.commit({"a.json": [self.run, partition]})
        self.enter(
            "drawings/examples", self.commit({"b.json": [self.run, partition]}), partition=partition, blocking=["is_sound"]
        )

    def prune(self):
        prune(self.store, 1, delete=True)


def honest(root, seed):
    """A random history: runs that make, find everything there, fail a check, are killed; prunes and rollbacks between them."""
    rng = np.random.default_rng(seed)
    world = World(root)
    world.learn()
    for _ in range(rng.integers(2, 5)):
        partition = str(rng.choice(["line", "arc"]))
        match rng.integers(6):
            case 0:
                world.reuse(partition)
            case 1:
                world.killed(partition)
            case 2:
                world.prune()
            case 3:
                world.roll_back(partition)
            case _:
                world.learn(partition, int(rng.integers(1, 4)), int(rng.integers(1, 3)), rng.random() < 0.7, rng.random() < 0.6)
    return world


@pytest.fixture(scope="session")
def honest_history():
    """Makes a store with a random history, from its root and a seed."""
    return honest


@pytest.fixture(scope="session")
def new_world():
    """Begins a store, from its root."""
    return World


@pytest.fixture(scope="session")
def in_memory(tmp_path_factory):
    """A folder where much can be written quickly."""
    fast = Path("/dev/shm")
    if not os.access(fast, os.W_OK):
        yield tmp_path_factory.mktemp("worlds")
        return
    folder = fast / f"fullcircle-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def original(in_memory):
    """Two classes; of the line three runs: a champion, another, and one that failed its check; then back to the first."""
    world = World(in_memory / "original")
    world.learn("arc", seed=7)
    world.own = world.learn(seed=1)
    world.later = world.learn(seed=2, epochs=5)
    world.learn(seed=3, passed=False)
    world.roll_back()
    world.reuse()
    return world


@pytest.fixture
def world(original, in_memory, tmp_path):
    """A copy of it, with the versions that the first run of the line made as `own` and those of the second as `later`."""
    root = in_memory / f"{tmp_path.parent.name}-{tmp_path.name}"
    shutil.copytree(original.store.root, root)
    copy = World(root)
    copy.seconds, copy.run, copy.own, copy.later = original.seconds, original.run, dict(original.own), dict(original.later)
    yield copy
    shutil.rmtree(root)
