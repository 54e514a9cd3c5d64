"""What callers must change because of the classes of payloads: gone, renamed, or asking for more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tightbeam_codegen.compare.counterparts import counterparts
from tightbeam_codegen.compare.findings import CodeChange, CodeKind
from tightbeam_codegen.compare.generated_names import both, dotted
from tightbeam_codegen.compare.pairs import AnyPair, stem_of
from tightbeam_codegen.model import Model
from tightbeam_codegen.problems import Place
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.normalise.shapes import Field, Name, NamedShape, ObjectShape, Ref
from tightbeam_codegen.read.topics import topic_alias

__all__ = ["class_changes"]


@dataclass(frozen=True, slots=True)
class _Type:
    """A name that a generated module offers for payloads."""

    name: Name
    shape: NamedShape | None
    """What it is; None for a topic's own name for what isn't one class."""
    document: Document
    path: Pointer
    event: str | None
    """The name of the event whose definition has it."""
    alias_of: Name | None = None
    """The class that a topic's own name stands for."""

    def place_of(self, wire_name: str | None = None) -> Place:
        """Return its place, or that of one of its properties, as far as this stands in the same schema."""
        if wire_name is None:
            return self.document.place(self.path)
        return self.document.place((*self.path, "properties", wire_name), key=True)

    @property
    def topic(self) -> str | None:
        """The topic or the event that it was made for, if it is one of a definition."""
        if self.event is not None:
            return self.event
        return str(self.path[1]) if self.path[:1] == ("topics",) and len(self.path) > 1 else None


def class_changes(
    pairs: Sequence[AnyPair], old: Model, new: Model, *, typescript: bool
) -> Iterator[CodeChange]:
    """Yield what callers must change because of classes.

    Args:
        pairs: the channels and events of both revisions.
        old: the earlier model.
        new: today's.
        typescript: whether there are bindings in TypeScript.
    """
    both_there = [(pair.old, pair.new) for pair in pairs if pair.old is not None and pair.new is not None]
    modules = {one.module: other.module for one, other in both_there}
    uris = {one.definition.document.uri: other.definition.document.uri for one, other in both_there}
    names = {one.definition.document.uri: stem_of(other.definition) for one, other in both_there}
    gone = {pair.old.module for pair in pairs if pair.old is not None and pair.new is None}
    topics = {other.definition.document.uri: {each.name for each in other.topics} for _, other in both_there}
    after = _types(new)
    in_place = counterparts(pairs, old, new)
    for name, type_ in sorted(_types(old).items(), key=lambda item: (item[0].module, item[0].name)):
        uri = uris.get(type_.document.uri, type_.document.uri)
        if name.module in gone or (
            uri in topics and type_.topic is not None and type_.topic not in topics[uri]
        ):
            continue  # its channel or topic is gone, which is said of that
        channel = (
            names.get(type_.document.uri) or PurePosixPath(type_.document.path).with_suffix("").as_posix()
        )
        compared = _Compared(channel, type_, uri, typescript=typescript)
        now = after.get(_today(name, modules))
        if now is not None and type_.alias_of is not None and now.alias_of == _today(type_.alias_of, modules):
            continue  # what its class asks for is said of the class
        if now is None:
            moved = after.get(in_place[name]) if name in in_place else None
            yield compared.gone(moved)
            now = moved
        if now is not None:
            yield from compared.fields(now)


def _today(name: Name, modules: Mapping[tuple[str, ...], tuple[str, ...]]) -> Name:
    """Return a name in the module that its channel has now."""
    return Name(modules.get(name.module, name.module), name.name)


