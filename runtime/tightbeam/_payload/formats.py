"""The formats that Tightbeam knows: one row each, read by the runtime and by the generator.

A typed format loads as a Python type. The validator's own check of a format takes more than that type holds:
leap seconds, the year 0000, ``2020-01-0.``, and before draft 2019-09 anything for a ``uuid``. A Python
function called for each value would cost ten times the rest of the check. So the schemas themselves are
narrowed, by a ``pattern`` beside the ``format``, which stays in Rust.
"""

from __future__ import annotations

from datetime import date, datetime
from ipaddress import IPv4Address
from typing import Any, NamedTuple
from uuid import UUID

from tightbeam._payload.subschemas import inside

__all__ = ["CORE_TYPES", "FORMATS", "TYPED_FORMATS", "Format", "TypedFormat", "narrow_formats"]

_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})"
_HEX = "[0-9A-Fa-f]"


class TypedFormat(NamedTuple):
    """What belongs to a format that models hold as a Python type.

    Which days a month has and how far an hour goes is no matter of a pattern: the validator's check of the
    format is right about that.
    """

    python_type: type
    annotation: tuple[str, str]
    """Module and name of what a generated module annotates a field with."""
    core_schema: dict[str, Any]
    """The Pydantic core schema that reads the format's text."""
    core_type: str
    """The type of the node that Pydantic builds for the annotation."""
    since: int
    """The first draft in which the format is typed."""
    text: str
    """How a reason says to make text of a value."""
    pattern: str | None = None
    """Put beside the format in schemas, where the validator alone accepts too much."""
    text_beside: tuple[str, ...] = ()
    """Keywords beside which the format stays text, because they may ask for a spelling that is lost."""


class Format(NamedTuple):
    """One format."""

    name: str
    checked_since: int
    """The first draft in which the validator checks it (4, 6, 7, 2019); 0 if only our pattern does."""
    wording: str = ""
    """What a value must be, in a reason; without it a reason says ``a valid`` and the name."""
    typed: TypedFormat | None = None
    in_ajv: bool = True
    """Whether the validators for TypeScript check it too."""


_DATE = TypedFormat(
    python_type=date,
    annotation=("datetime", "date"),
    core_schema={"type": "date"},
    core_type="date",
    since=7,
    text="value.isoformat()",
    pattern=f"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}$",
)
_DATE_TIME = TypedFormat(
    python_type=datetime,
    annotation=("pydantic", "AwareDatetime"),
    core_schema={"type": "datetime", "microseconds_precision": "truncate"},
    core_type="datetime",
    since=4,
    text="value.isoformat()",
    pattern=(
        f"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-5][0-9](?:\\.[0-9]+)?"
        "(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$"
    ),
    text_beside=("pattern", "minLength", "maxLength"),
)
_IPV4 = TypedFormat(
    python_type=IPv4Address,
    annotation=("ipaddress", "IPv4Address"),
    core_schema={
        "type": "function-after",
        "function": {"type": "no-info", "function": IPv4Address},
        "schema": {"type": "str"},
    },
    core_type="lax-or-strict",
    since=4,
    text="str(value)",
)
_UUID = TypedFormat(
    python_type=UUID,
    annotation=("uuid", "UUID"),
    core_schema={"type": "uuid"},
    core_type="uuid",
    since=2019,
    text="str(value)",
    pattern=f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$",
    text_beside=("pattern",),
)

FORMATS = {
    row.name: row
    for row in (
        Format("date", 4, "a date such as 2026-01-31", _DATE),
        Format(
            "date-time",
            4,
            "a date-time with an offset, such as 2026-01-31T12:00:00Z (no leap seconds)",
            _DATE_TIME,
        ),
        Format("duration", 2019, "a duration such as P1DT12H"),
        Format("email", 4, "an e-mail address"),
        Format("hostname", 4),
        Format("idn-email", 4, in_ajv=False),
        Format("idn-hostname", 7, in_ajv=False),
        Format("ipv4", 4, "an IPv4 address", _IPV4),
        Format("ipv6", 4, "an IPv6 address"),
        Format("iri", 7, in_ajv=False),
        Format("iri-reference", 7, in_ajv=False),
        Format("json-pointer", 6),
        Format("regex", 4),
        Format("relative-json-pointer", 7),
        Format("time", 4, "a time with an offset, such as 12:00:00Z"),
        Format("uri", 4, "an absolute URI"),
        Format("uri-reference", 6),
        Format("uri-template", 6),
        Format("uuid", 2019, "a UUID", _UUID),
    )
}
"""Every format that is checked, by name. Any other is a note."""

TYPED_FORMATS = {row.name: row.typed for row in FORMATS.values() if row.typed is not None}
"""The typed ones, by name."""

CORE_TYPES = frozenset(each.core_type for each in TYPED_FORMATS.values())
"""Types of the nodes in Pydantic's core schemas that hold a typed format."""


def narrow_formats(document: Any) -> None:
    """Put the pattern beside each typed format of a document, in place; pointers into it stay valid."""
    stack = [document]
    while stack:
        node = stack.pop()
        stack.extend(value for _, value, _ in inside(node))
        name = node.get("format") if isinstance(node, dict) else None
        typed = TYPED_FORMATS.get(name) if isinstance(name, str) else None
        if typed is not None and typed.pattern is not None:
            if "pattern" not in node:
                node["pattern"] = typed.pattern
            else:
                node["allOf"] = [*node.get("allOf", ()), {"pattern": typed.pattern}]
