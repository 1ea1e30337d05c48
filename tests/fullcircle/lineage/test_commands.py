"""The command `fullcircle audit`: what it prints, as text and as JSON, and its exit codes."""

import json
import re
import shutil
import subprocess

import pytest

from fullcircle import cli
from fullcircle.core.settings import SettingsError
from fullcircle.lineage.commands import printable
from fullcircle.lineage.difference import changed_definitions, difference
from fullcircle.lineage.history import History, input_subject, time_text
from fullcircle.lineage.number import command
from fullcircle.lineage.page import page
from fullcircle.lineage.tree import upstream


@pytest.fixture
def audit(world, capsys):
    """Runs the command on the world: its exit code and what it printed."""

    def run(*arguments):
        code = cli.main(["--store", str(world.store.root), "audit", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def find(world, name, partition=None):
    history = History.of(world.store)
    return history, history.find(name, partition)


def test_the_tree_has_every_version_once_with_what_is_on_record_of_it(audit, world):
    code, text, _ = audit("show", f"drawings/encoder@{world.later['encoder'][:8]}")
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == f"drawings/encoder line {world.later['encoder'][:12]}"
    assert "run run-3" in lines[1] and lines[1].lstrip("│ ").startswith("2026-")
    assert (
        f"other settings than {world.own['encoder'][:12]}, the version before: epochs was 3, is now 5; seed was 1, is now 2"
        in text
    )
    assert "passed: is_sound" in text and "asked by anna" in text
    examples = [line for line in lines if "drawings/examples" in line]
    assert len(examples) == 2 and examples[1].endswith("(see above)") and "see above" not in examples[0]


def test_the_tree_is_plain_data(audit, world):
    code, text, _ = audit("show", "drawings/encoder_report", "arc", "--json")
    tree = json.loads(text)
    names = [node["asset"].partition("/")[2] for node in tree["nodes"]]
    assert (code, tree["root"]["asset"]) == (0, "drawings/encoder_report")
    assert sorted(names) == sorted({"encoder_report", "test", "examples", "encoder", "train", "valid", "decoder", "readings"})
    (encoder,) = (node for node in tree["nodes"] if node["asset"] == "drawings/encoder")
    assert encoder["checks_passed"] == ["is_sound"] and encoder["config"] == {"epochs": 3, "seed": 7}
    assert [of["asset"] for of in encoder["inputs"]] == ["drawings/decoder", "drawings/train", "drawings/valid"]


def test_what_failed_is_not_served_and_what_was_pruned_is_named(audit, world):
    failed = History.of(world.store).by_subject["drawings/encoder", "line"][-1].version
    world.store.ledger.append({"kind": "prune", "versions": [failed], "bytes": 1, "time": world.tick(), "by": "anna"})
    code, text, _ = audit("show", f"drawings/encoder@{failed[:12]}")
    assert code == 0
    assert "failed: is_sound: nothing is well" in text
    assert "not served, because its check is_sound failed: nothing is well; removed since by prune" in text


def test_a_champion_that_a_person_decided_comes_from_its_models(audit, world):
    """Nothing is on record as read for it."""
    code, text, _ = audit("show", "drawings/champion", "line")
    assert code == 0
    assert f"drawings/encoder line {world.own['encoder'][:12]}" in text
    assert "asked by anna: bad" in text


def test_an_input_that_nobody_made_is_shown(audit, world):
    version = world.enter(
        "drawings/train", world.commit({"a.json": 1}), {"drawings/examples": "e" * 64, "files of /a b": "1" * 64}
    )
    code, text, _ = audit("show", f"drawings/train@{version[:12]}")
    assert code == 0
    assert re.search(r"drawings/examples line eeeeeeeeeeee\n[│ ]+NO RECORD made this version", text)
    assert "files of /a b line 111111111111" in text and "lies outside of the store" in text


def test_the_graph_is_dot(audit):
    code, text, _ = audit("show", "drawings/train", "arc", "--dot")
    assert code == 0
    assert text.startswith("digraph lineage {")
    assert text.count("->") == 1 and "n1 -> n0;" in text and text.count("[label=") == 2


def test_the_page_stands_alone_and_escapes_everything(audit, world, tmp_path):
    evil = "<script>alert(1)</script>\"'&"
    world.enter("drawings/examples", world.own["examples"], config={"name": evil}, asked_by=evil)
    version = world.enter(
        "drawings/train", world.commit({"a.json": 1}), {"drawings/examples": world.own["examples"]}, asked_by=evil
    )
    file = tmp_path / "new" / "page.html"
    code, text, _ = audit("show", f"drawings/train@{version[:12]}", "--html", str(file))
    page = file.read_text()
    assert (code, text.strip()) == (0, str(file))
    assert "<script" not in page and "src=" not in page and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count("&lt;script&gt;") >= 2
    links, targets = set(re.findall(r'href="#(\w+)"', page)), set(re.findall(r'section id="(\w+)"', page))
    assert links == targets == {"n0", "n1"}
    assert page.count("<rect") == 2 and page.count("<path") == 1


def test_what_steers_a_terminal_is_spelled_out(audit, world):
    assert printable("a\x1b[2Jb\nc") == "a\\x1b[2Jb\nc"
    version = world.enter("drawings/train", world.commit({"a.json": 1}), asked_by="\x1b[2J")
    assert "asked by \\x1b[2J" in audit("show", f"drawings/train@{version[:12]}")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "drawings/encodr"], "Unknown asset: 'drawings/encodr'. Did you mean 'drawings/encoder'?"),
        (["show", "drawings/encoder", "lime"], "Unknown partition of drawings/encoder: 'lime'. Did you mean 'line'?"),
        (["show", "drawings/encoder"], "One partition is expected for drawings/encoder. Received: drawings/encoder (arc)"),
        (["show", "drawings/encoder@0000", "line"], "Unknown version of drawings/encoder: '0000'."),
        (["impact", "zzzz"], "Unknown version: 'zzzz'. The nearest: "),
        (["verify", "drawings/trian"], "Did you mean 'drawings/train'?"),
        (["number", "drawings/encoder_report", "reader_exact", "--partition", "line"], "Did you mean 'reader_pixel_exact'?"),
        (["number", "drawings/encoder", "mse", "--partition", "line"], "A report with figures is expected"),
        (["diff", "drawings/encoder", "drawings/decoder", "--partition", "line"], "Two versions of one asset are expected"),
    ],
)
def test_what_cannot_be_asked_is_named_with_the_nearest_and_ends_with_2(audit, arguments, message):
    code, text, error = audit(*arguments)
    assert (code, text) == (2, "")
    assert error.startswith("fullcircle: ") and message in error


