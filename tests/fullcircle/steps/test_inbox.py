"""The inbox: each picture is read once, what cannot be read is on record, and the record stays short and whole."""

import datetime
import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from fullcircle.core.progress import Progress
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.models.stored import TRAINING
from fullcircle.reading import inbox as record
from fullcircle.reading.reader import Reader
from fullcircle.reading.settings import InboxReadingSettings
from fullcircle.steps import inbox
from fullcircle.steps.inbox import ASSET, STEP, arrivals
from fullcircle.steps.step import run
from fullcircle.store.hashing import file_sha256
from fullcircle.store.objects import Store

LINE = DRAWINGS["line"]
SPEC = np.array([3, 5, 60, 40, 200, 4, 31])


@pytest.fixture(autouse=True)
def no_networks(monkeypatch):
    """Readers that search alone, so that no network has to be trained; a mark of each time that one was made."""
    made = []

    def reader_of(drawing, models, settings):
        made.append(dict(models))
        alone = type(settings)(steps="redraw", redraws=60, workers=1, batch_size=3)
        return Reader(drawing, scaling("range", drawing.factors), None, None, alone)

    monkeypatch.setattr(inbox, "reader_of", reader_of)
    return made


@pytest.fixture
def trained(store):
    """A store with an encoder and the decoder that it was trained through."""

    def commit(name, **read):
        with store.draft() as draft:
            (draft.path / TRAINING).write_text(json.dumps({"of": name, "read": read, "settings": {}}))
            version = draft.commit().hash
        store.ledger.append({"asset": f"drawings/{name}", "partition": "line", "version": version, "run_id": "r"})
        return version

    commit("encoder", decoder=commit("decoder"))
    return store


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "inbox" / "line"
    made.mkdir(parents=True)
    return made


def draw(path, level=200, seconds=1_000_000_000):
    """A picture of a line; its time is given, so that no test depends on the clock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = SPEC.copy()
    spec[4] = level
    Image.fromarray(LINE.render(spec[None])[0]).save(path, "PNG")
    os.utime(path, (seconds, seconds))


def read(store, folder, lines=None, **settings):
    """One run, entered into the ledger as an asset's I/O manager does."""
    chosen = InboxReadingSettings(**{"folder": str(folder.parent), "settle_seconds": 0.0, **settings})
    result = run(STEP, store, "line", {}, chosen, Progress((lines if lines is not None else []).append))
    (stored,) = result.objects.values()
    store.ledger.append({**result.recipes[ASSET].entry(), "version": stored.hash, "run_id": "r"})
    return stored


def rows(store, head, *columns, table=record.TABLE):
    table = record.last_rows(store, head, columns, table=table)
    return list(zip(*(table.column(name).to_pylist() for name in columns), strict=True))


def test_what_arrived_is_read_and_stays_where_it_is(trained, folder):
    draw(folder / "a.png")
    draw(folder / "deep" / "er" / "b.png", level=90)
    stored = read(trained, folder)
    assert sorted(p.name for p in folder.rglob("*.png")) == ["a.png", "b.png"]
    found = rows(trained, stored, "file", "sha256", "line_grey_level", "explained", "redraw_mse", "pixel_exact")
    assert [name for name, *_ in found] == ["a.png", "deep/er/b.png"]
    assert [sha256 for _, sha256, *_ in found] == [file_sha256(folder / name) for name, *_ in found]
    for _, _, level, explained, mse, exact in found:
        assert 0 <= level <= 255
        assert explained <= 1
        assert exact == (mse == 0)
    encoder = trained.ledger.latest("drawings/encoder", "line")["version"]
    assert rows(trained, stored, "encoder") == [(encoder,)] * 2
    (seen, *_) = rows(trained, stored, "first_seen")[0]
    assert seen.utcoffset().total_seconds() == 0


def test_nothing_is_dropped_in_silence(trained, folder, no_networks):
    (folder / "notes.txt").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "away.png").symlink_to("/etc/hostname")
    lines = []
    stored = read(trained, folder, lines)
    reasons = dict(rows(trained, stored, "file", "reason", table=record.REFUSED))
    assert "Received: a file of another kind." in reasons["notes.txt"]
    assert "Received: zero bytes." in reasons["empty.png"]
    assert "a symbolic link that leaves it" in reasons["away.png"]
    assert rows(trained, stored, "file") == []
    assert no_networks == []  # nothing to read, so no network was loaded
    assert any(line.startswith("empty.png cannot be read. ") for line in lines)


def test_each_is_read_once_also_by_another_process(trained, folder, no_networks):
    draw(folder / "a.png")
    first = read(trained, folder)
    again = Store(trained.root)
    assert read(again, folder).hash == first.hash
    draw(folder / "b.png", level=90)
    assert [name for (name,) in rows(again, read(again, folder), "file")] == ["a.png", "b.png"]
    assert len(no_networks) == 2


def test_a_file_replaced_under_the_same_name_is_read_again(trained, folder):
    draw(folder / "a.png")
    read(trained, folder)
    draw(folder / "a.png", level=90, seconds=1_000_000_100)
    stored = read(trained, folder)
    assert len(set(rows(trained, stored, "file", "sha256"))) == 2
    draw(folder / "a.png", seconds=1_000_000_200)  # as it was first
    assert len(rows(trained, read(trained, folder), "file")) == 2


def test_a_file_with_a_new_time_and_the_same_content_is_not_read_again_nor_looked_at_for_ever(trained, folder, no_networks):
    draw(folder / "a.png")
    first = read(trained, folder)
    os.utime(folder / "a.png", (5, 5))
    assert list(arrivals(folder, record.seen(trained, first))) == ["a.png"]
    second = read(trained, folder)
    assert rows(trained, second, "file") == [("a.png",)]
    assert not arrivals(folder, record.seen(trained, second))
    assert len(no_networks) == 1


