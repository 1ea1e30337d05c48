"""The report on an autoencoder, over real tables of tiny pictures, with linear maps in place of networks: what it says is known."""

import base64
import io
import json
import re
import subprocess

import numpy as np
import pytest
from PIL import Image

from fullcircle.core.settings import SettingsError
from fullcircle.data.group_splits import meaning
from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.evaluation.autoencoders import NOISES
from fullcircle.evaluation.baselines import fit_pca
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.images.arrays import unit_images
from fullcircle.reports.autoencoders import MORPH, Tables, write_report
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.results import HEADLINES
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.store.code_version import why

SMALL = {
    "pictures": 3,
    "limit": 60,
    "fitted": 200,
    "judged": 30,
    "coded": 3,
    "denoised": 4,
    "samples": 12,
    "grid": 4,
    "explorer": 3,
}
CANVAS = (12, 12)


class Linear:
    """An autoencoder that is PCA; `scale` stretches its latents, 0 is a collapse."""

    def __init__(self, train, latents, variational, scale=1.0):
        vectors = unit_images(train.read(["image"])["image"]).reshape(train.rows, -1)
        self.pca, self.latents, self.variational, self.scale = fit_pca([vectors], latents, 10_000), latents, variational, scale
        epoch = {"epoch": 1, "loss": 9.0, "val_loss": 8.0}
        if variational:
            epoch |= {"reconstruction": 7.0, "kl": 2.0, "val_reconstruction": 6.0, "val_kl": 2.0}
        self.training = {
            "model": "vae" if variational else "denoising_autoencoder",
            "source": "digits",
            "canvas": [*CANVAS, 1],
            "settings": {"latents": latents} | ({} if variational else {"noise_max_sigma": 76.5}),
            "history": [epoch, epoch | {"epoch": 2}],
            "parameters": 1,
            "trainable": 1,
            "timing": {"seconds": 1.0, "examples_per_s": 1.0},
        }

    def encode(self, images):
        images = unit_images(images) if images.dtype == np.uint8 else images
        return self.scale * self.pca.encode(images.reshape(len(images), -1))

    def posterior(self, images):
        mean = self.encode(images)
        return (mean, np.zeros_like(mean)) if self.variational else None

    def decode(self, latents):
        flat = np.clip(latents / (self.scale or 1) @ self.pca.directions + self.pca.mean, 0, 1)
        return flat.reshape(len(latents), *CANVAS, 1).astype(np.float32)


