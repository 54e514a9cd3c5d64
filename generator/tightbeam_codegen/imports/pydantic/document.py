"""The schema document for models, with a schema for each of their classes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic.json_schema import JsonSchemaMode

from tightbeam_codegen.imports.pydantic.dumped import TAG, DumpedSchemas
from tightbeam_codegen.imports.pydantic.findings import SHOWN, Findings
from tightbeam_codegen.imports.pydantic.located import CoreSchema
from tightbeam_codegen.imports.pydantic.selection import Selected
from tightbeam_codegen.json_schema.keywords import ASSERTING
from tightbeam_codegen.phrases import listed

__all__ = ["ModelDocument", "document_of", "examine"]

_PREFIX = "#/$defs/"
_SCHEMAS = frozenset({"additionalProperties", "items"})
_LISTS = frozenset({"anyOf", "oneOf", "prefixItems"})


@dataclass(frozen=True, slots=True)
class ModelDocument:
    """Schemas by the names of classes, and which of them each model has."""

    schemas: dict[str, Any]
    models: list[tuple[str, str]]
    """The name of each model, and that of its schema."""
    notes: tuple[str, ...]


def examine(models: Sequence[Selected]) -> list[Findings]:
    """Return for each model what there is to say about it; one with refusals can't be taken."""
    together = _examined(models)
    if not together.refused:
        return [together, *(Findings() for _ in models[1:])]
    return [_examined([model]) for model in models]


def _examined(models: Sequence[Selected]) -> Findings:
    findings = Findings()
    try:
        references, schemas, generator = _generate(models, findings)
        # What a model states itself may be no JSON, or no text.
        json.dumps([references, schemas], allow_nan=False, ensure_ascii=False).encode()
    except Exception as error:  # noqa: BLE001 - functions of the model's own may raise anything
        cause = f"can't be described: {(str(error) or type(error).__name__).splitlines()[0]}"
        remedy = "Correct its `json_schema_extra` or `__get_pydantic_json_schema__`."
        findings.refuse(models[0].where, cause, remedy)
        return findings
    if generator.dumped_by_name and generator.dumped_by_alias:
        by_name, by_alias = next(iter(generator.dumped_by_name)), next(iter(generator.dumped_by_alias))
        cause = f"has to be dumped by alias for `{by_alias.__name__}`, and by name for `{by_name.__name__}`"
        findings.refuse(models[0].where, cause, "Set `serialize_by_alias` in the config of both.")
    return findings


def document_of(models: Sequence[Selected]) -> ModelDocument:
    """Return the schemas of models that can be taken, in alphabetical order."""
    references, schemas, generator = _generate(models, Findings())
    named: list[tuple[str, str]] = []
    renamed: dict[str, str] = {}
    for model, stated in zip(models, references, strict=True):
        target = str(stated.get("$ref", "")).removeprefix(_PREFIX)
        if set(stated) != {"$ref"} or target in (known for _, known in named):
            target = _free(model.name, {*schemas, *renamed.values()})
            schemas[target] = stated
        elif target != model.name and model.name not in {*schemas, *renamed.values()}:
            renamed[target] = model.name
        named.append((model.name, target))
    schemas = {renamed.get(name, name): _renamed(schema, renamed) for name, schema in schemas.items()}
    schemas = {name: _explicit(schema) for name, schema in schemas.items()}
    for name, schema in schemas.items():
        if isinstance(schema, dict) and schema.get("title") == name:
            del schema["title"]
    targets = [(name, renamed.get(target, target)) for name, target in named]
    return ModelDocument(dict(sorted(schemas.items())), targets, tuple(_alias_notes(generator)))


def _generate(
    models: Sequence[Selected], findings: Findings
) -> tuple[list[dict[str, Any]], dict[str, Any], DumpedSchemas]:
    """Generate the schemas of models: what refers to each, and all that is referred to."""
    generator = DumpedSchemas(findings, {id(model.adapter.core_schema): model.where for model in models})
    inputs: list[tuple[int, JsonSchemaMode, CoreSchema]] = [
        (number, "serialization", model.adapter.core_schema) for number, model in enumerate(models)
    ]
    references, schemas = generator.generate_definitions(inputs)
    named: dict[str, Any] = {str(name): schema for name, schema in schemas.items()}
    stated: list[Any] = list(references.values())
    _require_tags([*stated, *named.values()], named)
    return stated, named, generator


def _require_tags(values: list[Any], schemas: Mapping[str, Any]) -> None:
    """Require the discriminator in each branch of a union: Pydantic reads none without, default or not."""
    for value in values:
        if isinstance(value, list):
            _require_tags(value, schemas)
        elif isinstance(value, dict):
            if isinstance(tag := value.pop(TAG, None), str):
                _require(tag, value["oneOf"], schemas)
            _require_tags(list(value.values()), schemas)


def _require(tag: str, branches: list[Any], schemas: Mapping[str, Any]) -> None:
    for each in branches:
        branch = schemas.get(str(each.get("$ref", "")).removeprefix(_PREFIX), each)
        if "oneOf" in branch:
            _require(tag, branch["oneOf"], schemas)
        elif tag in (properties := branch.get("properties", {})):
            required = {*branch.get("required", ()), tag}
            branch["required"] = [name for name in properties if name in required]
            properties[tag].pop("default", None)


def _alias_notes(generator: DumpedSchemas) -> list[str]:
    names = [cls.__name__ for cls in generator.dumped_by_alias]
    if not names:
        return []
    return [f"Dump with `by_alias=True`: the schema has the aliases of {listed(names, SHOWN)}."]


def _explicit(schema: Any) -> Any:
    """Return a schema in which what may be anything is or has `true`, which says that it is meant."""
    if schema == {}:
        return True
    if not isinstance(schema, dict):
        return schema
    if not ASSERTING.intersection(schema):
        return {**schema, "allOf": [True]}
    result = dict(schema)
    for keyword in _SCHEMAS.intersection(schema):
        result[keyword] = _explicit(schema[keyword])
    for keyword in _LISTS.intersection(schema):
        if isinstance(schema[keyword], list):
            result[keyword] = [_explicit(each) for each in schema[keyword]]
    if isinstance(properties := schema.get("properties"), dict):
        result["properties"] = {name: _explicit(each) for name, each in properties.items()}
    return result


def _free(name: str, taken: Set[str]) -> str:
    while name in taken:
        name += "Payload"
    return name


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Return a schema with references to new names."""
    if not names:
        return value
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    renamed = {key: _renamed(each, names) for key, each in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.removeprefix(_PREFIX) in names:
        renamed["$ref"] = _PREFIX + quote(names[reference.removeprefix(_PREFIX)])
    return renamed
