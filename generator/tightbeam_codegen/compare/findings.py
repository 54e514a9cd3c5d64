"""What a comparison finds, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tightbeam_codegen.problems import Place
from tightbeam_codegen.read.load import JsonValue, Pointer

__all__ = [
    "NEW_READERS",
    "OLD_READERS",
    "QUESTIONS",
    "Allowance",
    "Answer",
    "CodeChange",
    "CodeKind",
    "Comparison",
    "DefinitionKind",
    "NewAddress",
    "Order",
    "Question",
    "Refusal",
    "TopicChange",
]

Answer: TypeAlias = Literal["yes", "no", "unknown"]
Order: TypeAlias = Literal["any", "readers-first", "publishers-first", "none", "unknown"]
Question: TypeAlias = Literal["old_readers", "new_readers"]
"""Can readers with the old bindings load what publishers with the new ones say, and the other way round?"""

DefinitionKind: TypeAlias = Literal["channel", "event"]
"""What a definition file defines. An event counts as a topic: those who send it publish, functions read."""

OLD_READERS: Question = "old_readers"
NEW_READERS: Question = "new_readers"
QUESTIONS: tuple[Question, Question] = (OLD_READERS, NEW_READERS)

CodeKind: TypeAlias = Literal[
    "channel-removed",
    "module-renamed",
    "class-renamed",
    "class-removed",
    "data-added",
    "data-removed",
    "event-removed",
    "event-renamed",
    "factory-renamed",
    "field-removed",
    "field-renamed",
    "field-required",
    "parameter-added",
    "parameter-removed",
    "parameter-changed",
    "parameter-renamed",
    "template-changed",
    "topic-removed",
    "topic-renamed",
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The smallest payload found that one side's publishers can say and the other side's readers refuse."""

    payload: JsonValue
    pointer: str
    """Where in the payload the reader objects, as a JSON pointer; empty for the whole of it."""
    reason: str
    """Why, in the reader's words."""
    reader: Place
    """The rule that refuses it."""
    writer: Place
    """The rule that allows it."""


@dataclass(frozen=True, slots=True)
class TopicChange:
    """A topic or an event whose payloads have another schema."""

    channel: str
    """The path of the definition below the schema root, without its suffix."""
    topic: str
    """The topic's name, or the event's."""
    place: Place
    """Of the topic, today."""
    old_place: Place
    old_readers: Answer
    new_readers: Answer
    refusals: Mapping[Question, Refusal]
    """By question, where the answer is no."""
    undecided: Mapping[Question, str]
    """By question, where the answer is unknown: what can't be decided."""
    uri: str
    """Of the definition's document, today."""
    is_same: bool = False
    """Whether both schemas allow exactly the same payloads."""
    definition: DefinitionKind = "channel"
    allowed: str | None = None
    """The reason of the exception that allows it."""

    @property
    def order(self) -> Order:
        """The safe order of deployment."""
        match self.old_readers, self.new_readers:
            case "yes", "yes":
                return "any"
            case "no", "yes":
                return "readers-first"
            case "yes", "no":
                return "publishers-first"
            case "no", "no":
                return "none"
            case _:
                return "unknown"

    @property
    def answers(self) -> tuple[Answer, Answer]:
        """Both answers, in the order of `QUESTIONS`."""
        return self.old_readers, self.new_readers

    @property
    def is_breaking(self) -> bool:
        """Whether a payload shows that messages can be lost, and no exception allows it."""
        return "no" in self.answers and self.allowed is None

    @property
    def is_undecided(self) -> bool:
        """Whether it may be breaking or not, and no exception allows it."""
        return "no" not in self.answers and "unknown" in self.answers and self.allowed is None


@dataclass(frozen=True, slots=True)
class CodeChange:
    """A generated name that is gone, renamed, or asks for more: callers must change."""

    kind: CodeKind
    channel: str
    """As of a topic; of a shared document its path without its suffix."""
    topic: str | None
    sentence: str
    """What has changed, with the generated names."""
    remedy: str
    """What to do about it."""
    was: tuple[str, ...]
    """Generated names that are gone."""
    now: tuple[str, ...]
    """The names in their place, as far as there are some."""
    place: Place | None
    """Today."""
    old_place: Place | None
    anchor: tuple[str, Pointer]
    """The document and the place in it, today if it is still there. Exceptions there or around it count."""
    order: Order | None = None
    """The safe order of deployment, where it shows on the wire; None for mere names."""
    definition: DefinitionKind = "channel"
    """The kind of definition that `topic` is of."""
    allowed: str | None = None
    """The reason of the exception that allows it."""

    @property
    def is_breaking(self) -> bool:
        """Whether no exception allows it."""
        return self.allowed is None


@dataclass(frozen=True, slots=True)
class NewAddress:
    """A channel, a topic of a channel that there was before, or an event, that is new."""

    channel: str
    topic: str | None
    place: Place
    definition: DefinitionKind = "channel"


@dataclass(frozen=True, slots=True)
class Allowance:
    """An exception in a definition."""

    channel: str
    topic: str | None
    """None for one of the channel."""
    reason: str
    place: Place
    allows: int
    """How many findings it allows."""
    is_inside: bool = False
    """Whether it stands inside of a payload's schema, where it counts for classes alone."""
    definition: DefinitionKind = "channel"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that has changed between two revisions of definitions."""

    topics: tuple[TopicChange, ...] = ()
    code: tuple[CodeChange, ...] = ()
    added: tuple[NewAddress, ...] = ()
    allowances: tuple[Allowance, ...] = field(default=())

    @property
    def changes(self) -> tuple[TopicChange | CodeChange, ...]:
        """What has changed, apart from what is new."""
        return (*self.topics, *self.code)

    @property
    def is_breaking(self) -> bool:
        """Whether something is breaking that no exception allows."""
        return any(each.is_breaking for each in self.changes)

    @property
    def is_undecided(self) -> bool:
        """Whether something may be breaking."""
        return any(each.is_undecided for each in self.topics)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has changed that readers, publishers or callers could notice."""
        return not (self.topics or self.code or self.added)
