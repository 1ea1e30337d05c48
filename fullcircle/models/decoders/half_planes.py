"""A decoder that draws edges at any angle: half-planes, combined into regions, painted with the colour factors.

Belongs here: the network and its layers. All of it follows from the factor table (`Geometry`, `Plan`), the symmetries and the
canvas; nothing knows a particular figure.

An up-sampled 8 x 8 map cannot draw a one-pixel line at 30 degrees; a x + b y + c through a sigmoid, evaluated at every pixel
centre, can. Where edges may be curved, terms in x^2, x y and y^2 make an ellipse of the same sigmoid (`Conics`). Geometry factors
alone decide where the edges run, so they alone enter the network; colours need no learning, only a place, so they are mixed in
per pixel as they come.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import layers, ops

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.factors import CHANNELS, Factor
from fullcircle.drawings.scaling import Scaling

STRAIGHT, CURVED = 4, 2  # planes per region: a stroke has four sides, a ring two
UNITS = (256, 256, 256)
ONE_HOT = 16  # a factor of so few values, a width say, is distinguished value by value

# How wide the first edges and mixtures spread (variance scaling): edges some pixels soft, anywhere and at any angle.
EDGE_SPREAD, MIXTURE_SPREAD = 16.0, 4.0
PALETTE_GAIN = 20.0  # palette weights are logits / 20, so that they move as far per step of Adam as the others need to
PALETTE_START = 0.25  # logit 5: nearly decided, still open to change


@dataclasses.dataclass(frozen=True)
class Plan:
    """How large a decoder is, and of which edges, by the factor table.

    Regions: one for every colour beside the ground, one for every part of a composite, and one for every point, of which two are
    counted at least: that is more than is needed, and helps to start from. Planes: `STRAIGHT` or `CURVED` to a region. That makes
    12 and 3 of a line.

    Curved: unless all geometry is two points or more and factors of few values beside them, such as a width. Whatever runs from
    point to point is taken for straight; an angle, a radius of many values, a point on its own or parts mean that something is
    round.

    Attributes:
        planes, regions: how many.
        curved: whether planes may be bent to conics.
    """

    planes: int
    regions: int
    curved: bool

    @classmethod
    def of(cls, drawing: Drawing) -> Self:
        factors = drawing.factors
        points = len(factors.points)
        ground = {factors[factors.index(name)].colour for name in drawing.ground}
        parts = len(drawing.parts(factors.low))
        regions = max(points, 2) + max(len(factors.colours().keys() - ground), 1) + parts
        others = [factors[i] for i in factors.of_kind("geometry", "count") if factors[i].point is None]
        curved = points < 2 or parts > 0 or any(_how(f) != "one_hot" for f in others)
        return cls((CURVED if curved else STRAIGHT) * regions, regions, curved)


@keras.saving.register_keras_serializable(package="fullcircle")
class InOrder(layers.Layer):
    """Latents with the factors of each pair in ascending order: for pairs whose order says nothing.

    Args:
        pairs: ``[[index, index], ...]``.
    """

    def __init__(self, pairs: list[list[int]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pairs = pairs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pairs": self.pairs}

    def call(self, latent: Any) -> Any:
        columns = [latent[:, i : i + 1] for i in range(latent.shape[1])]
        for i, j in self.pairs:
            columns[i], columns[j] = ops.minimum(columns[i], columns[j]), ops.maximum(columns[i], columns[j])
        return ops.concatenate(columns, axis=1)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


@keras.saving.register_keras_serializable(package="fullcircle")
class Geometry(layers.Layer):
    """What the factor table says about geometry, as features: ``(n, n_factors)`` to ``(n, n_features)``.

    Every point's coordinates in [-1, 1] over the canvas; for every two points the step from one to the other, its length
    and its direction; the remaining factors, one-hot where they have few values, as sine and cosine where periodic; and the
    products of these with the directions, since an edge runs at some width *across* some direction. One-hots are linear
    between two values, so the gradient by the factor survives.

    For every three points the side of the line through two on which the third lies, -1 or 1, and its products with the
    directions: which side of an edge is inside turns with it. For every angle its products with the other factors, a radius for
    one, and for every two the sine and cosine of their difference, which says how much of a turn lies between them.

    Args:
        columns: per remaining factor ``[index, low, high, count, how]``, low and high as latents, how one of "turn" (sine and
            cosine), "one_hot" and "range".
        points: per point ``[[index, gain, shift], [index, gain, shift]]`` for x and y: coordinate = gain * latent + shift.
    """

    def __init__(self, columns: list[Any], points: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.columns, self.points = columns, points

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "columns": self.columns, "points": self.points}

    def call(self, latent: Any) -> tuple[Any, Any]:
        """The features, and the points alone ``(n, n_points, 2)``."""
        scalars: list[Any] = []
        turns: list[tuple[Any, Any]] = []
        others: list[Any] = []
        for index, low, high, count, how in self.columns:
            share = (latent[:, index : index + 1] - low) / (high - low)
            if how == "turn":  # `high` is one step short of the full circle
                angle = share * (2 * np.pi * (count - 1) / count)
                turns.append((ops.sin(angle), ops.cos(angle)))
                scalars += turns[-1]
                continue
            if how == "one_hot":
                places = ops.reshape(ops.arange(count, dtype=latent.dtype), (1, count))
                others.append(ops.relu(1 - ops.abs(share * (count - 1) - places)))
            else:
                others.append(2 * share - 1)
            scalars.append(others[-1])
        features = list(scalars)
        features += [part * other for turn in turns for part in turn for other in others]
        for (sine, cosine), (other_sine, other_cosine) in itertools.combinations(turns, 2):
            features += [sine * other_cosine - cosine * other_sine, cosine * other_cosine + sine * other_sine]
        where = [
            ops.concatenate([gain * latent[:, i : i + 1] + shift for i, gain, shift in point], axis=1) for point in self.points
        ]
        features += where
        directions = {}
        for (i, start), (j, end) in itertools.combinations(enumerate(where), 2):
            step = end - start
            # The added constant, a thirtieth of a pixel squared, keeps the gradient finite where two points meet.
            length = ops.sqrt(ops.sum(step**2, axis=1, keepdims=True) + 1e-6)
            direction = directions[i, j] = step / length
            features += [step, length, direction]
            features += [direction[:, axis : axis + 1] * scalar for axis in (0, 1) for scalar in scalars]
        for i, j, k in itertools.combinations(range(len(where)), 3):
            one, other = where[j] - where[i], where[k] - where[i]
            area = one[:, :1] * other[:, 1:] - one[:, 1:] * other[:, :1]
            side = area / ops.sqrt(area**2 + 1e-6)
            features += [side, *(side * directions[pair] for pair in itertools.combinations((i, j, k), 2))]
        centre = [
            ops.concatenate([ops.zeros_like(latent[:, :1])] * 2, axis=1)
        ]  # every drawing has at least this point to hang a plane on
        return ops.concatenate(features or centre, axis=1), ops.stack(centre + where, axis=1)

    def compute_output_shape(self, shape: Any) -> Any:
        turns = sum(how == "turn" for *_, how in self.columns)
        others = sum({"turn": 0, "one_hot": count, "range": 1}[how] for _, _, _, count, how in self.columns)
        scalars, points = 2 * turns + others, len(self.points)
        width = scalars + 2 * turns * others + turns * (turns - 1) + 2 * points
        width += math.comb(points, 2) * (5 + 2 * scalars) + 7 * math.comb(points, 3)
        return (shape[0], width or 2), (shape[0], points + 1, 2)


@keras.saving.register_keras_serializable(package="fullcircle")
class HalfPlanes(layers.Layer):
    """Regions made of half-planes, at every pixel centre.

    Plane p is sigmoid(a_p (x - x_p) + b_p (y - y_p) + c_p), hung on an anchor (x_p, y_p): a learned mixture of the points,
    so that the network need not multiply a normal with a place itself. Region r is sigmoid(sum_p w_rp plane_p + v_r).

    Args:
        height, width: of the canvas, px.
        planes, regions: how many.
    """

    terms: ClassVar[int] = 3  # numbers per plane

    def __init__(self, height: int, width: int, planes: int, regions: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height, self.width, self.planes, self.regions = height, width, planes, regions

    def get_config(self) -> dict[str, Any]:
        shape = {"height": self.height, "width": self.width, "planes": self.planes, "regions": self.regions}
        return {**super().get_config(), **shape}

    @classmethod
    def sizes(cls, planes: int, regions: int) -> tuple[int, int]:
        """How many numbers per example describe the planes and the regions."""
        return cls.terms * planes, regions * (planes + 1)

    def build(self, shapes: Any) -> None:
        self.anchor = self.add_weight(
            name="anchor", shape=(self.planes, shapes[2][1]), initializer=keras.initializers.RandomNormal(stddev=1.0)
        )

    def call(self, inputs: Any) -> Any:
        edges, mixture, points = inputs
        p, r = self.planes, self.regions
        y, x = np.meshgrid(
            (2 * np.arange(self.height) + 1) / self.height - 1, (2 * np.arange(self.width) + 1) / self.width - 1, indexing="ij"
        )
        # (terms, h * w) at the pixel centres, over the canvas in [-1, 1]
        grid = ops.convert_to_tensor(self.grid(x.ravel(), y.ravel()).astype("float32"))
        anchor = ops.matmul(ops.softmax(self.anchor, axis=1), points)
        planes = ops.sigmoid(ops.matmul(self.about(ops.reshape(edges, (-1, p, self.terms)), anchor), grid))
        mixture = ops.reshape(mixture, (-1, r, p + 1))
        regions = ops.sigmoid(ops.matmul(mixture[:, :, :p], planes) + mixture[:, :, p:])
        return ops.transpose(regions, (0, 2, 1))

    def grid(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The terms of a plane at every pixel, ``(terms, h * w)``."""
        return np.stack([x, y, np.ones_like(x)])

    def about(self, edges: Any, anchor: Any) -> Any:
        """The numbers of a plane that was hung on an anchor ``(n, p, 2)``, for `grid`; ``(n, p, terms)`` both."""
        normal = edges[:, :, :2]
        offset = edges[:, :, 2:] - ops.sum(normal * anchor, axis=2, keepdims=True)
        return ops.concatenate([normal, offset], axis=2)

    def compute_output_shape(self, shapes: Any) -> Any:
        return shapes[0][0], self.height * self.width, self.regions


