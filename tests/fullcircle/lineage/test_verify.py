"""Tampering is found and named, with the place and what to do; an honest history never is."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.lineage import code
from fullcircle.lineage.findings import NOTE
from fullcircle.lineage.history import History
from fullcircle.lineage.verify import verify
from fullcircle.store.champions import FORCED, Decision, commit_decision, decision_of
from fullcircle.store.checkpoints import hold, read_checkpoints, write_checkpoint
from fullcircle.store.hashing import canonical_json, file_sha256
from fullcircle.store.objects import MANIFEST, StoredObject


def lines(world):
    return world.store.ledger.path.read_bytes().splitlines(keepends=True)


def write(world, changed):
    world.store.ledger.path.write_bytes(b"".join(changed))


def position(world, asset, version):
    """Index of the first line that records a version of an asset."""
    return next(
        i for i, line in enumerate(lines(world)) if (r := json.loads(line)).get("asset") == asset and r["version"] == version
    )


def edit(world, asset, of, **fields):
    changed = lines(world)
    i = position(world, asset, of)
    changed[i] = canonical_json(json.loads(changed[i]) | fields) + b"\n"
    write(world, changed)


def file_of(world, name, file):
    return world.store.path_of(world.own[name]) / file


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def adjust(path):
    """Put the SHA-256 that a file has now into the object's manifest."""
    manifest = json.loads((path.parent / MANIFEST).read_text())
    manifest[path.name]["sha256"] = file_sha256(path)
    (path.parent / MANIFEST).write_bytes(canonical_json(manifest))


def flip_a_table(world):
    flip(file_of(world, "examples", "examples.parquet"))


def flip_a_model(world):
    flip(file_of(world, "encoder", "encoder.bin"))


def flip_a_page(world):
    flip(file_of(world, "encoder_report", "report.html"))


def flip_a_manifest(world):
    flip(file_of(world, "encoder", MANIFEST))


def change_a_figure_and_its_sha256(world):
    path = file_of(world, "encoder_report", "report.json")
    path.write_text(path.read_text().replace("0.501", "0.999"))
    adjust(path)


def change_weights_and_their_sha256(world):
    path = file_of(world, "encoder", "encoder.bin")
    flip(path)
    adjust(path)


def change_a_page_and_its_sha256(world):
    path = file_of(world, "encoder_report", "report.html")
    flip(path)
    adjust(path)


def swap_two_objects(world):
    one, other = (world.store.path_of(world.own[name]) for name in ("train", "test"))
    one.rename(world.store.root / "aside")
    other.rename(one)
    (world.store.root / "aside").rename(other)


def delete_an_object(world):
    shutil.rmtree(world.store.path_of(world.own["train"]))


def delete_a_file(world):
    file_of(world, "encoder", "encoder.bin").unlink()


def replace_an_object_by_a_link(world):
    path = world.store.path_of(world.own["train"])
    path.rename(world.store.root / "elsewhere")
    path.symlink_to(world.store.root / "elsewhere")


def replace_a_file_by_a_link(world):
    path = file_of(world, "encoder", "encoder.bin")
    path.rename(world.store.root / "elsewhere")
    path.symlink_to(world.store.root / "elsewhere")


def add_a_file_to_an_object(world):
    file_of(world, "encoder", "notes.txt").write_text("mine")


def add_a_folder_to_an_object(world):
    file_of(world, "encoder", "notes").mkdir()


def add_a_file_beside_the_objects(world):
    (world.store.root / "objects" / "notes.txt").write_text("mine")


def link_beside_the_objects(world):
    (world.store.path_of(world.own["train"]).parent / "latest").symlink_to(world.store.root)


def edit_a_version(world):
    edit(world, "drawings/train", world.own["train"], version=world.own["test"])


def edit_a_version_into_a_path(world):
    edit(world, "drawings/encoder_report", world.own["encoder_report"], version="../../../../etc")


def delete_a_record(world):
    changed = lines(world)
    del changed[position(world, "drawings/valid", world.own["valid"])]
    write(world, changed)


