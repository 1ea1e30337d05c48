"""Feature patterns: for a map of a trained network, the picture that it reacts to most, climbed from noise.

Belongs here: start images, the climb, and which pictures of a table excite a map most. Given any Keras model from images to
whatever; nothing knows a particular network.
Does not belong here: how patterns are shown (`reports.feature_patterns`), what must hold of them (`checks.feature_patterns`).

A map's activation is its mean over all positions, of a dense layer's unit its value. The climb is activation maximisation (D.
Erhan, 2009) with normalised steps: the gradient of the activation, divided by its root mean square, is added to the image, and
the image is standardised again, step by step.

What climbs is a standardised image, mean 0 and deviation 1 over all its pixels and channels. The network is given ``mean +
deviation * image``, with mean and deviation over all pixels of the pictures at hand (`Statistics`): so every pattern is as light
and has as much contrast as these pictures have together, no more, and none wins by contrast. Single pixels may leave [0, 1];
they are cut off where a pattern is shown or stored as a picture, not while it climbs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import SettingsError, unknown_name
from fullcircle.evaluation.settings import FeaturePatternsSettings
from fullcircle.images.arrays import unit_images
from fullcircle.store.columns import ID, IMAGE
from fullcircle.store.tables import TableReader

if TYPE_CHECKING:
    import keras

SETTLED, SILENT, OUT_OF_STEPS = "settled", "silent", "out of steps"
"""How a climb ended."""

Shape = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation over all pixels of all pictures, of 1."""

    mean: float
    deviation: float


@dataclasses.dataclass(frozen=True)
class Excited:
    """The pictures of a table that excite some maps most.

    Attributes:
        activations: ``float32 (k, m)``, the highest first; k is less than was asked for where the table is shorter.
        ids: of the pictures, ``(k, m)``.
        images: ``uint8 (k, m, height, width[, channels])``.
        mean: of the activation over all pictures, ``(m,)``.
        rows: how many pictures were looked at.
        statistics: of all their pixels.
    """

    activations: np.ndarray
    ids: np.ndarray
    images: np.ndarray
    mean: np.ndarray
    rows: int
    statistics: Statistics


@dataclasses.dataclass(frozen=True)
class Patterns:
    """What some maps of a layer react to most.

    Attributes:
        layer: its name.
        maps: their indices, ``int (m,)``.
        images: standardised, ``float32 (m, height, width, channels)``.
        activations: on them, ``float32 (m,)``.
        start_activations: on the start images, ``float32 (m,)``.
        steps: taken until the map settled or was given up, ``int (m,)``.
        ended: `SETTLED`, `SILENT` or `OUT_OF_STEPS`, for each map.
        snapshots: by step, 0 for the start, what `images` were then.
    """

    layer: str
    maps: np.ndarray
    images: np.ndarray
    activations: np.ndarray
    start_activations: np.ndarray
    steps: np.ndarray
    ended: tuple[str, ...]
    snapshots: Mapping[int, np.ndarray]


def chosen(encoder: keras.Model, settings: FeaturePatternsSettings) -> dict[str, np.ndarray]:
    """Layers and maps to ask: those that the settings name, or else maps of every convolution, or else of every dense layer.

    Returns:
        For each layer the indices of its maps, ``int (m,)``.

    Raises:
        SettingsError: when there is no such layer or map, naming those there are.
    """
    from keras import layers

    available = {layer.name: layer for layer in encoder.layers if not isinstance(layer, layers.InputLayer)}
    named = dict(settings.chosen)
    for kind in ((layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D), layers.Dense):
        named = named or {name: () for name, layer in available.items() if isinstance(layer, kind)}
    if not named:
        raise SettingsError(
            f"features.layers is expected to name layers, for {encoder.name!r} has neither convolutions nor dense layers. "
            f"Choose from: {', '.join(available)}."
        )
    made = {}
    for name, maps in named.items():
        if name not in available:
            raise SettingsError(unknown_name(f"layer of {encoder.name!r} in features.layers", name, available))
        n = available[name].output.shape[-1]
        if wrong := [m for m in maps if m >= n]:
            raise SettingsError(
                f"A map of layer {name!r} in features.layers is expected to be in 0..{n - 1}. Received: {wrong[0]}."
            )
        spread = np.unique(np.rint(np.linspace(0, n - 1, min(n, settings.maps))).astype(int))
        made[name] = np.array(sorted(set(maps))) if maps else spread
    return made


def start_images(shape: Shape, n: int, fields: Sequence[tuple[int | None, float]], rng: np.random.Generator) -> np.ndarray:
    """Noise at several length scales at once, standardised, ``float32 (n, height, width, channels)``.

    Args:
        shape: (height, width, channels), in px.
        n: how many.
        fields: for each scale how many cells of noise lie across height and width, None for one per pixel, and its weight. Each
            field is enlarged bicubically, and standardised so that only the weights weigh.
        rng: source of chance.
    """
    import cv2

    height, width, channels = shape
    made = np.zeros((n, *shape), np.float32)
    for cells, weight in fields:
        rows, columns = (min(cells or size, size) for size in (height, width))
        noise = rng.standard_normal((n, rows, columns, channels)).astype(np.float32)
        enlarged = [cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC).reshape(shape) for field in noise]
        made += weight * standardise(np.stack(enlarged))
    return standardise(made)