def test_a_version_is_named_by_its_beginning_as_long_as_that_is_one(world):
    history, made = find(world, world.own["encoder"][:10])
    assert made.subject == ("drawings/encoder", "line")
    assert find(world, f"drawings/encoder@{world.own['encoder'][:10]}")[1].version == made.version
    firsts = [made.version[0] for made in history.made]
    often = next(c for c in firsts if len({m.version for m in history.made if m.version.startswith(c)}) > 1)
    with pytest.raises(SettingsError, match="The beginning of one version is expected"):
        history.find(often)
    with pytest.raises(SettingsError, match="A version of drawings/a is expected. Received: a ledger without any"):
        History([]).find("drawings/a")


def test_without_a_served_version_one_is_to_be_named(world):
    world.enter("drawings/new", world.commit({"a.json": 1}), blocking=["is_sound"])
    with pytest.raises(
        SettingsError, match="is not served because the outcome of its check is_sound is not on record. To look at it"
    ):
        find(world, "drawings/new")


def test_verify_ends_with_1_where_something_is_wrong(audit, world):
    assert audit("verify", "--all")[0] == 0
    (world.store.path_of(world.own["train"]) / "train.json").write_text("[]")
    code, text, _ = audit("verify", "--all")
    assert code == 1
    assert text.startswith("WRONG: damaged object. Stored file is damaged") and "One thing is wrong. Looked at" in text
    assert "\n  where: " in text and "\n  since: " in text and "\n  to do: " in text
    code, text, _ = audit("verify", "--all", "--json")
    (finding,) = (f for f in json.loads(text)["findings"] if f["level"] == "wrong")
    assert (code, finding["kind"]) == (1, "damaged object")


