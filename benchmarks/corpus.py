"""Public schemas beside datamodel-code-generator: `python -m benchmarks.corpus [--page docs/schemas.md]`.

Both make Python of the same documents. Then both judge the same instances, real documents among them, and
jsonschema-rs says who is right.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic

from tests.corpus.checking import Compiled, Judge, compile_document
from tests.corpus.conftest import INSTANCES
from tests.corpus.store import lay_out, schemas
from tests.corpus.subjects import SUBJECTS
from tests.suite.property.check import check_instances

_PEER_SECONDS, _PEER_BYTES = 60, 4 * 1024**3
_EACH = 10
"""Of SchemaStore's schemas every tenth is taken."""
_ABOUT = """\
# Public schemas

Which public schemas compile, and how exactly they judge: what `python -m benchmarks.corpus --page
docs/schemas.md` printed last, so don't edit it. Both generators made Python of the same documents in the
same run, and both judged the same instances: real documents where there are some, and a hundred sampled
ones, right and wrong. jsonschema-rs says who is right. The peer is datamodel-code-generator with its
defaults and Pydantic 2, in at most a minute and four gigabytes. It fetches documents that are referred
to by an absolute address, which this machine can't: "0 of 1" may mean that. Slow tests hold a
quarter of SchemaStore and every document to the same, `make soak` the rest (`tests/corpus`).
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One document, or several: how many there were, compiled, and were judged right."""

    name: str
    documents: int
    compiled: int
    instances: int
    agreed: int
    peer_compiled: int
    peer_agreed: int

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (
            self.name,
            f"{self.compiled} of {self.documents}",
            f"{self.agreed} of {self.instances}",
            f"{self.peer_compiled} of {self.documents}",
            f"{self.peer_agreed} of {self.instances}",
        )


def _peer(made: Compiled, instances: list[Any], folder: Path) -> list[bool] | None:
    """Ask datamodel-code-generator's module which instances are right; None where there is no module.

    It has a process of its own, with bounds: some documents take it gigabytes.
    """
    waiting = folder / "instances.json"
    waiting.write_text(json.dumps(instances))
    command = [sys.executable, "-m", "benchmarks.corpus", "--peer", str(made.document), str(waiting)]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_PEER_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    return json.loads(asked.stdout) if asked.returncode == 0 else None


def _be_the_peer(document: Path, waiting: Path) -> None:
    """Generate, import, judge the instances, and print the verdicts."""
    from datamodel_code_generator import DataModelType, InputFileType, generate

    resource.setrlimit(resource.RLIMIT_AS, (_PEER_BYTES, _PEER_BYTES))
    file = waiting.with_name("peer_module.py")
    generate(
        document,
        input_file_type=InputFileType.JsonSchema,
        output=file,
        output_model_type=DataModelType.PydanticV2BaseModel,
        class_name="Document",
    )
    sys.path.insert(0, str(file.parent))
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(importlib.import_module(file.stem).Document)
    print(json.dumps([_takes(adapter, instance) for instance in json.loads(waiting.read_text())]))


def _takes(adapter: pydantic.TypeAdapter[Any], instance: Any) -> bool:
    try:
        adapter.validate_json(json.dumps(instance), by_alias=True)
    except (pydantic.ValidationError, ValueError, RecursionError):
        return False
    return True


def _row(name: str, made: Iterable[Compiled], real: list[Any], folder: Path) -> Row:
    documents = compiled = instances = agreed = peer_compiled = peer_agreed = 0
    for seed, one in enumerate(made):
        documents += 1
        if one.errors:
            continue
        compiled += 1
        judge = Judge(one)
        tried = [*real, *judge.samples(INSTANCES, seed)]
        instances += len(tried)
        with one.topic() as ref:
            agreed += len(tried) - len(check_instances(ref, tried, judge.is_valid).wrong)
        if (verdicts := _peer(one, tried, folder)) is not None:
            peer_compiled += 1
            right = map(judge.is_valid, tried)
            peer_agreed += sum(mine == theirs for mine, theirs in zip(right, verdicts, strict=True))
    return Row(name, documents, compiled, instances, agreed, peer_compiled, peer_agreed)


def rows(folder: Path) -> Iterator[Row]:
    """Measure the well-known schemas, then a share of SchemaStore."""
    for number, subject in enumerate(one for one in SUBJECTS if not one.pointer):
        place = folder / f"subject{number}"
        made = compile_document(place, subject.text(), subject.vendored(place / "vendor"))
        yield _row(subject.name, [made], subject.documents(), place)
    refs = lay_out(folder / "vendor")
    chosen = list(schemas())[::_EACH]
    compiled = (
        compile_document(folder / f"store{number}", text, refs) for number, (_, text) in enumerate(chosen)
    )
    yield _row(f"SchemaStore, every {_EACH}th", compiled, [], folder)


def main() -> None:
    """Print the table, or write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus")
    parser.add_argument("--page", type=Path, help="write the table there")
    parser.add_argument("--peer", type=Path, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.peer is not None:
        _be_the_peer(*arguments.peer)
        return
    head = (
        "document",
        "compiled",
        "instances judged rightly",
        "the peer compiled",
        "the peer judged rightly",
    )
    lines = [f"| {' | '.join(head)} |", "|---|--:|--:|--:|--:|"]
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(Path(folder)):
            lines.append(f"| {' | '.join(row.cells)} |")
            print(lines[-1], flush=True)
    if arguments.page is not None:
        arguments.page.write_text("\n".join([_ABOUT, *lines, ""]))


if __name__ == "__main__":
    main()
