"""The last look at what goes into the templates unescaped: names are identifiers, types are types.

All other text passes through `targets.python.literals`. So whatever an earlier pass lets through by mistake,
nothing of a schema becomes code: no call, no statement and no line end fits into a name or a type.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator

from tightbeam_codegen.targets.python import ir

__all__ = ["UnsafeText", "check_module", "check_package", "types_of"]

# Names and their attributes, brackets, `|`, numbers, strings. No parentheses: a type calls nothing. What is
# taken is never given back (`+` after a quantifier): a long name that is none costs no more than others.
_TYPE = re.compile(r"""(?:[^\W\d][\w.]*+|[\[\], |]|-?\d++|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')++""")
# The same for names with marks in them, which are no `\w`: what is none of the others is looked at by itself.
_PART = re.compile(r"""[\[\], |]|-?\d++|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|([^\[\], |"'\n\\]++)""")


class UnsafeText(Exception):
    """A name or a type that can't be one. A bug of the generator's: nothing is generated."""


def check_module(module: ir.Module) -> None:
    """Raises UnsafeText for a module that can't be printed as it is."""
    _check_names(_names(module))
    _check_types(types_of(module))


def check_package(package: ir.Package) -> None:
    """Raises UnsafeText for a package that can't be printed as it is."""
    for module, names in package.exports:
        _check_names([module, *names])


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UnsafeText(f"not a name: {name!r}")


def _check_types(types: Iterable[str]) -> None:
    for type_ in types:
        if not (_TYPE.fullmatch(type_) or _is_type(type_)):
            raise UnsafeText(f"not a type: {type_!r}")


def _is_type(text: str) -> bool:
    end = 0
    while end < len(text):
        part = _PART.match(text, end)
        if part is None or (part[1] and not all(map(str.isidentifier, part[1].split(".")))):
            return False
        end = part.end()
    return end > 0


def _names(module: ir.Module) -> Iterator[str]:
    yield from module.path
    for first in module.first:
        yield from first.lstrip(".").split(".")
    for imported in module.imports:
        yield from imported.module.lstrip(".").split(".")
        for names in imported.names:
            yield from names
    for item in module.items:
        yield item.name
        if isinstance(item, ir.Class):
            for field in item.fields:
                yield field.py_name
                yield from (name for name, _ in (*field.rules, *field.unchecked))
    if module.channel is not None:
        yield from (module.channel.class_name, module.channel.function)
        yield from (alias.name for alias in module.channel.private)
        yield from module.channel.schemas.lstrip(".").split(".")
        yield from (param.py_name for param in module.channel.params)
        for topic in module.channel.topics:
            yield from (topic.attribute, f"{topic.class_name}Message")


def types_of(module: ir.Module) -> Iterator[str]:
    """Every type that a module spells out."""
    for item in module.items:
        if isinstance(item, ir.Class):
            for field in item.fields:
                yield field.type
                yield field.wire_type
        else:
            yield item.type
            yield item.type if item.wire_type is None else item.wire_type
    if module.channel is not None:
        yield from (param.type for param in module.channel.params)
        yield from (alias.type for alias in module.channel.private)
        for topic in module.channel.topics:
            yield topic.payload_type
            yield topic.publish_type
