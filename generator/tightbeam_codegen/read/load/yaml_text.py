"""YAML text to plain values and their places: the JSON-like part of YAML, read by the 1.2 core schema.

The values are built from the parser's events, not by a loader: a loader recurses as deep as the text is
nested, resolves by YAML 1.1 (`no` is false), keeps the last of two equal keys, and shares values of aliases.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.load.limits import MAX_DEPTH, MAX_DIGITS, MAX_NODES
from tightbeam_codegen.read.load.positions import Lines, Spot
from tightbeam_codegen.read.load.refusals import (
    encodable,
    refuse_digits,
    refuse_duplicate,
    refuse_half_character,
    refuse_large_number,
)
from tightbeam_codegen.read.load.values import JsonValue

__all__ = ["read_yaml"]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


_MERGE = "\x00<<"
"""Stands for a merge key: YAML has this character only as an escape, which no plain scalar contains."""
_TOO_DEEP = (
    f"mappings and sequences are nested more than {MAX_DEPTH} deep",
    "Move inner schemas to `$defs` and refer to them.",
)
_TAGS_OF_PLAIN = {None, *(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null"))}


class _GiveUpError(Exception):
    """The rest of the text can't be read; the reason is among the problems."""


def read_yaml(
    text: str, lines: Lines, problems: Problems, *, lenient: bool = False
) -> tuple[JsonValue, Spot]:
    """Return the value of a YAML text and its places; with at least one error where it can't be used.

    Args:
        text: the YAML.
        lines: finds places in the text.
        problems: takes the errors.
        lenient: whether to accept what documents for other tools contain: keys that are numbers or aliases,
            merge keys, tags.
    """
    reader = _Reader(lines, problems, lenient=lenient)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except _GiveUpError:
        pass
    except yaml.reader.ReaderError as error:
        problems.error(
            lines.place(min(error.position, len(text))),
            "not valid YAML: a control character",
            "Remove it, or write it as an escape inside double quotes.",
        )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        offset = min(mark.index, len(text)) if mark else 0
        what = ", ".join(filter(None, (error.context, error.problem))) or "bad syntax"
        if "maximum nesting depth" in what:
            # The parser reads ahead, and later versions have a limit of their own.
            problems.error(lines.place(offset), *_TOO_DEEP)
            return reader.finish()
        remedy = "YAML is indented with spaces." if text[offset : offset + 1] == "\t" else ""
        problems.error(lines.place(offset), f"not valid YAML: {what}", remedy)
    return reader.finish()


class _Open:
    """A mapping or sequence of which the end wasn't read yet."""

    __slots__ = ("anchor", "key", "key_offset", "merged", "size", "spot", "value")

    def __init__(self, value: dict[str, JsonValue] | list[JsonValue], spot: Spot, anchor: str | None) -> None:
        self.value = value
        self.spot = spot
        self.anchor = anchor
        self.size = 1
        self.key: str | None = None
        self.key_offset: int | None = None
        self.merged: list[tuple[JsonValue, Spot]] = []
        """The values of merge keys: mappings, or sequences of them."""

    def merge(self) -> None:
        """Add the entries of merged mappings; the mapping's own count first, then those of earlier ones."""
        for value, spot in self.merged:
            if isinstance(value, list) and isinstance(spot.inner, list):
                each = list(zip(value, spot.inner, strict=True))
            else:
                each = [(value, spot)]
            for mapping, places in each:
                self._add_missing(mapping, places)

    def _add_missing(self, mapping: JsonValue, places: Spot) -> None:
        if not (
            isinstance(mapping, dict)
            and isinstance(places.inner, dict)
            and isinstance(self.value, dict)
            and isinstance(self.spot.inner, dict)
        ):
            return
        for key, item in mapping.items():
            if key not in self.value:
                self.value[key] = _copy(item)
                self.spot.inner[key] = places.inner[key]


