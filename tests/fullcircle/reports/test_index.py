import json
import re
from pathlib import Path

import pytest

from fullcircle.data.group_splits import meaning
from fullcircle.reports.figures import ALL
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.index import INDEX, index_page, write_index
from fullcircle.reports.results import latest_reports

REPORTS = {
    ("drawings/encoder_report", "line"): ({"fvu": 0.15, "within_1px": 0.4}, {}),
    ("drawings/recognition_report", "all"): ({"accuracy": 0.9}, {}),
    ("glyphs/vae_report", "ⴰ & <co>"): ({"psnr_db": 20.25, "knn_accuracy": None}, {"splits": {"meaning": meaning("sample")}}),
    ("glyphs/conv_autoencoder_report", "ⴰ & <co>"): (
        {"psnr_db": 25.0},
        {"splits": {"says": meaning("sample")}},
    ),  # an older one
}


@pytest.fixture
def reported(store):
    for (asset, partition), (metrics, more) in REPORTS.items():
        for version in ("older", "latest"):
            with store.draft() as draft:
                (draft.path / REPORT).write_text(json.dumps({"asset": asset, "metrics": metrics, "version": version} | more))
                (draft.path / PAGE).write_text(f"{asset}, {version}")
                if partition != "all":
                    (draft.path / CONTACT_SHEET).write_bytes(asset.encode())
                stored = draft.commit()
            store.ledger.append({"asset": asset, "partition": partition, "version": stored.hash, "run_id": version})
    return store


def test_every_link_leads_to_the_latest_report(reported):
    page = write_index(reported)
    text = page.read_text()
    links = re.findall(r'<td><a href="([^"]+)"', text)
    assert {(page.parent / link).read_text() for link in links} == {f"{asset}, latest" for asset, _ in REPORTS}
    sheets = re.findall(r'src="([^"]+)"', text)
    assert len(sheets) == 3
    assert all((page.parent / sheet).exists() for sheet in sheets)
    assert page == reported.root / INDEX


def test_the_store_can_be_moved(reported):
    page = write_index(reported)
    moved = reported.root.parent / "elsewhere"
    reported.root.rename(moved)
    for link in re.findall(r'(?:href|src)="([^"]+)"', (moved / page.name).read_text()):
        assert (moved / link).exists()


def test_figures_stand_side_by_side_and_what_flatters_is_marked(reported):
    text = index_page(latest_reports(reported), reported.root)
    assert "<h2>glyphs: ⴰ &amp; &lt;co&gt;</h2>" in text
    section = text.split("<h2>glyphs")[1]
    assert section.index("conv autoencoder") < section.index(">vae<")
    assert "<td>25.00</td><td></td>" in section  # nothing was measured
    assert "<td>20.25</td><td>–</td>" in section  # there was nothing to compute it from
    assert "These figures flatter" in section
    assert "flatter" not in text.split("<h2>glyphs")[0]
    assert f"<dt>{ALL['fvu'].label}</dt>" in text
    assert f"<dt>{ALL['ssim'].label}</dt>" not in text


def test_reports_on_different_splits_say_what_theirs_prove(reported):
    results = latest_reports(reported)
    results[-1]["meaning"] = meaning("group")
    text = index_page(results, reported.root)
    assert "conv autoencoder: These figures flatter" in text
    assert f"vae: {meaning('group')[:20]}" in text


def test_the_page_is_whole_or_as_it_was(reported, monkeypatch):
    page = write_index(reported)
    before = page.read_text()

    def killed(self, text):
        self.write_bytes(text.encode()[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        write_index(reported)
    assert page.read_text() == before
    assert [path.name for path in page.parent.iterdir() if page.name in path.name] == [page.name]
