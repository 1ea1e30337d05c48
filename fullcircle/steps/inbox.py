"""The step that reads the inbox of a drawing class: what arrived since it was last read, by the champion.

Belongs here: looking into the folder, and reading what is new. A picture stays where it is and is read once, by its name and the
SHA-256 of its content; a file that was replaced under the same name is another picture. What cannot be read is put on record too,
with the reason. How the record is kept is in `reading.inbox`.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import Settings
from fullcircle.data.sources.folder import Folder, everything_in, load_within
from fullcircle.drawings import drawing_class
from fullcircle.drawings.base import Drawing
from fullcircle.images.files import PictureError, valid_name
from fullcircle.models.decoders import DECODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.models.stored import network_module
from fullcircle.reading import inbox
from fullcircle.reading.answers import answers, as_dict
from fullcircle.reading.inbox import ASSET, FILE, FIRST_SEEN, MODIFIED, REASON, SHA256, SIZE, Seen, Stamp, stamp_of
from fullcircle.reading.pictures import Picture, as_picture
from fullcircle.reading.reader import Pictures, Reader
from fullcircle.reading.settings import InboxReadingSettings, ReaderSettings
from fullcircle.reading.stored import champion_models, reader_of
from fullcircle.steps.step import Inputs, Step, Work, the_drawing_class
from fullcircle.store.hashing import file_sha256
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.recipe import Recipe

STEPS_MODELS = (("encoder", "encoder"), ("gradient", "decoder"))
"""The reader's steps that need a model, each with the model."""

CHECKOUT = Path(__file__).parents[2]


def inbox_folder(folder: str, name: str) -> Path:
    """Where pictures of a drawing class arrive; a relative folder is taken from the checkout."""
    return CHECKOUT / Path(folder).expanduser() / name


@dataclasses.dataclass(frozen=True)
class Look:
    """A file as it was seen.

    Attributes:
        path: where it is.
        stamp: its size and time.
        reason: why it cannot be read, where that is known without trying.
    """

    path: Path
    stamp: Stamp
    reason: str | None = None


def look(folder: Path) -> dict[str, Look]:
    """Every file of a folder, by its name relative to it; nothing where there is no such folder."""
    found = {}
    root = folder.resolve()
    if not root.is_dir():
        return {}
    for path, reason in everything_in(root):
        if (stamp := stamp_of(path)) is not None:
            found[valid_name(path.relative_to(root).as_posix())] = Look(path, stamp, reason)
    return found


def arrivals(folder: Path, known: Seen) -> dict[str, Look]:
    """The files of a folder that are not known, or are not as they were when they were last looked at."""
    return {name: file for name, file in look(folder).items() if file.stamp != known.stamps.get(name)}


@dataclasses.dataclass(frozen=True)
class _Opened:
    """A file that was opened: its row so far, and its picture on the canvas; None where it cannot be read."""

    row: dict[str, Any]
    picture: Picture | None