def test_what_is_still_being_copied_waits(trained, folder, monkeypatch):
    draw(folder / "a.png")
    draw(folder / "b.png", level=90)

    def copied_meanwhile(seconds):
        assert seconds == 2.0
        draw(folder / "b.png", level=91, seconds=1_000_000_100)

    monkeypatch.setattr("time.sleep", copied_meanwhile)
    lines = []
    stored = read(trained, folder, lines, settle_seconds=2.0)
    assert rows(trained, stored, "file") == [("a.png",)]
    assert "b.png changes while it is looked at; it is read when it is whole" in lines
    assert list(arrivals(folder, record.seen(trained, stored))) == ["b.png"]


def test_what_is_replaced_while_it_is_read_waits_too(trained, folder, monkeypatch):
    draw(folder / "a.png")
    load = inbox.load_within

    def replaced(path, root):
        loaded = load(path, root)
        draw(path, level=90, seconds=1_000_000_100)
        return loaded

    monkeypatch.setattr(inbox, "load_within", replaced)
    lines = []
    assert rows(trained, read(trained, folder, lines), "file") == []
    assert "a.png changed while it was read; it is read in the next run" in lines


def test_of_very_many_the_rest_waits_for_the_next_run(trained, folder):
    for number in range(5):
        draw(folder / f"{number}.png", level=50 + number)
    lines = []
    stored = read(trained, folder, lines, pictures=3)
    assert len(rows(trained, stored, "file")) == 3
    assert "2 more files wait for the next run" in lines
    assert len(rows(trained, read(trained, folder, pictures=3), "file")) == 5


def test_a_picture_is_read_the_same_whatever_is_read_beside_it(trained, folder, tmp_path):
    other = Store(tmp_path / "other")
    shutil.copytree(trained.root, other.root)
    for number in range(4):
        draw(folder / f"{number}.png", level=50 + number)
    together = rows(trained, read(trained, folder), "file", "x_start_px", "line_grey_level", "redraw_mse")
    for count in (1, 2, 3, 4):
        alone = read(other, folder, pictures=1)
        assert rows(other, alone, "file", "x_start_px", "line_grey_level", "redraw_mse") == together[:count]


def test_where_no_picture_ever_arrived_the_record_is_empty(trained, tmp_path):
    stored = read(trained, tmp_path / "nowhere" / "line")
    assert rows(trained, stored, "file") == []


def test_without_a_trained_class_the_command_is_named(store, folder):
    draw(folder / "a.png")
    with pytest.raises(LookupError, match="make run DRAWING=line"):
        read(store, folder)


# The record.


def row(drawing, number):
    """A row with a value in each column."""
    values = {
        pa.string(): "x",
        pa.bool_(): True,
        pa.timestamp("us", tz="UTC"): datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC),
    }
    filled = {field.name: values.get(field.type, number) for field in record.schemas(drawing)[record.TABLE]}
    return filled | {"file": f"{number}.png", "sha256": f"{number:064x}"}


def write(store, head, *numbers, drawing=LINE, touched=None):
    return record.write(store, drawing, {record.TABLE: [row(drawing, n) for n in numbers]}, touched or {}, head)


def test_the_record_stays_short_and_is_written_few_times(store):
    """Runs of one picture each: at most log2 of them tables, and each row is written at most about as often."""
    head, written, longest, runs = None, 0, 0, 32
    for number in range(runs):
        head = write(store, head, number)
        written += head.table(record.TABLE).rows
        longest = max(longest, len(list(record.chain(store, head))))
    assert longest <= 6
    assert written <= 6 * runs
    files = record.last_rows(store, head, ["file"]).column("file").to_pylist()
    assert files == [f"{number}.png" for number in range(runs)]
    assert record.last_rows(store, head, ["file"], 3).column("file").to_pylist() == ["29.png", "30.png", "31.png"]


def test_what_was_only_touched_survives_being_taken_in(store):
    head = write(store, None, 1)
    head = write(store, head, touched={"1.png": (1, 77)})
    head = write(store, head, 2, 3)
    assert len(list(record.chain(store, head))) == 1
    assert record.seen(store, head).stamps == {"1.png": (1, 77), "2.png": (2, 2), "3.png": (3, 3)}


def test_what_was_touched_and_then_replaced_is_as_it_was_replaced(store):
    head = write(store, write(store, None, 1), touched={"1.png": (1, 77)})
    head = write(store, head, 1, 2, 3)
    assert record.seen(store, head).stamps["1.png"] == (1, 1)


def test_rows_of_a_class_with_other_factors_stay_in_a_table_of_their_own(store):
    head = write(store, write(store, None, 1), 2, 3, 4, drawing=DRAWINGS["arc"])
    assert len(list(record.chain(store, head))) == 2
    assert rows(store, head, "file") == [(f"{number}.png",) for number in (1, 2, 3, 4)]


def test_a_record_that_is_not_whole_is_begun_anew_and_that_is_reported(trained, folder):
    draw(folder / "a.png")
    stored = read(trained, folder)
    stored.file("inbox.parquet").write_bytes(b"damaged")
    fresh = Store(trained.root)
    head, why = record.record_of(fresh, "line")
    assert head is None
    assert "Stored file is damaged" in why
    lines = []
    assert rows(fresh, read(fresh, folder, lines), "file") == [("a.png",)]
    assert any(
        line.startswith("the record so far cannot be used, so all pictures are read again. Stored file") for line in lines
    )
