"""What is taken otherwise than a reader of the models expects is said, once for all fields."""

from __future__ import annotations

import json

import pytest

from tests.tightbeam_codegen.imports.pydantic.conftest import WriteModule
from tightbeam_codegen.imports import Wanted
from tightbeam_codegen.imports.pydantic import import_models

HEAD = "from datetime import timedelta\nfrom pydantic import *\n"
NOTES = {
    "at: datetime.datetime": "M.at: a `datetime` can be without an offset, so it is text here.",
    "c: str = Field(pattern=re.compile('a(?=b)'))": "M.c: the pattern isn't in the schema,",
    "d: float = Field(multiple_of=0.1)": "M.d: `multiple_of` isn't in the schema,",
    "e: int = Field(default=1, exclude=True)": "M.e: what is excluded from dumps isn't sent,",
    "f: SerializeAsAny[Base]": "M.f: fields that only a subclass has are sent,",
    "g: Iterable[int]": "M.g: it is read as an iterator,",
    "i: str | datetime.date": "M.i: two branches of the union are dumped alike,",
    "j: Base | Same": "M.j: two branches of the union are dumped alike,",
    "k: list[int] | set[int]": "M.k: two branches of the union are dumped alike,",
    "l: decimal.Decimal = 0": "M.l: the default isn't of the field's type and is dumped as it stands,",
    "m: datetime.timedelta = 5": "M.m: the default isn't of the field's type",
    "n: int = None": "M.n: the default can't be read again,",
    "o: Annotated[str, Field(min_length=1)] = ''": "M.o: the default can't be read again,",
    "p: Base = Field(default={'id': 'x'})": "M.p: the default can't be read again,",
    "h: int = Field(alias='x')": "Dump with `by_alias=True`: the schema has the aliases of M.",
}


@pytest.mark.parametrize(("field", "note"), NOTES.items(), ids=lambda value: value.partition(":")[0])
def test_a_note(write_module: WriteModule, field: str, note: str) -> None:
    base = "class {}(BaseModel):\n    id: int\n"
    models = f"{base.format('Base')}{base.format('Same')}class M(BaseModel):\n    a: int\n    {field}\n"
    name = write_module(models)
    notes = import_models(f"{name}:M", Wanted(name="x")).notes
    assert len(notes) == 1
    assert notes[0].startswith(note)


@pytest.mark.parametrize(
    "field",
    [
        "a: int | str | None",
        "a: int | float",
        "a: Literal['a'] | str",
        "a: list[int] | dict[str, int]",
        "a: Literal['a', 'b'] | None",
        "a: AwareDatetime | int",
        "a: decimal.Decimal = decimal.Decimal(0)",
        "a: decimal.Decimal = Field(default=0, validate_default=True)",
        "a: HttpUrl = 'https://example.com'",
        "a: set[str] = []",
        "a: M | None = None",
    ],
)
def test_nothing_to_note(write_module: WriteModule, field: str) -> None:
    name = write_module(f"class M(BaseModel):\n    {field}\n")
    assert import_models(f"{name}:M", Wanted(name="x")).notes == ()


@pytest.mark.parametrize(
    ("unit", "notes"),
    [
        ("seconds", ["what has no offset is read as UTC"]),
        ("infer", ["state `val_temporal_unit`", "what has no"]),
    ],
)
def test_times_as_numbers(write_module: WriteModule, unit: str, notes: list[str]) -> None:
    config = f"ConfigDict(ser_json_temporal='seconds', val_temporal_unit='{unit}')"
    name = write_module(f"class M(BaseModel):\n    model_config = {config}\n    at: datetime.datetime\n")
    found = import_models(f"{name}:M", Wanted(name="x")).notes
    assert [note.startswith(f"M.at: {expected}") for note, expected in zip(found, notes, strict=True)] == [
        True for _ in notes
    ]


POLYMORPHIC = """
class Base(BaseModel):
    model_config = ConfigDict(polymorphic_serialization=True)
class Sub(Base):
    id: int
class M(BaseModel):
    base: Base
"""


def test_subclasses_by_config(write_module: WriteModule) -> None:
    """The class that others derive from is named, and not the others."""
    name = write_module(POLYMORPHIC)
    [note] = import_models(f"{name}:M,Sub", Wanted(name="x")).notes
    assert note.startswith("Base: fields that only a subclass has are sent,")


def test_a_note_names_the_first_fields(write_module: WriteModule) -> None:
    fields = "".join(f"    at{number}: datetime.datetime\n" for number in range(5))
    name = write_module(f"class M(BaseModel):\n{fields}class N(BaseModel):\n    m: M\n")
    [note] = import_models(name, Wanted(name="x")).notes
    assert note.startswith("M.at0, M.at1, M.at2 and 2 more: a `datetime`")


def test_a_default_is_in_the_schema_where_it_is_read_again(write_module: WriteModule) -> None:
    name = write_module("class M(BaseModel):\n    a: timedelta = 5\n    b: int = None\n", head=HEAD)
    [text] = import_models(f"{name}:M", Wanted()).documents.values()
    properties = json.loads(text)["$defs"]["M"]["properties"]
    assert properties["a"]["anyOf"][1:] == [{"const": 5}]
    assert properties["a"]["default"] == 5
    assert properties["b"] == {"type": "integer"}
