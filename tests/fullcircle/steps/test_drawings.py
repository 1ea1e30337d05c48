"""The encoder's report takes what belongs together, and says what does not."""

import json

import pyarrow as pa
import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.drawings import DRAWINGS
from fullcircle.models.stored import TRAINING
from fullcircle.reports.drawings.encoder import ENCODER_REPORT
from fullcircle.reports.settings import ReportSettings
from fullcircle.steps.drawings import REPORTING, make_report
from fullcircle.store.tables import with_about, write_table


@pytest.fixture
def put(store):
    """Puts a JSON file, or a table with what is known of it, into the store."""

    def stored(about, table=None):
        with store.draft() as draft:
            if table is None:
                (draft.path / TRAINING).write_text(json.dumps(about))
            else:
                schema = with_about(pa.schema([("id", pa.string())]), about)
                write_table(draft.path / table, schema, [pa.record_batch([pa.array(["a"])], schema=schema)])
            return draft.commit()

    return stored


@pytest.fixture
def inputs(put):
    """A decoder, an encoder that was trained through it, and readings by that encoder; the latest decoder is another."""
    decoder = put({"decoder": 1})
    encoder = put({"read": {"decoder": decoder.hash}})
    readings = put({"models": {"encoder": encoder.hash, "decoder": decoder.hash}}, "readings.parquet")
    made = {"test": put({"split": "test"}), "valid": put({"split": "valid"}), "encoder": encoder, "readings": readings}
    made["decoder"] = put({"decoder": 2})
    return decoder, {f"drawings/{name}": stored for name, stored in made.items()}


def enter(store, inputs, test):
    entry = {"asset": "drawings/readings", "partition": "line", "version": inputs["drawings/readings"].hash, "run_id": "r"}
    store.ledger.append(entry | {"read": {"drawings/test": test.hash}})


def refusal(store, inputs):
    """What the step reports, before anything is made, and by the function that a script calls: the same."""
    with pytest.raises(SettingsError) as of_step:
        REPORTING["encoder_report"].all_inputs(store, "line", inputs)
    given = {name: inputs[f"drawings/{name}"] for name in ENCODER_REPORT.takes}
    with pytest.raises(SettingsError) as of_function:
        make_report(ENCODER_REPORT, store, DRAWINGS["line"], given, ReportSettings())
    assert str(of_step.value) == str(of_function.value)
    return str(of_step.value)


def test_the_decoder_is_the_one_that_the_encoder_was_trained_through(store, inputs):
    decoder, given = inputs
    enter(store, given, given["drawings/test"])
    assert REPORTING["encoder_report"].all_inputs(store, "line", given)["drawings/decoder"].hash == decoder.hash


def test_readings_by_another_encoder_are_refused(store, inputs, put):
    decoder, given = inputs
    other = put({"read": {"decoder": decoder.hash}, "epochs": 9})
    assert refusal(store, {**given, "drawings/encoder": other}) == (
        f"The readings are expected to be those of the encoder {other.hash[:12]}. Received: readings by "
        f"{given['drawings/encoder'].hash[:12]}. Make them again: make run DRAWING=line"
    )


def test_readings_of_another_test_are_refused(store, inputs, put):
    _, given = inputs
    other = put({"split": "another test"})
    enter(store, given, other)
    assert refusal(store, given) == (
        f"The readings are expected to be those of the test pictures {given['drawings/test'].hash[:12]}. Received: readings of "
        f"{other.hash[:12]}. Make them again: make run DRAWING=line"
    )
    enter(store, given, given["drawings/test"])  # the very same readings came of this test, too
    assert REPORTING["encoder_report"].all_inputs(store, "line", given)
