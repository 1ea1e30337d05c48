"""Epochs: what every training by compile/fit shares.

Belongs here: the pace (optimizer and schedule of its rate), and saying how training goes.
Does not belong here: what is trained and by which loss (`training`, `fitting`).
"""

from __future__ import annotations

from typing import Any

import keras

from fullcircle.core.progress import Progress

WARM_UP = 0.05
"""Share of the steps of a cosine schedule in which the rate rises from nothing."""

OPTIMIZERS = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}


def paced(learning_rate: float, schedule: str, steps: int, optimizer: str = "adam") -> keras.optimizers.Optimizer:
    """An optimizer by name, its rate constant or, after a `WARM_UP`, falling to nothing along a cosine over `steps`."""
    if schedule == "constant":
        return OPTIMIZERS[optimizer](learning_rate)
    warm_up = max(1, round(WARM_UP * steps))
    cosine = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=learning_rate, warmup_steps=warm_up
    )
    return OPTIMIZERS[optimizer](cosine)


class Watch(keras.callbacks.Callback):
    """Says how training goes and keeps the history.

    Args:
        stage: what it is called.
        epochs: at most so many.
        rows: examples in each.
        batch_size: of them in a step.
        progress: told all the while.
        about: what stands in each entry of the history, before the figures.
        history: entries of epochs before.
        unit: what the rows are, for people.
    """

    def __init__(
        self,
        stage: str,
        epochs: int,
        rows: int,
        batch_size: int,
        progress: Progress,
        *,
        about: dict[str, Any],
        history: list[dict[str, Any]] | None = None,
        unit: str = "examples",
    ) -> None:
        super().__init__()
        self._stage, self._epochs, self._rows, self._batch_size = stage, epochs, rows, batch_size
        self._progress, self._about, self._unit = progress, about, unit
        self._epoch = 0
        self.history: list[dict[str, Any]] = list(history or [])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        done = self._epoch * self._rows + min((batch + 1) * self._batch_size, self._rows)
        total = self._epochs * self._rows
        if done < total:
            note = f"epoch {self._epoch + 1} of {self._epochs}, loss {logs['loss']:.5f}"
            self._progress.step(self._stage, done, total, self._unit, note)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.history.append({**self._about, "epoch": epoch + 1, **{k: float(v) for k, v in sorted(logs.items())}})
        self._progress.say(
            f"{self._stage}: epoch {epoch + 1} of {self._epochs} done, loss {logs['loss']:.5f}, valid {logs['val_loss']:.5f}"
        )
