"""Check the form of a keyword's value, and explain what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from tightbeam_codegen.problems import quoted
from tightbeam_codegen.read.check.contradictions import kind_of
from tightbeam_codegen.suggest import nearest

if TYPE_CHECKING:
    from tightbeam_codegen.json_schema.keywords import Form
    from tightbeam_codegen.read.load import JsonValue, Pointer

__all__ = ["TYPES", "Fault", "form_faults", "name_kind"]

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


class Fault(NamedTuple):
    """Something wrong inside a value: the way to it from that value, a message, and a remedy."""

    where: Pointer
    message: str
    remedy: str
    at_key: bool = False
    """Whether the key is wrong, and not its value."""
    rule: str = ""
    """The keyword of the metaschema that the value breaks, if the metaschema found the fault."""

    def below(self, *parts: str | int) -> Fault:
        """Return the fault as one of a value further out."""
        return self._replace(where=(*parts, *self.where))


_ANCHOR = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*")
_NAMES = {"array": "an array", "object": "an object", "null": "null", "integer": "a number"}
_SCHEMA_MAP = "an object of schemas"
_WRONG_BEFORE = {
    ("boolean", "exclusiveMinimum"): "It is the bound itself since draft 6: replace `minimum` by it.",
    ("boolean", "exclusiveMaximum"): "It is the bound itself since draft 6: replace `maximum` by it.",
    ("number", "exclusiveMinimum"): "In draft 4 it is true or false, beside `minimum`.",
    ("number", "exclusiveMaximum"): "In draft 4 it is true or false, beside `maximum`.",
    ("boolean", "required"): "List the names of required properties beside `properties`.",
    ("array", "items"): "Since 2020-12 the schemas of single places are in `prefixItems`.",
}


def name_kind(value: JsonValue) -> str:
    """Return the kind of a value with an article: `a string`, `an array`."""
    kind = kind_of(value)
    return _NAMES.get(kind, f"a {kind}")


def form_faults(keyword: str, value: JsonValue, form: Form) -> Iterator[Fault]:
    """Yield everything that is wrong with the value of a keyword, except inside of schemas in it.

    Args:
        keyword: the keyword.
        value: its value.
        form: the form that the value must have.
    """
    if form == "any":
        return
    if form == "type":
        yield from _type_faults(value)
    elif form == "anchor":
        if not isinstance(value, str) or not _ANCHOR.fullmatch(value):
            yield Fault((), f"{keyword} must be a name such as 'line' (letters, digits, '-', '_', '.')", "")
    elif form in _SCALARS:
        expected = _SCALARS[form]
        if not _has_scalar_form(value, form):
            yield Fault((), _must(keyword, expected, value), _remedy(keyword, value))
    elif form == "names":
        yield from _names_faults(keyword, value)
    elif form in ("schema", "boolean or schema", "schema or schemas", "schemas"):
        yield from _schema_faults(keyword, value, form)
    else:
        yield from _map_faults(keyword, value, form)


_SCALARS: dict[str, str] = {
    "string": "a string",
    "boolean": "true or false",
    "number": "a number",
    "positive number": "a number above 0",
    "count": "a whole number, 0 or more",
    "array": "an array",
    "non-empty array": "an array with at least one entry",
}


def _has_scalar_form(value: JsonValue, form: str) -> bool:
    if form == "string":
        return isinstance(value, str)
    if form == "boolean":
        return isinstance(value, bool)
    if form in ("array", "non-empty array"):
        return isinstance(value, list) and (form == "array" or bool(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if form == "count":
        return value >= 0 and value == int(value)
    return form == "number" or value > 0


def _must(keyword: str, expected: str, value: JsonValue) -> str:
    kind = name_kind(value)
    # "must be a number above 0, not a number" wouldn't help.
    wrong = str(value) if kind == "a number" and "number" in expected else kind
    if isinstance(value, list) and expected.startswith("an array"):
        return f"{keyword} must be {expected}"
    return f"{keyword} must be {expected}, not {wrong[:40]}"


def _remedy(keyword: str, value: JsonValue) -> str:
    kind = kind_of(value)
    return _WRONG_BEFORE.get(("number" if kind == "integer" else kind, keyword), "")


def _type_faults(value: JsonValue) -> Iterator[Fault]:
    if isinstance(value, list):
        if not value:
            yield Fault((), "type must name at least one type", "Name the types, or remove it to allow all.")
        seen: list[JsonValue] = []
        # There are only seven types; a longer array repeats one of them.
        for index, name in enumerate(value[: len(TYPES) + 1]):
            if name in seen and isinstance(name, str):
                yield Fault((index,), f"type names {quoted(name)} twice", "Remove one of them.")
            seen.append(name)
            yield from (fault.below(index) for fault in _type_name_faults(name))
    elif isinstance(value, str):
        yield from _type_name_faults(value)
    else:
        yield Fault((), f"type must be a type's name or an array of names, not {name_kind(value)}", "")


def _type_name_faults(name: JsonValue) -> Iterator[Fault]:
    if not isinstance(name, str):
        yield Fault(
            (),
            f"a type's name must be a string, not {name_kind(name)}",
            'The null type is "null", in quotes.',
        )
    elif name not in TYPES:
        # The names of other languages are close in meaning, not in spelling.
        other = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "dict": "object"}
        meant = {**other, "list": "array", "none": "null", "double": "number", "map": "object"}.get(
            name.lower()
        ) or nearest(name, TYPES)
        yield Fault(
            (),
            f"unknown type {quoted(name)}" + (f", did you mean {quoted(meant)}?" if meant else ""),
            f"The types are {', '.join(TYPES)}.",
        )


def _names_faults(keyword: str, value: JsonValue) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield Fault((), _must(keyword, "an array of names", value), _remedy(keyword, value))
        return
    seen: set[str] = set()
    for index, name in enumerate(value):
        if not isinstance(name, str):
            yield Fault((index,), f"{keyword} must hold strings, not {name_kind(name)}", "")
        elif name in seen:
            yield Fault((index,), f"{keyword} names {quoted(name)} twice", "Remove one of them.")
        else:
            seen.add(name)


def _schema_faults(keyword: str, value: JsonValue, form: Form) -> Iterator[Fault]:
    if form == "schemas" or (form == "schema or schemas" and isinstance(value, list)):
        if not isinstance(value, list):
            yield Fault((), _must(keyword, "an array of schemas", value), "")
        elif not value and form == "schemas":
            yield Fault((), f"{keyword} must have at least one schema", "Add one, or remove it.")
    elif not isinstance(value, (dict, bool)):
        yield Fault((), _must(keyword, "a schema", value), _remedy(keyword, value))


def _map_faults(keyword: str, value: JsonValue, form: Form) -> Iterator[Fault]:
    expected = {"boolean map": "an object of booleans", "names map": "an object of arrays of names"}
    if not isinstance(value, dict):
        yield Fault((), _must(keyword, expected.get(form, _SCHEMA_MAP), value), _remedy(keyword, value))
        return
    for name, inner in value.items():
        if form == "names map" or (form == "dependencies" and isinstance(inner, list)):
            faults = _names_faults(f"{keyword}/{name}", inner)
            yield from (fault.below(name) for fault in faults)
        elif form == "boolean map" and not isinstance(inner, bool):
            yield Fault((name,), f"{keyword} must hold true or false, not {name_kind(inner)}", "")
