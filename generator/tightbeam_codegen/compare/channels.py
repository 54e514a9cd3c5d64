"""What callers must change because of a channel: its file, its name, its parameters, its topics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from tightbeam_codegen.compare.containment import Refused, Side, contains
from tightbeam_codegen.compare.findings import CodeChange, CodeKind, NewAddress, Order
from tightbeam_codegen.compare.generated_names import ChannelNames, both, names_of
from tightbeam_codegen.compare.pairs import Pair, stem_of, wire_template
from tightbeam_codegen.compare.words import code_of
from tightbeam_codegen.model import ChannelModel
from tightbeam_codegen.read.check import Definition, Parameter
from tightbeam_codegen.read.load import JsonValue
from tightbeam_codegen.read.payload_pointers import schema_at

__all__ = ["added_by", "channel_changes"]

_READERS_FIRST = (
    "Deploy readers first: a gateway that doesn't know it gives no token for it. Nothing reads its stored"
    " messages any more."
)
_RETENTION = "Publish on both for a while, and drop the old one when its stored messages are gone."


def added_by(pairs: Sequence[Pair[ChannelModel]]) -> Iterator[NewAddress]:
    """Yield the channels that are new, and the new topics of the others."""
    for pair in pairs:
        if pair.new is None:
            continue
        document, name = pair.new.definition.document, stem_of(pair.new.definition)
        if pair.old is None:
            yield NewAddress(name, None, document.place(("name",), key=True))
            continue
        known = {topic.name for topic in pair.old.topics}
        yield from (
            NewAddress(name, each.name, each.place) for each in pair.new.topics if each.name not in known
        )


def channel_changes(pairs: Sequence[Pair[ChannelModel]], *, typescript: bool) -> Iterator[CodeChange]:
    """Yield what callers must change, apart from the classes of payloads.

    Args:
        pairs: the channels of both revisions.
        typescript: whether there are bindings in TypeScript.
    """
    channel_of_new = dict(_new_topics(pairs))
    for pair in pairs:
        if pair.old is None:
            continue
        names = names_of(pair.old, typescript=typescript)
        if pair.new is None:
            yield _gone(pair.old, names)
        else:
            yield from _Changes(pair.old, pair.new, names, typescript=typescript).all(channel_of_new)


def _new_topics(pairs: Sequence[Pair[ChannelModel]]) -> Iterator[tuple[str, str]]:
    """Yield the topics that are new where they are, each with its channel."""
    for pair in pairs:
        if pair.new is not None:
            known = {topic.name for topic in pair.old.topics} if pair.old is not None else set()
            name = stem_of(pair.new.definition)
            yield from ((topic.name, name) for topic in pair.new.topics if topic.name not in known)


def _gone(channel: ChannelModel, names: ChannelNames) -> CodeChange:
    definition = channel.definition
    return CodeChange(
        "channel-removed",
        stem_of(definition),
        None,
        f"the channel {code_of(definition.name)} is gone, with {names.call} and the module `{names.module}`",
        _READERS_FIRST,
        names.offered,
        (),
        None,
        definition.document.place(("name",)),
        (definition.document.uri, ()),
        "readers-first",
    )


class _Changes:
    """What callers must change because of one channel that is still there."""

    def __init__(
        self, old: ChannelModel, new: ChannelModel, names: ChannelNames, *, typescript: bool
    ) -> None:
        self._old = old.definition
        self._new = new.definition
        self._topics = {topic.name: topic for topic in new.topics}
        self._old_topics = {topic.name: topic for topic in old.topics}
        self._before = names
        self._after = names_of(new, typescript=typescript)

    def all(self, channel_of_new: Mapping[str, str]) -> Iterator[CodeChange]:
        """Yield all of them.

        Args:
            channel_of_new: the channels that have new topics, by topic.
        """
        yield from self._names()
        yield from self._template()
        yield from self._parameters()
        yield from self._removed_topics(channel_of_new)
        yield from self._renamed_topics()

    def _change(
        self,
        kind: CodeKind,
        sentence: str,
        remedy: str,
        was: Sequence[str],
        now: Sequence[str],
        pointer: tuple[str, ...],
        *,
        topic: str | None = None,
        order: Order | None = None,
    ) -> CodeChange:
        """Return a change at a pointer that the file has in both revisions, or else in one of them."""
        is_old, is_new = (_has(each, pointer) for each in (self._old, self._new))
        old, new = self._old.document, self._new.document
        return CodeChange(
            kind,
            stem_of(self._new),
            topic,
            sentence,
            remedy,
            tuple(was),
            tuple(now),
            new.place(pointer) if is_new else new.place(pointer[:1], key=True),
            old.place(pointer) if is_old else old.place(pointer[:1], key=True),
            (new.uri, pointer),
            order,
        )

    def _names(self) -> Iterator[CodeChange]:
        before, after = self._before, self._after
        if before.module != after.module:
            sentence = (
                f"the module `{before.module}` is called `{after.module}` now, and {before.call} {after.call}"
            )
            yield self._change(
                "module-renamed",
                sentence,
                "Import them from there.",
                before.offered,
                after.offered,
                ("name",),
            )
        elif before.class_name != after.class_name:
            sentence = f"the class `{before.class_name}` is called `{after.class_name}` now"
            was, now = before.offered[:1], after.offered[:1]
            pointer = ("x-tightbeam-name",)
            yield self._change("class-renamed", sentence, "Use the new name.", was, now, pointer)

    def _template(self) -> Iterator[CodeChange]:
        old, new = self._old, self._new
        if wire_template(old) == wire_template(new) and old.separator == new.separator:
            return
        sentence = (
            f"messages go to {code_of(new.name)}, and no more to {code_of(old.name)}:"
            " readers of one hear nothing of the other"
            if wire_template(old) != wire_template(new)
            else f"values of parameters can't contain {code_of(new.separator)}, which separates them now"
        )
        yield self._change(
            "template-changed", sentence, _RETENTION, [old.name], [new.name], ("name",), order="none"
        )

    def _parameters(self) -> Iterator[CodeChange]:
        old = {param.name: param for param in self._old.params}
        new = {param.name: param for param in self._new.params}
        added, gone = [each for each in new if each not in old], [each for each in old if each not in new]
        if len(added) == len(gone) == 1 and wire_template(self._old) == wire_template(self._new):
            yield self._renamed_parameter(gone[0], added[0])
            added, gone = [], []
        yield from map(self._added_parameter, added)
        for name in (each for each in new if each in old):
            if (change := _refused_value(self._old, self._new, name)) is not None:
                call = self._taking(name)
                yield self._change(
                    "parameter-changed",
                    f"{self._parameter(name)} of {self._after.call} {change}",
                    "Publish and subscribe with values that both allow, until no old program is left.",
                    [call],
                    [call],
                    ("params", name),
                )
        yield from map(self._removed_parameter, gone)

    def _renamed_parameter(self, old: str, new: str) -> CodeChange:
        before = self._before.parameters[old]
        was, now = f"{self._before.factory}({before}=…)", self._taking(new)
        taken = both(before, old if self._after.typescript else None)
        sentence = f"{self._after.call} takes {self._parameter(new)} in place of {taken}"
        return self._change("parameter-renamed", sentence, "Use the new name.", [was], [now], ("params", new))

    def _added_parameter(self, name: str) -> CodeChange:
        was, now = self._before.factory, self._taking(name)
        sentence = f"{self._after.call} takes {self._parameter(name)} now"
        if not self._before.has_params:
            sentence += ": it was a channel, and is a function that returns one"
        return self._change("parameter-added", sentence, "Pass it.", [was], [now], ("params", name))

    def _removed_parameter(self, name: str) -> CodeChange:
        before = self._before.parameters[name]
        was, now = f"{self._before.factory}({before}=…)", self._after.factory
        taken = both(before, name if self._after.typescript else None)
        sentence = f"{self._before.call} doesn't take {taken} any more"
        if not self._after.parameters:
            sentence += ": it was a function, and is the channel itself"
        return self._change("parameter-removed", sentence, "Leave it out.", [was], [now], ("params", name))

    def _parameter(self, name: str) -> str:
        return both(self._after.parameters[name], name if self._after.typescript else None)

    def _taking(self, name: str) -> str:
        return f"{self._after.factory}({self._after.parameters[name]}=…)"

    def _removed_topics(self, channel_of_new: Mapping[str, str]) -> Iterator[CodeChange]:
        for name in self._old_topics:
            if name in self._topics:
                continue
            was = self._before.of_topic(name)
            sentence = f"the topic {code_of(name)} is gone, with `{was[0]}` and `{was[1]}`"
            order: Order = "none"
            remedy = _RETENTION
            if (other := channel_of_new.get(name)) is not None:
                sentence += f"; {code_of(other)} has one of that name now, which is another topic to readers"
            elif (renamed := self._renamed(name)) is not None:
                sentence += f"; {code_of(renamed)} has the same schema, and is another topic to readers"
            else:
                order, remedy = "readers-first", _READERS_FIRST
            pointer = ("topics", name)
            yield self._change("topic-removed", sentence, remedy, was, (), pointer, topic=name, order=order)

    def _renamed(self, topic: str) -> str | None:
        """Return the new topic that has the schema of a topic that is gone."""
        schema = json.dumps(schema_at(self._old.document, ("topics", topic, "schema")))
        new = (name for name in self._topics if name not in self._old_topics)
        return next(
            (
                name
                for name in new
                if json.dumps(schema_at(self._new.document, ("topics", name, "schema"))) == schema
            ),
            None,
        )

    def _renamed_topics(self) -> Iterator[CodeChange]:
        for name, topic in self._topics.items():
            old = self._old_topics.get(name)
            if old is not None and old.attribute != topic.attribute:
                was, now = self._before.of_topic(name)[:1], self._after.of_topic(name)[:1]
                yield self._change(
                    "topic-renamed",
                    f"`{was[0]}` is called `{now[0]}` now",
                    "Use the new name.",
                    was,
                    now,
                    ("topics", name),
                    topic=name,
                )


def _has(definition: Definition, pointer: tuple[str, ...]) -> bool:
    value: object = definition.document.value
    for key in pointer:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def _refused_value(old: Definition, new: Definition, name: str) -> str | None:
    """Return in words that a parameter refuses a value that it took; None if it takes them all."""
    before, after = _parameter(old, name), _parameter(new, name)
    if before.kind != after.kind:
        return f"is {_KINDS[after.kind]} now, and was {_KINDS[before.kind]}"
    if json.dumps(before.schema) == json.dumps(after.schema):
        return None
    # Whatever a schema says, no text of a name is empty or has the separator in it.
    possible: dict[str, JsonValue] = {"minLength": 1, "pattern": f"^[^{re.escape(old.separator)}]*$"}
    taken: JsonValue = {"allOf": [before.schema, possible]} if before.kind == "string" else before.schema
    reader = Side.of_schema(after.schema, assert_formats=new.assert_formats)
    answer = contains(reader, Side.of_schema(taken, assert_formats=old.assert_formats), as_written=True)
    if not isinstance(answer, Refused):
        return None
    value = json.dumps(answer.payload, ensure_ascii=False)
    return f"doesn't take {code_of(value)} any more: {code_of(answer.reason)}"


def _parameter(definition: Definition, name: str) -> Parameter:
    return next(param for param in definition.params if param.name == name)


_KINDS = {"string": "a string", "integer": "an integer", "boolean": "a boolean"}
