"""Logs of trainings, for TensorBoard: losses after each epoch, of each stage, on train beside valid.

Belongs here: where logs lie, what they are called, and the callback that every training has. They are no content: nothing reads
them back, and no hash knows them; the history of a training stands in its object.
Does not belong here: latents with their pictures (`projector`).
"""

from __future__ import annotations

import contextlib
import itertools
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from fullcircle.store.ledger import StoreWarning

LOGS = "logs"
"""Folder of the store; it may be removed at any time."""

VALID = "val_"
"""What Keras calls a figure on valid begins with."""


def new_run(root: Path, *names: str) -> Path:
    """A folder for a training that begins now, ``logs/drawings/line/decoder/2026-11-21_094605``; not made yet.

    Args:
        root: of the store.
        names: what TensorBoard shows it under, the larger first.
    """
    stamp = time.strftime("%Y-%m-%d_%H%M%S")
    for again in itertools.count(1):
        folder = root.joinpath(LOGS, *names, stamp if again == 1 else f"{stamp}_{again}")
        if not folder.exists():
            return folder
    raise AssertionError


class Scalars(keras.callbacks.Callback):
    """Writes what Keras says after each epoch into event files, and the learning rate; nothing after single steps.

    Figures on train and on valid go into folders of their own, so that TensorBoard draws them into one chart. A training with
    stages says the name of each as `stage` of the model it fits; each has charts of its own.

    A log that cannot be written, as on a full disk, ends with a `StoreWarning`; the training goes on without it.

    Args:
        folder: of `new_run`.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._writers: dict[str, tf.summary.SummaryWriter] = {}
        self._given_up = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._given_up:
            return
        figures_of_epoch = {name: float(value) for name, value in (logs or {}).items()}
        valid = {name.removeprefix(VALID): value for name, value in figures_of_epoch.items() if name.startswith(VALID)}
        train = {name: value for name, value in figures_of_epoch.items() if not name.startswith(VALID)}
        train["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        stage = getattr(self.model, "stage", "epoch")
        with self._or_given_up():
            for split, figures in (("train", train), ("valid", valid)):
                if split not in self._writers:
                    self._writers[split] = tf.summary.create_file_writer(str(self._folder / split))
                with self._writers[split].as_default(epoch + 1):
                    for name, value in figures.items():
                        tf.summary.scalar(f"{stage}/{name}", value)
                self._writers[split].flush()

    def on_train_end(self, logs: Any = None) -> None:
        with self._or_given_up():
            for writer in self._writers.values():
                writer.close()
        self._writers.clear()

    @contextlib.contextmanager
    def _or_given_up(self) -> Iterator[None]:
        """What TensorFlow cannot write in the block is the end of the log, and not of the training."""
        try:
            yield
        except tf.errors.OpError as error:
            self._given_up = True
            self._writers.clear()
            why = str(error.message).partition("\n")[0].rstrip(".")
            warnings.warn(
                f"{self._folder} cannot be written: {why}. The training goes on without its log for TensorBoard.",
                StoreWarning,
                stacklevel=2,
            )