class _Reader:
    def __init__(self, lines: Lines, problems: Problems, *, lenient: bool) -> None:
        self.lines = lines
        self.lenient = lenient
        self.problems = problems
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[JsonValue, Spot, int]] = {}
        self.documents = 0
        self.nodes = 0
        self.result: tuple[JsonValue, Spot] | None = None

    def take(self, event: Any) -> None:
        offset = event.start_mark.index
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, offset)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", offset)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._begin(event, offset)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            done = self.open.pop()
            done.merge()
            if done.anchor is not None:
                self.anchors[done.anchor] = (done.value, done.spot, done.size)
            self._put(done.value, done.spot, done.size)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._stop(offset, "a second YAML document", "Keep one document in a file; remove the `---`.")

    def finish(self) -> tuple[JsonValue, Spot]:
        if self.result is None:
            if not self.problems.has_errors:
                remedy = "Write a definition here, or run `tightbeam init`."
                self.problems.error(self.lines.place(0), "the file is empty", remedy)
            return None, Spot(0, None)
        return self.result

    def _stop(self, offset: int, message: str, remedy: str) -> None:
        self.problems.error(self.lines.place(offset), message, remedy)
        raise _GiveUpError

    def _begin(self, event: Any, offset: int) -> None:
        self._refuse_tag(event, offset)
        if len(self.open) >= MAX_DEPTH:
            self._stop(offset, *_TOO_DEEP)
        if self._expects_key():
            self._stop(offset, "a key that isn't a string", "Keys are plain strings here.")
        mapping = isinstance(event, yaml.MappingStartEvent)
        spot = Spot(offset, self._key_offset())
        spot.inner = {} if mapping else []
        # An alias to a mapping or sequence that isn't at its end would be inside itself.
        self.anchors.pop(event.anchor, None)
        self.open.append(_Open({} if mapping else [], spot, event.anchor))

    def _scalar(self, event: Any, offset: int) -> None:
        self._refuse_tag(event, offset)
        plain = not event.style and event.tag in _TAGS_OF_PLAIN
        value = self._resolve(event.value, offset) if plain else event.value
        if event.style == '"' and not encodable(event.value):
            refuse_half_character(offset, self.lines, self.problems)
        if not self._expects_key():
            spot = Spot(offset, self._key_offset())
            if event.anchor is not None:
                self.anchors[event.anchor] = (value, spot, 1)
            self._put(value, spot, 1)
        elif not isinstance(value, str) and not self.lenient:
            self._stop(offset, f"the key {quoted(event.value)} isn't a string", "Put it in quotes.")
        elif plain and value == "<<" and not self.lenient:
            self._stop(
                offset, "a merge key; YAML 1.2 has none", "Write the entries out, or refer with `$ref`."
            )
        else:
            # In JSON a key is text: the key of a number is the number as it is written.
            key = event.value
            self.open[-1].key, self.open[-1].key_offset = _MERGE if plain and key == "<<" else key, offset
            if event.anchor is not None:
                self.anchors[event.anchor] = (value, Spot(offset, None), 1)

    def _alias(self, name: str, offset: int) -> None:
        if self._expects_key() and not self.lenient:
            self._stop(offset, "an alias as a key", "Write the key itself.")
        if name not in self.anchors:
            is_inside = any(node.anchor == name for node in self.open)
            what = "stands inside what it stands for" if is_inside else "has no anchor before it"
            self._stop(
                offset,
                f"the alias {quoted('*' + name)} {what}",
                "Use `$ref` for schemas that recurse or come later.",
            )
        value, spot, size = self.anchors[name]
        if self._expects_key():
            if isinstance(value, str):
                self.open[-1].key, self.open[-1].key_offset = value, offset
                return
            self._stop(offset, "an alias as a key", "Write the key itself.")
        # Counted before it is written out: nine lines of aliases can stand for a billion values.
        self._count(size, offset)
        own = Spot(offset, self._key_offset())
        own.inner = spot.inner
        self._put(_copy(value), own, size, counted=True)

    def _refuse_tag(self, event: Any, offset: int) -> None:
        if self.lenient:
            return
        if event.tag is not None and not (event.tag == "!" and isinstance(event, yaml.ScalarEvent)):
            self._stop(
                offset, f"the tag {quoted(event.tag)}", "Remove it; definitions are plain JSON values."
            )

    def _expects_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].value, dict) and self.open[-1].key is None

    def _key_offset(self) -> int | None:
        return self.open[-1].key_offset if self.open else None

    def _count(self, size: int, offset: int) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            message = f"more than {MAX_NODES} values once the aliases are written out"
            self._stop(offset, message, "Use `$ref` instead of aliases.")

    def _put(self, value: JsonValue, spot: Spot, size: int, *, counted: bool = False) -> None:
        if not counted:
            self._count(1, spot.offset)
        if not self.open:
            self.result = (value, spot)
            return
        parent = self.open[-1]
        parent.size += size
        if isinstance(parent.value, list):
            parent.value.append(value)
            if isinstance(parent.spot.inner, list):
                parent.spot.inner.append(spot)
            return
        key, offset = parent.key or "", parent.key_offset or 0
        parent.key = parent.key_offset = None
        if key == _MERGE:
            parent.merged.append((value, spot))
            return
        if isinstance(parent.spot.inner, dict):
            first = parent.spot.inner.setdefault(key, spot)
            if first is not spot:
                refuse_duplicate(key, first, offset, self.lines, self.problems)
        parent.value[key] = value

    def _resolve(self, text: str, offset: int) -> JsonValue:
        """Return the value of a plain scalar by the core schema of YAML 1.2: `no` and `1_000` are strings."""
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _INT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                refuse_digits(offset, self.lines, self.problems)
                return 0
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                refuse_large_number(text, offset, self.lines, self.problems)
            return number
        if _NOT_FINITE.fullmatch(text):
            remedy = "Write a number, or put it in quotes."
            self.problems.error(self.lines.place(offset), f"{text} has no equal in JSON", remedy)
        return text


def _copy(value: JsonValue) -> JsonValue:
    # Schemas are told apart by identity, so two places never share a value.
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value
