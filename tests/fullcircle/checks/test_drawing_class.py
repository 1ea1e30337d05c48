"""Checks of a drawing class: one class broken in each way, and what the checks report."""

import textwrap
import time
from functools import partial

import numpy as np
import pytest

from fullcircle.checks.drawing import SLOWEST_MS
from fullcircle.checks.drawing_class import examine, refuse_broken, report, sheet
from fullcircle.cli import main
from fullcircle.core.settings import SettingsError
from fullcircle.drawings import DRAWINGS, Drawing, exchange, loaded
from fullcircle.drawings.factors import Factor, Factors

grey = partial(Factor, unit="level", kind="colour")


class Box(Drawing):
    """A box of one grey on another."""

    name = "box"
    height = width = 16
    factors = Factors(
        Factor("left", 0, 7),
        Factor("top", 0, 7),
        Factor("side", 3, 8),
        grey("box_grey", 100, 255),
        grey("ground_grey", 0, 90),
    )
    ground = ("ground_grey",)

    def draw(self, left, top, side, box_grey, ground_grey):
        image = np.full((16, 16), ground_grey, np.uint8)
        image[top : top + side, left : left + side] = box_grey
        return image


def box(**changes):
    """`Box` with another draw method or table of factors."""
    return type("Changed", (Box,), {"__doc__": Box.__doc__, **changes})()


def with_factors(*more, draw):
    return box(factors=Factors(*Box.factors, *more), draw=draw)


def check_of(drawing, name):
    return examine(drawing).checks[name]


def test_a_good_class_breaks_no_rule():
    found = examine(Box())
    assert all(c.passed for c in found.checks.values()), found.checks
    assert list(found.checks)[-1] == "no_symmetry_is_missing", "the last one that is asked where the others hold"
    assert [s.factor for s in found.seen] == list(Box.factors.names)
    assert max(s.unseen for s in found.seen) == 0
    refuse_broken(Box())


@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
def test_ours_are_not_refused(drawing):
    assert examine(drawing).refused == []


def raising(self, left, top, side, box_grey, ground_grey):
    raise IndexError("too far")


def rarely(self, left, **others):
    if left == 7 and others["side"] == 8:
        raise IndexError("too far")
    return Box.draw(self, left, **others)


def by_chance(self, **factors):
    image = Box.draw(self, **factors)
    image[0, 0] = np.random.default_rng().integers(256)
    return image


def slow(self, **factors):
    time.sleep(0.03)
    return Box.draw(self, **factors)


def shifted(self, left, more, **others):
    return Box.draw(self, min(left + more, 12), **others)


class Remembering(Box):
    """Draws what it drew before a little darker."""

    before = 0

    def draw(self, **factors):
        image = Box().draw(**factors)
        image[0, 0], self.before = self.before, int(image[8, 8])
        return image


