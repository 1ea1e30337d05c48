"""Where the store is when nobody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path


def default_store() -> Path:
    """Where objects and ledger are: ``FULLCIRCLE_STORE``, or the folder ``store`` of this checkout."""
    return Path(os.environ.get("FULLCIRCLE_STORE") or Path(__file__).parents[2] / "store").absolute()
