"""``python -m benchmarks.augmenters LIBRARY``: one process that augments, for the benchmark ``augmentation``.

Belongs here: the same operations in the words of each library. Runs in the rivals' environment too, so nothing but NumPy is
imported before a library is asked for. Speaks JSON lines: a job comes in; "ready" goes out when all is warm; a line comes in;
copies per second go out.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

Operations = Sequence[Mapping[str, Mapping[str, Any]]]
Make = Callable[[], int]
"""Makes some copies and says how many."""

BATCH = 256


def _each(operations: Operations) -> Iterator[tuple[str, float, dict[str, Any]]]:
    for operation in operations:
        ((name, arguments),) = operation.items()
        yield name, arguments["probability"], {k: v for k, v in arguments.items() if k != "probability"}


def ours(operations: Operations, images: np.ndarray, workers: int) -> Make:
    from fullcircle.images.augmentation import Pipeline

    blocks = Pipeline.from_data(operations).stream(images, 10**12, 1, workers=workers)
    return lambda: len(next(blocks))


def augmentor_pipeline(operations: Operations, images: np.ndarray) -> Any:
    import Augmentor

    pipeline = Augmentor.DataPipeline([[image] for image in images])
    for name, probability, arguments in _each(operations):
        getattr(pipeline, name)(probability=probability, **arguments)
    return pipeline


def augmentor(operations: Operations, images: np.ndarray, workers: int) -> Make:
    """Its pipeline on arrays, which spares it reading and writing a file per copy, as its usual one does."""
    pipeline = augmentor_pipeline(operations, images)
    return lambda: len(pipeline.sample(BATCH))


def albumentations(operations: Operations, images: np.ndarray, workers: int) -> Make:
    import albumentations as A  # noqa: N812  as its documentation has it
    import cv2

    cv2.setNumThreads(1)
    made = []
    for name, p, a in _each(operations):
        made.append(
            {
                "rotate": lambda p, a: A.Rotate(limit=(-a["max_right_rotation"], a["max_left_rotation"]), p=p),
                "zoom": lambda p, a: A.Affine(scale=(a["min_factor"], a["max_factor"]), p=p),
                "skew_tilt": lambda p, a: A.Perspective(scale=(0.0, a["magnitude"] / 2), p=p),
                "shear": lambda p, a: A.Affine(shear={"x": (-a["max_shear_left"], a["max_shear_right"])}, p=p),
                "random_distortion": lambda p, a: A.GridDistortion(num_steps=a["grid_width"], distort_limit=0.25, p=p),
                "flip_left_right": lambda p, a: A.HorizontalFlip(p=p),
                "invert": lambda p, a: A.InvertImg(p=p),
                "histogram_equalisation": lambda p, a: A.Equalize(p=p),
                "random_brightness": lambda p, a: A.RandomBrightnessContrast(0.5, 0, p=p),
                "random_contrast": lambda p, a: A.RandomBrightnessContrast(0, 0.5, p=p),
            }[name](p, a)
        )
    pipeline = A.Compose(made, seed=1)
    rng = np.random.default_rng(1)

    def make() -> int:
        batch = images[rng.integers(0, len(images), BATCH)]
        return len(np.stack([pipeline(image=image)["image"] for image in batch]))

    return make


def keras(operations: Operations, images: np.ndarray, workers: int) -> Make:
    """Preprocessing layers on batches, compiled as one function; TensorFlow takes as many threads as `workers`."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(workers)
    tf.config.threading.set_inter_op_parallelism_threads(workers)
    from keras import layers

    made = []
    for name, p, a in _each(operations):
        # Where a layer has no probability it always fires.
        made.append(
            {
                "rotate": lambda p, a: layers.RandomRotation(a["max_left_rotation"] / 360, fill_mode="constant"),
                "zoom": lambda p, a: layers.RandomZoom((1 / a["max_factor"] - 1, 1 / a["min_factor"] - 1)),
                "skew_tilt": lambda p, a: layers.RandomPerspective(factor=p, scale=a["magnitude"]),
                "shear": lambda p, a: layers.RandomShear(np.tan(np.radians(a["max_shear_right"])), 0.0),
                "random_distortion": lambda p, a: layers.RandomElasticTransform(factor=p, scale=0.5),
                "flip_left_right": lambda p, a: layers.RandomFlip("horizontal"),
                "invert": lambda p, a: layers.RandomInvert(factor=p),
                "histogram_equalisation": lambda p, a: layers.Equalization(),
                "random_brightness": lambda p, a: layers.RandomBrightness(0.5),
                "random_contrast": lambda p, a: layers.RandomContrast(0.5),
            }[name](p, a)
        )
    all_images = tf.constant(images.reshape(*images.shape[:3], -1))

    def batch() -> Any:
        x = tf.gather(all_images, tf.random.uniform([BATCH], 0, len(images), tf.int32))
        x = tf.cast(x, tf.float32)
        for layer in made:
            x = layer(x, training=True)
        return tf.cast(tf.clip_by_value(tf.round(x), 0, 255), tf.uint8)

    compiled = tf.function(batch)
    return lambda: len(compiled().numpy())


LIBRARIES: dict[str, Callable[[Operations, np.ndarray, int], Make]] = {
    "augmentor": augmentor,
    "albumentations": albumentations,
    "keras": keras,
    "ours": ours,
}
"""What can be asked for, by the name of its distribution but for ours."""


def pictures(operations: Operations, images: np.ndarray, n: int) -> list[np.ndarray]:
    """`n` copies of the first original per operation, by Augmentor, each of its own size."""
    made = []
    for operation in operations:
        pipeline = augmentor_pipeline([operation], images[:1])
        made += [np.asarray(copy[0]) for copy in pipeline.sample(n)]
    return made


def main() -> None:
    job = json.loads(sys.stdin.readline())
    images = np.load(job["images"])
    if job.get("pictures"):
        np.random.seed(1)  # noqa: NPY002  Augmentor draws from both global states
        import random

        random.seed(1)
        made = pictures(job["operations"], images, job["pictures"])
        np.savez(job["to"], *made)
        return
    make = LIBRARIES[sys.argv[1]](job["operations"], images, job["workers"])
    for _ in range(3):
        make()
    name = sys.argv[1]
    print(json.dumps({"ready": "" if name == "ours" else version(name)}), flush=True)
    sys.stdin.readline()
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < job["seconds"]:
        count += make()
    print(json.dumps({"rate": count / (time.perf_counter() - began)}), flush=True)


if __name__ == "__main__":
    main()
