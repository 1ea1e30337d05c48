"""Words for strangers: names, messages and docs are plain English of the field, without private idiom.

Every Python file is read by its syntax tree (names of functions, classes, arguments and variables) and by its tokens (strings,
docstrings and comments), templates and docs as text. A word that must not come back is named with the one to use instead.
"""

import ast
import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("fullcircle", "assets", "pipelines", "benchmarks", "tests")

NAMES = {
    "said": "messages, printed, answered",
    "told": "given, settings, message",
    "says": "meaning, description, notes",
    "heed": "use",
    "heeds": "uses",
    "heeded": "used",
    "incoming": "picture, pictures",
    "gaps": "differences, split_differences",
    "specimen": "example",
    "specimens": "examples",
    "reached": "goals, figures",
    "reaches": "goals",
    "circle": "pipeline, cycle",
}
"""Parts of names: of ``what_was_said`` the last. `circle` is free where a circle is drawn: `DRAWN`."""

WHOLE_NAMES = {"says", "reached", "reaches", "gaps", "circle"}
"""Those that are plain verbs or nouns in a longer name (``test_a_message_says_why``): forbidden as a whole name only."""

PROSE = {
    r"\bsaid\b": "printed, reported, given",
    r"\btold\b": "given, reported, distinguished",
    r"\bheed(s|ed|ing)?\b": "use",
    r"\bincoming\b": "picture",
    r"\bspecimens?\b": "example",
    r"hands it may have": "writers that it may know",
    r"who is near whom": "which pictures are near",
    r"\bthe (whole )?circle\b": "the pipeline",
    r"shared/reference": "the citation, or a page of docs/",
    r"^(Quiet|Reached|Specimens|Gaps): ": "a sentence that names the subject",
    r"(?<![\w<-])space of codes\b": "latent space",
}
"""Patterns in strings, docstrings, comments, templates and docs."""

ALLOWED = {
    ("fullcircle/checks/drawings.py", "gaps"): "the key of reports that were stored before it was renamed",
    ("tests/fullcircle/checks/test_drawings.py", "gaps"): "the same key, to prove that it is still read",
    ("fullcircle/data/group_splits.py", "says"): "the key of splits that were stored before it was renamed",
    ("tests/fullcircle/data/test_group_splits.py", "says"): "the same key, to prove that it is still read",
    ("fullcircle/reports/results.py", "says"): "the same key, in stored reports",
    ("tests/fullcircle/reports/test_results.py", "says"): "the same key, to prove that it is still read",
    ("tests/fullcircle/reports/test_index.py", "says"): "the same key, to prove that it is still read",
    ("benchmarks/foreign_pictures.py", "circle"): "Pillow's and OpenCV's circles, drawn",
}
"""What may stay, by file and word, and why."""

DRAWN = {"README.md", "docs/lines.md", "fullcircle/models/losses.py", "fullcircle/models/decoders/half_planes.py"}
"""Where a circle is a circle, or part of the cited article's title."""


def committed(*suffixes: str) -> list[Path]:
    """Files of the project, by how they end, without this one."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = [ROOT / name for name in listed.stdout.split("\n") if name.endswith(suffixes)]
    return [path for path in found if path.is_file() and path != Path(__file__)]


def names(text: str) -> list[tuple[int, str]]:
    """Line and name of everything that a Python file names itself, attributes and parametrised arguments included."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append((node.lineno, node.name))
        elif isinstance(node, ast.arg):
            found.append((node.lineno, node.arg))
        elif isinstance(node, ast.Name):
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute):
            found.append((node.lineno, node.attr))
        elif isinstance(node, ast.keyword) and node.arg:
            found.append((node.lineno, node.arg))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.append((node.lineno, node.value))  # a key, or the name of an argument
    return found


def prose(text: str) -> list[tuple[int, str]]:
    """Line and text of every string, docstring and comment of a Python file."""
    kinds = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in kinds:
            found += [(token.start[0] + i, line) for i, line in enumerate(token.string.split("\n"))]
    return found


def parts(name: str) -> set[str]:
    """Words of a name: of ``readAll`` and ``read_all`` read and all."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def faults(file: str, text: str) -> list[str]:
    """Every forbidden word of a file: where it is, and what to write."""
    found = []
    if file.endswith(".py"):
        for line, name in names(text):
            for word in NAMES.keys() & parts(name):
                whole = word in WHOLE_NAMES
                if (not whole or name.lower() == word) and (file, word) not in ALLOWED:
                    found.append(f"{file}:{line}: the name {name!r} has {word!r}; plainer: {NAMES[word]}.")
    lines = prose(text) if file.endswith(".py") else list(enumerate(text.split("\n"), 1))
    for line, words in lines:
        for pattern, plain in PROSE.items():
            match = re.search(pattern, words.strip("\"'# "), 0 if pattern[0] == "^" else re.IGNORECASE)
            if match and not ("circle" in match[0].lower() and (file in DRAWN or "Completing the circle" in words)):
                found.append(f"{file}:{line}: {match[0]!r}; plainer: {plain}.")
    return found


FILES = [p for p in committed(".py") if p.relative_to(ROOT).parts[0] in FOLDERS] + committed(".j2", ".md")


def test_no_file_has_a_word_that_only_its_authors_understand():
    found = [f for path in FILES for f in faults(path.relative_to(ROOT).as_posix(), path.read_text())]
    assert not found, "\n" + "\n".join(found)


def test_the_files_are_there():
    known = {path.relative_to(ROOT).as_posix() for path in FILES}
    assert {"fullcircle/cli.py", "assets/glyphs.py", "pipelines/run.py", "README.md", "docs/glyphs.md"} <= known
    assert any(name.endswith(".j2") for name in known)


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("a.py", "def what_was_said(): ...", "said"),
        ("a.py", "class Incoming: ...", "incoming"),
        ("a.py", "def f(*, told=None): ...", "told"),
        ("a.py", "found.gaps", "gaps"),
        ("a.py", "f(reached=1)", "reached"),
        ("a.py", "x = {'says': 1}", "says"),
        ("a.py", '"""Quiet: a module."""', "Quiet: "),
        ("a.py", 'x = f"{y} was told so"', "told"),
        ("a.py", "x = 1  # not heeded", "heeded"),
        ("a.md", "Test shows originals, in hands it may have seen.", "hands it may have"),
        ("a.j2", "<p>The circle is closed</p>", "The circle"),
    ],
)
def test_a_word_is_found_where_it_stands(file, text, word):
    (fault, *_) = faults(file, f"\n{text}\n")
    assert fault.startswith(f"{file}:2: ")
    assert word in fault and "plainer" in fault


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.py", "def test_a_message_says_why(): ..."),
        ("a.py", "gap = 3"),
        ("a.py", '"""What a table says of itself."""'),
        ("a.md", "The line of *Completing the circle*."),
    ],
)
def test_plain_words_pass(file, text):
    assert faults(file, text) == []


def test_every_exception_is_still_needed():
    for file, word in ALLOWED:
        assert re.search(rf"\b{word}\b", (ROOT / file).read_text()), f"{file} has no {word!r} any more: take it off the list."
