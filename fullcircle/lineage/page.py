"""Pages, each one file without any script: the graph of a tree to click through, and the findings of an audit.

Belongs here: where each version stands in the picture. A click on one leads to what is on record of it, and from there on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from fullcircle.lineage.findings import WRONG, Finding
from fullcircle.lineage.tree import Key, Node, Tree

WIDTH, HEIGHT = 176, 46  # px, of a box
ACROSS, DOWN = 54, 26  # px, between boxes


@dataclasses.dataclass(frozen=True)
class Box:
    """A version in the picture.

    Attributes:
        node: the version.
        id: what links to it.
        x: px from the left.
        y: px from the top.
        inputs: ids and titles of what it was made from.
        uses: of what was made from it, as far as it is in the tree.
    """

    node: Node
    id: str
    x: int
    y: int
    inputs: tuple[tuple[str, str], ...]
    uses: tuple[tuple[str, str], ...]


def page(tree: Tree) -> str:
    """The HTML page; everything that comes from the ledger is escaped."""
    boxes = _boxes(tree)
    by_id = {box.id: box for box in boxes}
    edges = [(by_id[of], box) for box in boxes for of, _ in box.inputs]
    return _rendered(
        "lineage.html.j2",
        root=tree.nodes[tree.root],
        boxes=boxes,
        edges=edges,
        width=max(box.x for box in boxes) + WIDTH + 2,
        height=max(box.y for box in boxes) + HEIGHT + 2,
        box_width=WIDTH,
        box_height=HEIGHT,
    )


def findings_page(findings: Sequence[Finding], metrics: Mapping[str, int]) -> str:
    """The HTML page of what an audit found; everything that comes from the store is escaped."""
    return _rendered("findings.html.j2", findings=findings, metrics=metrics, wrong_level=WRONG)


def _rendered(template: str, **values: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("fullcircle.lineage"), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template).render(**values)


def _boxes(tree: Tree) -> list[Box]:
    """What was made from nothing stands left, each version right of everything that it was made from."""
    column = _columns(tree)
    ids = {key: f"n{i}" for i, key in enumerate(tree.nodes)}
    uses: dict[Key, list[Key]] = {}
    for key, node in tree.nodes.items():
        for of in node.inputs:
            uses.setdefault(of, []).append(key)
    filled: dict[int, int] = {}
    boxes = []
    for key, node in tree.nodes.items():
        row = filled[column[key]] = filled.get(column[key], -1) + 1
        boxes.append(
            Box(
                node,
                ids[key],
                1 + column[key] * (WIDTH + ACROSS),
                # Every other column stands lower, so that a line that passes a column is seen beside its boxes.
                1 + row * (HEIGHT + DOWN) + column[key] % 2 * (HEIGHT + DOWN) // 2,
                tuple((ids[of], tree.nodes[of].title) for of in node.inputs),
                tuple((ids[of], tree.nodes[of].title) for of in uses.get(key, ())),
            )
        )
    return boxes


def _columns(tree: Tree) -> dict[Key, int]:
    """How many steps the longest way from what was made from nothing has."""
    column: dict[Key, int] = {}
    under_way: set[Key] = set()
    todo = [tree.root]
    while todo:
        key = todo[-1]
        under_way.add(key)
        # A forged ledger may have a version read itself: what is under way is not waited for.
        waiting = [of for of in tree.nodes[key].inputs if of not in column and of not in under_way]
        if waiting:
            todo += waiting
            continue
        todo.pop()
        column.setdefault(key, max((column[of] + 1 for of in tree.nodes[key].inputs if of in column), default=0))
    return column
