"""The embedding projector: latents with their pictures and labels, as TensorBoard's plugin reads them.

Belongs here: the files of one embedding. Nothing reads them back; like all logs they are no content.

What the plugin asks for, and does not say when it misses it: a folder counts as a run only if it holds an event file; a table of
labels has a header only if it has more than one column; and a sprite of more than 8192 px a side is not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fullcircle.store.ledger import cannot_write

POINTS = 1500
"""At most so many: the browser lays them out itself, each with its picture."""

SPRITE = 8192
"""px: side that a sprite may have at most."""

LEAST_DIMENSIONS = 3
"""The plugin shows three; of fewer latents there are columns of 0 beside them."""

CONFIG = """embeddings {{
  tensor_name: "{name}"
  tensor_path: "tensors.tsv"
  metadata_path: "metadata.tsv"
  sprite {{ image_path: "sprite.png" single_image_dim: {width} single_image_dim: {height} }}
}}
"""


def write_projector(
    folder: Path, latents: np.ndarray, images: np.ndarray, labels: Sequence[str], name: str = "latents"
) -> None:
    """Write ``tensors.tsv``, ``metadata.tsv``, ``sprite.png``, ``projector_config.pbtxt`` and an event file.

    Args:
        folder: a run of TensorBoard's; made if need be, written over if it is there.
        latents: ``float (n, latents)``; of more than `POINTS` the first are taken.
        images: their pictures, ``uint8 (n, height, width[, channels])``.
        labels: theirs.
        name: what the embedding is called.

    Raises:
        ValueError: when there are fewer than two points, or not as many rows of latents as images and labels.
        StoreError: when the folder cannot be written.
    """
    if not len(latents) == len(images) == len(labels) or len(latents) < 2:
        raise ValueError(
            "At least two pictures are expected, each with latents, an image and a label. "
            f"Received: {len(latents)} latents, {len(images)} images, {len(labels)} labels."
        )
    latents, images, labels = latents[:POINTS], images[:POINTS], labels[:POINTS]
    more = np.zeros((len(latents), max(LEAST_DIMENSIONS - latents.shape[1], 0)))
    words = [" ".join(str(label).split()) or "-" for label in labels]  # neither a tab nor a line may stand in one
    rows = ["label\tpicture", *(f"{word}\t{i}" for i, word in enumerate(words))]
    sheet, (width, height) = sprite(images)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savetxt(folder / "tensors.tsv", np.hstack([latents, more]), fmt="%.7g", delimiter="\t")
        (folder / "metadata.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        sheet.save(folder / "sprite.png")
        _event(folder)
        (folder / "projector_config.pbtxt").write_text(CONFIG.format(name=name, width=width, height=height))
    except OSError as error:
        raise cannot_write(folder, error) from error


def sprite(images: np.ndarray) -> tuple[Image.Image, tuple[int, int]]:
    """All pictures on one square sheet, row by row, and (width, height) of each; made smaller where they would not fit."""
    n, height, width = images.shape[:3]
    columns = int(np.ceil(np.sqrt(n)))
    shrink = min(1.0, SPRITE / (columns * max(height, width)))
    width, height = (max(int(side * shrink), 1) for side in (width, height))
    sheet = Image.new("L" if images.ndim == 3 else "RGB", (columns * width, columns * height))
    for i, image in enumerate(images):
        picture = Image.fromarray(image)
        if shrink < 1:
            picture = picture.resize((width, height), Image.Resampling.BOX)
        sheet.paste(picture, (i % columns * width, i // columns * height))
    return sheet, (width, height)


def _event(folder: Path) -> None:
    """An event file, if there is none, or the folder would not count as a run."""
    import tensorflow as tf

    if not any(folder.glob("events.out.*")):
        writer = tf.summary.create_file_writer(str(folder))
        with writer.as_default(0):
            tf.summary.text("about", "Latents with their pictures and labels: see the tab Projector.")
        writer.close()
