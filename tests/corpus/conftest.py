"""What the tests of other people's schemas share: all of SchemaStore, compiled and tried once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.corpus.checking import Compiled, Judge, compile_document
from tests.corpus.store import lay_out, schemas
from tests.suite.property.check import Outcome, check_instances

INSTANCES = 100


@dataclass(frozen=True, slots=True)
class Store:
    """SchemaStore's schemas by address."""

    compiled: dict[str, Compiled]
    outcomes: dict[str, Outcome]
    """Of those that compile."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Every schema compiled, and of those that compile a hundred instances published and received."""
    folder = tmp_path_factory.mktemp("schemastore")
    refs = lay_out(folder / "vendor")
    compiled: dict[str, Compiled] = {}
    outcomes: dict[str, Outcome] = {}
    for number, (url, text) in enumerate(schemas()):
        made = compiled[url] = compile_document(folder / str(number), text, refs)
        if not made.errors:
            outcomes[url] = tried(made, number)
    return Store(compiled, outcomes)


def tried(made: Compiled, seed: int) -> Outcome:
    """Publish and receive instances of a compiled document, each judged by the document itself."""
    judge = Judge(made)
    with made.topic() as ref:
        return check_instances(ref, judge.samples(INSTANCES, seed), judge.is_valid)


__all__ = ["INSTANCES", "Store", "tried"]
