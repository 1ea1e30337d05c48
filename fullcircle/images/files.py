"""Pictures that come from outside, brought to a canvas by one rule.

Belongs here: opening files that nobody vouches for, the rule, and the way back from canvas pixels to the picture's own.
Does not belong here: what is read from a picture (`reading`), what is kept of one (`originals`).

The rule, in this order:

1. The file is a picture that Pillow opens by itself (so no PostScript, which is a program), whole, not animated, and of at most
   `MAX_PIXELS` pixels, which is looked up before anything is decoded. Its bytes are read once, and only these are decoded: one
   that is replaced meanwhile is the old picture or the new one, and one that is being written is refused.
2. EXIF orientation is applied, and from here on the picture is upright.
3. 16-bit greys become 8-bit, value / 257 rounded; 32-bit whole numbers are taken for 16-bit ones, floating point for 0 to 255.
4. What is transparent is laid on white.
5. Grey by Pillow's "L" (ITU-R 601), for a canvas of one channel; else RGB.
6. A picture of the canvas's size stays as it is. Any other is scaled, by Pillow's box filter (the mean of what a pixel covers;
   nothing rings, and plain areas stay plain), so that it just fits, and is centred; the rest is filled with the median of its
   border.
7. Of a picture that was scaled and has a plain ground, uneven light is taken away, as a camera and a lamp leave
   it: the quadratic surface that lies nearest to the border, in absolute differences, less the border's median. A border that
   is plain already, half of it within `PLAIN` levels of its median, says that there is none.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 50_000_000
"""Largest picture that is decoded: 50 megapixels take 200 MB as RGBA. A few kilobytes can claim any size."""

MAX_BYTES = 10 * MAX_PIXELS
"""Largest file that is read: a pixel takes at most 8 bytes, and what cameras put beside the pixels is far less."""

MAX_AT_A_TIME = 2 * MAX_PIXELS
"""Pixels that all threads within `few_at_a_time` together have decoded at a time; others wait for room."""

STRIP = 1 << 20
"""Pixels that are brought to 8 bits at a time: as float64 they take 8 MB."""

PLAIN = 2
"""Levels by which a plain border may be off its median: what JPEG leaves."""

BYTES = 4
"""That a decoded pixel takes: so much of a file that is read counts as one."""

_AT_MOST = f"A picture is expected to have at most {MAX_PIXELS:,} pixels. Received: "

BORDER = 3
"""Pixels of the canvas that count as a picture's border when its light is measured."""


class PictureError(ValueError):
    """A picture cannot be read. The message says why, and what was expected."""


def valid_name(path: Path | str) -> str:
    r"""A path as valid Unicode, for tables and JSON: bytes that are no UTF-8 are written out, as ``\xff``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable_name(path: Path | str) -> str:
    r"""A path to be printed, always on one line: as `valid_name`, and what is no printable character is escaped, as ``\n``.

    A terminal obeys escape codes, in the name of a file too.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in valid_name(path))


def find_pictures(paths: Sequence[Path]) -> Iterator[Path]:
    """The files themselves, and of folders what has an ending that Pillow knows, by name; folders in folders are not entered.

    A pipe or a link to nothing is no picture, which who opens it is given: nothing is left out in silence.
    """
    known = Image.registered_extensions()
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.iterdir() if p.suffix.lower() in known and not p.is_dir())
        else:
            yield path


def pictures_at(path: Path) -> list[Path]:
    """A file itself, whatever it is, or the pictures of a folder, as `find_pictures` does.

    Raises:
        PictureError: when a folder has none, or cannot be read.
    """
    try:
        found = list(find_pictures([path]))
    except OSError as error:
        raise PictureError(f"A picture, or a folder that can be read, is expected. Received: {error.strerror}.") from error
    if not found:
        raise PictureError("A folder with pictures in it is expected. Received: none whose ending Pillow knows.")
    return found


class _Room:
    """Pixels that several threads may have decoded at a time."""

    def __init__(self, pixels: int) -> None:
        self._free = self._all = pixels
        self._changed = threading.Condition()
        self._own = threading.local()

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """What this thread takes within, it gives back at the end."""
        self._own.taken = 0
        try:
            yield
        finally:
            taken = self._own.taken
            del self._own.taken
            with self._changed:
                self._free += taken
                self._changed.notify_all()

    def take(self, pixels: int) -> None:
        """Wait until there is room; a thread outside of `shared` gives nothing back and so takes nothing."""
        own: int | None = getattr(self._own, "taken", None)
        if own is None:
            return
        with self._changed:
            # One that has some already does not wait: it could be for itself.
            self._changed.wait_for(lambda: own or self._free >= min(pixels, self._all))
            self._free -= pixels
        self._own.taken = own + pixels


