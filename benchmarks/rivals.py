"""Rivals: what a competent user would read a line with today, each with the settings that are tuned on valid.

Belongs here: classical readers of one straight line on a plain ground, OpenCV's functions with the few lines that anyone would
write around them. They may know that they look at a line, which the library's reader may not.
Does not belong here: how they are tuned, judged and timed (`reading`).

Each takes one picture, ``uint8 (height, width)``, and its settings, and gives a spec ``float64 (7,)`` in the order of the line's
factors, neither rounded nor cut, or None where it sees no line. Pixel centres have whole coordinates, as in Pillow.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np

ROUNDING = 0.3  # levels: the standard deviation of rounding, the least noise there is
PARALLEL = np.cos(np.deg2rad(10))  # two edges of one stroke
APART = 16.0  # px: farther apart, two edges are no stroke's

Answer = np.ndarray | None
Read = Callable[..., Answer]


@dataclasses.dataclass(frozen=True)
class Rival:
    """A way to read and the settings to choose from.

    Attributes:
        name: what the tables call it.
        read: ``(image, **settings)`` to a spec or None.
        grid: for each setting its choices; all combinations are tried on valid.
    """

    name: str
    read: Read
    grid: Mapping[str, Sequence[Any]]

    def settings(self) -> list[dict[str, Any]]:
        """Every combination of the grid."""
        return [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]


def blurred(image: np.ndarray, blur: float) -> np.ndarray:
    """The picture after a Gaussian blur of this many px, ``float32``; 0 leaves it as it is."""
    smooth = image.astype(np.float32)
    return cv2.GaussianBlur(smooth, (0, 0), blur, borderType=cv2.BORDER_REPLICATE) if blur else smooth


def stroke_mask(image: np.ndarray, threshold: str, blur: float) -> np.ndarray | None:
    """The pixels of the stroke, ``bool``: those away from the ground, of these the connected part that weighs most.

    Args:
        image: the picture.
        threshold: ``otsu``, ``half`` (of the strongest deviation), or a number: so many deviations of the noise.
        blur: px, before the threshold.
    """
    smooth = blurred(image, blur)
    border = np.concatenate([smooth[0], smooth[-1], smooth[1:-1, 0], smooth[1:-1, -1]])
    off = np.abs(smooth - np.median(border))
    if threshold == "otsu":
        scaled = np.rint(off * (255 / max(float(off.max()), 1e-6))).astype(np.uint8)
        mask = cv2.threshold(scaled, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    elif threshold == "half":
        mask = off > off.max() / 2
    else:
        # Of the blurred picture itself: a line covers a small part of it, so the median does not see the line.
        noise = 1.4826 * np.median(np.abs(smooth - np.median(smooth)))
        mask = off > float(threshold) * max(float(noise), ROUNDING)
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    if count < 2 or not off.any():
        return None
    weights = np.bincount(labels.ravel(), off.ravel(), count)
    return np.asarray(labels == 1 + weights[1:].argmax())


def with_greys(image: np.ndarray, a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """The spec of a stroke from `a` to `b`, its greys the medians of the picture inside and outside of it."""
    width = float(np.clip(width, 1, 10))
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    along = b - a
    length = max(float(np.hypot(*along)), 1e-6)
    along = along / length
    t = (x - a[0]) * along[0] + (y - a[1]) * along[1]
    across = np.abs((y - a[1]) * along[0] - (x - a[0]) * along[1])
    inside = (across <= width / 2) & (t >= -0.5) & (t <= length + 0.5)
    core = inside & (across <= max(width / 2 - 1, 0.5))
    outside = (across > width / 2 + 1) | (t < -1.5) | (t > length + 1.5)
    line = np.median(image[core if core.any() else inside]) if inside.any() else np.median(image)
    ground = np.median(image[outside]) if outside.any() else np.median(image)
    return np.array([*a, *b, line, width, ground], np.float64)


def _lengthened(a: np.ndarray, b: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-6)
    return a - reach * along, b + reach * along


def threshold_pca(image: np.ndarray, *, threshold: str, blur: float, ends: str, reach: float) -> np.ndarray | None:
    """Threshold, then the mask's principal axis.

    Args:
        image: the picture.
        threshold, blur: see `stroke_mask`.
        ends: ``extent``, where the mask ends along the axis; ``rectangle``, the axis and ends of the smallest rectangle around
            the mask; ``moments``, those of the bar with the mask's second moments, which stray pixels move less.
        reach: px added at either end.
    """
    mask = stroke_mask(image, threshold, blur)
    if mask is None:
        return None
    y, x = np.nonzero(mask)
    points = np.stack([x, y], axis=1).astype(np.float64)
    centre = points.mean(axis=0)
    # A pixel is a square, whose own variance is 1/12 in either direction.
    spread = np.eye(2) / 12 + ((points - centre).T @ (points - centre)) / len(points)
    variances, axes = np.linalg.eigh(spread)
    along, t = axes[:, 1], (points - centre) @ axes[:, 1]
    if ends == "extent":
        a, b = centre + t.min() * along, centre + t.max() * along
    elif ends == "moments":
        half = (np.sqrt(12 * variances[1]) - 1) / 2
        a, b = centre - half * along, centre + half * along
    else:
        corners = cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32))).astype(np.float64)
        if np.hypot(*(corners[1] - corners[0])) > np.hypot(*(corners[2] - corners[1])):
            corners = np.roll(corners, 1, axis=0)
        a, b = corners[:2].mean(axis=0), corners[2:].mean(axis=0)
    length = float(np.hypot(*(b - a))) + 1
    return with_greys(image, *_lengthened(a, b, reach), len(points) / length)


def _from_segments(image: np.ndarray, segments: np.ndarray, merged: bool, reach: float, blur: float) -> np.ndarray | None:
    """A stroke from edges ``(n, 4)``: the longest, or midway between it and the edge on its other side.

    The width is the distance of the two edges; where there is one edge only, it is the area of the mask over the length.
    """
    if not len(segments):
        return None
    starts, ends = segments[:, :2].astype(np.float64), segments[:, 2:].astype(np.float64)
    lengths = np.hypot(*(ends - starts).T)
    longest = int(lengths.argmax())
    a, b = starts[longest], ends[longest]
    along = (b - a) / max(lengths[longest], 1e-6)
    normal = np.array([-along[1], along[0]])
    if merged:
        distance = ((starts + ends) / 2 - a) @ normal
        parallel = np.abs((ends - starts) @ along) >= PARALLEL * lengths
        other = np.flatnonzero(parallel & (np.abs(distance) >= 0.5) & (np.abs(distance) <= APART))
        if len(other):
            second = int(other[lengths[other].argmax()])
            t = np.array([0, lengths[longest], *((np.stack([starts[second], ends[second]]) - a) @ along)])
            middle = a + distance[second] / 2 * normal
            a, b = _lengthened(middle + t.min() * along, middle + t.max() * along, reach)
            return with_greys(image, a, b, float(np.abs(distance[second])))
    a, b = _lengthened(a, b, reach)
    mask = stroke_mask(image, "otsu", blur)
    if mask is None or mask.all():
        return with_greys(image, a, b, 1.0)
    spec = with_greys(image, a, b, mask.sum() / max(lengths[longest], 1.0))
    # An edge has the stroke on one side only, so its greys are those of the mask.
    spec[[4, 6]] = np.median(image[mask]), np.median(image[~mask])
    return spec


@cache
def _detector(refine: int, angle: float) -> Any:
    return cv2.createLineSegmentDetector(refine, 0.8, 0.6, 2.0, angle)


def lsd(image: np.ndarray, *, merged: bool, blur: float, enlarge: int, refine: int, angle: float, reach: float) -> Answer:
    """OpenCV's line segment detector: its longest segment, or the two edges merged."""
    smooth = np.rint(blurred(image, blur)).astype(np.uint8)
    if enlarge > 1:
        smooth = cv2.resize(smooth, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_CUBIC)
    found = _detector(refine, angle).detect(smooth)[0]
    segments = np.empty((0, 4)) if found is None else (found.reshape(-1, 4) + 0.5) / enlarge - 0.5
    return _from_segments(image, segments, merged, reach, blur)


