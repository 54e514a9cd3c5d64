"""The schemas of a model as a document of AsyncAPI has them: payloads, and shared schemas below `components`.

Every reference becomes a pointer into the document, whatever it was before: a path, an address, an anchor. So
tools need nothing else, and `$id` and anchors, which many of them misread, are left out.

A schema to which a reference leads is a *unit*, and so is the payload of a topic. Units are written in
AsyncAPI's own words where these can say the same. Where one of them can't, it and all that are connected with
it by references stay in their own drafts, as multi-format schemas.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from tightbeam._payload.subschemas import HOLDERS, SCHEMA_MAPS, inside
from tightbeam_codegen.asyncapi.portable import is_portable, rewritten, without_effect
from tightbeam_codegen.asyncapi.references import looks_like_reference
from tightbeam_codegen.json_schema.keywords import REFERENCES
from tightbeam_codegen.json_schema.official import is_official
from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.load import Document, JsonValue, Pointer
from tightbeam_codegen.read.normalise.places import place_of
from tightbeam_codegen.read.resolve import Node, SchemaStore

__all__ = ["Schemas", "safe_key"]

_FORMATS = {4: "draft-04", 6: "draft-06", 7: "draft-07", 2019: "draft-2019-09", 2020: "draft-2020-12"}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def safe_key(text: str) -> str:
    """Return a name as a key that AsyncAPI allows; characters that it doesn't have become code points."""
    return _UNSAFE.sub(lambda match: f"x{ord(match[0]):x}", text) or "x"


