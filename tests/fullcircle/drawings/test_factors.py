import numpy as np
import pytest

from fullcircle.drawings.factors import Factor, Factors, colour_factors

POINT = (Factor("x", 0, 9, point="p", axis="x"), Factor("y", 0, 9, point="p", axis="y"))


def random_factors(rng: np.random.Generator) -> Factors:
    """A factor table that nobody wrote: factors of any kind, some periodic, points, colours of three channels."""
    factors = []
    for i in range(int(rng.integers(1, 8))):
        low = float(rng.integers(-50, 50)) / 4
        step = float(rng.choice([0.25, 0.5, 1, 3]))
        kind = str(rng.choice(["geometry", "colour", "count"]))
        high = low + step * int(rng.integers(1, 40))
        factors.append(Factor(f"f{i}", low, high, step, unit="u", kind=kind, periodic=bool(rng.integers(2))))
    for i in range(int(rng.integers(4))):
        factors += [Factor(f"{axis}_{i}", 0, float(rng.integers(5, 40)), point=f"p{i}", axis=axis) for axis in ("x", "y")]
    for i in range(int(rng.integers(3))):
        factors += colour_factors(f"c{i}", int(rng.choice([1, 3])), 20, int(rng.integers(30, 255)))
    return Factors(*factors)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a b", 0, 1), "identifier. Received: 'a b'"),
        (("a", 1, 1), r"range \[1, 1\] is empty"),
        (("a", 0, 1, 0), "step is expected to be positive. Received: 0"),
        (("a", 0, 1, 0.3), "step 0.3 does not divide"),
        (("a", 0, 1, 1e-300), r"step 1e-300 makes 1e\+300 values of \[0, 1\]; at most 1,000,000,000 are expected. Take a larg"),
        (("a", 0, 1, 5e-324), "step 4.94066e-324 makes inf values"),
        (("a", 0, float("inf")), "a: high is expected to be a finite number. Received: inf."),
        (("a", float("nan"), 1), "a: low is expected to be a finite number. Received: nan."),
        (("a", 0, 1, float("nan")), "a: step is expected to be a finite number. Received: nan."),
        (("a", 0, 1, 1, "px", "sound"), "kind is one of geometry, colour, count. Received: 'sound'"),
        (("a", 0, 1, 1, "px", "geometry", "p"), "point and axis are given together"),
        (("a", 0, 1, 1, "", "colour", None, None, False, "red"), "channel red is a colour named <colour>_red"),
        (("a_red", 0, 1, 1, "", "count", None, None, False, "red"), "channel red is a colour named <colour>_red"),
    ],
)
def test_a_contradictory_factor_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Factor(*arguments)


def test_a_contradictory_table_is_refused():
    with pytest.raises(ValueError, match="at least one factor"):
        Factors()
    with pytest.raises(ValueError, match="Received twice: a"):
        Factors(Factor("a", 0, 1), Factor("a", 0, 2))
    with pytest.raises(ValueError, match="Point 'p' needs one x factor and one y factor"):
        Factors(POINT[0])
    red, green, blue = colour_factors("skin", 3)
    with pytest.raises(
        ValueError, match=r"colour 'skin' needs one factor, or one each for red, green, blue. Received: \['red', 'b"
    ):
        Factors(red, blue)
    with pytest.raises(ValueError, match="colour 'skin' needs one factor"):
        Factors(green, red, blue)


def test_a_colour_is_one_factor_or_three():
    factors = Factors(*colour_factors("line", 1), *POINT, *colour_factors("skin", 3, 80, 255))
    assert factors.names == ("line_grey", "x", "y", "skin_red", "skin_green", "skin_blue")
    assert factors.colours() == {"line": [0], "skin": [3, 4, 5]}
    assert [f.low for f in factors[3:]] == [80] * 3
    table = factors.table()
    assert [row.get("channel") for row in table] == [None] * 3 + ["red", "green", "blue"]
    assert all("channel" not in row for row in table[:3])  # as before there were channels: tables keep their hashes


def test_an_unknown_factor_names_those_there_are():
    with pytest.raises(KeyError, match="There are: x, y"):
        Factors(*POINT).index("z")


def test_points_and_kinds_are_found():
    factors = Factors(Factor("grey", 0, 255, kind="colour", unit="level"), *POINT)
    assert factors.points == ("p",)
    assert factors.point_indices().tolist() == [[1, 2]]
    assert factors.of_kind("geometry").tolist() == [1, 2]
    assert [f.column for f in factors] == ["grey_level", "x_px", "y_px"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([1.0, 12.0], r"y is expected in \[0, 9\] px. Received: 12 at row 1"),
        ([1.5, 1.0], "x is expected on a step of 1 from 0 px. Received: 1.5 at row 1"),
        ([np.nan, 1.0], r"x is expected in \[0, 9\] px. Received: nan at row 1"),
    ],
)
def test_check_names_the_rule_the_value_and_the_row(spec, message):
    with pytest.raises(ValueError, match=message):
        Factors(*POINT).check(np.array([[0.0, 0.0], spec]))


def test_check_names_the_shape():
    with pytest.raises(ValueError, match=r"\(n, 2\), one column each for x, y. Received shape: \(3,\)"):
        Factors(*POINT).check(np.zeros(3))


def test_snap_rounds_cuts_and_wraps():
    factors = Factors(Factor("a", 0, 10, 2), Factor("angle", 0, 315, 45, "deg", periodic=True))
    assert factors.snap(np.array([[3.1, 352.0], [99.0, -45.0], [np.nan, 10.0]])).tolist() == [[4, 0], [10, 315], [0, 0]]


@pytest.mark.parametrize("seed", range(20))
def test_any_table_samples_valid_specs_over_its_whole_range(seed):
    rng = np.random.default_rng(seed)
    factors = random_factors(rng)
    specs = factors.check(factors.sample(4000, rng))
    assert np.array_equal(factors.snap(specs), specs)
    assert np.array_equal(specs.min(axis=0), factors.low)
    assert np.array_equal(specs.max(axis=0), factors.high)
