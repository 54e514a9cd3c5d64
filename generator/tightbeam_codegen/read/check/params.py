"""Check the schemas of parameters: each has one scalar kind, and values that a name can contain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tightbeam_codegen.problems import quoted
from tightbeam_codegen.read.check.contradictions import kind_of
from tightbeam_codegen.read.check.model import Parameter, ParamKind, ParamValue
from tightbeam_codegen.read.check.names import unprintable

if TYPE_CHECKING:
    from tightbeam_codegen.problems import Problems
    from tightbeam_codegen.read.load import Document, JsonValue

__all__ = ["MAX_INTEGER", "read_parameter"]

MAX_INTEGER = 2**53
"""JavaScript reads several integers beyond it as one."""

_KINDS: dict[str, ParamKind] = {"string": "string", "integer": "integer", "boolean": "boolean"}


def read_parameter(document: Document, name: str, separator: str, problems: Problems) -> Parameter | None:
    """Read a parameter of a definition.

    Args:
        document: the definition file.
        name: of the parameter.
        separator: the character that values can't contain.
        problems: takes the reason where the parameter can't be used.

    Returns:
        The parameter; None if it isn't scalar.
    """
    pointer = ("params", name)
    root = document.value
    params = root.get("params") if isinstance(root, dict) else None
    schema = params.get(name) if isinstance(params, dict) else None
    if not isinstance(schema, dict):
        return None
    values = _listed(schema)
    kinds = {kind for kind in map(kind_of, values or []) if kind in _KINDS}
    stated = schema.get("type")
    if isinstance(stated, str) and stated in _KINDS:
        kind = _KINDS[stated]
        if kinds - {kind}:
            message = f"the values of parameter {quoted(name)} aren't all of type {kind}"
            problems.error(
                document.place((*pointer, _lister(schema))), message, "Correct the values or the type."
            )
            return None
    elif len(kinds) == 1 and stated is None:
        kind = _KINDS[kinds.pop()]
    else:
        if stated is None:
            problems.error(
                document.place(pointer),
                f"parameter {quoted(name)} has values of several types"
                if kinds
                else f"parameter {quoted(name)} has no type",
                'Add "type": "string", "integer" or "boolean".',
            )
        return None
    if values is not None:
        _check_values(document, name, schema, values, separator, problems)
    description = schema.get("description")
    enum = tuple(value for value in values if isinstance(value, (str, int))) if values is not None else None
    return Parameter(name, kind, schema, enum, description if isinstance(description, str) else "")


def _lister(schema: dict[str, JsonValue]) -> str:
    return "enum" if "enum" in schema else "const"


def _listed(schema: dict[str, JsonValue]) -> list[JsonValue] | None:
    enum = schema.get("enum")
    if isinstance(enum, list):
        return enum
    return [schema["const"]] if "const" in schema else None


def _check_values(
    document: Document,
    name: str,
    schema: dict[str, JsonValue],
    values: list[JsonValue],
    separator: str,
    problems: Problems,
) -> None:
    for index, value in enumerate(values):
        reason = _unusable(value, separator) if isinstance(value, (str, int)) else None
        if reason is not None:
            lister = _lister(schema)
            pointer: tuple[str | int, ...] = ("params", name, lister)
            place = document.place((*pointer, index) if lister == "enum" else pointer)
            problems.error(place, f"a value of parameter {quoted(name)} {reason}", "Correct or remove it.")


def _unusable(value: ParamValue, separator: str) -> str | None:
    text = value if isinstance(value, str) else "true" if value is True else str(value)
    if not text:
        return "is empty"
    if separator in text:
        return f"contains the separator {quoted(separator)}"
    if unprintable(text):
        return "contains a control character"
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        return "is beyond ±2^53"
    return None