class Schemas:
    """Collects the schemas that topics reach, and writes them for a document.

    Args:
        store: follows references.
        problems: takes what no document of AsyncAPI can say.
    """

    def __init__(self, store: SchemaStore, problems: Problems) -> None:
        self._store = store
        self._problems = problems
        self._units: dict[int, Node] = {}
        """The schemas with a place of their own in the document, by identity."""
        self._connected: dict[int, set[int]] = {}
        self._native: set[int] = set()
        """Units that stay in their own draft."""
        self._shared: dict[int, str] = {}
        """The keys of units below `components/schemas`."""
        self._taken: set[str] = set()
        """These keys, without case."""

    # -- collecting ------------------------------------------------------------------------------------------

    def add(self, payload: Node) -> None:
        """Take in the schema of a topic, and all that it refers to."""
        document = self._store.document(payload.schema)
        scope = [document, *self._store.documents.reach(document)] if document is not None else []
        pending = [payload]
        while pending:
            unit = pending.pop()
            if not isinstance(unit.schema, dict) or id(unit.schema) in self._units:
                continue
            self._units[id(unit.schema)] = unit
            self._connected.setdefault(id(unit.schema), set())
            for target in self._scan(unit, scope):
                self._share(target)
                if isinstance(target.schema, dict):
                    self._connected[id(unit.schema)].add(id(target.schema))
                    self._connected.setdefault(id(target.schema), set()).add(id(unit.schema))
                    pending.append(target)

    def settle(self) -> None:
        """Decide which units stay in their own draft, once all are collected."""
        pending = list(self._native)
        while pending:
            for other in self._connected[pending.pop()] - self._native:
                self._native.add(other)
                pending.append(other)

    def _scan(self, unit: Node, scope: Sequence[Document]) -> Iterator[Node]:
        """Yield what a unit refers to; note whether draft 7 can say it.

        Args:
            unit: the unit.
            scope: the documents in which dynamic references may lead somewhere.
        """
        stack = [unit]
        while stack:
            node = stack.pop()
            if not isinstance(node.schema, dict):
                continue
            self._check_dialect(node)
            if not is_portable(node.schema, node.dialect.year):
                self._native.add(id(unit.schema))
            for keyword, value in _counting(node):
                if keyword in REFERENCES:
                    self._check_dynamic(node, keyword, value, scope)
                    yield self._target(node, keyword, value)
                    continue
                for inner in _inner_schemas(keyword, value):
                    child = self._store.child(node, inner)
                    if child.dialect.year == node.dialect.year:
                        stack.append(child)
                    else:
                        # A schema of another draft inside of this one has a place of its own.
                        yield child

    def _check_dialect(self, node: Node) -> None:
        dialect = node.dialect
        if not (dialect.validates and dialect.applies):
            message = f"AsyncAPI has no word for the dialect {quoted(dialect.uri)}"
            remedy = "Write the schema in one of the published drafts."
            self._problems.error(self._store.place(node.schema), message, remedy)

    def _target(self, node: Node, keyword: str, reference: str) -> Node:
        """Return what a reference leads to; a dynamic one in the only way that it can lead."""
        target = self._store.follow(node, reference, keyword)
        document = self._store.document(target.schema)
        if keyword == "$ref" or document is None or not is_official(document.uri):
            return target
        # The vocabularies refer to the metaschema that has them.
        whole = self._store.documents.get(target.dialect.uri)
        return target if whole is None else self._store.at(whole, ())

    def _check_dynamic(self, node: Node, keyword: str, reference: str, scope: Sequence[Document]) -> None:
        """Report a dynamic reference that leads to one schema or another, by the way that leads there."""
        if keyword == "$ref":
            return
        target = self._store.follow(node, reference, keyword)
        document = self._store.document(target.schema)
        if document is None or is_official(document.uri):
            return
        own: str | bool | None = target.keywords.get("$recursiveAnchor")
        anchor = "$recursiveAnchor"
        if keyword == "$dynamicRef":
            own, anchor = target.keywords.get("$dynamicAnchor"), "$dynamicAnchor"
            if own != reference.rpartition("#")[2]:
                return  # It is a plain reference then.
        if own and sum(1 for _ in _anchored(scope, anchor, own)) > 1:
            self._problems.error(
                self._store.place(node.schema, keyword),
                f"{keyword} {quoted(reference)} leads to one of several schemas, by the way that leads there",
                "AsyncAPI has no word for that: write `$ref`, to the schema that is meant.",
            )

    def _share(self, unit: Node) -> None:
        identity = id(unit.schema)
        if identity in self._shared:
            return
        name, digest = self._name(unit)
        key = self._shared[identity] = name if name.casefold() not in self._taken else f"{name}-{digest}"
        self._taken.add(key.casefold())

    def _name(self, unit: Node) -> tuple[str, str]:
        """Return a key for a shared schema after its place, and digits that make it differ from others."""
        document = self._store.document(unit.schema)
        if document is None:
            # `true` and `false` were read from no place: each is one shared schema.
            self._units[id(unit.schema)] = unit
            return "Anything" if unit.schema else "Nothing", str(unit.schema)
        pointer: Pointer = self._store.pointer(unit.schema)
        digest = hashlib.sha256(repr((document.uri, pointer)).encode()).hexdigest()[:8]
        name = place_of(document, pointer).name
        return safe_key(".".join((*name.module, name.name))), digest

    # -- writing ---------------------------------------------------------------------------------------------

    def payload(self, node: Node) -> JsonValue:
        """Return the payload of a message; a reference where the schema is shared."""
        if isinstance(node.schema, dict) and id(node.schema) in self._shared:
            return {"$ref": f"#/components/schemas/{self._shared[id(node.schema)]}"}
        return self._written(node)

    def components(self) -> dict[str, JsonValue]:
        """Return the shared schemas, by key."""
        written = {key: self._written(self._units[unit]) for unit, key in self._shared.items()}
        return dict(sorted(written.items()))

    def _written(self, unit: Node) -> JsonValue:
        native = id(unit.schema) in self._native
        if not isinstance(unit.schema, dict):
            # AsyncAPI takes `true` and `false` inside of schemas only.
            return {} if unit.schema else {"not": {}}
        schema: dict[str, Any] = self._schema(unit, native=native)
        if not native:
            return schema
        dialect = unit.dialect
        stated = f"application/schema+json;version={_FORMATS[dialect.year]}"
        return {"schemaFormat": stated, "schema": {"$schema": _metaschema(dialect.year), **schema}}

    def _schema(self, node: Node, *, native: bool) -> Any:
        if not isinstance(node.schema, dict):
            return node.schema
        out: dict[str, Any] = {}
        references: list[dict[str, str]] = []
        for keyword, value in _counting(node):
            if keyword in REFERENCES:
                references.append({"$ref": self._pointer(self._target(node, keyword, value), native=native)})
            elif keyword in HOLDERS and keyword in node.dialect.keywords:
                out[keyword] = self._holder(node, keyword, value, native=native)
            else:
                out[keyword] = value
        if references:
            # Where two references stand side by side, both count.
            out = {**references[0], **out}
            if len(references) > 1:
                out["allOf"] = [*references[1:], *out.get("allOf", [])]
        return out if native else rewritten(out, node.dialect.year)

    def _holder(self, node: Node, keyword: str, value: Any, *, native: bool) -> Any:
        def inner(schema: Any) -> Any:
            child = self._store.child(node, schema)
            if child.dialect.year != node.dialect.year and isinstance(schema, dict):
                return {"$ref": self._pointer(child, native=native)}
            return self._schema(child, native=native)

        if isinstance(value, list):
            return [inner(each) for each in value]
        if keyword in SCHEMA_MAPS and isinstance(value, dict):
            return {name: each if isinstance(each, list) else inner(each) for name, each in value.items()}
        return inner(value)

    def _pointer(self, target: Node, *, native: bool) -> str:
        pointer = f"#/components/schemas/{self._shared[id(target.schema)]}"
        return f"{pointer}/schema" if native and isinstance(target.schema, dict) else pointer


def _counting(node: Node) -> Iterator[tuple[str, Any]]:
    """Yield the keywords of a schema that are carried over: those that count, notes, and names of our own."""
    dialect, schema = node.dialect, node.keywords
    alone = dialect.ref_hides_siblings and isinstance(schema.get("$ref"), str)
    for keyword, value in schema.items():
        if keyword.startswith("x-") or (
            keyword in dialect.keywords
            and not without_effect(keyword, value)
            and not (keyword in ("default", "examples") and looks_like_reference(value))
            and (keyword == "$ref" or not alone)
        ):
            yield keyword, value


def _anchored(documents: Sequence[Document], keyword: str, anchor: str | bool) -> Iterator[dict[str, Any]]:
    """Yield the schemas with a dynamic anchor."""
    stack: list[Any] = [document.value for document in documents if not is_official(document.uri)]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and value.get(keyword) == anchor:
            yield value
        stack.extend(inner for _, inner, _ in inside(value))


def _inner_schemas(keyword: str, value: Any) -> Iterator[Any]:
    if keyword not in HOLDERS:
        return
    if keyword in SCHEMA_MAPS and isinstance(value, dict):
        yield from (each for each in value.values() if not isinstance(each, list))
    elif isinstance(value, list):
        yield from value
    else:
        yield value


def _metaschema(year: int) -> str:
    from tightbeam_codegen.json_schema.dialects import DRAFTS

    return next(draft.metaschema for draft in DRAFTS.values() if draft.year == year)
