"""Schemas of single values, as they are dumped."""

from __future__ import annotations

import enum
import math
from typing import Any

from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from tightbeam_codegen.imports.pydantic import texts
from tightbeam_codegen.imports.pydantic.defaults import DefaultSchemas
from tightbeam_codegen.imports.pydantic.patterns import portable_pattern

__all__ = ["ScalarSchemas"]

_INFINITE = ["Infinity", "-Infinity", "NaN"]
_STANDS_FOR_ITSELF = (str, int, float, bool, type(None))
_MENDED: dict[str, dict[str, Any]] = {
    "regex": {},  # Python's expressions aren't JavaScript's
    "ipv6": {"pattern": texts.IPV6},  # an address may have a zone
    "email": {"format": "idn-email"},
    **{f"uuid{version}": {"format": "uuid"} for version in range(1, 9)},
}
"""What says the same as a format that Pydantic states for a type of its own, and admits what is dumped."""

_NAIVE = (
    "a `datetime` can be without an offset, so it is text here. With `AwareDatetime` it is a date-time,"
    " and a `datetime` in generated code."
)
_IN_UTC = "what has no offset is read as UTC, since it is dumped as a number."
_INFERRED = "state `val_temporal_unit`, too: dates that are far from ours are read in the wrong unit."
_PATTERN = (
    "the pattern isn't in the schema, since other engines have no such expression; your model checks it."
)
_ITERATOR = (
    "it is read as an iterator, which can be read once, and equals no other; a `list` comes back as it was."
)
_MULTIPLE = "`multiple_of` isn't in the schema, since Pydantic rounds and others don't; your model checks it."