_ROOM = _Room(MAX_AT_A_TIME)


def few_at_a_time() -> contextlib.AbstractContextManager[None]:
    """Around opening a picture and all that is done with it, in a thread: however many do so, memory stays bounded.

    Within, `open_upright` waits while other threads have `MAX_AT_A_TIME` pixels decoded.
    """
    return _ROOM.shared()


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A picture on a canvas; `scale` and `offset` as in `Picture`."""

    image: np.ndarray
    scale: tuple[float, float]
    offset: tuple[int, int]


@cache
def _formats() -> tuple[str, ...]:
    """What Pillow decodes itself. For PostScript it would start Ghostscript, to run a program that nobody vouches for."""
    Image.init()
    return tuple(name for name in Image.OPEN if name != "EPS")


@dataclasses.dataclass(frozen=True)
class Upright:
    """A whole, upright picture of any mode, and the hex SHA-256 of the very bytes that it was decoded from."""

    picture: Image.Image
    sha256: str


def open_upright(path: Path) -> Upright:
    """A file as a picture: points 1 and 2 of the rule.

    Raises:
        PictureError: as `open_picture`.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise PictureError(f"A file is expected. Received: {error.strerror or error}.") from error
    if not stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting for ever
        raise PictureError("A file is expected. Received: a folder, a pipe or a device.")
    if not status.st_size:
        raise PictureError("A picture is expected. Received: zero bytes.")
    try:
        with path.open("rb") as file:
            data = _bytes_of(file)
    except OSError as error:
        raise PictureError(f"A picture that Pillow opens is expected. Received: {error.strerror or error}.") from error
    # Not by its name: Pillow and libtiff would map the file into memory, and end the process when it becomes shorter.
    with _opened(io.BytesIO(data)) as opened:
        try:
            # A camera's MPO holds a preview as its second frame and is not animated.
            if opened.format != "MPO" and getattr(opened, "is_animated", False):
                raise PictureError("One still picture is expected. Received: several frames or pages; save one of them.")
            opened.load()
            ImageOps.exif_transpose(opened, in_place=True)  # else there would be a copy even of what is upright
        except PictureError:
            raise
        except Exception as error:
            raise PictureError(f"A whole picture is expected. Received: a truncated or damaged one ({error}).") from error
    return Upright(opened, hashlib.sha256(data).hexdigest())


