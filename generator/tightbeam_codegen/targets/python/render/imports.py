"""The imports of a generated module: what is needed by what it declares, as ruff groups and sorts them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.render.guard import types_of

__all__ = ["standard_and_third_party", "without_strings"]

_STANDARD = {
    "_abc": "import collections.abc as _abc",
    "_dt": "import datetime as _dt",
    "_ipaddress": "import ipaddress as _ipaddress",
    "_t": "import typing as _t",
    "_uuid": "import uuid as _uuid",
    "TYPE_CHECKING": "from typing import TYPE_CHECKING",
}
_THIRD_PARTY = {
    "_p": "import pydantic as _p",
    "_te": "import typing_extensions as _te",
    "_MISSING": "from pydantic_core import MISSING as _MISSING",
    "v1": "from tightbeam._codegen import v1",
}
_PREFIX = re.compile(r"\b(_abc|_dt|_ipaddress|_t|_uuid|_p|v1)\.")
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")


def standard_and_third_party(module: ir.Module) -> list[list[str]]:
    """The import lines for names that aren't generated: those of the standard library, then the others."""
    types = " ".join(types_of(module))
    used = {*_PREFIX.findall(without_strings(types)), *_stated(module)}
    groups = [[_STANDARD[name] for name in _STANDARD if name in used]]
    groups.append([_THIRD_PARTY[name] for name in _THIRD_PARTY if name in used])
    return [group for group in groups if group]


def without_strings(source: str) -> str:
    """Python source with every string in it emptied: what is left are the program's own words."""
    return _STRING.sub("''", source) if '"' in source or "'" in source else source


def _stated(module: ir.Module) -> Iterator[str]:
    """Yield what the module uses besides: bases, rules, the sentinel, quoted aliases."""
    if module.channel is not None:
        yield from ("v1", "_t")
    if module.first:
        yield "v1"
    for item in (*module.items, *(module.channel.private if module.channel else ())):
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
