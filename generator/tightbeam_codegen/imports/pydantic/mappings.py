"""Schemas of mappings and of tuples.

JSON has text for keys, so each kind of key is written as text of its own.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from tightbeam_codegen.imports.pydantic import texts
from tightbeam_codegen.imports.pydantic.scalars import ScalarSchemas

__all__ = ["MappingSchemas"]

_Mapping: TypeAlias = (
    core_schema.DictSchema
    | core_schema.FrozenDictSchema
    | core_schema.OrderedDictSchema
    | core_schema.CounterSchema
)
_WRAPPERS = ("function-after", "function-before", "function-wrap", "default")
_KEYS_REMEDY = "Use text, int, an enum of text, a date or a UUID for its keys."


class MappingSchemas(ScalarSchemas):
    """Generates schemas of dictionaries and their relatives."""

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Generate the schema of a dictionary."""
        return self._mapping(schema)

    def frozendict_schema(self, schema: core_schema.FrozenDictSchema) -> JsonSchemaValue:
        """Generate the schema of a dictionary that can't be changed."""
        return self._mapping(schema)

    def ordered_dict_schema(self, schema: core_schema.OrderedDictSchema) -> JsonSchemaValue:
        """Generate the schema of a dictionary that has an order."""
        return self._mapping(schema)

    def counter_schema(self, schema: core_schema.CounterSchema) -> JsonSchemaValue:
        """Generate the schema of a counter."""
        return self._mapping(schema)

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        """Generate the schema of a tuple."""
        return _closed(super().tuple_schema(schema))

    def named_tuple_schema(self, schema: core_schema.NamedTupleSchema) -> JsonSchemaValue:
        """Generate the schema of a named tuple, which is dumped as a list."""
        return _closed(super().named_tuple_schema(schema))

    def _mapping(self, schema: _Mapping) -> JsonSchemaValue:
        values = self.generate_inner(schema["values_schema"]) if "values_schema" in schema else {}
        result: JsonSchemaValue = {"type": "object", "additionalProperties": values or True}
        if "keys_schema" in schema and (names := self._names_of(schema["keys_schema"])):
            result["propertyNames"] = names
        self.update_with_validations(result, schema, self.ValidationsMapping.object)
        return result

    def _names_of(self, keys: Any) -> JsonSchemaValue | None:
        """Return a schema of keys as text; None where any text will do."""
        stated = self.generate_inner(keys)
        resolved = self.resolved(stated)
        inner = keys
        while inner["type"] in _WRAPPERS:
            inner = inner["schema"]
        values = resolved.get("enum", [resolved["const"]] if "const" in resolved else None)
        if values is not None and all(isinstance(value, str) for value in values):
            return stated
        match resolved.get("type"):
            case "string":
                rest = {key: value for key, value in stated.items() if key not in {"type", "title"}}
                return rest or None
            case "integer" if inner["type"] == "enum" and values is not None:
                return {"enum": [str(value) for value in values]}
            case "integer" if inner["type"] == "int":
                return {"pattern": texts.INTEGER}
            case "boolean" if values is None:
                return {"enum": ["true", "false"]}
            case "number" if inner["type"] == "float":
                return None
            case None if values is None and "anyOf" not in resolved:
                return None
            case _:
                pass
        self.refuse("has keys that can't be read again from the text that they are dumped as", _KEYS_REMEDY)
        return None


def _closed(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of a tuple that says with `items` that there are no others."""
    if "items" in schema or schema.get("maxItems") != len(schema.get("prefixItems", ())):
        return schema
    return {**{key: value for key, value in schema.items() if key != "maxItems"}, "items": False}
