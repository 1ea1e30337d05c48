"""The checks of the glyph assets, one step per asset.

Belongs here: which rule of `fullcircle.checks.glyphs` guards which asset. What only warns says so itself.
"""

from assets.checking import checks_of
from assets.glyphs import PREFIX
from fullcircle.checks import glyphs as glyph_checks
from fullcircle.data.splits import SPLITS

CHECKS = [
    checks_of(
        PREFIX,
        "originals",
        ("originals",),
        {
            "originals_are_left": lambda _, o: glyph_checks.originals_are_left(o["originals"]),
            "few_are_rejected": lambda _, o: glyph_checks.few_are_rejected(o["originals"]),
            "originals_are_sound": lambda _, o: glyph_checks.originals_are_sound(o["originals"]),
        },
        glyph_checks,
        "originals_checks",
    ),
    checks_of(
        PREFIX,
        "augmented",
        ("augmented", "originals"),
        {
            "samples_are_sound": lambda _, o: glyph_checks.samples_are_sound(o["originals"], o["augmented"]),
            "samples_show_something": lambda _, o: glyph_checks.samples_show_something(o["augmented"]),
            "samples_can_be_made_again": lambda _, o: glyph_checks.samples_can_be_made_again(o["originals"], o["augmented"]),
            "labels_are_balanced": lambda _, o: glyph_checks.labels_are_balanced(o["augmented"]),
        },
        glyph_checks,
        "augmented_checks",
    ),
    checks_of(
        PREFIX,
        "train",
        ("originals", "augmented", *SPLITS),
        {
            "splits_are_whole": lambda _, o: glyph_checks.splits_are_whole(o["augmented"], {s: o[s] for s in SPLITS}),
            "units_are_disjoint": lambda _, o: glyph_checks.units_are_disjoint(o["originals"], {s: o[s] for s in SPLITS}),
            "pictures_are_disjoint": lambda _, o: glyph_checks.pictures_are_disjoint({s: o[s] for s in SPLITS}),
        },
        glyph_checks,
        "glyph_splits_checks",
    ),
]
