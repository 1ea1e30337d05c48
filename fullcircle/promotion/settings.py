"""Settings of the decision whether a newly trained model is served.

Belongs here: plain data and the rules it must keep.
"""

from __future__ import annotations

import dataclasses

from fullcircle.core.settings import LARGEST_SEED, Settings, setting


@dataclasses.dataclass(frozen=True)
class PromotionSettings(Settings):
    """On how many pictures a challenger is compared with the champion, and how sure its figures must be."""

    confidence: float = setting(
        0.95, "how sure it must be that no figure is worse by more than its margin", above=0.5, high=0.999
    )
    seed: int = setting(1, "source of chance of test pictures, noise, search and bootstrap", low=0, high=LARGEST_SEED)


@dataclasses.dataclass(frozen=True)
class ChampionSettings(PromotionSettings):
    """When a newly trained decoder and encoder are served in place of those that are."""

    pictures: int = setting(400, "test pictures, drawn for this and read by both at two noise levels", low=20)
    exact_margin: float | None = setting(
        0.05, "so much smaller may the share read pixel for pixel be; none: no challenger is promoted", above=0, high=1
    )
    points_margin: float | None = setting(
        1.0, "so many px farther may points be from their true places; none: no challenger is promoted", above=0
    )
    spec_margin: float | None = setting(
        0.01,
        "of classes without points: so much larger may the error be, as a share of the ranges; none: no challenger is promoted",
        above=0,
        high=1,
    )
    comparisons: int = setting(20, "after so many comparisons other test pictures are drawn", low=1)
    redraws: int = setting(3000, "at most so many drawings per picture in the search", low=1)
    workers: int = setting(
        0,
        "processes that search, 0: one per core where there are pictures enough; changes nothing but the time",
        low=0,
        high=256,
        idle=True,
    )


@dataclasses.dataclass(frozen=True)
class AutoencoderChampionSettings(PromotionSettings):
    """When a newly trained autoencoder is served in place of the one that is."""

    pictures: int = setting(2000, "pictures of test, at most, that both reconstruct", low=2)
    psnr_margin: float | None = setting(0.5, "so many dB lower may the PSNR be; none: no challenger is promoted", above=0)
    comparisons: int = setting(
        20, "after so many comparisons on the same test pictures a decision says that they are worn", low=1
    )

    @classmethod
    def section(cls) -> str:
        """As it is called in the settings of a whole run."""
        return "champion"
