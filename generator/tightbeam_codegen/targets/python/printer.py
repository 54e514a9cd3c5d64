"""The printer of Python modules, bundled schemas and packages. Pure: equal facts give equal text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

import jinja2

from tightbeam_codegen.names import is_plain_key
from tightbeam_codegen.readable_json import readable_json
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python import type_tree as tree
from tightbeam_codegen.targets.python.expressions import (
    Bracketed,
    Expression,
    Word,
    argument,
    arguments,
    call,
    chained,
    constant,
    subscript,
    type_expression,
)
from tightbeam_codegen.targets.python.guard import check_module, check_package
from tightbeam_codegen.targets.python.imports import standard_and_third_party
from tightbeam_codegen.targets.python.layout import Layout, columns
from tightbeam_codegen.targets.python.literals import commented, docstring, literal

__all__ = ["Printer"]

_PACKAGE_TITLE = "Generated {}; each module is imported at the first use of a name of it."
_SCHEMAS_TITLES = {
    "channels": "The schemas of the generated channels' topics.",
    "events": "The schemas of the generated events.",
    "channels and events": "The schemas of the generated channels' topics, and of events.",
}


class Printer:
    """Prints for one version of the tool and one line width.

    Args:
        version: of the tool, for the headers.
        width: of a line.
    """

    def __init__(self, version: str, width: int) -> None:
        self._version = version
        self._layout = Layout(width)
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("tightbeam_codegen.targets.python"),
            autoescape=False,  # noqa: S701 - Python source, not HTML: every value goes through `literal` or `docstring`
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=jinja2.StrictUndefined,
        )
        filters: dict[str, Callable[..., object]] = {
            "alias": self._alias,
            "channel_base": self._channel_base,
            "class_head": self._class_head,
            "commented": commented,
            "dict_function": self._dict_function,
            "dict_key": self._dict_key,
            "documented": lambda statement, doc: f"{statement}\n{docstring(doc, '')}".rstrip("\n"),
            "event_ref": self._event_ref,
            "event_type": self._event_type,
            "docstring": lambda text, indent="": docstring(text, indent),
            "factory_doc": _factory_doc,
            "instance": self._instance,
            "literal": literal,
            "message": self._message,
            "message_aliases": self._message_aliases,
            "model_field": self._model_field,
            "param": self._param,
            "param_kinds": self._param_kinds,
            "param_value": self._param_value,
            "readable_json": readable_json,
            "sequence": lambda names: self._layout.sequence(map(constant, names), ""),
            "topic_ref": self._topic_ref,
        }
        tests: dict[str, Callable[..., bool]] = {"plain": _has_plain_keys}
        self._templates.filters.update(filters)
        self._templates.tests.update(tests)

    # -- whole files -----------------------------------------------------------------------------------------

    def module(self, module: ir.Module) -> str:
        """Return the source of a generated module.

        Raises:
            UnsafeText: a name in it is none.
        """
        types = ir.types_of(module.items, module.defined)
        check_module(module, types)
        classes = [item for item in module.items if isinstance(item, ir.Class)]
        aliases = [item for item in module.items if isinstance(item, ir.Alias)]
        siblings = [self._import(module, imported) for imported in module.imports]
        first = [_import_first(module)] if module.first else []
        return self._templates.get_template("module.py.jinja").render(
            version=self._version,
            module=module,
            channel=module.defined if isinstance(module.defined, ir.Channel) else None,
            event=module.defined if isinstance(module.defined, ir.Event) else None,
            imports=[*standard_and_third_party(module, types), *filter(None, [first, siblings])],
            exported=sorted(_exported(module, classes, aliases)),
            classes=classes,
            aliases=aliases,
            schemas=_relative(module.path, ("_schemas", *module.path)),
        )

    def schemas(self, schemas: ir.Schemas) -> str:
        """Return the source of the module with a definition's bundled schemas."""
        return self._templates.get_template("schemas.py.jinja").render(version=self._version, schemas=schemas)

    def package(self, package: ir.Package) -> str:
        """Return the source of a package's `__init__`.

        Raises:
            UnsafeText: a name in it is none.
        """
        check_package(package)
        names = [name for _, exported in package.exports for name in exported]
        return self._templates.get_template("package.py.jinja").render(
            version=self._version,
            package=package,
            title=_title(package),
            imports=[self._import_names(module, exported) for module, exported in package.exports],
            exported=sorted(names),
            entries=[self._entry(module, exported) for module, exported in package.exports],
        )

    def _import_names(self, module: str, names: Iterable[str]) -> str:
        return self._from(f".{module}", list(names), "    ")

    def _import(self, module: ir.Module, imported: ir.Import) -> str:
        names = [f"{name} as {alias}" for name, alias in imported.names]
        return self._from(_relative(module.path, imported.module), names, "")

    def _from(self, module: str, names: list[str], indent: str) -> str:
        head = f"{indent}from {module} import "
        return self._fitted(f"{head}{', '.join(names)}", f"{head}(", names, f"{indent})")

    def _entry(self, module: str, names: tuple[str, ...]) -> str:
        inner = list(map(literal, names))
        head, comma = f'            "{module}": (', "," if len(names) == 1 else ""
        return self._fitted(f"{head}{', '.join(inner)}{comma}),", head, inner, "            ),")

    def _fitted(self, line: str, head: str, items: Iterable[str], tail: str) -> str:
        """Return a line if it fits, else its head, its items one a line, and its tail."""
        if columns(line) <= self._layout.width:
            return line
        indent = head[: len(head) - len(head.lstrip())]
        return f"{head}\n" + "".join(f"{indent}    {item},\n" for item in items) + tail

    # -- lines -----------------------------------------------------------------------------------------------

    def _model_field(self, field: ir.Field) -> str:
        type_, value = type_expression(field.type), ""
        notes: list[Expression] = []
        if field.rules:
            notes.append(call("_p.Field", *arguments(field.rules)))
        if field.unchecked:
            notes.append(call("v1.unchecked", *arguments(field.unchecked)))
        if field.py_name != field.wire_name:
            notes.append(call("v1.wire", constant(field.wire_name)))
        match field.presence:
            case "required":
                pass
            case "optional":
                type_, value = chained(type_, Word("None")), " = None"
                notes.append(Word("v1.optional"))
            case "optional-nullable":
                type_, value = chained(type_, Word("_MISSING")), " = _MISSING"
            case "null-by-default":
                value = " = None"
            case _:
                assert_never(field.presence)
        annotation = subscript("_t.Annotated", type_, *notes) if notes else type_
        return self._layout.statement(f"{field.py_name}: ", annotation, value, "    ")

    def _dict_key(self, field: ir.Field) -> str:
        return self._layout.statement(f"{field.wire_name}: ", _key_type(field), "", "    ")

    def _dict_function(self, class_: ir.Class) -> str:
        """Return a typed dictionary in the functional form, which has any key."""
        name = f"{class_.name}Dict"
        if not all(field.wire_name for field in class_.fields):
            # Type checkers accept no empty key: only the validator checks such an object.
            return self._layout.statement(f"{name}: _t.TypeAlias = ", type_expression(tree.DictOf(tree.ANY)))
        head = f"{name} = _te.TypedDict("
        wrapped = columns(head) > self._layout.width
        indent = "    " if wrapped else ""
        items = [self._dict_item(field, f"{indent}        ") for field in class_.fields]
        inner = [f'{indent}    "{name}",', f"{indent}    {{", *items, f"{indent}    }},", f"{indent})"]
        lines = [f"{name} = (", "    _te.TypedDict(", *inner, ")"] if wrapped else [head, *inner]
        return "\n".join(lines)

    def _dict_item(self, field: ir.Field, indent: str) -> str:
        type_ = _key_type(field)
        # The functional form is evaluated where it stands, before the dictionaries and aliases that it names.
        if any(map(_is_declared_later, tree.nodes_of(field.wire_type))):
            type_ = constant(type_.source)
        return self._layout.statement(f"{literal(field.wire_name)}: ", type_, ",", indent)

    def _alias(self, alias: ir.Alias) -> str:
        lines = [self._one_alias(alias.name, alias.type, quoted=alias.quoted)]
        if alias.wire_type is not None:
            lines.append(self._one_alias(f"{alias.name}Dict", alias.wire_type, quoted=alias.quoted))
        return "\n".join(lines)

    def _one_alias(self, name: str, type_: tree.Type, *, quoted: bool) -> str:
        expression = type_expression(type_)
        if quoted:
            # pyright understands a recursive TypeAliasType only in some orders of evaluation.
            text = constant(expression.source)
            checked = self._layout.statement(f"{name}: _t.TypeAlias = ", text, "", "    ")
            built = call("_te.TypeAliasType", constant(name), text)
            return f"if TYPE_CHECKING:\n{checked}\nelse:\n" + self._layout.statement(
                f"{name} = ", built, "", "    "
            )
        return self._layout.statement(f"{name}: _t.TypeAlias = ", expression)

    def _message(self, topic: ir.Topic) -> str:
        message = subscript("v1.Message", _name_literal(topic), type_expression(topic.payload_type))
        return self._layout.statement(f"{topic.class_name}Message: _t.TypeAlias = ", message)

    def _channel_base(self, channel: ir.Channel) -> str:
        groups = list(_message_groups(channel))
        names = (Word(f"_Messages{index}") for index in range(len(groups)))
        messages = groups[0] if len(groups) == 1 else chained(*names)
        return self._layout.statement("", subscript("v1.Channel", messages), ",", "    ")

    def _message_aliases(self, channel: ir.Channel) -> list[str]:
        """Return aliases for the parts of a union that is too long to be one expression."""
        groups = list(_message_groups(channel))
        return [
            self._layout.statement(f"_Messages{index}: _t.TypeAlias = ", group)
            for index, group in enumerate(groups if len(groups) > 1 else [])
        ]

    def _class_head(self, name: str, *bases: str) -> str:
        return self._fitted(f"class {name}({', '.join(bases)}):", f"class {name}(", bases, "):")

    def _param(self, param: ir.Param) -> str:
        return self._layout.statement(f"{param.py_name}: ", type_expression(param.type), ",", "    ")

    def _param_value(self, param: ir.Param) -> str:
        name = Word(param.py_name)
        value = call("v1.uuid_text", name) if param.is_uuid else name
        return self._layout.statement(f"{literal(param.wire_name)}: ", value, ",", "            ")

    def _param_kinds(self, channel: ir.Channel) -> str:
        entries = [f"{literal(param.wire_name)}: {literal(param.kind)}" for param in channel.params]
        line = f"    params={{{', '.join(entries)}}},"
        return self._fitted(line, "    params={", entries, "    },")

    def _instance(self, channel: ir.Channel) -> str:
        prefix = f"{channel.function}: {channel.class_name} = "
        return self._layout.statement(prefix, call("v1.open_channel", Word(channel.class_name), Word("{}")))

    def _topic_ref(self, topic: ir.Topic) -> str:
        payload, wire_name = type_expression(topic.payload_type), constant(topic.wire_name)
        parts = (subscript("", type_expression(topic.publish_type)), _name_literal(topic), payload)
        value = call("v1.topic", wire_name, payload).source
        line = f"    {topic.attribute}: {subscript('v1.TopicRef', *parts).source} = {value}"
        if columns(line) <= self._layout.width:
            return line
        head = f"    {topic.attribute}: v1.TopicRef[\n{self._layout.sequence(parts, '    ')}    ] = "
        if columns(f"    ] = {value}") <= self._layout.width:
            return head + value
        return head + f"v1.topic(\n{self._layout.sequence([wire_name, payload], '    ')}    )"

    def _event_type(self, event: ir.Event) -> str:
        data = Word("None") if event.data_type is None else type_expression(event.data_type)
        type_ = subscript("v1.Event", _name_literal(event), data)
        return self._layout.statement(f"{event.class_name}: _t.TypeAlias = ", type_)

    def _event_ref(self, event: ir.Event, schemas: str) -> str:
        """Return the statement of an event's reference.

        Args:
            event: the event.
            schemas: the module with the schema of its data, relative to the event's own.
        """
        name, literal_name = constant(event.wire_name), _name_literal(event)
        if event.data_type is None or event.send_type is None:
            declared = subscript("v1.EmptyEventRef", literal_name)
            return self._declaration(event.ref, declared, call("v1.empty_event", name))
        data = type_expression(event.data_type)
        declared = subscript("v1.DataEventRef", type_expression(event.send_type), literal_name, data)
        where = (argument("module", Word("__name__")), argument("schemas", constant(schemas)))
        return self._declaration(event.ref, declared, call("v1.event", name, data, *where))

    def _declaration(self, name: str, type_: Bracketed, value: Bracketed) -> str:
        """Return `name: type = value`; the value is opened before the type."""
        width = self._layout.width
        if columns(line := f"{name}: {type_.source} = {value.source}") <= width:
            return line
        opened = f"{value.head}(\n{self._layout.sequence(value.items, '')})"
        if columns(f"{name}: {type_.source} = {value.head}(") <= width:
            return f"{name}: {type_.source} = {opened}"
        head = self._layout.opened(f"{name}: ", type_)
        return f"{head} = {value.source if columns(f'] = {value.source}') <= width else opened}"


