"""The report on recognition, over two classes that were trained a little, and as the asset it is."""

import json

import dagster as dg
import pytest

from assets import drawings
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.results import latest_reports, results_text
from fullcircle.reports.settings import RecognitionSettings
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps import recognition
from fullcircle.steps.profiles import RECOGNITION_PROFILES
from fullcircle.store.objects import Store
from fullcircle.training.settings import DecoderSettings, EncoderSettings
from pipelines.config import run_config
from pipelines.io_managers import StoreIOManager
from pipelines.jobs import JOBS, RECOGNISE_DRAWINGS
from pipelines.resources import StoreResource

NAMES = ("line", "rectangle")
SETTINGS = RecognitionSettings(pictures=6, redraws=1000, pixels=40, workers=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two classes with their splits and models, entered as the assets enter them."""
    store = Store(tmp_path_factory.mktemp("store"))
    for name in NAMES:
        drawing = DRAWINGS[name]
        examples = drawing_steps.make_examples(store, drawing, ExamplesSettings(n=160))
        made = drawing_steps.make_splits(store, examples, SplitsSettings(train=0.5, test=0.25, valid=0.25))
        settings = DecoderSettings(epochs=2, balanced_epochs=1)
        made["decoder"] = drawing_steps.make_decoder(store, drawing, made["train"], made["valid"], settings)
        encoder = EncoderSettings(epochs=1, objective="spec")
        made["encoder"] = drawing_steps.make_encoder(store, drawing, made["train"], made["valid"], made["decoder"], encoder)
        for asset, stored in made.items():
            entry = {"asset": f"drawings/{asset}", "partition": name, "version": stored.hash, "run_id": "r"}
            store.ledger.append(entry)
    return store


@pytest.fixture(scope="module")
def made(store):
    """The asset, materialized."""
    resource = StoreResource(root=str(store.root))
    settings = RECOGNITION_PROFILES["quick"].settings.replaced({"recognition": SETTINGS.as_dict()})
    result = dg.materialize(
        drawings.RECOGNITION,
        resources={"store": resource, "io_manager": StoreIOManager(store=resource)},
        run_config=run_config(settings, [recognition.STEP]),
    )
    assert result.success
    return store.latest("drawings/recognition_report", "all"), result


def test_the_figures_follow_from_the_matrices(made):
    stored, _ = made
    report = json.loads(stored.file(REPORT).read_text())
    assert report["classes"] == list(NAMES)
    assert report["page_version"]
    for noise, prefix in (("0", ""), ("0.05", "noisy_")):
        for name, figure in (("read", "accuracy"), ("pixels", "pixels_accuracy")):
            matrix = report["confusion"][noise][name]
            assert [sum(row) for row in matrix] == [6, 6]
            assert report["metrics"][prefix + figure] == pytest.approx((matrix[0][0] + matrix[1][1]) / 12)
        assert report["metrics"][f"{prefix}majority_accuracy"] == 0.5
    assert report["metrics"]["accuracy"] > 0.5  # the search finds most lines and rectangles with hardly a network
    assert len(report["pixel_classifiers_on_valid"]) == 3


def test_everything_that_was_read_is_reported(made, store):
    _, result = made
    (event,) = result.get_asset_materialization_events()
    read = event.materialization.metadata["read"].value
    assert set(read) == {f"drawings/{a} ({n})" for a in ("train", "test", "valid", "decoder", "encoder") for n in NAMES}
    assert all(store.latest(*name.rstrip(")").split(" (")).hash == version for name, version in read.items())


def test_page_and_results_show_it(made, store):
    stored, _ = made
    page = stored.file(PAGE).read_text()
    assert "Which class is it?" in page
    assert "Loss per epoch" not in page
    assert stored.file(CONTACT_SHEET).stat().st_size <= 40_000
    text = results_text(latest_reports(store))
    assert "drawings/recognition_report of all, on test" in text
    assert "accuracy of the classifier on pixels" in text


def test_it_has_a_job():
    assert RECOGNISE_DRAWINGS in {job.name for job in JOBS}
