"""Compare two models: payloads, what callers must change, what is new, and what exceptions allow."""

from __future__ import annotations

from tightbeam_codegen.compare.allowances import Allowances
from tightbeam_codegen.compare.answers import Comparer
from tightbeam_codegen.compare.channels import added_by, channel_changes
from tightbeam_codegen.compare.classes import class_changes
from tightbeam_codegen.compare.findings import Comparison
from tightbeam_codegen.compare.pairs import pair_channels
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
    pairs = pair_channels(old.channels if old is not None else (), new.channels if new is not None else ())
    allowances = Allowances(old, new)
    comparer = Comparer(as_written=as_written)
    topics = (
        change
        for pair in pairs
        if pair.old is not None and pair.new is not None and old is not None and new is not None
        for change in compare_topics(pair.old, pair.new, old, new, comparer)
    )
    code = list(channel_changes(pairs, typescript=typescript))
    if old is not None and new is not None:
        code += class_changes(pairs, old, new, typescript=typescript)
    code.sort(key=lambda each: each.channel)
    return Comparison(
        tuple(allowances.topics(topics)),
        tuple(allowances.code(code)),
        tuple(added_by(pairs)),
        allowances.all(),
    )
