"""Reading: known answers give known figures, settings come from valid, and everyone reads at a tiny size."""

import dataclasses

import numpy as np
import pytest

from benchmarks import overhead, reading
from benchmarks.reading import Answers, figures, tune
from benchmarks.results import BenchmarkError
from benchmarks.rivals import Rival
from fullcircle.core.progress import silent
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.promotion.settings import ChampionSettings
from fullcircle.reading.settings import ReaderSettings
from fullcircle.steps.settings import DrawingsSettings
from fullcircle.store.objects import Store
from fullcircle.training.settings import DecoderSettings, EncoderSettings

LINE = DRAWINGS["line"]
TRUE = np.array([[3, 5, 60, 40, 200, 4, 31], [10, 50, 55, 18, 20, 4, 25], [12, 31, 52, 31, 255, 6, 0]], float)


def test_known_answers_give_known_figures():
    specs = TRUE.copy()
    specs[0, [0, 1, 2, 3]] = TRUE[0, [2, 3, 0, 1]]  # the other order
    specs[1, 0] += 3  # one of six ends, 3 px off
    specs[2] = np.nan
    row = figures(LINE, Answers(specs, 0.004), TRUE, LINE.render(TRUE))
    middle = [np.hypot(32 - x, 32 - y) for x, y in ((12, 31), (52, 31))]
    assert row["endpoint mean, px"] == pytest.approx((3 + sum(middle)) / 6)
    assert row["median, px"] == pytest.approx(1.5)
    assert row["within 1 px"] == pytest.approx(3 / 6)
    assert row["no answer"] == 1
    assert row["pixel-exact"] == pytest.approx(1 / 3)
    assert row["contrast >= 8"] == pytest.approx(1 / 2)  # the second line is 5 levels from its ground
    assert row["ms / picture"] == 4
    assert row["pictures"] == 3


def test_a_missing_answer_is_never_within_1_px():
    central = np.array([[32, 32, 32, 32, 200, 4, 31]], float)
    row = figures(LINE, Answers(np.full((1, 7), np.nan), 0.0), central, LINE.render(central))
    assert (row["within 1 px"], row["pixel-exact"], row["no answer"]) == (0, 0, 1)


def test_the_settings_that_are_best_on_valid_are_chosen():
    answers = iter(np.tile(TRUE, (6, 1)))

    def read(image, *, off, blind):
        spec = next(answers).copy()
        spec[0] += off
        return None if blind and spec[1] == 31 else spec

    rival = Rival("moved", read, {"blind": (True, False), "off": (5, 0.4, 0.2)})
    assert tune(rival, LINE.render(TRUE), TRUE, silent, "") == ({"blind": False, "off": 0.2}, 1.0)


def test_the_noise_is_the_same_for_all_and_another_on_valid():
    clean = LINE.render(TRUE)
    one, again, other = (reading._noisy(clean, 0.05, 1, split) for split in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.array_equal(reading._noisy(clean, 0.0, 1, 0), clean)


def test_missing_answers_are_no_starts():
    specs = TRUE.copy()
    specs[1] = np.nan
    assert [len(s) for s in reading._starts(Answers(specs, 0.0))] == [1, 0, 1]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store as a run leaves it, filled by the plain script."""
    store = Store(tmp_path_factory.mktemp("benchmarks") / "store")
    settings = DrawingsSettings(
        ExamplesSettings(n=120),
        SplitsSettings(train=0.6, test=0.2, valid=0.2),
        DecoderSettings(model="article", epochs=1, balanced_epochs=0),
        EncoderSettings(model="article", epochs=1, objective="spec"),
        reader=ReaderSettings(pictures=2, redraws=20),
        champion=ChampionSettings(pictures=20, redraws=20, workers=1),
    )
    found = overhead.plain(store, settings, silent)
    for name, version in found["hashes"].items():
        store.ledger.append({"asset": f"drawings/{name}", "partition": "line", "version": version, "run_id": "plain"})
    return store, found


def test_the_plain_script_times_every_step(made):
    _, found = made
    assert list(found["seconds"]) == [overhead.op_name(s).removeprefix(f"{overhead.PREFIX}__") for s in overhead.STEPS]
    assert {"examples", "train", "test", "valid", "decoder", "encoder"} <= found["hashes"].keys()
    assert all(seconds > 0 for seconds in found["seconds"].values())


def test_everyone_reads(made, monkeypatch):
    monkeypatch.setenv("FULLCIRCLE_STORE", str(made[0].root))
    monkeypatch.setattr(reading, "SIGMAS", (0.0, 0.05))
    few = [dataclasses.replace(r, grid={k: v[-1:] for k, v in r.grid.items()}) for r in reading.RIVALS]
    monkeypatch.setattr(reading, "RIVALS", few)
    outcome = reading.run(reading.ReadingSettings(pictures=8, tuning=3), silent)
    clean, noisy, chosen = outcome.tables
    assert clean.title == "**sigma 0.00** (0.0 grey levels)"
    for table in (clean, noisy):
        assert [row["reader"] for row in table.rows] == [
            *(r.name for r in few),
            "threshold + PCA + our redraw search",
            "our encoder alone",
            "our reader",
            "our redraw search alone, no networks",
        ]
        assert [row["pictures"] for row in table.rows] == [8] * 7 + [1]
        assert table.rows[0]["time, ratio"] == 1
        base, both = table.rows[0], table.rows[len(few)]
        assert both["ms / picture"] > base["ms / picture"]
        assert both["time, ratio"] == pytest.approx(both["ms / picture"] / base["ms / picture"])
    assert clean.rows[len(few)]["pixel-exact"] >= clean.rows[0]["pixel-exact"]
    assert [row["tried"] for row in chosen.rows] == [1] * 8
    assert outcome.pictures["reading.webp"][1][:4] == b"RIFF"


def test_without_a_model_it_says_which_command_makes_one(tmp_path, monkeypatch):
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path))
    with pytest.raises(BenchmarkError, match="drawings/test has no version for 'line' .* make run DRAWING=line"):
        reading.run(reading.ReadingSettings(), silent)
