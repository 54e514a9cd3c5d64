"""The oracle for hostile schemas in TypeScript: the words and marks that may stand in a module, no others.

A module is read as tokens: constants, comments, names and marks. There is none for a template in which
something is replaced, a regular expression or an operator, and a name is either one of ours, one that the
module declares, or a property's.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["NotAllowed", "check_module", "check_modules", "constants", "read"]


class NotAllowed(AssertionError):
    """Something that generated modules don't need."""


_TOKEN = re.compile(
    r"""(?P<space>[ \n]+)
    | (?P<comment>/\*\*(?:[^*]|\*(?!/))*\*/ | //[^\n]*)
    | (?P<raw>String\.raw`(?:[^`$\\]|\\["\\bfnrtu]|\$(?!\{))*`)
    | (?P<text>"(?:[^"\\\n]|\\[^\n])*" | '(?:[^'\\\n]|\\[^\n])*')
    | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?n?(?!\w))
    | (?P<name>(?:[\w$]|[^\x00-\x7f\s])+)
    | (?P<mark>=> | \.\.\. | [{}()\[\]<>=:;,.|?*])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-f]+)\}|u([0-9a-f]{4})|([\\nrt'\"]))")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}

_WORDS = frozenset(["import", "export", "type", "from", "as", "const", "new", "typeof"])
_TYPES = frozenset(["string", "number", "boolean", "bigint", "unknown", "never", "null", "true", "false"])
_SUPPORT = frozenset(
    ["realtime", "channelName", "payload", "params", "Validators", "validators", "unchecked", "formats"]
)
_SUPPORT |= {"Ajv", "Ajv4", "Ajv2019", "Ajv2020"}
_MEMBERS = frozenset(["realtime.channel", "unchecked.name", "unchecked.topics", "unchecked.$params"])
_MEMBERS |= {"validators.name", "validators.topics", ").name"}
_CALLED = frozenset(["channel", "payload", "channelName", "Validators", "topics", "name", "unchecked"])
_IMPORTED = frozenset(["inngest/realtime", "ajv", "ajv-formats", "ajv-draft-04"])
_IMPORTED |= {"ajv/dist/2019.js", "ajv/dist/2020.js"}
_CLOSING = {"}": "{", ")": "(", "]": "["}


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and how many brackets it is in."""

    kind: str
    text: str
    depth: int = 0


def read(source: str) -> str:
    """What a constant stands for. Raises NotAllowed for an escape that isn't one of ours."""
    if source.startswith("String.raw`"):
        return source[len("String.raw`") : -1].strip()
    found, rest = "", source[1:-1]
    while rest:
        escape = _ESCAPE.match(rest)
        if escape is None:
            if rest[0] in ("\\", source[0]):
                raise NotAllowed(f"an escape: {rest[:8]!r}")
            found, rest = found + rest[0], rest[1:]
            continue
        code = escape[1] or escape[2]
        found += chr(int(code, 16)) if code else _ESCAPED.get(escape[3], escape[3])
        rest = rest[escape.end() :]
    return found


def constants(source: str) -> set[str]:
    """The texts of a module, property names included."""
    tokens = list(_tokens(source))
    constant = ("text", "raw")
    return {read(t.text) if t.kind in constant else t.text for t in tokens if t.kind in (*constant, "name")}


def check_modules(files: Mapping[str, str], support: Mapping[str, str]) -> None:
    """Check all modules; those in `support` must be what they are."""
    for path, source in files.items():
        if path in support:
            assert source == support[path]
        else:
            check_module(source)


def check_module(source: str) -> None:
    """Raise NotAllowed unless a module holds nothing but declarations of the kinds we print."""
    for char in source:
        if char != "\n" and not char.isprintable() and unicodedata.category(char) != "Zs":
            raise NotAllowed(f"a character that doesn't show: {char!r}")
    tokens = list(_tokens(source))
    code = [Token("mark", ";"), *(token for token in tokens if token.kind != "comment")]
    if any(t.kind == "comment" and re.search(r"(?<!\w)@|#__[A-Z]", t.text) for t in tokens):
        raise NotAllowed("a comment that gives an order")
    known = _WORDS | _TYPES | _SUPPORT | _declared(code)
    for (before, token), (_, after) in pairwise([*pairwise(code), (code[-1], Token("mark", ";"))]):
        _check_token(before, token, after, known)
    if code[-1].text not in (";", "}"):
        raise NotAllowed("a module that ends in the middle")


def _tokens(source: str) -> Iterator[Token]:
    at, open_brackets = 0, list[str]()
    lines = source.split("\n")
    while at < len(source):
        found = _TOKEN.match(source, at)
        if found is None:
            raise NotAllowed(f"line {source[:at].count(chr(10)) + 1}: {source[at : at + 20]!r}")
        at, kind = found.end(), str(found.lastgroup)
        if kind == "comment" and found[0].startswith("//") and found[0] not in lines[:2]:
            raise NotAllowed("a comment to the end of a line")
        if found[0] in _CLOSING and (not open_brackets or open_brackets.pop() != _CLOSING[found[0]]):
            raise NotAllowed("brackets that don't match")
        if kind != "space":
            yield Token(kind, found[0], len(open_brackets))
        if found[0] in _CLOSING.values():
            open_brackets.append(found[0])
    if open_brackets:
        raise NotAllowed("a bracket that stays open")


def _declared(code: list[Token]) -> frozenset[str]:
    """What a module declares or imports: names that are after a word that says so."""
    return frozenset(
        name.text
        for word, name in pairwise(code)
        if name.kind == "name" and word.kind == "name" and word.text in ("type", "const", "as")
    )


def _check_token(before: Token, token: Token, after: Token, known: frozenset[str]) -> None:
    text, place = token.text, f"{before.text} {token.text} {after.text}"
    if token.kind == "name" and not text.replace("$", "_").isidentifier():
        raise NotAllowed(f"no name: {place}")
    match token.kind:
        case "text":
            read(text)
            if before.text == "from" and read(text) not in _IMPORTED and not _is_module(read(text)):
                raise NotAllowed(f"an import: {place}")
        case "raw":
            # The schemas, which the validators take as JSON.
            if (before.text, after.text) != ("(", ","):
                raise NotAllowed(f"a template: {place}")
            try:
                json.loads(read(text))
            except ValueError as error:
                raise NotAllowed(f"a template that isn't JSON: {error}") from None
        case "name" if before.text in (";", "}") and token.depth == 0:
            if text not in ("import", "export", "const") and (before.text, text) != ("}", "from"):
                raise NotAllowed(f"a statement: {place}")
        case "name" if (
            before.text != "." and text not in known and (before.text, text, after.text) != ("[", "key", ":")
        ):
            # A property, or what an import calls what it is called elsewhere.
            begins = before.text in ("{", ",") or (before.text == ";" and token.depth > 0)
            if not (begins and after.text in (":", "?", "as")) and after.text != "from":
                raise NotAllowed(f"a name: {place}")
        case "mark":
            _check_mark(before, token, after)
        case _:
            pass


def _is_module(specifier: str) -> bool:
    first, *parts = specifier.removesuffix(".js").removesuffix(".validators").split("/")
    return first in (".", "..") and all(part == ".." or part.isidentifier() for part in parts)


def _check_mark(before: Token, token: Token, after: Token) -> None:
    place = f"{before.text} {token.text} {after.text}"
    match token.text:
        case "(" if before.kind in ("name", "text", "raw", "number") or before.text in (")", "]", "}"):
            allowed = before.text in _CALLED
        case "=":
            allowed = token.depth == 0
        case "?":
            allowed = after.text in (":", ",", "]")
        case "*":
            allowed = (before.text, after.text) == ("export", "from")
        case "=>":
            allowed = before.text == ")" and after.text in ("channelName", "validators")
        case "." | "...":
            allowed = token.text == "..." or f"{before.text}.{after.text}" in _MEMBERS
        case "{":
            allowed = before.text != ")"
        case _:
            allowed = True
    if not allowed:
        raise NotAllowed(f"a mark: {place}")