def test_the_impact_of_a_version_are_all_that_was_made_from_it_and_the_champion(audit, world):
    code, text, _ = audit("impact", world.own["train"][:12], "--json")
    found = json.loads(text)
    by_asset = {each["asset"]: each for each in found["affected"] if each["version"] in world.own.values()}
    names = {"decoder", "encoder", "readings", "encoder_report", "champion"}
    assert (code, set(by_asset)) == (0, {f"drawings/{name}" for name in names})
    assert found["champions"] == {
        "line": [f"decoder {world.own['decoder'][:12]}", f"encoder {world.own['encoder'][:12]}"],
    }
    assert not by_asset["drawings/readings"]["served"]
    assert by_asset["drawings/readings"]["through"] == [f"drawings/encoder {world.own['encoder'][:12]}"]
    text = audit("impact", world.own["train"][:12])[1]
    assert "versions were made from drawings/train@" in text and "The champion of line is affected: decoder " in text


def test_nothing_is_downstream_of_a_report(audit, world):
    code, text, _ = audit("impact", world.own["encoder_report"][:12])
    assert (code, text.strip().startswith("Nothing on record was made from drawings/encoder_report@")) == (0, True)


def test_a_test_split_taints_no_model(audit, world):
    _, text, _ = audit("impact", world.own["test"][:12])
    assert "drawings/readings" in text and "drawings/encoder line" not in text
    assert "No champion that is served is affected." in text


def test_two_models_differ_first_where_they_were_not_made_alike(audit, world):
    code, text, _ = audit("diff", world.own["encoder"][:12], world.later["encoder"][:12])
    assert code == 0
    assert "differ first in drawings/examples" in text.splitlines()[0] and "seed: seed was 1, is now 2" in text.splitlines()[0]
    found = json.loads(audit("diff", world.own["encoder"][:12], world.later["encoder"][:12], "--json")[1])
    assert [pair["asset"].partition("/")[2] for pair in found["pairs"]] == ["examples", "train", "valid", "decoder", "encoder"]
    assert [r["kind"] for r in found["pairs"][3]["reasons"]] == ["settings", "seed"]
    assert found["pairs"][1]["reasons"] == []
    assert "are the same version" in audit("diff", world.own["encoder"][:12], world.own["encoder"][:12])[1]


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"code_version": "ba9876543210"}, "code", "0123456789ab and ba9876543210"),
        ({"libraries": {"numpy": "3.0.0", "new": "1"}}, "libraries", "numpy 2.0.0 and 3.0.0"),
        ({"python": "3.13.0"}, "libraries", "python 3.11.0 and 3.13.0"),
        ({"machine": {"processor": "other", "cores": 2}}, "machine", "processor one and other"),
        ({"config": {"epochs": 4}}, "settings", "epochs was 3, is now 4"),
        ({"read": {"files of a": "2" * 64}}, "data", "files of a changed, 111111111111 and 222222222222"),
        ({"read": {}}, "data", "files of a was read for the first only"),
        ({}, "unexplained", "need not come out equal on every processor"),
    ],
)
def test_every_kind_of_difference_is_named(world, fields, kind, text):
    common = {"config": {"epochs": 3}, "python": "3.11.0", "machine": {"processor": "one", "cores": 2}}
    read = {"files of a": "1" * 64}
    first, second = (
        world.enter("drawings/a", world.commit({"a.json": name}), **({"read": read} | common | of))
        for name, of in (("first", {}), ("second", fields))
    )
    history = History.of(world.store)
    (pair,) = difference(world.store, history, history.find(first), history.find(second)).pairs
    assert [reason.kind for reason in pair.reasons] == [kind]
    assert text in pair.reasons[0].text