_OPERANDS = 100
"""Operands of one union: pyright reads no expression nested deeper than 256."""


def _is_declared_later(node: tree.Type) -> bool:
    """Return whether a part of a type is a dictionary, or a class or alias of the same module."""
    return isinstance(node, tree.Named) and (node.name.endswith("Dict") or not node.name.startswith("_"))


def _name_literal(named: ir.Topic | ir.Event) -> Expression:
    return type_expression(tree.Constants((named.wire_name,)))


def _message_groups(channel: ir.Channel) -> Iterable[Expression]:
    names = [Word(f"{topic.class_name}Message") for topic in channel.topics]
    yield from (chained(*names[start : start + _OPERANDS]) for start in range(0, len(names), _OPERANDS))


def _has_plain_keys(class_: ir.Class) -> bool:
    return all(is_plain_key(field.wire_name) for field in class_.fields)


def _key_type(field: ir.Field) -> Expression:
    type_ = type_expression(field.wire_type)
    return type_ if field.presence == "required" else subscript("_t.NotRequired", type_)


def _title(package: ir.Package) -> str:
    is_of_schemas = package.path[:1] == ("_schemas",)
    return _SCHEMAS_TITLES[package.kinds] if is_of_schemas else _PACKAGE_TITLE.format(package.kinds)


