"""The tables of figures: what is derived from them, and that no family of reports depends on another's."""

import os
import shutil
from pathlib import Path

import pytest

from fullcircle.reports import index, results
from fullcircle.reports.figures import ALL, AUTOENCODER, DRAWING, EXAMPLES, FEATURE_PATTERNS, IMAGE, MAJORITY, RECOGNITION
from fullcircle.store.code_version import code_version

ROOT = Path(__file__).parents[3]
FAMILIES = {"drawing": DRAWING, "recognition": RECOGNITION, "feature patterns": FEATURE_PATTERNS, "autoencoder": AUTOENCODER}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("fvu", 0.0512, "0.051"),
        ("mse", 0.000123, "1.23e-04"),
        ("within_1px", 0.5, "50.0%"),
        ("pixel_exact", 1.0, "100.0%"),
        ("endpoint_px_mean", 1.234, "1.23"),
        ("change_per_step", 0.0314, "0.031"),
        ("examples", 1800, "1,800"),
        ("psnr_db", None, "–"),
    ],
)
def test_figures_are_readable(name, value, text):
    assert ALL[name].text(value) == text


def test_a_name_means_the_same_in_every_family():
    for family in FAMILIES.values():
        assert all(ALL[name] is figure for name, figure in family.items())
    assert len({figure.label for figure in ALL.values()}) == len(ALL)


def test_families_share_only_what_is_named_as_shared():
    shared = IMAGE | MAJORITY | EXAMPLES
    for one in FAMILIES:
        for other in FAMILIES.keys() - {one}:
            assert FAMILIES[one].keys() & FAMILIES[other].keys() <= shared.keys()


def test_what_is_on_the_index_is_in_the_results_too():
    assert set(index.HEADLINES) <= set(results.HEADLINES) < set(ALL)
    assert "endpoint_px_mean" in index.HEADLINES
    assert "mse" in set(results.HEADLINES) - set(index.HEADLINES)
    assert "null_mse" not in results.HEADLINES


REPORTS = {
    "decoder": "drawings.decoder:decoder_report",
    "encoder": "drawings.encoder:encoder_report",
    "recognition": "recognition:recognition_report",
    "feature patterns": "feature_patterns:feature_patterns_report",
    "autoencoder": "autoencoders:autoencoder_report",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "fullcircle", root / "fullcircle", ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        ("points within 1 px", "points at most 1 px off", {"decoder", "encoder"}),
        ("accuracy of the classifier on pixels", "accuracy on pixels", {"recognition"}),
        ("dead maps", "silent maps", {"feature patterns"}),
        ("active latents", "latents that are active", {"autoencoder"}),
        ("mean squared error, pixels in", "mean of the squared error, pixels in", {"decoder", "encoder", "autoencoder"}),
    ],
)
def test_a_changed_label_makes_only_its_own_familys_reports_stale(copy, old, new, stale):
    def versions():
        return {name: code_version(f"fullcircle.reports.{root}", root=copy) for name, root in REPORTS.items()}

    before, path = versions(), copy / "fullcircle/reports/figures.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(1, 1))
    after = versions()
    path.write_text(text)
    assert {name for name in before if before[name] != after[name]} == stale
