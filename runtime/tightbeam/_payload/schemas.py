"""The schemas that come with a generated channel: imported, parsed and compiled at first use."""

from __future__ import annotations

import functools
import importlib
import json
import os
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from tightbeam._payload.formats import narrow_formats
from tightbeam.errors import InvalidParam, OutdatedBindings

if TYPE_CHECKING:
    from tightbeam._channels.refs import ChannelSpec
    from tightbeam._payload.places import Places
    from tightbeam._payload.unions import Branch

__all__ = [
    "LATEST_DIALECT",
    "LEGACY_DIALECTS",
    "Bundle",
    "TopicSchema",
    "bundle",
    "check_params",
    "says_more_than_kind",
]

_DRAFTS = {
    "http://json-schema.org/draft-04/schema": jsonschema_rs.Draft4,
    "http://json-schema.org/draft-06/schema": jsonschema_rs.Draft6,
    "http://json-schema.org/draft-07/schema": jsonschema_rs.Draft7,
    "https://json-schema.org/draft/2019-09/schema": jsonschema_rs.Draft201909,
    "https://json-schema.org/draft/2020-12/schema": jsonschema_rs.Draft202012,
}
_URIS = {draft: uri for uri, draft in _DRAFTS.items()}
LATEST_DIALECT = _URIS[jsonschema_rs.Draft202012]
LEGACY_DIALECTS = frozenset({jsonschema_rs.Draft4, jsonschema_rs.Draft6, jsonschema_rs.Draft7})
"""Drafts in which a ``$ref`` hides the keywords beside it."""

_PLAIN_PARAM_KEYWORDS = frozenset(
    {"type", "title", "description", "default", "examples", "$comment", "deprecated"}
)


class TopicSchema:
    """Where one topic's schema is, and what it can hold."""

    __slots__ = ("dialect", "may_hold_nonfinite", "ref")

    def __init__(self, stated: Mapping[str, Any]) -> None:
        self.ref: str = stated["ref"]
        """``<uri>#<json pointer>``, among the bundle's resources."""
        self.dialect: str = stated["dialect"]
        # Where nothing is open, the validator sees every number; it takes NaN for no type at all, null
        # included.
        self.may_hold_nonfinite: bool = stated["open"]