def _relative(module: Sequence[str], other: Sequence[str]) -> str:
    """Return how a module names another one of its package."""
    return "." * len(module) + ".".join(other)


def _import_first(module: ir.Module) -> str:
    lines = "".join(f"        {literal(_relative(module.path, path))},\n" for path in module.first)
    return f"v1.import_first(\n    __name__,\n    [\n{lines}    ],\n)"


def _exported(module: ir.Module, classes: list[ir.Class], aliases: list[ir.Alias]) -> Iterable[str]:
    for class_ in classes:
        yield from (class_.name, f"{class_.name}Dict")
    for alias in aliases:
        yield from ((alias.name, f"{alias.name}Dict") if alias.wire_type is not None else (alias.name,))
    for imported in module.imports:
        yield from (alias for _, alias in imported.names if not alias.startswith("_"))
    if isinstance(module.defined, ir.Event):
        yield from (module.defined.class_name, module.defined.ref)
    if isinstance(module.defined, ir.Channel):
        yield from (f"{topic.class_name}Message" for topic in module.defined.topics)
        yield from (module.defined.class_name, module.defined.function)


def _factory_doc(channel: ir.Channel) -> str:
    """Return the factory's docstring: the channel's own words, then its parameters'."""
    described = [(param.py_name, param.doc) for param in channel.params if param.doc.strip()]
    text = channel.doc if channel.doc.strip() or not described else "Return the channel of these parameters."
    return docstring(text, "    ", described)
