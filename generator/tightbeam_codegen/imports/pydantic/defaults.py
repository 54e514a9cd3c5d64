"""Defaults of fields, which are dumped as they stand: Pydantic doesn't make them of the field's type."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema_rs
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import (
    PydanticSerializationError,
    SchemaError,
    SchemaValidator,
    ValidationError,
    core_schema,
)

from tightbeam_codegen.imports.pydantic.located import LocatedSchemas

__all__ = ["DefaultSchemas"]

_BESIDE = (
    "the default isn't of the field's type and is dumped as it stands, so the schema has it beside the type."
    " Write one of the type, or set `validate_default=True`."
)
_UNREAD = (
    "the default can't be read again, so the schema doesn't have it, and a message with it is refused."
    " Write one that the type takes; for None, `… | None`."
)


class DefaultSchemas(LocatedSchemas):
    """Generates schemas of fields with defaults."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Generate the schema of a field with a default, which may not be of the field's type."""
        result = super().default_schema(schema)
        if "default" not in result or schema.get("validate_default", self._config.validate_default):
            return result
        default = result["default"]
        stated = {key: value for key, value in result.items() if key != "default"}
        if self._is_valid(stated, default):
            return result
        if not self._is_read(schema["schema"], default):
            self.note(_UNREAD)
            return stated
        self.note(_BESIDE)
        return {"anyOf": [stated, {"const": default}], "default": default}

    def _is_valid(self, stated: JsonSchemaValue, value: Any) -> bool:
        """Return whether a schema admits a value, as far as what it refers to is generated yet."""
        document = stated
        if '"$ref"' in json.dumps(stated):
            document = {"allOf": [stated], "$defs": self.definitions}
        try:
            return jsonschema_rs.is_valid(document, value, validate_formats=True)
        except (ValueError, jsonschema_rs.ReferencingError):
            return True  # refers to a schema that isn't there yet, or is wrong for another reason

    def _is_read(self, schema: core_schema.CoreSchema, value: Any) -> bool:
        try:
            validator = SchemaValidator(schema, self._config.core_config(None))
            validator.validate_json(json.dumps(value))
        except (SchemaError, ValidationError):
            return False
        return True

    def encode_default(self, dft: Any) -> Any:
        """Return a default as JSON has it.

        Raises:
            PydanticSerializationError: there is no such JSON; the schema then states no default.
        """
        if _has_infinity(dft):
            raise PydanticSerializationError("infinity and NaN aren't JSON")
        return super().encode_default(dft)


def _has_infinity(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_infinity, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_has_infinity, value))
    return isinstance(value, float) and not math.isfinite(value)
