"""Check one payload schema by its dialect: forms, keywords, patterns, contradictions, each with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.json_schema.dialects import DRAFT_4, DRAFTS, LATEST, Dialect, draft_at
from tightbeam_codegen.json_schema.keywords import ASSERTING, REFERENCES, is_group
from tightbeam_codegen.json_schema.official import is_unversioned
from tightbeam_codegen.json_schema.own_keywords import ALLOW_BREAKING
from tightbeam_codegen.json_schema.uris import is_uri
from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.check.contradictions import contradictions
from tightbeam_codegen.read.check.forms import form_faults, name_kind
from tightbeam_codegen.read.check.metaschema import metaschema_faults
from tightbeam_codegen.read.check.patterns import judge_pattern
from tightbeam_codegen.read.check.warnings import Warnings
from tightbeam_codegen.read.discover import is_definition_uri
from tightbeam_codegen.read.load.values import value_at
from tightbeam_codegen.suggest import did_you_mean

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import Document, JsonValue, Pointer

__all__ = [
    "MAX_PATTERNS",
    "MAX_PROBLEMS",
    "MAX_SUBSCHEMAS",
    "SAY_WHY",
    "check_schema",
    "refused_keyword",
]

MAX_SUBSCHEMAS = 100_000
"""Schemas inside one schema; GitHub's 344 webhooks together have about 20,000."""

MAX_PROBLEMS = 200
"""Errors in one schema; a suggestion takes a millisecond to find, and more aren't read at once."""

MAX_PATTERNS = 2_000
"""Regular expressions in one schema: compiling a bad one takes up to 0.2 s."""

# Keywords by which datamodel-code-generator takes Python names, imports and classes from a schema. It never
# gets them; they are refused so that their author knows.
_REFUSED = re.compile(
    r"customTypePath|customBasePath|default_factory|x-python-.*|x-enum-.*|x-enumNames|x-propertyNames|x-is-base-class"
    r"|x-is-classvar|x-datamodel-code-generator-.*|x-xsd-.*|x-avro-.*",
    re.DOTALL,
)
# Of these, keywords that other tools write too, for tools of their own.
_OF_OTHERS = re.compile(r"x-enum-.*|x-enumNames", re.DOTALL)
_BY_OTHER_NAME = {
    "nullable": 'Write the type as an array: "type": ["string", "null"].',
    "example": "It is `examples`, an array.",
    "discriminator": "Give each branch a property with its own `const`; it is found without this.",
    "optional": "Leave the name out of `required`.",
    "ref": "It is `$ref`.",
    "defs": "It is `$defs`.",
    "schema": "It is `$schema`, or the schema's content belongs one level up.",
}


SAY_WHY = "Write the reason, such as: nobody reads it yet."
"""What to do about an exception without a reason."""
_SHARED = (("$defs",), ("definitions",))
_BOOLEAN_OR_SCHEMA = frozenset({"additionalItems", "additionalProperties"})


def refused_keyword(keyword: str) -> bool:
    """Return whether a keyword is an extension of datamodel-code-generator."""
    return _REFUSED.fullmatch(keyword) is not None


def check_schema(
    document: Document,
    pointer: Pointer,
    dialect: str,
    problems: Problems,
    *,
    metaschemas: Mapping[str, JsonValue] | None = None,
    warnings: Warnings | None = None,
    own_keywords: Mapping[str, str] | None = None,
) -> None:
    """Check a schema of a document, with everything inside of it.

    Args:
        document: the file, in which problems have their places.
        pointer: the way to the schema, `()` for the whole file.
        dialect: the URI, in any spelling, that counts where the schema has no `$schema` of its own.
        problems: takes errors, and warnings about what most likely isn't meant.
        metaschemas: the project's own metaschemas, by URI.
        warnings: takes the warnings instead, where other schemas of the file are checked separately.
        own_keywords: the keywords of the specification of the file, each with a warning or an empty text.
    """
    collected = warnings or Warnings()
    draft = draft_at(dialect)
    _Resource(document, problems, collected, dict(metaschemas or {}), own_keywords or {}).check(
        value_at(document.value, pointer), pointer, draft.uri if draft else dialect
    )
    if warnings is None:
        collected.report(problems)


class _Step(NamedTuple):
    """A schema still to be looked at."""

    value: JsonValue
    pointer: Pointer


