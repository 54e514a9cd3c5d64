"""A channel of AsyncAPI as a definition of a channel, or of the event that it was exported from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tightbeam_codegen.asyncapi.addresses import UnusableAddress, separator_of, template_of
from tightbeam_codegen.asyncapi.carried import EXTENSION
from tightbeam_codegen.asyncapi.documents import Channel
from tightbeam_codegen.asyncapi.leftovers import Leftovers
from tightbeam_codegen.asyncapi.locating import Refused, Way
from tightbeam_codegen.asyncapi.messages import Message
from tightbeam_codegen.asyncapi.parameters import read_parameter
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.problems import Problem, Problems, quoted
from tightbeam_codegen.read.check import Definition, check_definition
from tightbeam_codegen.read.discover import CHANNEL_SUFFIXES, EVENT_SUFFIXES
from tightbeam_codegen.read.load import parse
from tightbeam_codegen.settings import Settings

__all__ = ["Draft", "checked", "draft_of", "event_draft_of"]

_TEXT = {"type": "string"}
_BRACES = str.maketrans("", "", "{}")


@dataclass(frozen=True, slots=True)
class Draft:
    """A definition on its way."""

    channel: Channel
    value: dict[str, Any]
    undescribed: tuple[str, ...] = ()
    """The parameters of which the document says nothing."""
    is_event: bool = False

    @property
    def suffix(self) -> str:
        """What the name of its file ends in."""
        return EVENT_SUFFIXES[0] if self.is_event else CHANNEL_SUFFIXES[0]

    def rename(self, name: str) -> None:
        """Give the definition another name; parameters that it hasn't become texts.

        Raises:
            UnusableAddress: it can't be a channel's name.
        """
        if self.is_event:
            self.value["name"] = name
            return
        template, placeholders = template_of(name)
        params = self.value.get("params", {})
        params = {each: params.get(each, dict(_TEXT)) for each in placeholders}
        topics = self.value.pop("topics")
        for key in ("separator", "params"):
            self.value.pop(key, None)
        self.value.update(_named(template, params, None))
        self.value["topics"] = topics


def draft_of(channel: Channel, topics: Mapping[str, Any], way: Way, leftovers: Leftovers) -> Draft:
    """Make a definition of a channel.

    Args:
        channel: the channel.
        topics: its topics, one at least.
        way: follows references.
        leftovers: takes what parameters say besides.

    Raises:
        Refused: it can't be one.
    """
    what = f"the channel {quoted(channel.key)} is left out: "
    address = channel.key.translate(_BRACES) if channel.address is None else channel.address
    try:
        template, placeholders = template_of(address)
        if not template:
            raise UnusableAddress("its address is empty", "Give it one.")
        names = {each: _own_name(channel, each) for each in placeholders}
        try:
            params = _params(channel, names, way, leftovers)
        except Refused as refused:
            raise refused.of(f"the channel {quoted(channel.key)}") from None
        for key, name in names.items():
            template = template.replace(f"{{{key}}}", f"{{{name}}}")
        named = _named(template, params, channel.ours.get("separator"))
    except UnusableAddress as unusable:
        raise Refused(channel.located.place, what + unusable.message, unusable.remedy) from None
    value: dict[str, Any] = {"name": named.pop("name")}
    if channel.description:
        value["description"] = channel.description
    if isinstance(class_name := channel.ours.get("name"), str):
        value["x-tightbeam-name"] = class_name
    undescribed = tuple(name for key, name in names.items() if key not in channel.parameters)
    draft = Draft(channel, {**value, **named, "topics": dict(topics)}, undescribed)
    _settle(draft, what, leftovers)
    return draft


def event_draft_of(channel: Channel, name: str, message: Message) -> Draft:
    """Make a definition of a channel that an event was exported as.

    Args:
        channel: the channel.
        name: of the event.
        message: its one message.
    """
    value: dict[str, Any] = {"name": name}
    if description := channel.description or message.description:
        value["description"] = description
    if isinstance(type_name := channel.ours.get("name"), str):
        value["x-tightbeam-name"] = type_name
    if message.reference is not None:
        value["schema"] = {"$ref": message.reference}
    return Draft(channel, value, is_event=True)


def _named(template: str, params: Mapping[str, Any], separator: object) -> dict[str, Any]:
    """Return the keys of a definition that make its name."""
    values = [str(value) for schema in params.values() for value in schema.get("enum", ())]
    found = separator_of(template, values, separator)
    named: dict[str, Any] = {"name": template}
    if found != ":":
        named["separator"] = found
    return {**named, "params": dict(params)} if params else named


def _own_name(channel: Channel, placeholder: str) -> str:
    """Return what an exported document calls a parameter, whose key AsyncAPI wouldn't allow."""
    stated = channel.parameters.get(placeholder)
    ours = stated.object.get(EXTENSION) if stated is not None else None
    name = ours.get("name") if isinstance(ours, dict) else None
    usable = isinstance(name, str) and name.strip() and not {"{", "}"} & set(name)
    return name if usable and isinstance(name, str) else placeholder


def _params(
    channel: Channel, names: Mapping[str, str], way: Way, leftovers: Leftovers
) -> dict[str, dict[str, Any]]:
    params: dict[str, dict[str, Any]] = {}
    for key, name in names.items():
        stated = channel.parameters.get(key)
        params[name] = read_parameter(stated, way, leftovers) if stated is not None else dict(_TEXT)
    for key, located in channel.parameters.items():
        if key not in names:
            leftovers.add("parameters", located, key)
    return params


def _settle(draft: Draft, what: str, leftovers: Leftovers) -> None:
    """Make a definition pass its own checks; a parameter that doesn't becomes a plain text.

    Raises:
        Refused: something else is wrong with it.
    """
    params: dict[str, Any] = draft.value.get("params", {})
    for is_last in (False, True):
        found = checked(draft.value)
        if isinstance(found, Definition):
            return
        if is_last:
            raise Refused(draft.channel.located.place, what + found[0].message, found[0].remedy)
        faulty = [name for name in params if any(quoted(name) in each.message for each in found)]
        for name in faulty or params:
            if (located := draft.channel.parameters.get(name)) is not None:
                leftovers.add("parameter keywords", located, name)
            params[name] = dict(_TEXT)


def checked(value: Mapping[str, Any], path: str = "x") -> Definition | tuple[Problem, ...]:
    """Return a definition, or what is wrong with it; payloads aren't looked at.

    Args:
        value: the definition.
        path: of its file, without the ending.
    """
    path = f"{path}.channel.json"
    topics = {name: {**topic, "schema": True} for name, topic in value["topics"].items()}
    data = json.dumps({**value, "topics": topics}).encode()
    problems = Problems()
    definition = check_definition(parse(data, path, path, ROOT_URI + path), Settings(), problems)
    return definition if definition is not None else problems.sorted()
