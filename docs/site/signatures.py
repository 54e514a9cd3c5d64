"""Write signatures as Python and, highlighted and with links, as HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator

import griffe
from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType]  # its options
from pygments.token import STANDARD_TYPES, Name

from docs.site.public import Entry, look_up

WIDTH = 88
SHOWN_OVERLOADS = 3
_KINDS = griffe.ParameterKind
_STARS: dict[griffe.ParameterKind | None, str] = {_KINDS.var_positional: "*", _KINDS.var_keyword: "**"}


def signatures(entry: Entry) -> list[str]:
    """Return an object's signature, or one for each overload."""
    documented = entry.documented
    if isinstance(documented, griffe.Function):
        versions = documented.overloads or [documented]
        return [_function(version) for version in versions]
    if isinstance(documented, griffe.Class):
        return [_class(documented)]
    assert isinstance(documented, griffe.Attribute)
    if "module-attribute" in documented.labels:
        return [f"{documented.name} = {_quoted(documented.value)}"]
    annotation = documented.annotation or _parameter_annotation(documented)
    return [documented.name if annotation is None else f"{documented.name}: {_quoted(annotation)}"]


def types_in(entry: Entry) -> dict[str, griffe.Object]:
    """Return what the names in an object's signatures stand for, where that is ours."""
    found: dict[str, griffe.Object] = {}
    expressions = list(_expressions(entry.documented))
    for expression in expressions:
        for name in expression.iterate(flat=True) if isinstance(expression, griffe.Expr) else ():
            target = look_up(name) if isinstance(name, griffe.ExprName) else None
            if isinstance(name, griffe.ExprName) and target is not None and name.name not in found:
                found[name.name] = target
                if isinstance(target, griffe.Attribute) and _is_alias(target.value):
                    expressions.append(target.value)
    return found


def aliases(entry: Entry, is_documented: Callable[[str], bool]) -> list[str]:
    """Return what the type aliases in a function's signature stand for, if they aren't documented themselves.

    Args:
        entry: the function.
        is_documented: whether the reference has an object, by its path.
    """
    if not isinstance(entry.documented, griffe.Function):
        return []
    return [
        f"{name} = {_quoted(target.value)}"
        for name, target in types_in(entry).items()
        if isinstance(target, griffe.Attribute) and _is_alias(target.value) and not is_documented(target.path)
    ]


def _expressions(documented: griffe.Object) -> Iterator[str | griffe.Expr | None]:
    if isinstance(documented, griffe.Class):
        yield from documented.bases
        constructor = documented.all_members.get("__init__")
        documented = (
            constructor.final_target if isinstance(constructor, griffe.Alias) else constructor or documented
        )
    if isinstance(documented, griffe.Function):
        for version in [documented, *(documented.overloads or ())]:
            yield version.returns
            yield from (parameter.annotation for parameter in version.parameters)
    if isinstance(documented, griffe.Attribute):
        yield from (documented.annotation, documented.value, _parameter_annotation(documented))


def _is_alias(value: str | griffe.Expr | None) -> bool:
    return value is not None and not isinstance(value, griffe.ExprCall)


def highlighted(code: str, link: Callable[[str], str | None]) -> str:
    """Return Python as a highlighted block of HTML.

    Args:
        code: the Python.
        link: returns where a name leads, if anywhere.
    """
    pieces: list[str] = []
    for kind, text in get_lexer_by_name("python").get_tokens(code):
        shown = html.escape(text)
        target = link(text) if str(kind).startswith("Token.Name") else None
        if target is not None:
            pieces.append(f'<a href="{html.escape(target)}">{shown}</a>')
        elif kind is Name or text.isspace():
            pieces.append(shown)
        else:
            pieces.append(f'<span class="{STANDARD_TYPES.get(kind, "")}">{shown}</span>')
    return f'<div class="highlight signature"><pre><code>{"".join(pieces).strip()}</code></pre></div>'


