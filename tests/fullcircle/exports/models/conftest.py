"""A small store with all that is exported of a drawing class: real tables and figures, and models of a few bytes."""

import functools
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fullcircle.data.examples import write_examples
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.columns import SIGMA, spec_columns
from fullcircle.drawings.scaling import scaling
from fullcircle.evaluation.drawings import summarise_readings
from fullcircle.reading.reader import Reader
from fullcircle.reading.readings import SPLIT, STEP, TRUE, errors_of, of, schema
from fullcircle.reading.settings import ReaderSettings
from fullcircle.steps.drawings import SPLITS, make_splits
from fullcircle.store.champions import PROMOTED, REFUSED, Decision, commit_decision
from fullcircle.store.columns import ID
from fullcircle.store.objects import Store
from fullcircle.store.tables import TableReader

LINE = DRAWINGS["line"]
BEGAN = 1_790_000_000.0
NOISES = ("0", "0.1")
COMMIT = {"hash": "c" * 40, "dirty": True, "changes": "d" * 64}
MACHINE = {"platform": "Linux", "processor": "Abacus", "cores": 2, "host": "0123456789ab"}


class Records:
    """Objects and their records, a minute apart."""

    def __init__(self, store):
        self.store, self.seconds, self.own = store, BEGAN, {}

    def enter(self, asset, stored, reads=(), *, partition="line", **fields):
        self.seconds += 60
        self.own[asset] = stored.hash
        entry = {
            "asset": asset,
            "partition": partition,
            "version": stored.hash,
            "run_id": "run-1",
            "time": self.seconds,
            "code_version": "0123456789ab",
            "config": {},
            "read": {name: self.own[name] for name in reads},
            "libraries": {"numpy": "2.0.0"},
            "reused": False,
            "asked_by": "anna",
            **stored.contents(),
            **fields,
        }
        # By hand, for the ledger itself puts down the commit and the machine of today.
        with self.store.ledger.path.open("a") as file:
            file.write(json.dumps(entry | {"commit": COMMIT, "python": "3.11.7", "machine": MACHINE} | fields) + "\n")
        return stored

    def files(self, **contents):
        with self.store.draft() as draft:
            for name, content in contents.items():
                if isinstance(content, dict):
                    (draft.path / f"{name}.json").write_text(json.dumps(content))
                else:
                    (draft.path / f"{name}.bin").write_bytes(content)
            return draft.commit()


def training(seed, reads, own, **more):
    return {
        "canvas": [64, 64, 1],
        "factors": LINE.factors.table(),
        "settings": {"seed": seed},
        "read": {name.rpartition("/")[2]: own[name] for name in reads},
        "history": [{"epoch": 1}, {"epoch": 2}],
        "parameters": 1234,
        "trainable": 1200,
        "timing": {"seconds": 30.0, "examples_per_s": 9.0},
        **more,
    }


def readings_of(test, path, rng):
    """Readings of the first twenty pictures, one pixel off now and then."""
    block = TableReader(test).read([ID, *spec_columns(LINE)], limit=20)
    n = len(block[ID])
    rows = {}
    for noise in NOISES:
        part = {ID: block[ID], SPLIT: ["test"] * n, SIGMA: [255 * float(noise)] * n, STEP: ["redraw"] * n}
        for name in spec_columns(LINE):
            part[TRUE + name] = block[name]
            part[name] = block[name] + (rng.integers(0, 2, n) if name == "x_end_px" else 0)
        for name, value in part.items():
            rows.setdefault(name, []).extend(value)
    reader = Reader(LINE, scaling("range", LINE.factors), None, None, ReaderSettings(steps="redraw"))
    columns = schema(LINE, reader, {})
    total = len(rows[ID])
    exact = rng.integers(0, 2, total).astype(bool)
    made = {field.name: rows.get(field.name, exact if field.name == "pixel_exact" else [0.5] * total) for field in columns}
    arrays = [pa.array(np.asarray(made[f.name])).cast(f.type, safe=False) for f in columns]
    pq.write_table(pa.Table.from_arrays(arrays, schema=columns), path)