class ScalarSchemas(DefaultSchemas):
    """Generates schemas of text, numbers, times, bytes, enums and addresses."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """Generate a schema, with formats that admit what Pydantic's own types are dumped as."""
        result = super().generate_inner(schema)
        mended = _MENDED.get(str(result.get("format")))
        # The format of plain text is one that the author stated.
        if mended is None or schema["type"] == "str" or result.get("type") != "string":
            return result
        return {key: value for key, value in result.items() if key != "format"} | mended

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Generate the schema of text, with its pattern as JSON Schema reads patterns."""
        result = super().str_schema(schema)
        pattern = schema.get("pattern")
        if pattern is None:
            return result
        engine = schema.get("regex_engine", self._config.regex_engine)
        portable = portable_pattern(pattern, engine)
        if portable is None:
            del result["pattern"]
            self.note(_PATTERN)
        else:
            result["pattern"] = portable
        return result

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """Generate the schema of a float; the config may write infinity as text."""
        result = super().float_schema(schema)
        if result.pop("multipleOf", None) is not None:
            self.note(_MULTIPLE)
        allowed = schema.get("allow_inf_nan", self._config.config_dict.get("allow_inf_nan", True))
        if self._config.ser_json_inf_nan == "strings" and allowed:
            return {"anyOf": [result, {"enum": _INFINITE}]}
        return result

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Generate the schema of a decimal number, which is text."""
        allowed = schema.get("allow_inf_nan", self._config.config_dict.get("allow_inf_nan", False))
        return {"type": "string", "pattern": texts.DECIMAL_OR_INFINITE if allowed else texts.DECIMAL}

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        """Generate the schema of a date and time; one that can be without an offset is no `date-time`."""
        result = super().datetime_schema(schema)
        constraint = schema.get("tz_constraint")
        is_aware = isinstance(constraint, int) or constraint == "aware"
        if "format" not in result:
            self._check_unit()
            if not is_aware:
                self.note(_IN_UTC)
        elif not is_aware:
            if constraint != "naive":
                self.note(_NAIVE)
            pattern = texts.NAIVE_DATE_TIME if constraint == "naive" else texts.DATE_TIME
            return {"type": "string", "pattern": pattern}
        return result

    def date_schema(self, schema: core_schema.DateSchema) -> JsonSchemaValue:
        """Generate the schema of a date."""
        result = super().date_schema(schema)
        if "format" not in result:
            self._check_unit()
        return result

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        """Generate the schema of a time of day, mostly without an offset."""
        result = super().time_schema(schema)
        if "format" in result:
            return {"type": "string", "pattern": texts.TIME}
        self._refuse_milliseconds("a time")
        self.note(_IN_UTC)
        return result

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        """Generate the schema of a duration."""
        result = super().timedelta_schema(schema)
        if "format" in result:
            return {"type": "string", "pattern": texts.DURATION}
        self._refuse_milliseconds("a duration")
        return result

    def _check_unit(self) -> None:
        """Look for numbers that are read in another unit than they are dumped in."""
        written, read = self._config.ser_json_temporal, self._config.val_temporal_unit
        if read not in ("infer", written):
            self.refuse(
                f"is dumped in {written}, and read in {read}",
                f"Set `val_temporal_unit` to {written!r}, as `ser_json_temporal` is.",
            )
        elif read == "infer":
            self.note(_INFERRED)

    def _refuse_milliseconds(self, what: str) -> None:
        if self._config.config_dict.get("ser_json_temporal") == "milliseconds":
            self.refuse(
                f"is dumped in milliseconds, and {what} is read in seconds",
                "Set `ser_json_temporal` to 'iso8601' or 'seconds'.",
            )

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        """Generate the schema of bytes, with lengths of the text that they are dumped as."""
        written, read = self._config.ser_json_bytes, self._config.val_json_bytes
        if written != read:
            self.refuse(
                f"is dumped as {written}, and read as {read}",
                f"Set `val_json_bytes` to {written!r}, as `ser_json_bytes` is.",
            )
        result: JsonSchemaValue = {"type": "string"}
        if written != "utf8":
            result["pattern"] = texts.BASE64 if written == "base64" else texts.HEX
        for keyword, count in (
            ("minLength", schema.get("min_length")),
            ("maxLength", schema.get("max_length")),
        ):
            if count is not None:
                result[keyword] = _text_length(count, written, fewest=keyword == "minLength")
        return result

    def url_schema(self, schema: core_schema.UrlSchema) -> JsonSchemaValue:
        """Generate the schema of a URL."""
        return self._url(super().url_schema(schema), schema.get("allowed_schemes"))

    def multi_host_url_schema(self, schema: core_schema.MultiHostUrlSchema) -> JsonSchemaValue:
        """Generate the schema of a URL with several hosts."""
        return self._url(super().multi_host_url_schema(schema), schema.get("allowed_schemes"))

    def _url(self, result: JsonSchemaValue, schemes: list[str] | None) -> JsonSchemaValue:
        lengths = {key: value for key, value in result.items() if key == "maxLength"}
        return {"type": "string", "pattern": texts.scheme_pattern(schemes), **lengths}

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """Generate the schema of an enum; the members of a flag can be combined."""
        cls = schema["cls"]
        wrong = [member for member in schema["members"] if not isinstance(member.value, _STANDS_FOR_ITSELF)]
        if wrong:
            self.refuse(
                f"is an enum whose member `{wrong[0].name}` has a value that is dumped as something else",
                "Give each member a text or a number.",
            )
            return {}
        result = super().enum_schema(schema)
        if issubclass(cls, enum.Flag):
            del result["enum"]
            return {**result, "type": "integer"}
        return result

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        """Generate the schema of a literal."""
        for value in schema["expected"]:
            if not isinstance(value, _STANDS_FOR_ITSELF):
                self.refuse(
                    f"has the literal {value!r}, which isn't read from what it is dumped as",
                    "Use text, whole numbers, booleans, None, or members of an enum of `str` or `int`.",
                )
                return {}
        result = super().literal_schema(schema)
        if "enum" in result:
            # Members of two enums can be dumped alike.
            result["enum"] = list({(type(value), value): value for value in result["enum"]}.values())
        return result

    def json_schema(self, schema: core_schema.JsonSchema) -> JsonSchemaValue:  # noqa: ARG002 - Pydantic's signature
        """Refuse text that is parsed as JSON: it is dumped as what it was parsed to."""
        self.refuse(
            "is `Json`: it is read from text and dumped as what is in it, so it can't be read again",
            "Give the field the inner type, and parse the text before you make the model.",
        )
        return {}

    def is_subclass_schema(
        self,
        schema: core_schema.IsSubclassSchema,  # noqa: ARG002 - Pydantic's signature
    ) -> JsonSchemaValue:
        """Refuse classes, which have no JSON."""
        self.refuse("is a class, which can't be dumped to JSON", "Leave it out, with `exclude=True`.")
        return {}

    def generator_schema(self, schema: core_schema.GeneratorSchema) -> JsonSchemaValue:
        """Generate the schema of what is iterated."""
        self.note(_ITERATOR)
        return super().generator_schema(schema)


def _text_length(count: int, written: str, *, fewest: bool) -> int:
    """Return how many characters so many bytes come to."""
    if written == "hex":
        return 2 * count
    if written == "base64":
        return 4 * math.ceil(count / 3)
    return math.ceil(count / 4) if fewest else count  # one character is up to four bytes of UTF-8
