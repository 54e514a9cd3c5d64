"""The modules of TypeScript bindings, of definitions and of schema documents.

Modules may import types from each other in a circle, since a type import is gone when the program runs. So
each type is declared in the module of its own file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from tightbeam_codegen.names import pascal
from tightbeam_codegen.read.check import AnyDefinition, Definition, EventDefinition, Parameter
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise.rules import STATED
from tightbeam_codegen.read.normalise.shapes import (
    Field,
    Name,
    NamedShape,
    ObjectShape,
    Ref,
    Rules,
    Shape,
    names_in,
    shapes_of,
)
from tightbeam_codegen.read.topics import TopicShape
from tightbeam_codegen.targets.declared import description_of
from tightbeam_codegen.targets.typescript import ir
from tightbeam_codegen.targets.typescript.spelling import one_of, spelt, type_of

__all__ = ["channel_module", "event_module", "exports", "module_specifier", "shared_module"]

_Path = tuple[str, ...]

_INHERITED = frozenset(
    (
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"),
        *("toLocaleString", "toString", "valueOf"),
    )
)
"""Properties of every object in JavaScript, all of them functions."""


def channel_module(
    definition: Definition, topics: Sequence[TopicShape], named: Sequence[NamedShape]
) -> ir.Module:
    """Assemble the module of a channel definition.

    Args:
        definition: the definition.
        topics: its topics, with exact shapes.
        named: the classes and aliases of its file.
    """
    types, aliases = _payloads(topics, named, definition.module)
    payloads = zip(topics, types, strict=True)
    constant, message = exports(definition)
    channel = ir.Channel(
        constant,
        definition.name,
        definition.separator,
        tuple(ir.Param(p.name, p.kind, p.enum, p.description, _rules_of(p)) for p in definition.params),
        tuple(ir.Topic(topic.name, type_, topic.doc.strip()) for topic, type_ in payloads),
        definition.description,
        message,
    )
    return _module(definition, topics, named, aliases, channel=channel)


def event_module(
    definition: EventDefinition, topics: Sequence[TopicShape], named: Sequence[NamedShape]
) -> ir.Module:
    """Assemble the module of an event definition.

    Args:
        definition: the definition.
        topics: its data, with exact shapes; none for an event without data.
        named: the classes and aliases of its file.
    """
    types, aliases = _payloads(topics, named, definition.module)
    constant, type_name = exports(definition)
    doc = topics[0].doc if topics else definition.description
    event = ir.Event(constant, type_name, definition.name, types[0] if types else None, doc.strip())
    return _module(definition, topics, named, aliases, event=event)


def _payloads(
    topics: Sequence[TopicShape], named: Sequence[NamedShape], path: _Path
) -> tuple[list[ir.Type], list[ir.AliasType]]:
    """Return the types of payloads, and the aliases for those that have no name of their own."""
    taken = {each.name.name for each in named}
    types: list[ir.Type] = []
    aliases: list[ir.AliasType] = []
    for topic in topics:
        type_ = type_of(topic.shape, path)
        if topic.shape != Ref(Name(path, topic.class_name)) and topic.class_name not in taken:
            # Every payload has a name to import, be it text or a number.
            taken.add(topic.class_name)
            aliases.append(ir.AliasType(topic.class_name, type_, topic.doc, topic.rules))
            type_ = ir.Named(topic.class_name)
        types.append(type_)
    return types, aliases


def _module(
    definition: AnyDefinition,
    topics: Sequence[TopicShape],
    named: Sequence[NamedShape],
    aliases: Iterable[ir.AliasType],
    *,
    channel: ir.Channel | None = None,
    event: ir.Event | None = None,
) -> ir.Module:
    """Put the module of a definition together.

    Args:
        definition: the definition.
        topics: its payloads.
        named: the classes and aliases of its file.
        aliases: the aliases of payloads.
        channel: what it defines, if it is a channel.
        event: what it defines, if it is an event.
    """
    path = definition.module
    return ir.Module(
        path,
        definition.document.path,
        definition.document.digest,
        "",
        _imports(path, [*shapes_of(named), *(topic.shape for topic in topics)]),
        (*_items(named, path), *aliases),
        channel,
        event,
    )


def exports(definition: AnyDefinition) -> tuple[str, str]:
    """Return the names of a channel, or of its factory, or of an event, and the name of a type.

    That is the type of the channel's messages, or of the event as it is sent.
    """
    stem = pascal(definition.module[-1])
    kind, type_ = ("Event", "Event") if isinstance(definition, EventDefinition) else ("Channel", "Message")
    return f"{stem[0].lower()}{stem[1:]}{kind}", f"{stem}{type_}"


def shared_module(document: Document, path: _Path, named: Sequence[NamedShape]) -> ir.Module:
    """Assemble the module of a document that definitions refer to.

    Args:
        document: the document.
        path: of the module.
        named: the classes and aliases of the document.
    """
    return ir.Module(
        path,
        document.path,
        document.digest,
        description_of(document),
        _imports(path, shapes_of(named)),
        _items(named, path),
        None,
    )


def module_specifier(path: _Path, other: _Path) -> str:
    """Return the specifier by which one module imports another, without an ending.

    Args:
        path: of the module that imports.
        other: the path of the one that is imported.
    """
    relative = posixpath.relpath("/".join(other), "/".join(path[:-1]) or ".")
    return relative if relative.startswith(".") else f"./{relative}"


def _imports(path: _Path, shapes: Iterable[Shape]) -> tuple[ir.Import, ...]:
    used = {name for shape in shapes for name in names_in(shape) if name.module != path}
    by_module: dict[_Path, list[tuple[str, str]]] = {}
    for name in sorted(used, key=lambda name: (name.module, name.name)):
        by_module.setdefault(name.module, []).append((name.name, spelt(name, path)))
    return tuple(ir.Import(module_specifier(path, other), tuple(names)) for other, names in by_module.items())


def _items(named: Sequence[NamedShape], path: _Path) -> tuple[ir.Item, ...]:
    return tuple(_item(each, path) for each in sorted(named, key=lambda each: (each.order, each.name.name)))


def _item(named: NamedShape, path: _Path) -> ir.Item:
    if not isinstance(named, ObjectShape):
        return ir.AliasType(named.name.name, type_of(named.shape, path), named.doc, named.rules)
    properties = tuple(_property(field, path) for field in named.fields)
    return ir.ObjectType(named.name.name, properties, named.closed, named.doc, named.rules)


def _property(field: Field, path: _Path) -> ir.Property:
    type_ = type_of(field.shape, path)
    if not field.required and field.wire_name in _INHERITED:
        # Without the property, an object has the function that it inherits, and the compiler knows that.
        type_ = one_of([type_, ir.FUNCTION])
    return ir.Property(field.wire_name, type_, not field.required, field.doc, field.unchecked)


def _rules_of(param: Parameter) -> Rules:
    """Return the rules of a parameter's schema; without `minLength` 1, which every parameter has."""
    rules = ((keyword, param.schema.get(keyword)) for keyword in ("deprecated", *STATED))
    return tuple(
        (keyword, value)
        for keyword, value in rules
        if isinstance(value, str | int | float)
        and value is not False
        and (keyword, value) != ("minLength", 1)
    )
