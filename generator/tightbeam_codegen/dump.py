"""Prints the model of a schema root as JSON, for tests and for people who want to see what is read.

python -m tightbeam_codegen.dump schemas
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tightbeam_codegen.model import ChannelModel, EventModel, Model
from tightbeam_codegen.pipeline import read
from tightbeam_codegen.problems import DefinitionErrors, problems_as_json
from tightbeam_codegen.read.normalise.shapes import Name
from tightbeam_codegen.read.topics import Shapes
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import load_settings
from tightbeam_codegen.targets import OPTIONS

__all__ = ["as_json", "main"]


def as_json(model: Model) -> dict[str, Any]:
    """Return a model as a JSON value: channels with topics, events, classes and aliases, places, problems."""
    value: dict[str, Any] = {
        "channels": [_channel(channel) for channel in model.channels],
        "events": [_event(event) for event in model.events],
        "types": _types(model.shapes),
    }
    if model.exact is not None:
        value["exact"] = {
            "topics": {".".join(module): _plain(topics) for module, topics in model.exact.topics.items()},
            "types": _types(model.exact),
        }
    return value | {"problems": problems_as_json(model.problems)}


def main(arguments: Sequence[str]) -> int:
    """Print the model below a folder, or below the schema root of the settings; return the exit code."""
    try:
        settings = load_settings(Path(), OPTIONS)
    except DefinitionErrors as errors:
        sys.stderr.write(f"{errors}\n")
        return 2
    root = Path(arguments[0]) if arguments else settings.schemas
    model = with_room(lambda: read(root, settings, shown_root=root.as_posix(), exact=True))
    sys.stdout.write(json.dumps(as_json(model), indent=2) + "\n")
    return 2 if model.has_errors else 0


def _channel(channel: ChannelModel) -> dict[str, Any]:
    definition = channel.definition
    params = [{"name": param.name, "kind": param.kind, "schema": param.schema} for param in definition.params]
    return {
        "file": definition.document.shown,
        "module": ".".join(definition.module),
        "name": definition.name,
        "separator": definition.separator,
        "description": definition.description,
        "params": params,
        "dialect": definition.dialect,
        "assert_formats": definition.assert_formats,
        "topics": _plain(channel.topics),
    }


def _event(event: EventModel) -> dict[str, Any]:
    definition = event.definition
    return {
        "file": definition.document.shown,
        "module": ".".join(definition.module),
        "name": definition.name,
        "description": definition.description,
        "dialect": definition.dialect,
        "assert_formats": definition.assert_formats,
        "data": next(iter(_plain(event.topics)), None),
    }


def _types(shapes: Shapes) -> list[dict[str, Any]]:
    named = sorted(shapes.named.items(), key=lambda item: (item[0].module, item[0].name))
    return [{**_plain(each), "place": str(shapes.places[name].spot)} for name, each in named]


def _plain(value: Any) -> Any:
    """Return a value of the model as JSON; what has its default is left out."""
    if isinstance(value, Name):
        return ".".join((*value.module, value.name))
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    stated = {
        field.name: getattr(value, field.name)
        for field in dataclasses.fields(value)
        if field.compare and getattr(value, field.name) != field.default
    }
    if "place" in stated:
        stated["place"] = str(stated["place"])
    kind = type(value).__name__.removesuffix("Shape").lower()
    return {"kind": kind} | {name: _plain(each) for name, each in stated.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
