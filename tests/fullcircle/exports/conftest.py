"""A small ledger, written by hand, in which there is one of everything that a record can be. Nothing is trained."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fullcircle import cli
from fullcircle.store.champions import ROLLED_BACK, Decision, commit_decision
from fullcircle.store.objects import Store, StoredObject

RUN = "25e346c1-4d5d-4203-b643-3d42292a8a11"
COMMIT = "c323f6fc7214f7c79649693777f8f7f670c83f44"


class Written:
    """A store whose ledger is written a record at a time, a minute apart.

    Args:
        root: of the store.
    """

    def __init__(self, root):
        self.store = Store(root)
        self.seconds = 1_790_000_000.0
        self.versions = {}

    def commit(self, files):
        with self.store.draft() as draft:
            for name, content in files.items():
                if name.endswith(".parquet"):
                    pq.write_table(pa.table(content), draft.path / name)
                else:
                    (draft.path / name).write_text(json.dumps(content))
            return draft.commit().hash

    def append(self, asset, version, **fields):
        self.seconds += 60
        common = {"partition": "line", "run_id": RUN, "time": self.seconds, "asked_by": "make run by anna"}
        commit = {"hash": COMMIT, "dirty": False, "changes": None}
        self.store.ledger.append({"asset": asset, "version": version, "commit": commit} | common | fields)

    def make(self, asset, files, reads=(), **fields):
        version = self.versions[asset] = self.commit(files)
        contents = StoredObject(version, self.store.path_of(version)).contents()
        read = {of: self.versions[of] for of in reads} | fields.pop("read", {})
        self.append(asset, version, read=read, config={"epochs": 3}, seed=1, **contents, **fields)

    def check(self, asset, name, passed=True, blocking=True):
        found = "All is well." if passed else "Nothing is well."
        outcome = {"check": name, "passed": passed, "blocking": blocking, "description": found}
        self.append(asset, self.versions[asset], kind="check", **outcome)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Lines 1 to 11 of a ledger, with the objects; tests only read it."""
    w = Written(tmp_path_factory.mktemp("written") / "store")
    w.make("drawings/examples", {"examples.parquet": {"id": ["a", "b"], "x_px": [1, 2]}})
    w.check("drawings/examples", "specs_within_factors")
    w.make("drawings/train", {"train.parquet": {"id": ["a"]}, "left_out.parquet": {"id": ["b"]}}, ["drawings/examples"])
    outside = {"files of pictures": "f" * 64}
    w.make("drawings/encoder", {"encoder.json": 1}, ["drawings/train"], read=outside, asked_by="schedule weekly_retraining")
    w.check("drawings/encoder", "encoder_beats_mean", passed=False)
    w.check("drawings/encoder", "is_certain", passed=False, blocking=False)
    w.append(
        "drawings/train", w.versions["drawings/train"], read={"drawings/examples": w.versions["drawings/examples"]}, reused=True
    )
    models = {"encoder": w.versions["drawings/encoder"]}
    decision = commit_decision(w.store, Decision(ROLLED_BACK, "it was better", models, models, {}, None))
    w.versions["drawings/champion"] = decision.hash
    w.append("drawings/champion", decision.hash, run_id="by hand", asked_by="anna: it was better")
    # As an older version wrote it: what is not there is left out.
    w.store.ledger.append({"asset": "lineage/audit_report", "partition": "all", "version": "e" * 64, "run_id": RUN})
    w.store.ledger.append({"kind": "prune", "versions": ["d" * 64], "bytes": 1, "time": w.seconds, "by": "anna"})
    w.store.ledger.append({"asset": "glyphs/originals", "partition": "a b", "version": "c" * 64, "run_id": "r", "time": 1e300})
    return w


@pytest.fixture
def export(capsys):
    """Runs the command on a store: its exit code and what it printed."""

    def run(store, *arguments):
        code = cli.main(["--store", str(store.root), "audit", "export", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
