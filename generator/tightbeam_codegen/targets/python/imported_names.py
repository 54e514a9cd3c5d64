"""The names that types are spelt with and that a generated module imports.

They begin with an underscore, or are `v1`, so that no class of a definition has one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

from tightbeam._payload.formats import TYPED_FORMATS
from tightbeam_codegen.targets.python import type_tree as tree

__all__ = ["IMPORTS", "format_source", "imported_names"]

_PREFIXES = {
    "collections.abc": "_abc",
    "datetime": "_dt",
    "pydantic": "_p",
    "typing": "_t",
    "typing_extensions": "_te",
}
"""The name of a module in generated code, where that isn't its own with an underscore in front."""


def _prefix(module: str) -> str:
    return _PREFIXES.get(module, f"_{module}")


IMPORTS: Mapping[str, str] = {
    **{
        _prefix(module): f"import {module} as {_prefix(module)}"
        for module in (*_PREFIXES, *(typed.annotation[0] for typed in TYPED_FORMATS.values()))
    },
    "TYPE_CHECKING": "from typing import TYPE_CHECKING",
    "_MISSING": "from pydantic_core import MISSING as _MISSING",
    "v1": "from tightbeam._codegen import v1",
}
"""Each name with the statement that imports it."""


def format_source(name: str) -> str:
    """Return the type of a format as source."""
    module, type_name = TYPED_FORMATS[name].annotation
    return f"{_prefix(module)}.{type_name}"


def imported_names(type_: tree.Type) -> Iterator[str]:
    """Yield the imported names that a type is spelt with, keys of `IMPORTS`."""
    for node in tree.nodes_of(type_):
        match node:
            case tree.Plain("Any") | tree.Constants():
                yield "_t"
            case tree.Format(name):
                yield _prefix(TYPED_FORMATS[name].annotation[0])
            case tree.SequenceOf() | tree.MappingOf():
                yield "_abc"
            case tree.ArrayOf():
                yield "v1"
            case tree.Plain() | tree.Named() | tree.ListOf() | tree.DictOf() | tree.OneOf():
                pass
            case _:
                assert_never(node)