BROKEN = {
    "height": (
        box(height=0),
        "is_described",
        "height and width are expected in whole pixels and channels to be 1 or 3.",
    ),
    "channels": (box(channels=2), "is_described", "channels to be 1 or 3. Received: (16, 16, 2)."),
    "ground": (
        box(ground=("paper",)),
        "is_described",
        "ground is expected to name 1 of its colour factors, one per channel",
    ),
    "symmetry": (
        box(symmetries=(exchange(("left", "side")),)),
        "is_described",
        "box: left and side exchange, so they need one range and one step. Mend its symmetries.",
    ),
    "symmetry of none": (
        box(symmetries=(exchange(("left", "right")),)),
        "is_described",
        "No factor 'right'. There are: left, top",
    ),
    "column": (
        with_factors(Factor("image", 0, 3, unit=""), draw=Box.draw),
        "is_described",
        "two columns of its tables would be called image. Give the factor another name.",
    ),
    "slow": (
        box(draw=slow),
        "draws_in_time",
        " ms; at most 20 ms are allowed, for the 20,000 examples of profile quick",
    ),
    "raises": (box(draw=raising), "draws_in_time", "box.draw raises IndexError: too far for {'left': "),
    "raises at the ends": (
        box(draw=rarely),
        "draws_at_the_ends",
        "box.draw raises IndexError: too far for {'left': 7, 'top': 0, 'side': 8, 'box_grey': 100, 'ground_grey': 0}. Found at",
    ),
    "size": (
        box(draw=lambda self, **f: np.zeros((16, 15), np.uint8)),
        "draws_in_time",
        "box.draw is expected to return (16, 16) uint8. Received: (16, 15) uint8 for {'left': ",
    ),
    "dtype": (box(draw=lambda self, **f: np.zeros((16, 16))), "draws_in_time", "Received: (16, 16) float64 for {'left': "),
    "arguments": (box(draw=lambda self, left: None), "draws_in_time", "raises TypeError: "),
    "chance": (
        box(draw=by_chance),
        "draws_the_same_again",
        "pictures are not the same when drawn a second time, that of",
    ),
    "memory": (Remembering(), "draws_the_same_again", "Whatever varies is expected to be a factor."),
    "ignored": (
        with_factors(Factor("depth", 0, 9), draw=lambda self, depth, **f: Box.draw(self, **f)),
        "no_factor_is_ignored",
        "No pixel of 256 pictures changes with depth, by one step or by any. Nothing can be read that is not",
    ),
    "sum": (
        with_factors(Factor("more", 0, 2), draw=lambda self, left, more, **f: Box.draw(self, left + more, **f)),
        "factors_are_distinguishable",
        "Factors that cannot be distinguished: left and more. Changing one is the same as changing the other, so no picture shows",
    ),
    "multiple": (
        with_factors(
            Factor("strength", 0, 50, 2),
            draw=lambda self, box_grey, strength, **f: Box.draw(self, box_grey=(box_grey + strength) // 2, **f),
        ),
        "factors_are_distinguishable",
        "Factors that cannot be distinguished: box_grey and strength.",
    ),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_class_is_refused_and_says_why(why):
    drawing, rule, message = BROKEN[why]
    found = examine(drawing)
    assert next(name for name, c in found.checks.items() if not c.passed and not c.warns) == rule
    assert message in found.checks[rule].description
    with pytest.raises(SettingsError) as error:
        refuse_broken(drawing)
    assert str(error.value).startswith("The drawing class 'box' is refused. ")
    assert message in str(error.value)
    assert str(error.value).endswith("Look at it with: fullcircle check box")


def test_a_class_that_another_process_draws_otherwise_is_refused(tmp_path):
    file = tmp_path / "blot.py"
    file.write_text(
        textwrap.dedent("""
            import os
            import numpy as np
            from fullcircle.drawings import Drawing
            from fullcircle.drawings.factors import Factor, Factors

            class Blot(Drawing):
                name = "blot"
                height = width = 8
                factors = Factors(Factor("x", 0, 7))

                def draw(self, x):
                    image = np.full((8, 8), os.getpid() % 251, np.uint8)
                    image[3, x] = 255
                    return image
        """)
    )
    description = examine(loaded(f"{file}:Blot")).checks["draws_the_same_again"].description
    assert (
        "blot draws by chance: 256 of 256 pictures are not the same when drawn by another process, that of {'x': "
        in description
    )
    file.write_text(file.read_text().replace("os.getpid() % 251", "0"))
    drawing = loaded(f"{file}:Blot")
    assert "in another order and process." in examine(drawing).checks["draws_the_same_again"].description
    drawing.reference = f"{tmp_path / 'gone.py'}:Blot"
    check = examine(drawing).checks["draws_the_same_again"]
    assert not check.passed
    assert "Another process cannot load" in check.description


def test_a_canvas_that_the_default_models_do_not_take_is_warned_of():
    check = check_of(box(height=18, draw=lambda self, **f: np.zeros((18, 16), np.uint8)), "default_models_take_it")
    assert check.warns
    assert (
        "attention is expected to be built for a canvas whose height and width are multiples of 8 px. Received: (18, "
        in check.description
    )


def test_factors_that_hardly_differ_are_warned_of():
    def draw(self, box_grey, strength, **others):
        image = Box.draw(self, box_grey=round(box_grey * strength / 40), **others)
        image[0, 0] = strength
        return image

    found = examine(with_factors(Factor("strength", 30, 40), draw=draw))
    assert found.refused == []
    check = found.checks["factors_are_distinguishable"]
    assert check.warns
    assert "Factors that can hardly be distinguished: box_grey and strength." in check.description


PAIR = Factors(Factor("left_x", 0, 15), Factor("right_x", 0, 15), Factor("left_y", 0, 15), Factor("right_y", 0, 15))


class Dots(Drawing):
    """Two dots."""

    name = "dots"
    height = width = 16
    factors = PAIR

    def draw(self, left_x, right_x, left_y, right_y):
        image = np.zeros((16, 16), np.uint8)
        image[left_y, left_x] = image[right_y, right_x] = 255
        return image


class UnlikeDots(Dots):
    """Two dots of which one is grey, declared alike."""

    symmetries = (exchange(("left_x", "right_x"), ("left_y", "right_y")),)

    def draw(self, **factors):
        image = Dots().draw(**factors)
        image[factors["right_y"], factors["right_x"]] = 100
        return image


def test_a_symmetry_that_is_not_declared_is_suggested():
    check = check_of(Dots(), "no_symmetry_is_missing")
    assert check.warns
    assert 'as the same picture: declare exchange(("left_x", "right_x"), ("left_y", "right_y")). Else' in check.description
    declared = type("Declared", (Dots,), {"symmetries": UnlikeDots.symmetries})()
    assert check_of(declared, "no_symmetry_is_missing").passed
    assert "Symmetries declared: 1; the most that one changes is 0.0%" in check_of(declared, "symmetries_hold").description


def test_the_lines_own_symmetry_would_be_found():
    line = DRAWINGS["line"]
    assert (
        'declare exchange(("x_start", "x_end"), ("y_start", "y_end"))'
        in check_of(type("Bare", (type(line),), {"symmetries": ()})(), "no_symmetry_is_missing").description
    )


def test_a_symmetry_that_changes_the_picture_is_warned_of():
    check = check_of(UnlikeDots(), "symmetries_hold")
    assert check.warns
    assert not check.passed
    assert "declared as symmetries change the picture, left_x with right_x and left_y with right_y: " in check.description


class Cross(Drawing):
    """A hand that is as good as turned by half a turn."""

    name = "cross"
    height = width = 16
    factors = Factors(Factor("turn", 0, 350, 10, unit="deg", periodic=True), grey("level", 1, 255))

    def draw(self, turn, level):
        image = np.zeros((16, 16), np.uint8)
        for r in np.linspace(-6, 6, 25):
            x, y = (round(7.5 + r * f(np.radians(turn))) for f in (np.cos, np.sin))
            image[y, x] = level
        return image


def test_a_turn_that_comes_round_too_soon_is_warned_of():
    check = check_of(Cross(), "no_symmetry_is_missing")
    assert check.warns
    assert "let turn run over 1/2 of its range, after which the picture is the same again" in check.description


def filled(self, filled, depth, **others):
    image = Box.draw(self, **others)
    if not filled:
        image[0, 0] = 95 + depth
    return image


def test_it_says_when_and_why_a_factor_is_not_seen():
    drawing = with_factors(Factor("filled", 0, 1, unit=""), Factor("depth", 0, 9), draw=filled)
    found = examine(drawing)
    assert found.refused == []
    depth = found.seen[-1]
    assert depth.whenever == ("filled = 1",)
    assert 0.35 < depth.unseen < 0.65
    lines = []
    report(drawing, found, lines.append)
    assert any(line.startswith("passed   is_described") for line in lines)
    assert lines[-1].split()[0] == "depth"
    assert lines[-1].endswith("never seen with filled = 1")


def test_it_says_that_a_plain_picture_tells_nothing():
    drawing = box(factors=Factors(*Box.factors[:3], grey("box_grey", 0, 3), grey("ground_grey", 0, 3)))
    left = examine(drawing).seen[0]
    assert 0.15 < left.blank < 0.35
    assert "nothing differs from the ground on " in left.because()


def test_the_sheet_has_two_random_rows_and_one_per_factor():
    assert sheet(Box()).height == (2 + 5) * (4 * 16 + 4) + 4


def test_the_command_prints_every_rule_and_writes_the_sheet(tmp_path, capsys):
    file = tmp_path / "bar.py"
    file.write_text(
        textwrap.dedent("""
            import numpy as np
            from fullcircle.drawings import Drawing
            from fullcircle.drawings.factors import Factor, Factors

            class Bar(Drawing):
                "A bar from the left."
                name = "bar"
                height = width = 8
                factors = Factors(Factor("x", 0, 7), Factor("grey", 1, 255, unit="level", kind="colour"))

                def draw(self, x, grey):
                    image = np.zeros((8, 8), np.uint8)
                    image[:, : x + 1] = grey
                    return image
        """)
    )
    assert main(["--store", str(tmp_path), "check", f"{file}:Bar"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("bar: A bar from the left.\n")
    assert output.count("\npassed ") == len(examine(loaded(f"{file}:Bar")).checks)
    assert f"Look at it: {tmp_path / 'checks' / 'bar.png'}" in output
    assert (tmp_path / "checks" / "bar.png").is_file()
    assert main(["--store", str(tmp_path), "check", f"{file}:Bar", "--sheet", str(tmp_path / "a" / "b.webp")]) == 0
    assert (tmp_path / "a" / "b.webp").read_bytes()[8:12] == b"WEBP"


def test_the_command_fails_where_a_rule_is_broken(tmp_path, capsys):
    file = tmp_path / "flat.py"
    file.write_text(
        textwrap.dedent("""
            import numpy as np
            from fullcircle.drawings import Drawing
            from fullcircle.drawings.factors import Factor, Factors

            class Flat(Drawing):
                name = "flat"
                height = width = 8
                factors = Factors(Factor("x", 0, 7))

                def draw(self, x):
                    return np.zeros((8, 8))
        """)
    )
    assert main(["--store", str(tmp_path), "check", f"{file}:Flat"]) == 1
    assert "FAILED   draws_in_time" in capsys.readouterr().out
    assert not (tmp_path / "checks").exists()
    assert main(["--store", str(tmp_path), "check", "star"]) == 1
    assert "fullcircle: Unknown drawing class 'star'" in capsys.readouterr().err
    assert SLOWEST_MS == 20
