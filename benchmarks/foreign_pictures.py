"""Pictures from elsewhere: such as this pipeline did not make, with their truth.

Belongs here: making them by other libraries, at other sizes, as from a camera or a scanner, and of things that are no line;
judging an answer by the truth.
Does not belong here: what our reader says of them (`foreign`), and how sure it may be (`confidence`).

Strokes are given in units of 1/64 of the picture's longer side, (0, 0) its upper left corner. A library that takes whole pixels
only gets them rounded, and those are the truth. The truth of a line with round caps is what the library was asked for, although ink
lies beyond it. Errors are given in the same units, so that sizes compare.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

UNITS = 64
SHORTEST = 16  # units: a shorter stroke is no more than a blot
CONTRAST = 32  # levels


@dataclasses.dataclass(frozen=True)
class Stroke:
    """What is to be drawn: ends ``(2, 2)`` as (x, y) and width in units, greys of line and ground in levels."""

    ends: np.ndarray
    width: float
    line: int
    ground: int

    def pixels(self, size: float) -> np.ndarray:
        """The ends in a picture of this longer side; a pixel's centre has whole coordinates."""
        return self.ends * size / UNITS - 0.5

    def whole(self, size: float) -> tuple[np.ndarray, int]:
        """Ends and width in whole pixels."""
        return np.rint(self.pixels(size)).astype(int), max(round(self.width * size / UNITS), 1)


@dataclasses.dataclass(frozen=True)
class Foreign:
    """A picture and its truth in its own pixels; None where no line is there to be read."""

    picture: Image.Image
    ends: np.ndarray | None
    width: float | None
    file: str = "png"
    quality: int = 75  # of a JPEG

    def save(self, path: Path) -> None:
        """Write it with the ending of its format."""
        self.picture.save(path.with_suffix(f".{self.file}"), quality=self.quality)


def sample_stroke(rng: np.random.Generator) -> Stroke:
    """A stroke that anybody would see, wholly inside: at least `SHORTEST` long, `CONTRAST` apart from its ground."""
    while True:
        ends = rng.uniform(6, UNITS - 6, (2, 2))
        line, ground = rng.integers(256, size=2).tolist()
        if np.hypot(*(ends[0] - ends[1])) >= SHORTEST and abs(line - ground) >= CONTRAST:
            return Stroke(ends, float(rng.integers(1, 11)), line, ground)


# Other libraries


def pillow(stroke: Stroke, size: int = UNITS, shape: tuple[int, int] | None = None) -> Foreign:
    """Pillow's own line, as the drawing class has it, at any size; `shape` is (width, height) with `size` the longer."""
    ends, width = stroke.whole(size)
    picture = Image.new("L", shape or (size, size), stroke.ground)
    ImageDraw.Draw(picture).line([tuple(p) for p in ends.tolist()], fill=stroke.line, width=width)
    return Foreign(picture, ends.astype(float), width)


def opencv(stroke: Stroke, kind: int = cv2.LINE_8, size: int = UNITS) -> Foreign:
    """OpenCV's line: round caps, whole pixels."""
    ends, width = stroke.whole(size)
    image = np.full((size, size), stroke.ground, np.uint8)
    cv2.line(image, ends[0].tolist(), ends[1].tolist(), stroke.line, width, kind)
    return Foreign(Image.fromarray(image), ends.astype(float), width)


