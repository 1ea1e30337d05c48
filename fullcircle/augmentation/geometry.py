"""Geometry of many samples at once: 3 x 3 matrices and displacement fields, and the one resampling at their end.

Belongs here: coordinates, how maps compose, OpenCV's warps. Nothing here knows an operation or draws chance.

Matrices work on *edge coordinates*: a frame of w x h px is the rectangle from (0, 0) to (w, h), and the centre of its first
pixel lies at (.5, .5). Flips, quarter turns and scalings are exact there. All maps go backwards, from where a pixel lands to where
it came from, because that is what resampling needs.
"""

from __future__ import annotations

import dataclasses

import numpy as np

Entry = float | np.ndarray

INTERPOLATIONS = ("linear", "nearest", "cubic")

SHRINK = 1.3
"""From this many source pixels per pixel on, a sample is the mean of several points per pixel, or fine lines would break up."""


def affine(n: int, a: Entry = 1, b: Entry = 0, c: Entry = 0, d: Entry = 0, e: Entry = 1, f: Entry = 0) -> np.ndarray:
    """Matrices ``[[a, b, c], [d, e, f], [0, 0, 1]]`` of numbers or ``(n,)`` arrays, ``float64 (n, 3, 3)``."""
    matrices = np.zeros((n, 3, 3))
    for column, entry in enumerate((a, b, c)):
        matrices[:, 0, column] = entry
    for column, entry in enumerate((d, e, f)):
        matrices[:, 1, column] = entry
    matrices[:, 2, 2] = 1
    return matrices


def about_centre(frames: np.ndarray, after: np.ndarray, a: Entry, b: Entry, d: Entry, e: Entry) -> np.ndarray:
    """The linear map ``[[a, b], [d, e]]`` that takes the centre of the frame `after` to the centre of `frames`."""
    (x, y), (u, v) = frames.T / 2, after.T / 2
    return affine(len(frames), a, b, x - a * u - b * v, d, e, y - d * u - e * v)


