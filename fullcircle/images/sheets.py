"""Pictures for reports: contact sheets (rows of small pictures with a caption each), grids, films; enlarged without smoothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CAPTION = 92
NOTE = 17
FRAME_MS = 40
GAP = 4
PAPER, INK = (255, 255, 255), (40, 40, 40)


def contact_sheet(rows: Sequence[tuple[str, np.ndarray]], scale: int = 1, notes: Sequence[str] = ()) -> Image.Image:
    """Captioned rows of pictures, one column per example.

    Args:
        rows: caption and ``uint8 (n, height, width[, 3])``; every row has the same n and size.
        scale: each pixel becomes a square of this side.
        notes: a word or two under each column.
    """
    n, height, width = rows[0][1].shape[:3]
    height, width = height * scale, width * scale
    below = NOTE * (1 + max(note.count("\n") for note in notes)) if notes else 0
    sheet = Image.new("RGB", (CAPTION + n * (width + GAP), len(rows) * (height + GAP) + GAP + below), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for r, (caption, pictures) in enumerate(rows):
        top = GAP + r * (height + GAP)
        draw.multiline_text((GAP, top + height // 2), caption, INK, font, anchor="lm", spacing=2)
        for c, picture in enumerate(pictures):
            enlarged = Image.fromarray(picture).resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(enlarged, (CAPTION + c * (width + GAP), top))
    for c, note in enumerate(notes):
        middle = CAPTION + c * (width + GAP) + width // 2, len(rows) * (height + GAP) + GAP
        draw.multiline_text(middle, note, INK, font, anchor="ma", align="center", spacing=2)
    return sheet


def mosaic(pictures: np.ndarray, scale: int = 1, gap: int = 1) -> Image.Image:
    """A grid of pictures, ``uint8 (rows, columns, height, width[, 3])``, with thin lines of paper between them."""
    rows, columns, height, width = pictures.shape[:4]
    height, width = height * scale, width * scale
    sheet = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), PAPER)
    for r, c in np.ndindex(rows, columns):
        enlarged = Image.fromarray(pictures[r, c]).resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (c * (width + gap), r * (height + gap)))
    return sheet


def film(frames: np.ndarray, scale: int = 1, ms: int = FRAME_MS) -> bytes:
    """A GIF without end, of ``uint8 (n, height, width[, 3])``; two frames that are alike become one that stays twice as long."""
    enlarged = [Image.fromarray(f).resize((f.shape[1] * scale, f.shape[0] * scale), Image.Resampling.NEAREST) for f in frames]
    buffer = io.BytesIO()
    enlarged[0].save(buffer, "GIF", save_all=True, append_images=enlarged[1:], duration=[ms] * len(enlarged), loop=0)
    return buffer.getvalue()


def tiles(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Codes as pictures: a field per latent, row by row, blue below 0, white at 0, red above, full colour at the largest of all.

    Args:
        values: ``(n, z)``.
        height: of each picture, px.
        width: likewise.

    Returns:
        ``uint8 (n, height, width, 3)``; fields that no latent fills are grey.
    """
    n, z = values.shape
    columns = int(np.ceil(np.sqrt(z * width / height)))
    rows = -(-z // columns)
    share = values / max(np.abs(values).max(initial=0), 1e-12)
    colours = np.full((n, rows * columns, 3), 0.85)
    colours[:, :z] = 1 - np.abs(share)[..., None] * np.where(share[..., None] > 0, (0.2, 1, 1), (1, 0.6, 0.2))
    fields = np.rint(255 * colours.clip(0, 1)).astype(np.uint8).reshape(n, rows, columns, 3)
    return np.stack([np.asarray(Image.fromarray(f).resize((width, height), Image.Resampling.NEAREST)) for f in fields])


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
