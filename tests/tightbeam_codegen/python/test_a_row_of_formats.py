"""A typed format is one row of `tightbeam._payload.formats`: types, imports and checks need no other edit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROW = """
    Format("decimal", 0, "a decimal such as 12.50", TypedFormat(
        python_type=Decimal, annotation=("decimal", "Decimal"), core_schema={"type": "decimal"},
        core_type="decimal", since=4, text="str(value)", pattern=r"^-?[0-9]+(?:\\.[0-9]+)?$",
    )),
"""

PROGRAM = f"""
from importlib.machinery import SourceFileLoader

get_code = SourceFileLoader.get_code

def with_the_row(loader, name):
    if name != "tightbeam._payload.formats":
        return get_code(loader, name)
    last_row = '        Format("uuid", 2019,'
    source = loader.get_source(name)
    assert source.count(last_row) == 1
    source = source.replace(last_row, {ROW!r} + last_row)
    source = source.replace("from datetime import", "from decimal import Decimal\\nfrom datetime import", 1)
    return compile(source, loader.path, "exec")

SourceFileLoader.get_code = with_the_row

import json, sys
from tightbeam_cli import main

assert main(["generate", "schemas", "--output", "out"]) == 0
sys.path.insert(0, ".")
from decimal import Decimal
import tightbeam
from out.prices import Price, prices_channel
from tightbeam._payload.encode import encode

price = Price(amount=Decimal("12.50"), lots=[Decimal("1")])
sent = encode(prices_channel.price, price), encode(prices_channel.price, {{"amount": "0.5", "lots": []}})
try:
    encode(prices_channel.price, {{"amount": "much", "lots": []}})
except tightbeam.InvalidPayload as error:
    print(json.dumps([*map(json.loads, sent), str(error)]))
"""

DECIMAL = {"type": "string", "format": "decimal"}
DEFINITION = {
    "name": "prices",
    "topics": {
        "price": {
            "schema": {
                "type": "object",
                "properties": {"amount": DECIMAL, "lots": {"type": "array", "items": DECIMAL}},
                "required": ["amount", "lots"],
                "additionalProperties": False,
            }
        }
    },
}


@pytest.mark.slow
def test_a_row_is_all_that_a_format_needs(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "prices.channel.json").write_text(json.dumps(DEFINITION))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    module = (tmp_path / "out" / "prices.py").read_text("utf-8")
    assert "import decimal as _decimal\n" in module
    assert "    amount: _decimal.Decimal\n" in module
    assert "    lots: list[_decimal.Decimal]\n" in module
    assert "    amount: str\n    lots: list[str]\n" in module
    model, dictionary, refusal = json.loads(done.stdout.splitlines()[-1])
    assert model == {"amount": "12.50", "lots": ["1"]}
    assert dictionary == {"amount": "0.5", "lots": []}
    assert "/amount: must be a decimal such as 12.50" in refusal
