"""Definitions: what one source file defines, and for each definition its syntax tree as a hash and the names it uses.

Belongs here: reading Python's syntax. Nothing is imported and no other file is opened, so what a name of another module stands
for is not known here.
Does not belong here: finding that out and following it (`code_version`).

A *definition* is a function, a class or an assignment at the top level of a file. What changes no value is not part of it:
comments, layout and places, docstrings and other strings that stand alone, ``__all__``, ``if __name__ == "__main__"``, and fields
that are declared by `fullcircle.core.settings.setting`, because what they hold is recorded as configuration.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

STATEMENTS = "<statements>"
"""In place of a name: the statements at a file's top level that define nothing but do something."""

_Functions = (ast.FunctionDef, ast.AsyncFunctionDef)
_Comprehensions = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MAIN = ("__name__ == '__main__'", "'__main__' == __name__")
_FILE_NAME = re.compile(r"[\w./-]+\.\w+")
# What differs between versions of Python or says how a value is written, not what it is.
_NOT_WRITTEN = frozenset({"ctx", "kind", "type_comment", "type_ignores", "type_params"})


@dataclasses.dataclass(frozen=True)
class Imported:
    """What an import binds a name to, as it is written.

    Attributes:
        module: dotted name after ``from`` or ``import``.
        level: the dots before it.
        name: what is taken from the module; None: the module itself.
    """

    module: str
    level: int
    name: str | None


@dataclasses.dataclass(frozen=True)
class Use:
    """A name that a definition reads, and the attributes that follow it: ``metrics.spec_errors``.

    Attributes:
        origin: a name of the file, or what an import inside the definition binds.
        attributes: in order.
    """

    origin: str | Imported
    attributes: tuple[str, ...] = ()

    def __str__(self) -> str:
        of = self.origin
        start = of if isinstance(of, str) else f"{'.' * of.level}{of.module}:{of.name or ''}"
        return ".".join((start, *self.attributes))


@dataclasses.dataclass(frozen=True)
class Definition:
    """What stands under a name at a file's top level.

    Attributes:
        tree: hash of the syntax tree, written so that it does not depend on the version of Python.
        uses: names it reads that are not its own: arguments and local variables are left out, annotations count.
        texts: its string constants that may be names of files.
    """

    tree: str
    uses: frozenset[Use]
    texts: frozenset[str]


Bound = dict[str, list[Imported]]
"""Names that a scope binds, each with the imports that bind it; none where something else does."""


