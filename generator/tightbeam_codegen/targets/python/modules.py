"""The modules of the generated package, of definitions and of schema documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tightbeam_codegen.model import ChannelModel, EventModel, ModulePath
from tightbeam_codegen.names import OF_THE_METACLASS, field_names, pascal
from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.check import AnyDefinition, Definition, EventDefinition
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise.shapes import NamedShape, Ref
from tightbeam_codegen.read.topics import TopicShape, topic_alias
from tightbeam_codegen.targets.declared import description_of
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python import type_tree as tree
from tightbeam_codegen.targets.python.accepted import Accepted
from tightbeam_codegen.targets.python.items import items_of
from tightbeam_codegen.targets.python.spelling import Types

__all__ = ["channel_module", "event_module", "exports", "packages", "parameter_names", "shared_module"]


def channel_module(
    channel_model: ChannelModel,
    named: Sequence[NamedShape],
    types: Types,
    problems: Problems,
) -> ir.Module:
    """Assemble the module of one channel definition.

    Args:
        channel_model: the channel.
        named: the classes and aliases that are declared in this module.
        types: the types of shapes.
        problems: takes names that meet.
    """
    definition, topics, module = channel_model.definition, channel_model.topics, channel_model.module
    payloads = _Payloads(types, module)
    channel_topics = tuple(
        ir.Topic(topic.attribute, topic.name, pascal(topic.name), *payloads.add(topic), topic.doc.strip())
        for topic in topics
    )
    description = definition.description.strip()
    channel = ir.Channel(
        *exports(definition),
        definition.name,
        definition.separator,
        tuple(_params(definition)),
        channel_topics,
        payloads.private,
        description,
    )
    doc = description or f"The channel `{definition.name}`."
    return _module(definition, doc, topics, named, payloads, channel, problems)


def event_module(
    event_model: EventModel,
    named: Sequence[NamedShape],
    types: Types,
    problems: Problems,
) -> ir.Module:
    """Assemble the module of one event definition.

    Args:
        event_model: the event.
        named: the classes and aliases that are declared in this module.
        types: the types of shapes.
        problems: takes names that meet.
    """
    definition, payload = event_model.definition, event_model.payload
    payloads = _Payloads(types, event_model.module)
    data, accepted = payloads.add(payload) if payload else (None, None)
    description = (payload.doc if payload else definition.description).strip()
    class_name, ref = exports(definition)
    event = ir.Event(class_name, ref, definition.name, data, accepted, payloads.private, description)
    doc = description or f"The event `{definition.name}`."
    return _module(definition, doc, event_model.topics, named, payloads, event, problems)


class _Payloads:
    """The types of the payloads of one module, and the aliases that these need.

    Args:
        types: the types of shapes.
        module: the module.
    """

    def __init__(self, types: Types, module: ModulePath) -> None:
        self.types = types
        self.aliases: list[ir.Alias] = []
        """The names of payloads besides those of their classes."""
        self._module = module
        self._accepted = Accepted(types, module)
        self._private: list[ir.Alias] = []

    @property
    def private(self) -> tuple[ir.Alias, ...]:
        """Aliases that only the types of payloads need."""
        return (*self._private, *self._accepted.aliases)

    def add(self, topic: TopicShape) -> tuple[tree.Type, tree.Type]:
        """Return the type of a payload, and that of what calls accept for it."""
        alias = _topic_alias(topic, self.types, self._module)
        if alias is not None:
            self.aliases.append(alias)
        payload = tree.Named(alias.name) if alias else self.types.model(topic.shape, self._module)
        if alias is None and self.types.unions.needs_quotes(topic.shape):
            self._private.append(ir.Alias(f"_Payload{pascal(topic.name)}", payload, None, True, ""))
            payload = tree.Named(self._private[-1].name)
        return payload, self._accepted.type_of(topic.shape, alias)


def _module(
    definition: AnyDefinition,
    doc: str,
    topics: Sequence[TopicShape],
    named: Sequence[NamedShape],
    payloads: _Payloads,
    defined: ir.Channel | ir.Event,
    problems: Problems,
) -> ir.Module:
    """Put the module of a definition together, and refuse names in it that meet.

    Args:
        definition: the definition.
        doc: the module's docstring.
        topics: the payloads.
        named: the classes and aliases that are declared in the module.
        payloads: has the aliases of payloads.
        defined: the channel or event.
        problems: takes names that meet.
    """
    module, types = definition.module, payloads.types
    items = (*items_of(types, named, module), *payloads.aliases)
    result = ir.Module(
        module,
        definition.document.path,
        definition.document.digest,
        doc,
        _imports(module, ir.types_of(items, defined), types),
        items,
        defined,
    )
    _check_names(result, definition.document, topics, problems)
    return result


def exports(definition: AnyDefinition) -> tuple[str, str]:
    """Return the names that a definition's package offers.

    They are those of a channel's class and of its factory or instance, or of an event's type and reference.
    """
    last = definition.module[-1]
    kind = "event" if isinstance(definition, EventDefinition) else "channel"
    return definition.class_name or f"{pascal(last)}{kind.capitalize()}", f"{last}_{kind}"


def shared_module(
    document: Document, module: ModulePath, named: Sequence[NamedShape], types: Types
) -> ir.Module:
    """Assemble the module of a document that definitions refer to.

    Args:
        document: the document.
        module: the module.
        named: the classes and aliases that are declared in it.
        types: the types of shapes.
    """
    items = items_of(types, named, module)
    return ir.Module(
        module,
        document.path,
        document.digest,
        description_of(document) or "Shared payload types.",
        _imports(module, ir.types_of(items, None), types),
        items,
        None,
    )


def packages(
    offered: Mapping[ModulePath, tuple[str, ...]], others: Iterable[ModulePath], kinds: ir.Kinds
) -> Iterator[ir.Package]:
    """Yield the `__init__` of the package and of each folder in it, which offers what is directly in it.

    Args:
        offered: module of a definition -> the names that its package offers.
        others: the other modules.
        kinds: what there is.
    """
    paths: dict[ModulePath, list[tuple[str, tuple[str, ...]]]] = {(): []}
    for module in (*offered, *others):
        for depth in range(len(module)):
            paths.setdefault(module[:depth], [])
    for module, names in offered.items():
        paths[module[:-1]].append((module[-1], names))
    for path, exported in sorted(paths.items()):
        yield ir.Package(path, tuple(sorted(exported)), kinds)


def _topic_alias(topic: TopicShape, types: Types, module: ModulePath) -> ir.Alias | None:
    """Return the topic's own name for its payload, where it has one besides that of the class."""
    named, shape = topic_alias(topic, module), topic.shape
    if named is None:
        return None
    wire = types.wire(shape, module) if types.differs(shape) else None
    return ir.Alias(
        named.name, types.model(shape, module), wire, types.unions.needs_quotes(shape), topic.doc.strip()
    )