def delete_the_record_of_a_report_that_was_checked(world):
    changed = lines(world)
    del changed[position(world, "drawings/encoder", world.own["encoder"])]
    write(world, changed)


def reverse_all_lines(world):
    write(world, lines(world)[::-1])


def reorder_two_lines(world):
    changed = lines(world)
    i, j = (position(world, f"drawings/{name}", world.own[name]) for name in ("examples", "train"))
    changed[i], changed[j] = changed[j], changed[i]
    write(world, changed)


def repeat_a_line(world):
    changed = lines(world)
    write(world, [*changed, changed[position(world, "drawings/encoder", world.own["encoder"])]])


def insert_a_check_of_nothing(world):
    world.check("drawings/encoder", "f" * 64)


def forge_what_was_read(world):
    edit(world, "drawings/encoder", world.own["encoder"], read={"drawings/train": "f" * 64})


def forge_what_was_read_by_another_version(world):
    entry = json.loads(lines(world)[position(world, "drawings/encoder", world.own["encoder"])])
    read = entry["read"] | {"drawings/decoder": json.loads(lines(world)[position_of_arc(world)])["version"]}
    edit(world, "drawings/encoder", world.own["encoder"], read=read)


def position_of_arc(world):
    return next(
        i
        for i, line in enumerate(lines(world))
        if (r := json.loads(line)).get("partition") == "arc" and r["asset"] == "drawings/decoder"
    )


def swap_inputs_for_those_of_a_later_run(world):
    """Both are on record; only the model itself says which it was trained on."""
    early = json.loads(lines(world)[position(world, "drawings/encoder", world.own["encoder"])])["read"]
    edit(world, "drawings/encoder", world.later["encoder"], read=early)


def forge_the_settings(world):
    edit(world, "drawings/encoder", world.own["encoder"], config={"epochs": 300, "seed": 1})


def enter_a_version_of_another_class(world):
    world.enter("drawings/encoder", world.own["encoder"], partition="arc")


def replace_the_champion(world):
    """A decision of one's own, entered without the rule that it follows the last one."""
    models = {"encoder": world.later["encoder"], "decoder": world.later["decoder"]}
    forged = commit_decision(world.store, Decision(FORCED, "mine", models, models, {}, None)).hash
    world.enter("drawings/champion", forged)


def remove_a_decision(world):
    changed = lines(world)
    del changed[position(world, "drawings/champion", world.later["champion"])]
    write(world, changed)


def edit_a_decision(world):
    path = file_of(world, "champion", "champion.json")
    path.write_text(path.read_text().replace("because of", "in spite of"))


def delete_a_decision(world):
    shutil.rmtree(world.store.path_of(world.later["champion"]))


def hide_a_failed_check_in_the_index(world):
    world.store.ledger.latest("drawings/encoder", "line")
    with sqlite3.connect(world.store.ledger.path.with_suffix(".index.sqlite")) as index:
        index.execute("DELETE FROM line WHERE version = ? AND kind = 'materialization'", (world.later["encoder"],))


def break_a_line(world):
    changed = lines(world)
    changed[position(world, "drawings/readings", world.own["readings"])] = b'{"asset": 1}\n'
    write(world, changed)


def delete_the_ledger(world):
    world.store.ledger.path.unlink()


