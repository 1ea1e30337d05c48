"""The page on the library, ``docs/api.md``, from the docstrings: ``python -m fullcircle.api.page docs/api.md``.

Belongs here: turning signatures and Google's sections into Markdown. A test holds that the committed page is what this makes.
Does not belong here: what the names do; that is in their docstrings.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fullcircle
from fullcircle.store.files import whole_file

OPENING = """# The library in Python

```python
import fullcircle as fc
```

Importing it takes a few milliseconds; what a name needs is loaded when the name is first used, and pandas and TensorFlow only by
what hands back frames or networks. [Ten minutes to Full Circle](ten-minutes.md) walks through it; [reading](reading.md) says how an
answer is found and what its confidence means. Everything here does what the command does, by the same functions. This page is made
of the docstrings by `python -m fullcircle.api.page docs/api.md`.
"""

ORDER = ("read", "Reader", "Answer", "Answers", "examples", "Examples", "table", "load")
"""The names in the order of the page; those of `ELSEWHERE` have a page of their own."""

ELSEWHERE = {
    "Drawing": "the base of drawing classes",
    "Factor": "one parameter of a drawing class: its range, step and unit",
    "Factors": "the table of a drawing class's factors",
    "exchange": "a symmetry: factors that can change places",
}

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Example):$", re.MULTILINE)


def page() -> str:
    """The whole page."""
    parts = [OPENING, *(text for name in ORDER for text in _described(name, getattr(fullcircle, name)))]
    others = [f"- `fc.{name}`: {what}" for name, what in ELSEWHERE.items()]
    parts += ["## For a class of your own\n", "\n".join(others) + "\n\n[How to write one](your-own-class.md).\n"]
    return "\n".join(parts)


def _described(name: str, what: Any) -> Iterator[str]:
    """A heading and its text, then those of a class's own methods and a table of its properties."""
    is_result = isinstance(what, type) and name != "Reader"
    call = "" if is_result else _signature(what)
    yield f"## fc.{name}\n"
    if call:
        yield f"```text\nfc.{name}{call}\n```\n"
    yield _markdown(inspect.getdoc(what) or "")
    if not isinstance(what, type):
        return
    members = [(n, m) for n, m in vars(what).items() if not n.startswith("_") and inspect.getdoc(m)]
    rows = [
        f"| `{n}` | {_inline(' '.join((inspect.getdoc(m) or '').split()))} |" for n, m in members if isinstance(m, property)
    ]
    if rows:
        yield "\n".join(["| property | what it is |", "|---|---|", *rows]) + "\n"
    for n, method in members:
        if inspect.isfunction(method):
            yield f"### {name}.{n}\n"
            yield f"```text\n{n}{_signature(method)}\n```\n"
            yield _markdown(inspect.getdoc(method) or "")


def _signature(what: Any) -> str:
    """Arguments and result, an argument a line where one line would be long."""
    signature = inspect.signature(what)
    shown = [p.replace(annotation=_plain(p.annotation)) for p in signature.parameters.values() if p.name != "self"]
    result = "" if isinstance(what, type) else f" -> {signature.return_annotation}"
    text = str(inspect.Signature(shown))  # annotations are text, which it shows in quotes
    text = re.sub(r": '([^']*)'", r": \1", text)
    if len(text + result) > 100:
        inner = re.sub(r", (?=[*\w]+(?:[:,)]|$)|\*)", ",\n    ", text[1:-1])
        text = f"(\n    {inner},\n)"
    return text + result


def _plain(annotation: Any) -> Any:
    return annotation if isinstance(annotation, str) or annotation is inspect.Parameter.empty else repr(annotation)


def _markdown(doc: str) -> str:
    """A docstring's paragraphs and sections."""
    first, *sections = _SECTION.split(doc)
    found = [_inline(first.strip()) + "\n"]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        body = inspect.cleandoc(body)
        if title == "Example":
            found.append(f"```pycon\n{body}\n```\n")
        elif title == "Returns":
            found.append(f"**Returns**: {_inline(' '.join(body.split()))}\n")
        else:
            items = (_inline(re.sub(r"\n +", " ", item)) for item in re.split(r"\n(?=\S)", body))
            listed = [re.sub(r"^([\w, ]+):", r"- `\1`:", item, count=1) for item in items]
            found.append("\n".join([f"**{title}**\n", *listed]) + "\n")
    return "\n".join(found)


def _inline(text: str) -> str:
    return text.replace("``", "`")


if __name__ == "__main__":
    with whole_file(Path(sys.argv[1])) as temporary:
        temporary.write_text(page())