def test_a_ledger_in_which_versions_read_each_other_is_walked_to_its_end(world):
    one, other = (world.commit({"a.json": name}) for name in ("one", "other"))
    for version, read in ((one, other), (other, one), (one, other), (other, one)):
        world.enter("drawings/a", version, {"drawings/a": read})
    history = History.of(world.store)
    first, second = history.find(one), history.find(other)
    assert len(upstream(world.store, history, first).nodes) == 2
    assert "differ, and nothing on record says why" in difference(world.store, history, first, second).text()
    assert page(upstream(world.store, history, first)).count("<rect") == 2


def test_definitions_that_changed_between_two_commits_are_named(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    heads = []
    package = tmp_path / "fullcircle"
    package.mkdir()
    for text in ("A = 1\ndef f(): ...\ndef g(): ...\n", "A = 2\ndef f(): ...  # the same\ndef g(): return 1\ndef h(): ...\n"):
        (package / "__init__.py").write_text(text)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "a"], check=True)
        heads.append(subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip())
    assert changed_definitions(*heads, tmp_path) == ["fullcircle:A", "fullcircle:g", "fullcircle:h"]
    assert changed_definitions(heads[0], "e" * 40, tmp_path) is None


def test_a_number_leads_back_to_its_parents_and_to_the_command(audit, world):
    name = f"drawings/encoder_report@{world.later['encoder_report'][:12]}"
    code, text, _ = audit("number", name, "reader_pixel_exact", "--json")
    found = json.loads(text)
    assert (code, found["value"], found["shown"]) == (0, 0.502, "50.2%")
    assert found["parents"] == {f"drawings/{of}": world.later[of] for of in ("encoder", "readings", "test")}
    assert found["seeds"]["drawings/examples"] == 2
    assert found["command"] == (
        "make run DRAWING=line PROFILE=quick SET='decoder.epochs=5 decoder.seed=2 encoder.seed=2 examples.n=3 examples.seed=2 "
        "reader.steps=redraw splits.train=0.8'"
    )
    assert found["reproduce"] == f"fullcircle audit reproduce {world.later['encoder_report'][:12]}"
    text = audit("number", name, "reader_pixel_exact")[1]
    assert text.startswith("reader_pixel_exact = 50.2%\n") and "commit not on record" in text


def test_a_report_that_is_not_whole_ends_with_1(audit, world):
    shutil.rmtree(world.store.path_of(world.own["encoder_report"]))
    code, _, error = audit("number", f"drawings/encoder_report@{world.own['encoder_report'][:12]}", "reader_pixel_exact")
    assert (code, "Stored object is missing" in error) == (1, True)


def test_a_source_is_made_again_with_its_model(new_world, tmp_path):
    world = new_world(tmp_path)
    version = world.enter("glyphs/vae", world.commit({"a.json": 1}), config={"epochs": 99}, partition="tifinagh")
    history = History.of(world.store)
    made = command(upstream(world.store, history, history.find(version)))
    assert made.startswith("make run SOURCE=tifinagh MODELS=vae PROFILE=") and made.endswith("SET=vae.epochs=99")


def test_inputs_of_other_partitions_are_known_by_their_names():
    assert input_subject("drawings/encoder (arc)", "all") == ("drawings/encoder", "arc")
    assert input_subject("drawings/encoder", "line") == ("drawings/encoder", "line")


def test_times_that_are_none_are_text():
    assert time_text(None) == "at a time that is not on record"
    assert time_text(1e300) == "at 1e+300, which is no time"
