"""Latin letters and digits, from the text faces inside Matplotlib; or other characters that these have."""

from __future__ import annotations

from collections.abc import Iterator

from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, Source
from fullcircle.data.sources.fonts import LATIN, characters_of, font_candidates, matplotlib_fonts
from fullcircle.images.arrays import Canvas

FACES = (
    *(f"DejaVu{family}.ttf" for family in ("Sans", "SansMono", "Serif")),
    *(f"DejaVu{face}.ttf" for face in ("Sans-Bold", "Sans-Oblique", "Sans-BoldOblique")),
    *(f"DejaVu{face}.ttf" for face in ("SansMono-Bold", "SansMono-Oblique", "SansMono-BoldOblique")),
    *(f"DejaVu{face}.ttf" for face in ("Serif-Bold", "Serif-Italic", "Serif-BoldItalic")),
    *(f"STIXGeneral{style}.ttf" for style in ("", "Bol", "Italic", "BolIta")),
)


class Latin(Source):
    """62 letters and digits, or `originals.characters`, of 16 faces; label: the character, group: the face."""

    name = "latin"
    summary = "letters and digits in 16 faces of DejaVu and STIX; other characters by originals.characters"
    takes = frozenset({"characters"})

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        files = [(matplotlib_fonts() / f, f) for f in FACES]
        return font_candidates(files, characters_of(settings.characters or LATIN), canvas)
