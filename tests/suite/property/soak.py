"""The property test at length: `python -m tests.suite.property.soak [schemas] [seed]`."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from random import Random
from typing import Any

import jsonschema_rs

from tests.suite.property.check import Outcome, check_instances, topics
from tests.suite.property.instances import InstanceMaker, mutated
from tests.suite.property.schemas import DRAFT_7, LATEST, SchemaMaker
from tightbeam import TopicRef

__all__ = ["instances_of", "soak"]

_AT_ONCE = 25
_INSTANCES = 30


def soak(count: int, seed: int) -> int:
    """Check `count` schemas; print what is wrong with which. Gives the number of wrong instances."""
    found = tried = accepted = refused = 0
    started = time.monotonic()
    for start in range(seed, seed + count, _AT_ONCE):
        dialect = DRAFT_7 if start // _AT_ONCE % 3 == 0 else LATEST
        formats, inline = start // _AT_ONCE % 2 == 0, start // _AT_ONCE % 5 == 0
        seeds = range(start, start + _AT_ONCE)
        schemas = [SchemaMaker(Random(one), dialect).document() for one in seeds]
        with topics(schemas, dialect=dialect, assert_formats=formats, inline=inline) as refs:
            for index, topic in refs.items():
                tried += 1
                outcome = _checked(topic, schemas[index], Random(seeds[index]), formats)
                accepted += outcome.accepted
                refused += outcome.refused
                if outcome.wrong:
                    found += len(outcome.wrong)
                    print(f"seed {seeds[index]}: {schemas[index]}")
                    for line in outcome.wrong[:3]:
                        print("   ", line)
    print(f"{tried} schemas, {accepted} instances accepted, {refused} refused, {found} wrong", end=", ")
    print(f"{time.monotonic() - started:.0f} s")
    return found


def _checked(
    topic: Callable[[], TopicRef[..., str, Any]], schema: dict[str, Any], random: Random, formats: bool
) -> Outcome:
    try:
        # Where formats are law, what Python's types can't hold is refused too.
        judge = None if formats else jsonschema_rs.validator_for(schema, validate_formats=False).is_valid
        return check_instances(topic(), instances_of(random, schema, _INSTANCES), judge)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return Outcome(wrong=["".join(traceback.format_exception(error)[-3:])])


def instances_of(random: Random, schema: dict[str, Any], count: int) -> list[Any]:
    """As many likely valid instances, and as many with one thing changed."""
    maker = InstanceMaker(random, schema)
    made = [maker.instance() for _ in range(count)]
    return [*made, *(mutated(random, one) for one in made)]


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(bool(soak(*(numbers + [1000, 0][len(numbers) :]))))
