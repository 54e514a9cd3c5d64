"""The imports of a generated module, grouped and sorted as ruff does it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.imported_names import IMPORTS, imported_names
from tightbeam_codegen.targets.python.type_tree import Type

__all__ = ["standard_and_third_party"]


def standard_and_third_party(module: ir.Module, types: Iterable[Type]) -> list[list[str]]:
    """Return the import lines for what isn't generated, in two groups: the standard library, the rest.

    Args:
        module: the module.
        types: every type in it.
    """
    names = {*_stated(module), *(name for type_ in types for name in imported_names(type_))}
    lines = sorted((IMPORTS[name] for name in names), key=lambda line: (line.startswith("from"), line))
    groups = [[line for line in lines if _is_standard(line) == standard] for standard in (True, False)]
    return [group for group in groups if group]


def _is_standard(line: str) -> bool:
    return line.split()[1].partition(".")[0] in sys.stdlib_module_names


def _stated(module: ir.Module) -> Iterator[str]:
    """Yield the names that a module needs besides: for bases, rules, the sentinel, quoted aliases."""
    if module.defined is not None:
        yield from ("v1", "_t")
    if module.first:
        yield "v1"
    for item in (*module.items, *(module.defined.private if module.defined else ())):
        if isinstance(item, ir.Alias):
            yield from ("_t", "TYPE_CHECKING", "_te") if item.quoted else ("_t",)
        else:
            yield "v1"
            # An object with an empty key has an alias for a dictionary.
            yield "_te" if all(field.wire_name for field in item.fields) else "_t"
            yield from _of_fields(item.fields)


def _of_fields(fields: Iterable[ir.Field]) -> Iterator[str]:
    for field in fields:
        if field.rules:
            yield "_p"
        if field.presence == "optional-nullable":
            yield "_MISSING"
        if field.rules or field.unchecked or field.presence != "required" or field.py_name != field.wire_name:
            yield "_t"
