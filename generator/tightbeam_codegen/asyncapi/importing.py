"""`init --from` a document of AsyncAPI: a definition for each of its channels, and for exported events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.asyncapi.addresses import UnusableAddress, common_beginning, short_name
from tightbeam_codegen.asyncapi.carried import Carried, carried_in
from tightbeam_codegen.asyncapi.definitions import Draft, checked, draft_of, event_draft_of
from tightbeam_codegen.asyncapi.documents import Channel, channels_of, leave_out_the_rest
from tightbeam_codegen.asyncapi.event_channels import EVENT
from tightbeam_codegen.asyncapi.leftovers import Leftovers
from tightbeam_codegen.asyncapi.locating import Located, Refused, Way
from tightbeam_codegen.asyncapi.messages import Message, Messages
from tightbeam_codegen.imports import Imported, Source, Wanted, file_name, free_topic_name, refusal
from tightbeam_codegen.phrases import counted
from tightbeam_codegen.problems import DefinitionErrors, Place, Problem, Problems, quoted
from tightbeam_codegen.read.check import Definition, check_overlaps
from tightbeam_codegen.read.discover import EVENT_SUFFIXES, SUFFIXES, without_suffix
from tightbeam_codegen.suggest import did_you_mean

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import Pointer

__all__ = ["import_asyncapi"]

_OVERLAP = re.compile(r" in ([0-9]{6})\.channel\.json: both can be ")
_MOST_REFUSED = 50
"""What is refused beyond it is counted."""
_NAMED = 5
"""How many of one kind are named in a sentence."""
_NO_ADDRESS = "Called by their keys, since the document has no address for them: {}."
_ONE_ADDRESS = "Channels with one address are one definition: {}."
_UNDESCRIBED = "Parameters that the document doesn't describe are texts: {}."
_NO_PAYLOAD = "Messages without a payload, whose topics take any value: {}."
_ELSEWHERE = "Schemas in {} are read by their own `$schema`, else by the `dialect` of [tool.tightbeam]."
_FORMATS = {
    stated: f"Read with assert_formats = {json.dumps(stated)}, to be said in [tool.tightbeam]: {{}}."
    for stated in (True, False)
}


def import_asyncapi(source: Source, wanted: Wanted) -> Imported:
    """Make a channel definition of each channel of a document, with a topic for each message.

    A channel that an event was exported as becomes the definition of this event.

    Payloads stay in the document, and topics refer to them. A document that `export asyncapi` has written
    gives the definitions that it was made of, unless it was changed since.

    Args:
        source: the document.
        wanted: may name the channels to take.

    Raises:
        DefinitionErrors: no channel can be taken.
    """
    document = source.document
    root = Located(document.value, document, ())
    version = _version(root)
    carried = carried_in(root.object)
    if carried is not None and carried.is_current and not wanted.only and wanted.name is None:
        return _carried(source, carried)
    taken = _Import(source, version, wanted)
    imported = taken.imported(root)
    if carried is None:
        return imported
    changed = (
        "The document was changed since it was exported, or a part of it is wanted: so the definition files"
        " that it carries are passed over, and those that are written refer to it."
    )
    return replace(imported, notes=(changed, *imported.notes))


def _version(root: Located) -> int:
    stated = str(root.object.get("asyncapi"))
    if stated.partition(".")[0] not in ("2", "3"):
        message = f"this is AsyncAPI {stated}, which can't be taken over"
        raise refusal(
            root.document, ("asyncapi",), message, "Convert it to AsyncAPI 3.0 (2.0 to 2.6 will do)."
        )
    return int(stated[0])


def _carried(source: Source, carried: Carried) -> Imported:
    """Return the definition files that an exported document carries, as they were."""
    definitions = [path for path in carried.files if path.endswith(SUFFIXES)]
    notes = [
        f"These are the files that {source.file} was exported from; nothing refers to the document itself."
    ]
    stated = carried.settings
    notes += [
        f"They were read with {key} = {json.dumps(stated[key])}: say the same in [tool.tightbeam]."
        for key in ("dialect", "assert_formats", "assume_objects")
        if key in stated
    ]
    if isinstance(stated.get("refs"), list):
        addresses = ", ".join(quoted(str(each)) for each in stated["refs"])
        notes.append(f"They refer to {addresses}, which [tool.tightbeam.refs] has to map to folders.")
    names = stated.get("names")
    plain = {str(key): str(name) for key, name in names.items()} if isinstance(names, dict) else {}
    summaries = {
        path: f"{'an event' if path.endswith(EVENT_SUFFIXES) else 'a channel'} definition."
        for path in definitions
    }
    return Imported(
        definitions={}, documents=carried.files, summaries=summaries, notes=tuple(notes), names=plain
    )


class _Import:
    def __init__(self, source: Source, version: int, wanted: Wanted) -> None:
        self._source = source
        self._version = version
        self._wanted = wanted
        self._way = Way(source)
        self._leftovers = Leftovers()
        self._messages = Messages(source, version, self._leftovers)
        self._refused: list[Problem] = []
        self._used: set[tuple[str, Pointer]] = set()
        self._noted: dict[str, dict[str, None]] = {}
        """What was taken otherwise than it stands there: names by sentence, whose `{}` they replace."""

    def imported(self, root: Located) -> Imported:
        """Return what comes of the document.

        Raises:
            DefinitionErrors: nothing, or the command line names channels that there aren't.
        """
        drafts = self._merged(self._drafts(root))
        self._leave_out_overlaps(drafts)
        if not drafts:
            self._refuse_all(root)
        leave_out_the_rest(root, self._way, self._used, self._leftovers)
        files = dict(self._files(drafts))
        if self._wanted.name is not None:
            self._rename(files)
        for shown in self._messages.elsewhere:
            self._note(_ELSEWHERE, shown)
        return Imported(
            definitions={file: draft.value for file, draft in files.items()},
            summaries={file: self._summary(draft) for file, draft in files.items()},
            notes=tuple(sentence.format(_listed(names)) for sentence, names in self._noted.items()),
            left_out=(*_bounded(self._refused), *self._leftovers.problems()),
        )

    def _note(self, sentence: str, name: str) -> None:
        self._noted.setdefault(sentence, {})[name] = None

    def _refuse_all(self, root: Located) -> None:
        if self._refused:
            raise DefinitionErrors(
                Problem(each.place, "error", each.message, each.remedy) for each in _bounded(self._refused)
            )
        where: Pointer = ("channels",) if "channels" in root else ()
        remedy = "Its channels have to stand in `channels`."
        raise refusal(root.document, where, f"no channel in {self._source.file}", remedy)

    # -- channels --------------------------------------------------------------------------------------------

    def _drafts(self, root: Located) -> Iterator[Draft]:
        keys: list[str] = []
        only = set(self._wanted.only)
        for channel in channels_of(root, self._way, self._version, self._leftovers):
            if isinstance(channel, Refused):
                self._refused.append(channel.problem)
                continue
            keys.append(channel.key)
            self._used.add((channel.located.document.uri, channel.located.pointer))
            if only and channel.key not in only:
                continue
            try:
                draft = self._draft(channel)
            except Refused as refused:
                self._refused.append(refused.problem)
                continue
            if draft is not None:
                yield draft
        if unknown := sorted(only - set(keys)):
            message = f"there is no channel {quoted(unknown[0])} in {self._source.file}"
            remedy = did_you_mean(unknown[0], keys) or f"There are: {', '.join(map(quoted, keys[:_NAMED]))}."
            raise refusal(root.document, (), message, remedy)

    def _draft(self, channel: Channel) -> Draft | None:
        """Make a definition of a channel; None if none of its messages can be taken.

        Raises:
            Refused: it can't be one.
        """
        if not channel.messages:
            message = f"the channel {quoted(channel.key)} is left out: it has no messages"
            raise Refused(channel.located.place, message, "A channel here has a topic at least.")
        draft = self._event(channel) or self._channel(channel)
        if draft is None:
            return None  # Each of its messages is named already.
        if channel.address is None and not draft.is_event:
            self._note(_NO_ADDRESS, channel.key)
        for name in draft.undescribed:
            self._note(_UNDESCRIBED, name)
        if isinstance(formats := channel.ours.get("assertFormats"), bool):
            # What refers to a document can't read its formats otherwise than others do.
            self._note(_FORMATS[formats], channel.key)
        return draft

    def _channel(self, channel: Channel) -> Draft | None:
        topics = self._topics(channel)
        return draft_of(channel, topics, self._way, self._leftovers) if topics else None

    def _event(self, channel: Channel) -> Draft | None:
        """Make a definition of an event; None for a channel that wasn't exported from one."""
        name = channel.ours.get(EVENT)
        if not isinstance(name, str) or len(channel.messages) != 1:
            return None
        message = self._messages.read(channel.messages[0][1], name)
        self._used.add((message.located.document.uri, message.located.pointer))
        return event_draft_of(channel, name, message)

    def _merged(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Merge the channels that have one address, such as those of two servers."""
        by_name: dict[tuple[bool, str], Draft] = {}
        for draft in drafts:
            first = by_name.setdefault((draft.is_event, draft.value["name"]), draft)
            if first is draft:
                continue
            topics: dict[str, Any] = first.value.get("topics", {})
            for name, topic in draft.value.get("topics", {}).items():
                if topics.get(name) != topic:
                    topics[free_topic_name(name, topics)] = topic
            self._note(_ONE_ADDRESS, first.channel.key)
            self._note(_ONE_ADDRESS, draft.channel.key)
        return list(by_name.values())

    def _leave_out_overlaps(self, drafts: list[Draft]) -> None:
        """Leave out channels whose names can be those of an earlier channel."""
        by_path = {f"{index:06}": draft for index, draft in enumerate(drafts) if not draft.is_event}
        while True:
            problems = Problems()
            found = (checked(draft.value, path) for path, draft in by_path.items())
            check_overlaps([each for each in found if isinstance(each, Definition)], problems)
            first = next(iter(problems), None)
            if first is None or first.place is None:
                return
            # The later one of two has the error, whose text names the earlier one and a name of both.
            draft = by_path.pop(first.place.path.partition(".")[0])
            _, earlier, example = _OVERLAP.split(first.message, maxsplit=1)
            key = by_path[earlier].channel.key
            drafts.remove(draft)
            self._refused.append(
                Problem(
                    draft.channel.located.place,
                    "warning",
                    f"the channel {quoted(draft.channel.key)} is left out: it and {quoted(key)} can both be"
                    f" called {example}",
                    "A name has to lead to one channel: rename one of them, or narrow its parameters.",
                )
            )

    # -- topics ----------------------------------------------------------------------------------------------

    def _topics(self, channel: Channel) -> dict[str, Any]:
        topics: dict[str, Any] = {}
        seen: set[tuple[str, str | None]] = set()
        for name, located in channel.messages:
            try:
                message = self._messages.read(located, name)
            except Refused as refused:
                which = f"the message {quoted(name)} of {quoted(channel.key)} is left out"
                self._refused.append(replace(refused.problem, message=f"{which}: {refused.problem.message}"))
                continue
            self._used.add((message.located.document.uri, message.located.pointer))
            if (message.name, message.reference) in seen:
                # Published and subscribed to: one topic for both.
                continue
            seen.add((message.name, message.reference))
            topics[free_topic_name(message.name, topics)] = self._topic(message)
        return topics

    def _topic(self, message: Message) -> dict[str, Any]:
        topic: dict[str, Any] = {}
        if message.description:
            topic["description"] = message.description
        if message.attribute:
            topic["x-tightbeam-name"] = message.attribute
        if message.reference is None:
            self._note(_NO_PAYLOAD, message.name)
            return {**topic, "schema": True}
        return {**topic, "schema": {"$ref": message.reference}}

    # -- files -----------------------------------------------------------------------------------------------

    def _files(self, drafts: Iterable[Draft]) -> Iterator[tuple[str, Draft]]:
        drafts = list(drafts)
        taken: set[str] = set()
        shared = common_beginning(draft.channel.key for draft in drafts)
        for draft in drafts:
            exported = draft.channel.ours.get("file")
            path = exported if isinstance(exported, str) and exported.endswith(SUFFIXES) else ""
            stem = without_suffix(path.rpartition("/")[2]) or short_name(draft.channel.key, shared)
            file = file_name(stem, suffix=draft.suffix)
            if file in taken:  # its folder tells it from the file of that name in another one
                file = file_name(without_suffix(path) or stem, taken, suffix=draft.suffix)
            # A channel and an event of one stem would be one module.
            taken.update(f"{without_suffix(file)}{suffix}" for suffix in SUFFIXES)
            yield file, draft

    def _rename(self, files: Mapping[str, Draft]) -> None:
        if len(files) > 1:
            message = f"--name names one definition, and {self._source.file} has {len(files)}"
            raise refusal(self._source.document, ("channels",), message, "Choose one by --only.")
        for draft in files.values():
            try:
                draft.rename(self._wanted.name or "")
            except UnusableAddress as unusable:
                message = f"--name: {unusable.message}"
                raise refusal(self._source.document, (), message, unusable.remedy) from None

    def _summary(self, draft: Draft) -> str:
        if draft.is_event:
            return f"the event {quoted(draft.value['name'])}."
        topics = counted(len(draft.value["topics"]), "topic")
        return f"{topics}, for the channel {quoted(draft.channel.key)}."


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(map(quoted, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")


def _bounded(problems: list[Problem]) -> Iterator[Problem]:
    yield from problems[:_MOST_REFUSED]
    if len(problems) > _MOST_REFUSED:
        last: Place | None = problems[_MOST_REFUSED].place
        count = len(problems) - _MOST_REFUSED
        yield Problem(last, "warning", f"{count} more like these are left out", "")
