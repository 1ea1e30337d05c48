"""Latents: what a latent space is worth, in numbers.

Belongs here: measures on latents and on what they decode to, in NumPy; where scikit-learn has one, scikit-learn's.
Does not belong here: running a network, pictures and pages (`reports.autoencoders`), what latents are compared with (`baselines`).

Conventions. Latents are ``float32 (n, z)``. A picture is a vector of its pixels in [0, 1]; the distance of two is the root of their
mean squared difference, of 1. KL is in nats, from N(mean, exp(log_var)) to N(0, 1).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

ACTIVE = 0.01
"""Least variance over pictures of the mean of an active latent (Y. Burda, 2016); of a plain one, as a share of the largest."""

USUAL = 0.95
"""Share of test pictures by which the yardstick calls a distance usual."""

SPREAD = 2.0
"""How far the plane through latents reaches from their mean, in standard deviations, along each of its two directions."""

COPIED, NEW, FAR = "copied", "new", "far"
"""Of a picture: nearer to train than `USUAL` of test, as near as test, farther than `USUAL` of test."""

CHUNK = 64
"""Queries whose exact distances are computed at a time: bounds memory for large pictures."""


def kl_nats(mean: np.ndarray, log_var: np.ndarray) -> np.ndarray:
    """KL of each latent of each picture, nats, ``float64 (n, z)``."""
    mean, log_var = mean.astype(np.float64), log_var.astype(np.float64)
    return np.asarray((np.exp(log_var) + mean**2 - 1 - log_var) / 2)


def active_latents(latents: np.ndarray, variational: bool) -> np.ndarray:
    """Which latents say something of the picture, ``bool (z,)``.

    Of a variational model those whose mean varies over pictures by more than `ACTIVE`; its prior has variance 1. Plain latents have
    no scale of their own, so each is measured against the latent that varies most. None is active where latents do not vary at all.

    Args:
        latents: means of the posterior, or latents, ``(n, z)``.
        variational: which of the two.
    """
    variance = latents.astype(np.float64).var(axis=0)
    return variance > max(ACTIVE if variational else ACTIVE * variance.max(initial=0), 1e-12)


def kl_share(history: Sequence[Mapping[str, Any]]) -> float | None:
    """What of the total loss on valid is KL (times its factor), in the epoch whose total is least; None of a plain autoencoder."""
    epochs = [h for h in history if "val_reconstruction" in h]
    if not epochs:
        return None
    best = min(epochs, key=lambda h: h["val_loss"])
    return float(1 - best["val_reconstruction"] / best["val_loss"]) if best["val_loss"] else None


def nearest(
    queries: np.ndarray,
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    k: int = 1,
    own: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest vectors of each query, from blocks of any number, so that memory does not grow with them.

    Args:
        queries: ``float32 (n, d)``.
        blocks: vectors ``float32 (m, d)`` and a word of each, ``(m,)``; rows are numbered as they come.
        k: how many.
        own: a word for each query; vectors with that same word do not count. None: all count.

    Returns:
        Distances, ``float64 (n, k)``, nearest first, and rows, ``int (n, k)``; infinite and -1 where there are fewer.
    """
    n = len(queries)
    distances, rows = np.full((n, k), np.inf), np.full((n, k), -1)
    lengths = np.einsum("nd,nd->n", queries, queries)
    seen = 0
    for vectors, words in blocks:
        squared = lengths[:, None] + np.einsum("md,md->m", vectors, vectors) - 2 * (queries @ vectors.T)
        if own is not None:
            squared[own[:, None] == words[None, :]] = np.inf
        take = min(k, len(vectors))
        found = np.argpartition(squared, take - 1, axis=1)[:, :take]
        # Once more and exactly: a difference of large squares is not 0 for a copy.
        exact = np.empty((n, take))
        for i in range(0, n, CHUNK):
            difference = vectors[found[i : i + CHUNK]] - queries[i : i + CHUNK, None]
            exact[i : i + CHUNK] = np.sqrt((difference**2).mean(axis=2, dtype=np.float64))
        exact[np.isinf(np.take_along_axis(squared, found, axis=1))] = np.inf
        both, both_rows = np.hstack([distances, exact]), np.hstack([rows, found + seen])
        order = np.argsort(both, axis=1, kind="stable")[:, :k]
        distances, rows = np.take_along_axis(both, order, axis=1), np.take_along_axis(both_rows, order, axis=1)
        seen += len(vectors)
    rows[np.isinf(distances)] = -1
    return distances, rows


