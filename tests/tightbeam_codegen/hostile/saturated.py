"""Definitions with many strings in every place at once, and what must be found of them in the bindings."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import yaml

from tests.tightbeam_codegen.compiling import channel
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, open_object, ref
from tightbeam_codegen.json_schema.uris import is_uri

__all__ = ["Saturated", "pointer_to", "saturated"]

_MOST_PARAMS = 20


@dataclass(frozen=True, slots=True)
class Saturated:
    """Files by path, and those of them that must be refused, each with how many places must be named."""

    good: Mapping[str, Any]
    bad: Mapping[str, tuple[Any, int]]


def saturated(strings: list[str]) -> Saturated:
    """All `strings` in every place.

    Where two of them could meet in one Python name, a number makes them differ; where some can't stand, the
    others do.
    """
    named = [f"{text}k{index}" for index, text in enumerate(strings)]
    printable = [name for name in named if _is_printable(name)]
    unprintable = [name for name in named if not _is_printable(name)]
    uris = [text for text in strings if is_uri(text) and "#" not in text]
    no_uris = [text for text in strings if not is_uri(text)]
    keywords = {f"x-k{text}": {text: [text]} for text in strings}
    good = {
        **{f"{name}.channel.json": definition for name, definition in _schemas(strings, named).items()},
        "yaml.channel.yaml": yaml.safe_dump(channel("yaml", t=_described(strings))),
        "topics.channel.json": _topics(printable),
        "identified.channel.json": channel("identified", t=open_object(**_each(uris, lambda t: {"$id": t}))),
        "extended.channel.json": channel("extended", t={**open_object(a=STRING), **keywords}),
        **_files(strings),
        **_parameters(strings),
    }
    bad = {
        "topics.channel.json": (_topics(unprintable), len(unprintable)),
        "identified.channel.json": (
            channel(t=closed(**_each(no_uris, lambda t: {**STRING, "$id": t}))),
            len(no_uris),
        ),
        "overrides.channel.json": (
            channel("x", **_each(strings, lambda t: {**INTEGER, "x-tightbeam-name": f"-{t}"})),
            0,
        ),
        "anchors.channel.json": (
            channel(t=closed(**_each(strings, lambda t: {**STRING, "$anchor": f"{t}/"}))),
            len(strings),
        ),
    }
    return Saturated(good, {path: (value, count) for path, (value, count) in bad.items() if count})


def _each(texts: Iterable[str], schema: Callable[[str], Any], prefix: str = "p") -> dict[str, Any]:
    return {f"{prefix}{index}": schema(text) for index, text in enumerate(texts)}


def _described(strings: list[str]) -> Any:
    return open_object(
        **_each(
            strings,
            lambda t: {**STRING, "title": t, "description": t, "default": t, "examples": [t], "$comment": t},
        )
    )


def _schemas(strings: list[str], named: list[str]) -> dict[str, Any]:
    either = [(text, other) for text, other in zip(strings, named, strict=True)]
    patterns = [re.escape(text).replace("\\ ", " ").replace("\\\n", "\\n") for text in strings]
    patterns = [pattern for pattern in patterns if _is_plain(pattern)]
    made: dict[str, Any] = {
        "described": _described(strings),
        "classes": open_object(
            **_each(strings, lambda t: {**closed(a=STRING), "title": t, "description": f"a\n{t}"})
        ),
        "values": open_object(**_each(strings, lambda t: {"enum": [t, "b"]}), **_each(strings, _const, "q")),
        "properties": {**open_object(**dict.fromkeys(strings, STRING)), "required": strings[::2]},
        "odd": {**open_object(**{"a-b": INTEGER}, **dict.fromkeys(strings, INTEGER)), "required": strings},
        "objects": open_object(**{name: closed(**{text: STRING}) for text, name in either}),
        "tags": {"oneOf": [closed("kind", kind={"const": name}, a=STRING) for name in named]},
        "titles": {
            "oneOf": [{**closed("a", a={"const": index}), "title": name} for index, name in enumerate(named)]
        },
        "depending": {
            **open_object(a=STRING),
            "dependentRequired": {text: [text] for text in strings},
            "dependentSchemas": {text: open_object(**{text: STRING}) for text in strings},
            "default": {text: text for text in strings},
            "examples": strings,
        },
        "patterns": open_object(**_each(patterns, lambda p: {**STRING, "pattern": p})),
        "keys": {"type": "object", "patternProperties": dict.fromkeys(patterns, STRING)},
        "noted": open_object(**_each(strings, lambda t: {**STRING, "format": t, "contentMediaType": t})),
        "required": {"type": "object", "required": strings},
    }
    definitions = {name: channel(name, t=schema) for name, schema in made.items()}
    shared: dict[str, Any] = {name: {**closed(a=STRING), "description": text} for text, name in either}
    shared |= {f"{name}e": {"enum": [text, "b"], "description": text} for text, name in either}
    users = {f"p{index}": ref(f"#/$defs/{pointer_to(name)}") for index, name in enumerate(shared)}
    return definitions | {"shared": {**channel("shared", t=open_object(**users)), "$defs": shared}}


def _const(text: str) -> dict[str, Any]:
    return {"const": text}


def _topics(names: list[str]) -> dict[str, Any]:
    topics = {name: {"schema": STRING, "description": name} for name in names}
    return {"name": "topics", "topics": {**topics, "t": {"schema": open_object(a=STRING)}}}


def _files(strings: list[str]) -> dict[str, Any]:
    """A file for each string that a disk takes, with the others in its words."""
    made: dict[str, Any] = {}
    for index, text in enumerate(strings):
        definition = {
            **channel(f"f{index}:{{p}}", t=ref(quote(f"{_in_path(text)}s{index}.json"))),
            "description": text,
            "params": {"p": {**STRING, "description": text, "title": text, "default": text}},
        }
        folder = f"{_in_path(text)}d{index}" if index % 3 == 0 else "files"
        made[f"{folder}/{_in_path(text)}f{index}.channel.json"] = definition
        made[f"{folder}/{_in_path(text)}s{index}.json"] = {
            **open_object(**{text: STRING}),
            "title": text,
            "$comment": text,
        }
    return made


def _in_path(text: str) -> str:
    """What is left of a text that can be in a path: some 20 characters that show."""
    kept = "".join(char for char in text if char.isprintable() and char != "/")[:20].lstrip("._")
    return f"{kept}x" if keyword.iskeyword(kept) else kept


def _parameters(strings: list[str]) -> dict[str, Any]:
    names = [f"{text}k{index}" for index, text in enumerate(strings)]
    names = [name for name in names if _is_printable(name) and not set("{}:") & set(name) and len(name) < 40]
    made: dict[str, Any] = {}
    for start in range(0, len(names), _MOST_PARAMS):
        group = names[start : start + _MOST_PARAMS]
        stem = f"p{start}"
        template = ":".join(f"{{{name}}}" for name in group)
        params = {name: {"enum": [f"{name}v"], "description": name, "title": name} for name in group}
        definition = {**channel(f"{stem}:{template}", t=STRING), "params": params}
        made[f"params{start}.channel.json"] = definition
    return made


def _is_printable(text: str) -> bool:
    return not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text)


def _is_plain(pattern: str) -> bool:
    """Whether a pattern is short, and means to every engine what it means to Python."""
    return (
        len(pattern) < 200
        and re.fullmatch(r"(?:[\w ]|\\[^\w\s&~#\-'\"<>@`%=:;,!/_ \u0080-\U0010ffff])*", pattern) is not None
    )


def pointer_to(name: str) -> str:
    """A name as the last part of a JSON pointer in a reference."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="")