def _types(model: Model) -> dict[Name, _Type]:
    """Return all names that generated modules offer for payloads."""
    shapes = model.shapes
    events = {each.definition.document.uri: each.definition.name for each in model.events}
    types: dict[Name, _Type] = {}
    for name, shape in shapes.named.items():
        document, path = shapes.places[name].document, shapes.places[name].path
        types[name] = _Type(name, shape, document, path, events.get(document.uri))
    for defined in model.described:
        document = defined.definition.document
        for payload, topic in zip(defined.definition.payloads, defined.topics, strict=True):
            alias = topic_alias(topic, defined.module)
            if alias is not None and alias not in types:
                target = topic.shape.target if isinstance(topic.shape, Ref) else None
                named = shapes.named.get(target) if target is not None else None
                event = events.get(document.uri)
                types[alias] = _Type(alias, named, document, payload.pointer, event, target)
    return types


class _Compared:
    """One class of the earlier revision."""

    def __init__(self, channel: str, type_: _Type, uri: str, *, typescript: bool) -> None:
        self._channel = channel
        self._uri = uri
        self._type = type_
        self._typescript = typescript

    def _change(
        self,
        kind: CodeKind,
        sentence: str,
        remedy: str,
        was: str,
        now: str,
        place: Place | None,
        *,
        wire_name: str | None = None,
    ) -> CodeChange:
        return CodeChange(
            kind,
            self._channel,
            self._type.topic,
            sentence,
            remedy,
            (was,),
            (now,) if now else (),
            place,
            self._type.place_of(wire_name),
            (self._uri, self._type.path),
            definition="channel" if self._type.event is None else "event",
        )

    def gone(self, moved: _Type | None) -> CodeChange:
        """Return that its name is gone.

        Args:
            moved: what stands at its place now, under another name.
        """
        name = self._type.name
        was = _qualified(name)
        if moved is None:
            return self._change(
                "class-removed", f"`{was}` is gone", "Use what its payloads are made of now.", was, "", None
            )
        now = _qualified(moved.name)
        remedy = "Use the new name, or keep the old one with `x-tightbeam-name`."
        return self._change(
            "class-renamed", f"`{was}` is called `{now}` now", remedy, was, now, moved.place_of()
        )

    def fields(self, now: _Type) -> Iterator[CodeChange]:
        """Yield the fields that are gone, renamed, or must be given.

        Args:
            now: what has its name today.
        """
        before, after = self._type.shape, now.shape
        if not isinstance(before, ObjectShape):
            return
        if not isinstance(after, ObjectShape):
            name = _qualified(self._type.name)
            sentence = f"`{name}` is no class any more, but another type"
            yield self._change("class-removed", sentence, "Use plain values.", name, name, now.place_of())
            return
        old = {field.wire_name: field for field in before.fields}
        new = {field.wire_name: field for field in after.fields}
        was, called = _qualified(self._type.name), _qualified(now.name)
        for wire, field in old.items():
            if wire not in new:
                sentence = f"`{was}` has no {self._field(field)} any more"
                remedy = "Leave it out where it is set, and do without it where it is read."
                name = f"{was}.{field.py_name}"
                place = now.place_of()
                yield self._change("field-removed", sentence, remedy, name, "", place, wire_name=wire)
            elif (renamed := new[wire]).py_name != field.py_name:
                sentence = f"`{was}.{field.py_name}` is called `{renamed.py_name}` now"
                names = f"{was}.{field.py_name}", f"{called}.{renamed.py_name}"
                place = now.place_of(wire)
                yield self._change(
                    "field-renamed", sentence, "Use the new name.", *names, place, wire_name=wire
                )
        for wire, field in new.items():
            known = old.get(wire)
            if field.required and (known is None or not known.required):
                sentence = f"`{called}` asks for {self._field(field)} now"
                names = f"{called}()", f"{called}({field.py_name}=…)"
                place = now.place_of(wire)
                yield self._change(
                    "field-required", sentence, "Give it wherever one is made.", *names, place, wire_name=wire
                )

    def _field(self, field: Field) -> str:
        return both(field.py_name, field.wire_name if self._typescript else None)


def _qualified(name: Name) -> str:
    return f"{dotted(name.module)}.{name.name}"
