"""The classes and aliases of one module, as its intermediate representation has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tightbeam_codegen.read.normalise.shapes import (
    AliasShape,
    Field,
    Name,
    NamedShape,
    ObjectShape,
    Ref,
)
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.spelling import Types
from tightbeam_codegen.targets.python.type_tree import targets_of

__all__ = ["items_of"]


def items_of(types: Types, definitions: Sequence[NamedShape], module: tuple[str, ...]) -> tuple[ir.Item, ...]:
    """Return the classes and aliases of one module: classes, then aliases, each behind those it is made of.

    Args:
        types: the types of shapes.
        definitions: the classes and aliases.
        module: the module.
    """
    ordered = sorted(definitions, key=lambda d: (d.name.module != module, d.name.module, d.order))
    classes = [_class(types, d, module) for d in ordered if isinstance(d, ObjectShape)]
    aliases = {d.name: _alias(types, d, module) for d in ordered if isinstance(d, AliasShape)}
    return (*classes, *_dependencies_first(types, aliases))


def _class(types: Types, definition: ObjectShape, module: tuple[str, ...]) -> ir.Class:
    fields = tuple(_field(types, field, module) for field in definition.fields)
    name = types.local_name(definition.name, module)
    return ir.Class(name, fields, definition.closed, definition.doc)


def _field(types: Types, field: Field, module: tuple[str, ...]) -> ir.Field:
    presence: ir.Presence = "required"
    if not field.required:
        presence = "optional"
        if types.admits_null(field.shape):
            presence = "null-by-default" if field.default_is_null else "optional-nullable"
    return ir.Field(
        field.py_name,
        field.wire_name,
        types.model(field.shape, module),
        types.wire(field.shape, module),
        types.rules(field.shape),
        field.unchecked,
        presence,
        field.doc,
    )


def _alias(types: Types, definition: AliasShape, module: tuple[str, ...]) -> ir.Alias:
    model, wire = types.model(definition.shape, module), types.wire(definition.shape, module)
    differs = types.differs(Ref(definition.name))
    name = types.local_name(definition.name, module)
    quoted = types.unions.is_directly_recursive(definition.name) or types.unions.needs_quotes(
        definition.shape
    )
    return ir.Alias(name, model, wire if differs else None, quoted, definition.doc)


def _dependencies_first(types: Types, aliases: Mapping[Name, ir.Alias]) -> Iterable[ir.Alias]:
    """Return aliases in an order in which they can be evaluated; a directly recursive one is quoted."""
    done: dict[Name, ir.Alias] = {}

    def visit(name: Name, active: frozenset[Name]) -> None:
        if name in done or name in active or name not in aliases:
            return
        if not types.unions.is_directly_recursive(name):
            for other in targets_of(ir.types_of([aliases[name]], None)):
                visit(other, active | {name})
        done[name] = aliases[name]

    for name in aliases:
        visit(name, frozenset())
    return done.values()