def agg(stroke: Stroke, smooth: bool, cap: Literal["butt", "round"] = "butt", size: int = UNITS) -> Foreign:
    """Matplotlib's Agg: anti-aliased or not, ends between pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.transforms import IdentityTransform

    # At 72 dpi a point is a pixel; Agg counts from the lower left corner, not from a pixel's centre.
    figure = Figure((size / 72, size / 72), dpi=72, facecolor=str(stroke.ground / 255))
    x, y = (stroke.ends * size / UNITS).T
    width = stroke.width * size / UNITS
    line = Line2D(x, size - y, linewidth=width, color=str(stroke.line / 255), antialiased=smooth, solid_capstyle=cap)
    line.set_transform(IdentityTransform())
    line.set_snap(False)
    figure.add_artist(line)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Foreign(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("L"), stroke.pixels(size), width)


def centres(stroke: Stroke) -> Foreign:
    """By the definition: a pixel is painted when its centre lies in the rectangle."""
    ends = stroke.pixels(UNITS)
    along = (ends[1] - ends[0]) / np.hypot(*(ends[1] - ends[0]))
    rows, columns = np.mgrid[:UNITS, :UNITS]
    place = np.stack([columns, rows], axis=-1) - ends[0]
    far = place @ along
    aside = place @ np.array([-along[1], along[0]])
    inside = (far >= 0) & (far <= np.hypot(*(ends[1] - ends[0]))) & (np.abs(aside) <= stroke.width / 2)
    image = np.where(inside, stroke.line, stroke.ground).astype(np.uint8)
    return Foreign(Image.fromarray(image), ends, stroke.width)


def reduced(stroke: Stroke, times: int = 8) -> Foreign:
    """Pillow's line drawn `times` as large and reduced by the mean: anti-aliased as the mathematics has it."""
    large = pillow(stroke, UNITS * times)
    assert large.ends is not None
    assert large.width is not None
    return Foreign(large.picture.reduce(times), (large.ends + 0.5) / times - 0.5, large.width / times)


# Other sizes, files and colours


def jpeg(stroke: Stroke, quality: int, size: int = UNITS) -> Foreign:
    return dataclasses.replace(pillow(stroke, size), file="jpg", quality=quality)


def oblong(stroke: Stroke) -> Foreign:
    """300 x 200: the stroke is moved up into the upper two thirds."""
    flat = dataclasses.replace(stroke, ends=stroke.ends * [1, 2 / 3])
    return pillow(flat, 300, (300, 200))


def mode(stroke: Stroke, rng: np.random.Generator) -> Foreign:
    """Palette, 16-bit, transparent ground (which is laid on white), 1-bit."""
    made = pillow(stroke)
    which = rng.integers(4)
    if which == 0:
        picture = made.picture.convert("P", palette=Image.Palette.ADAPTIVE)
    elif which == 1:
        picture = Image.fromarray(np.asarray(made.picture).astype(np.uint16) * 257)
    elif which == 2:
        ink = pillow(dataclasses.replace(stroke, line=255, ground=0)).picture
        grey = min(stroke.line, 255 - CONTRAST)
        picture = Image.merge("LA", [Image.new("L", ink.size, grey), ink]).convert("RGBA")
    else:
        light, dark = (255, 0) if stroke.line > stroke.ground else (0, 255)
        picture = pillow(dataclasses.replace(stroke, line=light, ground=dark)).picture.convert("1")
    return dataclasses.replace(made, picture=picture)


def coloured(stroke: Stroke, rng: np.random.Generator, equal: bool = False) -> Foreign:
    """Any colour on any other; `equal`: of the same brightness, so that only the hue shows the line."""
    made = pillow(stroke)
    ink = np.asarray(pillow(dataclasses.replace(stroke, line=255, ground=0)).picture) > 0
    while True:
        line, ground = rng.integers(256, size=(2, 3))
        brightness = abs(float((line - ground) @ [0.299, 0.587, 0.114]))
        if np.abs(line - ground).max() >= 3 * CONTRAST and (brightness < 0.25 if equal else brightness >= CONTRAST):
            break
    image = np.where(ink[..., None], line, ground).astype(np.uint8)
    return dataclasses.replace(made, picture=Image.fromarray(image))


# Camera and scanner