class Source:
    """The top level of a source file.

    Attributes:
        imports: by name, what imports bind it to; several where branches bind it differently.
        stars: modules of which everything is imported.

    Args:
        text: the file's bytes.
        filename: for the message when they are no Python.

    Raises:
        SyntaxError: when they are no Python.
    """

    def __init__(self, text: bytes, filename: str = "<source>") -> None:
        self.imports: Bound = {}
        self.stars: list[Imported] = []
        self._statements: dict[str, list[ast.stmt]] = {}
        self._definitions: dict[str, Definition] = {}
        self._read(ast.parse(text, filename).body)

    @property
    def names(self) -> list[str]:
        """What the file itself defines, in order, with `STATEMENTS` where it has any."""
        return list(self._statements)

    def defines(self, name: str) -> bool:
        """Whether there is a definition of this name."""
        return name in self._statements

    def definition(self, name: str) -> Definition:
        """The definition of this name; several of one name, as of overloads, are one."""
        if name not in self._definitions:
            self._definitions[name] = _Reader(self._is_setting).read(self._statements[name])
        return self._definitions[name]

    def _read(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            match statement:
                case ast.Import() | ast.ImportFrom():
                    self._import(_bound([statement]))
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    self._define(statement.name, statement)
                case ast.Assign():
                    self._assign(statement)
                case ast.AnnAssign(target=ast.Name(id=name)):
                    self._define(name, statement)
                case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                    self._read([*statement.body, *statement.orelse])
                case ast.If() if ast.unparse(statement.test) in _MAIN:
                    self._read(statement.orelse)
                case _ if not (_is_idle(statement) or _is_of_all(statement)):
                    # Counted for what it does, and as the definition of each name that it binds.
                    self._define(STATEMENTS, statement)
                    bound = _bound([statement])
                    self._import({name: imported for name, imported in bound.items() if imported})
                    for name in (name for name, imported in bound.items() if not imported):
                        self._define(name, statement)
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                self.stars.append(Imported(statement.module or "", statement.level, None))

    def _define(self, name: str, statement: ast.stmt) -> None:
        if name != "__all__":
            self._statements.setdefault(name, []).append(statement)

    def _import(self, bound: Bound) -> None:
        for name, imported in bound.items():
            self.imports.setdefault(name, []).extend(imported)

    def _assign(self, statement: ast.Assign) -> None:
        """``A, B = 1, 2`` is two definitions; ``TABLE["key"] = 1`` is none, but does something."""
        for target, value in ((t, v) for whole in statement.targets for t, v in _pairs(whole, statement.value)):
            part = ast.Assign([target], value)
            for name in _bound([target]):
                self._define(name, part)
            if any(isinstance(n, ast.Attribute | ast.Subscript) and isinstance(n.ctx, ast.Store) for n in ast.walk(target)):
                self._define(STATEMENTS, part)

    def _is_setting(self, value: ast.expr | None) -> bool:
        """Whether a value is a call of `setting`, of this file or of a module called ``settings``."""
        match value:
            case ast.Call(func=ast.Name(id=name)):
                taken_from = [i.module.rpartition(".")[2] for i in self.imports.get(name, []) if i.name == "setting"]
                return "settings" in taken_from or (name == "setting" and self.defines(name))
            case ast.Call(func=ast.Attribute(attr="setting") as called):
                return (_chain(called) or ["", ""])[-2] == "settings"
        return False


class _Reader:
    """Writes syntax trees down as text, without what changes no value, and collects the names they use on the way."""

    def __init__(self, is_setting: Callable[[ast.expr | None], bool]) -> None:
        self._is_setting = is_setting
        self._out: list[str] = []
        self._uses: set[tuple[str | Imported, tuple[str, ...]]] = set()
        self._texts: set[str] = set()
        self._scopes: list[tuple[type[ast.AST], Bound]] = []
        self._annotation = False

    def read(self, statements: Iterable[ast.stmt]) -> Definition:
        for statement in statements:
            self._visit(statement)
        tree = hashlib.sha256("".join(self._out).encode()).hexdigest()
        return Definition(tree, frozenset(Use(*use) for use in self._uses), frozenset(self._texts))

    def _visit(self, node: ast.AST) -> None:
        special = _SPECIAL.get(type(node))
        if special is not None:
            special(self, node)
            return
        self._out.append(f"({type(node).__name__}")
        for name in node._fields:
            self._field(name, getattr(node, name, None))
        self._out.append(")")

    def _field(self, name: str, value: Any) -> None:
        """Empty fields are not written, so that those which another version of Python adds make no difference."""
        if value is None or value == [] or name in _NOT_WRITTEN:
            return
        self._out.append(f" {name}=")
        if isinstance(value, ast.AST):
            self._visit(value)
        elif isinstance(value, list):
            for item in value:
                if not isinstance(item, ast.AST):
                    self._out.append(f"{item!a},")
                elif not _is_idle(item):
                    self._visit(item)
        else:
            self._out.append(f"{value!a},")

    def _use(self, name: str, attributes: tuple[str, ...] = ()) -> None:
        for depth, (kind, bound) in enumerate(reversed(self._scopes)):
            if name not in bound or (kind is ast.ClassDef and depth):
                continue  # functions do not see the names of the class around them
            for imported in bound[name]:
                self._uses.add((imported, attributes))
            if kind is not ast.ClassDef:  # in a class's body it may still be the file's name, when it is bound later
                return
        self._uses.add((name, attributes))

    def _name(self, node: ast.Name) -> None:
        self._out.append(f"<{node.id}>")
        if isinstance(node.ctx, ast.Load):
            self._use(node.id)

    def _attribute(self, node: ast.Attribute) -> None:
        chain = _chain(node)
        if chain is None:
            self._out.append(f"(.{node.attr} ")
            self._visit(node.value)
            self._out.append(")")
        else:
            self._out.append(f"<{'.'.join(chain)}>")
            self._use(chain[0], tuple(chain[1:]))

    def _constant(self, node: ast.Constant) -> None:
        self._out.append(f"{node.value!a},")
        if isinstance(node.value, str):
            if _FILE_NAME.fullmatch(node.value):
                self._texts.add(node.value)
            if self._annotation:
                self._quoted(node.value)

    def _quoted(self, annotation: str) -> None:
        """An annotation in quotes: its names are used as without them. The constant itself is written already."""
        try:
            parsed = ast.parse(annotation, mode="eval")
        except (SyntaxError, ValueError):
            return  # the text of an `Annotated`
        for node in ast.walk(parsed):
            if isinstance(node, ast.Name):
                self._use(node.id)
            elif isinstance(node, ast.Attribute) and (chain := _chain(node)):
                self._use(chain[0], tuple(chain[1:]))

    def _joined(self, node: ast.JoinedStr) -> None:
        """An f-string, neighbouring texts as one: versions of Python part them differently."""
        self._out.append("(f ")
        text = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
                continue
            self._out.append(f"{text!a},")
            self._visit(part)
            text = ""
        self._out.append(f"{text!a})")

    def _annotated(self, annotation: ast.expr | None) -> None:
        if annotation is not None:
            before, self._annotation = self._annotation, True
            self._out.append(":")
            self._visit(annotation)
            self._annotation = before

    def _subscript(self, node: ast.Subscript) -> None:
        before = self._annotation
        self._out.append("(at ")
        self._visit(node.value)
        if (_chain(node.value) or [""])[-1] == "Literal":
            self._annotation = False  # its texts are values
        self._visit(node.slice)
        self._out.append(")")
        self._annotation = before

    def _argument(self, node: ast.arg) -> None:
        self._out.append(f"({node.arg}")
        self._annotated(node.annotation)
        self._out.append(")")

    def _annotated_assignment(self, node: ast.AnnAssign) -> None:
        self._out.append("(set ")
        self._visit(node.target)
        self._annotated(node.annotation)
        self._field("value", node.value)
        self._out.append(")")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._out.append(f"({type(node).__name__} {node.name}")
        self._field("decorators", node.decorator_list)
        self._parameters(node)
        self._visit(node.args)
        self._annotated(node.returns)
        self._scoped(node, _bound([*_arguments(node.args), *node.body]), "body", node.body)
        self._scopes.pop()
        self._out.append(")")

    def _lambda(self, node: ast.Lambda) -> None:
        self._out.append("(lambda ")
        self._visit(node.args)
        self._scoped(node, _bound([*_arguments(node.args), node.body]), "body", node.body)
        self._out.append(")")

    def _class(self, node: ast.ClassDef) -> None:
        self._out.append(f"(class {node.name}")
        self._field("decorators", node.decorator_list)
        self._parameters(node)
        self._field("bases", node.bases)
        self._field("keywords", node.keywords)
        fields = (ast.Assign, ast.AnnAssign)
        body = [s for s in node.body if not (isinstance(s, fields) and self._is_setting(s.value))]
        self._scoped(node, _bound(body), "body", body)
        self._scopes.pop()
        self._out.append(")")

    def _parameters(self, node: ast.AST) -> None:
        """Type parameters (Python 3.12), in a scope around the function or class that stays until that ends."""
        parameters = getattr(node, "type_params", [])
        self._scopes.append((ast.FunctionDef, {p.name: [] for p in parameters}))
        self._field("parameters", parameters)

    def _comprehension(self, node: ast.AST) -> None:
        generators = cast(list[ast.comprehension], node.generators)  # type: ignore[attr-defined]  # every comprehension has them
        self._out.append(f"({type(node).__name__} ")
        self._visit(generators[0].iter)  # the first is looked up outside
        self._scopes.append((type(node), _bound([g.target for g in generators])))
        for i, generator in enumerate(generators):
            self._field("target", generator.target)
            self._field("iter", generator.iter if i else None)
            self._field("ifs", generator.ifs)
            self._field("is_async", generator.is_async)
        for name in ("key", "value", "elt"):
            self._field(name, getattr(node, name, None))
        self._scopes.pop()
        self._out.append(")")

    def _global(self, node: ast.Global) -> None:
        self._field("global", node.names)
        for name in node.names:
            self._uses.add((name, ()))

    def _scoped(self, node: ast.AST, bound: Bound, name: str, body: Any) -> None:
        self._scopes.append((type(node), bound))
        self._field(name, body)
        self._scopes.pop()


_SPECIAL: dict[type[ast.AST], Callable[[_Reader, Any], None]] = {
    ast.Name: _Reader._name,
    ast.Attribute: _Reader._attribute,
    ast.Constant: _Reader._constant,
    ast.JoinedStr: _Reader._joined,
    ast.Subscript: _Reader._subscript,
    ast.arg: _Reader._argument,
    ast.AnnAssign: _Reader._annotated_assignment,
    ast.Lambda: _Reader._lambda,
    ast.ClassDef: _Reader._class,
    ast.Global: _Reader._global,
    **dict.fromkeys(_Functions, _Reader._function),
    **dict.fromkeys(_Comprehensions, _Reader._comprehension),
}


def _is_idle(node: ast.AST) -> bool:
    """Whether a statement does nothing: ``pass``, a docstring or another string that stands alone."""
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )


