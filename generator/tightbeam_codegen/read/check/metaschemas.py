"""The metaschemas of definition files: as text for editors, and as values by which files are checked."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any, Literal, TypeAlias

__all__ = ["Kind", "is_by_metaschema", "metaschema_of", "metaschema_text"]

Kind: TypeAlias = Literal["channel", "event"]
"""What a definition file defines."""

_CHANNEL = "channel.schema.json"


@lru_cache(maxsize=2)
def metaschema_of(kind: Kind) -> dict[str, Any]:
    """Return the metaschema by which definitions of a kind are checked.

    The file describes payload schemas too, for editors. Definitions are checked without that part: payload
    schemas are checked by their own dialect's metaschema.
    """
    metaschema: dict[str, Any] = json.loads(metaschema_text(kind))
    described = metaschema["$defs"]["PayloadSchema"]
    for keyword in ("properties", "patternProperties", "additionalProperties"):
        del described[keyword]
    return metaschema


def metaschema_text(kind: Kind = "channel") -> str:
    """Return the metaschema of a definition as the text of a file that stands alone, for editors.

    Args:
        kind: of definition. The file for events refers to that for channels for what both have.
    """
    channels = _read(_CHANNEL)
    if kind == "channel":
        return channels
    shared = json.loads(channels)["$defs"]
    own = json.loads(_read("event.schema.json").replace(f'"{_CHANNEL}#/', '"#/'))
    used = {name: shared[name] for name in ("PayloadSchema", "AllowBreaking", "PythonName")}
    stated = {"$schema": own.pop("$schema"), "$id": "urn:tightbeam:event-definition:1"}
    return json.dumps({**stated, **own, "$defs": used})


def is_by_metaschema(value: object, kind: Kind) -> bool:
    """Return whether a value is a definition, as far as its metaschema says; fast."""
    return bool(_validator(kind).is_valid(value))


@lru_cache(maxsize=2)
def _validator(kind: Kind) -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(metaschema_of(kind), offline=True)


def _read(name: str) -> str:
    return resources.files("tightbeam_codegen").joinpath(f"data/{name}").read_text("utf-8")
