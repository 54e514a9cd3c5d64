"""Which channels and which events of two revisions are the same ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from tightbeam_codegen.model import ChannelModel, EventModel
from tightbeam_codegen.read.check import AnyDefinition, Definition
from tightbeam_codegen.read.discover import without_suffix

__all__ = ["AnyPair", "Pair", "pair_channels", "pair_events", "stem_of", "wire_template"]

Defined = TypeVar("Defined", ChannelModel, EventModel)

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Pair(Generic[Defined]):
    """A channel or an event in both revisions; one of them is None where it is new or gone."""

    old: Defined | None
    new: Defined | None


AnyPair: TypeAlias = Pair[ChannelModel] | Pair[EventModel]


def stem_of(definition: AnyDefinition) -> str:
    """Return how a comparison names a definition: `shop/orders` for `shop/orders.channel.json`."""
    return without_suffix(definition.document.path)


def wire_template(definition: Definition) -> str:
    """Return a name template without the names of placeholders, which no message has."""
    return _PLACEHOLDER.sub("{}", definition.name)


def pair_channels(old: Iterable[ChannelModel], new: Iterable[ChannelModel]) -> list[Pair[ChannelModel]]:
    """Pair the channels of two revisions.

    Messages travel under a channel's name, so that channels with one template are one channel, in whatever
    files they are. Of the others, those are one that become one module.

    Args:
        old: the channels of the earlier revision.
        new: those of today.
    """
    return _paired(
        old,
        new,
        [
            lambda channel: (channel.module, wire_template(channel.definition)),
            lambda channel: wire_template(channel.definition),
            lambda channel: channel.module,
        ],
    )


def pair_events(old: Iterable[EventModel], new: Iterable[EventModel]) -> list[Pair[EventModel]]:
    """Pair the events of two revisions: by their names, and of the others those that become one module.

    Args:
        old: the events of the earlier revision.
        new: those of today.
    """
    return _paired(old, new, [lambda event: event.definition.name, lambda event: event.module])


def _paired(
    old: Iterable[Defined], new: Iterable[Defined], keys: Sequence[Callable[[Defined], Hashable]]
) -> list[Pair[Defined]]:
    """Pair what has the first key in common, then of the rest what has the second one, and so on."""
    left, right = list(old), list(new)
    pairs: list[Pair[Defined]] = []
    for key in keys:
        matched = list(_matches(left, right, key))
        pairs += matched
        paired = {id(each) for pair in matched for each in (pair.old, pair.new)}
        left = [each for each in left if id(each) not in paired]
        right = [each for each in right if id(each) not in paired]
    pairs += [Pair(each, None) for each in left]
    pairs += [Pair(None, each) for each in right]
    return sorted(pairs, key=_order)


def _matches(
    old: Iterable[Defined], new: Iterable[Defined], key: Callable[[Defined], Hashable]
) -> Iterator[Pair[Defined]]:
    waiting: dict[Hashable, list[Defined]] = {}
    for each in new:
        waiting.setdefault(key(each), []).append(each)
    for each in old:
        if candidates := waiting.get(key(each)):
            yield Pair(each, candidates.pop(0))


def _order(pair: Pair[Defined]) -> str:
    defined = pair.new or pair.old
    return stem_of(defined.definition) if defined is not None else ""
