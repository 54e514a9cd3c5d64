"""Compare two models: payloads, what callers must change, what is new, and what exceptions allow."""

from __future__ import annotations

from tightbeam_codegen.compare.allowances import Allowances
from tightbeam_codegen.compare.answers import Comparer
from tightbeam_codegen.compare.channels import added_by, channel_changes
from tightbeam_codegen.compare.classes import class_changes
from tightbeam_codegen.compare.events import added_events, event_changes
from tightbeam_codegen.compare.findings import Comparison
from tightbeam_codegen.compare.pairs import AnyPair, pair_channels, pair_events
from tightbeam_codegen.compare.payloads import compare_topics
from tightbeam_codegen.model import Model

__all__ = ["compare"]


def compare(
    old: Model | None, new: Model | None, *, as_written: bool = False, typescript: bool = False
) -> Comparison:
    """Compare the definitions of two revisions.

    Args:
        old: those of the earlier revision; None where there were none.
        new: those of today; None where there are none.
        as_written: whether schemas are compared as they stand, for readers and publishers that aren't those
            of the bindings.
        typescript: whether there are bindings in TypeScript, whose names are given too.
    """
    channels = pair_channels(old.channels if old is not None else (), new.channels if new is not None else ())
    events = pair_events(old.events if old is not None else (), new.events if new is not None else ())
    pairs: list[AnyPair] = [*channels, *events]
    allowances = Allowances(old, new)
    comparer = Comparer(as_written=as_written)
    topics = (
        change
        for pair in pairs
        if pair.old is not None and pair.new is not None and old is not None and new is not None
        for change in compare_topics(pair.old, pair.new, old, new, comparer)
    )
    code = [
        *channel_changes(channels, typescript=typescript),
        *event_changes(events, typescript=typescript),
    ]
    if old is not None and new is not None:
        code += class_changes(pairs, old, new, typescript=typescript)
    code.sort(key=lambda each: each.channel)
    return Comparison(
        tuple(allowances.topics(topics)),
        tuple(allowances.code(code)),
        (*added_by(channels), *added_events(events)),
        allowances.all(),
    )
