"""Characters of fonts: a font file, or a folder of them, that the user names. `tifinagh` and `latin` are made of the same.

A character is taken only where the font's own table of characters has it, so no box or other stand-in slips in. All characters
of a face are drawn in one size, the largest for which each fits `INK` of the canvas, and each is centred on its ink: how large
they are beside each other stays true. They are drawn white on black, `OVERSAMPLING` times as large as the canvas, and scaled down.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, Loaded, PathSource, PictureError, SourceError
from fullcircle.images.arrays import Canvas

INK = 0.75
"""Share of the canvas's smaller side that the largest character of a face fills: room to turn in."""

OVERSAMPLING = 4
NOMINAL = 256  # px, at which characters are measured
FONT_ENDINGS = frozenset({".ttf", ".otf", ".ttc", ".otc"})
LATIN = "A-Z a-z 0-9"


def characters_of(text: str) -> list[str]:
    """Characters as people name them: ``"A-Z a-z U+2D30-U+2D65 &?!"``.

    Words are set apart by spaces or commas. A word is a range (two characters or code points, a hyphen between), a code point,
    or stands for the characters in it.

    Raises:
        SettingsError: when a range is empty or there is no character.
    """
    found: dict[str, None] = {}
    for word in text.replace(",", " ").split():
        first, hyphen, last = word.partition("-")
        ends = [_one(end) for end in (first, last)] if hyphen else [_one(word)]
        if hyphen and all(ends):
            a, b = (ord(str(end)) for end in ends)
            if a > b:
                raise SettingsError(f"originals.characters: a range is expected to go up. Received: {word!r}.")
            found |= dict.fromkeys(map(chr, range(a, b + 1)))
        else:
            found |= dict.fromkeys(ends[0] if len(ends) == 1 and ends[0] else word)
    if not found:
        raise SettingsError(f"originals.characters is expected to name characters, A-Z for one. Received: {text!r}.")
    return list(found)


def _one(text: str) -> str | None:
    """The one character that `text` is or names, or None."""
    if len(text) == 1:
        return text
    if text[:2].upper() == "U+" and 4 <= len(text[2:]) <= 6:
        try:
            return chr(int(text[2:], 16))
        except (ValueError, OverflowError):
            return None
    return None


def matplotlib_fonts() -> Path:
    """The folder of the fonts that Matplotlib brings along."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def font_candidates(files: Sequence[tuple[Path, str]], characters: Sequence[str], canvas: Canvas) -> Iterator[Candidate]:
    """Every character of every face.

    Args:
        files: path and name, for people, of each font.
        characters: in order.
        canvas: (height, width, channels).
    """
    for path, name in files:
        face: _Face | PictureError
        try:
            face = _Face(path, characters, canvas)
        except (OSError, RuntimeError, ValueError) as error:
            face = PictureError(f"A font that FreeType opens is expected. Received: {error}.")
            yield Candidate(name, name, "", name, partial(_fail, face))
            continue
        for character in characters:
            origin = f"{name} U+{ord(character):04X}"
            yield Candidate(origin, name, character, face.name or name, partial(face.draw, character))


def _fail(error: PictureError) -> Loaded:
    raise error


class _Face:
    """One font at the size that suits `characters` and the canvas."""

    def __init__(self, path: Path, characters: Sequence[str], canvas: Canvas) -> None:
        from matplotlib.ft2font import FT2Font

        data = path.read_bytes()  # once: what is on record is the hash of the font that is drawn
        table = FT2Font(io.BytesIO(data))
        self.name = f"{table.family_name} {table.style_name}".strip()
        self._sha256 = hashlib.sha256(data).hexdigest()
        self._has = frozenset(chr(code) for code, glyph in table.get_charmap().items() if glyph)
        height, width = canvas[0] * OVERSAMPLING, canvas[1] * OVERSAMPLING
        self._size = width, height
        # Basic layout: the same pictures whether or not Pillow was built with Raqm.
        nominal = ImageFont.truetype(io.BytesIO(data), NOMINAL, layout_engine=ImageFont.Layout.BASIC)
        largest = max((max(_ink(nominal, c).size) for c in characters if c in self._has), default=1)
        self._font = nominal.font_variant(size=max(int(NOMINAL * INK * min(height, width) / largest), 1))

    def draw(self, character: str) -> Loaded:
        if character not in self._has:
            raise PictureError(f"A character that the font has is expected. Received: U+{ord(character):04X}.")
        ink = _ink(self._font, character)
        picture = Image.new("L", self._size)
        picture.paste(ink, ((picture.width - ink.width) // 2, (picture.height - ink.height) // 2))
        return Loaded(picture, self._sha256)


def _ink(font: ImageFont.FreeTypeFont, character: str) -> Image.Image:
    """A character, white on black, cut to its ink; 1 x 1 if it has none. Pillow's own box includes the bearings."""
    left, top, right, bottom = (round(edge) for edge in font.getbbox(character, anchor="ls"))
    edge = round(font.size)
    scratch = Image.new("L", (right - left + 2 * edge, bottom - top + 2 * edge))
    ImageDraw.Draw(scratch).text((edge - left, edge - top), character, fill=255, font=font, anchor="ls")
    return scratch.crop(scratch.getbbox() or (0, 0, 1, 1))


class Fonts(PathSource):
    """Font files that the user names: ``fonts:PATH``, a file or a folder of them; label: the character, group: the face."""

    kind = "fonts"
    summary = "characters of a font file, or of a folder of them"
    takes = frozenset({"characters"})

    def files(self) -> Iterator[Path]:
        if self.path.is_dir():
            return iter(sorted(p for p in self.path.rglob("*") if p.suffix.lower() in FONT_ENDINGS and p.is_file()))
        return iter((self.path,))

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        folder = self.path if self.path.is_dir() else self.path.parent
        files = [(p, p.relative_to(folder).as_posix()) for p in self.files()]
        if not files or not files[0][0].is_file():
            raise SourceError(
                f"A font file, or a folder with {', '.join(sorted(FONT_ENDINGS))} in it, is expected at {self.path}. Found none."
            )
        return font_candidates(files, characters_of(settings.characters or LATIN), canvas)
