"""Contact sheets: rows of small pictures with a caption each, enlarged without smoothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CAPTION = 92
GAP = 4
PAPER, INK = (255, 255, 255), (40, 40, 40)


def contact_sheet(rows: Sequence[tuple[str, np.ndarray]], scale: int = 1) -> Image.Image:
    """Captioned rows of pictures, one column per example.

    Args:
        rows: caption and ``uint8 (n, height, width[, 3])``; every row has the same n and size.
        scale: each pixel becomes a square of this side.
    """
    n, height, width = rows[0][1].shape[:3]
    height, width = height * scale, width * scale
    sheet = Image.new("RGB", (CAPTION + n * (width + GAP), len(rows) * (height + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for r, (caption, pictures) in enumerate(rows):
        top = GAP + r * (height + GAP)
        draw.multiline_text((GAP, top + height // 2), caption, INK, font, anchor="lm", spacing=2)
        for c, picture in enumerate(pictures):
            enlarged = Image.fromarray(picture).resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(enlarged, (CAPTION + c * (width + GAP), top))
    return sheet


def png(image: Image.Image) -> bytes:
    """Lossless."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def webp(image: Image.Image, quality: int = 90) -> bytes:
    """For sheets of noise, which as PNG would be several times as large."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", method=4, quality=quality)
    return buffer.getvalue()


def small_webp(rows: Sequence[tuple[str, np.ndarray]], columns: int = 10, limit: int = 40_000) -> bytes:
    """A contact sheet as WebP of at most `limit` bytes, the first `columns` examples or as many as fit.

    Lossless if that fits, else the best quality that does, else with fewer examples. Dagster keeps what its metadata shows four
    times over, hence the limit.

    Raises:
        ValueError: when even one example at the lowest quality is larger.
    """
    for n in range(columns, 0, -1):
        sheet = contact_sheet([(caption, pictures[:n]) for caption, pictures in rows])
        for quality in (None, 90, 75, 60, 45, 30, 15):
            buffer = io.BytesIO()
            sheet.save(buffer, "WEBP", method=4, lossless=quality is None, quality=quality or 80)
            if buffer.tell() <= limit:
                return buffer.getvalue()
    raise ValueError(f"A contact sheet is expected to fit {limit:,} bytes. Received: {sheet.size} px with one example a row.")


def data_uri(data: bytes, kind: str) -> str:
    """Bytes as an address that carries them, for pages and Markdown that need no other file."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
