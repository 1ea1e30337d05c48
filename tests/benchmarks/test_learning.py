"""Learning: the clock that stops, known errors, known ratios, and each way of training for a moment."""

import numpy as np
import pytest

from benchmarks import learning
from benchmarks.learning import DEFAULT, EAGER, SAME, Course, Data, Mark
from fullcircle.core.progress import silent
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.steps import drawings as drawing_steps
from fullcircle.training.settings import DecoderSettings

LINE = DRAWINGS["line"]


class Clock:
    """Seconds that pass when asked to."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


def test_the_clock_stops_while_valid_is_measured():
    clock = Clock()

    def measure(draw):
        clock.seconds += 1000
        return 0.5

    course = Course(24.0, measure, clock)
    over = []
    for _ in range(9):
        clock.seconds += 3
        over.append(course.trained(None, 10))
    # Marks are due every 2 s, training looks every 3 s; what is reported after the end does not count.
    assert [m.seconds for m in course.marks] == [3, 6, 9, 12, 15, 18, 21, 24]
    assert [m.pictures for m in course.marks] == [10, 20, 30, 40, 50, 60, 70, 80]
    assert over == [False] * 7 + [True] * 2
    assert course.pictures_per_s == pytest.approx(80 / 24)
    course.finish(None)
    assert len(course.marks) == 8


def test_training_that_ends_by_itself_is_marked_at_its_end():
    clock = Clock()
    course = Course(24.0, lambda draw: 0.25, clock)
    clock.seconds += 1
    assert not course.trained(None, 10)
    assert not course.marks
    course.finish(None)
    assert course.marks == [Mark(1.0, 10, 0.25)]


def test_errors_are_those_of_what_is_drawn(rng):
    specs = LINE.factors.sample(learning.EVALUATION_BATCH + 3, rng)
    scales = scaling("range", LINE.factors)
    images = LINE.render(specs)
    mse, null = learning.errors_on(scales.to_latent(specs), images)
    truth = images[..., None] / 255

    def exact(latents):
        return LINE.render(LINE.factors.snap(scales.from_latent(latents)))[..., None] / 255

    assert mse(exact) == pytest.approx(0, abs=1e-12)
    assert mse(lambda latents: np.zeros((len(latents), 64, 64, 1))) == pytest.approx((truth**2).mean(), rel=1e-5)
    assert null == pytest.approx(truth.var(axis=(1, 2, 3)).mean(), rel=1e-4)


def course_of(*marks, seconds=12.0):
    course = Course(seconds, lambda draw: 0.0)
    course.marks, course.pictures = [Mark(*m) for m in marks], marks[-1][1]
    return course


def test_known_numbers_give_known_ratios():
    courses = {
        EAGER: course_of((1.0, 100, 0.02), (12.0, 1200, 0.01)),
        SAME: course_of((12.0, 3600, 0.008)),
        DEFAULT: course_of((1.5, 300, 0.01), (6.2, 6200, 0.001)),
    }
    whole, way = learning.summary(courses, null=0.01)
    assert [row["pictures/s"] for row in whole.rows] == pytest.approx([100, 300, 1000])
    assert [row["pace, ratio"] for row in whole.rows] == pytest.approx([1, 3, 10])
    assert [row["error, ratio"] for row in whole.rows] == pytest.approx([1, 0.8, 0.1])
    assert [row["FVU"] for row in whole.rows] == pytest.approx([1, 0.8, 0.1])
    assert [list(row.values()) for row in way.rows] == [
        ["1", pytest.approx(2), None, pytest.approx(1)],
        ["6", None, None, pytest.approx(0.1)],
        ["12", pytest.approx(1), pytest.approx(0.8), None],
    ]
    svg = learning.chart(courses, 0.01)
    assert svg.startswith(b"<svg")
    assert len(svg) < 80_000


def test_our_default_gets_as_many_epochs_as_the_seconds_hold(monkeypatch):
    def trial(data, course, settings, progress):
        assert settings.seed == 4
        course.marks = [Mark(3.0, 1000, 0.0), Mark(13.0, 11_000, 0.0)]  # 1,000 a second after 2 s of compiling

    monkeypatch.setattr(learning, "fitted", trial)
    data = Data(type("Table", (), {"rows": 20_000}), None, None)
    assert learning.default_settings(data, Course(120.0, None), 4, silent) == DecoderSettings(seed=4, epochs=5)
    assert learning.default_settings(data, Course(10.0, None), 4, silent).epochs == 2


def test_the_whole_comparison_for_a_moment(monkeypatch):
    """The eager loop is real; `fit` is tried below."""
    asked = []

    def fitted(data, course, settings, progress):
        asked.append(settings)
        course.trained(lambda latents: np.full((len(latents), 64, 64, 1), 0.5), settings.batch_size)
        course.finish(lambda latents: np.full((len(latents), 64, 64, 1), 0.5))

    ours = DecoderSettings(epochs=7)
    monkeypatch.setattr(learning, "fitted", fitted)
    monkeypatch.setattr(learning, "default_settings", lambda *_: ours)
    outcome = learning.run(learning.LearningSettings(seconds=1, examples=300), silent)
    whole = outcome.tables[0]
    assert [row["decoder"] for row in whole.rows] == [EAGER, SAME, DEFAULT]
    assert all(row["pictures"] > 0 and 0 < row["valid MSE"] < 1 for row in whole.rows)
    assert outcome.figures["courses"][EAGER][-1]["seconds"] >= 1
    assert outcome.pictures["learning.svg"][1].startswith(b"<svg")
    same, default = asked
    assert (same.model, same.batch_size, same.learning_rate, same.schedule, same.balanced_epochs) == (
        "article",
        100,
        1e-4,
        "constant",
        0,
    )
    assert default == ours


def test_both_loops_learn_the_same_network(store):
    """After one batch from equal weights, the eager loop and `fit` stand at nearly the same error."""
    made = drawing_steps.make_splits(
        store, drawing_steps.make_examples(store, LINE, ExamplesSettings(n=150)), SplitsSettings(train=0.8, test=0.1, valid=0.1)
    )
    data = Data(made["train"].table(), made["valid"].table(), scaling("range", LINE.factors))
    measure, _ = learning.errors_on(*data.in_memory(data.valid))
    found = []
    for way in (
        lambda course: learning.eager(data, course, 1, silent),
        lambda course: learning.fitted(
            data,
            course,
            DecoderSettings(model="article", epochs=2, balanced_epochs=0, batch_size=100, learning_rate=1e-4),
            silent,
        ),
    ):
        course = Course(1e-6, measure)
        way(course)
        assert course.pictures == min(100, data.train.rows)
        found.append(course.marks[0].mse)
    assert found[0] == pytest.approx(found[1], rel=0.02)
