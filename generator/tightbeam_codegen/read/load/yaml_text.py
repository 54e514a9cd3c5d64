"""YAML text to plain values and their places: the JSON-like part of YAML, read by the 1.2 core schema.

Built from the parser's events rather than with a loader: a loader recurses as deep as the text says, resolves
by YAML 1.1 (`no` is false), keeps the last of two equal keys, and shares what an alias stands for.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import yaml

from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.load.json_text import (
    encodable,
    report_digits,
    report_duplicate,
    report_half_character,
    report_too_large,
)
from tightbeam_codegen.read.load.limits import MAX_DEPTH, MAX_DIGITS, MAX_NODES
from tightbeam_codegen.read.load.positions import Lines, Spot

if TYPE_CHECKING:
    from tightbeam_codegen.read.load.document import JsonValue

__all__ = ["read_yaml"]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


_MERGE = "\x00<<"
"""Stands for a merge key: no text in YAML holds that character unescaped, and then it is no plain scalar."""
_TAGS_OF_PLAIN = {None, *(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null"))}


class _GiveUpError(Exception):
    """The rest of the text isn't worth reading; the reason is in the problems."""


def read_yaml(
    text: str, lines: Lines, problems: Problems, *, lenient: bool = False
) -> tuple[JsonValue, Spot]:
    """The value of `text` and its places; with at least one error in `problems` if the text can't be used.

    Args:
        text: the YAML.
        lines: finds the places in it.
        problems: takes what is wrong.
        lenient: also take what people write in documents that were made for other tools: keys that are
            numbers or aliases, merge keys, tags.
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
        at = min(mark.index, len(text)) if mark else 0
        what = ", ".join(filter(None, (error.context, error.problem))) or "bad syntax"
        remedy = "YAML is indented with spaces." if text[at : at + 1] == "\t" else ""
        problems.error(lines.place(at), f"not valid YAML: {what}", remedy)
    return reader.finish()


class _Open:
    """A mapping or sequence whose end hasn't come yet."""

    __slots__ = ("anchor", "key", "key_at", "merged", "size", "spot", "value")

    def __init__(self, value: dict[str, JsonValue] | list[JsonValue], spot: Spot, anchor: str | None) -> None:
        self.value = value
        self.spot = spot
        self.anchor = anchor
        self.size = 1
        self.key: str | None = None
        self.key_at: int | None = None
        self.merged: list[tuple[JsonValue, Spot]] = []
        """The values of merge keys: mappings, or sequences of them."""

    def merge(self) -> None:
        """Take in entries of merged mappings: the mapping's own come first, then those of earlier ones."""
        for value, spot in self.merged:
            if isinstance(value, list) and isinstance(spot.inner, list):
                each = list(zip(value, spot.inner, strict=True))
            else:
                each = [(value, spot)]
            for mapping, places in each:
                self._take_in(mapping, places)

    def _take_in(self, mapping: JsonValue, places: Spot) -> None:
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
        at = event.start_mark.index
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, at)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", at)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._begin(event, at)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            done = self.open.pop()
            done.merge()
            if done.anchor is not None:
                self.anchors[done.anchor] = (done.value, done.spot, done.size)
            self._put(done.value, done.spot, done.size)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._stop(at, "a second YAML document", "Keep one document in a file; remove the `---`.")

    def finish(self) -> tuple[JsonValue, Spot]:
        if self.result is None:
            if not self.problems.has_errors:
                remedy = "Write a definition here, or run `tightbeam init`."
                self.problems.error(self.lines.place(0), "the file is empty", remedy)
            return None, Spot(0, None)
        return self.result

    def _stop(self, at: int, message: str, remedy: str) -> None:
        self.problems.error(self.lines.place(at), message, remedy)
        raise _GiveUpError

    def _begin(self, event: Any, at: int) -> None:
        self._refuse_tag(event, at)
        if len(self.open) >= MAX_DEPTH:
            message = f"mappings and sequences are nested more than {MAX_DEPTH} deep"
            self._stop(at, message, "Move inner schemas to `$defs` and refer to them.")
        if self._expects_key():
            self._stop(at, "a key that isn't a string", "Keys are plain strings here.")
        mapping = isinstance(event, yaml.MappingStartEvent)
        spot = Spot(at, self._key_at())
        spot.inner = {} if mapping else []
        # Until its end has come, an alias to it would be inside itself.
        self.anchors.pop(event.anchor, None)
        self.open.append(_Open({} if mapping else [], spot, event.anchor))

    def _scalar(self, event: Any, at: int) -> None:
        self._refuse_tag(event, at)
        plain = not event.style and event.tag in _TAGS_OF_PLAIN
        value = self._resolve(event.value, at) if plain else event.value
        if event.style == '"' and not encodable(event.value):
            report_half_character(at, self.lines, self.problems)
        if not self._expects_key():
            spot = Spot(at, self._key_at())
            if event.anchor is not None:
                self.anchors[event.anchor] = (value, spot, 1)
            self._put(value, spot, 1)
        elif not isinstance(value, str) and not self.lenient:
            self._stop(at, f"the key {quoted(event.value)} isn't a string", "Put it in quotes.")
        elif plain and value == "<<" and not self.lenient:
            self._stop(at, "a merge key; YAML 1.2 has none", "Write the entries out, or refer with `$ref`.")
        else:
            # In JSON a key is text: that of a number is the number as it is written.
            key = event.value
            self.open[-1].key, self.open[-1].key_at = _MERGE if plain and key == "<<" else key, at
            if event.anchor is not None:
                self.anchors[event.anchor] = (value, Spot(at, None), 1)

    def _alias(self, name: str, at: int) -> None:
        if self._expects_key() and not self.lenient:
            self._stop(at, "an alias as a key", "Write the key itself.")
        if name not in self.anchors:
            open_ones = any(node.anchor == name for node in self.open)
            what = "stands inside what it stands for" if open_ones else "has no anchor before it"
            self._stop(
                at,
                f"the alias {quoted('*' + name)} {what}",
                "Use `$ref` for schemas that recurse or come later.",
            )
        value, spot, size = self.anchors[name]
        if self._expects_key():
            if isinstance(value, str):
                self.open[-1].key, self.open[-1].key_at = value, at
                return
            self._stop(at, "an alias as a key", "Write the key itself.")
        # Counted before it is written out: nine lines of aliases can stand for a billion values.
        self._count(size, at)
        own = Spot(at, self._key_at())
        own.inner = spot.inner
        self._put(_copy(value), own, size, counted=True)

    def _refuse_tag(self, event: Any, at: int) -> None:
        if self.lenient:
            return
        if event.tag is not None and not (event.tag == "!" and isinstance(event, yaml.ScalarEvent)):
            self._stop(at, f"the tag {quoted(event.tag)}", "Remove it; definitions are plain JSON values.")

    def _expects_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].value, dict) and self.open[-1].key is None

    def _key_at(self) -> int | None:
        return self.open[-1].key_at if self.open else None

    def _count(self, size: int, at: int) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            message = f"more than {MAX_NODES} values once the aliases are written out"
            self._stop(at, message, "Use `$ref` instead of aliases.")

    def _put(self, value: JsonValue, spot: Spot, size: int, *, counted: bool = False) -> None:
        if not counted:
            self._count(1, spot.at)
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
        key, at = parent.key or "", parent.key_at or 0
        parent.key = parent.key_at = None
        if key == _MERGE:
            parent.merged.append((value, spot))
            return
        if isinstance(parent.spot.inner, dict):
            first = parent.spot.inner.setdefault(key, spot)
            if first is not spot:
                report_duplicate(key, first, at, self.lines, self.problems)
        parent.value[key] = value

    def _resolve(self, text: str, at: int) -> JsonValue:
        """A plain scalar by the core schema of YAML 1.2, so that `no`, `on` and `1_000` are strings."""
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _INT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                report_digits(at, self.lines, self.problems)
                return 0
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                report_too_large(text, at, self.lines, self.problems)
            return number
        if _NOT_FINITE.fullmatch(text):
            remedy = "Write a number, or put it in quotes."
            self.problems.error(self.lines.place(at), f"{text} has no equal in JSON", remedy)
        return text


def _copy(value: JsonValue) -> JsonValue:
    # Not shared: whoever keys by identity must see two places as two.
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value
