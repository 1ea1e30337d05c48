"""A model card in Markdown, with the header that Hugging Face reads.

Belongs here: how it is asked for. What stands in it is in `model_card_sections`.
"""

from __future__ import annotations

import argparse

from fullcircle.exports.format import Format, Written, add_to, text_file
from fullcircle.lineage.history import History
from fullcircle.store.objects import Store

UNKNOWN = "unknown"
"""What Hugging Face calls a licence that nobody named."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "version", metavar="ASSET[@VERSION]", help="drawings/champion, drawings/encoder@f5ef or glyphs/vae for one"
    )
    parser.add_argument("--partition", metavar="NAME", help="drawing class or picture source, where there are several")
    parser.add_argument("--license", default=UNKNOWN, metavar="ID", help="of the model, as Hugging Face calls it: mit for one")
    add_to(parser)


def _write(arguments: argparse.Namespace) -> Written:
    from fullcircle.exports.model_card_sections import model_card  # and with it all steps and reports

    store = Store(arguments.store)
    history = History.of(store)
    card = model_card(store, history, history.find(arguments.version, arguments.partition), arguments.license)
    with text_file(arguments.to) as file:
        file.write(f"{card}\n" if not card.endswith("\n") else card)
    return Written(arguments.to, {"characters": len(card)})


MODEL_CARD = Format("model-card", "a model's card, with the header that Hugging Face reads", _add_arguments, _write)