def _through(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points ``(n, 2)`` through a homography."""
    moved = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return np.asarray(moved[:, :2] / moved[:, 2:])


def _cloud(shape: tuple[int, int], slope: float, rng: np.random.Generator) -> np.ndarray:
    """A random field, mean 0, deviation 1, whose amplitude falls as frequency to the power `slope`; photographs have about 1."""
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) / frequency**slope, shape)
    return np.asarray((field - field.mean()) / field.std())


def photo(stroke: Stroke, rng: np.random.Generator, frame: bool = False, size: int = 360) -> Foreign:
    """A screen, photographed by hand: pixel grid, perspective, blur, uneven light, a tint, sensor noise, JPEG.

    The ground goes on beyond the picture, unless with `frame` the screen's dark frame is seen all around it.
    """
    cell = 8
    made = pillow(stroke)
    assert made.ends is not None
    assert made.width is not None
    margin = UNITS // 4
    around = 12 if frame else stroke.ground
    scene = np.kron(np.pad(np.asarray(made.picture), margin, constant_values=around), np.ones((cell, cell))).astype(np.float32)
    scene[::cell] *= 0.8
    scene[:, ::cell] *= 0.8
    corners = (np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * UNITS + margin) * cell - 0.5
    room = rng.uniform(0.05, 0.09) if frame else 0.0
    seen = np.array([[room, room], [1 - room, room], [1 - room, 1 - room], [room, 1 - room]]) + rng.uniform(-0.03, 0.03, (4, 2))
    homography = cv2.getPerspectiveTransform(corners.astype(np.float32), (seen * size).astype(np.float32))
    image = cv2.warpPerspective(scene, homography, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 1.6))
    rows, columns = np.mgrid[:size, :size] / size - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + 0.25 * (np.cos(angle) * columns + np.sin(angle) * rows) - 0.25 * (rows**2 + columns**2)
    tinted = (image * light)[..., None] * rng.uniform(0.9, 1.05, 3) + 8
    noisy = tinted + rng.normal(0, rng.uniform(3, 7), tinted.shape)
    picture = Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    places = (made.ends + margin + 0.5) * cell - 0.5
    return Foreign(picture, _through(homography, places), made.width * size * (1 - 2 * room) / UNITS, "jpg", 80)


def scan(stroke: Stroke, rng: np.random.Generator, bits: int = 8, size: int = 400) -> Foreign:
    """Ink on paper, scanned a little askew: bleeding edges, fibre, dust; with ``bits=1`` thresholded by Otsu's rule."""
    paper, ink = rng.uniform(215, 245), rng.uniform(20, 90)
    askew = np.radians(rng.uniform(-2, 2))
    turn = np.array([[np.cos(askew), -np.sin(askew)], [np.sin(askew), np.cos(askew)]])
    ends = (stroke.ends - UNITS / 2) @ turn.T + UNITS / 2
    turned = dataclasses.replace(stroke, ends=ends, line=255, ground=0)
    cover = np.asarray(agg(turned, smooth=True, size=size).picture) / 255
    cover = cv2.GaussianBlur(cover, (0, 0), rng.uniform(1, 2))
    cover = np.clip((cover - 0.5 + 0.06 * _cloud((size, size), 0.5, rng)) * 1.6 + 0.5, 0, 1)
    image = paper + (ink - paper) * cover + 2.5 * _cloud((size, size), 1, rng) + rng.normal(0, 3, (size, size))
    for _ in range(rng.integers(5, 21)):
        x, y = rng.integers(size, size=2).tolist()
        cv2.circle(image, (x, y), int(rng.integers(1, 3)), float(rng.uniform(60, 160)), -1)
    picture = Image.fromarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))
    if bits == 1:
        _, black = cv2.threshold(np.asarray(picture), 0, 255, cv2.THRESH_OTSU)
        picture = Image.fromarray(black).convert("1")
    return Foreign(picture, turned.pixels(size), stroke.width * size / UNITS)


# No line of the class


def crossing(stroke: Stroke) -> Foreign:
    """Both ends outside. The truth is where the middle of the stroke leaves the picture."""
    centre, along = stroke.ends.mean(axis=0), stroke.ends[1] - stroke.ends[0]
    with np.errstate(divide="ignore"):
        reach = np.stack([-centre / along, (UNITS - centre) / along])
    leaves = [reach[reach < 0].max(), reach[reach > 0].min()]
    beyond = [t + 12 / np.hypot(*along) * np.sign(t) for t in leaves]
    far = dataclasses.replace(stroke, ends=centre + np.outer(beyond, along))
    edge = dataclasses.replace(stroke, ends=centre + np.outer(leaves, along))
    return dataclasses.replace(pillow(far), ends=edge.pixels(UNITS))