def _bytes_of(file: IO[bytes]) -> bytes:
    """All bytes of a file that begins as a picture of an allowed size, as long as nobody writes to it meanwhile."""
    before = _stamp(file)
    size = before[0]
    if size > MAX_BYTES:
        raise PictureError(f"A picture is expected to have at most {MAX_BYTES:,} bytes. Received: {size:,}.")
    with _opened(file) as header:
        width, height = header.size
    if width * height > MAX_PIXELS:
        raise PictureError(f"{_AT_MOST}{width:,} x {height:,}.")
    _ROOM.take(width * height + size // BYTES)
    file.seek(0)
    data = file.read(size)
    if _stamp(file) != before or len(data) != size:
        raise PictureError(
            "A whole picture is expected. Received: one that was written to while it was read; try again once it is complete."
        )
    return data


def _stamp(file: IO[bytes]) -> tuple[int, int]:
    """Size and time of an open file, which differ when it was written to, and not when another has taken its name."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _opened(file: IO[bytes]) -> Image.Image:
    """A picture of which no more than the header was read."""
    try:
        with warnings.catch_warnings():
            # Pillow's own, looser limit; ours is applied by who called, still before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(file, formats=_formats())
    except UnidentifiedImageError:
        raise PictureError("A picture that Pillow opens is expected. Received: a file of another kind.") from None
    except Image.DecompressionBombError as error:
        raise PictureError(f"{_AT_MOST}more. {error}") from error
    except OSError as error:
        raise PictureError(f"A picture that Pillow opens is expected. Received: {error.strerror or error}.") from error
    except Exception as error:  # a decoder given a damaged header raises what it likes
        raise PictureError(f"A picture that Pillow opens is expected. Received: {error}.") from error


def eight_bits(picture: Image.Image, channels: int) -> Image.Image:
    """A picture of any mode as 8-bit grey (1 channel) or RGB (3): points 3 to 5 of the rule.

    Beside the picture and what is returned there is only a strip of `STRIP` pixels at a time.
    """
    mode = "L" if channels == 1 else "RGB"
    if picture.mode == mode and not picture.has_transparency_data:
        return picture
    made = Image.new(mode, picture.size)
    width, height = picture.size
    rows = max(STRIP // max(width, 1), 1)
    for top in range(0, height, rows):
        strip = picture.crop((0, top, width, min(top + rows, height)))
        made.paste(_strip_in_eight_bits(strip).convert(mode), (0, top))
    return made


def _strip_in_eight_bits(picture: Image.Image) -> Image.Image:
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        levels = np.clip(np.rint(np.asarray(picture).astype(np.float64) / 257), 0, 255)
        picture = Image.fromarray(levels.astype(np.uint8))
    elif picture.mode == "F":
        levels = np.clip(np.rint(np.nan_to_num(np.asarray(picture))), 0, 255)
        picture = Image.fromarray(levels.astype(np.uint8))
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
        picture = picture.convert("RGB")
    return picture


def fit(
    picture: Image.Image,
    height: int,
    width: int,
    *,
    even: bool = False,
    enlarge: Image.Resampling = Image.Resampling.BOX,
) -> Fitted:
    """A grey or RGB picture scaled and centred on a canvas: points 6 and 7 of the rule.

    Args:
        picture: 8-bit.
        height, width: of the canvas, in px.
        even: whether it has a plain ground, of which uneven light is taken away.
        enlarge: the filter for a picture smaller than the canvas. The box repeats pixels, so what was plain stays plain, as
            a reader wants it; glyphs are enlarged smoothly.

    Returns:
        ``uint8 (height, width[, 3])``, the scale and the offset.
    """
    if picture.size == (width, height):
        return Fitted(np.asarray(picture), (1.0, 1.0), (0, 0))
    own_width, own_height = picture.size
    factor = min(width / own_width, height / own_height)
    # Of a picture a thousand times as wide as high, one row remains.
    inner = max(round(own_width * factor), 1), max(round(own_height * factor), 1)
    scaled = np.asarray(picture.resize(inner, enlarge if factor > 1 else Image.Resampling.BOX))
    if even:
        scaled = even_light(scaled)
    image = np.empty((height, width, *scaled.shape[2:]), np.uint8)
    image[:] = np.rint(np.median(border(scaled), axis=0))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    image[top : top + inner[1], left : left + inner[0]] = scaled
    return Fitted(image, (inner[0] / own_width, inner[1] / own_height), (left, top))


def even_light(image: np.ndarray) -> np.ndarray:
    """A picture without uneven light, point 7 of the rule; one whose border is plain is returned as it is.

    Args:
        image: ``uint8 (height, width[, channels])``.
    """
    height, width = image.shape[:2]
    edge = np.ones((height, width), bool)
    edge[BORDER:-BORDER, BORDER:-BORDER] = False
    border = image[edge].reshape(edge.sum(), -1).astype(np.float64)
    middle = np.median(border, axis=0)
    if ((np.abs(border - middle) <= PLAIN).mean(axis=0) >= 0.5).all():
        return image
    y, x = np.indices((height, width)) / max(height, width)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    known = terms[edge]
    surface = np.empty((height, width, border.shape[1]))
    for c, levels in enumerate(border.T):
        weights = np.ones(len(levels))
        for _ in range(30):  # least squares again and again, each pixel weighed by 1 / its last difference
            found = np.linalg.lstsq(known * weights[:, None], levels * weights, rcond=None)[0]
            weights = 1 / np.sqrt(np.maximum(np.abs(levels - known @ found), 1))
        surface[..., c] = terms @ found
    even = image - (surface - middle).reshape(image.shape)
    return np.clip(np.rint(even), 0, 255).astype(np.uint8)


def border(image: np.ndarray) -> np.ndarray:
    """The outermost pixels of a picture, ``(n[, 3])``."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