def _function(function: griffe.Function) -> str:
    keyword = "async def" if "async" in function.labels else "def"
    manager = "".join(
        f"@{decorator.value}\n"
        for decorator in function.decorators
        if "contextmanager" in str(decorator.value)
    )
    returns = f" -> {_quoted(function.returns)}" if function.returns is not None else ""
    return manager + _wrapped(f"{keyword} {function.name}", list(_parameters(function)), returns)


def _class(documented: griffe.Class) -> str:
    bases = list(_bases(documented))
    constructor = documented.all_members.get("__init__")
    if isinstance(constructor, griffe.Alias):
        constructor = constructor.final_target
    if isinstance(constructor, griffe.Function) and _is_constructed(documented, constructor):
        return _wrapped(f"class {documented.name}", list(_parameters(constructor)), "")
    return f"class {documented.name}({', '.join(bases)})" if bases else f"class {documented.name}"


def _bases(documented: griffe.Class) -> Iterator[str]:
    """Return the bases as they are written; a private one stands for its own bases."""
    for base in documented.bases:
        private = look_up(base) if isinstance(base, griffe.ExprName) and base.name.startswith("_") else None
        if isinstance(private, griffe.Class):
            yield from _bases(private)
        else:
            yield str(base)


def _is_constructed(documented: griffe.Class, constructor: griffe.Function) -> bool:
    """Return whether users make instances: the arguments are described, or have defaults."""
    if "dataclass" in documented.labels:
        return all(one.default is not None for one in constructor.parameters if one.name != "self")
    return documented.docstring is not None and "\nArgs:\n" in documented.docstring.value


def _parameters(function: griffe.Function) -> Iterator[str]:
    parameters = list(function.parameters)
    if isinstance(function.parent, griffe.Class) and "staticmethod" not in function.labels:
        del parameters[0]
    seen_star = False
    for index, parameter in enumerate(parameters):
        if parameter.kind is _KINDS.keyword_only and not seen_star:
            yield "*"
            seen_star = True
        yield _parameter(parameter)
        seen_star = seen_star or parameter.kind is _KINDS.var_positional
        following = parameters[index + 1].kind if index + 1 < len(parameters) else None
        if parameter.kind is _KINDS.positional_only and following is not _KINDS.positional_only:
            yield "/"


def _parameter(parameter: griffe.Parameter) -> str:
    stars = _STARS.get(parameter.kind, "")
    text = f"{stars}{parameter.name}"
    if parameter.annotation is not None:
        text += f": {_quoted(parameter.annotation)}"
    if parameter.default is not None and not stars:
        equals = " = " if parameter.annotation is not None else "="
        text += f"{equals}{_default(parameter.default)}"
    return text


def _default(default: str | griffe.Expr) -> str:
    """Return a default as it is written, or its value where it is a constant of ours."""
    constant = look_up(default) if isinstance(default, griffe.ExprName) else None
    if isinstance(constant, griffe.Attribute) and constant.value is not None:
        return _quoted(constant.value)
    return _quoted(default)


def _quoted(value: str | griffe.Expr | None) -> str:
    """Return an expression with the quotes that this project writes."""
    text = str(value)
    return text if '"' in text else text.replace("'", '"')


def _parameter_annotation(attribute: griffe.Attribute) -> str | griffe.Expr | None:
    """Return the type of an attribute that `__init__` sets to its parameter of the same name."""
    constructor = attribute.parent.members.get("__init__") if attribute.parent is not None else None
    if not isinstance(constructor, griffe.Function):
        return None
    return next((one.annotation for one in constructor.parameters if one.name == attribute.name), None)


def _wrapped(head: str, parameters: list[str], tail: str) -> str:
    line = f"{head}({', '.join(parameters)}){tail}"
    if len(line) <= WIDTH or not parameters:
        return line
    lines = "".join(f"    {parameter},\n" for parameter in parameters)
    return f"{head}(\n{lines}){tail}"