@pytest.fixture(scope="session")
def trained_records(tmp_path_factory):
    """Two champions of the line, the second of which was refused; tables, readings and report of the first; an autoencoder."""
    rng = np.random.default_rng(1)
    records = Records(Store(tmp_path_factory.mktemp("exports") / "store"))
    store, own = records.store, records.own
    settings = ExamplesSettings(n=120, seed=7, workers=1)
    with store.draft() as draft:
        write_examples(draft.path / "examples.parquet", LINE, settings)
        examples = draft.commit()
    records.enter("drawings/examples", examples, config=settings.as_dict(), seed=7)
    config = {"train": 0.5, "test": 0.4, "valid": 0.1}
    for split, stored in make_splits(store, examples, SplitsSettings(**config)).items():
        records.enter(f"drawings/{split}", stored, ["drawings/examples"], config=config)
    assert {f"drawings/{split}" for split in SPLITS} < own.keys()
    reads = ["drawings/train", "drawings/valid"]
    for model, of_model in (("decoder", reads), ("encoder", [*reads, "drawings/decoder"])):
        stored = records.files(training=training(3, of_model, own, model=model), weights=model.encode())
        records.enter(f"drawings/{model}", stored, of_model, config={"epochs": 2, "seed": 3}, seed=3)
    with store.draft() as draft:
        readings_of(store.path_of(own["drawings/test"]) / "test.parquet", draft.path / "readings.parquet", rng)
        readings = draft.commit()
    records.enter("drawings/readings", readings, ["drawings/test", "drawings/encoder"])
    table = readings.table()
    read = table.read([name for name in table.schema.names if name != "redraws"])
    by_noise = {noise: summarise_readings(errors_of(LINE, of(read, "test", 255 * float(noise), "redraw"))) for noise in NOISES}
    report = {
        "metrics": {"fvu": 0.25, "within_1px": 0.5} | {f"reader_{name}": value for name, value in by_noise["0"].items()},
        "reader": {noise: {"redraw": {"all": figures}} for noise, figures in by_noise.items()},
        "by_contrast": {"contrast < 8": {"examples": 3, "endpoint_px_mean": 1.5}},
        "split_differences": {"encoder, clean": {"fvu": {"beyond_chance": True}, "mse": {"beyond_chance": False}}},
    }
    of_report = ["drawings/test", "drawings/encoder", "drawings/decoder", "drawings/readings"]
    records.enter("drawings/encoder_report", records.files(report=report), of_report)
    models = {name: own[f"drawings/{name}"] for name in ("encoder", "decoder")}
    figures = {"exact": {"text": "99.5 % (0.0 %)", "bound": "99.0 %", "margin": 0.05}}
    comparison = {"figures": figures, "pictures": 400}
    first = commit_decision(
        store, Decision(PROMOTED, "The first | of all.", models, models, {}, None, 1, comparison, {"confidence": 0.95})
    )
    records.enter("drawings/champion", first, ["drawings/encoder", "drawings/decoder"])
    # A later run takes the encoder and the decision as they are stored.
    again = store.open(own["drawings/encoder"])
    reused = {"reused": True, "run_id": "run-2", "commit": COMMIT | {"hash": "e" * 40}}
    records.enter("drawings/encoder", again, [*reads, "drawings/decoder"], config={"epochs": 2, "seed": 3}, seed=3, **reused)
    records.enter("drawings/champion", first, ["drawings/encoder", "drawings/decoder"], **reused)
    records.refused = commit_decision(store, Decision(REFUSED, "Worse.", models, {}, {}, first.hash))
    records.enter("drawings/champion", records.refused, partition="arc")
    glyph = training(5, (), own, model="vae", settings={"latents": 2}, splits={"meaning": "All copies stand in one split."})
    records.enter("glyphs/vae", records.files(training=glyph, weights=b"vae"), partition="tifinagh", config={"latents": 2})
    return records


@pytest.fixture
def records(trained_records, tmp_path):
    """A copy of it."""
    copy = Records(Store(tmp_path / "copy"))
    shutil.copytree(trained_records.store.root, copy.store.root)
    copy.own, copy.seconds, copy.refused = dict(trained_records.own), trained_records.seconds, trained_records.refused
    return copy


@pytest.fixture
def ask(export, trained_records):
    """Runs the command on it: its exit code and what it printed."""
    return functools.partial(export, trained_records.store)
