"""Decisions: who is champion after a challenger, after a rollback, after a word of a person."""

import dataclasses

import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.promotion.decide import BY_HAND, decide, force, roll_back, unchecked
from fullcircle.promotion.settings import ChampionSettings
from fullcircle.store.champions import (
    FILE,
    FORCED,
    PROMOTED,
    REFUSED,
    ROLLED_BACK,
    SAME,
    OvertakenError,
    called,
    commit_decision,
    decision_of,
    decisions_before,
    enter_decision,
    history,
    is_whole,
    last_decision,
    opened,
    reigns,
)
from fullcircle.store.objects import StoredObjectError
from fullcircle.store.provenance import provenance

ASSET, LINE = "drawings/champion", "line"
SETTINGS = ChampionSettings()


def figure(low, margin=0.05):
    return {"low": low, "margin": margin, "setting": "exact_margin", "text": "0.9 (0.8)", "bound": f"{low}"}


def compare_to(low=0.0, margin=0.05, asked=None):
    def compare(champion, number):
        if asked is not None:
            asked.append((champion, number))
        return {"figures": {"exact": figure(low, margin)}, "pictures": 100}

    return compare


@pytest.fixture
def model(store):
    """A stored model of some content; its hash under the name of an encoder."""

    def make(content):
        with store.draft() as draft:
            (draft.path / "model.json").write_text(f'{{"model": "{content}"}}')
            return {"encoder": draft.commit().hash}

    return make


@pytest.fixture
def judge(store):
    """Decides as a step does and enters the decision."""

    def made(challenger, low=0.01, margin=0.05, settings=SETTINGS, **more):
        decided = decide(
            challenger, decisions_before(store, ASSET, LINE, challenger), settings, compare_to(low, margin), **more
        )
        version = commit_decision(store, decided).hash
        store.ledger.append({"asset": ASSET, "partition": LINE, "version": version, "run_id": "r", "time": 1.0})
        return decided

    return made


def champion(store):
    return last_decision(store, ASSET, LINE).decision.champion


def test_the_first_that_is_better_than_no_learning_is_champion(model, judge):
    a = model("a")
    decided = judge(a, low=0.2)
    assert (decided.outcome, decided.champion, decided.before, decided.comparisons) == (PROMOTED, a, {}, 1)


def test_the_first_that_is_no_better_than_no_learning_is_not(store, model, judge):
    decided = judge(model("a"), low=-0.1)
    assert (decided.outcome, decided.champion) == (REFUSED, {})
    assert "no better than one that has learned nothing in exact" in decided.reason


def test_a_figure_that_may_be_equal_at_first_need_not_be_better(model):
    equal = figure(0.0) | {"may_be_equal": True}
    decided = decide(model("a"), [], SETTINGS, lambda *_: {"figures": {"exact": equal, "points": figure(1.0)}})
    assert decided.outcome == PROMOTED


def test_a_challenger_within_the_margins_takes_over_and_one_beyond_does_not(store, model, judge):
    a, b, c = model("a"), model("b"), model("c")
    judge(a)
    assert judge(b, low=-0.04).outcome == PROMOTED
    refused = judge(c, low=-0.06)
    assert (refused.outcome, refused.champion, refused.before) == (REFUSED, b, b)
    assert "worse beyond the margin in exact (margin 0.05)" in refused.reason
    assert champion(store) == b


def test_without_a_margin_nothing_is_promoted_and_the_setting_is_named(model, judge):
    judge(model("a"))
    refused = judge(model("b"), low=1.0, margin=None)
    assert refused.outcome == REFUSED
    assert "Set champion.exact_margin" in refused.reason


def test_the_very_same_models_are_not_compared(model, judge, store):
    a = model("a")
    judge(a)
    judge(model("b"), low=-1)
    asked = []
    decided = decide(a, decisions_before(store, ASSET, LINE, a), SETTINGS, compare_to(asked=asked))
    assert (decided.outcome, decided.champion, asked) == (SAME, a, [])


