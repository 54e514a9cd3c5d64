"""Documents made of the golden cases, and of definitions given as values."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.tightbeam_codegen.golden import Case
from tightbeam_codegen.asyncapi.exporting import About, Exported, export
from tightbeam_codegen.names import topic_name
from tightbeam_codegen.pipeline import read
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS

__all__ = ["exported_case", "exported_from", "validator_of"]

_DRAFTS: dict[str, tuple[Any, int]] = {
    "draft-04": (jsonschema_rs.Draft4Validator, jsonschema_rs.Draft4),
    "draft-06": (jsonschema_rs.Draft6Validator, jsonschema_rs.Draft6),
    "draft-07": (jsonschema_rs.Draft7Validator, jsonschema_rs.Draft7),
    "draft-2019-09": (jsonschema_rs.Draft201909Validator, jsonschema_rs.Draft201909),
    "draft-2020-12": (jsonschema_rs.Draft202012Validator, jsonschema_rs.Draft202012),
}


def exported_from(root: Path, settings: Settings, **about: Any) -> Exported:
    """Export what is below a schema root, without examples."""

    def work() -> Exported:
        model = read(root, settings, shown_root="schemas")
        assert not model.has_errors, model.problems
        return export(model, About(**about), lambda channel, topic: None)

    return with_room(work)


@functools.cache
def exported_case(name: str) -> dict[str, Any]:
    """Return the document of a golden case."""
    folder = Case(name).folder
    has_settings = (folder / "pyproject.toml").exists()
    settings = load_settings(folder, OPTIONS) if has_settings else Settings()
    exported = exported_from(folder / "schemas", settings)
    assert exported.problems == ()
    return dict(exported.document)


def validator_of(document: dict[str, Any], channel: str, topic: str, *, formats: bool) -> Any:
    """Return a validator of a message's payload, as a tool that knows AsyncAPI alone would make it.

    Args:
        document: an exported one.
        channel: the key of the channel.
        topic: its attribute in Python; of an event's channel there is one message.
        formats: whether `format` is law.
    """
    messages = document["components"]["messages"]
    references = document["channels"][channel]["messages"].values()
    keys = [reference["$ref"].rpartition("/")[2] for reference in references]
    if "event" not in document["channels"][channel]["x-tightbeam"]:
        keys = [key for key in keys if topic == _attribute(messages[key])]
    (key,) = keys
    payload = messages[key]["payload"]
    pointer = f"#/components/messages/{key}/payload"
    while set(payload) == {"$ref"}:
        pointer = payload["$ref"]
        payload = document["components"]["schemas"][pointer.rpartition("/")[2]]
    draft = "draft-07"
    if "schemaFormat" in payload:
        pointer, draft = f"{pointer}/schema", payload["schemaFormat"].rpartition("=")[2]
    schema = {"$ref": f"urn:document{pointer}"}
    validator, number = _DRAFTS[draft]
    registry = jsonschema_rs.Registry([("urn:document", document)], draft=number)
    return validator(schema, registry=registry, validate_formats=formats)


def _attribute(message: dict[str, Any]) -> str:
    chosen: str = message.get("x-tightbeam", {}).get("name") or topic_name(message["name"])
    return chosen