def dashed(stroke: Stroke, rng: np.random.Generator) -> Foreign:
    """Four to six dashes with gaps nearly as long. The truth is both its ends, though no line of the class is dashed."""
    count = int(rng.integers(4, 7))
    ends, width = stroke.whole(UNITS)
    picture = Image.new("L", (UNITS, UNITS), stroke.ground)
    draw = ImageDraw.Draw(picture)
    for i in range(count):
        dash = ends[0] + np.outer(np.array([i, i + 0.55]) / (count - 0.45), ends[1] - ends[0])
        draw.line([tuple(p) for p in np.rint(dash).astype(int).tolist()], fill=stroke.line, width=min(width, 5))
    return Foreign(picture, ends.astype(float), min(width, 5))


def two_lines(stroke: Stroke, rng: np.random.Generator) -> Foreign:
    other = sample_stroke(rng)
    picture = pillow(stroke).picture
    ends, width = other.whole(UNITS)
    ImageDraw.Draw(picture).line([tuple(p) for p in ends.tolist()], fill=stroke.line, width=width)
    return Foreign(picture, None, None)


def curve(stroke: Stroke, rng: np.random.Generator) -> Foreign:
    """A third to three quarters of a circle."""
    picture = Image.new("L", (UNITS, UNITS), stroke.ground)
    radius = rng.uniform(14, 24)
    x, y = rng.uniform(radius + 2, UNITS - radius - 2, 2)
    start = rng.uniform(0, 360)
    box = (x - radius, y - radius, x + radius, y + radius)
    width = min(round(stroke.width), 6)
    ImageDraw.Draw(picture).arc(box, start, start + rng.uniform(120, 270), fill=stroke.line, width=width)
    return Foreign(picture, None, None)


def text(stroke: Stroke, rng: np.random.Generator) -> Foreign:
    picture = Image.new("L", (UNITS, UNITS), stroke.ground)
    letters = "".join(rng.choice(list("ABDEGHKMNPQRSWXZ"), 3))
    ImageDraw.Draw(picture).text((32, 32), letters, stroke.line, ImageFont.load_default(26), anchor="mm")
    return Foreign(picture, None, None)


def field(rng: np.random.Generator) -> Foreign:
    """A random field with the spectrum of photographs."""
    image = np.clip(np.rint(128 + 45 * _cloud((256, 256), 1.1, rng)), 0, 255).astype(np.uint8)
    return Foreign(Image.fromarray(image), None, None)