TAMPERINGS = [
    (flip_a_table, "damaged object", "examples.parquet"),
    (flip_a_model, "damaged object", "encoder.bin"),
    (flip_a_page, "damaged object", "report.html"),
    (flip_a_manifest, "damaged object", MANIFEST),
    (change_a_figure_and_its_sha256, "damaged object", "report.json"),
    (change_weights_and_their_sha256, "damaged object", "encoder.bin"),
    (change_a_page_and_its_sha256, "damaged object", "report.html"),
    (swap_two_objects, "damaged object", MANIFEST),
    (delete_an_object, "missing object", "is missing"),
    (delete_a_file, "damaged object", "encoder.bin"),
    (replace_an_object_by_a_link, "symbolic link", "a symbolic link"),
    (replace_a_file_by_a_link, "symbolic link", "encoder.bin"),
    (add_a_file_to_an_object, "foreign file", "notes.txt"),
    (add_a_folder_to_an_object, "foreign file", "notes"),
    (add_a_file_beside_the_objects, "foreign file", "notes.txt"),
    (link_beside_the_objects, "symbolic link", "latest"),
    (edit_a_version, "unknown input", "drawings/train (line)"),
    (edit_a_version_into_a_path, "no version", "../etc"),
    (delete_a_record, "unknown input", "drawings/valid (line)"),
    (delete_the_record_of_a_report_that_was_checked, "check of nothing", "is_sound"),
    (reverse_all_lines, "input of later", "comes after that"),
    (reorder_two_lines, "input of later", "drawings/examples (line)"),
    (repeat_a_line, "repeated record", "drawings/encoder"),
    (insert_a_check_of_nothing, "check of nothing", "ffffffffffff"),
    (forge_what_was_read, "unknown input", "drawings/train (line) ffffffffffff"),
    (forge_what_was_read_by_another_version, "unknown input", "drawings/decoder (line)"),
    (swap_inputs_for_those_of_a_later_run, "contradiction", "training.json"),
    (forge_the_settings, "contradiction", "epochs was 3, is now 300"),
    (enter_a_version_of_another_class, "shared version", "drawings/encoder (line) and drawings/encoder (arc)"),
    (replace_the_champion, "decision", "says that it follows none"),
    (remove_a_decision, "decision", "expected to follow"),
    (edit_a_decision, "damaged object", "champion.json"),
    (delete_a_decision, "missing object", "is missing"),
    (hide_a_failed_check_in_the_index, "index", "drawings/encoder (line)"),
    (break_a_line, "ledger line", "line "),
    (delete_the_ledger, "ledger line", "no ledger"),
]


@pytest.mark.parametrize(("tamper", "kind", "text"), TAMPERINGS, ids=[t.__name__ for t, _, _ in TAMPERINGS])
def test_tampering_is_found_and_named(tamper, kind, text, world):
    tamper(world)
    found = verify(world.store, everything=True)
    named = [f for f in found.wrong if f.kind == kind and text in f"{f.what} {f.where}"]
    assert named, found.text()
    assert named[0].advice and named[0].where.startswith(str(world.store.root))
    assert found.as_dict()["wrong"] == len(found.wrong) >= 1


def test_an_untouched_store_is_fine(world):
    found = verify(world.store, everything=True)
    assert not found.wrong, found.text()
    assert found.objects == len(History.of(world.store).by_version)
    assert found.records == len(lines(world))
    assert found.bytes == sum(p.stat().st_size for p in (world.store.root / "objects").rglob("*") if p.is_file())
    assert "Nothing is wrong. Looked at" in found.text()