def hough(
    image: np.ndarray, *, merged: bool, edges: str, blur: float, votes: int, shortest: int, gap: int, reach: float
) -> Answer:
    """OpenCV's probabilistic Hough transform, of Canny's edges or of the stroke's outline."""
    if edges == "canny":
        smooth = np.rint(blurred(image, blur)).astype(np.uint8)
        high = cv2.threshold(smooth, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]
        outline = cv2.Canny(smooth, high / 2, high)
    else:
        mask = stroke_mask(image, edges, blur)
        if mask is None:
            return None
        outline = mask.astype(np.uint8) * 255
    found = cv2.HoughLinesP(outline, 1, np.pi / 180, votes, minLineLength=shortest, maxLineGap=gap)
    segments = np.empty((0, 4)) if found is None else found.reshape(-1, 4)
    return _from_segments(image, segments, merged, reach, blur)


RIVALS = (
    Rival(
        "threshold + PCA",
        threshold_pca,
        {
            "threshold": ("otsu", "half", "4"),
            "blur": (0, 0.7, 1.5, 2.5),
            "ends": ("extent", "rectangle", "moments"),
            "reach": (-0.25, 0),
        },
    ),
    Rival(
        "Hough, probabilistic",
        hough,
        {
            "edges": ("canny", "otsu", "half"),
            "merged": (False, True),
            "blur": (0, 1, 2),
            "votes": (10, 20),
            "shortest": (5,),
            "gap": (3, 10),
            "reach": (-0.5, 0),
        },
    ),
    Rival(
        "LSD, longest segment",
        lsd,
        {
            "merged": (False,),
            "blur": (0, 0.7, 1.5),
            "enlarge": (1, 2, 4),
            "refine": (cv2.LSD_REFINE_NONE,),
            "angle": (22.5, 35),
            "reach": (-0.5, 0),
        },
    ),
    Rival(
        "LSD, two edges merged",
        lsd,
        {
            "merged": (True,),
            "blur": (0, 0.7, 1.5),
            "enlarge": (1, 2, 4),
            "refine": (cv2.LSD_REFINE_NONE,),
            "angle": (22.5, 35),
            "reach": (-0.5, 0),
        },
    ),
)
"""In the order of the tables; the first is what the others are compared with."""