def parameter_names(definition: Definition) -> dict[str, str]:
    """Return what a channel's factory calls each parameter."""
    names = [param.name for param in definition.params]
    return field_names(names, {name: name for name in names if name in OF_THE_METACLASS})


def _params(definition: Definition) -> Iterator[ir.Param]:
    py_names = parameter_names(definition)
    kinds: dict[str, tree.Type] = {"string": tree.STR, "integer": tree.INT, "boolean": tree.BOOL}
    for param in definition.params:
        type_ = kinds[param.kind]
        is_uuid = definition.assert_formats and param.schema.get("format") == "uuid" and type_ == tree.STR
        if param.enum:
            type_ = tree.Constants(tuple(param.enum))
        elif is_uuid:
            type_ = tree.OneOf((tree.Format("uuid"), tree.STR))
        yield ir.Param(
            py_names[param.name],
            param.name,
            param.kind,
            type_,
            is_uuid and not param.enum,
            param.description.strip(),
        )


def _imports(module: tuple[str, ...], spelt: Iterable[tree.Type], types: Types) -> tuple[ir.Import, ...]:
    """Return what a module imports for its types, and what it re-exports of its own file.

    Args:
        module: the module.
        spelt: every type in it.
        types: the types of shapes.
    """
    assignment, assigned = types.assignment, types.assignment.of(module)
    exported = [] if assigned == module else [name for name in types.definitions if name.module == module]
    by_module: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for name in sorted({*tree.targets_of(spelt), *exported}, key=lambda name: (name.module, name.name)):
        if assignment.of(name.module) == module:
            continue
        # Within a circle, only the module that declares the class is sure not to import this one.
        inside = assignment.of(name.module) == assigned
        declared = assignment.declared_name(name) if inside else name.name
        local = types.local_name(name, module)
        imported = by_module.setdefault(assigned if inside else name.module, [])
        imported.append((declared, local))
        if types.differs(Ref(name)):
            imported.append((f"{declared}Dict", f"{local}Dict"))
    return tuple(ir.Import(other, tuple(imported)) for other, imported in sorted(by_module.items()))


def _check_names(
    module: ir.Module, document: Document, topics: Sequence[TopicShape], problems: Problems
) -> None:
    """Refuse two declarations of one module that have one name.

    Args:
        module: the module.
        document: the definition.
        topics: its topics.
        problems: takes what is refused.
    """
    taken = {alias for imported in module.imports for _, alias in imported.names}
    for item in module.items:
        names = [item.name]
        if isinstance(item, ir.Class) or item.wire_type is not None:
            names.append(f"{item.name}Dict")
        met = next((name for name in names if name in taken), None)
        taken.update(names)
        if met is not None:
            place = next((t.place for t in topics if t.class_name == item.name), None)
            problems.error(
                place or document.place(()),
                f"the name {met!r} would stand for two things in one module",
                "Rename one of the two, or give it another class name with `x-tightbeam-name`.",
            )
    messages: dict[str, str] = {}
    for topic in topics if isinstance(module.defined, ir.Channel) else ():
        message = f"{pascal(topic.name)}Message"
        other = messages.setdefault(message, topic.name)
        if other != topic.name:
            problems.error(
                topic.place,
                f"messages of {quoted(other)} and {quoted(topic.name)} would both be called {message!r}",
                "Rename one of the topics.",
            )
    defined = module.defined
    if defined is not None and defined.class_name in taken:
        what = "event's type" if isinstance(defined, ir.Event) else "channel's class"
        problems.error(
            document.place(("x-tightbeam-name",)),
            f"the {what} and a payload would both be called {defined.class_name!r}",
            "Choose another name.",
        )
