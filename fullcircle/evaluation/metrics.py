"""Metrics: how far a picture is from the true one, and a spec from the true one.

Belongs here: the mathematics, per example, in NumPy; and how per-example values become one figure. Nothing is averaged before it
has to be, so that every figure can be given by contrast and by noise level.
"""

from __future__ import annotations

import numpy as np

from fullcircle.drawings.base import Drawing
from fullcircle.images.arrays import SSIM

CUT = 1e-7
"""How near to 0 and 1 a pixel may come in a cross-entropy: Keras's epsilon."""


def image_errors(truth: np.ndarray, made: np.ndarray, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Errors of pictures against true ones, per example.

    Args:
        truth: ``float32 (n, height, width, channels)`` in [0, 1].
        made: the same shape.
        drawn: ``bool (n, height, width)``, which pixels differ from the ground.

    Returns:
        `mse`; `null_mse`, the error of the best constant picture per example, which is the variance of the true one;
        `drawn_sse` and `drawn_pixels`, squared error summed over drawn pixels and their number; `ssim`. Each ``(n,)``.
    """
    import tensorflow as tf

    squared = ((truth - made) ** 2).mean(axis=-1)
    mean = truth.mean(axis=(1, 2), keepdims=True)
    ssim = tf.image.ssim(tf.constant(truth), tf.constant(made), max_val=1.0, **SSIM)
    return {
        "mse": squared.mean(axis=(1, 2), dtype=np.float64),
        "null_mse": ((truth - mean) ** 2).mean(axis=(1, 2, 3), dtype=np.float64),
        "drawn_sse": (squared * drawn).sum(axis=(1, 2), dtype=np.float64),
        "drawn_pixels": drawn.sum(axis=(1, 2)).astype(np.float64),
        "ssim": np.asarray(ssim, np.float64),
    }


def summarise_image_errors(errors: dict[str, np.ndarray]) -> dict[str, float | None]:
    """`image_errors` of many examples as figures.

    `fvu` is the fraction of variance unexplained, mean MSE over mean MSE of the null; 1 means no better than a blank picture.
    `psnr_db` is that of the mean MSE, for pixels in [0, 1]. A figure that has nothing to be computed from is None.
    """
    if not len(errors["mse"]):
        return dict.fromkeys(("mse", "null_mse", "fvu", "psnr_db", "ssim", "drawn_pixel_mse"))
    mse, null = float(errors["mse"].mean()), float(errors["null_mse"].mean())
    drawn = float(errors["drawn_pixels"].sum())
    return {
        "mse": mse,
        "null_mse": null,
        "fvu": mse / null if null > 0 else None,
        "psnr_db": psnr_db(mse),
        "ssim": float(errors["ssim"].mean()),
        "drawn_pixel_mse": float(errors["drawn_sse"].sum()) / drawn if drawn else None,
    }


def reconstruction_errors(truth: np.ndarray, made: np.ndarray) -> dict[str, np.ndarray]:
    """Errors of reconstructions, per picture; no part of a picture counts more than another.

    Args:
        truth: ``float32 (n, height, width, channels)`` in [0, 1].
        made: the same shape.

    Returns:
        `mse`; `bce`, see `reconstruction_loss`; `ssim` where pictures are as large as its window. Each ``(n,)``.
    """
    errors = {
        "mse": ((truth - made) ** 2).mean(axis=(1, 2, 3), dtype=np.float64),
        "bce": reconstruction_loss("bce", truth, made),
    }
    if min(truth.shape[1:3]) >= SSIM["filter_size"]:
        import tensorflow as tf

        errors["ssim"] = np.asarray(tf.image.ssim(tf.constant(truth), tf.constant(made), max_val=1.0, **SSIM), np.float64)
    return errors


def reconstruction_loss(name: str, truth: np.ndarray, made: np.ndarray) -> np.ndarray:
    """What `losses.reconstruction_loss` fits autoencoders by, summed over the pixels and channels of a picture, ``float64 (n,)``.

    Args:
        name: `bce`, binary cross-entropy in nats with `made` cut to [`CUT`, 1 - `CUT`], or `mse`, the squared error.
        truth: ``float32 (n, height, width, channels)`` in [0, 1].
        made: the same shape.
    """
    if name == "mse":
        return np.asarray(((truth - made) ** 2).sum(axis=(1, 2, 3), dtype=np.float64))
    cut = np.clip(made.astype(np.float64), CUT, 1 - CUT)
    entropy = -(truth * np.log(cut) + (1 - truth) * np.log1p(-cut))
    return np.asarray(entropy.sum(axis=(1, 2, 3)))


def summarise_reconstructions(errors: dict[str, np.ndarray]) -> dict[str, float | None]:
    """`reconstruction_errors` of many pictures as figures; `psnr_db` is that of the mean MSE."""
    means = {name: float(values.mean()) for name, values in errors.items()}
    return {"mse": means["mse"], "psnr_db": psnr_db(means["mse"]), "ssim": means.get("ssim"), "bce": means["bce"]}


def psnr_db(mse: float) -> float | None:
    """Peak signal-to-noise ratio for pixels in [0, 1]; None for a perfect picture, whose ratio is infinite."""
    return float(-10 * np.log10(mse)) if mse > 0 else None


def spec_difference(drawing: Drawing, read: np.ndarray, true: np.ndarray) -> np.ndarray:
    """``read - true`` in real units, the short way round for periodic factors, ``(..., n_factors)``."""
    difference = read - true
    factors = drawing.factors
    periodic = np.array([f.periodic for f in factors])
    period = factors.high - factors.low + factors.step
    return np.where(periodic, (difference + period / 2) % period - period / 2, difference)


def order_free(drawing: Drawing, read: np.ndarray, true: np.ndarray) -> np.ndarray:
    """`read` with its factors exchanged, per example, as the drawing's symmetries allow, to come nearest to `true`.

    Nearest is least in squared difference over the factors' ranges. Both are ``(n, n_factors)`` in real units.
    """
    candidates = read[:, drawing.permutations]
    span = drawing.factors.high - drawing.factors.low
    distance = ((spec_difference(drawing, candidates, true[:, None, :]) / span) ** 2).sum(axis=-1)
    return candidates[np.arange(len(read)), distance.argmin(axis=1)]


def spec_errors(drawing: Drawing, read: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    """Errors of read specs against true ones, order-free.

    Returns:
        `factors`: absolute error per factor in its unit, ``(n, n_factors)``. `points`: distance of each point from its true
        place in px, ``(n, n_points)``.
    """
    difference = spec_difference(drawing, order_free(drawing, read, true), true)
    points = difference[:, drawing.factors.point_indices()]
    return {"factors": np.abs(difference), "points": np.sqrt((points**2).sum(axis=-1))}


def summarise_points(points: np.ndarray) -> dict[str, float | None]:
    """Endpoint errors as figures, every point counted alike; empty where the drawing has no points."""
    names = ("endpoint_px_mean", "endpoint_px_median", "endpoint_px_p95", "within_1px", "within_2px")
    if not points.shape[1]:
        return {}
    if not points.size:
        return dict.fromkeys(names)
    values = points.ravel()
    figures = (values.mean(), np.median(values), np.quantile(values, 0.95), (values <= 1).mean(), (values <= 2).mean())
    return {name: float(v) for name, v in zip(names, figures, strict=True)}


def redraw_errors(drawing: Drawing, read: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw what was read, with the true method, in every order that the symmetries allow, and keep the nearest.

    Exchanging a line's ends moves edge pixels, so a spec is judged by its better order.

    Args:
        drawing: the drawing class.
        read: valid specs, ``(n, n_factors)``.
        truth: clean pictures, ``uint8 (n, height, width[, channels])``.

    Returns:
        The redrawn pictures, ``uint8`` as `truth`, and their MSE for pixels in [0, 1], ``(n,)``; 0 is exact to the pixel.
    """
    best = np.full(len(read), np.inf)
    pictures = np.empty_like(truth)
    for permutation in drawing.permutations:
        redrawn = drawing.render(read[:, permutation])
        squared = (redrawn.astype(np.float32) - truth) ** 2
        mse = squared.reshape(len(read), -1).mean(axis=1, dtype=np.float64) / 255**2
        better = mse < best
        best[better], pictures[better] = mse[better], redrawn[better]
    return pictures, best


def within_a_step(drawing: Drawing, read: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Whether every geometry factor is at most one step off, in some order that the symmetries allow, ``bool (n,)``."""
    geometry = drawing.factors.of_kind("geometry", "count")
    off = np.abs(spec_difference(drawing, read[:, drawing.permutations], true[:, None, :]))[..., geometry]
    return np.asarray((off <= drawing.factors.step[geometry] * (1 + 1e-9)).all(axis=-1).any(axis=-1))
