"""Bindings for the benchmarks, generated into a folder of their own and imported as a user would."""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from tightbeam_codegen.pipeline import generate
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.targets.python.target import PYTHON
from tightbeam_codegen.write import Tree, compare, write

__all__ = ["LARGE", "MEDIUM", "PAYLOADS", "SCHEMAS", "TINY", "bindings", "payload_channel"]

TINY: dict[str, Any] = {"message": "Processing"}
MEDIUM: dict[str, Any] = {
    "orderId": "ord_9f8e7d6c5b4a",
    "placedAt": "2026-03-01T10:15:00Z",
    "priority": "express",
    "customer": {"displayName": "Ada Lovelace", "email": "ada@example.com"},
    "address": {"city": "London", "postcode": "W1J 7NT"},
    "total": 12999,
}
LARGE: dict[str, Any] = {
    "items": [
        {
            "sku": f"SKU-{number:06}",
            "quantity": number % 9 + 1,
            "cents": number * 37,
            "note": "as ordered, dark blue",
        }
        for number in range(200)
    ]
}
PAYLOADS: Mapping[str, dict[str, Any]] = {"tiny": TINY, "medium": MEDIUM, "large": LARGE}


def _object(properties: dict[str, Any], *, closed: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": list(properties)}
    return {**schema, "additionalProperties": False} if closed else schema


def _schemas(*, closed: bool) -> dict[str, dict[str, Any]]:
    text, count = {"type": "string"}, {"type": "integer", "minimum": 0}
    item = _object({"sku": text, "quantity": count, "cents": count, "note": text}, closed=closed)
    return {
        "tiny": _object({"message": text}, closed=closed),
        "medium": _object(
            {
                "orderId": {"type": "string", "minLength": 1},
                "placedAt": text,
                "priority": {"type": "string", "enum": ["normal", "express"]},
                "customer": _object({"displayName": text, "email": text}, closed=closed),
                "address": _object({"city": text, "postcode": text}, closed=closed),
                "total": count,
            },
            closed=closed,
        ),
        "large": _object({"items": {"type": "array", "items": item}}, closed=closed),
    }


SCHEMAS = {"closed": _schemas(closed=True), "open": _schemas(closed=False)}
"""Of the three payloads, without and with room for undeclared keys."""


def bindings(files: Mapping[str, Any], package: str) -> Path:
    """Generate from definitions, given as JSON values by path; the package can be imported from now on."""
    folder = Path(tempfile.mkdtemp(prefix="tightbeam-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root = folder / "schemas"
    root.mkdir()
    for path, content in files.items():
        (root / path).write_text(json.dumps(content), "utf-8")
    result = generate(root, Settings(schemas=root), shown_root="schemas", version="0.0.0")
    if not result.files:
        raise RuntimeError("; ".join(problem.message for problem in result.problems))
    write(compare([Tree(folder / package, result.files["python"], PYTHON.language)]))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return folder


@functools.cache
def payload_channel(kind: str) -> ModuleType:
    """The module for a channel with the topics tiny, medium and large; `kind` is closed or open."""
    definition = {
        "name": f"{kind}:{{id}}",
        "params": {"id": {"type": "string"}},
        "topics": {name: {"schema": schema} for name, schema in SCHEMAS[kind].items()},
    }
    package = f"bench_{kind}"
    bindings({f"{kind}_payloads.channel.json": definition}, package)
    return importlib.import_module(f"{package}.{kind}_payloads")
