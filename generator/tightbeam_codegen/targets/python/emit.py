"""The Python package of a model, printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tightbeam_codegen.model import ChannelModel, EventModel, Model, ModulePath
from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.check import AnyDefinition, EventDefinition
from tightbeam_codegen.read.normalise.naming import digits_of
from tightbeam_codegen.read.normalise.places import module_of
from tightbeam_codegen.read.normalise.shapes import NamedShape, names_in, shapes_of
from tightbeam_codegen.targets.protocol import Job, Output
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.facts import type_facts
from tightbeam_codegen.targets.python.import_order import with_stations
from tightbeam_codegen.targets.python.module_assignment import ModuleAssignment, assign_modules
from tightbeam_codegen.targets.python.modules import (
    channel_module,
    event_module,
    exports,
    packages,
    shared_module,
)
from tightbeam_codegen.targets.python.printer import Printer
from tightbeam_codegen.targets.python.spelling import Types
from tightbeam_codegen.targets.python.stored import FactStore

__all__ = ["emit"]

_RENAME = "Rename the file, or set `x-tightbeam-name`."


def emit(model: Model, job: Job) -> Output:
    """Print a module and its schemas for each definition, the shared modules, and the packages' `__init__`.

    Args:
        model: what is printed.
        job: what the text depends on besides.
    """
    problems = Problems()
    assignment = _assign(model)
    named = model.shapes.named
    shapes = [topic.shape for each in model.described for topic in each.topics]
    facts = type_facts([*shapes, *shapes_of(named.values())], FactStore(job.cache) if job.cache else None)
    types = Types(named, facts, assignment)
    modules = with_stations(_modules(model, types, problems), model.own_modules)
    printer = Printer(job.version, job.settings.line_length)
    own: dict[ModulePath, dict[str, str]] = {}
    for each in model.described:
        module = modules.pop(each.module)
        own[each.module] = {_path(module.path): printer.module(module)}
        if _has_schemas(each.definition):
            schemas = _schemas(each, assignment)
            own[each.module][_path(schemas.path)] = printer.schemas(schemas)
    common = {_path(path): printer.module(module) for path, module in modules.items()}
    shown = {module: model.shapes.files[module].shown for module in modules if module in model.shapes.files}
    _check_packages(model.definitions, shown, problems)
    schemas_of = [("_schemas", *each.module) for each in model.definitions if _has_schemas(each)]
    offered = {each.module: exports(each) for each in model.definitions}
    for package in packages(offered, [*schemas_of, *modules], _kinds(model.definitions)):
        common[_path((*package.path, "__init__"))] = printer.package(package)
    return Output(
        own,
        common,
        problems.sorted(),
        context=assignment.described({name.module for name in named}),
        entangled={module for module in own if assignment.is_in_circle(module)},
    )


def _assign(model: Model) -> ModuleAssignment:
    """Assign a module to the classes of files that refer to each other in a circle."""
    references = model.references()
    # A document may also be referred to by the `$id` that it gives itself.
    for each in model.described:
        used = (name.module for topic in each.topics for name in names_in(topic.shape))
        references[each.module].update(used)
    for name, definition in model.shapes.named.items():
        used = (other.module for shape in shapes_of([definition]) for other in names_in(shape))
        references[name.module].update(used)
    digits = {name: digits_of(place) for name, place in model.shapes.places.items()}
    return assign_modules(references, model.own_modules).with_names(digits)


def _modules(model: Model, types: Types, problems: Problems) -> dict[ModulePath, ir.Module]:
    by_module: dict[ModulePath, list[NamedShape]] = {name.module: [] for name in types.definitions}
    for name, definition in types.definitions.items():
        by_module.setdefault(types.assignment.of(name.module), []).append(definition)
    # A module without classes of its own may declare those of other files.
    documents = {module_of(each): each for each in model.resolved.store.documents.all()}
    documents |= model.shapes.files
    modules = {
        channel.module: channel_module(channel, by_module.pop(channel.module, []), types, problems)
        for channel in model.channels
    }
    modules |= {
        event.module: event_module(event, by_module.pop(event.module, []), types, problems)
        for event in model.events
    }
    modules |= {
        module: shared_module(documents[module], module, named, types) for module, named in by_module.items()
    }
    return dict(sorted(modules.items()))


def _kinds(definitions: Iterable[AnyDefinition]) -> ir.Kinds:
    kinds = {isinstance(each, EventDefinition) for each in definitions}
    return "channels and events" if len(kinds) > 1 else "events" if True in kinds else "channels"


def _has_schemas(definition: AnyDefinition) -> bool:
    """Return whether a definition has schemas for run time; an event without data has none."""
    return not isinstance(definition, EventDefinition) or definition.payload is not None


def _schemas(described: ChannelModel | EventModel, assignment: ModuleAssignment) -> ir.Schemas:
    """Return the module with a definition's bundle, in which classes have their dotted names."""
    document, text = described.definition.document, described.bundle.text(assignment.dotted)
    is_channel = isinstance(described, ChannelModel)
    doc = "topics, read at a topic's first use." if is_channel else "event's data, read at its first use."
    path = ("_schemas", *described.module)
    return ir.Schemas(path, document.path, document.digest, f"The schemas of the {doc}", text)


def _check_packages(
    definitions: Iterable[AnyDefinition], shared: Mapping[ModulePath, str], problems: Problems
) -> None:
    """Refuse two names of one package that are the same: of its modules, folders, channels and events.

    Args:
        definitions: all definitions.
        shared: the modules of schema documents, each with its file.
        problems: takes the errors.
    """
    ordered = sorted(definitions, key=lambda each: each.module)
    sources = {each.module: each.document.shown for each in ordered}
    taken = dict(shared) | sources
    for module, source in list(taken.items()):
        for depth in range(1, len(module)):
            taken.setdefault(module[:depth], source)
    for each in ordered:
        for name in exports(each):
            other = taken.setdefault((*each.module[:-1], name), each.document.shown)
            if other != each.document.shown:
                problems.error(
                    each.document.place(()),
                    f"its {name!r} would be the same name as one that {other} gives to the package",
                    "Rename one of the files." if name == exports(each)[1] else _RENAME,
                )


def _path(parts: tuple[str, ...]) -> str:
    return "/".join(parts) + ".py"
