"""Settings of the feature patterns: which maps, and how the climb goes.

Belongs here: the settings of its reports; apart from those of drawing classes, because any trained encoder can be asked, that of a
drawing class or of a picture source.
"""

from __future__ import annotations

import dataclasses

from fullcircle.core.settings import LARGEST_SEED, Settings, SettingsError, setting

FULL = "full"
"""In place of a number of cells: one per pixel."""


@dataclasses.dataclass(frozen=True)
class FeaturePatternsSettings(Settings):
    """Which maps of an encoder are shown, and how the image that excites each most is climbed to."""

    layers: str = setting(
        "",
        "which, by name, with maps if not all kinds are wanted: stem,fine:3:17; empty: every convolution, or else dense layer",
    )
    maps: int = setting(8, "so many of each layer, evenly over those it has", low=1)
    scales: str = setting(
        "3:1,7:1,14:1,full:1",
        "of the start images: cells across, or full for one per pixel, and the weight of each random field",
    )
    starts: int = setting(16, "start images tried; each map climbs from the one that it reacts to most", low=1)
    step: float = setting(0.01, "how far a step goes, in deviations of the image", above=0)
    steps: int = setting(400, "at most so many", low=1)
    change: float = setting(5e-4, "relative change of the activation under which a step counts as still", low=0)
    still_steps: int = setting(5, "so many still steps in a row, and the map has settled", low=1)
    silent_steps: int = setting(10, "so many steps in a row without a gradient, and the map is given up", low=1)
    snapshots: int = setting(8, "pictures of the way, at steps evenly spaced on a logarithmic scale", low=2)
    pictures: int = setting(5, "test pictures shown beside each pattern, those that excite its map most", low=1, high=64)
    batch_size: int = setting(64, "maps climbed, and pictures looked at, in one step", low=1)
    seed: int = setting(1, "source of chance of the start images", low=0, high=LARGEST_SEED)

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.fields, self.chosen

    @classmethod
    def section(cls) -> str:
        return "features"

    @property
    def fields(self) -> tuple[tuple[int | None, float], ...]:
        """Cells across, None for one per pixel, and weight of each random field of a start image."""
        made: list[tuple[int | None, float]] = []
        for part in self.scales.split(","):
            cells, _, weight = part.strip().partition(":")
            try:
                made.append((None if cells == FULL else int(cells), float(weight)))
                if made[-1][0] == 0 or (made[-1][0] or 1) < 1 or not made[-1][1] > 0:
                    raise ValueError(part)
            except ValueError:
                raise SettingsError(
                    "features.scales is expected to be CELLS:WEIGHT, any number of them with commas between, CELLS at least 1 or "
                    f"full, WEIGHT greater than 0; 3:1,7:1,14:1,full:1 for one. Received: {self.scales!r}."
                ) from None
        return tuple(made)

    @property
    def chosen(self) -> dict[str, tuple[int, ...]]:
        """The layers that were named, with the maps of each; without maps, `maps` of them are meant."""
        made: dict[str, tuple[int, ...]] = {}
        for part in filter(None, (p.strip() for p in self.layers.split(","))):
            name, *maps = part.split(":")
            if not name or not all(m.isdecimal() for m in maps):
                raise SettingsError(
                    "features.layers is expected to be NAME or NAME:MAP:MAP, any number of them with commas between, MAP a whole "
                    f"number from 0. Received: {self.layers!r}."
                )
            made[name] = (*made.get(name, ()), *map(int, maps))
        return made


@dataclasses.dataclass(frozen=True)
class AutoencoderReportSettings(Settings):
    """What the report of an autoencoder measures and shows."""

    pictures: int = setting(10, "pictures of test that are shown, chosen by the seed", low=2, high=64)
    limit: int = setting(2000, "at most so many pictures of test are measured, and shown on the map", low=2)
    fitted: int = setting(
        8000, "at most so many pictures of train that PCA, the nearest neighbours and the Gaussian are fitted to", low=2
    )
    judged: int = setting(300, "at most so many pictures of test whose nearest training pictures are sought among all", low=2)
    coded: int = setting(100, "at most so many pictures of test that are saved as JPEG and WebP", low=1)
    denoised: int = setting(50, "at most so many pictures of test, and of valid, that noise is added to", low=2)
    neighbours: int = setting(5, "that vote on a label", low=1)
    samples: int = setting(100, "random latents that are decoded and judged", low=2)
    grid: int = setting(10, "side of the grid of decoded points", low=2, high=40)
    grid_low: float = setting(-8.0, "of two latents, both: where the grid and the explorer begin")
    grid_high: float = setting(8.0, "and where they end")
    grid_closed: bool = setting(True, "whether the grid has points at its end too: [-8, 8] or [-8, 8)")
    explorer: int = setting(33, "of two latents: decoded points along a slider; between them the page mixes", low=2, high=65)
    morph: int = setting(90, "pictures of the way from one picture to another, and as many back", low=2, high=1000)
    morph_from: str = setting("", "id in test that the morph begins with; empty: the first one shown")
    morph_to: str = setting("", "id in test that it ends with; empty: the next one shown that has another label")
    seed: int = setting(1, "source of chance of what is shown, samples, noise and maps", low=0, high=LARGEST_SEED)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grid_low >= self.grid_high:
            raise SettingsError(
                f"report.grid_low is expected to be less than report.grid_high. Received: {self.grid_low:g} and {self.grid_high:g}."
            )

    @classmethod
    def section(cls) -> str:
        return "report"
