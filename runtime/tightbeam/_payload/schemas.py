"""The schemas that come with a generated channel: imported, parsed and compiled at first use."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from tightbeam._forks import fork_safe_lock
from tightbeam._payload.formats import narrow_formats
from tightbeam.errors import OutdatedBindings

if TYPE_CHECKING:
    from tightbeam._payload.schema_index import SchemaIndex

__all__ = [
    "LATEST_DIALECT",
    "LEGACY_DIALECTS",
    "Bundle",
    "TopicSchema",
    "bundle",
    "outdated_topic",
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

    @functools.cached_property
    def index(self) -> SchemaIndex:
        """Finds schemas and what their references lead to, to explain a failure."""
        from tightbeam._payload.schema_index import SchemaIndex  # only on failure

        return SchemaIndex(self.resources)

    def draft(self, dialect: str) -> int:
        """Return the draft that a dialect is or builds on."""
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
        """Build a validator, whose references lead into the bundle and nowhere else.

        Args:
            schema: what to validate by.
            dialect: URI of the schema's dialect.

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
        """Read all resources, as building the first validator does.

        Raises:
            OutdatedBindings: they can't be read.
        """
        try:
            for dialect in {topic.dialect for topic in self.topics.values()}:
                self._registry(self.draft(dialect))
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise _outdated(self.module, "its schemas are incomplete") from error

    def topic_validator(self, topic: TopicSchema) -> jsonschema_rs.Validator:
        """Build the validator of a topic; it may raise `OutdatedBindings`."""
        return self.validator(self.root(topic.ref, topic.dialect), topic.dialect)

    def branch_validators(self, stated: Iterable[Mapping[str, str]]) -> list[jsonschema_rs.Validator]:
        """Build the validators of the schemas in an entry of `branches`; it may raise `OutdatedBindings`."""
        return [self.validator(self.root(each["ref"], each["dialect"]), each["dialect"]) for each in stated]

    def param_validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
        """Build the validator of a parameter's schema; it may raise `OutdatedBindings`."""
        return self.validator(schema, LATEST_DIALECT)

    def _registry(self, draft: int) -> jsonschema_rs.Registry:
        """Return the resources as the validator takes them, each read by the draft that it names.

        A metaschema of the user's is taken for one of the newest draft. Where it isn't one, all resources are
        read by the given draft.
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
        """Return a schema with its draft's URI in place of a user's metaschema that has no vocabularies."""
        if not isinstance(schema, dict) or not isinstance(schema.get("$schema"), str):
            return schema
        draft = self.draft(schema["$schema"])
        return {**schema, "$schema": _URIS[draft]} if draft in LEGACY_DIALECTS else schema

    def param_validators(self, names: Mapping[str, object]) -> dict[str, jsonschema_rs.Validator]:
        """Return the validators of the parameters whose schema says more than their kind, built once.

        Args:
            names: the parameters that the channel class has.

        Raises:
            OutdatedBindings: one of them has no schema, or its schema can't be compiled.
        """
        with _lock:
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
    """Return whether a parameter's schema demands more than its kind, and more than every name does."""
    return any(
        keyword not in _PLAIN_PARAM_KEYWORDS and not (keyword == "minLength" and value <= 1)
        for keyword, value in schema.items()
    )


_lock = fork_safe_lock()


def bundle(module: str) -> Bundle:
    """Return the schemas in a generated module, parsed once for each text that it has had.

    Args:
        module: its absolute name.

    Raises:
        OutdatedBindings: the module is missing, or isn't what this runtime understands.
    """
    with _lock:
        return _bundle(module)


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
        return _parsed(module, text)  # not a string: a TypeError, caught below
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _outdated(module, "its schemas can't be read") from error


@functools.cache
def _parsed(module: str, text: str) -> Bundle:
    """Parse the schemas; a notebook that imports bindings again has another text under the same name."""
    return Bundle(module, json.loads(text))


def _outdated(module: str, problem: str) -> OutdatedBindings:
    return OutdatedBindings(
        f"generated module {module!r}: {problem}. Run `tightbeam generate` again, and see that the whole "
        "generated package is installed, its `_schemas` folder included"
    )


def outdated_topic(module: str, name: str, kind: str) -> OutdatedBindings:
    """Return the error for a topic or an event that the bindings have and their schemas haven't."""
    return _outdated(module, f"it has no schema for {kind} {name!r}")
