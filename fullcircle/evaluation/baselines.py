"""Baselines: what one would use instead of an autoencoder.

Belongs here: the mean picture, PCA, image files of as many bytes as latents take, and filters against noise, each given the best
of its settings. Pictures at rest are ``uint8 (n, h, w[, 3])``, as vectors ``float32 (n, d)`` in [0, 1].
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from PIL import Image

from fullcircle.store.columns import IMAGE
from fullcircle.store.tables import TableReader

BYTES_PER_LATENT = 4
"""Latents are float32; the weights of the decoder are not counted, nor those of PCA."""

PCA_BYTES = 256 * 2**20
"""Of train, as float32, at most so much is held for PCA."""

QUALITIES = (0, 5, 10, 20, 35, 50, 65, 80, 90, 95, 100)

CODECS: Mapping[str, Mapping[str, object]] = {"WebP": {"method": 6}, "JPEG": {"optimize": True}}
"""Formats of Pillow and what makes their files small."""


@dataclasses.dataclass(frozen=True)
class Linear:
    """PCA: latents are where a picture lies along the first principal directions of train.

    Attributes:
        mean: of train, ``(d,)``; what latents that are all 0 decode to.
        directions: ``(z, d)``.
        pictures: of train that it was fitted on.
    """

    mean: np.ndarray
    directions: np.ndarray
    pictures: int

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """``(n, d)`` to ``(n, z)``."""
        return (vectors - self.mean) @ self.directions.T

    def reconstruct(self, vectors: np.ndarray) -> np.ndarray:
        """What is left of pictures, cut to [0, 1], ``(n, d)``."""
        return np.clip(self.encode(vectors) @ self.directions + self.mean, 0, 1)


def mean_picture(train: TableReader) -> np.ndarray:
    """The mean of all pictures of train, ``float32 (h, w, c)`` in [0, 1]: what one who has learned nothing answers."""
    total, rows = 0.0, 0
    for block in train.blocks([IMAGE]):
        total, rows = total + block[IMAGE].sum(axis=0, dtype=np.float64), rows + len(block[IMAGE])
    mean = np.asarray(total) / (255 * rows)
    return (mean if mean.ndim == 3 else mean[..., None]).astype(np.float32)


def pca_rows(dimensions: int, limit: int) -> int:
    """How many pictures PCA is fitted on at most: `limit`, or as many as `PCA_BYTES` hold."""
    return max(min(limit, PCA_BYTES // (4 * dimensions)), 2)


def fit_pca(blocks: Iterable[np.ndarray], latents: int, limit: int, seed: int = 1) -> Linear:
    """PCA with as many latents (as many as there can be), on the first `pca_rows` vectors.

    Args:
        blocks: ``float32 (m, d)``; at least two vectors in all.
        latents: how many directions.
        limit: see `pca_rows`.
        seed: scikit-learn takes chance for large ones.
    """
    from sklearn.decomposition import PCA

    held: list[np.ndarray] = []
    rows, wanted = 0, 2
    for block in blocks:
        wanted = pca_rows(block.shape[1], limit)
        held.append(block[: wanted - rows])
        rows += len(held[-1])
        if rows >= wanted:
            break
    vectors = np.concatenate(held)
    held.clear()
    pca = PCA(min(latents, *vectors.shape), random_state=seed).fit(vectors)
    return Linear(pca.mean_.astype(np.float32), pca.components_.astype(np.float32), len(vectors))


@dataclasses.dataclass(frozen=True)
class Coded:
    """Pictures through image files.

    Attributes:
        made: what the files hold, as the pictures given.
        bytes: of each file with its header, ``int (n,)``.
        fits: whether it is as small as it had to be, ``bool (n,)``; else it is the smallest there is.
    """

    made: np.ndarray
    bytes: np.ndarray
    fits: np.ndarray


def coded(images: np.ndarray, codec: str, budget: int) -> Coded:
    """Each picture as a file of at most `budget` bytes, by the highest of `QUALITIES` that comes before one that is too large.

    Args:
        images: ``uint8 (n, h, w[, 3])``.
        codec: of `CODECS`.
        budget: bytes, header and all.
    """
    made, sizes = np.empty_like(images), np.empty(len(images), int)
    for i, image in enumerate(images):
        kept = b""
        for quality in QUALITIES:
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, codec, quality=quality, **CODECS[codec])
            if kept and buffer.tell() > budget:
                break
            kept = buffer.getvalue()
            if len(kept) > budget:
                break
        sizes[i] = len(kept)
        opened = Image.open(io.BytesIO(kept)).convert("RGB" if image.ndim == 3 else "L")
        made[i] = np.asarray(opened)
    return Coded(made, sizes, sizes <= budget)


def median(images: np.ndarray, size: float) -> np.ndarray:
    """Median filter of `size` x `size` px; 1 leaves pictures as they are."""
    import cv2

    return np.stack([cv2.medianBlur(image, int(size)) for image in images])


def nl_means(images: np.ndarray, strength: float) -> np.ndarray:
    """OpenCV's non-local means (A. Buades, 2005) of a `strength` in grey levels; colour pictures by its variant for them."""
    import cv2

    if images.ndim == 4:
        return np.stack([cv2.fastNlMeansDenoisingColored(i, None, strength, strength, 7, 21) for i in images])
    return np.stack([cv2.fastNlMeansDenoising(i, None, strength, 7, 21) for i in images])


@dataclasses.dataclass(frozen=True)
class Filter:
    """Something that takes noise away and has one setting.

    Attributes:
        apply: pictures at rest and the setting to pictures at rest.
        candidates: the settings to choose from, by the noise's deviation in grey levels.
    """

    apply: Callable[[np.ndarray, float], np.ndarray]
    candidates: Callable[[float], Sequence[float]]


FILTERS: Mapping[str, Filter] = {
    "median filter": Filter(median, lambda sigma: (1, 3, 5, 7)),
    "non-local means": Filter(nl_means, lambda sigma: tuple(sigma * f for f in (0.4, 0.6, 0.8, 1.0, 1.25, 1.6, 2.0))),
}


def tuned(rival: Filter, noisy: np.ndarray, clean: np.ndarray, sigma: float) -> float:
    """The setting whose mean squared error on these pictures is least."""

    def error(candidate: float) -> float:
        return float(((rival.apply(noisy, candidate).astype(np.float32) - clean) ** 2).mean())

    return min(rival.candidates(sigma), key=error)