def test_a_check_that_failed_refuses_whatever_the_figures_are(model):
    asked = []
    decided = decide(model("a"), [], SETTINGS, compare_to(9.0, asked=asked), refusal="its check failed")
    assert (decided.outcome, decided.reason, asked) == (REFUSED, "Refused: its check failed", [])


def test_comparisons_are_counted_over_the_chain(store, model, judge):
    for i in range(4):
        judge(model(i))
    asked, new = [], model("new")
    decide(new, decisions_before(store, ASSET, LINE, new), SETTINGS, compare_to(asked=asked))
    assert asked == [({"encoder": model(3)["encoder"]}, 5)]


def test_to_decide_of_the_same_challenger_again_changes_nothing(store, model, judge):
    judge(model("a"))
    first, again = judge(model("b")), judge(model("b"))
    assert first == again
    assert len(history(store, ASSET, LINE)) == 2


def test_other_margins_decide_anew_from_the_same_champion(store, model, judge):
    a, b = model("a"), model("b")
    judge(a)
    judge(b, low=-0.04)
    decided = judge(b, low=-0.04, margin=0.01, settings=dataclasses.replace(SETTINGS, exact_margin=0.01))
    assert (decided.outcome, decided.champion) == (REFUSED, a)
    assert reigns([r.decision for r in history(store, ASSET, LINE)]) == [a]


def test_decisions_name_the_one_before(store, model, judge):
    for i in range(3):
        judge(model(i))
    chain = history(store, ASSET, LINE)
    assert [r.decision.previous for r in chain] == [None, chain[0].stored.hash, chain[1].stored.hash]


def test_a_rollback_is_a_record_with_its_reason_and_holds(store, model, judge):
    a, b = model("a"), model("b")
    judge(a)
    judge(b)
    decided = roll_back(store, ASSET, LINE, "reads the new camera badly")
    assert (decided.outcome, decided.champion, decided.before) == (ROLLED_BACK, a, b)
    entry = last_decision(store, ASSET, LINE).entry
    assert entry["run_id"] == BY_HAND
    assert "reads the new camera badly" in entry["asked_by"]
    assert entry["files"].keys() == {"champion.json"}
    assert entry.items() >= provenance().items()
    again = judge(b)
    assert (again.outcome, again.champion) == (REFUSED, a)
    assert "was rolled back, because: reads the new camera badly" in again.reason
    assert judge(model("c")).outcome == PROMOTED


def test_rollbacks_go_back_one_after_the_other(store, model, judge):
    a, b, c = model("a"), model("b"), model("c")
    for each in (a, b, c):
        judge(each)
    roll_back(store, ASSET, LINE, "c is bad")
    roll_back(store, ASSET, LINE, "b too")
    assert champion(store) == a
    with pytest.raises(SettingsError, match="to go back to is expected that lies whole in the store. Received: none"):
        roll_back(store, ASSET, LINE, "a too")


def test_a_rollback_may_name_a_version(store, model, judge):
    a, b, c = model("a"), model("b"), model("c")
    for each in (a, b, c):
        judge(each)
    roll_back(store, ASSET, LINE, "both are bad", to=a["encoder"][:10])
    assert champion(store) == a
    with pytest.raises(SettingsError, match="An earlier champion of line is expected. Received: 'ffff'"):
        roll_back(store, ASSET, LINE, "why", to="ffff")


def test_a_rollback_passes_over_what_is_not_whole(store, model, judge):
    a, b, c = model("a"), model("b"), model("c")
    for each in (a, b, c):
        judge(each)
    (store.path_of(b["encoder"]) / "model.json").write_text("{}")
    assert not is_whole(store, b)
    roll_back(store, ASSET, LINE, "c is bad")
    assert champion(store) == a