def read_inbox(
    store: Store,
    drawing: Drawing,
    models: Mapping[str, StoredObject],
    previous: StoredObject | None,
    settings: InboxReadingSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Read what is new in the inbox of a drawing class, and add it to the record.

    Args:
        store: takes the object.
        drawing: the drawing class.
        models: the champion's, ``encoder`` and ``decoder``.
        previous: the record so far; None before the first.
        settings: the folder, the reader.
        progress: where to say what was read and what waits.

    Returns:
        The record with what is new; `previous` itself where nothing is.

    Raises:
        StoredObjectError: when the record is not whole.
    """
    folder = inbox_folder(settings.folder, drawing.name)
    known = inbox.seen(store, previous)
    found = _whole_files(folder, known, settings, progress)
    opened, touched = _open(folder, found, known, drawing, settings, progress)
    if not opened and not touched and previous is not None:
        progress.say(f"nothing new in {folder}")
        return previous
    pictures = [each for each in opened if each.picture is not None]
    if pictures:
        needed = {name: models[name] for step, name in STEPS_MODELS if step in settings.taken}
        reader = reader_of(drawing, needed, settings)
        _read(reader, pictures, {name: model.hash for name, model in models.items()}, progress)
    refused = [each.row for each in opened if each.picture is None]
    for row in refused:
        progress.say(f"{row[FILE]} cannot be read. {row[REASON]}")
    progress.say(f"{len(pictures)} pictures read, {len(refused)} refused, in {folder}")
    rows = {inbox.TABLE: [each.row for each in pictures], inbox.REFUSED: refused}
    return inbox.write(store, drawing, rows, touched, previous)


def _whole_files(folder: Path, known: Seen, settings: InboxReadingSettings, progress: Progress) -> dict[str, Look]:
    """What is new, without what is still being copied: of which size and time change while it is waited."""
    found = arrivals(folder, known)
    if found and settings.settle_seconds:
        time.sleep(settings.settle_seconds)
        waiting = [name for name, file in found.items() if stamp_of(file.path) != file.stamp]
        for name in waiting:
            progress.say(f"{name} changes while it is looked at; it is read when it is whole")
        found = {name: file for name, file in found.items() if name not in set(waiting)}
    return found


def _open(
    folder: Path,
    found: Mapping[str, Look],
    known: Seen,
    drawing: Drawing,
    settings: InboxReadingSettings,
    progress: Progress,
) -> tuple[list[_Opened], dict[str, Stamp]]:
    """The files that are to be read, at most `settings.pictures`, and the stamps of those whose content is known."""
    root, opened, touched = folder.resolve(), list[_Opened](), dict[str, Stamp]()
    for name, file in found.items():
        if len(opened) >= settings.pictures:
            progress.say(f"{len(found) - len(opened) - len(touched)} more files wait for the next run")
            break
        picture, sha256, reason = None, "", file.reason or ""
        if file.reason is None:
            try:
                loaded = load_within(file.path, root)
                sha256, picture = loaded.sha256, as_picture(file.path, loaded.picture, drawing)
            except PictureError as error:
                reason = str(error)
                sha256 = file_sha256(file.path) if file.path.is_file() and not file.path.is_symlink() else ""
        if stamp_of(file.path) != file.stamp:  # replaced while it was read: what was hashed need not be what was read
            progress.say(f"{name} changed while it was read; it is read in the next run")
        elif (name, sha256) in known.contents:
            touched[name] = file.stamp
        else:
            seen_at = datetime.datetime.now(datetime.UTC)
            row = {
                FILE: name,
                SHA256: sha256,
                SIZE: file.stamp[0],
                MODIFIED: file.stamp[1],
                FIRST_SEEN: seen_at,
                **({REASON: reason} if reason else {}),
            }
            opened.append(_Opened(row, picture))
    return opened, touched


def _read(reader: Reader, opened: list[_Opened], models: Mapping[str, str], progress: Progress) -> None:
    """Read pictures and put into their rows what was read."""
    size = reader.settings.batch_size
    parts = [opened[first : first + size] for first in range(0, len(opened), size)]

    def batches() -> Iterator[Pictures]:
        for part in parts:
            images = np.stack([each.picture.image for each in part if each.picture is not None])
            yield Pictures(images, np.array([_seed(reader.settings.seed, each.row[SHA256]) for each in part]))

    done = 0
    for part, steps in zip(parts, reader.stream(batches(), len(opened)), strict=True):
        pictures = [each.picture for each in part if each.picture is not None]
        for each, answer in zip(part, answers(reader.drawing, pictures, steps.answer), strict=True):
            values = as_dict(reader.drawing, answer)
            each.row.update(values.pop("spec") | values | models)
        done += len(part)
        progress.step("inbox", done, len(opened), "pictures")


def _seed(seed: int, sha256: str) -> int:
    """Of the search in one picture: the same whatever is read beside it."""
    return int.from_bytes(blake2b(f"{seed} {sha256}".encode(), digest_size=8).digest(), "big") >> 1


def _champion_and_record(store: Store, partition: str, inputs: Inputs) -> Inputs:
    """The champion's models, and the record so far."""
    models = champion_models(store, drawing_class(partition, store.root), ReaderSettings())
    record, _ = inbox.record_of(store, partition)
    return {f"drawings/{name}": model for name, model in models.items()} | ({ASSET: record} if record else {})


def _loaded_code(settings: Any, inputs: Inputs) -> tuple[str, ...]:
    """The code of the networks that read."""
    models = ((DECODERS, "drawings/decoder"), (ENCODERS, "drawings/encoder"))
    found = (network_module(inputs[asset], among) for among, asset in models if asset in inputs)
    return tuple(module for module in found if module)


def _inbox(work: Work) -> Mapping[str, StoredObject]:
    """Read the pictures that arrived, by the champion."""
    models = {name: work.inputs[f"drawings/{name}"] for name in ("encoder", "decoder")}
    if ASSET not in work.inputs and (why := inbox.record_of(work.store, work.partition)[1]):
        work.progress.say(f"the record so far cannot be used, so all pictures are read again. {why}")
    made = read_inbox(work.store, work.drawing, models, work.inputs.get(ASSET), work.settings, work.progress)
    return {ASSET: made}


@dataclasses.dataclass(frozen=True, eq=False)
class InboxStep(Step):
    """A step that reads a folder which its settings name."""

    def recipes(self, store: Store, partition: str, inputs: Inputs, settings: Settings) -> dict[str, Recipe]:
        """As those of any step, with the state of the folder: new files make another recipe."""
        assert isinstance(settings, InboxReadingSettings)
        folder = inbox_folder(settings.folder, partition)
        state = {f"files of {valid_name(folder)}": Folder(partition, folder).state()}
        made = super().recipes(store, partition, inputs, settings)
        return {asset: dataclasses.replace(recipe, read={**recipe.read, **state}) for asset, recipe in made.items()}


STEP = InboxStep(
    (ASSET,),
    "inbox",
    InboxReadingSettings,
    _inbox,
    more_inputs=_champion_and_record,
    roots=_loaded_code,
    classes=the_drawing_class,
)