class Copying(Linear):
    """One that decodes whatever latents to a picture of train."""

    def __init__(self, train, latents, variational):
        super().__init__(train, latents, variational)
        self.held = unit_images(train.read(["image"], limit=20)["image"])

    def decode(self, latents):
        return self.held[np.abs(np.rint(10 * latents.sum(axis=1))).astype(int) % 20]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Digits by original and by sample, as splits and originals."""
    from fullcircle.store.objects import Store

    store = Store(tmp_path_factory.mktemp("store"))
    originals = glyph_steps.make_originals(store, SOURCES["digits"], OriginalsSettings(height=12, width=12))
    augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=400, workers=1))
    made = {}
    for unit in ("original", "sample"):
        splits = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings(unit=unit))
        made[unit] = Tables(*(splits[name].table(name) for name in ("test", "valid", "train")), originals)
    return made


def written(folder, tables, trained, **settings):
    folder.mkdir(exist_ok=True)
    write_report(folder, tables, trained, {"test": "abc"}, AutoencoderReportSettings(**SMALL | settings))
    return json.loads((folder / REPORT).read_text()), (folder / PAGE).read_text()


@pytest.fixture(scope="module")
def variational(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("variational")
    return folder, *written(folder, tables["original"], Linear(tables["original"].train, 2, True))


@pytest.fixture(scope="module")
def plain(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return folder, *written(folder, tables["sample"], Linear(tables["sample"].train, 6, False))


def test_pca_beside_itself_is_as_good(variational, plain):
    for _, report, _ in (variational, plain):
        metrics, baselines = report["metrics"], report["baselines"]
        assert metrics["psnr_db"] == pytest.approx(baselines["pca"]["psnr_db"], abs=0.3)  # chance in its fitting
        assert metrics["psnr_db"] > metrics["mean_psnr_db"] + 0.5
        assert 0 < metrics["ssim"] < 1
        assert metrics["bce"] > 0
        assert report["page_version"]
        assert set(metrics) & {"knn_accuracy", "completeness", "active_latents"} <= set(HEADLINES)


def test_latents_are_as_active_as_they_are(variational, plain):
    metrics = variational[1]["metrics"]
    assert (metrics["latents"], metrics["active_latents"]) == (2, 2)
    assert metrics["kl_share"] == 0.25
    assert metrics["negative_elbo"] > metrics["kl"] > 0
    assert "kl" not in plain[1]["metrics"]
    assert plain[1]["metrics"]["active_latents"] == 6


def test_a_collapse_shows(tables, tmp_path):
    report, page = written(tmp_path, tables["original"], Linear(tables["original"].train, 2, True, scale=0.0))
    assert report["metrics"]["active_latents"] == 0
    assert (
        report["metrics"]["change_per_step"] > 0
    )  # the grid still moves: the decoder reacts to latents that the encoder never gives
    assert "0 of 2 latents are active" in page


def test_a_decoder_that_copies_is_found_out(tables, tmp_path):
    report, page = written(tmp_path, tables["original"], Copying(tables["original"].train, 3, False))
    assert report["metrics"]["samples_copied"] == 1
    assert report["nearest_training_pictures"]["random samples"]["distance_median"] == 0
    assert report["metrics"]["completeness"] > 0.8  # copies are real pictures
    assert "Gaussian with the mean and covariance" in page


def test_files_are_never_reported_as_small_as_the_latents(variational):
    files = variational[1]["at_the_same_bytes"]
    assert files["budget"] == 8
    assert all(files["files"][codec]["fits"] == 0 for codec in ("WebP", "JPEG"))
    assert "No setting of WebP or JPEG is that small" in variational[2]


def test_only_labels_that_can_be_known_are_asked(variational, tables):
    among = variational[1]["labels"]
    assert among["train"]["asked"] == among["train"]["of"] == min(60, tables["original"].test.rows)  # digits: every label
    assert among["train"]["knn_pixels_accuracy"] > 0.6
    assert among["train"]["majority_accuracy"] < 0.4
    assert variational[1]["metrics"]["knn_accuracy"] == among["train"]["knn_accuracy"]


def test_what_flatters_says_so_in_plain_sight(variational, plain):
    assert plain[1]["splits"]["flatters"]
    assert f'class="warning">{meaning("sample").split(":")[0]}' in plain[2]
    assert not variational[1]["splits"]["flatters"]
    assert 'class="warning"' not in variational[2]
    assert meaning("original").split(",")[0] in variational[2]


def test_the_mean_picture_is_no_picture(variational, plain):
    for _, report, page in (variational, plain):
        assert report["nearest_training_pictures"]["the mean picture"] | {"distance_median": 0} == {
            "pictures": 1,
            "distance_median": 0,
            "relative_median": None,
            "copied": 0,
            "new": 0,
            "far": 1,
            "real": 0,
        }
        assert "for blur is near to everything" in page


def test_noise_is_taken_away_beside_filters_tuned_on_valid(plain):
    assert [float(sigma) for sigma in plain[1]["denoising"]] == list(NOISES)
    for level in plain[1]["denoising"].values():
        assert set(level["psnr_db"]) == {"noisy", "model", "median filter", "non-local means"}
        assert level["psnr_db"]["non-local means"] >= level["psnr_db"]["noisy"]
    assert "It was trained for this" in plain[2]


def test_whether_it_was_trained_on_noise_follows_from_its_settings_alone(variational, plain):
    assert "It was not trained for this" in variational[2]
    root = "fullcircle.reports.autoencoders:autoencoder_report"
    assert not why("fullcircle.models.autoencoders:AUTOENCODERS", root, without=frozenset())


def test_the_page_needs_nothing_else_and_has_every_section(variational, plain):
    for _, _, page in (variational, plain):
        assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
        assert not re.findall(r"(?:http|//)[^\s]*\.(?:js|css)", page)
        for title in (
            "Originals over",
            "Beside what",
            "Loss per epoch",
            "The latents of test",
            "Grid",
            "Random samples",
            "From one",
        ):
            assert f"<h2>{title}" in page
        assert page.count("data:image/gif") == 1
    assert "<h2>Explorer" in variational[2]
    assert "<h2>Explorer" not in plain[2]
    assert variational[2].count('type="range"') == 2


def sprite_of(page):
    address = re.search(r'<img src="data:image/webp;base64,([^"]+)" alt="decoded points"', page)[1]
    return Image.open(io.BytesIO(base64.b64decode(address)))


def test_the_explorer_has_a_tile_for_each_point(variational):
    assert sprite_of(variational[2]).size == (3 * 12, 3 * 12)
    about = json.loads(re.search(r'data-about="([^"]+)"', variational[2])[1].replace("&#34;", '"'))
    assert (about["n"], about["low"], about["high"], about["width"]) == (3, -8, 8, 12)


def test_the_sliders_show_the_points_between_which_they_stand(variational, chromium, tmp_path):
    """In a headless browser: at a point its own tile, between points the mean of the four around."""
    moved = """<script>addEventListener("load", () => {
        const canvas = document.querySelector("#explorer canvas"), sliders = document.querySelectorAll("#explorer input");
        const seen = [[-8, 8], [0, 0], [-4, 4]].map(at => {
            sliders.forEach((s, i) => { s.value = at[i]; s.dispatchEvent(new Event("input")); });
            return [...canvas.getContext("2d").getImageData(0, 0, 12, 12).data].filter((_, i) => i % 4 == 0);
        });
        document.body.innerHTML = "<pre>" + JSON.stringify(seen) + "</pre>";
    });</script>"""
    (tmp_path / "page.html").write_text(variational[2] + moved)
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom"]
    done = subprocess.run([*command, f"file://{tmp_path}/page.html"], capture_output=True, text=True, timeout=120)
    seen = np.array(json.loads(re.search("<pre>(.*)</pre>", done.stdout)[1])).reshape(3, 12, 12)
    sprite = np.asarray(sprite_of(variational[2]).convert("L")).astype(float)
    tiles = sprite.reshape(3, 12, 3, 12).swapaxes(1, 2)  # row: latent 2, column: latent 1
    assert np.abs(seen[0] - tiles[2, 0]).max() <= 3
    assert np.abs(seen[1] - tiles[1, 1]).max() <= 3
    assert np.abs(seen[2] - (tiles[1, 0] + tiles[1, 1] + tiles[2, 0] + tiles[2, 1]) / 4).max() <= 5
    assert np.abs(tiles[2, 0] - tiles[1, 1]).max() > 30  # they are not all the same


def test_the_morph_goes_there_and_back(variational):
    folder, report, _ = variational
    gif = Image.open(folder / MORPH)
    assert report["morph"]["frames"] == 180
    total = 0
    for frame in range(gif.n_frames):
        gif.seek(frame)
        total += gif.info["duration"]
    assert total == 180 * 40
    assert report["morph"]["from"] != report["morph"]["to"]


def test_the_sheet_is_small(plain):
    assert (plain[0] / CONTACT_SHEET).stat().st_size <= 40_000


def test_the_ids_to_morph_can_be_chosen_and_must_exist(tables, tmp_path):
    ids = tables["original"].test.read(["id"])["id"]
    trained = Linear(tables["original"].train, 2, True)
    report, _ = written(tmp_path, tables["original"], trained, morph_from=str(ids[-1]), morph_to=str(ids[0]), morph=3)
    assert report["morph"] == {"from": ids[-1], "to": ids[0], "frames": 6}
    with pytest.raises(SettingsError, match=r"report\.morph_to is expected to be an id in test, .* Received: 'nobody'"):
        written(tmp_path, tables["original"], trained, morph_to="nobody")
