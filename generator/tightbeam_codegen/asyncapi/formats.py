"""Formats of schemas in documents of AsyncAPI (`schemaFormat`), and which of them can be carried.

The schemas of a document are read by draft 7, which AsyncAPI's own schemas are built on. One that is written
in another draft can be carried if it means the same in draft 7.
"""

from __future__ import annotations

import re
from typing import Any

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.asyncapi.locating import Located, Refused
from tightbeam_codegen.asyncapi.portable import is_portable, rewritten
from tightbeam_codegen.json_schema.keywords import KEYWORDS
from tightbeam_codegen.problems import quoted
from tightbeam_codegen.read.load import Pointer

__all__ = ["check_meaning", "draft_of"]

_ASYNCAPI = re.compile(r"application/vnd\.aai\.asyncapi(\+(json|yaml))?(\s*;.*)?")
_JSON_SCHEMA = re.compile(
    r"application/schema(\+(json|yaml))?(\s*;\s*version\s*=\s*\"?(?P<version>[^\";\s]+)\"?.*)?"
)
_OPENAPI = re.compile(
    r"application/vnd\.oai\.openapi(\+(json|yaml))?(\s*;\s*version\s*=\s*(?P<version>[\d.]+).*)?"
)
_DRAFTS = {"04": 4, "4": 4, "06": 6, "6": 6, "07": 7, "7": 7, "2019-09": 2019, "2020-12": 2020}
_OTHERS = {"avro": "Avro", "protobuf": "Protobuf", "raml": "RAML", "xml": "XML Schema", "xsd": "XML Schema"}

_BOUNDS = ("exclusiveMinimum", "exclusiveMaximum")
"""In draft 4 they are true or false."""
_ONLY_NATIVE = ("unevaluatedItems", "unevaluatedProperties", "minContains", "maxContains")

_REMEDY = "Write the payload as JSON Schema, in the document or in a file beside it."


def draft_of(stated: str, located: Located) -> int:
    """Return the draft of JSON Schema that a format names, as its year or number.

    Args:
        stated: the format, a media type.
        located: where it is stated.

    Raises:
        Refused: it is another language.
    """
    text = stated.strip().lower()
    if _ASYNCAPI.fullmatch(text):
        return 7
    if match := _JSON_SCHEMA.fullmatch(text):
        version = (match["version"] or "07").removeprefix("draft-").removeprefix("draft")
        if version in _DRAFTS:
            return _DRAFTS[version]
    if match := _OPENAPI.fullmatch(text):
        return 4 if (match["version"] or "3.0").startswith("3.0") else 2020
    language = next((name for word, name in _OTHERS.items() if word in text), "")
    what = f"{language} ({quoted(stated)})" if language else quoted(stated)
    raise Refused(located.place, f"the payload is in {what}, which can't be carried", _REMEDY)


def check_meaning(payload: Located, draft: int) -> None:
    """Refuse a schema that means something else in draft 7 than in its own draft.

    Args:
        payload: the schema.
        draft: its own, as its year or number.

    Raises:
        Refused: it does.
    """
    if draft in (6, 7):
        return
    stack: list[tuple[Any, Pointer]] = [(payload.value, ())]
    while stack:
        value, pointer = stack.pop()
        if isinstance(value, dict) and (keyword := _other_meaning(value, draft)):
            raise Refused(
                payload.inside(*pointer, keyword).place,
                f"the payload isn't written in draft 7, which has no {quoted(keyword)} of this meaning",
                "Copy the schema into a file of its own with a `$schema`, and refer to it from a topic.",
            )
        stack.extend((inner, (*pointer, *way)) for way, inner, _ in inside(value))


def _other_meaning(schema: dict[str, Any], draft: int) -> str | None:
    """Return a keyword by which a schema means something else in draft 7; its inner schemas don't count."""
    if draft == 4:
        if schema.get("nullable") is True:
            return "nullable"
        bounds = (each for each in _BOUNDS if isinstance(schema.get(each), bool))
        return next(bounds, None)
    if not is_portable(schema, draft):
        return next(keyword for keyword in _ONLY_NATIVE if keyword in schema)
    plain = {
        keyword: value
        for keyword, value in schema.items()
        if keyword in KEYWORDS[draft] and keyword not in ("$schema", "$id", "$defs")
    }
    after = rewritten(dict(plain), draft)
    return next((keyword for keyword in plain if after.get(keyword, after) != plain[keyword]), None)
