"""Charts: curves as SVG text, so that a page stays small and sharp; maps of many points as PNG, for the same reason."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

LOSSES = {"loss": "total", "reconstruction": "reconstruction", "kl": "KL"}
"""What may stand in a history, for train, and with ``val_`` before it for valid."""

NAMED = 60
"""Labels that a map tells apart: ten colours times six marks. The rest are grey."""

MARKS = "os^DvP"
FONT = "DejaVu Sans"


def loss_curves(history: Sequence[dict[str, Any]]) -> str:
    """Losses on train and valid per epoch, logarithmic, stages marked, as SVG.

    Args:
        history: one entry per epoch: `loss`, `val_loss`, other `LOSSES` where there are, and `stage` where there is more than one.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    given = [name for name in LOSSES if name in history[0]]
    several = len(given) > 1
    with plt.rc_context({"svg.hashsalt": "fullcircle", "font.size": 9}):
        figure, axes = plt.subplots(figsize=(7, 3.4 if several else 2.6), layout="constrained")
        epochs = range(1, len(history) + 1)
        for i, name in enumerate(given):
            for key, label, style in ((name, "train", "-"), (f"val_{name}", "valid", "--")):
                words = f"{LOSSES[name]}, {label}" if several else label
                values = [h[key] if h[key] > 0 else np.nan for h in history]  # a KL of nothing has no logarithm
                colour = f"C{i}" if several else None
                axes.plot(epochs, values, style, label=words, marker=".", markersize=4, color=colour)
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        for i in range(1, len(history)):
            if history[i].get("stage") != history[i - 1].get("stage"):
                axes.axvline(i + 0.5, color="grey", linewidth=0.8)
                axes.text(i + 0.55, axes.get_ylim()[1], history[i]["stage"], va="top", fontsize=8, color="grey")
        if several:
            axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        else:
            axes.legend(frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
    return buffer.getvalue()[buffer.getvalue().index("<svg") :]


def latent_map(
    points: np.ndarray, labels: np.ndarray, pictures: Mapping[str, np.ndarray], axis_names: tuple[str, str]
) -> bytes:
    """Latents in two dimensions, coloured and marked by label, as PNG; a picture of each label lies where half of its points are.

    Ten colours and six marks tell `NAMED` labels apart; the rarest beyond that are grey and counted in the legend.

    Args:
        points: ``(n, 2)``.
        labels: of each, text.
        pictures: by label, ``uint8 (h, w[, 3])``; labels without one get none.
        axis_names: names of the axes; two empty ones where they mean nothing.
    """
    from matplotlib.figure import Figure
    from matplotlib.font_manager import findfont, get_font
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    font = get_font(findfont(FONT))

    def written(label: str) -> str:
        known = all(font.get_char_index(ord(c)) for c in label)
        return (label if known else label.encode("unicode_escape").decode()).replace("$", r"\$") or "no label"

    named = sorted(label for label, _ in Counter(labels.tolist()).most_common(NAMED))
    columns = -(-len(named) // 20)
    figure = Figure(figsize=(8.4 + 1.1 * columns, 7), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    others = ~np.isin(labels.astype(str), named)
    if others.any():
        rest = f"{len(set(labels[others]))} others"
        axes.scatter(points[others, 0], points[others, 1], s=10, color="#bbb", linewidths=0, label=rest)
    for i, label in enumerate(named):
        at = points[labels == label]
        colour, mark = f"C{i % 10}", MARKS[i // 10]
        axes.scatter(at[:, 0], at[:, 1], s=14, color=colour, marker=mark, linewidths=0, alpha=0.75, label=written(label))
    for i, label in enumerate(named):
        if label not in pictures:
            continue
        picture = pictures[label]
        grey = picture.ndim == 2
        small = OffsetImage(255 - picture if grey else picture, zoom=24 / picture.shape[0], cmap="gray", norm=None)
        box = AnnotationBbox(
            small, np.median(points[labels == label], axis=0), pad=0.1, bboxprops={"edgecolor": f"C{i % 10}", "linewidth": 1.5}
        )
        axes.add_artist(box)
    axes.set_xlabel(axis_names[0])
    axes.set_ylabel(axis_names[1])
    if not any(axis_names):
        axes.set_xticks([])
        axes.set_yticks([])
    axes.legend(
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        ncols=columns,
        markerscale=2,
        prop={"family": FONT, "size": 11},
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
