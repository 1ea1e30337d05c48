import numpy as np
import pytest

from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.face import HAIR, LIPS, RIM, WHITE

FACE = DRAWINGS["face"]
SPEC = np.array([48, 50, 24, 30, 48, 42, 9, 4, 48, 62, 8, 3, 220, 180, 140, 30, 90, 160], float)


def test_every_part_has_its_colour_where_it_is():
    image = FACE.render(SPEC[None])[0]
    for (x, y), colour in {
        (0, 0): (30, 90, 160),
        (48, 14): HAIR,
        (48, 30): (220, 180, 140),
        (39, 42): WHITE,
        (57, 42): WHITE,
        (35, 42): RIM,
        (48, 65): LIPS,
    }.items():
        assert tuple(image[y, x]) == colour, (x, y)


def test_it_is_made_of_simpler_classes():
    made = {name: part.name for name, (part, _) in FACE.parts(SPEC).items()}
    eyes = {"left eye": "ellipse", "right eye": "ellipse"}
    assert made == {"hair": "ellipse", "head": "ellipse", **eyes, "nose": "line", "mouth": "arc"}


@pytest.mark.parametrize("smile", [-6, -1, 0, 1, 6])
def test_a_smile_lies_below_the_corners_of_the_mouth_and_hangs_where_it_is_negative(smile):
    spec = SPEC.copy()
    spec[11] = smile
    rows, columns = np.nonzero((FACE.render(spec[None])[0] == LIPS).all(axis=-1))
    assert {columns.min(), columns.max()} == {40, 56}
    middle = rows[columns == 48]
    assert (middle.max() if smile >= 0 else middle.min()) == 62 + smile


def test_each_eye_has_a_place_of_its_own():
    parts = FACE.parts(SPEC)
    assert [parts[f"{side} eye"][1][:4].tolist() for side in ("left", "right")] == [[39, 42, 4, 3], [57, 42, 4, 3]]
