"""What many tests need: a store in a temporary folder, chance, and a browser where a page is looked at."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from fullcircle.storage import Store


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