def test_honest_histories_never_alarm(in_memory, honest_history, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    for seed in range(50):
        root = in_memory / f"honest-{seed}"
        found = verify(honest_history(root, seed).store, everything=True)
        assert not found.wrong, f"{seed}: {found.text()}"
        shutil.rmtree(root)


def test_a_files_time_alone_is_no_finding(world):
    path = file_of(world, "encoder", "encoder.bin")
    os.utime(path, (1.0, 1.0))
    assert not verify(world.store, everything=True).wrong


def test_nothing_in_the_store_is_changed(world):
    flip_a_model(world)
    before = {path: path.stat().st_mtime_ns for path in world.store.root.rglob("*") if path.suffix != ".sqlite"}
    verify(world.store, everything=True)
    assert before == {path: path.stat().st_mtime_ns for path in world.store.root.rglob("*") if path.suffix != ".sqlite"}


def test_what_this_process_proved_before_is_not_trusted(world, monkeypatch):
    monkeypatch.setattr("fullcircle.store.proofs.TICK", -1)
    path = file_of(world, "encoder", "encoder.bin")
    assert not verify(world.store, everything=True).wrong
    monkeypatch.setattr("fullcircle.store.proofs._stamp", lambda path: (path.name, 0, 0, 0, 0, 0))
    assert not verify(world.store, everything=True).wrong  # all is remembered by names that stay the same
    flip(path)
    assert [f.kind for f in verify(world.store, everything=True).wrong] == ["damaged object"]


def test_since_when_and_what_to_do_is_known_of_a_damaged_object(world):
    flip_a_table(world)
    (found,) = verify(world.store, "drawings/examples", everything=True).wrong
    assert "whole when it was last made or read, 2026-" in found.since and "last change on the disk" in found.since
    assert "make run DRAWING=line" in found.advice
    assert f"3 versions were made from it directly: fullcircle audit impact {world.own['examples'][:12]}" in found.advice


def test_without_all_what_is_served_and_its_inputs_are_hashed(world):
    flip(world.store.path_of(world.later["readings"]) / "readings.json")
    served = verify(world.store)
    everything = verify(world.store, everything=True)
    assert served.objects < everything.objects
    world.learn(seed=1)  # the first run's versions are served again
    assert not verify(world.store).wrong
    assert [f.kind for f in verify(world.store, everything=True).wrong] == ["damaged object"]


def test_of_an_asset_its_versions_and_what_they_were_made_from_are_hashed(world):
    flip_a_page(world)
    assert not verify(world.store, "drawings/encoder", everything=True).wrong
    assert verify(world.store, "drawings/encoder_report", everything=True).wrong


def test_an_unknown_asset_lists_the_nearest(world):
    with pytest.raises(SettingsError, match="Unknown asset: 'drawings/encodr'. Did you mean 'drawings/encoder'"):
        verify(world.store, "drawings/encodr")


def test_where_there_is_no_store_it_cannot_be_asked(tmp_path, new_world):
    with pytest.raises(SettingsError, match="A store with a ledger is expected. Received: .*Make something: make run"):
        verify(new_world(tmp_path / "none").store)


def test_an_unfinished_last_line_is_a_note(world):
    with world.store.ledger.path.open("ab") as file:
        file.write(b'{"asset": "draw')
    found = verify(world.store, everything=True)
    assert not found.wrong
    assert any("The last line is unfinished" in f.what for f in found.findings)


def test_what_was_pruned_is_not_missing_but_what_was_made_again_since_is(world):
    record = {"kind": "prune", "versions": [world.own["encoder_report"]], "bytes": 1, "time": world.tick(), "by": "anna"}
    world.store.ledger.append(record)
    path = world.store.path_of(world.own["encoder_report"])
    path.rename(world.store.root / "aside")
    assert not verify(world.store, everything=True).wrong
    (world.store.root / "aside").rename(path)
    world.enter("drawings/encoder_report", world.own["encoder_report"])
    shutil.rmtree(path)
    assert [f.kind for f in verify(world.store, everything=True).wrong] == ["missing object"]


def test_objects_without_a_record_replaced_ones_and_clocks_that_were_set_are_notes(world):
    unnamed = world.commit({"a.json": ["mine"]})
    flip_a_page(world)
    with pytest.warns(UserWarning, match="damaged"):
        world.learn(seed=1)
    world.seconds -= 86_400
    world.enter("drawings/examples", world.commit({"b.json": 1}))
    found = verify(world.store, everything=True)
    assert not found.wrong, found.text()
    by_kind = {f.kind: f for f in found.findings}
    assert set(by_kind) == {"unrecorded object", "replaced object", "order of time"}
    assert unnamed[:12] in by_kind["unrecorded object"].what
    assert "/damaged/" in by_kind["replaced object"].advice


def test_a_store_that_lies_elsewhere_by_a_link_is_a_note(world, tmp_path):
    objects = world.store.root / "objects"
    shutil.move(objects, tmp_path / "objects")
    objects.symlink_to(tmp_path / "objects")
    found = verify(world.store, everything=True)
    assert not found.wrong, found.text()
    assert [f.level for f in found.findings if f.kind == "symbolic link"] == [NOTE]


def test_an_edit_that_nothing_else_shows_breaks_the_chain(world):
    edit(world, "drawings/readings", world.own["readings"], asked_by="berta")
    (found,) = verify(world.store, everything=True).wrong
    assert found.kind == "broken chain" and "line" in found.where and "2026-" in found.since


def test_a_tail_that_was_cut_off_shows_against_a_checkpoint_only(world, tmp_path):
    kept = write_checkpoint(world.store.ledger.path, tmp_path / "kept")
    write(world, lines(world)[:-1])
    assert not verify(world.store, everything=True).wrong
    verdicts = hold(world.store.ledger.path, read_checkpoints(kept, None))
    (found,) = verify(world.store, everything=True, held=verdicts).wrong
    assert found.kind == "checkpoint" and "at least 1 were removed" in found.what


def test_a_ledger_that_was_written_anew_with_new_links_shows_against_a_checkpoint_only(world, tmp_path):
    kept = write_checkpoint(world.store.ledger.path, tmp_path / "kept")
    records = [json.loads(line) for line in lines(world)]
    records[position(world, "drawings/readings", world.own["readings"])]["asked_by"] = "berta"
    world.store.ledger.path.unlink()
    for record in records:
        world.store.ledger.append(record)
    assert not verify(world.store, everything=True).wrong
    verdicts = hold(world.store.ledger.path, read_checkpoints(kept, None))
    (found,) = verify(world.store, everything=True, held=verdicts).wrong
    assert found.kind == "checkpoint" and "edited, removed, inserted or moved since" in found.what


def test_a_decision_that_names_others_before_it_than_there_were_is_found(world):
    stored = StoredObject(world.own["champion"], world.store.path_of(world.own["champion"]))
    first = decision_of(stored)
    last = History.of(world.store).served(("drawings/champion", "line"))
    forged = Decision(FORCED, "mine", first.challenger, first.challenger, {"encoder": "0" * 64}, last.version)
    world.enter("drawings/champion", commit_decision(world.store, forged).hash)
    (found,) = verify(world.store).wrong
    assert (found.kind, "names other models" in found.what) == ("decision", True)


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit, and its hash."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return tmp_path, head.stdout.strip()


def test_a_commit_that_is_not_in_the_repository_is_found(world, repository):
    root, head = repository
    for commit in ({"hash": head, "dirty": False}, {"hash": "e" * 40, "dirty": False}):
        world.enter("drawings/examples", world.commit({"a.json": commit}), commit=commit)
    (found,) = code.findings(History.of(world.store), root)
    assert (found.kind, found.level) == ("unknown code", "wrong")
    assert "eeeeeeeeeeee is not in the repository" in found.what and f"git fetch ORIGIN {'e' * 40}" in found.advice


def test_changes_that_are_in_no_commit_and_code_in_no_repository_are_notes(world, repository):
    root, head = repository
    world.enter("drawings/examples", world.own["examples"], commit={"hash": head, "dirty": True, "changes": "c" * 64})
    (found,) = code.findings(History.of(world.store), root)
    assert (found.kind, found.level, "cccccccccccc" in found.what) == ("uncommitted code", NOTE, True)
    (nowhere, _) = code.findings(History.of(world.store), world.store.root)
    assert (nowhere.kind, nowhere.level) == ("unknown code", NOTE)


def test_memory_does_not_grow_with_the_size_of_files(world):
    file = world.store.root / "large"
    with file.open("wb") as large:
        large.truncate(300_000_000)
    with world.store.draft() as draft:
        file.rename(draft.path / "large.bin")
        world.enter("drawings/examples", draft.commit().hash)
    script = (
        "import re, sys; from fullcircle.store.objects import Store; from fullcircle.lineage.verify import verify\n"
        "def most(): return int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) * 1024\n"
        "before = most(); found = verify(Store(sys.argv[1])); print(len(found.wrong), found.bytes, most() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(world.store.root)], capture_output=True, text=True, check=True)
    count, of_files, most = map(int, done.stdout.split())
    assert (count, of_files > 300_000_000, most < 100_000_000) == (0, True, True)
