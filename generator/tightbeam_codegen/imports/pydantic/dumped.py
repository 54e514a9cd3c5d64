"""The schema of what models dump: `model_dump(mode="json")`, and nothing that wouldn't be read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from tightbeam_codegen.imports.pydantic.findings import Findings, Where
from tightbeam_codegen.imports.pydantic.mappings import MappingSchemas

__all__ = ["TAG", "DumpedSchemas"]

TAG = "x-tightbeam-discriminator"
"""Marks a union until its document is made; the value is the property that tells the branches apart."""

_CLASSES = frozenset({"model", "dataclass", "typed-dict"})
_OF_TYPE = "pydantic_js_functions"
"""Where Pydantic keeps what states the schema of a type, such as a format; a serializer isn't asked then."""

_RETURNED: dict[Any, type] = {**{each: each for each in (str, int, float, bool, list, dict)}, sorted: list}
"""What functions return that are written where a serializer is wanted, and have no annotations."""

_UNLESS_NONE = frozenset({"unless-none", "json-unless-none"})
_NULL = {"type": "null"}

_EXCLUDED = "what is excluded from dumps isn't sent, and has its default where it is received."
_ALIKE = "two branches of the union are dumped alike, so that what is read may be of the other one."
_SUBCLASS = (
    "fields that only a subclass has are sent, but they aren't in the schema, and are lost where it is read."
)