def _is_of_all(statement: ast.stmt) -> bool:
    """Whether a statement goes on with ``__all__``: ``__all__ += [...]``, ``__all__.append(...)``."""
    match statement:
        case ast.AugAssign(target=ast.Name(id="__all__")):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="__all__")))):
            return True
    return False


def _chain(node: ast.expr) -> list[str] | None:
    """``a.b.c`` as ``["a", "b", "c"]``; None where it does not begin with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else None


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What an assignment gives to what; ``A, B = 1, 2`` part by part."""
    both = (ast.Tuple, ast.List)
    if (
        isinstance(target, both)
        and isinstance(value, both)
        and len(target.elts) == len(value.elts)
        and not any(isinstance(e, ast.Starred) for e in (*target.elts, *value.elts))
    ):
        for part, of in zip(target.elts, value.elts, strict=True):
            yield from _pairs(part, of)
    else:
        yield target, value


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (a for a in (arguments.vararg, arguments.kwarg) if a is not None)


def _bound(nodes: Iterable[ast.AST]) -> Bound:
    """The names that these nodes bind in the scope they stand in, not in scopes inside it."""
    bound: Bound = {}
    outside: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name():
                if not isinstance(node.ctx, ast.Load):
                    bound.setdefault(node.id, [])
                continue
            case ast.Constant() | ast.Lambda():
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.setdefault(node.name, [])
                continue
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                waiting += [n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
                continue
            case ast.arg():
                bound.setdefault(node.arg, [])
                continue
            case ast.Import():
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    made = Imported(alias.name if alias.asname else top, 0, None)
                    bound.setdefault(alias.asname or top, []).append(made)
                continue
            case ast.ImportFrom():
                for alias in node.names:
                    if alias.name != "*":
                        made = Imported(node.module or "", node.level, alias.name)
                        bound.setdefault(alias.asname or alias.name, []).append(made)
                continue
            case ast.Global() | ast.Nonlocal():
                outside.update(node.names)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bound.setdefault(name, [])
            case ast.MatchMapping(rest=str(name)):
                bound.setdefault(name, [])
        waiting.extend(ast.iter_child_nodes(node))
    return {name: imported for name, imported in bound.items() if name not in outside}