@keras.saving.register_keras_serializable(package="fullcircle")
class Conics(HalfPlanes):
    """Half-planes that may be bent: three more numbers each, for dx^2, dx dy and dy^2 with dx, dy the way from the anchor."""

    terms = 6

    def grid(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack([x, y, np.ones_like(x), x * x, x * y, y * y])

    def about(self, edges: Any, anchor: Any) -> Any:
        a, b, c, xx, xy, yy = (edges[:, :, i : i + 1] for i in range(6))
        x, y = anchor[:, :, :1], anchor[:, :, 1:]
        # a dx + b dy + c + xx dx^2 + xy dx dy + yy dy^2 with dx = x' - x and dy = y' - y, sorted by powers of x' and y'
        flat = c - a * x - b * y + xx * x * x + xy * x * y + yy * y * y
        return ops.concatenate([a - 2 * xx * x - xy * y, b - 2 * yy * y - xy * x, flat, xx, xy, yy], axis=2)


@keras.saving.register_keras_serializable(package="fullcircle")
class Paint(layers.Layer):
    """Painter's algorithm: a ground over the whole canvas, then region after region over it.

    Takes regions ``(n, h * w, regions)`` and the latent; returns ``(n, h, w, channels)``. What a layer is painted with is,
    per channel, a learned mixture of the colour factors, black and white; mixtures of colours stay in [0, 1].

    Args:
        height, width, channels: the canvas.
        colours: per colour factor ``[index, gain, shift]``, and the channel where it has one: level / 255 = gain * latent +
            shift. Other channels are not painted with it.
        ground: per channel, which of `colours` the ground is known to be, or -1 for black.
    """

    def __init__(self, height: int, width: int, channels: int, colours: list[Any], ground: list[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height, self.width, self.channels = height, width, channels
        self.colours, self.ground = colours, ground

    def get_config(self) -> dict[str, Any]:
        canvas = {"height": self.height, "width": self.width, "channels": self.channels}
        return {**super().get_config(), **canvas, "colours": self.colours, "ground": self.ground}

    def build(self, shapes: Any) -> None:
        self.palette = self.add_weight(
            name="palette",
            shape=(shapes[0][2] + 1, self.channels, len(self.colours) + 2),
            initializer=self._start,
        )

    def _start(self, shape: Any, dtype: Any = None) -> Any:
        """The ground as it is known; every region in an even mixture of the other colours, white if there is none.

        From an even mixture everywhere, one start in three painted the last region over the whole canvas with the ground's
        colour, and nothing under it ever learned again.
        """
        palette = np.zeros(shape, "float32")
        others = [i for i in range(len(self.colours)) if i not in self.ground] or [len(self.colours) + 1]
        palette[1:, :, others] = PALETTE_START
        for channel, i in enumerate(self.ground):
            palette[0, channel, i if i >= 0 else len(self.colours)] = PALETTE_START
        return ops.convert_to_tensor(palette, dtype=dtype)

    def _elsewhere(self) -> Any:
        """What takes each colour factor out of the channels that are not its own, ``(channels, n_colours + 2)``."""
        away = np.zeros((self.channels, len(self.colours) + 2), "float32")
        for i, (*_, channel) in enumerate(self.colours):
            if len(self.colours[i]) > 3:
                away[np.arange(self.channels) != channel, i] = 1e9
        return away

    def call(self, inputs: Any) -> Any:
        regions, latent = inputs
        sources = [gain * latent[:, i : i + 1] + shift for i, gain, shift, *_ in self.colours]
        black = ops.zeros_like(latent[:, :1])
        sources = ops.clip(ops.concatenate([*sources, black, black + 1], axis=1), 0.0, 1.0)
        paints = ops.einsum("ns,rcs->nrc", sources, ops.softmax(self.palette * PALETTE_GAIN - self._elsewhere(), axis=-1))
        image = paints[:, :1]
        for r in range(self.palette.shape[0] - 1):
            image = image + regions[:, :, r : r + 1] * (paints[:, r + 1 : r + 2] - image)
        return ops.clip(ops.reshape(image, (-1, self.height, self.width, self.channels)), 0.0, 1.0)

    def compute_output_shape(self, shapes: Any) -> Any:
        return shapes[1][0], self.height, self.width, self.channels


def _how(factor: Factor) -> str:
    """How a factor that is no coordinate enters the network."""
    return "turn" if factor.periodic else "one_hot" if factor.count <= ONE_HOT else "range"


def build(drawing: Drawing, scaling: Scaling) -> keras.Model:
    """An MLP from geometry to half-planes; colours mixed in per pixel.

    Args:
        drawing: any. Colour factors are levels of 0 to 255 (as `Drawing.contrast` takes them).
        scaling: between the drawing's specs and the latents that go in.

    Returns:
        'latent' ``(n, n_factors)`` to an image ``(n, height, width, channels)`` in [0, 1].
    """
    height, width, channels = drawing.canvas
    factors = drawing.factors
    coloured = factors.of_kind("colour").tolist()

    def affine(i: int, size: float, shift: float) -> list[Any]:
        """[index, gain, shift] so that gain * latent + shift = spec / size + shift."""
        return [int(i), float(scaling.scale[i] / size), float(scaling.offset[i] / size + shift)]

    def spread(scale: float) -> keras.initializers.Initializer:
        return keras.initializers.VarianceScaling(scale)

    columns = [
        [i, float(scaling.low[i]), float(scaling.high[i]), f.count, _how(f)]
        for i, f in enumerate(factors)
        if i not in coloured and f.point is None
    ]
    points = [[affine(x, width / 2, -1), affine(y, height / 2, -1)] for x, y in factors.point_indices()]
    channels_of = [[CHANNELS.index(c)] if (c := factors[i].channel) is not None else [] for i in coloured]
    colours = [affine(i, 255, 0) + channel for i, channel in zip(coloured, channels_of, strict=True)]
    ground = [coloured.index(factors.index(name)) for name in drawing.ground] or [-1] * channels

    latent = keras.Input((len(factors),), name="latent")
    pairs = [[factors.index(name) for name in sorted(s)] for s in drawing.symmetries if len(s) == 2]
    ordered = InOrder(pairs, name="in_order")(latent) if pairs else latent
    features, places = Geometry(columns, points, name="geometry")(ordered)
    x = features
    for i, units in enumerate(UNITS, start=1):
        x = layers.Dense(units, activation="relu", kernel_initializer="he_normal", name=f"dense_{i}")(x)
    x = layers.Concatenate(name="with_geometry")([x, features])
    plan = Plan.of(drawing)
    drawn = Conics if plan.curved else HalfPlanes
    n_edges, n_mixture = drawn.sizes(plan.planes, plan.regions)
    edges = layers.Dense(n_edges, kernel_initializer=spread(EDGE_SPREAD), name="edges")(x)
    mixture = layers.Dense(n_mixture, kernel_initializer=spread(MIXTURE_SPREAD), name="mixture")(x)
    regions = drawn(height, width, plan.planes, plan.regions, name="half_planes")([edges, mixture, places])
    image = Paint(height, width, channels, colours, ground, name="image")([regions, latent])
    return keras.Model(latent, image, name="half_planes_decoder")