class DumpedSchemas(MappingSchemas):
    """Generates schemas of classes, and notes fields that can't be read from what they are dumped as.

    Args:
        findings: takes what can't be taken.
        starts: what is generated for, by the identities of its core schemas.
    """

    def __init__(self, findings: Findings, starts: Mapping[int, Where]) -> None:
        super().__init__(findings, starts)
        self.dumped_by_alias: dict[type, None] = {}
        """Classes whose aliases are in the dump only with `by_alias=True`."""
        self.dumped_by_name: dict[type, None] = {}
        """Classes with aliases whose config demands names."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002 - Pydantic's signature
        """Leave everything in the order of the models."""
        return value

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - Pydantic's signature
        """Leave out titles that only repeat the names of fields."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Generate the schema of a model."""
        cls = schema["cls"]
        with self.at(Where(cls, "")):
            result = _headed(super().model_schema(schema), cls)
            if cls.model_config.get("polymorphic_serialization") and cls.__subclasses__():
                return self._with_subclasses(result)
            # A class without fields is dumped as `{}`, and its schema has to say so to be one of a class.
            is_empty = result.get("properties") == {} and "additionalProperties" not in result
            return {**result, "additionalProperties": False} if is_empty else result

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Generate the schema of a dataclass."""
        with self.at(Where(schema["cls"], "")):
            return _headed(super().dataclass_schema(schema), schema["cls"])

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        """Generate the schema of a typed dictionary."""
        cls, fields, by_alias = schema.get("cls"), schema["fields"], self.by_alias
        with self.at(Where(cls, "") if cls is not None else self.here):
            with self._config_wrapper_stack.push(getattr(cls, "__pydantic_config__", None)):
                self._prepare(
                    fields.items(), schema.get("computed_fields", []), total=schema.get("total", True)
                )
            try:
                return _headed(super().typed_dict_schema(schema), cls)
            finally:
                self.by_alias = by_alias

    def model_fields_schema(self, schema: core_schema.ModelFieldsSchema) -> JsonSchemaValue:
        """Generate the properties of a model."""
        by_alias, fields = self.by_alias, schema["fields"]
        self._prepare(fields.items(), schema.get("computed_fields", []))
        try:
            return super().model_fields_schema(schema)
        finally:
            self.by_alias = by_alias

    def dataclass_args_schema(self, schema: core_schema.DataclassArgsSchema) -> JsonSchemaValue:
        """Generate the properties of a dataclass."""
        by_alias, fields = self.by_alias, [(field["name"], field) for field in schema["fields"]]
        self._prepare(fields, schema.get("computed_fields", []))
        try:
            return super().dataclass_args_schema(schema)
        finally:
            self.by_alias = by_alias

    def field_is_present(self, field: Any) -> bool:
        """Return whether a field is dumped; one that only initializes a dataclass isn't."""
        return super().field_is_present(field) and not field.get("init_only")

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        """Generate the schema of a union, and note branches that can't be told apart in a dump."""
        result = super().union_schema(schema)
        kinds = [kind for each in result.get("anyOf", ()) if (kind := _kind(self.resolved(each))) is not None]
        if len(set(kinds)) < len(kinds):
            self.note(_ALIKE)
        return result

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Generate the schema of a union with a discriminator; a function may part what schemas don't."""
        result = super().tagged_union_schema(schema)
        tag = result.pop("discriminator", {}).get("propertyName")
        if callable(schema["discriminator"]):
            return {"anyOf": result["oneOf"]}
        return result if tag is None else {**result, TAG: tag}

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """Generate a schema: that of what a serializer returns, whatever Pydantic knows of the type."""
        serializer = schema.get("serialization", {})
        if serializer.get("type") == "any":
            return self._with_subclasses(super().generate_inner(schema))
        function = serializer.get("function")
        if function is None and schema["type"] == "lax-or-strict":
            function = schema["lax_schema"].get("serialization", {}).get("function")
        if function is None or schema["type"] in _CLASSES:
            return super().generate_inner(schema)
        if not _is_pydantics(function):
            return self._serialized(schema)
        if "secret" in function.__name__:
            self.refuse(
                "is a secret, which is dumped as asterisks",
                "Leave it out, with `exclude=True` and a default, or send it as `str` if it must be sent.",
            )
            return {}
        return super().generate_inner(schema)

    def _with_subclasses(self, result: JsonSchemaValue) -> JsonSchemaValue:
        """Note what becomes of the fields of subclasses, which are dumped as well."""
        if self.resolved(result).get("additionalProperties") is False:
            self.refuse(
                "is dumped with the fields of its subclass, and its class is closed",
                "Let the class allow other keys, or name the subclasses in a union.",
            )
        else:
            self.note(_SUBCLASS)
        return result

    def _serialized(self, schema: Any) -> JsonSchemaValue:
        """Generate the schema of what a serializer of the user's returns, or spares."""
        metadata = {key: value for key, value in schema.get("metadata", {}).items() if key != _OF_TYPE}
        result = super().generate_inner({**schema, "metadata": metadata})
        if schema["serialization"].get("when_used") not in _UNLESS_NONE or not _is_nullable(schema):
            return result
        # Pydantic 2.14.3 is the first to see this beneath a default.
        result = self.get_union_of_schemas([result, _NULL])
        return {**result, "default": None} if schema.get("default", result) is None else result

    def ser_schema(self, schema: Any) -> JsonSchemaValue | None:
        """Generate the schema of what a serializer returns."""
        function = schema.get("function")
        if function is not None and "return_schema" not in schema and not _is_pydantics(function):
            returned = _returned(function)
            if returned is not None:
                schema = {**schema, "return_schema": returned}
                return super().ser_schema(schema)
            name = getattr(function, "__name__", "a function")
            self.refuse(
                f"is dumped by `{name}`, which doesn't say what it returns",
                "Annotate it with its return type, or add a serializer that states its `return_type=`.",
            )
            return {}
        return super().ser_schema(schema)

    def _prepare(
        self,
        fields: Iterable[tuple[str, Mapping[str, Any]]],
        computed: list[core_schema.ComputedField],
        *,
        total: bool = True,
    ) -> None:
        """Choose between names and aliases, and look for fields that don't come back."""
        fields = list(fields)
        self.remember(fields)
        config = self._config.config_dict
        self.by_alias = _is_by_alias(config)
        has_aliases = False
        for name, field in fields:
            with self.at(Where(self.here.cls, name)):
                has_aliases |= self._check_field(name, field, total=total)
        if computed and config.get("extra") in ("allow", "forbid"):
            with self.at(Where(self.here.cls, computed[0]["property_name"])):
                self.refuse(
                    "is computed: dumps have it as a key, which the class doesn't take back",
                    f"Set `extra='ignore'`; with {config.get('extra')!r} the key isn't passed over.",
                )
        has_aliases |= any(
            each.get("alias", each["property_name"]) != each["property_name"] for each in computed
        )
        if has_aliases and self.here.cls is not None and "serialize_by_alias" not in config:
            (self.dumped_by_alias if self.by_alias else self.dumped_by_name)[self.here.cls] = None

    def _check_field(self, name: str, field: Mapping[str, Any], *, total: bool) -> bool:
        """Look for what keeps a field from coming back; return whether it has an alias in dumps."""
        required = (
            field.get("required", total)
            if field["type"] == "typed-dict-field"
            else field["schema"]["type"] != "default"
        )
        if not self.field_is_present(field):
            if required:
                self.refuse(
                    "isn't dumped, and is required where it is read",
                    "Give it a default, or don't exclude it.",
                )
            elif not field.get("init_only"):
                self.note(_EXCLUDED)
            return False
        alias = field.get("serialization_alias", name)
        written = alias if self.by_alias else name
        read = list(_names_read(name, field, self._config.config_dict))
        if written not in read:
            self.refuse(
                f"is dumped as {written!r}, and read as {' or '.join(map(repr, read)) or 'a path'}",
                f"Let it be read so, too: `validation_alias=AliasChoices(…, {written!r})`.",
            )
        return bool(alias != name)


