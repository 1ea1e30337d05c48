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


def small_webp(image: Image.Image, limit: int = 40_000) -> bytes:
    """WebP of at most `limit` bytes: lossless if that fits, else the best quality that does.

    Dagster keeps what its metadata shows four times over, hence the limit.

    Raises:
        ValueError: when even the lowest quality is larger; show fewer or smaller pictures.
    """
    for options in ({"lossless": True}, *({"quality": q} for q in (90, 75, 60, 45, 30, 15, 5))):
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", method=4, **options)
        if buffer.tell() <= limit:
            return buffer.getvalue()
    raise ValueError(f"A contact sheet is expected to fit {limit:,} bytes. Received: {image.size} px. Show fewer pictures.")


def data_uri(data: bytes, kind: str) -> str:
    """Bytes as an address that carries them, for pages and Markdown that need no other file."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
