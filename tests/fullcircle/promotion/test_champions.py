"""What ``fullcircle champion`` prints, finds and refuses."""

import json

import pytest

from fullcircle.cli import main
from fullcircle.models.stored import TRAINING
from fullcircle.promotion import champions
from fullcircle.promotion.champions import UNSEEN_SEED, challenger, champion_asset, compare_versions
from fullcircle.store.champions import Decision, commit_decision, last_decision

FIGURES = {
    "pixel for pixel, clean": {
        "challenger": 0.98, "champion": 0.97, "gain": 0.01, "low": -0.01, "high": 0.03, "margin": 0.05, "setting": "exact_margin",
        "text": "98.0 % (97.0 %)", "bound": "-1.0 %",
    }
}  # fmt: skip


@pytest.fixture
def encoder(store):
    def make(number, decoder):
        with store.draft() as draft:
            (draft.path / TRAINING).write_text(json.dumps({"number": number, "read": {"decoder": decoder}}))
            version = draft.commit().hash
        store.ledger.append({"asset": "drawings/encoder", "partition": "line", "version": version, "run_id": "r"})
        return version

    return make


@pytest.fixture
def two(store, encoder):
    """Two champions one after the other, each an encoder and its decoder."""
    found = []
    for number in (1, 2):
        with store.draft() as draft:
            (draft.path / "decoder.json").write_text(f"{number}")
            decoder = draft.commit().hash
        models = {"encoder": encoder(number, decoder), "decoder": decoder}
        last = last_decision(store, "drawings/champion", "line")
        before, previous = (last.decision.champion, last.stored.hash) if last else ({}, None)
        comparison = {"figures": FIGURES, "pictures": 400, "looked_at": number}
        decision = Decision("promoted", f"Promoted {number}.", models, models, before, previous, number, comparison)
        stored = commit_decision(store, decision)
        entry = {"asset": "drawings/champion", "partition": "line", "version": stored.hash, "run_id": "r", "time": 1.8e9}
        store.ledger.append(entry)
        found.append(models)
    return found


@pytest.fixture
def command(store, capsys):
    def run(*arguments, code=0):
        assert main(["--store", str(store.root), "champion", *arguments]) == code
        printed = capsys.readouterr()
        return printed.out if code == 0 else printed.err

    return run


def test_all_champions_a_line_each(two, command):
    (line,) = command("show").splitlines()
    encoder, decoder = two[1]["encoder"][:12], two[1]["decoder"][:12]
    assert " ".join(line.split()) == f"line encoder {encoder}, decoder {decoder} 2027-01-15 08:00 UTC promoted"


def test_nothing_decided_yet_is_a_sentence(command):
    assert command("show") == "Nothing was decided yet. Train something: make run\n"


def test_one_champion_with_its_reason_and_figures(two, command):
    shown = command("show", "line")
    assert "Promoted 2." in shown
    assert "pixel for pixel, clean  98.0 % (97.0 %)" in shown
    assert "on 400 test pictures; comparison 2 on these, 2 in all" in shown


def test_a_champion_that_is_not_whole_is_marked(store, two, command):
    (store.path_of(two[1]["decoder"]) / "decoder.json").write_text("9")
    assert command("show").rstrip().endswith("NOT WHOLE")
    assert "Go back: fullcircle champion rollback line --reason TEXT" in command("show", "line")


def test_the_history_has_every_decision(two, command):
    assert [f"Promoted {n}." in command("history", "line") for n in (1, 2)] == [True, True]
    plain = json.loads(command("history", "line", "--json"))
    assert [(d["champion_of"], d["champion"], d["run_id"]) for d in plain] == [("line", models, "r") for models in two]


def test_a_rollback_and_a_promotion_by_hand_go_on_record(store, two, command):
    assert "rolled back" in command("rollback", "line", "--reason", "reads badly")
    assert last_decision(store, "drawings/champion", "line").decision.champion == two[0]
    assert "forced" in command("promote", "line", two[1]["encoder"][:8], "--force", "it was the camera")
    assert last_decision(store, "drawings/champion", "line").decision.champion == two[1]
    outcomes = [d["outcome"] for d in json.loads(command("history", "line", "--json"))]
    assert outcomes == ["promoted", "promoted", "rolled back", "forced"]


def test_a_name_of_which_nothing_was_decided_lists_those_there_are(two, command):
    for asked in (["show", "lin"], ["history", "lin"], ["rollback", "lin", "--reason", "x"], ["compare", "lin"]):
        assert "Received: 'lin'. There are: line." in command(*asked, code=1)


def test_a_rollback_needs_a_reason(two, command, capsys):
    with pytest.raises(SystemExit):
        command("rollback", "line")
    assert "--reason" in capsys.readouterr().err


def test_the_figures_of_the_last_decision_are_compared(two, command):
    assert "better by at least" in command("compare", "line")


def test_two_versions_are_compared_on_pictures_that_no_decision_looks_at(two, command, monkeypatch):
    asked = []

    def compare_readers(store, drawing, new, old, settings, progress):
        asked.append(({n: o.hash for n, o in new.items()}, {n: o.hash for n, o in old.items()}, settings.seed))
        return {"figures": FIGURES, "pictures": 400}

    monkeypatch.setattr("fullcircle.promotion.drawings.compare_readers", compare_readers)
    shown = command("compare", "line", two[0]["encoder"][:9])
    assert asked == [(two[0], two[1], UNSEEN_SEED)]
    assert "98.0 % (97.0 %)" in shown
    command("compare", "line", two[0]["encoder"], two[0]["encoder"], "--json")
    assert asked[1][:2] == (two[0], two[0])


def test_a_version_that_none_or_several_begin_with_is_refused(store, two, command):
    assert "The beginning of one version of drawings/encoder of line is expected. Received: 'zz'" in command(
        "promote", "line", "zz", "--force", "x", code=1
    )
    assert "Received: ''" in command("promote", "line", "", "--force", "x", code=1)
    assert "Received: no version, and none was made" in command("promote", "arc", "--force", "x", code=1)
    assert challenger(store, "line") == two[1]


def test_names_and_assets():
    assert champion_asset("line") == ("drawings/champion", "line")
    assert champion_asset("tifinagh/vae") == ("glyphs/vae_champion", "tifinagh")


def test_autoencoders_are_compared_too(store, monkeypatch):
    with store.draft() as draft:
        (draft.path / TRAINING).write_text("{}")
        model = draft.commit()
    for asset in ("glyphs/vae", "glyphs/test"):
        store.ledger.append({"asset": asset, "partition": "tifinagh", "version": model.hash, "run_id": "r"})
    asked = []
    monkeypatch.setattr("fullcircle.promotion.autoencoders.compare_autoencoders", lambda *given: asked.append(given[1:5]) or {})
    models = champions.challenger(store, "tifinagh/vae")
    assert models == {"vae": model.hash}
    compare_versions(store, "tifinagh/vae", models, models)
    assert asked == [("tifinagh", model, model, model)]
