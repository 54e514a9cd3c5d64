"""Classes that stand at the same place of a payload in both revisions, whatever they are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tightbeam_codegen.compare.pairs import AnyPair
from tightbeam_codegen.model import EventModel, Model
from tightbeam_codegen.read.normalise.shapes import (
    AliasShape,
    List,
    Map,
    Name,
    ObjectShape,
    Ref,
    Shape,
    Union,
)

__all__ = ["counterparts"]


def counterparts(pairs: Iterable[AnyPair], old: Model, new: Model) -> dict[Name, Name]:
    """Return for classes and aliases of the earlier revision those that stand in their place today.

    Args:
        pairs: the channels and events of both revisions.
        old: the earlier model.
        new: today's.
    """
    found: dict[Name, Name] = {}
    pending = list(_topics(pairs))
    while pending:
        match pending.pop():
            case Ref(before), Ref(after):
                if before not in found:
                    found[before] = after
                    one, other = old.shapes.named[before], new.shapes.named[after]
                    match one, other:
                        case ObjectShape(), ObjectShape():
                            fields = {field.wire_name: field.shape for field in other.fields}
                            pending += [
                                (each.shape, fields[each.wire_name])
                                for each in one.fields
                                if each.wire_name in fields
                            ]
                        case AliasShape(), AliasShape():
                            pending.append((one.shape, other.shape))
                        case _:
                            pass
            case List(item=before_item), List(item=after_item):
                pending.append((before_item, after_item))
            case Map(before_value), Map(after_value):
                pending.append((before_value, after_value))
            case Union(ones), Union(others) if len(ones) == len(others):
                pending += zip(ones, others, strict=True)
            case _:
                pass
    return found


def _topics(pairs: Iterable[AnyPair]) -> Iterator[tuple[Shape, Shape]]:
    for pair in pairs:
        if pair.old is not None and pair.new is not None:
            after = {topic.name: topic.shape for topic in pair.new.topics}
            for each in pair.old.topics:
                # An event may have got another name.
                shape = next(iter(after.values()), None) if isinstance(pair.new, EventModel) else None
                shape = shape or after.get(each.name)
                if shape is not None:
                    yield each.shape, shape
