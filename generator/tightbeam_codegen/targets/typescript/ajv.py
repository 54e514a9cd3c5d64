"""A channel's bundled schemas as Ajv reads them the way the Python side does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag, urljoin

from tightbeam._payload.formats import TYPED_FORMATS, narrow_formats
from tightbeam._payload.schemas import says_more_than_kind
from tightbeam._payload.subschemas import inside
from tightbeam_codegen.json_schema.official import is_official
from tightbeam_codegen.targets.typescript.adapt import Adapter, Difference, references
from tightbeam_codegen.targets.typescript.ir import Draft
from tightbeam_codegen.targets.typescript.metaschemas import is_brought_along, our_uri, portable
from tightbeam_codegen.targets.typescript.rings import break_rings

__all__ = ["AjvSchemas", "validators_of"]


_TYPED = {typed.pattern: name for name, typed in TYPED_FORMATS.items() if typed.pattern}
"""The patterns that stand for formats, with the names of these."""


@dataclass(frozen=True, slots=True)
class AjvSchemas:
    """What the validators of a channel need."""

    text: str
    """The schemas, as JSON."""
    drafts: tuple[Draft, ...]
    """The drafts that the schemas are written in."""
    asserts_formats: bool
    differences: tuple[tuple[str, Difference], ...]
    """The differences between Ajv and the Python side, each with the URI of its resource."""


def validators_of(bundle: str, year_of: Callable[[str], int]) -> AjvSchemas:
    """Adapt a channel's schemas to Ajv.

    Args:
        bundle: what the Python side has (`tightbeam_codegen.read.bundle`).
        year_of: the draft of a dialect, by its URI.
    """
    stated = json.loads(bundle)
    years = {name: year_of(topic["dialect"]) for name, topic in stated["topics"].items()}
    default = min(years.values(), default=2020)
    written = {uri: _year(each, year_of, default) for uri, each in stated["resources"].items()}
    topics: dict[str, dict[str, Any]] = {
        name: {"ref": topic["ref"], "draft": _draft(years[name])} for name, topic in stated["topics"].items()
    }
    _read_by_the_latest(stated["resources"], topics.values(), written)
    formats: bool = stated["assertFormats"]
    drafts: set[Draft] = {topic["draft"] for topic in topics.values()}
    read_by = _drafts_by_resource(stated["resources"], topics.values())
    ours = _metaschemas_of_ours(stated["resources"], read_by)
    resources = _with_metaschemas(stated["resources"], ours)
    stated |= {"resources": resources}
    for topic in topics.values():
        topic["ref"] = _ours_for(topic["ref"], ours)
    adapter = Adapter(references(stated), year_of, assert_formats=formats)
    differences: list[tuple[str, Difference]] = []
    for uri, resource in resources.items():
        if formats:
            narrow_formats(resource)
        if uri in ours.values():
            adapter.adapt(resource, 7)
            continue
        adapter.adapt(resource, written[uri], max(read_by[uri], default=written[uri]))
        differences += [(uri, each) for each in adapter.differences]
    params = {name: schema for name, schema in stated["params"].items() if says_more_than_kind(schema)}
    if params:
        drafts.add(2020)
        for schema in params.values():
            adapter.adapt(schema, 2020)
    break_rings(resources)
    patterns = {text: [pattern.source, pattern.flags] for text, pattern in sorted(adapter.patterns.items())}
    text = {
        "formats": formats,
        "patterns": patterns,
        "resources": resources,
        "topics": topics,
        "params": params,
        "typed": _TYPED if formats else {},
    }
    as_json = json.dumps(text, ensure_ascii=False, separators=(",", ":"))
    return AjvSchemas(as_json, tuple(sorted(drafts)), formats, tuple(differences))


def _metaschemas_of_ours(resources: Iterable[str], read_by: Mapping[str, set[Draft]]) -> dict[str, str]:
    """JSON Schema's own metaschemas that have to be written for Ajv, with the URIs that they get."""
    official = filter(is_official, resources)
    return {uri: our_uri(uri) for uri in official if not is_brought_along(uri, read_by[uri])}


def _with_metaschemas(resources: Mapping[str, Any], ours: Mapping[str, str]) -> dict[str, Any]:
    """Return the resources without the metaschemas that Ajv has; all its classes can read the others."""
    others = {uri: each for uri, each in resources.items() if not is_official(uri)}
    if ours:
        _refer_to_ours(others, ours)
    return others | {own: portable(uri, resources[uri], ours) for uri, own in ours.items()}


def _refer_to_ours(resources: Mapping[str, Any], ours: Mapping[str, str]) -> None:
    """Let references lead to the metaschemas that are written for Ajv, in place."""
    stack = list(resources.values())
    while stack:
        schema = stack.pop()
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            schema["$ref"] = _ours_for(schema["$ref"], ours)
        stack.extend(inner for _, inner, _ in inside(schema))


def _ours_for(reference: str, ours: Mapping[str, str]) -> str:
    uri, mark, fragment = reference.partition("#")
    return ours.get(uri, uri) + mark + fragment


def _drafts_by_resource(
    resources: Mapping[str, Any], topics: Iterable[Mapping[str, Any]]
) -> dict[str, set[Draft]]:
    """Return the drafts by which each resource is read: of the topics that refer to it, directly or not."""
    referred = {
        uri: {urldefrag(urljoin(uri, ref))[0] for ref in references(resource)}
        for uri, resource in resources.items()
    }
    drafts: dict[str, set[Draft]] = {uri: set() for uri in resources}
    for topic in topics:
        pending = [urldefrag(topic["ref"])[0]]
        while pending:
            uri = pending.pop()
            if uri in drafts and topic["draft"] not in drafts[uri]:
                drafts[uri].add(topic["draft"])
                pending.extend(referred[uri])
    return drafts


def _year(resource: Any, year_of: Callable[[str], int], default: int) -> int:
    named = resource.get("$schema") if isinstance(resource, dict) else None
    return year_of(named) if isinstance(named, str) else default


def _read_by_the_latest(
    resources: Mapping[str, Any], topics: Iterable[dict[str, Any]], written: Mapping[str, int]
) -> None:
    """Let topics be read by the latest draft among what they refer to, into which the rest can be put.

    A resource is put into one draft only, so topics that share one are read alike.
    """
    topics = list(topics)
    latest = dict(written)
    reached: list[set[str]] = []
    for topic in topics:
        read_by = _drafts_by_resource(resources, [topic])
        reached.append({uri for uri, drafts in read_by.items() if drafts and _asserts(uri, resources[uri])})
    is_settled = False
    while not is_settled:
        is_settled = True
        for topic, uris in zip(topics, reached, strict=True):
            draft = max([topic["draft"], *(_draft(latest[uri]) for uri in uris)])
            is_settled = is_settled and topic["draft"] == draft
            topic["draft"] = draft
            latest |= {uri: max(latest[uri], draft) for uri in uris}


def _asserts(uri: str, resource: Any) -> bool:
    if is_official(uri) or not isinstance(resource, dict):
        return False
    return any(resource[key] for key in resource.keys() - _NO_ASSERTIONS)


_NO_ASSERTIONS = frozenset({"$schema", "$id", "id"})


def _draft(year: int) -> Draft:
    """Return the draft whose class of Ajv's reads another draft: that of draft 7 reads draft 6 too."""
    return 2020 if year >= 2020 else 2019 if year >= 2019 else 7 if year >= 6 else 4
