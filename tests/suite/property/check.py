"""What must hold for every schema and every instance, whatever they are."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.suite.compiled import Facts, Refused, compile_topics
from tests.suite.groups import same_json
from tests.suite.property.schemas import LATEST
from tightbeam import InvalidPayload, TopicRef
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

__all__ = ["Outcome", "check_instances", "spelt", "topics"]

_facts = Facts()
_numbers = itertools.count()


@dataclass
class Outcome:
    """How many instances were accepted and refused, and what went wrong."""

    accepted: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


@contextmanager
def topics(
    schemas: Sequence[Any], *, dialect: str = LATEST, assert_formats: bool = False, inline: bool = False
) -> Iterator[Mapping[int, Callable[[], TopicRef[..., str, Any]]]]:
    """What imports the topic of each schema, by its index. Those whose class names meet are left out."""
    wanted = {f"s{index}": schema for index, schema in enumerate(schemas)}
    package = f"random_{next(_numbers)}"
    while True:
        with tempfile.TemporaryDirectory() as folder:
            try:
                compiled = compile_topics(
                    Path(folder),
                    package,
                    wanted,
                    dialect=dialect,
                    inline=inline,
                    assert_formats=assert_formats,
                    cache=_facts,
                )
            except Refused as refused:
                for problem in refused.problems:
                    if "class name" not in problem.message and "stand for two things" not in problem.message:
                        raise
                    assert problem.place is not None
                    wanted.pop(Path(problem.place.path).name.partition(".")[0], None)
                continue
            try:
                yield {int(name[1:]): partial(compiled.topic, name) for name in wanted}
            finally:
                sys.path.remove(folder)
                for name in [name for name in sys.modules if name.partition(".")[0] == package]:
                    del sys.modules[name]
            return


def check_instances(
    ref: TopicRef[..., str, Any], instances: Iterable[Any], is_valid: Callable[[Any], bool] | None = None
) -> Outcome:
    """Publish each instance; what is accepted must load, and be sent again as it was.

    With `is_valid` exactly what it says is valid must be accepted.
    """
    outcome = Outcome()
    for instance in instances:
        try:
            sent = encode(ref, instance)
        except InvalidPayload:
            outcome.refused += 1
            if is_valid is not None and is_valid(instance):
                outcome.wrong.append(f"is valid and refused: {instance!r}")
            continue
        if is_valid is not None and not is_valid(instance):
            outcome.wrong.append(f"is invalid and accepted: {instance!r}")
        outcome.accepted += 1
        try:
            loaded = load(ref, sent)
        except InvalidPayload as error:
            outcome.wrong.append(f"doesn't load: {instance!r}: {error}")
            continue
        try:
            again = json.loads(encode(ref, loaded))
        except InvalidPayload as error:
            outcome.wrong.append(f"isn't accepted again: {instance!r} as {loaded!r}: {error}")
            continue
        if not same_json(spelt(again), spelt(json.loads(sent))):
            outcome.wrong.append(f"comes back changed: {instance!r} as {again!r}")
    return outcome


def spelt(value: Any) -> Any:
    """With every date-time and uuid in one spelling: a model may send another than it was given."""
    match value:
        case dict():
            return {key: spelt(inner) for key, inner in value.items()}
        case list():
            return [spelt(inner) for inner in value]
        case str() if len(value) == 36 and value.count("-") == 4:
            try:
                return str(UUID(value))
            except ValueError:
                return value
        case str() if len(value) > 19 and value[10] in "Tt":
            try:
                return datetime.fromisoformat(value.upper()).astimezone(UTC).isoformat()
            except (ValueError, OverflowError):
                return value
        case _:
            return value
