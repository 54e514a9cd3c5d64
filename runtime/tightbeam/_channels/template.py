"""Name templates such as ``uploads:{uploadId}``: format a name, and parse one back.

A parameter's text is JSON's (``true``, ``1``; a string as it is), never empty, and holds neither the
separator nor a control character; between two placeholders there is a separator. So each part between
separators has at most one placeholder, distinct parameters give distinct names, and a name gives its
parameters back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from tightbeam.errors import InvalidParam

__all__ = ["Kind", "ParamValue", "Template"]

Kind: TypeAlias = Literal["string", "integer", "boolean"]
ParamValue: TypeAlias = str | int | bool

MAX_INTEGER = 2**53
"""Integers beyond it can't be told apart by a JavaScript front end."""

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,15}", re.ASCII)
_KIND_NAMES = {"string": "a string", "integer": "an integer", "boolean": "a boolean"}


class Template:
    """A parsed name template."""

    __slots__ = ("params", "parts", "separator", "text")

    def __init__(self, text: str, kinds: Mapping[str, Kind], separator: str = ":") -> None:
        """Parse a template.

        Args:
            text: the template, such as ``uploads:{uploadId}``.
            kinds: what each placeholder holds, by wire name.
            separator: the one character that no string parameter may contain.

        Raises:
            ValueError: the template itself is wrong (the generator reports these with their place).
        """
        if len(separator) != 1 or separator in "{}":
            raise ValueError(f"the separator must be one character other than a brace, not {separator!r}")
        self.text: str = text
        self.separator: str = separator
        self.params: dict[str, Kind] = {}
        self.parts: list[tuple[str, str | None, str]] = list(self._split(kinds))
        """For each part between separators: literal before, placeholder or None, literal after."""
        if unused := sorted(kinds.keys() - self.params.keys()):
            raise ValueError(f"no placeholder for parameter {unused[0]!r}")

    def _split(self, kinds: Mapping[str, Kind]) -> Iterator[tuple[str, str | None, str]]:
        pieces = _PLACEHOLDER.split(self.text)  # literal, placeholder, literal, …
        before, name, after = "", None, ""
        for literal, placeholder in zip(pieces[::2], [*pieces[1::2], None], strict=True):
            if "{" in literal or "}" in literal:
                raise ValueError(f"a brace that is no placeholder in {literal!r}")
            first, *rest = literal.split(self.separator)
            before, after = (before + first, after) if name is None else (before, first)
            for part in rest:
                yield before, name, after
                before, name, after = part, None, ""
            if placeholder is not None:
                if name is not None:
                    raise ValueError(
                        f"no separator {self.separator!r} between {{{name}}} and {{{placeholder}}}"
                    )
                name = self._declare(placeholder, kinds)
        yield before, name, after

    def _declare(self, name: str, kinds: Mapping[str, Kind]) -> str:
        if name in self.params:
            raise ValueError(f"placeholder {name!r} stands twice")
        if name not in kinds:
            raise ValueError(f"placeholder {name!r} has no parameter")
        self.params[name] = kinds[name]
        return name

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def format(self, params: Mapping[str, object]) -> str:
        """Return the name for some parameters.

        Args:
            params: their values, by wire name.

        Raises:
            InvalidParam: a parameter is missing or unknown, of the wrong type, empty, or holds a character
                that a name can't have.
        """
        if params.keys() != self.params.keys():
            wanted = ", ".join(self.params) or "none"
            raise InvalidParam(f"channel {self.text!r} takes the parameters: {wanted}")
        return self.separator.join(
            before if name is None else f"{before}{self.text_of(name, params[name])}{after}"
            for before, name, after in self.parts
        )

    def text_of(self, name: str, value: object) -> str:
        """Return the text of one parameter in a name.

        Args:
            name: the parameter's wire name.
            value: its value.

        Raises:
            InvalidParam: as `format` does.
        """
        kind = self.params[name]
        text = _json_text(kind, value)
        if text is None:
            raise self._refused(name, f"must be {_KIND_NAMES[kind]}, not {type(value).__name__}")
        if not text:
            raise self._refused(name, "must not be empty")
        if self.separator in text:
            raise self._refused(name, f"must not contain the separator {self.separator!r}")
        if kind == "integer" and not -MAX_INTEGER <= int(text) <= MAX_INTEGER:
            raise self._refused(name, "must be an integer within ±2^53")
        if not text.isascii() or not text.isprintable():
            self._check_characters(name, text)
        return text

    def _check_characters(self, name: str, text: str) -> None:
        for character in text:
            category = unicodedata.category(character)
            if category == "Cc":
                raise self._refused(name, "must not contain control characters")
            if category == "Cs":
                raise self._refused(name, "must not contain lone surrogates")

    def _refused(self, name: str, reason: str) -> InvalidParam:
        return InvalidParam(f"parameter {name!r} of channel {self.text!r} {reason}")

    def parse(self, name: str) -> dict[str, ParamValue]:
        """Return the parameters in a name; the inverse of `format`.

        Raises:
            InvalidParam: the template can't give this name.
        """
        texts = name.split(self.separator)
        if len(texts) != len(self.parts):
            raise InvalidParam(f"not a name of channel {self.text!r}")
        params: dict[str, ParamValue] = {}
        for text, (before, placeholder, after) in zip(texts, self.parts, strict=True):
            if placeholder is None:
                if text != before:
                    raise InvalidParam(f"not a name of channel {self.text!r}")
                continue
            if not (
                len(text) > len(before) + len(after) and text.startswith(before) and text.endswith(after)
            ):
                raise InvalidParam(f"not a name of channel {self.text!r}")
            value = text[len(before) : len(text) - len(after)]
            params[placeholder] = self._value(placeholder, value)
        return params

    def _value(self, name: str, text: str) -> ParamValue:
        kind = self.params[name]
        if kind == "boolean" and text in ("true", "false"):
            return text == "true"
        if kind == "integer" and _INTEGER.fullmatch(text) and abs(int(text)) <= MAX_INTEGER:
            return int(text)
        if kind == "string":
            self._check_characters(name, text)
            return text
        raise self._refused(name, f"must be {_KIND_NAMES[kind]}")


def _json_text(kind: Kind, value: object) -> str | None:
    """Return a value as JSON spells it, strings bare, or None when it isn't of a kind."""
    if kind == "string":
        return str.__str__(value) if isinstance(value, str) else None
    if isinstance(value, bool):
        return ("true" if value else "false") if kind == "boolean" else None
    if kind == "integer" and isinstance(value, int):
        # Huge ints can't be turned into text at all (sys.set_int_max_str_digits); any one outside will do.
        return int.__repr__(value) if -(2**64) < value < 2**64 else str(2**64)
    return None