class Bundle:
    """The schemas of one generated module: self-contained, nothing is ever fetched."""

    def __init__(self, module: str, stated: Mapping[str, Any]) -> None:
        self.module = module
        self.assert_formats: bool = stated["assertFormats"]
        self.resources: dict[str, Any] = stated["resources"]
        self.topics: dict[str, TopicSchema] = {
            name: TopicSchema(topic) for name, topic in stated["topics"].items()
        }
        self.params: dict[str, dict[str, Any]] = stated["params"]
        self.branches: dict[str, list[dict[str, str]]] = stated.get("branches", {})
        """Class, as its module in the package and its name -> schemas that a value must fit to load as it."""
        if self.assert_formats:
            for resource in self.resources.values():
                narrow_formats(resource)
        self._registries: dict[int, jsonschema_rs.Registry] = {}
        self._params: dict[str, jsonschema_rs.Validator] | None = None
        self.parts: dict[tuple[str, str], jsonschema_rs.Validator] = {}
        """Validators of parts of the schemas, by place and keyword, made to explain failures."""
        self.unions: dict[tuple[str, str], list[Branch]] = {}
        """Branches of unions, by place and keyword, listed to explain failures."""

    @functools.cached_property
    def places(self) -> Places:
        """For finding one's way in the schemas, to explain a failure."""
        from tightbeam._payload.places import Places  # only on failure

        return Places(self.resources)

    def draft(self, dialect: str) -> int:
        """The draft a dialect is or builds on."""
        for _ in range(8):
            plain = dialect.rstrip("#")
            if plain in _DRAFTS:
                return _DRAFTS[plain]
            metaschema = self.resources.get(plain, self.resources.get(dialect))
            if not isinstance(metaschema, dict) or not isinstance(metaschema.get("$schema"), str):
                break
            dialect = metaschema["$schema"]
        return jsonschema_rs.Draft202012

    def root(self, ref: str, dialect: str) -> Mapping[str, Any]:
        """Return what to compile for a reference: a whole document itself, else a reference to it.

        Since draft 2019-09 the document itself is compiled: behind a reference the validator forgets it when
        it looks for the outermost ``$recursiveAnchor``. Up to draft 7 a reference is compiled: a document may
        be nothing but a ``$ref``, which hides an ``$id`` beside it, and the metaschemas of these drafts
        refuse patterns that the validator can run.
        """
        uri, _, pointer = ref.partition("#")
        document = self.resources.get(uri)
        if pointer or not isinstance(document, dict) or self.draft(dialect) in LEGACY_DIALECTS:
            # Behind a reference that ends in `#` the validator compiles each resource again and again.
            return {"$ref": ref.removesuffix("#")}
        return document if "$id" in document else {"$id": uri, **document}

    def validator(self, schema: Mapping[str, Any], dialect: str) -> jsonschema_rs.Validator:
        """A validator for a schema of this dialect; its references lead into the bundle and nowhere else.

        Raises:
            OutdatedBindings: a reference leads nowhere, or the schema isn't one.
        """
        try:
            return jsonschema_rs.validator_for(
                self._plain_dialect({"$schema": dialect, **schema}),
                registry=self._registry(self.draft(dialect)),
                offline=True,
                validate_formats=self.assert_formats,
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise _outdated(self.module, "its schemas are incomplete") from error

    def read(self) -> None:
        """Read all resources, as the first validator makes it happen. Raises OutdatedBindings."""
        try:
            for dialect in {topic.dialect for topic in self.topics.values()}:
                self._registry(self.draft(dialect))
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise _outdated(self.module, "its schemas are incomplete") from error

    def topic_validator(self, topic: TopicSchema) -> jsonschema_rs.Validator:
        """Return the validator of one of the topics. Raises OutdatedBindings."""
        return self.validator(self.root(topic.ref, topic.dialect), topic.dialect)

    def branch_validators(self, stated: Iterable[Mapping[str, str]]) -> list[jsonschema_rs.Validator]:
        """Return the validators of the schemas in an entry of `branches`. Raises OutdatedBindings."""
        return [self.validator(self.root(each["ref"], each["dialect"]), each["dialect"]) for each in stated]

    def param_validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
        """Return the validator of a parameter's schema. Raises OutdatedBindings."""
        return self.validator(schema, LATEST_DIALECT)

    def _registry(self, draft: int) -> jsonschema_rs.Registry:
        """The resources, each read by the draft that it names.

        A metaschema of the user's is taken for one of the newest draft; where it isn't one, all resources are
        read by the draft of those who ask.
        """
        if self._is_mixable:
            draft = jsonschema_rs.Draft202012
        if (registry := self._registries.get(draft)) is None:
            resources = [(uri, self._plain_dialect(resource)) for uri, resource in self.resources.items()]
            options: dict[str, Any] = {} if self._is_mixable else {"draft": draft}
            registry = self._registries[draft] = jsonschema_rs.Registry(resources, **options)
        return registry

    @functools.cached_property
    def _is_mixable(self) -> bool:
        """Whether the validator can tell by itself what draft each resource is written in."""
        for resource in self.resources.values():
            if isinstance(resource, dict):
                stated = resource.get("$schema", "")
                known = stated.rstrip("#") in _DRAFTS
                if not known and (not stated or self.draft(stated) == jsonschema_rs.Draft201909):
                    return False
        return True

    def _plain_dialect(self, schema: Any) -> Any:
        """The schema under the draft itself where its metaschema is the user's but has no vocabularies."""
        if not isinstance(schema, dict) or not isinstance(schema.get("$schema"), str):
            return schema
        draft = self.draft(schema["$schema"])
        return {**schema, "$schema": _URIS[draft]} if draft in LEGACY_DIALECTS else schema

    def param_validators(self, names: Mapping[str, object]) -> dict[str, jsonschema_rs.Validator]:
        """Validators of the parameters whose schema says more than their kind."""
        if self._params is None:
            if names.keys() - self.params.keys():
                raise _outdated(self.module, "a parameter has no schema")
            self._params = {
                name: self.param_validator(schema)
                for name, schema in self.params.items()
                if says_more_than_kind(schema)
            }
        return self._params


def says_more_than_kind(schema: Mapping[str, Any]) -> bool:
    """Whether a parameter's schema demands more than its kind, and what all of that kind have to be."""
    return any(
        keyword not in _PLAIN_PARAM_KEYWORDS and not (keyword == "minLength" and value <= 1)
        for keyword, value in schema.items()
    )


_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # a child in which a thread that isn't there holds it would wait for ever
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def bundle(module: str) -> Bundle:
    """The schemas in a generated module, parsed once.

    Raises:
        OutdatedBindings: the module is missing, or isn't what this runtime understands.
    """
    with _lock:
        return _bundle(module)


@functools.cache
def _bundle(module: str) -> Bundle:
    try:
        text: object = importlib.import_module(module).SCHEMAS
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise _outdated(module, "it is missing") from error
    except AttributeError as error:
        raise _outdated(module, "it holds no schemas") from error
    try:
        return Bundle(module, json.loads(text))  # type: ignore[arg-type]  # not a string: a TypeError, caught here
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _outdated(module, "its schemas can't be read") from error


def _outdated(module: str, problem: str) -> OutdatedBindings:
    return OutdatedBindings(
        f"generated module {module!r}: {problem}. Run `tightbeam generate` again, and see that the whole "
        "generated package is installed, its `_schemas` folder included"
    )


def outdated_topic(module: str, topic: str) -> OutdatedBindings:
    """The error for a topic that the channel class has and its schemas haven't."""
    return _outdated(module, f"it has no schema for topic {topic!r}")


def check_params(spec: ChannelSpec, params: Mapping[str, object]) -> None:
    """Check channel parameters against their schemas, where these say more than the kind.

    Raises:
        InvalidParam: a value breaks its schema.
    """
    found = bundle(spec.schemas)
    with _lock:
        validators = found.param_validators(spec.template.params)
    for name, validator in validators.items():
        value = params[name]
        if isinstance(value, str):
            value = str.__str__(value)  # the validator takes no subclasses
        if not validator.is_valid(value):
            from tightbeam._payload.explain import param_reasons  # only on failure

            why = "; ".join(param_reasons(found, name, value)) or "breaks its schema"
            raise InvalidParam(f"parameter {name!r} of channel {spec.template.text!r} {why}")
