"""The oracle of the safety tests: everything that a generated module may be made of, as syntax.

The generator itself doesn't parse what it prints: to parse and to walk a module of 240 lines takes 3 to 4 ms,
as much as all passes that made it. What it does instead, on every run and in a fiftieth of that, is look at
the names and types that go into its templates (`targets.python.guard`); other text gets in through
`targets.python.literals` only.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping

__all__ = ["NotAllowed", "check_package", "check_source"]

_PREFIXES = {
    "_dt": {"date"},
    "_abc": {"Mapping", "Sequence"},
    "_ipaddress": {"IPv4Address"},
    "_p": {"AwareDatetime"},
    "_t": {"Annotated", "Any", "Literal", "NotRequired", "TypeAlias"},
    "_uuid": {"UUID"},
    "v1": {
        *("Array", "Channel", "DataEventRef", "EmptyEventRef", "Event", "Message", "TopicRef", "optional"),
    },
}
_BUILTINS = {"bool", "dict", "float", "int", "list", "str"}
_IMPORTS = {
    "import datetime as _dt",
    "import collections.abc as _abc",
    "import ipaddress as _ipaddress",
    "import pydantic as _p",
    "import typing as _t",
    "import typing_extensions as _te",
    "import uuid as _uuid",
    "from __future__ import annotations",
    "from pydantic_core import MISSING as _MISSING",
    "from tightbeam._codegen import v1",
    "from typing import TYPE_CHECKING",
}
_RULES = {
    "_p.Field": {"ge", "gt", "le", "lt", "max_length", "min_length", "pattern"},
    "v1.unchecked": {
        *("format", "pattern", "minLength", "maxLength", "multipleOf"),
        *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
    },
}


class NotAllowed(AssertionError):
    """A generated module has something in it that isn't ours."""


def check_package(files: Mapping[str, str]) -> None:
    """Check every file of a generated package. Raises NotAllowed."""
    for path, text in files.items():
        check_source(text, path)


def check_source(text: str, path: str = "?") -> None:
    """Check one module. Raises NotAllowed."""
    shown = text.replace("\n", "")
    if not shown.isprintable() and not all(char.isprintable() or char.isspace() for char in shown):
        raise NotAllowed(f"{path}: characters that don't show")
    if any(char in text for char in "\r\f\v\x1c\x1d\x1e\x85\u2028\u2029"):
        raise NotAllowed(f"{path}: a line end that isn't a line feed")
    tree = ast.parse(text.encode(), path)
    _Checker(path, tree).module(tree)