def standardise(images: np.ndarray) -> np.ndarray:
    """Images ``(n, height, width, channels)`` with mean 0 and deviation 1 each; one of a single colour becomes 0 everywhere."""
    mean, deviation = (f(images, axis=(1, 2, 3), keepdims=True) for f in (np.mean, np.std))
    return np.asarray((images - mean) / np.where(deviation > 0, deviation, 1), np.float32)


def as_pictures(images: np.ndarray, statistics: Statistics) -> np.ndarray:
    """Standardised images as the network is given them, ``float32 (n, height, width, channels)``; not cut to [0, 1]."""
    return np.asarray(statistics.mean + statistics.deviation * images, np.float32)


def _measure(encoder: keras.Model, layers: Mapping[str, np.ndarray]) -> Callable[[Any], Any]:
    """A function from images in [0, 1] to the mean activation of every map asked for, ``(n, m)``, layer after layer."""
    import keras
    import tensorflow as tf

    model = keras.Model(encoder.input, [encoder.get_layer(name).output for name in layers])

    def measure(images: Any) -> Any:
        parts = []
        for output, maps in zip(tf.nest.flatten(model(images, training=False)), layers.values(), strict=True):
            # An encoder may look at several windows of an image, each a row of its own: they are positions of that image too.
            positions = tf.reshape(output, (tf.shape(images)[0], -1, output.shape[-1]))
            parts.append(tf.gather(tf.reduce_mean(positions, axis=1), maps, axis=1))
        return tf.concat(parts, axis=1)

    return measure


def activations(encoder: keras.Model, layers: Mapping[str, np.ndarray], images: np.ndarray) -> np.ndarray:
    """Mean activation of maps on images.

    Args:
        encoder: the network.
        layers: for each layer the indices of its maps.
        images: ``float32 (n, height, width, channels)`` in [0, 1].

    Returns:
        ``float32 (n, m)``, the maps layer after layer.
    """
    return np.asarray(_measure(encoder, layers)(images))


def most_exciting(
    encoder: keras.Model,
    layers: Mapping[str, np.ndarray],
    table: TableReader,
    settings: FeaturePatternsSettings,
    progress: Progress = silent,
) -> Excited:
    """Which pictures of a table excite maps most. The table is streamed; only the best `settings.pictures` of each map are kept.

    Raises:
        ValueError: when the pictures are not of the shape that the encoder takes.
    """
    import tensorflow as tf

    takes = tuple(encoder.input_shape[1:])
    measure = tf.function(_measure(encoder, layers), reduce_retracing=True)
    total = np.zeros(sum(map(len, layers.values())))
    columns = np.arange(len(total))
    best: tuple[np.ndarray, ...] = ()
    rows = pixels = levels = squares = 0
    for block in table.blocks([ID, IMAGE]):
        for start in range(0, len(block[ID]), settings.batch_size):
            ids, images = (block[name][start : start + settings.batch_size] for name in (ID, IMAGE))
            pictures = unit_images(images)
            if pictures.shape[1:] != takes:
                raise ValueError(
                    f"The encoder takes pictures of {takes}. Received: {pictures.shape[1:]}. Make encoder and splits again, from "
                    "the same settings."
                )
            found = measure(tf.convert_to_tensor(pictures)).numpy()
            total += found.sum(axis=0, dtype=np.float64)
            rows, pixels = rows + len(ids), pixels + images.size
            levels += int(images.sum(dtype=np.int64))
            squares += int(np.square(images, dtype=np.int64).sum())
            order = np.argsort(-found, axis=0, kind="stable")[: settings.pictures]
            here = (found[order, columns], ids[order], images[order])
            candidates = [np.concatenate(pair) for pair in zip(best, here, strict=True)] if best else here
            order = np.argsort(-candidates[0], axis=0, kind="stable")[: settings.pictures]
            best = tuple(values[order, columns] for values in candidates)
        progress.step("test pictures", rows, table.rows, "pictures")
    if not best:
        raise ValueError(f"At least one picture is expected in {table.path}. Received: none. Make the splits again.")
    mean = levels / pixels
    statistics = Statistics(mean / 255, float(np.sqrt(max(squares / pixels - mean**2, 0))) / 255)
    highest, ids, images = best
    return Excited(highest, ids, images, mean=total / rows, rows=rows, statistics=statistics)


def snapshot_steps(steps: int, n: int) -> list[int]:
    """At most `n` steps from 1 to `steps`, evenly spaced on a logarithmic scale, and 0 before them."""
    return [0, *(int(s) for s in np.unique(np.rint(np.geomspace(1, steps, n)).astype(int)))]