class _Resource:
    def __init__(
        self,
        document: Document,
        problems: Problems,
        warnings: Warnings,
        metaschemas: dict[str, JsonValue],
        own_keywords: Mapping[str, str],
    ) -> None:
        self.document = document
        self.is_definition = is_definition_uri(document.uri)
        self.own_keywords = own_keywords
        self.problems = problems
        self.warnings = warnings
        self.metaschemas = metaschemas
        self.count = 0
        self.patterns: set[str] = set()

    def check(self, schema: JsonValue, pointer: Pointer, dialect: str) -> None:
        """Check a schema, and then each schema inside that names a dialect of its own."""
        waiting = [(schema, pointer, dialect)]
        while waiting:
            root, at, inherited = waiting.pop()
            uri = self._dialect(root, at, inherited)
            if uri is None:
                continue
            own = Problems()
            embedded = [(step.value, step.pointer, uri) for step in self._walk(root, at, uri, own)]
            waiting.extend(embedded)
            if not own.has_errors:
                # The metaschema decides; the forms only report the same in plainer words.
                elsewhere = [step[1][len(at) :] for step in embedded]
                faults = metaschema_faults(root, uri, self.metaschemas, elsewhere)
                for fault in islice(faults, MAX_PROBLEMS):
                    place = self.document.place((*at, *fault.where), key=fault.at_key)
                    own.error(place, fault.message, fault.remedy)
            self.problems.extend(own)

    def _dialect(self, schema: JsonValue, pointer: Pointer, inherited: str) -> str | None:
        if not isinstance(schema, dict) or "$schema" not in schema:
            return inherited
        stated = schema["$schema"]
        if not isinstance(stated, str):
            message = f"$schema must be a string, not {name_kind(stated)}"
            self.problems.error(self.document.place((*pointer, "$schema")), message, "")
            return None
        if is_unversioned(stated):
            return inherited
        draft = draft_at(stated)
        uri = draft.uri if draft else None
        for spelling in (stated, stated.removesuffix("#"), stated + "#"):
            uri = uri or (spelling if spelling in self.metaschemas else None)
        if uri is None:
            drafts = (draft.metaschema for draft in DRAFTS.values())
            known = did_you_mean(stated, [*drafts, *self.metaschemas])
            self.problems.error(
                self.document.place((*pointer, "$schema")),
                f"unknown dialect {quoted(stated)}",
                known or "Use one of JSON Schema's, or map its metaschema in [tool.tightbeam.refs].",
            )
        return uri

    def _walk(self, root: JsonValue, pointer: Pointer, uri: str, own: Problems) -> Iterator[_Step]:
        """Check every schema of one dialect, and yield the schemas that begin another one."""
        dialect = DRAFTS.get(uri)
        # A metaschema of the project may give keywords another meaning: only where schemas stand is assumed.
        shape = dialect or LATEST
        open_steps = [_Step(root, pointer)]
        while open_steps:
            step = open_steps.pop()
            self.count += 1
            if not isinstance(step.value, dict):
                self._check_boolean(step, dialect, own)
            elif step.pointer[-2:-1] in _SHARED and is_group(step.value):
                inner = [_Step(value, (*step.pointer, name)) for name, value in step.value.items()]
                open_steps.extend(reversed(inner))
            elif step.pointer != pointer and self._begins_another(step.value, uri, shape):
                yield step
            else:
                self._keywords(step.value, step.pointer, dialect, own)
                # In the order of the text, since of many warnings the first ones are shown.
                inner = [
                    _Step(value, (*step.pointer, *way))
                    for way, value, is_schema in inside(step.value, shape.keywords)
                    if is_schema
                ]
                open_steps.extend(reversed(inner))
            if self._is_too_much(step, own):
                return

    def _is_too_much(self, step: _Step, own: Problems) -> bool:
        for count, limit, what in (
            (self.count, MAX_SUBSCHEMAS, "schemas"),
            (len(self.patterns), MAX_PATTERNS, "patterns"),
            (len(own), MAX_PROBLEMS, "errors"),
        ):
            if count > limit:
                remedy = "Correct these first." if what == "errors" else "Split it, and use `$ref`."
                own.error(
                    self.document.place(step.pointer), f"more than {limit} {what} in one schema", remedy
                )
                return True
        return False

    @staticmethod
    def _begins_another(schema: dict[str, JsonValue], uri: str, shape: Dialect) -> bool:
        stated = schema.get("$schema")
        has_identity = shape.id_keyword in schema or "$id" in schema
        if not has_identity or not isinstance(stated, str) or is_unversioned(stated):
            return False
        draft = draft_at(stated)
        return (draft.uri if draft else stated.removesuffix("#")) != uri.removesuffix("#")

    def _check_boolean(self, step: _Step, dialect: Dialect | None, own: Problems) -> None:
        """Refuse a value that is neither an object nor `true` or `false`."""
        if not isinstance(step.value, bool):
            message = f"a schema must be an object, true or false, not {name_kind(step.value)}"
            own.error(self.document.place(step.pointer), message, "")
        elif dialect is DRAFT_4 and _BOOLEAN_OR_SCHEMA.isdisjoint(step.pointer[-1:]):
            message = "true and false are schemas only since draft 6"
            own.error(self.document.place(step.pointer), message, 'Write {} for true, {"not": {}} for false.')

    def _keywords(
        self, schema: dict[str, JsonValue], pointer: Pointer, dialect: Dialect | None, own: Problems
    ) -> None:
        place = self.document.place
        known = dialect.keywords if dialect is not None else None
        for keyword, value in schema.items():
            if len(own) > MAX_PROBLEMS:
                return
            form = known.get(keyword) if known is not None else None
            if keyword == "$id" and isinstance(value, str) and form and not is_uri(value):
                message = f"the $id {quoted(value)} isn't a URI or the end of one"
                own.error(place((*pointer, keyword)), message, "Correct it, or leave it out.")
            if form == "any" or (form == "string" and isinstance(value, str)):
                continue  # a value of any form is right, and so is this text
            if form is not None:
                for fault in islice(form_faults(keyword, value, form), MAX_PROBLEMS):
                    own.error(place((*pointer, keyword, *fault.where)), fault.message, fault.remedy)
            elif refused_keyword(keyword) and not self._is_of_others(keyword):
                remedy = (
                    "Remove it: schemas state shapes, never Python. Names can be set with `x-tightbeam-name`."
                )
                own.error(
                    place((*pointer, keyword), key=True), f"the keyword {quoted(keyword)} is refused", remedy
                )
            elif keyword == ALLOW_BREAKING:
                if not isinstance(value, str) or not value.strip():
                    own.error(place((*pointer, keyword)), f"{keyword} must say why, in words", SAY_WHY)
            elif (warning := self.own_keywords.get(keyword)) is not None:
                if warning:
                    self._warn((*pointer, keyword), warning, "Correct the document, or leave it as it is.")
            elif dialect is not None and not keyword.startswith("x-"):
                self._warn(
                    (*pointer, keyword),
                    f"unknown keyword {quoted(keyword)}: it has no effect",
                    partial(_unknown_remedy, keyword, dialect),
                )
        if dialect is not None and dialect.ref_hides_siblings and "$ref" in schema:
            self._hidden_siblings(schema, pointer, dialect)
            return
        self._patterns(schema, pointer, own)
        if dialect is not None:
            for keyword, message, remedy in contradictions(schema):
                self._warn((*pointer, keyword), message, remedy)

    def _is_of_others(self, keyword: str) -> bool:
        """Return whether a keyword was most likely written for other tools: it decides nothing then."""
        is_of_api = bool(self.own_keywords)
        return is_of_api or (not self.is_definition and _OF_OTHERS.fullmatch(keyword) is not None)

    def _warn(
        self, pointer: Pointer, message: str, remedy: str | Callable[[], str], *, key: bool = True
    ) -> None:
        self.warnings.add(
            lambda: self.document.place(pointer, key=key),
            message,
            remedy,
        )

    def _hidden_siblings(self, schema: dict[str, JsonValue], pointer: Pointer, dialect: Dialect) -> None:
        hidden = sorted((ASSERTING & dialect.keywords.keys() & schema.keys()).difference(REFERENCES))
        if isinstance(schema["$ref"], str) and hidden:
            message = f"{hidden[0]} has no effect beside $ref in {dialect.short}"
            self._warn((*pointer, hidden[0]), message, "Put `$ref` into an `allOf`, or use a later dialect.")

    def _patterns(self, schema: dict[str, JsonValue], pointer: Pointer, own: Problems) -> None:
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            self._pattern(pattern, (*pointer, "pattern"), own, key=False)
        by_pattern = schema.get("patternProperties")
        if isinstance(by_pattern, dict):
            for pattern in by_pattern:
                self._pattern(pattern, (*pointer, "patternProperties", pattern), own, key=True)

    def _pattern(self, pattern: str, pointer: Pointer, own: Problems, *, key: bool) -> None:
        self.patterns.add(pattern)
        if len(self.patterns) > MAX_PATTERNS:
            return
        verdict = judge_pattern(pattern)
        if verdict.result == "linear":
            return
        if verdict.result == "invalid":
            message = f"the pattern {quoted(pattern)} can't be used: {verdict.reason}"
            own.error(self.document.place(pointer, key=key), message, "Correct the regular expression.")
        else:
            message = f"the pattern {quoted(pattern)} can't be matched in linear time"
            remedy = "Avoid look-around and back-references: a text that takes too many steps is refused."
            self._warn(pointer, message, remedy, key=key)


def _unknown_remedy(keyword: str, dialect: Dialect) -> str:
    if keyword == "additionalItems" and dialect is LATEST:
        return "Since 2020-12 it is `items`, beside `prefixItems`."
    if keyword == "id" and dialect.id_keyword == "$id":
        return "Since draft 6 it is `$id`."
    if keyword == "$id":
        return "In draft 4 it is `id`."
    elsewhere = [draft.short for draft in DRAFTS.values() if keyword in draft.keywords]
    if elsewhere:
        return f"It belongs to {' and '.join(sorted(elsewhere))}; this schema is {dialect.short}."
    named = _BY_OTHER_NAME.get(keyword)
    return named or did_you_mean(keyword, dialect.keywords) or "Remove it, or begin its name with `x-`."
