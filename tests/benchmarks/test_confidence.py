"""The calibration of confidence: tables that are known come back from evidence made by them."""

import numpy as np
import pytest

from benchmarks import confidence
from fullcircle.core.progress import silent
from fullcircle.drawings import DRAWINGS
from fullcircle.reading.reader import Reading

LINE = DRAWINGS["line"]


def test_points_that_fall_are_pooled():
    assert confidence.rising([(0, 0.1, 1), (1, 0.5, 1), (2, 0.2, 3), (3, 0.9, 1)]) == [(0, 0.1), (1.75, 0.275), (3, 0.9)]
    assert confidence.rising([(0, 3, 1), (1, 2, 1), (2, 1, 1)]) == [(1, 2)]


def test_tables_are_tidy():
    points = [(0.0, 0.0), (0.00004, 0.1), (0.2, 0.5), (0.3, 0.5), (0.4, 0.5), (1.0, 0.5)]
    assert confidence.tidy(points) == [(0.0, 0.1), (0.2, 0.5), (1.0, 0.5)]


def test_known_tables_come_back(rng):
    """Right answers thrown with probability near^2 times (1 - left): what is fitted says so again."""
    n = 60_000
    near, left = rng.uniform(size=(2, n))
    line = rng.random(n) < 0.5
    left[line] = 0
    right = rng.random(n) < near**2 * (1 - left)
    kind = np.where(line, "line", "no line")
    calibration, belief = confidence.fit({"kind": kind, "near": near, "explained": 1 - left, "right": right.astype(float)})
    x = np.linspace(0.1, 0.9, 9)
    assert np.interp(x, *np.transpose(calibration)) == pytest.approx(x**2, abs=0.04)
    assert np.interp(x, *np.transpose(belief)) == pytest.approx(1 - x, abs=0.08)
    assert (calibration[0], belief[-1]) == ((0, 0), (1, 0))
    assert belief[0] == (0, pytest.approx(1, abs=0.03))


def test_scores_of_known_statements():
    stated = np.array([0.9] * 10 + [0.1] * 10)
    right = np.array([1.0] * 9 + [0] + [0] * 9 + [1])
    assert confidence.scores(stated, right) == pytest.approx((0.09, 0))
    assert confidence.scores(stated, 1 - right) == pytest.approx((0.81 * 0.9 + 0.01 * 0.1, 0.8))


def test_what_is_gathered_is_joined_with_its_truth(monkeypatch):
    """With a reader that knows the first line only."""

    class Knowing:
        def read(self, images, rng):
            n = len(images)
            specs = np.tile([0, 0, 0, 0, 9, 1, 9], (n, 1))
            if n == 6:
                specs[0] = first
            number = np.full(n, 0.25)
            return Reading(specs, number, number > 1, number, np.ones(n, int), number, number * 2, number * 3)

    monkeypatch.setattr(confidence, "KINDS", {k: confidence.KINDS[k] for k in ("coloured", "text")})
    first = LINE.factors.sample(6, np.random.default_rng(5))[0]
    found = confidence.gather(Knowing(), lines=6, n=2, seed=5, progress=silent)
    assert found["group"].tolist() == [f"sigma {s}" for s in ("0.00", "0.02", "0.05", "0.10") for _ in range(6)] + [
        *("coloured", "coloured", "text", "text")
    ]
    assert found["kind"].tolist() == ["line"] * 24 + ["line elsewhere"] * 2 + ["no line"] * 2
    assert found["right"][:24].reshape(4, 6)[:, 0].tolist() == [1] * 4
    assert not found["right"][24:].any()
    assert (found["near"] == 0.75).all()
    tables = confidence.judged(found, [(0.0, 0.0), (1.0, 1.0)], [(0.0, 1.0), (1.0, 0.0)])
    assert [len(t.rows) for t in tables] == [1, 1, 1, 3, 6]
    assert tables[0].rows[0] == {
        "stated": "0.2 to 0.4",
        "pictures": 24,
        "mean stated": 0.25,
        "within a step": found["right"][:24].mean(),
    }
    assert tables[3].rows[2]["gap, now"] == 0.25  # what is no line was believed by so much
    assert tables[3].rows[2]["gap, fitted here"] == 0.375  # 0.75 near, half of it explained
    assert tables[4].rows[5] == {"class": "text", "explained": 0.5, "mean stated": 0.25, "within a step": 0}
    assert confidence.as_code("BELIEF", [(0.0, 1.0), (1.0, 0.0)]) == "BELIEF = ((0.0, 1.0), (1.0, 0.0))"
