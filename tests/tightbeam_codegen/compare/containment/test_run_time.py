"""What is said to be taken loads: it is published by the bindings of one side and read by the other's."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compare.containment.known_pairs import PAIRS
from tests.tightbeam_codegen.compare.containment.people_cases import CASES
from tests.tightbeam_codegen.compare.containment.random_pairs import DIALECTS, Pair, samples
from tests.tightbeam_codegen.compiling import Compiled, channel, compile_files, errors
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam.errors import InvalidPayload
from tightbeam_codegen.compare.containment import Contained, Refused, Side, contains
from tightbeam_codegen.compare.containment.formulas import Literal
from tightbeam_codegen.compare.containment.nodes import NodeTable
from tightbeam_codegen.compare.containment.publishing import SAID
from tightbeam_codegen.compare.containment.solver import Solver

pytestmark = pytest.mark.slow

_OWN_URI = '"$id"'  # several channels can't have one
_LOADS_ANYWAY = {
    "change: a branch twice, which fits nothing",
    "change: bound tightened",
    "change: longer lists",
    "change: multiple of",
    "change: number of properties",
    "change: one property needs another one",
    "change: property added where others are strings",
    "change: values by pattern change",
}
"""Changes that people make of which a model in Python notices nothing: only the schema holds the rule."""


def pairs() -> Iterator[tuple[str, Pair]]:
    for case in CASES:
        yield f"change: {case.name}", Pair(2020, case.old, case.new)
    for known in PAIRS[::2]:
        if _OWN_URI not in json.dumps([known.first, known.second]):
            yield known.name, Pair(known.years[-1], known.first, known.second)


SUBJECTS = dict(enumerate(pairs()))


def compiled(folder: Path, which: str) -> Compiled:
    files = {}
    for number, (_, pair) in SUBJECTS.items():
        schema = getattr(pair, which)
        stated = {"$schema": DIALECTS[pair.year], **schema} if isinstance(schema, dict) else schema
        files[f"c{number}.channel.json"] = channel(f"c{number}", topic=stated)
    result = compile_files(folder / which, files)
    assert not errors(result)
    return result


class Bindings:
    """The generated bindings of one side of all pairs."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled

    def ref(self, number: int) -> Any:
        """The topic of a pair."""
        return getattr(self._compiled.module(f"c{number}"), f"c{number}_channel").topic

    def side(self, number: int) -> Side:
        """Its schemas, as they were generated."""
        self._compiled.module(f"c{number}")
        module = importlib.import_module(f"{self._compiled.package}._schemas.c{number}")
        return Side(json.loads(module.SCHEMAS), "topic")


@pytest.fixture(scope="module")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bindings, Bindings]:
    folder = tmp_path_factory.mktemp("sides")
    return Bindings(compiled(folder, "reader")), Bindings(compiled(folder, "writer"))


def said(side: Side, pair: Pair, ref: Any, seed: int) -> Iterator[bytes]:
    """Publish samples; yield the messages that the bindings' own dictionaries can say."""
    table = NodeTable()
    _, node = table.side(side)
    solver = Solver(table, steps=10**7, depth=30)
    for value in samples(pair, 120, seed):
        try:
            raw = encode(ref, value)
        except InvalidPayload:
            continue
        if solver.holds(Literal(node, True, SAID), value):
            yield raw


def test_what_is_taken_loads_and_what_is_refused_is_published(bindings: tuple[Bindings, Bindings]) -> None:
    loaded, anyway = 0, set[str]()
    for number, (name, pair) in SUBJECTS.items():
        for reader, writer in (bindings, bindings[::-1]):
            answer = contains(reader.side(number), writer.side(number))
            read, publish = reader.ref(number), writer.ref(number)
            if isinstance(answer, Contained):
                for raw in said(writer.side(number), pair, publish, number):
                    load(read, raw)  # an InvalidPayload is what this test is about
                    loaded += 1
                continue
            assert isinstance(answer, Refused), name
            raw = encode(publish, answer.payload)
            try:
                load(read, raw)
            except InvalidPayload:
                continue
            anyway.add(name)
    assert loaded > 5_000
    assert {name for name in anyway if name.startswith("change: ")} == _LOADS_ANYWAY