class _Checker:
    def __init__(self, path: str, tree: ast.Module) -> None:
        self.path = path
        self.declared = {"_MISSING"}
        branches = [node for node in tree.body if isinstance(node, ast.If)]
        for node in [*tree.body, *(inner for branch in branches for inner in (*branch.body, *branch.orelse))]:
            match node:
                case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                    self.declared.add(name)
                case ast.Assign(targets=[ast.Name(id=name)]):
                    self.declared.add(name)
                case ast.ImportFrom(level=level, names=names) if level:
                    self.declared.update(alias.asname or alias.name for alias in names)
                case _:
                    pass

    def refuse(self, node: ast.AST) -> NotAllowed:
        line = getattr(node, "lineno", "?")
        return NotAllowed(f"{self.path}:{line}: {type(node).__name__}: {ast.unparse(node)[:200]}")

    def module(self, tree: ast.Module) -> None:
        for statement in tree.body:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                return None
            case ast.Import():
                if ast.unparse(node) in _IMPORTS:
                    return None
            case ast.ImportFrom(module=module, names=names, level=level):
                if ast.unparse(node) in _IMPORTS or (
                    level and self.is_dotted(module) and self.are_names(names)
                ):
                    return None
            case ast.ClassDef(decorator_list=[]):
                return self.class_(node)
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=elements)):
                return self.strings(elements)
            case ast.Assign(targets=[ast.Name(id="SCHEMAS")], value=ast.Constant(value=str())):
                return None
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                return self.made(name, call)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Call() as call):
                if ast.unparse(targets[0]) == "__getattr__" and ast.unparse(targets[1]) == "__dir__":
                    return self.lazy(call)
            case ast.AnnAssign(target=ast.Name(), annotation=annotation, value=value) if value is not None:
                if ast.unparse(annotation) == "_t.TypeAlias":
                    return self.type(value)
                return self.instance(annotation, value)
            case ast.If(test=test, body=body, orelse=orelse):
                if ast.unparse(test) in ("TYPE_CHECKING", "not TYPE_CHECKING"):
                    for inner in (*body, *orelse):
                        self.statement(inner)
                    return None
            case ast.FunctionDef(decorator_list=[]):
                return self.factory(node)
            case _:
                pass
        raise self.refuse(node)

    # -- classes ---------------------------------------------------------------------------------------------

    def class_(self, node: ast.ClassDef) -> None:
        if len(node.bases) != 1 or node.name not in self.declared or hasattr(builtins, node.name):
            raise self.refuse(node)
        base = ast.unparse(node.bases[0])
        if base not in ("v1.Payload", "_te.TypedDict"):
            self.type(node.bases[0])
        for keyword in node.keywords:
            if keyword.arg == "params":
                self.dictionary(keyword.value)
            elif keyword.arg not in ("extra", "template", "separator", "schemas"):
                raise self.refuse(node)
            else:
                self.strings([keyword.value])
        for statement in node.body:
            match statement:
                case ast.Pass() | ast.Expr(value=ast.Constant(value=str())):
                    pass
                case ast.AnnAssign(target=ast.Name(), annotation=annotation, value=value):
                    self.type(annotation, rules=True)
                    self.default(value)
                case _:
                    raise self.refuse(statement)

    def default(self, node: ast.expr | None) -> None:
        match node:
            case None | ast.Constant(value=None) | ast.Name(id="_MISSING"):
                return None
            case ast.Call(func=func, args=[ast.Constant(value=str()), type_], keywords=[]):
                if ast.unparse(func) == "v1.topic":
                    return self.type(type_)
            case _:
                pass
        raise self.refuse(node)

    # -- calls -----------------------------------------------------------------------------------------------

    def made(self, name: str, call: ast.Call) -> None:
        """`XDict = _te.TypedDict("XDict", {…})` and `X = _te.TypeAliasType("X", "…")`."""
        match call:
            case ast.Call(args=[ast.Constant(value=str() as stated), second], keywords=[]) if stated == name:
                func = ast.unparse(call.func)
                if func == "_te.TypedDict" and isinstance(second, ast.Dict):
                    self.strings([key for key in second.keys if key is not None])
                    for value in second.values:
                        self.type(value)
                    return None
                if func == "_te.TypeAliasType":
                    return self.quoted(second)
            case _:
                pass
        raise self.refuse(call)

    def instance(self, annotation: ast.expr, value: ast.expr) -> None:
        match value:
            case ast.Call(func=func, args=[ast.Name() as class_, ast.Dict(keys=[])], keywords=[]):
                if ast.unparse(func) == "v1.open_channel" and class_.id == ast.unparse(annotation):
                    return self.type(class_)
            case ast.Call(func=func, args=[ast.Constant(value=str()) as name, *data], keywords=stated):
                self.type(annotation)
                return self.event(func, ast.unparse(name), data, stated, annotation)
            case _:
                pass
        raise self.refuse(value)

    def event(
        self,
        func: ast.expr,
        name: str,
        data: list[ast.expr],
        stated: list[ast.keyword],
        annotation: ast.expr,
    ) -> None:
        """`v1.event("app/x", X, module=__name__, schemas="._schemas.x")` and `v1.empty_event("app/x")`."""
        where = {keyword.arg: ast.unparse(keyword.value) for keyword in stated}
        if f"_t.Literal[{name}]" not in ast.unparse(annotation):
            raise self.refuse(annotation)
        if ast.unparse(func) == "v1.empty_event" and not data and not where:
            return None
        if ast.unparse(func) == "v1.event" and len(data) == 1 and where.pop("module", "") == "__name__":
            self.strings([keyword.value for keyword in stated if keyword.arg == "schemas"])
            if list(where) == ["schemas"]:
                return self.type(data[0])
        raise self.refuse(func)

    def factory(self, node: ast.FunctionDef) -> None:
        arguments = node.args
        if (
            arguments.args
            or arguments.posonlyargs
            or arguments.vararg
            or arguments.kwarg
            or arguments.defaults
        ):
            raise self.refuse(node)
        for argument in arguments.kwonlyargs:
            assert argument.annotation is not None
            self.type(argument.annotation)
        *docs, last = node.body
        match last:
            case ast.Return(value=ast.Call(func=func, args=[ast.Name(), ast.Dict(keys=keys, values=values)])):
                inner = [_without_uuid_text(value) for value in values]
                given = [value.id for value in inner if isinstance(value, ast.Name)]
                if ast.unparse(func) == "v1.open_channel" and given == [a.arg for a in arguments.kwonlyargs]:
                    self.strings([key for key in keys if key is not None])
                    return self.docs(docs)
            case _:
                pass
        raise self.refuse(node)

    def docs(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                raise self.refuse(statement)

    def lazy(self, call: ast.Call) -> None:
        match call:
            case ast.Call(args=[ast.Name(id="__name__"), ast.Dict(keys=keys, values=values)], keywords=[]):
                if ast.unparse(call.func) == "v1.lazy_package":
                    self.strings([key for key in keys if key is not None])
                    for value in values:
                        if not isinstance(value, ast.Tuple):
                            raise self.refuse(value)
                        self.strings(value.elts)
                    return
            case _:
                pass
        raise self.refuse(call)

    # -- expressions -----------------------------------------------------------------------------------------

    def type(self, node: ast.expr, *, rules: bool = False) -> None:
        """A type. `rules` allows calls in `Annotated`."""
        match node:
            case ast.Name(id=name) if name in _BUILTINS or name in self.declared:
                return None
            case ast.Attribute(value=ast.Name(id=prefix), attr=attr) if attr in _PREFIXES.get(prefix, ()):
                return None
            case ast.Constant(value=None):
                return None
            case ast.Constant(value=str()):
                return self.quoted(node)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                self.type(left)
                return self.type(right)
            case ast.List(elts=[element]):
                return self.type(element)
            case ast.Subscript(value=value, slice=inner):
                return self.subscript(value, inner, rules=rules)
            case _:
                pass
        raise self.refuse(node)

    def subscript(self, value: ast.expr, inner: ast.expr, *, rules: bool) -> None:
        elements = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        self.type(value)
        if ast.unparse(value) == "_t.Literal":
            self.constants(elements)
            return
        annotated = ast.unparse(value) == "_t.Annotated" and rules
        for element in elements:
            if annotated and isinstance(element, ast.Call):
                self.note(element)
            else:
                self.type(element)

    def note(self, call: ast.Call) -> None:
        func = ast.unparse(call.func)
        if func == "v1.wire" and len(call.args) == 1 and not call.keywords:
            self.strings(call.args)
        elif func in _RULES and not call.args and {k.arg for k in call.keywords} <= _RULES[func]:
            self.constants([keyword.value for keyword in call.keywords])
        else:
            raise self.refuse(call)

    def quoted(self, node: ast.expr) -> None:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            raise self.refuse(node)
        self.type(ast.parse(node.value, mode="eval").body)

    def strings(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                raise self.refuse(node)

    def constants(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                node = node.operand
            if not (isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float))):
                raise self.refuse(node)

    def dictionary(self, node: ast.expr) -> None:
        if not isinstance(node, ast.Dict):
            raise self.refuse(node)
        self.strings([*(key for key in node.keys if key is not None), *node.values])

    @staticmethod
    def is_dotted(module: str | None) -> bool:
        return module is not None and all(part.isidentifier() for part in module.split("."))

    @staticmethod
    def are_names(names: list[ast.alias]) -> bool:
        return all(alias.name.isidentifier() for alias in names)


def _without_uuid_text(node: ast.expr) -> ast.expr:
    match node:
        case ast.Call(func=func, args=[inner], keywords=[]) if ast.unparse(func) == "v1.uuid_text":
            return inner
        case _:
            return node
