"""What many tests need: a store in a temporary folder, and a drawing small enough to train on in a blink."""

from pathlib import Path

import numpy as np
import pytest

from fullcircle.storage import Store


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")