def blank(stroke: Stroke, rng: np.random.Generator, sigma: float = 0) -> Foreign:
    image = stroke.ground + rng.normal(0, sigma, (UNITS, UNITS))
    return Foreign(Image.fromarray(np.clip(np.rint(image), 0, 255).astype(np.uint8)), None, None)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A class of pictures: how they are made, what they are in words, and whether they are one line with both ends in sight."""

    make: Callable[[Stroke, np.random.Generator], Foreign]
    about: str
    line: bool = True


def _plain(make: Callable[..., Foreign], **settings: Any) -> Callable[[Stroke, np.random.Generator], Foreign]:
    """A maker that needs no chance."""
    return lambda stroke, rng: make(stroke, **settings)


KINDS: dict[str, Kind] = {
    "opencv": Kind(_plain(opencv), "OpenCV, hard edges, round caps"),
    "agg hard": Kind(_plain(agg, smooth=False), "Agg of Matplotlib, hard edges: every pixel touched"),
    "centres": Kind(_plain(centres), "every pixel whose centre lies inside"),
    "reduced": Kind(_plain(reduced), "Pillow 8 times as large, reduced: anti-aliased"),
    "opencv aa": Kind(_plain(opencv, kind=cv2.LINE_AA), "OpenCV, anti-aliased, round caps"),
    "agg butt": Kind(_plain(agg, smooth=True), "Agg, anti-aliased, square ends"),
    "agg round": Kind(_plain(agg, smooth=True, cap="round"), "Agg, anti-aliased, round caps"),
    "32 px": Kind(_plain(pillow, size=32), "Pillow at 32 x 32"),
    "128 px": Kind(_plain(pillow, size=128), "Pillow at 128 x 128"),
    "200 px jpeg": Kind(_plain(jpeg, size=200, quality=85), "Pillow at 200 x 200, JPEG 85"),
    "640 px jpeg": Kind(_plain(jpeg, size=640, quality=50), "Pillow at 640 x 640, JPEG 50"),
    "300 x 200": Kind(_plain(oblong), "Pillow at 300 x 200"),
    "jpeg 85": Kind(_plain(jpeg, quality=85), "Pillow at 64 x 64, JPEG 85"),
    "jpeg 50": Kind(_plain(jpeg, quality=50), "Pillow at 64 x 64, JPEG 50"),
    "modes": Kind(mode, "palette, 16-bit, transparent ground, 1-bit"),
    "coloured": Kind(coloured, "one colour on another"),
    "equal bright": Kind(functools.partial(coloured, equal=True), "the same, equally bright: the grey shows nothing"),
    "photo": Kind(photo, "a screen photographed, its ground all around"),
    "photo, frame": Kind(functools.partial(photo, frame=True), "the same with the screen's frame in sight"),
    "scan": Kind(scan, "ink on paper, scanned"),
    "scan 1-bit": Kind(functools.partial(scan, bits=1), "the same, black and white only"),
    "crossing": Kind(_plain(crossing), "a line with both ends outside", line=False),
    "dashed": Kind(dashed, "a dashed line", line=False),
    "two lines": Kind(two_lines, "two lines of one grey", line=False),
    "curve": Kind(curve, "part of a circle", line=False),
    "text": Kind(text, "three letters", line=False),
    "field": Kind(lambda stroke, rng: field(rng), "a random field, as a photograph's", line=False),
    "blank": Kind(blank, "nothing", line=False),
    "blank, noise": Kind(functools.partial(blank, sigma=10), "nothing, noise of 10 levels", line=False),
}


def make(name: str, n: int, seed: int) -> list[Foreign]:
    """Pictures of one class; those of one class do not depend on the others."""
    rng = np.random.default_rng([seed, *name.encode()])
    return [KINDS[name].make(sample_stroke(rng), rng) for _ in range(n)]


def write(folder: Path, made: dict[str, list[Foreign]]) -> list[Path]:
    """A folder per class, the files named so that no two overlays have one name."""
    folders = []
    for c, (name, pictures) in enumerate(made.items()):
        folders.append(folder / name.replace(" ", "_"))
        folders[-1].mkdir(parents=True)
        for i, picture in enumerate(pictures):
            picture.save(folders[-1] / f"{c:02d}-{i:04d}")
    return folders


def judge(answer: dict[str, Any], truth: Foreign) -> dict[str, Any]:
    """One answer beside the truth, in units of 1/64 of the picture's longer side, by the better order of the ends.

    Returns:
        `endpoint` two distances; `longer` how much longer than the truth; `wider`; `within_a_step` as confidence means it: no
        coordinate and no width more than one unit off. Only the last, False, where there is no line.
    """
    if truth.ends is None or truth.width is None:
        return {"within_a_step": False}
    unit = max(answer["size_px"]) / UNITS
    own = answer["spec_own_pixels"]
    read = np.array([[own["x_start_px"], own["y_start_px"]], [own["x_end_px"], own["y_end_px"]]])
    off = min(((order - truth.ends) / unit for order in (read, read[::-1])), key=lambda o: float((o**2).sum()))
    wider = (own["line_width_px"] - truth.width) / unit
    length = [float(np.hypot(*(ends[1] - ends[0]))) for ends in (read, truth.ends)]
    return {
        "endpoint": np.hypot(*off.T).tolist(),
        "longer": (length[0] - length[1]) / unit,
        "wider": wider,
        "within_a_step": bool(np.abs(off).max() <= 1 + 1e-9 and abs(wider) <= 1 + 1e-9),
    }
