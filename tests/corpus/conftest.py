"""What the tests of other people's schemas share: parts of SchemaStore, each compiled and tried once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.corpus.checking import Compiled, Judge, compile_document
from tests.corpus.refusals import REFUSED
from tests.corpus.store import lay_out, schemas
from tests.suite.property.check import Outcome, check_instances

INSTANCES = 100
PARTS = 4
"""One is tried with the slow tests and the others with the soak, since all of them take minutes."""


@dataclass(frozen=True, slots=True)
class Store:
    """SchemaStore's schemas by address."""

    refused: dict[str, str]
    """Those that can't be compiled, with a pattern that says why."""
    compiled: dict[str, Compiled]
    outcomes: dict[str, Outcome]
    """Of those that compile."""


@pytest.fixture(
    scope="session", params=[0, *(pytest.param(part, marks=pytest.mark.soak) for part in range(1, PARTS))]
)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The schemas of a part compiled; of those that compile, a hundred instances published and received."""
    folder = tmp_path_factory.mktemp("schemastore")
    refs = lay_out(folder / "vendor")
    compiled: dict[str, Compiled] = {}
    outcomes: dict[str, Outcome] = {}
    for number, (url, text) in list(enumerate(schemas()))[request.param :: PARTS]:
        made = compiled[url] = compile_document(folder / str(number), text, refs)
        if not made.errors:
            outcomes[url] = tried(made, number)
    return Store({url: why for url, why in REFUSED.items() if url in compiled}, compiled, outcomes)


def tried(made: Compiled, seed: int) -> Outcome:
    """Publish and receive instances of a compiled document, each judged by the document itself."""
    judge = Judge(made)
    with made.topic() as ref:
        return check_instances(ref, judge.samples(INSTANCES, seed), judge.is_valid)


__all__ = ["INSTANCES", "PARTS", "Store", "tried"]