def in_blocks(vectors: np.ndarray, words: np.ndarray, rows: int = 1024) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Vectors in memory as `nearest` takes them."""
    for i in range(0, len(vectors), rows):
        yield vectors[i : i + rows], words[i : i + rows]


def vote(labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The label that most of the nearest have; of equally many, that of the nearest. Empty where there is none, ``(n,)``."""
    votes = [
        Counter(labels[row[row >= 0]].tolist()).most_common(1) for row in rows
    ]  # counted in order: the nearest comes first
    return np.array([s[0][0] if s else "" for s in votes], object)


def relative(distances: np.ndarray, pictures: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Distances of pictures to something, as shares of their own distance from the mean picture, ``(n,)``.

    The mean of all pictures is nearer to each of them than most are to each other, and so is any blur; by how far it is from that
    mean, blur is far from everything. Infinite for the mean itself.

    Args:
        distances: ``(n,)``.
        pictures: ``(n, ...)``.
        mean: of train, as many values as a picture has.
    """
    off = pictures.reshape(len(pictures), -1) - mean.reshape(1, -1)
    own = np.sqrt((off**2).mean(axis=1, dtype=np.float64))
    return np.divide(distances, own, out=np.full(len(distances), np.inf), where=own > 1e-6)


@dataclasses.dataclass(frozen=True)
class Yardstick:
    """What is usual of real pictures that train does not hold: of test.

    Attributes:
        distances: of test pictures to their nearest training pictures, `relative`, ``(n,)``.
    """

    distances: np.ndarray

    @property
    def low(self) -> float:
        """`USUAL` of test pictures are farther than this from train."""
        return float(np.quantile(self.distances, 1 - USUAL))

    @property
    def high(self) -> float:
        """`USUAL` of test pictures are nearer than this."""
        return float(np.quantile(self.distances, USUAL))

    def verdicts(self, distances: np.ndarray) -> list[str]:
        """`COPIED`, `NEW` or `FAR`, one for each relative distance; what is not far is near a real picture."""
        return [COPIED if d <= self.low else NEW if d <= self.high else FAR for d in distances]


@dataclasses.dataclass(frozen=True)
class Plane:
    """A grid of points in latent space.

    Attributes:
        latents: ``float32 (rows, columns, z)``; the first row is the lowest.
        steps: length of a step along columns and along rows, in units of the latents.
        meaning: what plane it is.
    """

    latents: np.ndarray
    steps: tuple[float, float]
    meaning: str


def grid_plane(low: float, high: float, closed: bool, n: int) -> Plane:
    """A grid of n x n points over [low, high], or [low, high) where not `closed`: latent 1 to the right, latent 2 upwards."""
    at = np.linspace(low, high, n, endpoint=closed)
    across, up = np.meshgrid(at, at)
    bracket = "]" if closed else ")"
    meaning = f"latent 1 to the right, latent 2 upwards, {n} x {n} points over [{low:g}, {high:g}{bracket}"
    step = float(at[1] - at[0])
    return Plane(np.stack([across, up], axis=2).astype(np.float32), (step, step), meaning)


def principal_plane(latents: np.ndarray, n: int) -> Plane:
    """The plane through the mean of `latents` and their two first principal directions, `SPREAD` deviations wide, n x n points."""
    from sklearn.decomposition import PCA

    components = min(2, *latents.shape)
    pca = PCA(components, svd_solver="full").fit(latents.astype(np.float64))
    directions, deviations = np.zeros((2, latents.shape[1])), np.zeros(2)
    directions[:components] = pca.components_
    deviations[:components] = np.sqrt(pca.explained_variance_)
    at = np.linspace(-SPREAD, SPREAD, n)
    across, up = np.meshgrid(at, at)
    points = pca.mean_ + np.stack([across * deviations[0], up * deviations[1]], axis=2) @ directions
    explained = np.nan_to_num(pca.explained_variance_ratio_).sum()
    meaning = (
        f"the plane through the mean of train's latents and their first two principal directions, "
        f"{explained:.0%} of their variance, {n} x {n} points over {SPREAD:g} standard deviations to each side"
    )
    lengths = deviations * (at[1] - at[0])
    return Plane(points.astype(np.float32), (float(lengths[0]), float(lengths[1])), meaning)


def continuity(pictures: np.ndarray, steps: tuple[float, float]) -> dict[str, float]:
    """How much pictures change from one grid point to the next.

    Args:
        pictures: decoded grid, ``(rows, columns, ...)`` in [0, 1].
        steps: of `Plane`.

    Returns:
        `change_per_step` mean distance of neighbours; `largest_change` the largest; `change_per_unit` the mean over the length of
        the step, in units of the latents.
    """
    flat = pictures.reshape(*pictures.shape[:2], -1)
    changes = [np.sqrt((np.diff(flat, axis=axis) ** 2).mean(axis=2)).ravel() for axis in (1, 0)]
    per_unit = np.concatenate([c / step for c, step in zip(changes, steps, strict=True) if step > 0] or [np.zeros(1)])
    every = np.concatenate(changes)
    return {
        "change_per_step": float(every.mean()),
        "largest_change": float(every.max()),
        "change_per_unit": float(per_unit.mean()),
    }


def prior_latents(n: int, latents: np.ndarray, variational: bool, rng: np.random.Generator) -> np.ndarray:
    """Random latents, ``float32 (n, z)``: from N(0, 1); a plain autoencoder has no prior: from a Gaussian fitted to `latents`."""
    if variational:
        return rng.standard_normal((n, latents.shape[1]), np.float32)
    exact = latents.astype(np.float64)
    covariance = np.atleast_2d(np.cov(exact, rowvar=False)) if len(latents) > 1 else np.zeros((latents.shape[1],) * 2)
    return rng.multivariate_normal(exact.mean(axis=0), covariance, n, check_valid="ignore", method="eigh").astype(np.float32)


def flat_map(latents: np.ndarray, seed: int) -> tuple[np.ndarray, str]:
    """Latents in two dimensions, ``(n, 2)``, and how: for z = 2 as they are, else by t-SNE (van der Maaten, 2008)."""
    if latents.shape[1] == 2:
        return latents, "the two latents as they are"
    if latents.shape[1] == 1 or len(latents) < 4:
        return np.hstack([latents, np.zeros_like(latents)])[:, :2], "the first latents as they are"
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = float(min(30, (len(latents) - 1) // 3))
    # From the first principal directions, which t-SNE wants small; latents that are all alike have none.
    init = "pca" if latents.std(axis=0).max() > 0 else "random"
    # In one thread: several add up in an order of their own, and wait for each other busily where cores are few.
    with threadpool_limits(1):
        placed = TSNE(2, perplexity=perplexity, init=init, random_state=seed).fit_transform(latents)
    return np.asarray(
        placed
    ), f"t-SNE, perplexity {perplexity:g}: near neighbours mean something, distances between groups do not"


def morph_latents(start: np.ndarray, end: np.ndarray, n: int) -> np.ndarray:
    """Points on the straight line between two latent vectors, both ends included, n there and n back, ``float32 (2 n, z)``."""
    there = start + np.linspace(0, 1, n)[:, None] * (end - start)
    return np.concatenate([there, there[::-1]]).astype(np.float32)
