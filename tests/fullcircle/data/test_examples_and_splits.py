import dataclasses
import itertools
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from fullcircle.core.progress import Progress, duration
from fullcircle.data.examples import BLOCK, pixel_addresses, write_examples
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.data.splits import SPLITS, assign, write_splits
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.columns import NOISY, SIGMA, spec_columns
from fullcircle.images.noise import NOISE_LAWS, add_noise, sample_sigmas
from fullcircle.store.columns import IMAGE, UNIT
from fullcircle.store.hashing import content_hash
from fullcircle.store.tables import METADATA_KEY, TableReader

LINE = DRAWINGS["line"]


def make(path, **settings):
    write_examples(path, LINE, ExamplesSettings(**settings))
    return TableReader(path)


def test_noise_has_the_deviation_it_says(rng):
    grey = np.full((20, 64, 64), 128, np.uint8)
    sigmas = np.linspace(1, 20, 20, dtype=np.float32)
    noisy = add_noise(grey, sigmas, rng).astype(float)
    # Rounding to whole levels adds a variance of 1/12; 4,096 pixels give the deviation to about 1 %.
    assert noisy.std(axis=(1, 2)) == pytest.approx(np.sqrt(sigmas**2 + 1 / 12), rel=0.06)
    assert noisy.mean() == pytest.approx(128, abs=0.2)


def test_noise_is_cut_not_stretched(rng):
    black_and_white = np.repeat(np.array([0, 255], np.uint8), 4096).reshape(2, 64, 64)
    noisy = add_noise(black_and_white, np.array([5, 5], np.float32), rng)
    assert noisy[0].max() < 30
    assert noisy[1].min() > 225


@pytest.mark.parametrize("law", NOISE_LAWS)
def test_noise_laws_stay_within_their_maximum(law, rng):
    sigmas = sample_sigmas(law, 5000, 2.0, rng)
    assert sigmas.min() >= 0
    assert sigmas.max() <= 2


def test_the_articles_law_has_variance_abs_normal(rng):
    variance = sample_sigmas("article", 200_000, 255.0, rng).astype(float) ** 2
    assert variance.mean() == pytest.approx(np.sqrt(2 / np.pi), rel=0.01)  # mean of |N(0, 1)|


def test_an_unknown_law_names_the_choices(rng):
    with pytest.raises(ValueError, match="Unknown noise law 'pink'. Choose from: uniform, article, none"):
        sample_sigmas("pink", 1, 1.0, rng)


def test_examples_are_what_the_columns_say(tmp_path):
    table = make(tmp_path / "e.parquet", n=300, seed=5)
    block = table.read([*table.schema.names])
    specs = np.stack([block[c] for c in spec_columns(LINE)], axis=1)
    assert np.array_equal(LINE.render(specs), block[IMAGE])
    assert len(set(block["id"])) == 300
    assert (block["start_address"] == block["x_start_px"] + 64 * block["y_start_px"]).all()
    assert (block["end_address"] == block["x_end_px"] + 64 * block["y_end_px"]).all()
    strong = block[SIGMA] > 10
    assert (block[NOISY][strong] != block[IMAGE][strong]).reshape(strong.sum(), -1).any(axis=1).all()


def test_an_address_past_the_last_pixel_is_the_next_rows_first():
    assert pixel_addresses(LINE, np.array([[64, 0, 3, 2, 0, 1, 0]], float)).tolist() == [[64, 131]]


def test_without_noise_both_pictures_are_the_same(tmp_path):
    block = make(tmp_path / "e.parquet", n=50, noise_law="none").read([IMAGE, NOISY])
    assert np.array_equal(block[IMAGE], block[NOISY])


