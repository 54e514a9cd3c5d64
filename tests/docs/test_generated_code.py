"""The table of docs/generated-code.md: each schema becomes the two types that stand beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tightbeam_codegen.incremental.cache import open_cache
from tightbeam_codegen.pipeline import generate
from tightbeam_codegen.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "generated-code.md"
ROW = re.compile(r"^\| `((?:\{|true).*?)` \| `(.*?)` \| `(.*?)` \|$", re.MULTILINE)
LINE = {"type": "object", "properties": {"sku": {"type": "string"}}, "additionalProperties": False}
PREFIX = re.compile(r"\b_[a-z]+\.")
"""Of the modules that generated code imports under names of its own."""


def test_the_table_of_types(tmp_path: Path) -> None:
    rows = [
        [cell.replace(r"\|", "|") for cell in row] for row in ROW.findall(PAGE.read_text(encoding="utf-8"))
    ]
    assert len(rows) > 15
    topics = {
        f"row-{number}": {
            "schema": {
                "type": "object",
                "properties": {"value": json.loads(schema)},
                "required": ["value"],
                "additionalProperties": False,
            }
        }
        for number, (schema, _, _) in enumerate(rows)
    }
    definition = {"name": "table", "topics": topics, "$defs": {"Line": LINE}}
    (tmp_path / "table.channel.json").write_text(json.dumps(definition))
    made = generate(
        tmp_path,
        Settings(line_length=320),
        shown_root="schemas",
        version="0",
        cache=open_cache(),
    )
    assert made.problems == ()
    module = made.files["python"]["table.py"]
    found = [
        (
            schema,
            *(_value(module, f"Row{number}{suffix}") for suffix in ("", "Dict")),
        )
        for number, (schema, _, _) in enumerate(rows)
    ]
    assert found == [tuple(row) for row in rows]


def _value(module: str, name: str) -> str:
    """Return the type of the one field of a class, without the rules that stand beside it."""
    field = re.search(rf"^class {name}\(.*?^    value: (.*?)$", module, re.DOTALL | re.MULTILINE)
    assert field is not None, name
    annotated = re.fullmatch(r"_t\.Annotated\[(.*), v1\.unchecked\(.*\)\]", field[1])
    return PREFIX.sub("", annotated[1] if annotated else field[1])
