"""The last look at what goes into the templates unescaped: every name is an identifier.

All other text passes through `targets.python.literals`, and types hold no text besides names and constants.
So whatever an earlier pass lets through by mistake, nothing of a schema becomes code.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator

from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python import type_tree as tree
from tightbeam_codegen.targets.text import check_identifiers

__all__ = ["check_module", "check_package"]


def check_module(module: ir.Module, types: Iterable[tree.Type]) -> None:
    """Check all names that a module is printed with.

    Args:
        module: the module.
        types: every type in it.

    Raises:
        UnsafeText: one of them is no identifier, or a keyword.
    """
    check_identifiers(_names(module), keyword.iskeyword)
    in_types = (node.name for type_ in types for node in tree.nodes_of(type_) if isinstance(node, tree.Named))
    check_identifiers(in_types, keyword.iskeyword)


def check_package(package: ir.Package) -> None:
    """Check all names that a package is printed with.

    Raises:
        UnsafeText: one of them is no identifier, or a keyword.
    """
    for module, names in package.exports:
        check_identifiers([module, *names], keyword.iskeyword)


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
    if module.defined is not None:
        yield from (alias.name for alias in module.defined.private)
    if isinstance(module.defined, ir.Event):
        yield from (module.defined.class_name, module.defined.ref)
    if isinstance(module.defined, ir.Channel):
        yield from (module.defined.class_name, module.defined.function)
        yield from (param.py_name for param in module.defined.params)
        for topic in module.defined.topics:
            yield from (topic.attribute, f"{topic.class_name}Message")
