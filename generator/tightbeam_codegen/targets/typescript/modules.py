"""The modules of TypeScript bindings, of channel definitions and of schema documents.

Modules may import types from each other in a circle, since a type import is gone when the program runs. So
each type is declared in the module of its own file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from tightbeam_codegen.names import class_name, pascal
from tightbeam_codegen.read.check import Definition, Parameter
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

__all__ = ["channel_module", "exports", "module_specifier", "shared_module"]

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
    path = definition.module
    taken = {each.name.name for each in named}
    aliases: list[ir.AliasType] = []
    channel_topics: list[ir.Topic] = []
    for topic in topics:
        name = class_name([topic.name])
        type_ = type_of(topic.shape, path)
        if topic.shape != Ref(Name(path, name)) and name not in taken:
            # Every payload has a name to import, be it text or a number.
            taken.add(name)
            aliases.append(ir.AliasType(name, type_, topic.doc, topic.rules))
            type_ = ir.Named(name)
        channel_topics.append(ir.Topic(topic.name, type_, topic.doc.strip()))
    constant, message = exports(definition)
    channel = ir.Channel(
        constant,
        definition.name,
        definition.separator,
        tuple(ir.Param(p.name, p.kind, p.enum, p.description, _rules_of(p)) for p in definition.params),
        tuple(channel_topics),
        definition.description,
        message,
    )
    return ir.Module(
        path,
        definition.document.path,
        definition.document.digest,
        "",
        _imports(path, [*shapes_of(named), *(topic.shape for topic in topics)]),
        (*_items(named, path), *aliases),
        channel,
    )


def exports(definition: Definition) -> tuple[str, str]:
    """Return the names of a channel, or of its factory, and of the type of its messages."""
    stem = pascal(definition.module[-1])
    return f"{stem[0].lower()}{stem[1:]}Channel", f"{stem}Message"


def shared_module(document: Document, path: _Path, named: Sequence[NamedShape]) -> ir.Module:
    """Assemble the module of a document whose definitions channels refer to.

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