def _is_pydantics(function: Any) -> bool:
    """Return whether a serializer is one of Pydantic's own, which its type describes."""
    return str(getattr(function, "__module__", "")).partition(".")[0] == "pydantic"


def _returned(function: Any) -> core_schema.CoreSchema | None:
    """Return the schema of what a function returns where it says so and Pydantic doesn't look.

    It looks at no class, such as `float`, and at no function in `json_encoders`.
    """
    try:
        known = _RETURNED.get(function)
        stated = known or get_type_hints(function, include_extras=True)["return"]
        return TypeAdapter[Any](stated).core_schema
    except Exception:  # noqa: BLE001 - there is no annotation, or none that Pydantic takes
        return None


def _kind(schema: JsonSchemaValue) -> str | None:
    """Return what is equal for schemas that admit the same dumps; None for one that admits only a few."""
    if schema.keys() & {"enum", "const"}:
        return None
    if schema.get("type") in ("string", "array"):
        return str(schema["type"])
    words = {"title", "description", "default", "examples"}
    return repr({key: value for key, value in schema.items() if key not in words}) if schema else None


def _is_nullable(schema: Any) -> bool:
    """Return whether None is among the values of a type, beneath a default and validators."""
    while schema["type"] != "nullable":
        if "schema" not in schema:
            return False
        schema = schema["schema"]
    return True


def _is_by_alias(config: Mapping[str, Any]) -> bool:
    """Return whether a class is dumped by its aliases: if its config doesn't say, then as it is read."""
    stated = config.get("serialize_by_alias")
    return bool(stated if stated is not None else config.get("validate_by_alias", True))


def _names_read(name: str, field: Mapping[str, Any], config: Mapping[str, Any]) -> Iterable[str]:
    """Yield the names by which a field is read."""
    stated = field.get("validation_alias")
    if stated is None or config.get("validate_by_name") or config.get("populate_by_name"):
        yield name
    if stated is None or not config.get("validate_by_alias", True):
        return
    if isinstance(stated, str):
        yield stated
        return
    for path in stated if isinstance(stated[0], list) else [stated]:
        if len(path) == 1:
            yield path[0]


def _headed(schema: JsonSchemaValue, cls: type | None) -> JsonSchemaValue:
    """Return a schema that begins with the words about it, without a title that is the class's name."""
    if cls is not None and schema.get("title") == cls.__name__:
        del schema["title"]
    head = {key: schema[key] for key in ("title", "description") if key in schema}
    return head | schema
