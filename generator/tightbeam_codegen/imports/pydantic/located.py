"""Pydantic's generator of JSON Schema, which knows the field that it is at."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any, cast

from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonRef,
    JsonSchemaMode,
    JsonSchemaValue,
    JsonSchemaWarningKind,
)
from pydantic_core import PydanticOmit, core_schema

from tightbeam_codegen.imports.pydantic.findings import Findings, Where

__all__ = ["CoreSchema", "LocatedSchemas"]

CoreSchema = core_schema.CoreSchema
_JSON_FUNCTIONS = "pydantic_js_annotation_functions"
_NO_SCHEMA = (
    "Give it a type that has one, a serializer with a return type, or leave it out with `exclude=True`."
)

_WITHOUT = {"callable": "`Callable`", "function-plain": "what a function alone makes and validates"}


class LocatedSchemas(GenerateJsonSchema):
    """Notes faults with their fields instead of raising at the first one, and omits nothing in silence.

    Args:
        findings: takes the faults.
        starts: what is generated for, by the identities of its core schemas.
    """

    def __init__(self, findings: Findings, starts: Mapping[int, Where]) -> None:
        super().__init__()
        self.findings = findings
        self._starts = starts
        self._trail = [Where(None, "")]
        self._names: dict[int, str] = {}

    @property
    def mode(self) -> JsonSchemaMode:
        """Always that of serialization, whatever a model's config says."""
        return "serialization"

    @property
    def here(self) -> Where:
        """The field that a schema is generated for."""
        return self._trail[-1]

    def refuse(self, cause: str, remedy: str) -> None:
        """Note that the field can't be taken; arguments as of `Findings.refuse`."""
        self.findings.refuse(self.here, cause, remedy)

    def note(self, sentence: str) -> None:
        """Note something that holds of the field."""
        self.findings.note(sentence, self.here)

    def resolved(self, schema: JsonSchemaValue) -> JsonSchemaValue:
        """Return what a schema refers to; an empty one if that isn't generated yet."""
        while "$ref" in schema:
            target = self.get_schema_from_definitions(JsonRef(schema["$ref"]))
            if target is None:
                return {}
            schema = target
        return schema

    @contextmanager
    def at(self, where: Where) -> Generator[None]:
        """Take everything that is generated in the block for a part of a class or field."""
        self._trail.append(where)
        try:
            yield
        finally:
            self._trail.pop()

    def remember(self, fields: Iterable[tuple[str, Any]]) -> None:
        """Remember the names of fields, which Pydantic's methods for one field aren't given."""
        self._names.update((id(field), name) for name, field in fields)

    def _at_field(self, field: Mapping[str, Any]) -> Where:
        return Where(self.here.cls, self._names.get(id(field), self.here.name))

    def model_field_schema(self, schema: core_schema.ModelField) -> JsonSchemaValue:
        """Generate the schema of a model's field."""
        with self.at(self._at_field(schema)):
            return super().model_field_schema(schema)

    def dataclass_field_schema(self, schema: core_schema.DataclassField) -> JsonSchemaValue:
        """Generate the schema of a dataclass's field."""
        with self.at(self._at_field(schema)):
            return super().dataclass_field_schema(schema)

    def typed_dict_field_schema(self, schema: core_schema.TypedDictField) -> JsonSchemaValue:
        """Generate the schema of a typed dictionary's key."""
        with self.at(self._at_field(schema)):
            return super().typed_dict_field_schema(schema)

    def computed_field_schema(self, schema: core_schema.ComputedField) -> JsonSchemaValue:
        """Generate the schema of a computed field."""
        with self.at(Where(self.here.cls, schema["property_name"])):
            return super().computed_field_schema(schema)

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """Generate a schema, also of what is only hidden from JSON Schema: it is in the dump all the same."""
        if len(self._trail) == 1 and id(schema) in self._starts:
            with self.at(self._starts[id(schema)]):
                return self.generate_inner(schema)
        try:
            return super().generate_inner(schema)
        except PydanticOmit:
            metadata = schema.get("metadata", {})
            if _JSON_FUNCTIONS not in metadata:
                raise
            kept = {key: value for key, value in metadata.items() if key != _JSON_FUNCTIONS}
            return super().generate_inner(cast("CoreSchema", {**schema, "metadata": kept}))

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:  # noqa: ARG002 - Pydantic's signature
        """Note that there is no schema for a type."""
        cls = schema.get("cls")
        what = (
            f"the class `{cls.__qualname__}`" if isinstance(cls, type) else _WITHOUT.get(schema["type"], "it")
        )
        self.refuse(f"can't be described: JSON Schema has nothing for {what}", _NO_SCHEMA)
        return {}

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Note a branch that Pydantic leaves out; defaults and discriminators only describe."""
        if kind == "skipped-choice":
            self.refuse(f"has a branch that can't be described: {detail}", _NO_SCHEMA)