def patterns(
    encoder: keras.Model,
    layer: str,
    maps: np.ndarray,
    statistics: Statistics,
    settings: FeaturePatternsSettings,
    progress: Progress = silent,
) -> Patterns:
    """Climb to what maps of one layer react to most, all maps in one compiled step.

    Each map begins at the start image that it reacts to most. One that has settled stays as it is while the others go on. One
    without any gradient, and so without activation behind a ReLU, is given another start image at each step, and given up after
    `silent_steps` of them. The same settings give the same patterns.

    Args:
        encoder: the network; it is not changed.
        layer: name of one of its layers.
        maps: indices of its maps, ``int (m,)``.
        statistics: how light the network's pictures are, and how much contrast they have.
        settings: steps, scales, when a map has settled.
        progress: where to say how far it is.
    """
    rng = np.random.default_rng(settings.seed)
    shape: Shape = tuple(encoder.input_shape[1:])
    starts, spare = (start_images(shape, n, settings.fields, rng) for n in (settings.starts, settings.silent_steps))
    tried = activations(encoder, {layer: maps}, as_pictures(starts, statistics))
    best = tried.argmax(axis=0)
    parts = []
    for i in range(0, len(maps), settings.batch_size):
        some = slice(i, i + settings.batch_size)
        parts.append(_climb(encoder, layer, maps[some], starts[best[some]], spare, statistics, settings))
        done = min(i + settings.batch_size, len(maps))
        progress.step(f"patterns of {layer}", done, len(maps), "maps", f"{(parts[-1][3] == SETTLED).sum()} settled")
    images, last, steps, ended = (np.concatenate([part[k] for part in parts]) for k in range(4))
    marks = snapshot_steps(settings.steps, settings.snapshots)
    return Patterns(
        layer=layer,
        maps=maps,
        images=images,
        activations=last,
        start_activations=tried.max(axis=0),
        steps=steps,
        ended=tuple(ended.tolist()),
        snapshots={mark: np.concatenate([part[4][mark] for part in parts]) for mark in marks},
    )


def _climb(
    encoder: keras.Model,
    layer: str,
    maps: np.ndarray,
    starts: np.ndarray,
    spare: np.ndarray,
    statistics: Statistics,
    settings: FeaturePatternsSettings,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[int, np.ndarray]]:
    """Images, activations, steps, ends and snapshots of as many maps as fit one step, each from its own start image."""
    import tensorflow as tf

    everyone = _measure(encoder, {layer: maps})
    axes = [1, 2, 3]

    def excitement(images: Any) -> Any:
        """Of each map by its own image, ``(m,)``."""
        return tf.linalg.diag_part(everyone(statistics.mean + statistics.deviation * images))

    def one_step(images: Any, before: Any, still: Any, silent: Any, going: Any) -> tuple[Any, ...]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            values = excitement(images)
        # Rows know nothing of each other, so the gradient of the sum holds each row's own.
        gradient = tape.gradient(values, images, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        largest = tf.reduce_max(tf.abs(gradient), axes, keepdims=True)
        gradient = tf.math.divide_no_nan(gradient, largest)  # or the squares of a small one would vanish
        gradient = tf.math.divide_no_nan(gradient, tf.sqrt(tf.reduce_mean(gradient**2, axes, keepdims=True)))
        mute = ~((largest[:, 0, 0, 0] > 0) & tf.math.is_finite(largest[:, 0, 0, 0]))
        silent = tf.where(mute, silent + 1, 0)
        still = tf.where(tf.abs(values - before) < settings.change * tf.abs(before), still + 1, 0)
        settled = going & ~mute & (still >= settings.still_steps)
        given_up = going & (silent >= settings.silent_steps)
        going = going & ~settled & ~given_up
        moved = images + settings.step * gradient
        mean = tf.reduce_mean(moved, axes, keepdims=True)
        moved = (moved - mean) / tf.math.reduce_std(moved, axes, keepdims=True)
        another = tf.gather(spare, tf.clip_by_value(silent - 1, 0, len(spare) - 1))
        moved = tf.where(mute[:, None, None, None], another, moved)
        images = tf.where(going[:, None, None, None], moved, images)
        return images, values, still, silent, going, settled, given_up

    step = tf.function(one_step)
    m = len(maps)
    images = tf.convert_to_tensor(starts)
    before, still, silent = tf.fill([m], np.float32(np.nan)), tf.zeros([m], tf.int32), tf.zeros([m], tf.int32)
    going = tf.fill([m], True)
    steps, ended = np.full(m, settings.steps), np.full(m, OUT_OF_STEPS, dtype=object)
    marks = snapshot_steps(settings.steps, settings.snapshots)
    snapshots = {0: starts}
    for number in range(1, settings.steps + 1):
        images, before, still, silent, going, settled, given_up = step(images, before, still, silent, going)
        for now, end in ((settled.numpy(), SETTLED), (given_up.numpy(), SILENT)):
            steps[now], ended[now] = number, end
        if number in marks:
            snapshots[number] = images.numpy()
        if not going.numpy().any():
            break
    snapshots = {mark: snapshots.get(mark, images.numpy()) for mark in marks}
    return images.numpy(), excitement(images).numpy(), steps, ended, snapshots
