"""The property test at length: `python -m tests.suite.property.soak [schemas] [seed]`."""

from __future__ import annotations

import sys
import time
from random import Random
from typing import Any

from tests.suite.property.check import check_instances, topics
from tests.suite.property.instances import InstanceMaker, mutated
from tests.suite.property.schemas import LATEST, SchemaMaker

__all__ = ["soak"]

_AT_ONCE = 25
_INSTANCES = 30
_DRAFT_7 = "http://json-schema.org/draft-07/schema"


def soak(count: int, seed: int) -> int:
    """Check `count` schemas; print what is wrong with which. Gives the number of wrong instances."""
    found = tried = accepted = refused = 0
    started = time.monotonic()
    for start in range(seed, seed + count, _AT_ONCE):
        dialect = _DRAFT_7 if start // _AT_ONCE % 3 == 0 else LATEST
        seeds = range(start, start + _AT_ONCE)
        schemas = [SchemaMaker(Random(one), dialect).document() for one in seeds]
        with topics(schemas, dialect=dialect, assert_formats=start // _AT_ONCE % 2 == 0) as refs:
            for index, ref in refs.items():
                tried += 1
                outcome = check_instances(ref, _instances(Random(seeds[index]), schemas[index]))
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


def _instances(random: Random, schema: dict[str, Any]) -> list[Any]:
    maker = InstanceMaker(random, schema)
    made = [maker.instance() for _ in range(_INSTANCES)]
    return [*made, *(mutated(random, one) for one in made)]


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(bool(soak(*(numbers + [1000, 0][len(numbers) :]))))
