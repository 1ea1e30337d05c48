"""The training loop: every network of this project is fitted here, by compile/fit, stage after stage.

Belongs here: the optimizer and the schedule of its rate, progress and history, early stopping with the best weights, the end at the
first loss that is no number, and the checkpoint from which a killed training continues.
Does not belong here: what is trained, by which loss and on what (`drawings`, `autoencoders`).

A training is at one place at any time, the (stage, epoch) cursor. After each epoch the cursor and everything that decides what
comes next are written to a file, so a training that was killed in any stage ends with the very bits that an unbroken one has.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import math
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fullcircle.core.progress import Progress, silent
from fullcircle.store.hashing import TIMING, canonical_json, digest
from fullcircle.store.ledger import cannot_write

WARM_UP = 0.05
"""Share of the steps of a cosine schedule in which the rate rises from nothing."""

OPTIMIZERS = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}

CHECKPOINTS = "checkpoints"
"""Folder of the store for trainings that were cut off; there is nothing in it that cannot be made again."""

KEPT_DAYS = 7
"""Days after which the checkpoint of a training that nobody continued is removed."""

CURSOR, BEST = "cursor", "best_"
"""In a checkpoint: the array that holds as JSON text all that is no variable, and what the names of the best weights begin with."""

LIBRARIES = ("keras", "numpy", "tensorflow")
"""Whose versions decide what a training arrives at."""


class DivergedError(RuntimeError):
    """A loss is no longer a finite number. The message says in which stage and epoch, and what to do."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stretch of training with one objective.

    Attributes:
        name: for progress.
        epochs: at most so many, at least one.
        compiled: takes the optimizer and returns the model that is fitted, compiled with it and built. The models of all stages
            share their networks, and what a later one trains, the first one trains too.
        train: takes a function that says which epoch begins, 0 the first, and returns the dataset to fit; an order and noise
            that depend on nothing but that and the seed are the same when a killed training continues.
        valid: the dataset by whose loss the best epoch is chosen.
        rows: examples in an epoch of train.
        batch_size: of them in a step.
        about: what stands in each entry of the history before the figures.
    """

    name: str
    epochs: int
    compiled: Callable[[keras.optimizers.Optimizer], keras.Model]
    train: Callable[[Callable[[], int]], tf.data.Dataset]
    valid: tf.data.Dataset
    rows: int
    batch_size: int
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"A stage is expected to have at least one epoch. Received: {self.epochs} of {self.name!r}.")

    @property
    def steps(self) -> int:
        """Steps of the optimizer, if no epoch is left out."""
        return self.epochs * -(-self.rows // self.batch_size)


@dataclasses.dataclass(frozen=True)
class Training:
    """What happened in a training.

    Attributes:
        history: one entry per epoch, in order: `about` of its stage, `epoch` of the stage (from 1), `loss`, `val_loss` and what
            else the model measures, on both.
        seconds: that its epochs took, those before a kill included.
        examples: that were learned from, in all epochs.
    """

    history: Sequence[Mapping[str, Any]]
    seconds: float
    examples: int

    def as_dict(self, *networks: keras.Model) -> dict[str, Any]:
        """As plain data, with the size of `networks`; the time it took stands apart, for it is not content."""
        return {
            "history": [dict(entry) for entry in self.history],
            "parameters": sum(network.count_params() for network in networks),
            "trainable": sum(math.prod(w.shape) for network in networks for w in network.trainable_weights),
            TIMING: {"seconds": self.seconds, "examples_per_s": self.examples / max(self.seconds, 1e-9)},
        }


def paced(learning_rate: float, schedule: str, steps: int, optimizer: str = "adam") -> keras.optimizers.Optimizer:
    """An optimizer by name, its rate constant or, after a `WARM_UP`, falling to nothing along a cosine over `steps`."""
    if schedule == "constant":
        return OPTIMIZERS[optimizer](learning_rate)
    warm_up = max(1, round(WARM_UP * steps))
    cosine = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=learning_rate, warmup_steps=warm_up
    )
    return OPTIMIZERS[optimizer](cosine)


def fit(
    stages: Sequence[Stage],
    optimizer: keras.optimizers.Optimizer,
    *,
    patience: int,
    progress: Progress = silent,
    checkpoint: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    unit: str = "examples",
) -> Training:
    """Fit the networks behind the stages' models, in place; each stage ends with the weights that were best on valid.

    Args:
        stages: in order, at least one.
        optimizer: one for all stages: a new objective is no reason to forget the pace.
        patience: a stage ends after so many epochs in a row that did not lower its loss on valid.
        progress: where to say how far it is.
        checkpoint: file that is written after each epoch; if it exists, training continues from there, with the very result that
            an unbroken one has. It must be of the same settings, tables and code: `checkpoint_file` names it so.
        callbacks: Keras's, in every stage, called after the loop's own.
        unit: what the rows are, for people.

    Raises:
        DivergedError: at the first loss that is not a finite number.
        StoreError: when the checkpoint cannot be written; the one of the epoch before stays.
    """
    models = [stage.compiled(optimizer) for stage in stages]
    optimizer.build(models[0].trainable_variables)
    loop = _Loop(stages, _Variables(models, optimizer), patience, progress, checkpoint, unit)
    loop.resume()
    for number, (stage, model) in enumerate(zip(stages, models, strict=True)):
        if number < loop.cursor.stage:
            continue
        if number > loop.cursor.stage:
            loop.cursor.enter(number)
        if loop.over:  # the process ended after the last epoch of this stage and before the first of the next
            model.set_weights(loop.best)
            continue
        model.fit(
            stage.train(lambda: loop.epoch),
            validation_data=stage.valid,
            initial_epoch=loop.cursor.epoch,
            epochs=stage.epochs,
            shuffle=False,
            verbose=0,
            callbacks=[loop, *callbacks],
        )
    return Training(loop.cursor.history, loop.cursor.seconds, loop.cursor.examples)


@dataclasses.dataclass
class _Cursor:
    """Where a training is, but for its variables: plain data.

    Attributes:
        stage: number of the stage.
        epoch: epochs of the stage that are done.
        waited: of these, the last that brought no progress.
        least: the least loss on valid in the stage.
        seconds: that all epochs took.
        examples: that were learned from in them.
        history: see `Training`.
    """

    stage: int = 0
    epoch: int = 0
    waited: int = 0
    least: float = math.inf
    seconds: float = 0.0
    examples: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def enter(self, stage: int) -> None:
        """Go to the beginning of a stage."""
        self.stage, self.epoch, self.waited, self.least = stage, 0, 0, math.inf


class _Variables:
    """All variables that decide what comes next: weights, batch statistics and states of chance of all stages, the optimizer's."""

    def __init__(self, models: Sequence[keras.Model], optimizer: keras.optimizers.Optimizer) -> None:
        of_models = {id(v): v for model in models for v in model.variables}  # stages share networks: each variable once
        self._groups = {"variable": list(of_models.values()), "optimizer": list(optimizer.variables)}

    def _named(self) -> dict[str, Any]:
        return {f"{name}_{i}": v for name, group in self._groups.items() for i, v in enumerate(group)}

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: variable.numpy() for name, variable in self._named().items()}

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set all of them; or none, where these are not their very names and shapes.

        Raises:
            ValueError: saying which does not fit.
        """
        expected = {name: tuple(variable.shape) for name, variable in self._named().items()}
        found = {name: array.shape for name, array in arrays.items()}
        for name in expected | found:
            if expected.get(name) != found.get(name):
                raise ValueError(f"{name}: expected shape {expected.get(name)}, found {found.get(name)}")
        for name, variable in self._named().items():
            variable.assign(arrays[name])


class _Loop(keras.callbacks.Callback):
    """Follows the training: progress, history, best weights, patience, numbers that are none, and the checkpoint."""

    def __init__(
        self,
        stages: Sequence[Stage],
        variables: _Variables,
        patience: int,
        progress: Progress,
        checkpoint: Path | None,
        unit: str,
    ) -> None:
        super().__init__()
        self._stages, self._variables, self._patience = stages, variables, patience
        self._progress, self._checkpoint, self._unit = progress, checkpoint, unit
        self.cursor = _Cursor()
        self.best: list[np.ndarray] = []
        self.epoch = 0
        self._began = 0.0

    @property
    def stage(self) -> Stage:
        return self._stages[self.cursor.stage]

    @property
    def over(self) -> bool:
        """Whether the stage has no more epochs, or had no progress for too long."""
        return self.cursor.epoch >= self.stage.epochs or self.cursor.waited >= self._patience

    def resume(self) -> None:
        """Take up what the checkpoint holds, if there is one."""
        if self._checkpoint is None or not self._checkpoint.exists():
            return
        try:
            cursor, arrays, best = _read(self._checkpoint)
            self._variables.assign(arrays)
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            self._progress.say(
                f"The checkpoint {self._checkpoint} cannot be read ({error}). The training begins anew; its result is the same."
            )
            return
        self.cursor, self.best = cursor, best
        self._progress.say(
            f"{self.stage.name}: goes on after epoch {cursor.epoch} of {self.stage.epochs}, where a training was cut off"
        )

    def on_train_begin(self, logs: Any = None) -> None:
        self._began = time.monotonic() - self.cursor.seconds

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        stage, loss = self.stage, float(logs["loss"])
        if not math.isfinite(loss):
            raise _diverged(stage, loss, f"train in step {batch + 1}", self.epoch)
        done = self.epoch * stage.rows + min((batch + 1) * stage.batch_size, stage.rows)
        total = stage.epochs * stage.rows
        if done < total:
            note = f"epoch {self.epoch + 1} of {stage.epochs}, loss {loss:.5f}"
            self._progress.step(stage.name, done, total, self._unit, note)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        stage, cursor, loss = self.stage, self.cursor, logs["val_loss"]
        if not math.isfinite(loss):
            raise _diverged(stage, loss, "valid at the end", epoch)
        cursor.history.append({**stage.about, "epoch": epoch + 1, **{k: float(v) for k, v in sorted(logs.items())}})
        cursor.epoch, cursor.examples = epoch + 1, cursor.examples + stage.rows
        cursor.seconds = time.monotonic() - self._began
        if loss < cursor.least:
            cursor.least, cursor.waited, self.best = float(loss), 0, self.model.get_weights()
        else:
            cursor.waited += 1
        if self.over:
            self.model.stop_training = True
        if self._checkpoint is not None:
            _write(self._checkpoint, cursor, self._variables.arrays(), self.best)
        self._progress.say(f"{stage.name}: epoch {epoch + 1} of {stage.epochs} done, loss {logs['loss']:.5f}, valid {loss:.5f}")

    def on_train_end(self, logs: Any = None) -> None:
        self.model.set_weights(self.best)


def _diverged(stage: Stage, loss: float, where: str, epoch: int) -> DivergedError:
    return DivergedError(
        f"{stage.name}: the loss is expected to be a finite number. Received: {loss} on {where} of epoch {epoch + 1}. "
        "Lower learning_rate, or undo the last change of the settings."
    )


def _write(path: Path, cursor: _Cursor, arrays: Mapping[str, np.ndarray], best: Sequence[np.ndarray]) -> None:
    """Write a checkpoint under another name and rename it, so that it is whole or the one of the epoch before.

    Raises:
        StoreError: when it cannot be written. Nothing half-written is left.
    """
    text = json.dumps(dataclasses.asdict(cursor), allow_nan=False)
    held = {
        CURSOR: np.frombuffer(text.encode(), np.uint8),
        **arrays,
        **{f"{BEST}{i}": array for i, array in enumerate(best)},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.stem}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, **held)  # type: ignore[arg-type]  # NumPy's stub takes any name for allow_pickle
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def _read(path: Path) -> tuple[_Cursor, dict[str, np.ndarray], list[np.ndarray]]:
    with np.load(path, allow_pickle=False) as file:
        held = {name: file[name] for name in file}
    cursor = _Cursor(**json.loads(held.pop(CURSOR).tobytes()))
    best = [held.pop(f"{BEST}{i}") for i in range(sum(name.startswith(BEST) for name in held))]
    return cursor, held, best


@contextlib.contextmanager
def checkpoint_file(root: Path, *names: str, decides: Mapping[str, Any], progress: Progress = silent) -> Iterator[Path | None]:
    """The file for the checkpoint of one training, which no other training touches while this one lives.

    The name is made of all that decides the result, so what is found there is of the very same training. When the block ends
    without an error its result is stored, and the file is removed; after an error or a kill it stays for the next try. A training
    holds a lock; files whose lock is free and that nobody continued for `KEPT_DAYS` are removed by the next training beside them.

    Args:
        root: of the store.
        names: folders below `CHECKPOINTS`, the model's name and the name of what it is trained on.
        decides: settings, hashes of what is read, code version: JSON. What changes nothing but the time is left out.
        progress: where to say that there will be no checkpoint.

    Yields:
        The path; None where another live process does the very same training, for two cannot share a file.

    Raises:
        StoreError: when there can be no file.

    Example:
        >>> with checkpoint_file(store.root, "vae", "digits", decides=decides) as checkpoint:  # doctest: +SKIP
        ...     training = fit(stages, optimizer, patience=3, checkpoint=checkpoint)
        ...     draft.commit()
    """
    folder = root.joinpath(CHECKPOINTS, *names)
    libraries = {name: version(name) for name in LIBRARIES}
    name = digest([canonical_json({"decides": decides, "libraries": libraries})])[:24]
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held = stack.enter_context(_locked(folder / f"{name}.lock"))
        except OSError as error:
            raise cannot_write(folder, error) from error
        if not held:
            progress.say(f"{'/'.join(names)}: another process does the very same training; this one keeps no checkpoint")
            yield None
            return
        for other in {path.name.partition(".")[0] for path in folder.iterdir()} - {name}:
            _remove_abandoned(folder, other)
        path = folder / f"{name}.npz"
        yield path
        path.unlink(missing_ok=True)


def _remove_abandoned(folder: Path, name: str) -> None:
    """Remove the files of a training that no process is at and that was not continued for `KEPT_DAYS`."""
    path = folder / f"{name}.npz"
    with _locked(folder / f"{name}.lock") as held:
        if held and (not path.exists() or time.time() - path.stat().st_mtime > KEPT_DAYS * 24 * 3600):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold a lock file while in the block, if no living process holds it; yields whether.

    The system frees the lock of a process that was killed. The file is removed with the lock held; a lock on a file that was
    removed in the meantime is worth nothing, so it is taken again.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor)):
                break
        except FileNotFoundError:
            pass
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        os.close(descriptor)
    try:
        for part in path.parent.glob(f"{path.stem}.*.part"):  # of a process that was killed while it wrote
            part.unlink()
        yield True
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
