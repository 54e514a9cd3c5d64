"""Why a payload was refused: `InvalidPayload` with a pointer and a reason for each issue.

Runs on failure only. The validator can list all errors itself, but builds every one of them, with all
branches of all unions: 100,000 bad items take it more than a second, and a recursive union seven seconds at a
depth of 14. So this walks down from the topic's schema, asks a validator of each subschema whether the value
there is the culprit, follows one branch of a union, and stops after so many issues or so much time.

No value of the payload reaches a text, and no key but those the schemas declare, or, for spelling mistakes,
the undeclared ones of closed objects.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import jsonschema_rs
from pydantic import BaseModel

from tightbeam._payload.check import may_not_be_json
from tightbeam._payload.compiled import leaves_unset_out
from tightbeam._payload.places import Place
from tightbeam._payload.plain import class_name, json_type, not_json, pointer_token
from tightbeam._payload.reasons import LEAVES, UNDECLARED, leaf_reason, undeclared_reason
from tightbeam._payload.schemas import LATEST_DIALECT, LEGACY_DIALECTS, Bundle
from tightbeam._payload.unions import union_issues
from tightbeam.errors import InvalidPayload, Issue, OutdatedBindings

if TYPE_CHECKING:
    from tightbeam._channels.refs import TopicRef
    from tightbeam._payload.compiled import CompiledTopic

__all__ = ["Explanation", "breaks", "explain", "param_reasons"]

MAX_ISSUES = 10
"""How many issues are said; the rest is counted, as far as the walk goes."""
_MAX_COUNTED = 100
_MAX_SECONDS = 0.25
"""Of CPU time, so that a busy machine takes no reason away."""
_MAX_COMPILING_SECONDS = 1.0
"""How much longer it may take where validators have to be compiled, which happens once for each place."""
_MAX_DEPTH = 200
_MAX_UNDECLARED = 3
_FAILED = (TypeError, ValueError, LookupError, AttributeError, RecursionError, TimeoutError, OutdatedBindings)

_NO_REASON = Issue("", "doesn't fit the topic's schema")


def explain(
    ref: TopicRef[..., str, Any], topic: CompiledTopic, data: object, plain: object, problem: Exception | None
) -> InvalidPayload:
    """The error for data that can't be published.

    Args:
        ref: where it was to go.
        topic: the same, compiled.
        data: what was given.
        plain: its dump, or ``data`` itself when it wasn't dumped.
        problem: what dumping or checking it raised.
    """
    issues = list(_issues(topic, data, plain, problem))
    return InvalidPayload(
        ref.topic, issues[:MAX_ISSUES], channel=ref.channel, more=max(0, len(issues) - MAX_ISSUES)
    )


def breaks(ref: TopicRef[..., str, Any], topic: CompiledTopic, text: bytes | str) -> InvalidPayload | None:
    """Explain a received message that breaks the topic's schema; None if it doesn't, or isn't JSON.

    The names of undeclared properties stay out: unlike a publisher's own, they come from elsewhere.
    """
    try:
        value: object = json.loads(text)
        if topic.is_valid(value):
            return None
    except _FAILED:
        return None
    issues = _issues(topic, value, value, None)
    if list(issues) == [_NO_REASON]:
        return None
    issues = [
        Issue(issue.pointer, UNDECLARED) if issue.reason.startswith(UNDECLARED) else issue for issue in issues
    ]
    issues = list(dict.fromkeys(issues))
    return InvalidPayload(
        ref.topic, issues[:MAX_ISSUES], channel=ref.channel, more=max(0, len(issues) - MAX_ISSUES)
    )


def param_reasons(bundle: Bundle, name: str, value: object) -> list[str]:
    """Why a channel parameter breaks its schema, which has no references."""
    schema = bundle.params[name]
    found = Explanation(bundle, LATEST_DIALECT)
    found.leaves(Place(f"params:{name}", (), "", schema), value, "")
    return [issue.reason for issue in found.issues]


def _issues(topic: CompiledTopic, data: object, plain: object, problem: Exception | None) -> Sequence[Issue]:
    if isinstance(data, BaseModel) and plain is data:
        if not isinstance(data, topic.classes):
            return [Issue("", _wrong_class(topic, data))]
        try:
            unset = leaves_unset_out(type(data).__pydantic_core_schema__)
            plain = type(data).__pydantic_serializer__.to_python(
                data, mode="json", by_alias=True, exclude_unset=unset, warnings=False
            )
        except _FAILED:
            return [
                Issue("", "must be JSON data: the model contains itself, is too deep or holds other things")
            ]
    if may_not_be_json(topic, plain) and (
        issues := not_json(plain, lambda: topic.bundle.places.declared_names, _MAX_COUNTED)
    ):
        return issues
    explanation = Explanation(topic.bundle, topic.schema.dialect)
    try:
        place = explanation.places.find(topic.schema.ref)
        if place is not None and not explanation.fits(place, plain):
            explanation.visit(place, plain, "", 0)
    except _FAILED:
        pass  # what was found so far is said
    if explanation.issues:
        return explanation.issues
    if explanation.deepest:
        return [Issue(explanation.deepest, "doesn't fit its schema")]
    if problem is not None and isinstance(data, BaseModel):
        return [Issue("", f"must hold what {type(data).__name__} declares: a field has another type")]
    return [_NO_REASON]


def _wrong_class(topic: CompiledTopic, data: BaseModel) -> str:
    given = class_name(type(data))
    wanted = [class_name(kind) for kind in topic.classes]
    if not wanted:
        return f"must be plain data, not a model ({given})"
    return f"must be {' or '.join(wanted)} or plain data, not a {given}"


class Explanation:
    """The walk over one payload, and the issues it finds."""

    def __init__(self, bundle: Bundle, dialect: str) -> None:
        self.issues: list[Issue] = []
        self._found = 0  # repeated ones included
        self.deepest = ""
        """The pointer of the innermost value that is known not to fit its schema."""
        self.places = bundle.places
        self.unions = bundle.unions
        self._is_trying = False
        self._running: set[tuple[str, str]] = set()
        self._bundle = bundle
        self._dialect = dialect
        self._until = time.thread_time() + _MAX_SECONDS
        self._earliest = time.monotonic() + _MAX_SECONDS
        self._compiling = _MAX_COMPILING_SECONDS

    def fits(self, place: Place, value: object) -> bool:
        """Whether a value fits the schema at a place."""
        return self.asks(self.part(place, "", {"$ref": place.ref}), value)

    def asks(self, validator: jsonschema_rs.Validator, value: object) -> bool:
        """What a validator says; ends the walk when it takes too long."""
        # A thread takes no more CPU time than time goes by: the clock that is cheap to read is asked first.
        if time.monotonic() > self._earliest and time.thread_time() > self._until:
            raise TimeoutError
        return validator.is_valid(value)

    def keyword_fits(self, place: Place, keyword: str, value: object) -> bool:
        """Whether a value obeys one keyword of `LEAVES` at a place."""
        schema = place.schema
        part = {keyword: schema[keyword]}
        for bound, draft4 in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if keyword == draft4 and isinstance(schema[keyword], bool):
                return True  # draft 4: belongs to the bound
            if keyword == bound and isinstance(schema.get(draft4), bool):
                part[draft4] = schema[draft4]
        return self.asks(self.part(place, keyword, part), value)

    def part(self, place: Place, keyword: str, schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
        """Return the validator of a part of the schema at a place, compiled once for each keyword."""
        known, key = self._bundle.parts, (place.ref, keyword)
        if (validator := known.get(key)) is None:
            # A pattern means the same in each draft, and the metaschemas of the older ones refuse some.
            dialect = LATEST_DIALECT if "pattern" in schema else self._dialect_at(place)
            started = time.thread_time()
            validator = known[key] = self._bundle.validator(schema, dialect)
            taken = min(time.thread_time() - started, self._compiling)
            self._compiling -= taken
            self._until += taken
        return validator

    def _dialect_at(self, place: Place) -> str:
        """The draft that the document around a place is written in."""
        document = self._bundle.resources.get(place.document)
        stated = document.get("$schema") if isinstance(document, dict) else None
        return stated if isinstance(stated, str) else self._dialect

    def hides_siblings(self, place: Place) -> bool:
        """Whether a `$ref` at a place hides the keywords beside it."""
        return self._bundle.draft(self._dialect_at(place)) in LEGACY_DIALECTS

    def add(self, pointer: str, reason: str) -> None:
        """Note an issue, once."""
        self._found += 1
        issue = Issue(pointer, reason)
        if issue not in self.issues:
            self.issues.append(issue)

    def visit(self, place: Place, value: object, pointer: str, depth: int) -> None:
        """Find out why a value doesn't fit the schema at a place."""
        step = (place.ref, pointer)
        if depth > _MAX_DEPTH:
            raise TimeoutError  # what the walk doesn't see, the validator would list, for ever
        if len(self.issues) >= _MAX_COUNTED or step in self._running:
            return  # schemas that refer to each other in a ring say nothing more the second time
        self._running.add(step)
        try:
            self._visit(place, value, pointer, depth)
        finally:
            self._running.discard(step)

    def _visit(self, place: Place, value: object, pointer: str, depth: int) -> None:
        before = self._found
        if not self._is_trying and pointer.startswith(self.deepest):
            self.deepest = pointer
        schema = place.schema
        if schema is False:
            self.add(pointer, "must not be given")
            return
        if not isinstance(schema, dict):
            return
        if "$ref" in schema and self.hides_siblings(place):
            self._follow(place, "$ref", value, pointer, depth)
        else:
            self.leaves(place, value, pointer)
            if isinstance(value, dict):
                self._object(place, value, pointer, depth)
            elif isinstance(value, (list, tuple)):
                self._array(place, value, pointer, depth)
            self._applicators(place, value, pointer, depth)
        if self._found == before:
            self._by_validator(place, value, pointer, depth)
        if self._found == before:
            self._unevaluated(place, value, pointer)

    def leaves(self, place: Place, value: object, pointer: str) -> None:
        """Keywords that look at the value alone. Of a wrong type nothing else is said."""
        schema = place.schema
        for keyword in LEAVES:
            if keyword in schema and not self.keyword_fits(place, keyword, value):
                self.add(pointer, leaf_reason(keyword, schema, value))
                if keyword in ("type", "enum", "const"):
                    return

    def _follow(self, place: Place, keyword: str, value: object, pointer: str, depth: int) -> None:
        target = self.places.find(place.schema[keyword], place.base)
        if target is not None and not self.fits(target, value):
            self.visit(target, value, pointer, depth + 1)

    def _descend(
        self, place: Place, tokens: tuple[str | int, ...], value: object, pointer: str, depth: int
    ) -> None:
        self._descend_all(place, tokens, [(value, pointer)], depth)

    def _descend_all(
        self, place: Place, tokens: tuple[str | int, ...], values: Iterable[tuple[object, str]], depth: int
    ) -> None:
        """Visit the values, each with its pointer, that don't fit a schema below this place."""
        child = place.child(*tokens)
        validator = self.part(child, "", {"$ref": child.ref})
        for value, pointer in values:
            if not self.asks(validator, value):
                self.visit(child, value, pointer, depth + 1)
                if len(self.issues) >= _MAX_COUNTED:
                    return

    def _object(self, place: Place, value: dict[str, Any], pointer: str, depth: int) -> None:
        schema = place.schema
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        for name in required if isinstance(required, list) else ():
            if name not in value:
                self.add(f"{pointer}/{pointer_token(name)}", "is required")
        self._dependent(place, value, pointer, depth)
        for name in properties:
            if name in value:
                self._descend(
                    place, ("properties", name), value[name], f"{pointer}/{pointer_token(name)}", depth
                )
        others = {key: item for key, item in value.items() if key not in properties}
        patterns = schema.get("patternProperties", {})
        for pattern in patterns:
            key_fits = self.part(place, f"patternProperties {pattern}", {"pattern": pattern})
            for key in [key for key in value if self.asks(key_fits, key)]:
                others.pop(key, None)
                token = pointer_token(key) if key in properties else "*"
                self._descend(place, ("patternProperties", pattern), value[key], f"{pointer}/{token}", depth)
        if "propertyNames" in schema:
            names = place.child("propertyNames")
            for key in value:
                if not self.fits(names, key):
                    self._key(names, key, pointer, depth)
        if others and schema.get("additionalProperties") is False:
            self._undeclared(list(others), list(properties), pointer, hidden=bool(patterns))
        elif "additionalProperties" in schema:
            items = ((item, f"{pointer}/*") for item in others.values())
            self._descend_all(place, ("additionalProperties",), items, depth)

    def _undeclared(self, keys: list[str], declared: list[str], pointer: str, *, hidden: bool) -> None:
        shown = [] if hidden else keys[:_MAX_UNDECLARED]
        for key in shown:
            self.add(f"{pointer}/*", undeclared_reason(key, declared))
        if more := len(keys) - len(shown):
            noun = "key that isn't" if more == 1 else "keys that aren't"
            self.add(f"{pointer}/*", f"has {more} {'more ' if shown else ''}{noun} declared")

    def _key(self, names: Place, key: str, pointer: str, depth: int) -> None:
        inner = Explanation(self._bundle, self._dialect)
        inner.visit(names, key, "", depth + 1)
        for issue in inner.issues[:1]:
            self.add(f"{pointer}/*", f"the key {issue.reason}")

    def _dependent(self, place: Place, value: dict[str, Any], pointer: str, depth: int) -> None:
        for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
            for name, asked in place.schema.get(keyword, {}).items():
                if name not in value:
                    continue
                if not isinstance(asked, list):
                    self._descend(place, (keyword, name), value, pointer, depth)
                    continue
                for other in asked:
                    if other not in value:
                        self.add(f"{pointer}/{pointer_token(other)}", f"is required beside {name!r}")

    def _array(self, place: Place, value: Sequence[Any], pointer: str, depth: int) -> None:
        schema = place.schema
        first = "prefixItems" if "prefixItems" in schema else "items"
        heads = schema.get(first) if isinstance(schema.get(first), list) else []
        rest = "additionalItems" if isinstance(schema.get("items"), list) else "items"
        for i, item in enumerate(value[: len(heads)]):
            self._descend(place, (first, i), item, f"{pointer}/{i}", depth)
        if rest in schema and not isinstance(schema[rest], list):
            items = ((item, f"{pointer}/{i}") for i, item in enumerate(value) if i >= len(heads))
            self._descend_all(place, (rest,), items, depth)
        if "contains" in schema:
            wanted = place.child("contains")
            count = sum(self.fits(wanted, item) for item in value)
            least, most = schema.get("minContains", 1), schema.get("maxContains")
            if count < least:
                self.add(pointer, f"must have at least {least:g} item(s) that fit its `contains`")
            elif most is not None and count > most:
                self.add(pointer, f"must have at most {most:g} item(s) that fit its `contains`")

    def _applicators(self, place: Place, value: object, pointer: str, depth: int) -> None:
        schema = place.schema
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword in schema:
                self._follow(place, keyword, value, pointer, depth)
        for i in range(len(schema.get("allOf", ()))):
            self._descend(place, ("allOf", i), value, pointer, depth)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                for issue in union_issues(self, place, keyword, value, pointer, depth):
                    self.add(issue.pointer, issue.reason)
        if "not" in schema and self.fits(place.child("not"), value):
            self.add(pointer, "must not fit what its `not` describes")
        if "if" in schema:
            taken = "then" if self.fits(place.child("if"), value) else "else"
            if taken in schema:
                self._descend(place, (taken,), value, pointer, depth)

    def branch(self, place: Place, value: object, pointer: str, depth: int) -> list[Issue]:
        """Return the issues of one branch that the value may be meant for, without noting them."""
        before = self.issues, self._is_trying
        self.issues, self._is_trying = [], True
        try:
            self.visit(place, value, pointer, depth + 1)
            return self.issues
        finally:
            self.issues, self._is_trying = before

    def _by_validator(self, place: Place, value: object, pointer: str, depth: int) -> None:
        """Go on where the validator sees a fault that the walk doesn't: behind a dynamic reference.

        Each schema on the way fits by itself. What a dynamic reference leads to depends on the way to it, and
        the validator knows that.
        """
        validator = self.part(place, "", {"$ref": place.ref})
        for error in islice(validator.iter_errors(value), _MAX_COUNTED):
            location = error.absolute_keyword_location or ""
            inner = self.places.find(location.rpartition("/")[0])
            if inner is None or (inner.ref == place.ref and not error.instance_path):
                continue
            found: Any = value
            tokens = []
            for token in error.instance_path:
                found = found[token]
                shown = isinstance(token, int) or token in self.places.declared_names
                tokens.append(f"/{pointer_token(str(token)) if shown else '*'}")
            self.visit(inner, found, pointer + "".join(tokens), depth + 1)

    def _unevaluated(self, place: Place, value: object, pointer: str) -> None:
        """Everything else fits: what is left are keys or items that no other keyword looked at."""
        for kind in self._left_over(place, value):
            if isinstance(kind, jsonschema_rs.ValidationErrorKind.UnevaluatedProperties):
                hidden = '"patternProperties"' in repr(place.schema).replace("'", '"')
                self._undeclared(kind.unexpected, sorted(self.places.declared_names), pointer, hidden=hidden)
                return
            if isinstance(kind, jsonschema_rs.ValidationErrorKind.UnevaluatedItems):
                self.add(pointer, "has more items than the schema describes")
                return
        self.add(pointer, f"doesn't fit its schema ({json_type(value)})")

    def _left_over(self, place: Place, value: object) -> Iterator[object]:
        if any(keyword in place.schema for keyword in ("unevaluatedProperties", "unevaluatedItems")):
            validator = self.part(place, "", {"$ref": place.ref})
            yield from (error.kind for error in validator.iter_errors(value) if error.schema_path)
