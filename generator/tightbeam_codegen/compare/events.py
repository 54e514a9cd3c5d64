"""What callers must change because of an event: its file, its name, and whether it has data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tightbeam_codegen.compare.findings import CodeChange, CodeKind, NewAddress, Order
from tightbeam_codegen.compare.generated_names import EventNames, event_names_of
from tightbeam_codegen.compare.pairs import Pair, stem_of
from tightbeam_codegen.compare.words import code_of
from tightbeam_codegen.model import EventModel
from tightbeam_codegen.problems import Place
from tightbeam_codegen.read.check import EventDefinition
from tightbeam_codegen.read.load import Pointer

__all__ = ["added_events", "event_changes"]

_SENDERS_FIRST = (
    "Deploy senders first: no function listens to it any more. Keep the functions until the runs that it has"
    " started are over; what is left of them is parked."
)
_BESIDE = (
    "Keep the old event beside it for a while, and let the functions listen to both; remove it when the runs"
    " that it has started are over."
)


def added_events(pairs: Sequence[Pair[EventModel]]) -> Iterator[NewAddress]:
    """Yield the events that are new."""
    for pair in pairs:
        if pair.old is None and pair.new is not None:
            definition = pair.new.definition
            place = definition.document.place(("name",), key=True)
            yield NewAddress(stem_of(definition), definition.name, place, "event")


def event_changes(pairs: Sequence[Pair[EventModel]], *, typescript: bool) -> Iterator[CodeChange]:
    """Yield what callers must change because of events, apart from the classes of their payloads.

    Args:
        pairs: the events of both revisions.
        typescript: whether there are bindings in TypeScript.
    """
    for pair in pairs:
        if pair.old is None:
            continue
        before = event_names_of(pair.old, typescript=typescript)
        if pair.new is None:
            yield _gone(pair.old, before)
        else:
            after = event_names_of(pair.new, typescript=typescript)
            yield from _Changes(pair.old, pair.new, before, after).all()


def _gone(event: EventModel, names: EventNames) -> CodeChange:
    definition = event.definition
    return CodeChange(
        "event-removed",
        stem_of(definition),
        definition.name,
        f"the event {code_of(definition.name)} is gone, with {names.said} and the module `{names.module}`",
        _SENDERS_FIRST,
        names.offered,
        (),
        None,
        definition.document.place(("name",)),
        (definition.document.uri, ()),
        "publishers-first",
        "event",
    )


@dataclass(frozen=True, slots=True)
class _Changes:
    """What callers must change because of one event that is still there."""

    old: EventModel
    new: EventModel
    before: EventNames
    after: EventNames

    def all(self) -> Iterator[CodeChange]:
        """Yield all of them."""
        yield from self._names()
        yield from self._name()
        yield from self._data()

    def _change(
        self,
        kind: CodeKind,
        sentence: str,
        remedy: str,
        was: Sequence[str],
        now: Sequence[str],
        pointer: Pointer = ("name",),
        order: Order | None = None,
    ) -> CodeChange:
        old, new = self.old.definition, self.new.definition
        return CodeChange(
            kind,
            stem_of(new),
            new.name,
            sentence,
            remedy,
            tuple(was),
            tuple(now),
            _place(new, pointer),
            _place(old, pointer),
            (new.document.uri, pointer),
            order,
            "event",
        )

    def _names(self) -> Iterator[CodeChange]:
        before, after = self.before, self.after
        if before.module != after.module:
            sentence = (
                f"the module `{before.module}` is called `{after.module}` now, and {before.said} {after.said}"
            )
            remedy = "Import them from there."
            yield self._change("module-renamed", sentence, remedy, before.offered, after.offered)
        elif before.type_name != after.type_name:
            sentence = f"the type `{before.type_name}` is called `{after.type_name}` now"
            was, now = before.offered[1:2], after.offered[1:2]
            pointer = ("x-tightbeam-name",)
            yield self._change("class-renamed", sentence, "Use the new name.", was, now, pointer)

    def _name(self) -> Iterator[CodeChange]:
        old, new = self.old.definition.name, self.new.definition.name
        if old != new:
            sentence = (
                f"the event is called {code_of(new)}, and no more {code_of(old)}:"
                " functions that listen to one aren't started by the other"
            )
            yield self._change("event-renamed", sentence, _BESIDE, [old], [new], order="none")

    def _data(self) -> Iterator[CodeChange]:
        had, has = bool(self.old.topics), bool(self.new.topics)
        without, with_data = f"send({self.before.reference})", f"send({self.after.reference}, …)"
        event = f"the event {code_of(self.new.definition.name)}"
        if has and not had:
            sentence, remedy = f"{event} has data now, and had none", "Pass it to `send`."
            yield self._change("data-added", sentence, remedy, [without], [with_data], ("schema",))
        elif had and not has:
            sentence, remedy = f"{event} has no data any more", "Pass none to `send`, and read none."
            yield self._change("data-removed", sentence, remedy, [with_data], [without], ("schema",))


def _place(definition: EventDefinition, pointer: Pointer) -> Place:
    """Return the place of a key of the file; that of the event's name where the key isn't there."""
    value = definition.document.value
    is_there = isinstance(value, dict) and pointer[0] in value
    return definition.document.place(pointer if is_there else ("name",), key=True)
