"""What documents of AsyncAPI say and channel definitions don't: counted, and named kind by kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tightbeam_codegen.asyncapi.locating import Located
from tightbeam_codegen.problems import Place, Problem, quoted

__all__ = ["KINDS", "Leftovers"]

_NAMED = 3
"""How many of one kind are named."""


class Kind(NamedTuple):
    """A kind of things that have no counterpart."""

    one: str
    many: str
    why: str
    """What takes their place here, or why there is none."""


_DECIDED_ELSEWHERE = "It is decided where the client or the gateway is made."
_TEXT = "It describes, and decides nothing: the document still has it."

KINDS: Mapping[str, Kind] = {
    "servers": Kind("server", "servers", "Where channels are served is decided where the gateway is made."),
    "channel servers": Kind("list of a channel's servers", "lists of channels' servers", _DECIDED_ELSEWHERE),
    "security": Kind("security scheme or requirement", "security schemes and requirements",
                     "Who may read a channel is decided where tokens are given out."),
    "bindings": Kind("binding to a protocol", "bindings to protocols",
                     "Messages travel through the gateway, and through no other protocol."),
    "operations": Kind("operation", "operations", "Every topic can be published and subscribed to."),
    "operation traits": Kind("trait of operations", "traits of operations",
                             "Every topic can be published and subscribed to."),
    "replies": Kind("reply to an operation", "replies to operations",
                    "An answer is a message like others: publish it on the channel of the reply."),
    "headers": Kind("schema of headers", "schemas of headers",
                    "What stands beside a payload, its metadata, has no schema."),
    "correlation ids": Kind("correlation id", "correlation ids",
                            "Put the id into the payload, or into a parameter of the channel."),
    "content types": Kind("content type that isn't JSON", "content types that aren't JSON",
                          "Every payload is JSON."),
    "examples": Kind("list of a message's examples", "lists of messages' examples", _TEXT),
    "tags": Kind("list of tags", "lists of tags", _TEXT),
    "external docs": Kind("link to other documentation", "links to other documentation", _TEXT),
    "locations": Kind("location of a parameter's value", "locations of parameters' values",
                      "A parameter is part of the channel's name alone."),
    "parameter defaults": Kind("default of a parameter", "defaults of parameters",
                               "Every parameter has to be given; the default stands in its schema."),
    "parameters": Kind("parameter that isn't in the address", "parameters that aren't in the address",
                       "A name has a value for each of its placeholders, and no others."),
    "parameter keywords": Kind("keyword of a parameter's schema", "keywords of parameters' schemas",
                               "A parameter has a text, an integer or a boolean."),
    "deprecations": Kind("deprecation", "deprecations", "Say it in the topic's description."),
    "unused messages": Kind("message without a channel", "messages without channels",
                            "Give it a topic by hand, with a reference to its payload."),
    "unused channels": Kind("unused channel below `components`", "unused channels below `components`",
                            "Only the channels of the document itself are there."),
    "about": Kind("statement about the document", "statements about the document", _TEXT),
    "extensions": Kind("extension", "extensions", "Its meaning is that of another tool."),
    "other keys": Kind("key that AsyncAPI doesn't have there", "keys that AsyncAPI doesn't have there",
                       "Is it misspelt?"),
}  # fmt: skip


class Leftovers:
    """Collects what isn't taken."""

    def __init__(self) -> None:
        self._found: dict[str, dict[Place, str]] = {}

    def add(self, kind: str, located: Located, name: str = "") -> None:
        """Note something that has no counterpart; noted again, it counts once.

        Args:
            kind: one of KINDS.
            located: where it is.
            name: what it is called.
        """
        self._found.setdefault(kind, {}).setdefault(located.place, name)

    def problems(self) -> Iterator[Problem]:
        """Yield a warning for each kind, at the place of the first one."""
        for kind, each in KINDS.items():
            found = self._found.get(kind)
            if not found:
                continue
            what = f"1 {each.one} has" if len(found) == 1 else f"{len(found)} {each.many} have"
            names = list(dict.fromkeys(filter(None, found.values())))
            named = ", ".join(map(quoted, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
            message = f"{what} no counterpart and {'is' if len(found) == 1 else 'are'} left out"
            yield Problem(min(found), "warning", f"{message}: {named}" if named else message, each.why)
