"""A model and its report as Dagster makes them, in one process: what was read, what is shown, what a check stops."""

import json

import dagster as dg
import pytest

from assets import autoencoders, glyphs
from fullcircle.models.stored import training_of
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.steps.settings import parts_class
from fullcircle.store.objects import Store
from pipelines.config import run_config
from pipelines.io_managers import StoreIOManager
from pipelines.resources import StoreResource

NAME = "vae"
TINY_REPORT = {
    "pictures": 4,
    "limit": 40,
    "fitted": 60,
    "judged": 10,
    "coded": 3,
    "samples": 6,
    "grid": 3,
    "explorer": 3,
    "morph": 4,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory, with_tables):
    """A store with the tables of a small source."""
    return with_tables(Store(tmp_path_factory.mktemp("autoencoders")), "tifinagh", height=16, width=16)


def materialize(store, home, **values):
    resource = StoreResource(root=str(store.root))
    whole = parts_class(NAME)()
    settings = whole.replaced({NAME: values, "report": TINY_REPORT})
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        done = dg.materialize(
            [*glyphs.ASSETS, *autoencoders.ASSETS[NAME], autoencoders.CHECKS[NAME]],
            selection=dg.AssetSelection.assets(*autoencoders.ASSETS[NAME]),
            partition_key="tifinagh",
            run_config=run_config(settings, autoencoder_steps.STEPS[NAME]),
            resources={"store": resource, "io_manager": StoreIOManager(store=resource)},
            instance=instance,
            raise_on_error=False,
        )
    return done, settings


def test_a_model_is_made_checked_and_reported_on(store, tmp_path):
    done, settings = materialize(store, tmp_path, epochs=12, batch_size=16, learning_rate=5e-3)
    assert done.success, [e.event_specific_data for e in done.all_events if e.is_failure]
    entries = {asset: e for (asset, _), e in store.ledger.latest_of_all().items()}
    read = {f"glyphs/{name}": entries[f"glyphs/{name}"]["version"] for name in ("train", "valid")}
    assert entries["glyphs/vae"]["read"] == read
    assert entries["glyphs/vae"]["config"] == settings.vae.as_dict()
    also = ("originals", "test", NAME)
    assert entries["glyphs/vae_report"]["read"] == read | {f"glyphs/{n}": entries[f"glyphs/{n}"]["version"] for n in also}
    (made,) = done.asset_materializations_for_node("glyphs__vae")
    history = training_of(store.latest("glyphs/vae", "tifinagh"))["history"]
    best = min(history, key=lambda entry: entry["val_loss"])
    values = made.metadata
    assert values["epochs"].value == 12
    assert {name: values[name].value for name in best if name != "epoch"} == {n: v for n, v in best.items() if n != "epoch"}
    assert "These figures flatter" in values["meaning"].value
    assert {e.check_name: e.passed for e in done.get_asset_check_evaluations()} == {
        "pictures_are_learned": True,
        "latents_are_active": True,
    }
    report = store.latest("glyphs/vae_report", "tifinagh")
    (reported,) = done.asset_materializations_for_node("glyphs__vae_report")
    assert reported.metadata["page"].value == str(report.file("report.html"))
    assert json.loads(report.file("report.json").read_text())["metrics"]


def test_a_model_that_learned_nothing_has_no_report(store, tmp_path):
    done, _ = materialize(store, tmp_path, epochs=1, learning_rate=1e-9)
    assert not done.success
    assert not [e for e in done.get_asset_check_evaluations() if e.check_name == "pictures_are_learned" and e.passed]
    assert not done.asset_materializations_for_node("glyphs__vae_report")
