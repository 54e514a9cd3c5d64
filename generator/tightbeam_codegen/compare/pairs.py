"""Which channels and which topics of two revisions are the same ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass

from tightbeam_codegen.model import ChannelModel
from tightbeam_codegen.read.check import Definition
from tightbeam_codegen.read.discover import without_suffix

__all__ = ["ChannelPair", "channel_name", "pair_channels", "wire_template"]

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class ChannelPair:
    """A channel in both revisions; one of them is None where it is new or gone."""

    old: ChannelModel | None
    new: ChannelModel | None


def channel_name(definition: Definition) -> str:
    """Return how a comparison names a channel: by its file, `shop/orders` for `shop/orders.channel.json`."""
    return without_suffix(definition.document.path)


def wire_template(definition: Definition) -> str:
    """Return a name template without the names of placeholders, which no message has."""
    return _PLACEHOLDER.sub("{}", definition.name)


def pair_channels(old: Iterable[ChannelModel], new: Iterable[ChannelModel]) -> list[ChannelPair]:
    """Pair the channels of two revisions.

    Messages travel under a channel's name, so that channels with one template are one channel, in whatever
    files they are. Of the others, those are one that become one module.

    Args:
        old: the channels of the earlier revision.
        new: those of today.
    """
    left, right = list(old), list(new)
    pairs: list[ChannelPair] = []
    by: list[Callable[[ChannelModel], Hashable]] = [
        lambda channel: (channel.module, wire_template(channel.definition)),
        lambda channel: wire_template(channel.definition),
        lambda channel: channel.module,
    ]
    for key in by:
        matched = list(_matches(left, right, key))
        pairs += matched
        paired = {id(each) for pair in matched for each in (pair.old, pair.new)}
        left = [each for each in left if id(each) not in paired]
        right = [each for each in right if id(each) not in paired]
    pairs += [ChannelPair(each, None) for each in left]
    pairs += [ChannelPair(None, each) for each in right]
    return sorted(pairs, key=_order)


def _matches(
    old: Iterable[ChannelModel], new: Iterable[ChannelModel], key: Callable[[ChannelModel], Hashable]
) -> Iterator[ChannelPair]:
    waiting: dict[Hashable, list[ChannelModel]] = {}
    for each in new:
        waiting.setdefault(key(each), []).append(each)
    for each in old:
        if candidates := waiting.get(key(each)):
            yield ChannelPair(each, candidates.pop(0))


def _order(pair: ChannelPair) -> str:
    channel = pair.new or pair.old
    return channel_name(channel.definition) if channel is not None else ""
