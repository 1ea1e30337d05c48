"""Recognition: the shortest description decides, whatever the canvas."""

import numpy as np
import pytest

from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.reading.pictures import on_canvas
from fullcircle.reading.reader import Reader
from fullcircle.reading.recognition import (
    Contender,
    contenders,
    description_length,
    line,
    pixels_judged,
    ranking,
    recognise,
    trained,
)
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reports.recognition import confusion, pixels_of
from fullcircle.steps.recognition import recognition_inputs
from fullcircle.store.objects import NothingMaterializedError, Store

LINE, POLYLINE, RECTANGLE, FACE = (DRAWINGS[name] for name in ("line", "polyline", "rectangle", "face"))


def searching(drawing, **settings):
    """A contender without networks."""
    return Contender(drawing, Reader(drawing, scaling("range", drawing.factors), None, None, ReaderSettings(**settings)), {})


def test_less_left_is_shorter_and_of_equals_the_class_with_fewer_ways():
    assert description_length(LINE, 0.001, 4096) < description_length(LINE, 0.002, 4096)
    assert description_length(LINE, 0.0, 4096) < description_length(POLYLINE, 0.0, 4096)
    assert description_length(POLYLINE, 0.0, 4096) < description_length(LINE, 1e-5, 4096)
    more_ways = sum(np.log(f.count) for f in POLYLINE.factors) - sum(np.log(f.count) for f in LINE.factors)
    assert description_length(POLYLINE, 0.1, 100) - description_length(LINE, 0.1, 100) == pytest.approx(more_ways)
    assert ranking([3.0, 1.0, 2.0, 1.0]) == [1, 3, 2, 0]


def test_a_larger_canvas_knows_no_more_of_a_picture():
    assert pixels_judged([LINE, FACE], 96, 96) == 64 * 64
    assert pixels_judged([FACE], 500, 300) == 96 * 96
    assert pixels_judged([LINE, FACE], 20, 10) == 200


def test_pictures_go_from_canvas_to_canvas():
    face = FACE.render(FACE.factors.sample(1, np.random.default_rng(1)))[0]
    assert on_canvas(face, LINE).shape == (64, 64)
    assert np.array_equal(on_canvas(face, FACE), face)
    grey = np.full((64, 64), 77, np.uint8)
    assert (on_canvas(grey, FACE) == 77).all()
    assert on_canvas(grey, FACE).shape == (96, 96, 3)


def test_the_class_that_drew_a_picture_is_recognised(tmp_path):
    from PIL import Image

    from fullcircle.reading.pictures import open_picture

    specs = {RECTANGLE: [10, 12, 40, 50, 1, 3, 200, 30], LINE: [5, 9, 60, 44, 220, 4, 40]}
    rivals = [searching(RECTANGLE, steps="redraw", redraws=4000), searching(LINE, steps="redraw", redraws=4000)]
    pictures = []
    for drawing, spec in specs.items():
        path = tmp_path / f"{drawing.name}.png"
        Image.fromarray(drawing.render(np.array([spec], float))[0]).save(path)
        pictures.append([open_picture(path, c.drawing) for c in rivals])
    found = recognise(rivals, pictures, (1, 0))
    assert [ranked[0].contender.drawing for ranked in found] == [RECTANGLE, LINE]
    assert all(ranked[0].nats <= ranked[1].nats for ranked in found)
    assert "rectangle.png: rectangle: draw.rectangle(" in line(found[0])
    assert "; explained by line " in line(found[0])


def test_without_a_trained_class_the_command_is_named(tmp_path):
    store = Store(tmp_path)
    assert trained(store) == []
    with pytest.raises(NothingMaterializedError, match="No drawing class has an encoder yet.*make run DRAWING=all"):
        contenders(store, ReaderSettings())
    with pytest.raises(NothingMaterializedError, match="make run DRAWING=all"):
        recognition_inputs(store)


def test_the_trained_are_those_with_an_encoder_in_the_lists_order(tmp_path):
    store = Store(tmp_path)
    for asset, partition in (("drawings/encoder", "face"), ("drawings/decoder", "arc"), ("drawings/encoder", "line")):
        store.ledger.append({"asset": asset, "partition": partition, "version": "v", "run_id": "r"})
    assert trained(store) == ["line", "face"]


def test_a_confusion_matrix_counts():
    counts = confusion(np.array([0, 0, 1, 2]), np.array([0, 2, 1, 2]), 3)
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 1]]


def test_the_classifier_sees_pictures_of_any_canvas_alike():
    seen = pixels_of([np.full((64, 64), 9, np.uint8), np.zeros((96, 96, 3), np.uint8)])
    assert seen.shape == (2, 32 * 32)
    assert (seen == 0).all()
