"""The last look at what goes into the templates unescaped: names are identifiers, types are types.

All other text passes through `targets.python.literals`. So whatever an earlier pass lets through by mistake,
nothing of a schema becomes code: no call, no statement and no line end fits into a name or a type.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator

from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.type_tree import Named, Type, nodes_of

__all__ = ["UnsafeText", "check_module", "check_package"]


class UnsafeText(Exception):
    """A name that can't be one. A bug of the generator's: nothing is generated."""


def check_module(module: ir.Module, types: Iterable[Type]) -> None:
    """Raise UnsafeText for a module with a name in it, or in its types, that is none."""
    _check_names(_names(module))
    _check_names(node.name for type_ in types for node in nodes_of(type_) if isinstance(node, Named))


def check_package(package: ir.Package) -> None:
    """Raise UnsafeText for a package with a name in it that is none."""
    for module, names in package.exports:
        _check_names([module, *names])


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UnsafeText(f"not a name: {name!r}")


def _names(module: ir.Module) -> Iterator[str]:
    yield from module.path
    for path in module.first:
        yield from path
    for imported in module.imports:
        yield from imported.module
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
        yield from (param.py_name for param in module.channel.params)
        for topic in module.channel.topics:
            yield from (topic.attribute, f"{topic.class_name}Message")
