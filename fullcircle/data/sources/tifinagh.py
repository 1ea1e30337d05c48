"""Tifinagh: the script of the published glyph autoencoders, from the two faces inside Matplotlib that really have it."""

from __future__ import annotations

from collections.abc import Iterator

from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, Source
from fullcircle.data.sources.fonts import characters_of, font_candidates, matplotlib_fonts
from fullcircle.images.arrays import Canvas

FACES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
CHARACTERS = "U+2D30-U+2D65 U+2D6F"


class Tifinagh(Source):
    """55 characters of DejaVu Sans and of DejaVu Sans Bold; label: the character, group: the face."""

    name = "tifinagh"
    summary = "55 Tifinagh characters in two faces of DejaVu Sans"

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        return font_candidates([(matplotlib_fonts() / f, f) for f in FACES], characters_of(CHARACTERS), canvas)
