"""The report on feature patterns, as the asset it is, of an encoder that nobody trained and one of whose maps is dead."""

import io
import json

import dagster as dg
import keras
import numpy as np
import pytest
from PIL import Image

from assets import drawings, feature_patterns
from fullcircle.checks import feature_patterns as feature_checks
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.evaluation.feature_patterns import Statistics, activations, as_pictures
from fullcircle.images.arrays import at_rest
from fullcircle.models.encoders import build_encoder
from fullcircle.models.stored import TRAINING, model_of
from fullcircle.reports.feature_patterns import PATTERNS
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.results import latest_reports, results_text
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps.feature_patterns import ENCODER, STEPS
from fullcircle.steps.profiles import feature_profile
from fullcircle.store.objects import Store
from fullcircle.store.tables import TableReader
from pipelines.config import run_config
from pipelines.io_managers import StoreIOManager
from pipelines.resources import StoreResource

LINE = DRAWINGS["line"]
# A layer of the closer looks too: it sees two windows of each picture.
FEATURES = {"layers": "stem,look_1_1:0:3", "maps": 3, "steps": 30, "starts": 3, "snapshots": 3, "pictures": 2, "step": 0.05}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    examples = drawing_steps.make_examples(store, LINE, ExamplesSettings(n=80))
    made = drawing_steps.make_splits(store, examples, SplitsSettings(train=0.5, test=0.25, valid=0.25))
    keras.utils.set_random_seed(1)
    encoder = build_encoder("attention", LINE, scaling("range", LINE.factors))
    kernel, bias = encoder.get_layer("stem").get_weights()
    kernel[..., 0], bias[0] = 0, -1
    encoder.get_layer("stem").set_weights([kernel, bias])
    with store.draft() as draft:
        encoder.save(draft.path / "encoder.keras", include_optimizer=False)
        (draft.path / TRAINING).write_text(json.dumps({"settings": {"model": "attention"}}))
        made["encoder"] = draft.commit()
    for asset in ("test", "encoder"):
        store.ledger.append({"asset": f"drawings/{asset}", "partition": "line", "version": made[asset].hash, "run_id": "r"})
    return store


@pytest.fixture(scope="module")
def made(store):
    """The asset, materialized, and its check."""
    resource = StoreResource(root=str(store.root))
    settings = feature_profile(ENCODER, "quick").settings.replaced({"features": FEATURES})
    result = dg.materialize(
        [*drawings.ASSETS, feature_patterns.ASSETS[ENCODER], feature_patterns.CHECKS[ENCODER]],
        partition_key="line",
        resources={"store": resource, "io_manager": StoreIOManager(store=resource)},
        run_config=run_config(settings, [STEPS[ENCODER]]),
        selection=dg.AssetSelection.keys("drawings/feature_patterns"),
    )
    assert result.success
    stored = store.latest("drawings/feature_patterns", "line")
    return stored, json.loads(stored.file(REPORT).read_text()), result


def test_patterns_are_stored_with_what_makes_pictures_of_them(made, store):
    stored, report, _ = made
    table = TableReader(stored.file(PATTERNS))
    read = table.read(table.schema.names)
    assert read["layer"].tolist() == ["stem"] * 3 + ["look_1_1"] * 2
    assert read["map"].tolist() == [0, 24, 47, 0, 3]
    assert read["image"].shape == (5, 64, 64, 1)
    pictures = as_pictures(read["image"], Statistics(**table.about["statistics"]))
    encoder = model_of(store.latest("drawings/encoder", "line"))
    layers = {"stem": np.array([0, 24, 47]), "look_1_1": np.array([0, 3])}
    assert np.diag(activations(encoder, layers, pictures)) == pytest.approx(read["activation"], rel=1e-4)
    as_seen = np.diag(activations(encoder, layers, at_rest(pictures)[..., None].astype("float32") / 255))
    assert [m["picture_activation"] for m in report["maps"]] == pytest.approx(as_seen, rel=1e-4)


def test_the_report_says_what_excites_and_what_is_dead(made, store):
    _, report, _ = made
    dead, *others = report["maps"]
    assert (dead["ended"], dead["steps"]) == ("silent", 10)
    assert report["dead"] == [
        "Map 0 of 'stem' was given up: no gradient, so nothing to climb, on the 3 start images and in 10 steps, each from another "
        "one; activation 0 throughout. No test picture excites it either: the map is dead, and the network would read the same "
        "without it."
    ]
    assert report["metrics"]["dead_maps"] == 1
    assert report["page_version"]
    assert report["metrics"]["patterns"] == 4
    assert all(m["activation"] > m["start_activation"] for m in others)
    ids = (store.latest("drawings/test", "line")).table().read(["id"])["id"].tolist()
    assert all(len(m["test_ids"]) == 2 and set(m["test_ids"]) <= set(ids) for m in report["maps"])
    assert report["test_pictures"] == len(ids)


def test_page_sheet_and_results_show_it(made, store):
    stored, _, result = made
    page = stored.file(PAGE).read_text()
    assert "stem, maps 0, 24, 47: pattern | the test pictures that excite the map most" in page
    assert "look_1_1, maps 0, 3: from the start to the pattern" in page
    assert "Map 0 of &#39;stem&#39; was given up" in page
    sheet = stored.file(CONTACT_SHEET).read_bytes()
    assert len(sheet) <= 40_000
    assert Image.open(io.BytesIO(sheet)).width > 3 * 64
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["dead_maps"].value == 1
    assert set(event.materialization.metadata["read"].value) == {"drawings/encoder", "drawings/test"}
    text = results_text(latest_reports(store))
    assert "drawings/feature_patterns of line" in text
    assert "above every test picture" in text


def test_the_check_names_patterns_that_a_test_picture_beats(made, store):
    _, report, result = made
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.check_name == "patterns_excite"
    assert evaluation.severity == dg.AssetCheckSeverity.WARN

    def check(maps):
        with store.draft() as draft:
            (draft.path / REPORT).write_text(json.dumps(report | {"maps": maps}))
            return feature_checks.patterns_excite(draft.commit())

    dead, *others = report["maps"]
    above = [m | {"activation": m["test_activation"] + 1} for m in others]
    assert (
        check([dead, *above]).description
        == "All 4 patterns excite their maps more than every test picture. 1 maps were given up, see the report."
    )
    found = check([dead, above[0] | {"activation": 0.5, "test_activation": 2.0, "test_ids": ["x1"]}, *above[1:]])
    assert not found.passed
    assert found.warns
    assert "1 of 4 patterns" in found.description
    assert "map 24 of stem, 0.5 on its pattern, 2 on x1" in found.description
    assert found.figures == {"patterns": 4, "beaten": 1, "dead_maps": 1}
    assert "No pattern was found" in check([dead]).description
