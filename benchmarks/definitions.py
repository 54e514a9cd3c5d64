"""Definitions for the generator's benchmark: as many as wanted, the same for the same seed."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

__all__ = ["TOPICS", "definition_files", "payload_schemas", "single_document", "write_definitions"]

TOPICS = 4
"""Topics of one definition."""

Schema = dict[str, Any]

_NOUN_LIST = """
    account address amount archive asset badge balance batch billing booking bucket budget campaign
    carrier category channel city claim client cluster comment contact contract country coupon course
    credit customer customs deadline delivery deposit device discount document driver duration engine
    entry error export factor feature field filter folder format grade group height holder image import
    index invoice issue item journal label language ledger level limit line locale location manager margin
    market member merchant metric model module network note notice number office option order origin owner
    package page parcel partner payment period permit person phase phone plan platform policy postcode
    price priority process product profile project quantity quota range rate reason receipt record refund
    region release report request reserve result review reward role route rule sample schedule score
    section seller sensor series session shipment signal size source stage station status stock store
    stream street subject summary supplier survey target task team template tenant term ticket timer title
    token total tracking trade transfer trip unit update user value variant vehicle vendor version visit
    volume voucher warehouse weight window worker zone
    """
_VERB_LIST = """
    accepted added approved archived assigned blocked booked cancelled changed checked closed completed
    confirmed created delayed delivered dispatched expired failed finished granted held issued joined left
    loaded locked merged moved opened packed paid paused planned queued received refused released removed
    renewed reported resumed returned scheduled sent shipped signed started stopped tracked updated
    verified
    """
_NOUNS, _VERBS = _NOUN_LIST.split(), _VERB_LIST.split()
_COMMON: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {
        "Severity": {"type": "string", "enum": ["low", "medium", "high", "critical"]},
        "Money": {
            "type": "object",
            "description": "An amount of money, without fractions of a cent.",
            "properties": {
                "currency": {"type": "string", "minLength": 3, "maxLength": 3},
                "cents": {"type": "integer"},
            },
            "required": ["currency", "cents"],
            "additionalProperties": False,
        },
        "Person": {
            "type": "object",
            "description": "Somebody, as others know them.",
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "displayName": {"type": "string", "minLength": 1},
                "email": {"type": ["string", "null"]},
            },
            "required": ["id", "displayName"],
            "additionalProperties": False,
        },
    },
}
_SHARED = tuple(_COMMON["$defs"])


def definition_files(count: int, seed: int = 1) -> dict[str, Any]:
    """`count` channel definitions and the file they all refer to, by path."""
    random_ = random.Random(seed)
    files: dict[str, Any] = {"common.json": _COMMON}
    for number in range(count):
        subject = random_.choice(_NOUNS)
        verbs = random_.sample(_VERBS, TOPICS)
        files[f"{subject}_{number:04}.channel.json"] = {
            "name": f"{subject}-{number}:{{{subject}Id}}",
            "description": f"What happens to one {subject}.",
            "params": {f"{subject}Id": {"type": "string", "minLength": 1}},
            "topics": {
                verb: {"description": f"The {subject} was {verb}.", "schema": _payload(random_)}
                for verb in verbs
            },
        }
    return files


def payload_schemas(files: dict[str, Any]) -> dict[str, Schema]:
    """The payload schemas of these definitions, a file each, for generators that know nothing of channels."""
    schemas: dict[str, Schema] = {"common.json": files["common.json"]}
    for path, definition in files.items():
        if path != "common.json":
            stem = path.removesuffix(".channel.json")
            for name, topic in definition["topics"].items():
                schemas[f"{stem}_{name}.json"] = {"title": f"{stem}_{name}", **topic["schema"]}
    return schemas


def write_definitions(folder: Path, files: dict[str, Any], *, indent: int | None = 2) -> None:
    """Write files below a new folder."""
    folder.mkdir(parents=True)
    for path, content in files.items():
        (folder / path).write_text(json.dumps(content, indent=indent) + "\n", "utf-8")


def single_document(count: int, kilobytes: int, seed: int = 1) -> dict[str, Any]:
    """One draft 7 document of so many definitions, and a channel whose topics they are.

    As in real ones, most definitions refer to a few that many share, and these to others of their kind.
    """
    random_ = random.Random(seed)
    names = [
        f"{_NOUNS[number % len(_NOUNS)].title()}{random_.choice(_VERBS).title()}{number}"
        for number in range(count)
    ]
    shared = names[:30]
    definitions: dict[str, Schema] = {}
    for name in names:
        payload = _payload(random_, shared=False)
        for _ in range(2):
            target = random_.choice(shared)
            payload["properties"][f"{target[0].lower()}{target[1:]}"] = {"$ref": f"#/definitions/{target}"}
        while len(json.dumps(payload)) < kilobytes * 1000 // count:
            noun = random_.choice(_NOUNS)
            payload["properties"][noun] = {"type": "string", "description": f"The {noun} it belongs to."}
        definitions[name] = payload
    document = {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": definitions}
    topics = {name.lower(): {"schema": {"$ref": f"legacy.json#/definitions/{name}"}} for name in names}
    return {"legacy.json": document, "legacy_events.channel.json": {"name": "legacy", "topics": topics}}


def _payload(random_: random.Random, *, shared: bool = True) -> Schema:
    """A closed object with six or seven properties, one of them an object itself, one an enum."""
    names = random_.sample(_NOUNS, random_.randint(6, 7))
    first, second, *rest = names
    properties: dict[str, Schema] = {
        first: _nested(random_),
        second: {"type": "string", "enum": random_.sample(_VERBS, random_.randint(3, 5))},
    }
    if shared:
        properties[rest.pop()] = {"$ref": f"common.json#/$defs/{random_.choice(_SHARED)}"}
    properties |= {name: _leaf(random_, name) for name in rest}
    shuffled = random_.sample(names, len(names))
    return {
        "type": "object",
        "properties": {name: properties[name] for name in shuffled},
        "required": sorted(random_.sample(names, random_.randint(2, len(names)))),
        "additionalProperties": False,
    }


def _nested(random_: random.Random) -> Schema:
    names = random_.sample(_NOUNS, 3)
    return {
        "type": "object",
        "properties": {name: _leaf(random_, name) for name in names},
        "required": names[:1],
        "additionalProperties": False,
    }


def _leaf(random_: random.Random, name: str) -> Schema:
    leaf: Schema = random_.choice(
        [
            {"type": "string", "minLength": 1},
            {"type": "string", "maxLength": random_.choice([40, 80, 200])},
            {"type": "integer", "minimum": 0, "maximum": random_.choice([10, 100, 1000])},
            {"type": "number", "minimum": 0},
            {"type": "boolean"},
            {"type": ["string", "null"]},
            {"type": "string", "format": "date-time"},
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {"type": "integer"}},
        ]
    )
    return {**leaf, "description": f"The {name} of it."} if random_.random() < 0.5 else dict(leaf)
