"""What many tests need: a store in a temporary folder, chance, and a browser where a page is looked at."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.store.objects import Store


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program of a headless browser; where there is none, what needs it is left out, but not in CI."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        assert "CI" not in os.environ, ".ci/run installs chromium"
        pytest.skip("no Chromium on this machine: .ci/run installs one, make test asks for no more than Python and make")
    return program


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="session")
def with_tables() -> Callable[..., Store]:
    """Puts the tables of a picture source into a store as if a run had made them."""

    def make(store: Store, source: str, samples: int = 600, **of_originals: int) -> Store:
        originals = glyph_steps.make_originals(store, SOURCES[source], OriginalsSettings(**of_originals))
        augmented = glyph_steps.make_augmented(store, originals, AugmentedSettings(n=samples, workers=1))
        splits = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings(unit="sample"))
        for asset, stored in {"originals": originals, "augmented": augmented, **splits}.items():
            store.ledger.append({"asset": f"glyphs/{asset}", "partition": source, "version": stored.hash, "run_id": "r"})
        return store

    return make
