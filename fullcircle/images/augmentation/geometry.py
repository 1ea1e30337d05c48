"""Geometry of many copies at once: 3 x 3 matrices and displacement fields, and the one resampling at their end.

Belongs here: coordinates, how maps compose, OpenCV's warps. Nothing here knows an operation or draws chance.

Matrices work on *edge coordinates*: a frame of w x h px is the rectangle from (0, 0) to (w, h), and the centre of its first
pixel lies at (.5, .5). Flips, quarter turns and scalings are exact there. All maps go backwards, from where a pixel lands to where
it came from, because that is what resampling needs.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

Entry = float | np.ndarray

INTERPOLATIONS = ("linear", "nearest", "cubic")

SHRINK = 1.5
"""From this many source pixels per pixel on, a pixel is the mean of several points: each looks at two pixels along either axis, and
fine lines would begin to fall in between."""


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
    # From the unit square to the four points, then back (Heckbert 1989, section 2.2.3).
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = np.moveaxis(corners, 0, -1)
    across, down, skewed = (x1 - x2, y1 - y2), (x3 - x2, y3 - y2), (x0 - x1 + x2 - x3, y0 - y1 + y2 - y3)
    area = across[0] * down[1] - down[0] * across[1]
    g = (skewed[0] * down[1] - down[0] * skewed[1]) / area
    h = (across[0] * skewed[1] - skewed[0] * across[1]) / area
    rows = [[x1 - x0 + g * x1, x3 - x0 + h * x3, x0], [y1 - y0 + g * y1, y3 - y0 + h * y3, y0], [g, h, np.ones_like(g)]]
    return affine(len(corners), a=frames[:, 0], e=frames[:, 1]) @ np.linalg.inv(np.moveaxis(np.array(rows), -1, 0))


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
class _Bend:
    """Displacements of some copies: a field over the frame of each, then what comes before it.

    Attributes:
        rows: ``(n,)``, the copies.
        before: ``(n, 3, 3)``, from the displaced point on, back to the previous bend or the original.
        nodes: ``(n, rows, columns, 2)``.
        frames: ``(n, 2)``, width and height that the grid covers.
        to_nodes: ``(n, 3, 3)``, from the frame to columns and rows of nodes.
    """

    rows: np.ndarray
    before: np.ndarray
    nodes: np.ndarray
    frames: np.ndarray
    to_nodes: np.ndarray


class Maps:
    """The map of each copy, from its own pixels back to those of its original: everything that is geometry, in one.

    Operations are added in their order. Where no displacement is among them a map is a single matrix; where there are some, it is
    a chain of matrices and displacements.
    """

    def __init__(self, frames: np.ndarray) -> None:
        self.originals = frames
        self.whole = affine(len(frames))  # all matrices, displacements left out
        self.matrices = affine(len(frames))  # those since the last displacement
        self.bends: list[_Bend] = []

    def add(self, rows: np.ndarray, matrices: np.ndarray) -> None:
        """A matrix each for some rows."""
        self.whole[rows] = self.whole[rows] @ matrices
        self.matrices[rows] = self.matrices[rows] @ matrices

    def bend(self, rows: np.ndarray, nodes: np.ndarray, frames: np.ndarray) -> None:
        """A displacement each for some rows: nodes ``(n, rows, columns, 2)``, over frames ``(n, 2)``."""
        columns, lines = (np.array(nodes.shape[2:0:-1]) - 1)[:, None] / frames.T
        self.bends.append(_Bend(rows, self.matrices[rows], nodes, frames, affine(len(rows), a=columns, e=lines)))
        self.matrices[rows] = np.eye(3)

    def warp(
        self, images: np.ndarray, which: np.ndarray, frame: tuple[int, int], fills: np.ndarray, interpolation: str
    ) -> np.ndarray:
        """Resample every copy once.

        Args:
            images: the originals, ``uint8 (m, h, w[, c])``.
            which: ``(n,)``, the original of each copy.
            frame: width and height of the copies.
            fills: ``(n,)``, the level outside the original, -1 to repeat its edge.
            interpolation: one of `INTERPOLATIONS`.

        Returns:
            ``uint8 (n, height, width[, c])``.
        """
        import cv2

        flag = {"linear": cv2.INTER_LINEAR, "nearest": cv2.INTER_NEAREST, "cubic": cv2.INTER_CUBIC}[interpolation]
        n, (width, height) = len(which), frame
        copies = np.empty((n, height, width, *images.shape[3:]), np.uint8)
        # So many points per pixel and axis; `fine` takes the pixels of the points to edge coordinates.
        points = np.ones(n, int) if interpolation == "nearest" else self._points(frame)
        fine = affine(n, a=1 / points, c=0.5 / points, e=1 / points, f=0.5 / points)
        pixels = affine(n, c=-0.5, f=-0.5) @ self.whole @ fine
        straight = _straight(pixels)
        # A pixel is a square: a map that stays within the original must not mix in what is outside only because a pixel's centre
        # lies half a pixel inside. One that leaves it fades to the fill over one pixel.
        within = (fills < 0) | _within(project(pixels, _corners(points, frame)), images.shape)
        bent = self._bent(fine, points, frame, images.shape)
        still = (self.whole == np.eye(3)).all(axis=(1, 2)) & (frame == (images.shape[2], images.shape[1]))
        still[list(bent)] = False
        if still.any():
            copies[still] = images[which[still]]
        for i in np.flatnonzero(~still).tolist():
            image, fill, k = images[which[i]], int(fills[i]), int(points[i])
            border, level = cv2.BORDER_REPLICATE if within[i] else cv2.BORDER_CONSTANT, (fill,) * 4
            size, to = (width * k, height * k), copies[i] if k == 1 else None
            if i in bent:
                x, y, inside = bent[i].coordinates(size, images.shape)
                border = cv2.BORDER_REPLICATE if fill < 0 or inside else cv2.BORDER_CONSTANT
                warped = cv2.remap(image, x, y, flag, to, border, level)
            elif straight[i]:
                warped = cv2.warpAffine(image, pixels[i, :2], size, to, flag | cv2.WARP_INVERSE_MAP, border, level)
            else:
                warped = cv2.warpPerspective(image, pixels[i], size, to, flag | cv2.WARP_INVERSE_MAP, border, level)
            if k > 1:
                cv2.resize(warped, frame, copies[i], interpolation=cv2.INTER_AREA)
        return copies

    def _bent(self, fine: np.ndarray, points: np.ndarray, frame: tuple[int, int], shape: tuple[int, ...]) -> dict[int, _Field]:
        """Where the pixels of each copy that has displacements come from.

        Args:
            fine: ``(n, 3, 3)``, from the pixels of a copy, or the points in them, to edge coordinates.
            points: ``(n,)``, points per pixel and axis.
            frame: width and height of the copies.
            shape: of the array of originals.
        """
        last = self.matrices @ fine
        ends = project(last, _corners(points, frame))
        times = np.bincount(np.concatenate([[], *(bend.rows for bend in self.bends)]).astype(int), minlength=len(fine))
        fields: dict[int, _Field] = {}
        chains: dict[int, _Chain] = {}
        for bend in self.bends:
            to_pixels = affine(1, c=-0.5, f=-0.5) @ bend.before
            to_nodes = bend.to_nodes @ last[bend.rows]
            lines, columns = bend.nodes.shape[1:3]
            even = np.stack(np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, lines)), axis=-1).reshape(1, -1, 2)
            came = even * bend.frames[:, None] + bend.nodes.reshape(len(bend.nodes), -1, 2)
            inside = _within(project(to_pixels, came), shape)
            planes = _planes(came @ to_pixels[:, :, :2].swapaxes(1, 2) + to_pixels[:, None, :, 2], lines, columns)
            # Seen whole from within its frame, a lone displacement needs no pixel's own coordinates: its nodes' do.
            quick = (times[bend.rows] == 1) & ((ends[bend.rows] >= 0) & (ends[bend.rows] <= bend.frames[:, None])).all(
                axis=(1, 2)
            )
            straight = _straight(to_pixels)
            slow = _planes(bend.nodes.reshape(len(bend.nodes), -1, 2), lines, columns)
            for i, row in enumerate(bend.rows.tolist()):
                if quick[i]:
                    fields[row] = _Nodes(planes[i, : 2 if straight[i] else 3], to_nodes[i], bool(inside[i]))
                else:
                    chain = chains.setdefault(row, _Chain(last[row], []))
                    chain.links.append((bend.before[i], slow[i], bend.to_nodes[i]))
        return fields | chains

    def _points(self, frame: tuple[int, int]) -> np.ndarray:
        """How many points per pixel and axis: as many as source pixels that a pixel covers along its longest axis."""
        whole = self.whole
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


class _Field(Protocol):
    """Where the points of one bent copy come from."""

    def coordinates(self, size: tuple[int, int], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, bool]:
        """X and y in pixels of the original, ``float32 (height, width)``, and whether all lie on it."""


@dataclasses.dataclass(frozen=True)
class _Nodes:
    """One displacement: the pixels of the original that its nodes come from, and linear in between.

    Attributes:
        planes: x and y of each node, ``float32 (2, rows, columns)``, or in perspective x, y and depth.
        to_nodes: ``(3, 3)``, from the points of the copy to columns and rows of nodes.
        inside: whether all nodes come from the original.
    """

    planes: np.ndarray
    to_nodes: np.ndarray
    inside: bool

    def coordinates(self, size: tuple[int, int], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, bool]:
        import cv2

        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        if tuple(self.to_nodes[2]) == (0, 0, 1):
            seen = [cv2.warpAffine(p, self.to_nodes[:2], size, None, how, cv2.BORDER_REPLICATE) for p in self.planes]
        else:
            seen = [cv2.warpPerspective(p, self.to_nodes, size, None, how, cv2.BORDER_REPLICATE) for p in self.planes]
        if len(seen) == 3:
            seen[0] /= seen[2]
            seen[1] /= seen[2]
        return seen[0], seen[1], self.inside or bool(_on(seen[0], seen[1], shape))


@dataclasses.dataclass(frozen=True)
class _Chain:
    """Any displacements, pixel by pixel.

    Attributes:
        last: ``(3, 3)``, from the points of the copy to the frame of its last displacement.
        links: in the order of the operations: what comes before a displacement, its nodes ``float32 (2, rows, columns)``, and
            the map from its frame to columns and rows of nodes.
    """

    last: np.ndarray
    links: list[tuple[np.ndarray, np.ndarray, np.ndarray]]

    def coordinates(self, size: tuple[int, int], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, bool]:
        import cv2

        x, y = np.arange(size[0], dtype=np.float32)[None, :], np.arange(size[1], dtype=np.float32)[:, None]
        x, y = _fields(self.last, x, y)
        for before, nodes, to_nodes in reversed(self.links):
            column, line = _fields(to_nodes, x, y)
            x += cv2.remap(nodes[0], column, line, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
            y += cv2.remap(nodes[1], column, line, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
            x, y = _fields(before, x, y)
        x -= np.float32(0.5)
        y -= np.float32(0.5)
        return x, y, bool(_on(x, y, shape))


def _fields(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates through a matrix: whole fields of x and of y, of the shape that those given broadcast to, ``float32``."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.astype(np.float32)
    u, v = (a * x + c) + b * y, d * x + (e * y + f)
    if (g, h, i) != (0, 0, 1):
        depth = g * x + (h * y + i)
        u /= depth
        v /= depth
    return u, v


def _straight(matrices: np.ndarray) -> np.ndarray:
    """Which of the matrices are affine, ``bool (n,)``."""
    return np.asarray((matrices[:, 2] == (0, 0, 1)).all(axis=1))


def _corners(points: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """The outermost points of each copy, in their own pixel coordinates, ``(n, 4, 2)``."""
    return np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (np.multiply.outer(points, frame) - 1)[:, None]


def _on(x: np.ndarray, y: np.ndarray, shape: tuple[int, ...], axis: int | None = None) -> np.ndarray:
    """Whether points, in pixel coordinates, all lie on the originals, whose array has this shape; along an axis, or over all."""
    low, far_x, far_y = -0.5 - 1e-4, shape[2] - 0.5 + 1e-4, shape[1] - 0.5 + 1e-4
    return (x.min(axis) >= low) & (y.min(axis) >= low) & (x.max(axis) <= far_x) & (y.max(axis) <= far_y)


def _within(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The same of points ``(n, k, 2)``, ``bool (n,)``."""
    return _on(points[..., 0], points[..., 1], shape, axis=-1)


def _planes(values: np.ndarray, lines: int, columns: int) -> np.ndarray:
    """Values at nodes, ``(n, lines * columns, k)``, as a picture for each, ``float32 (n, k, lines, columns)``."""
    return np.ascontiguousarray(values.swapaxes(1, 2), np.float32).reshape(len(values), -1, lines, columns)