def projective(corners: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """The projective maps that take four points each to the corners of their frame.

    Args:
        corners: ``(n, 4, 2)``, in the order top left, top right, bottom right, bottom left.
        frames: ``(n, 2)``, width and height.

    Returns:
        ``float64 (n, 3, 3)``.
    """
    n = len(corners)
    to = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * frames[:, None, :]
    system = np.zeros((n, 8, 8))
    system[:, 0::2, 0:2] = system[:, 1::2, 3:5] = corners
    system[:, 0::2, 2] = system[:, 1::2, 5] = 1
    system[:, 0::2, 6:] = -to[:, :, 0, None] * corners
    system[:, 1::2, 6:] = -to[:, :, 1, None] * corners
    solved = np.linalg.solve(system, to.reshape(n, 8, 1))
    return np.concatenate([solved[..., 0], np.ones((n, 1))], axis=1).reshape(n, 3, 3)


def resized(frames: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The maps that stretch `frames` to the frames `after`."""
    (sx, sy) = (frames / after).T
    return affine(len(frames), a=sx, e=sy)


def project(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points ``(n, k, 2)`` through matrices ``(n, 3, 3)``."""
    mapped = points @ matrices[:, :2, :2].swapaxes(1, 2) + matrices[:, None, :2, 2]
    return np.asarray(mapped / (points @ matrices[:, 2:, :2].swapaxes(1, 2) + matrices[:, None, 2:, 2]))


def displacement(nodes: np.ndarray, frames: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displacement fields, linear between the nodes of an even grid over the frame, at some points.

    Args:
        nodes: ``(n, rows, columns, 2)``, the displacement at each node; none on the border, so none beyond it.
        frames: ``(n, 2)``.
        points: ``(n, k, 2)``.

    Returns:
        The displacements ``(n, k, 2)``, and their derivatives ``(n, k, 2, 2)``, by x and y in the last axis.
    """
    cells = np.array([nodes.shape[2] - 1, nodes.shape[1] - 1])
    per_px = cells / frames[:, None, :]
    at = points * per_px
    inside = np.clip(at, 0, cells)
    cell = np.minimum(np.floor(inside), cells - 1).astype(int)
    s, t = np.moveaxis((inside - cell)[..., None], -2, 0)
    row, column, which = cell[..., 1], cell[..., 0], np.arange(len(nodes))[:, None]
    tl, tr = nodes[which, row, column], nodes[which, row, column + 1]
    bl, br = nodes[which, row + 1, column], nodes[which, row + 1, column + 1]
    value = (1 - t) * ((1 - s) * tl + s * tr) + t * ((1 - s) * bl + s * br)
    by = np.stack([(1 - t) * (tr - tl) + t * (br - bl), (1 - s) * (bl - tl) + s * (br - tr)], axis=-1)
    return value, by * (per_px * (at == inside))[..., None, :]


def displaced(nodes: np.ndarray, frames: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where points land under a displacement: the q for which ``q + displacement(q)`` is the point, by Newton's method.

    Good to 1e-6 px wherever the field does not fold (neighbouring nodes do not pass one another). Where it does, a point lands
    at several places or at none; one of the nearest is given.
    """
    # Where a step would leap over a kink of the field, half of it is tried, as long as that is nearer.
    at = points - displacement(nodes, frames, points)[0]
    value, by = displacement(nodes, frames, at)
    error = at + value - points
    for _ in range(30):
        jacobian = np.eye(2) + by
        determinant = jacobian[..., 0, 0] * jacobian[..., 1, 1] - jacobian[..., 0, 1] * jacobian[..., 1, 0]
        determinant = np.where(np.abs(determinant) < 1e-3, 1e-3, determinant)[..., None]
        step = np.stack(
            [
                jacobian[..., 1, 1] * error[..., 0] - jacobian[..., 0, 1] * error[..., 1],
                jacobian[..., 0, 0] * error[..., 1] - jacobian[..., 1, 0] * error[..., 0],
            ],
            axis=-1,
        )
        step /= determinant
        for damping in (1, 0.5, 0.25, 0.1):
            trial = at - damping * step
            trial_value, trial_by = displacement(nodes, frames, trial)
            trial_error = trial + trial_value - points
            better = (trial_error**2).sum(-1) < (error**2).sum(-1)
            at = np.where(better[..., None], trial, at)
            error = np.where(better[..., None], trial_error, error)
            by = np.where(better[..., None, None], trial_by, by)
            step = np.where(better[..., None], 0, step)
        if (error**2).max(initial=0) < 1e-18:
            break
    return at


@dataclasses.dataclass(frozen=True)
class Bend:
    """A displacement in the chain of one sample: the field over its frame, then what comes before it.

    Attributes:
        before: ``(3, 3)``, from the displaced point on, back to the previous bend or the original.
        nodes: x and y of the displacement, ``float32 (2, rows, columns)``.
        slid: the same seen through `before`, where that is affine and nothing bends before it; else None.
        per_px: ``(2,)``, columns and rows of nodes per px of the frame.
    """

    before: np.ndarray
    nodes: np.ndarray
    slid: np.ndarray | None
    per_px: np.ndarray


class Maps:
    """The map of each sample, from its own pixels back to those of its original: everything that is geometry, in one.

    Operations are added in their order. Where no displacement is among them a map is a single matrix; where there are some, it is
    a chain of matrices and displacements, evaluated pixel by pixel.
    """

    def __init__(self, frames: np.ndarray) -> None:
        self.originals = frames
        self.matrices = affine(len(frames))
        self.bends: dict[int, list[Bend]] = {}

    def add(self, rows: np.ndarray, matrices: np.ndarray) -> None:
        """A matrix each for some rows."""
        self.matrices[rows] = self.matrices[rows] @ matrices

    def bend(self, rows: np.ndarray, nodes: np.ndarray, frames: np.ndarray) -> None:
        """A displacement each for some rows: nodes ``(n, rows, columns, 2)``, over frames ``(n, 2)``."""
        before = self.matrices[rows]
        slid = _planes(nodes @ before[:, None, :2, :2].swapaxes(2, 3))
        plain = _planes(nodes)
        per_px = np.array([nodes.shape[2] - 1, nodes.shape[1] - 1]) / frames
        straight = _straight(before)
        for i, row in enumerate(rows.tolist()):
            first = straight[i] and row not in self.bends
            bend = Bend(before[i], plain[i], slid[i] if first else None, per_px[i])
            self.bends.setdefault(row, []).append(bend)
        self.matrices[rows] = np.eye(3)

    def warp(
        self, images: np.ndarray, which: np.ndarray, frame: tuple[int, int], fills: np.ndarray, interpolation: str
    ) -> np.ndarray:
        """Resample every sample once.

        Args:
            images: the originals, ``uint8 (m, h, w[, c])``.
            which: ``(n,)``, the original of each sample.
            frame: width and height of the samples.
            fills: ``(n,)``, the level outside the original, -1 to repeat its edge.
            interpolation: one of `INTERPOLATIONS`.

        Returns:
            ``uint8 (n, height, width[, c])``.
        """
        import cv2

        flag = {"linear": cv2.INTER_LINEAR, "nearest": cv2.INTER_NEAREST, "cubic": cv2.INTER_CUBIC}[interpolation]
        n, (width, height) = len(which), frame
        samples = np.empty((n, height, width, *images.shape[3:]), np.uint8)
        whole = self._whole()
        bent = np.zeros(n, bool)
        bent[list(self.bends)] = True
        still = ~bent & (whole == np.eye(3)).all(axis=(1, 2)) & (frame == (images.shape[2], images.shape[1]))
        if still.any():
            samples[still] = images[which[still]]
        # So many points per pixel and axis; `fine` takes the pixels of the points to edge coordinates.
        points = np.ones(n, int) if interpolation == "nearest" else self._points(whole, frame)
        fine = affine(n, a=1 / points, c=0.5 / points, e=1 / points, f=0.5 / points)
        pixels = affine(n, c=-0.5, f=-0.5) @ whole @ fine
        straight = _straight(pixels)
        # A pixel is a square: a map that stays within the original must not mix in what is outside only because a pixel's centre
        # lies half a pixel inside. One that leaves it fades to the fill over one pixel.
        last = np.multiply.outer(points, frame) - 1
        ends = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * last[:, None]
        x, y = np.moveaxis(project(pixels, ends), -1, 0)
        within = _within(x, y, images.shape, axis=-1) | (fills < 0)
        for i in np.flatnonzero(~still).tolist():
            image, fill, k = images[which[i]], int(fills[i]), int(points[i])
            border, level = cv2.BORDER_REPLICATE if within[i] else cv2.BORDER_CONSTANT, (fill,) * 4
            size, to = (width * k, height * k), samples[i] if k == 1 else None
            if bent[i]:
                x, y = self._coordinates(i, fine[i], pixels[i], size)
                border = cv2.BORDER_REPLICATE if fill < 0 or _within(x, y, images.shape) else cv2.BORDER_CONSTANT
                warped = cv2.remap(image, x, y, flag, to, border, level)
            elif straight[i]:
                warped = cv2.warpAffine(image, pixels[i, :2], size, to, flag | cv2.WARP_INVERSE_MAP, border, level)
            else:
                warped = cv2.warpPerspective(image, pixels[i], size, to, flag | cv2.WARP_INVERSE_MAP, border, level)
            if k > 1:
                cv2.resize(warped, frame, samples[i], interpolation=cv2.INTER_AREA)
        return samples

    def _whole(self) -> np.ndarray:
        """All matrices of each row in one, displacements left out."""
        whole = self.matrices.copy()
        for row, bends in self.bends.items():
            for bend in reversed(bends):
                whole[row] = bend.before @ whole[row]
        return whole

    def _points(self, whole: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
        """How many points per pixel and axis: as many as source pixels that a pixel covers along its longest axis."""
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]]) * frame
        depth = corners @ whole[:, 2, :2].T + whole[:, 2, 2]
        depth = np.where(np.abs(depth) < 1e-6, 1e-6, depth).T[..., None, None]
        at = project(whole, np.broadcast_to(corners, (len(whole), *corners.shape)))
        jacobian = (whole[:, None, :2, :2] - at[..., :, None] * whole[:, None, 2:, :2]) / depth
        squares = (jacobian**2).sum(axis=(2, 3))
        determinant = jacobian[..., 0, 0] * jacobian[..., 1, 1] - jacobian[..., 0, 1] * jacobian[..., 1, 0]
        longest = np.sqrt((squares + np.sqrt(np.maximum(squares**2 - 4 * determinant**2, 0))) / 2).max(axis=1)
        # Never more than four points per source pixel: near a horizon a pixel covers any number of them.
        most = np.maximum(np.ceil(4 * self.originals.max(axis=1) / max(frame)), 1)
        return np.clip(np.ceil(np.nan_to_num(longest) - (SHRINK - 1)), 1, most).astype(int)

    def _coordinates(
        self, row: int, fine: np.ndarray, pixels: np.ndarray, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where each point of a bent sample comes from, in pixels of the original: x and y, ``float32 (height, width)``."""
        import cv2

        def moved(nodes: np.ndarray, column: np.ndarray, line: np.ndarray) -> np.ndarray:
            field: np.ndarray = cv2.remap(nodes, column, line, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            return field

        bends, after = self.bends[row], self.matrices[row] @ fine
        only = bends[0]
        if len(bends) == 1 and only.slid is not None and tuple(after[2]) == (0, 0, 1):
            # before(q + d(q)) is before(q) + slid(q), and everything but the displacement is one affine map.
            x, y = _fields(pixels, *_axes(size))
            column, line = _fields(after * [[only.per_px[0]], [only.per_px[1]], [1]], *_axes(size))
            x += moved(only.slid[0], column, line)
            y += moved(only.slid[1], column, line)
            return x, y
        x, y = _fields(after, *_axes(size))
        for bend in reversed(bends):
            column, line = x * np.float32(bend.per_px[0]), y * np.float32(bend.per_px[1])
            x += moved(bend.nodes[0], column, line)
            y += moved(bend.nodes[1], column, line)
            x, y = _fields(bend.before, x, y)
        x -= np.float32(0.5)
        y -= np.float32(0.5)
        return x, y


def _straight(matrices: np.ndarray) -> np.ndarray:
    """Which of the matrices are affine, ``bool (n,)``."""
    return np.asarray((matrices[:, 2] == (0, 0, 1)).all(axis=1))


def _within(x: np.ndarray, y: np.ndarray, shape: tuple[int, ...], axis: int | None = None) -> np.ndarray:
    """Whether points, in pixel coordinates, all lie on the originals, whose array has this shape; along an axis, or over all."""
    low, far_x, far_y = -0.5 - 1e-4, shape[2] - 0.5 + 1e-4, shape[1] - 0.5 + 1e-4
    return (x.min(axis) >= low) & (y.min(axis) >= low) & (x.max(axis) <= far_x) & (y.max(axis) <= far_y)


def _planes(nodes: np.ndarray) -> np.ndarray:
    """Nodes with x and y apart, as OpenCV is quickest with them, ``float32 (n, 2, rows, columns)``."""
    return np.ascontiguousarray(np.moveaxis(nodes, -1, 1), np.float32)


def _axes(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates of a picture, a row of x and a column of y."""
    return np.arange(size[0], dtype=np.float32)[None, :], np.arange(size[1], dtype=np.float32)[:, None]


def _fields(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates through a matrix: whole fields of x and of y, of the shape that those given broadcast to, ``float32``."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.astype(np.float32)
    u, v = (a * x + c) + b * y, d * x + (e * y + f)
    if (g, h, i) != (0, 0, 1):
        depth = g * x + (h * y + i)
        u /= depth
        v /= depth
    return u, v
