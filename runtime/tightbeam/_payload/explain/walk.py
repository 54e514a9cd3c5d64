"""Find the reasons why a value breaks its schema, in bounded time.

The JSON Schema validator can list all errors itself, but builds every one of them, with all branches of all
unions: 100,000 bad items take it more than a second, and a recursive union seven seconds at a depth of 14. So
this walks down from a schema, asks a validator of each subschema whether the value there is the culprit,
follows one branch of a union, and stops after so many issues or so much time.

No value of the payload reaches a text, and no key but those the schemas declare, or, for spelling mistakes,
the undeclared ones of closed objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import jsonschema_rs

from tightbeam._payload.explain.keywords import (
    array_findings,
    combined_findings,
    leaf_issues,
    object_findings,
    undeclared_issues,
)
from tightbeam._payload.explain.tester import Finding, Keys, Nested, SchemaTester, Union
from tightbeam._payload.explain.unions import SEVERAL, closest, likeliest, narrow
from tightbeam._payload.plain import json_type, pointer_token
from tightbeam._payload.schema_index import SchemaLocation
from tightbeam._payload.schemas import LATEST_DIALECT, Bundle
from tightbeam.errors import Issue

__all__ = ["MAX_COUNTED", "Walk", "explain_param"]

MAX_COUNTED = 100
"""How many issues are looked for."""
_MAX_DEPTH = 200


def explain_param(bundle: Bundle, name: str, value: object) -> list[str]:
    """Return the reasons why a channel parameter breaks its schema.

    Args:
        bundle: the schemas of the channel's module.
        name: the parameter's wire name. Its schema has no references.
        value: its value.
    """
    location = SchemaLocation(f"params:{name}", (), "", bundle.params[name])
    return [issue.reason for issue in leaf_issues(SchemaTester(bundle, LATEST_DIALECT), location, value, "")]


class Walk:
    """The walk over one value, and the issues it finds."""

    def __init__(self, bundle: Bundle, dialect: str) -> None:
        self.issues: list[Issue] = []
        self.deepest = ""
        """The pointer of the innermost value that is known not to fit its schema."""
        self.tester = SchemaTester(bundle, dialect)
        self._found = 0  # repeated ones included
        self._is_trying = False
        self._running: set[tuple[str, str]] = set()
        self._dialect = dialect

    def visit(self, location: SchemaLocation, value: object, pointer: str, depth: int) -> None:
        """Find out why a value doesn't fit the schema at a location.

        Args:
            location: the schema.
            value: what doesn't fit it.
            pointer: where the value is.
            depth: how many schemas are around this one.

        Raises:
            TimeoutError: it takes too long, or the schemas go too deep.
        """
        step = (location.ref, pointer)
        if depth > _MAX_DEPTH:
            raise TimeoutError  # without an issue from here the validator is asked, and recurses without end
        if len(self.issues) >= MAX_COUNTED or step in self._running:
            return  # schemas that refer to each other in a ring say nothing more the second time
        self._running.add(step)
        try:
            self._visit(location, value, pointer, depth)
        finally:
            self._running.discard(step)

    def _visit(self, location: SchemaLocation, value: object, pointer: str, depth: int) -> None:
        before = self._found
        if not self._is_trying and pointer.startswith(self.deepest):
            self.deepest = pointer
        schema = location.schema
        if schema is False:
            self._add(Issue(pointer, "must not be given"))
            return
        if not isinstance(schema, dict):
            return
        for finding in self._findings(location, value, pointer):
            match finding:
                case Issue():
                    self._add(finding)
                case Nested():
                    self._descend(finding, depth)
                case Keys():
                    self._check_keys(finding, depth)
                case Union():
                    self._check_union(finding, value, pointer, depth)
        if self._found == before:
            self._visit_where_the_validator_fails(location, value, pointer, depth)
        if self._found == before:
            for issue in self._unevaluated(location, value, pointer):
                self._add(issue)

    def _findings(self, location: SchemaLocation, value: object, pointer: str) -> Iterator[Finding]:
        tester, schema = self.tester, location.schema
        if "$ref" in schema and tester.hides_siblings(location):
            if (target := tester.index.find(schema["$ref"], location.base)) is not None:
                yield Nested(target, [(value, pointer)])
            return
        yield from leaf_issues(tester, location, value, pointer)
        if isinstance(value, dict):
            yield from object_findings(tester, location, value, pointer)
        elif isinstance(value, (list, tuple)):
            yield from array_findings(tester, location, value, pointer)
        yield from combined_findings(tester, location, value, pointer)

    def _add(self, issue: Issue) -> None:
        self._found += 1
        if issue not in self.issues:
            self.issues.append(issue)

    def _descend(self, nested: Nested, depth: int) -> None:
        """Visit the values that don't fit a nested schema, until there are issues enough."""
        location, values = nested
        validator = self.tester.validator(location)
        for value, pointer in values:
            if not self.tester.is_valid(validator, value):
                self.visit(location, value, pointer, depth + 1)
                if len(self.issues) >= MAX_COUNTED:
                    return

    def _check_keys(self, keys: Keys, depth: int) -> None:
        for key in keys.value:
            if not self.tester.fits(keys.location, key):
                inner = Walk(self.tester.bundle, self._dialect)
                inner.visit(keys.location, key, "", depth + 1)
                for issue in inner.issues[:1]:
                    self._add(Issue(f"{keys.pointer}/*", f"the key {issue.reason}"))

    def _check_union(self, union: Union, value: object, pointer: str, depth: int) -> None:
        tester, (location, keyword) = self.tester, union
        left, issue = narrow(tester, union, value, pointer)
        if issue is not None:
            self._add(issue)
            return
        if len(left) == 1:
            if not tester.fits(left[0].location, value):
                self.visit(left[0].location, value, pointer, depth + 1)
            return
        # One validator for the whole union: one for each branch would compile again what the branches share.
        forms = [{"$ref": location.child(keyword, i).ref} for i in range(len(location.schema[keyword]))]
        if tester.is_valid(tester.part_validator(location, keyword, {keyword: forms}), value):
            return
        if keyword == "oneOf":
            any_of = tester.part_validator(location, "any of oneOf", {"anyOf": forms})
            if tester.is_valid(any_of, value):
                self._add(Issue(pointer, SEVERAL))
                return
        tried = [self._try(branch.location, value, pointer, depth) for branch in likeliest(left, value)]
        for issue in closest(tried, pointer):
            self._add(issue)

    def _try(self, location: SchemaLocation, value: object, pointer: str, depth: int) -> list[Issue]:
        """Return the issues of one branch that the value may be meant for, without noting them."""
        before = self.issues, self._is_trying
        self.issues, self._is_trying = [], True
        try:
            self.visit(location, value, pointer, depth + 1)
            return self.issues
        finally:
            self.issues, self._is_trying = before

    def _visit_where_the_validator_fails(
        self, location: SchemaLocation, value: object, pointer: str, depth: int
    ) -> None:
        """Go on where the validator sees a fault that the walk doesn't: behind a dynamic reference.

        Each schema on the way fits by itself. What a dynamic reference leads to depends on the way to it, and
        the validator knows that.
        """
        tester = self.tester
        for error in islice(tester.validator(location).iter_errors(value), MAX_COUNTED):
            keyword = error.absolute_keyword_location or ""
            inner = tester.index.find(keyword.rpartition("/")[0])
            if inner is None or (inner.ref == location.ref and not error.instance_path):
                continue
            culprit: Any = value
            tokens = []
            for token in error.instance_path:
                culprit = culprit[token]
                shown = isinstance(token, int) or token in tester.index.declared_names
                tokens.append(f"/{pointer_token(str(token)) if shown else '*'}")
            self.visit(inner, culprit, pointer + "".join(tokens), depth + 1)

    def _unevaluated(self, location: SchemaLocation, value: object, pointer: str) -> Iterator[Issue]:
        """Explain what is left when everything else fits: keys or items that no other keyword looked at."""
        kinds: list[object] = []
        if any(keyword in location.schema for keyword in ("unevaluatedProperties", "unevaluatedItems")):
            errors = self.tester.validator(location).iter_errors(value)
            kinds = [error.kind for error in errors if error.schema_path]
        for kind in kinds:
            if isinstance(kind, jsonschema_rs.ValidationErrorKind.UnevaluatedProperties):
                hidden = '"patternProperties"' in repr(location.schema).replace("'", '"')
                declared = sorted(self.tester.index.declared_names)
                yield from undeclared_issues(kind.unexpected, declared, pointer, hidden=hidden)
                return
            if isinstance(kind, jsonschema_rs.ValidationErrorKind.UnevaluatedItems):
                yield Issue(pointer, "has more items than the schema describes")
                return
        yield Issue(pointer, f"doesn't fit its schema ({json_type(value)})")
