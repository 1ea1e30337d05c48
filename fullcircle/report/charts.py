"""Charts: curves as SVG text, so that a page stays small and sharp."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any


def loss_curves(history: Sequence[dict[str, Any]]) -> str:
    """Loss on train and valid per epoch, logarithmic, stages marked, as SVG.

    Args:
        history: one entry per epoch: `stage`, `loss`, `val_loss`.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    with plt.rc_context({"svg.hashsalt": "fullcircle", "font.size": 9}):
        figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
        epochs = range(1, len(history) + 1)
        for key, label, style in (("loss", "train", "-"), ("val_loss", "valid", "--")):
            axes.plot(epochs, [h[key] for h in history], style, label=label, marker=".", markersize=4)
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        for i in range(1, len(history)):
            if history[i]["stage"] != history[i - 1]["stage"]:
                axes.axvline(i + 0.5, color="grey", linewidth=0.8)
                axes.text(i + 0.55, axes.get_ylim()[1], history[i]["stage"], va="top", fontsize=8, color="grey")
        axes.legend(frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
    return buffer.getvalue()[buffer.getvalue().index("<svg") :]