def test_the_schema_says_how_the_table_came_about(tmp_path):
    make(tmp_path / "e.parquet", n=5, seed=3, noise_max_sigma=7.0)
    about = json.loads(pq.read_schema(tmp_path / "e.parquet").metadata[METADATA_KEY])
    assert about["drawing"] == "line"
    assert about["seed"] == 3
    assert about["noise"] == {"law": "uniform", "max_sigma_level": 7.0}
    assert about["writer"].startswith("fullcircle examples ")
    assert [f["name"] for f in about["factors"]] == list(LINE.factors.names)
    metadata = pq.ParquetFile(tmp_path / "e.parquet").metadata
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_the_number_of_workers_changes_nothing(tmp_path):
    hashes = set()
    for workers in (1, 3):
        make(tmp_path / f"{workers}.parquet", n=BLOCK * 2 + 10, workers=workers)
        hashes.add(content_hash(tmp_path / f"{workers}.parquet"))
    make(tmp_path / "other.parquet", n=BLOCK * 2 + 10, seed=2)
    assert len(hashes) == 1
    assert content_hash(tmp_path / "other.parquet") not in hashes


def test_growing_keeps_the_first_examples(tmp_path):
    few, many = (make(tmp_path / f"{n}.parquet", n=n).read(["id", NOISY]) for n in (BLOCK + 7, BLOCK + 90))
    assert np.array_equal(many["id"][: BLOCK + 7], few["id"])
    assert np.array_equal(many[NOISY][: BLOCK + 7], few[NOISY])


def split(tmp_path, examples, settings=None):
    folders = [tmp_path / s for s in SPLITS]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    rows = write_splits(examples.path, folders, settings or SplitsSettings())
    return rows, {s: TableReader(f / f"{s}.parquet") for s, f in zip(SPLITS, folders, strict=True)}


def test_splits_hold_every_example_once_in_the_given_proportions(tmp_path):
    examples = make(tmp_path / "e.parquet", n=6000, noise_law="none")
    rows, tables = split(tmp_path, examples)
    assert rows == {s: t.rows for s, t in tables.items()}
    ids = [t.read(["id"])["id"].tolist() for t in tables.values()]
    assert sorted(itertools.chain(*ids)) == sorted(examples.read(["id"])["id"])
    # Binomial: five standard deviations on either side.
    for name, share in zip(SPLITS, (0.9, 0.09, 0.01), strict=True):
        assert abs(rows[name] - 6000 * share) < 5 * np.sqrt(6000 * share * (1 - share))
    assert tables["train"].schema == examples.schema


def test_equal_pictures_stand_on_one_side(tmp_path):
    examples = make(tmp_path / "e.parquet", n=6000, noise_law="none")
    units = examples.read([UNIT])[UNIT]
    assert len(set(units)) < len(units)  # lines that cannot be seen
    _, tables = split(tmp_path, examples, SplitsSettings(train=0.4, test=0.3, valid=0.3))
    sides = [set(t.read([UNIT])[UNIT]) for t in tables.values()]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_an_example_stays_where_it_is_when_the_data_grows():
    units = [f"{i:016x}" for i in range(500)]
    assert np.array_equal(assign(units, SplitsSettings()), assign(units * 2, SplitsSettings())[:500])


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_larger_train_split_keeps_what_it_had(share):
    units = [f"{i:016x}" for i in range(2000)]
    small, large = (assign(units, SplitsSettings(train=t, test=0.9 - t, valid=0.1)) for t in (share, share + 0.3))
    assert ((small == 0) <= (large == 0)).all()


def test_progress_speaks_seldom_and_at_the_end():
    messages = []
    progress = Progress(messages.append, every=1000)
    for done in range(1, 11):
        progress.step("drawing", done, 10, "lines", "loss 0.5")
    assert len(messages) == 1
    assert messages[0].startswith("drawing: 10 of 10 lines, loss 0.5, ")
    assert messages[0].endswith("0:00 left")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (75.4, "1:15"), (3600, "1:00:00"), (3725, "1:02:05")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_settings_are_plain_and_frozen():
    settings = ExamplesSettings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.n = 3
    assert ExamplesSettings(**settings.as_dict()) == settings


def test_noise_needs_a_level_for_each_picture(rng):
    with pytest.raises(ValueError, match=r"One noise level is expected for each picture. Received: 3 for 2 pictures."):
        add_noise(np.zeros((2, 4, 4), np.uint8), np.ones(3), rng)