def test_a_damaged_champion_is_refused_and_the_message_says_how_to_go_back(store, model):
    a = model("a")
    (store.path_of(a["encoder"]) / "model.json").unlink()
    with pytest.raises(StoredObjectError, match="fullcircle champion rollback line --reason TEXT"):
        opened(store, ASSET, LINE, a)
    with pytest.raises(StoredObjectError, match="fullcircle champion rollback tifinagh/vae --reason TEXT"):
        opened(store, "glyphs/vae_champion", "tifinagh", a)


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_person_gives_a_reason(store, model, judge, reason):
    judge(model("a"))
    with pytest.raises(SettingsError, match="A reason is expected"):
        roll_back(store, ASSET, LINE, reason)
    with pytest.raises(SettingsError, match="A reason is expected"):
        force(store, ASSET, LINE, model("b"), reason)


def test_what_is_forced_is_champion_and_stays_it(store, model, judge):
    a, b = model("a"), model("b")
    judge(a)
    judge(b, low=-1.0)
    assert champion(store) == a
    assert force(store, ASSET, LINE, b, "I know it is good").outcome == FORCED
    assert judge(b, low=-1.0).outcome == SAME
    assert champion(store) == b


def test_what_was_rolled_back_can_be_forced(store, model, judge):
    a, b, c = model("a"), model("b"), model("c")
    judge(a)
    judge(b)
    roll_back(store, ASSET, LINE, "bad")
    force(store, ASSET, LINE, b, "it was the camera")
    judge(c)
    assert judge(b).outcome == PROMOTED


def test_what_is_not_whole_cannot_be_forced(store):
    with pytest.raises(SettingsError, match="Models that lie whole in the store are expected"):
        force(store, ASSET, LINE, {"encoder": "0" * 64}, "why not")


def test_the_first_may_be_forced(store, model):
    assert force(store, ASSET, LINE, model("a"), "first").previous is None


def test_a_model_whose_check_failed_is_named_with_the_check(store, model):
    version = model("a")["encoder"]
    of = {"asset": "drawings/encoder", "partition": LINE, "version": version, "run_id": "r"}
    assert unchecked(store, {"drawings/encoder": version}, LINE) is None
    store.ledger.append(of | {"blocking": ["learns"]})
    assert "learns is not on record" in unchecked(store, {"drawings/encoder": version}, LINE)
    found = {"kind": "check", "check": "learns", "blocking": True, "description": "Nothing.", "time": 1.0}
    store.ledger.append(of | found | {"passed": False})
    assert "its check learns failed" in unchecked(store, {"drawings/encoder": version}, LINE)
    store.ledger.append(of | found | {"passed": True})
    assert unchecked(store, {"drawings/encoder": version}, LINE) is None


def test_names_of_champions():
    assert (called(ASSET, LINE), called("glyphs/vae_champion", "tifinagh")) == ("line", "tifinagh/vae")


def test_a_decision_with_fields_of_another_version_is_refused_in_a_sentence(store, judge, model):
    judge(model("a"))
    with store.draft() as draft:
        (draft.path / FILE).write_text('{"outcome": "promoted", "mood": "good"}')
        stored = draft.commit()
    with pytest.raises(
        StoredObjectError, match="is expected to be a decision with outcome, .* Received: outcome, mood. A newer version"
    ):
        decision_of(stored)


def test_a_decision_that_was_overtaken_by_a_rollback_is_not_entered(store, model, judge):
    """While a run compares a third with the second, a person goes back to the first."""
    a, b, c = model("a"), model("b"), model("c")
    judge(a)
    judge(b)
    late = decide(c, decisions_before(store, ASSET, LINE, c), SETTINGS, compare_to(-1.0))
    assert late.champion == b
    roll_back(store, ASSET, LINE, "b is bad")
    entry = {"asset": ASSET, "partition": LINE, "version": commit_decision(store, late).hash, "run_id": "r"}
    with pytest.raises(OvertakenError, match=r"of line is expected to follow the last one. .* \(rolled back\)"):
        enter_decision(store, entry)
    assert champion(store) == a
    judge(c, low=-1.0)
    assert champion(store) == a


def test_a_decision_that_was_made_before_may_be_entered_again(store, model, judge):
    judge(model("a"))
    last = last_decision(store, ASSET, LINE)
    enter_decision(store, {**last.entry, "run_id": "again"})
    assert len(history(store, ASSET, LINE)) == 1
