"""Each trap of typed publishing: that we are out of it, and where that can be shown, that it is one.

`cases/traps_bad.py` has a section a trap; the checkers' verdicts on it are compared with its marks here.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import pydantic
import pytest

import tightbeam
from tests.typing import checkers
from tests.typing.marks import marks

ROOT = Path(__file__).parents[2]
TRAPS = Path(__file__).parent / "cases" / "traps_bad.py"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SECTIONS = [
    node.name
    for node in ast.parse(TRAPS.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "measure"
]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_gets_the_verdicts_it_is_marked_with(
    section: str, checker: str, findings: Callable[[str], list[checkers.Finding]]
) -> None:
    tree = ast.parse(TRAPS.read_text(encoding="utf-8"))
    lines = next(
        range(node.lineno, (node.end_lineno or 0) + 1)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == section
    )
    marked = {
        number for number, mark in marks(TRAPS).items() if checker in mark.refused_by and number in lines
    }
    found = {one.line for one in findings(checker) if one.path == TRAPS.name and one.is_error} & set(lines)
    assert found == marked
    assert marks(TRAPS).keys() & set(lines), "a section without a bad line proves nothing"


def verdict(checker: str, folder: Path, source: str) -> list[int]:
    """The lines of a file of its own that a checker refuses."""
    (folder / "probe.py").write_text(source)
    return sorted({one.line for one in checkers.run(checker, folder) if one.is_error})


COVARIANT = """
from typing import Generic, TypeVar

P = TypeVar("P", covariant=True)
T = TypeVar("T")

class Ref(Generic[P]):
    def payload_type(self) -> type[P]:
        raise NotImplementedError

def publish(ref: Ref[T], data: T) -> None:
    raise NotImplementedError

def wrong(ref: Ref[str]) -> None:
    publish(ref, 5)
"""


def test_a_covariant_reference_would_let_any_payload_through(checker: str, tmp_path: Path) -> None:
    """Why TopicRef isn't a PEP 695 class: with read-only fields it would be inferred to be covariant."""
    assert verdict(checker, tmp_path, COVARIANT) == []
    assert verdict(checker, tmp_path, COVARIANT.replace("covariant=True", "covariant=False")) == [15]


def test_type_variables_are_explicit() -> None:
    payload, name, data = tightbeam.TopicRef.__parameters__  # type: ignore[attr-defined]  # Generic's own attribute
    assert isinstance(payload, ParamSpec)
    assert not getattr(payload, "__infer_variance__", False)
    assert (name.__covariant__, data.__covariant__) == (True, True)
    assert {"UP046", "UP047"} <= set(SETTINGS["tool"]["ruff"]["lint"]["ignore"])


def test_python_names_reach_the_wire() -> None:
    """Constructors keep what they are given by Python name; without `validate_by_name` it is dropped."""
    from generated.common import Money
    from generated.orders import Line

    price = Money(currency="EUR", cents=5)
    line = Line(sku="a", quantity=1, unit_price=price, gift_note=None, class_="frozen")
    assert line.model_dump(mode="json", by_alias=True) == {
        "sku": "a",
        "quantity": 1,
        "unitPrice": {"currency": "EUR", "cents": 5},
        "giftNote": None,
        "class": "frozen",
    }

    class WithoutNames(pydantic.BaseModel):
        gift_note: str | None = pydantic.Field(
            None, validation_alias="giftNote", serialization_alias="giftNote"
        )

    assert WithoutNames(gift_note="for you").gift_note is None  # the trap


def test_models_are_strict() -> None:
    from generated.common import Money

    assert Money.model_config.get("strict") is True
    with pytest.raises(pydantic.ValidationError):
        Money(currency="EUR", cents="5")  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("guard", [False, True])
def test_a_lazy_package_hides_its_getattr(tmp_path: Path, checker: str, guard: bool) -> None:
    """Why `__getattr__` stands under `if not TYPE_CHECKING:`: else every misspelt import type-checks."""
    lines = ["from typing import TYPE_CHECKING", "if not TYPE_CHECKING:" if guard else "if True:"]
    lines += ["    def __getattr__(name: str) -> object: ..."]
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("\n".join(lines) + "\n")
    (tmp_path / "use.py").write_text("from package import misspelt as it\n\nprint(it)\n")
    found = [one for one in checkers.run(checker, tmp_path) if one.path == "use.py" and one.is_error]
    assert bool(found) is guard


def test_the_generated_packages_are_lazy_in_that_way() -> None:
    source = (ROOT / "generated" / "__init__.py").read_text(encoding="utf-8")
    assert re.search(r"^if not (_t\.)?TYPE_CHECKING:\n    .*__getattr__", source, re.MULTILINE)


async def test_the_run_time_error_names_the_wrong_key() -> None:
    """mypy says `dict[str, str]` and never which key; whoever runs it is told."""
    from generated.uploads import uploads_channel

    client = tightbeam.Client()
    with pytest.raises(tightbeam.InvalidPayload, match=r"mesage.*message"):
        await client.realtime.publish(uploads_channel(upload_id="u1").status, {"mesage": "x"})  # type: ignore[misc, arg-type]  # what is tested


PLUGIN = """
import pydantic

class Status(pydantic.BaseModel):
    message: str

Status(message=5)
"""


@pytest.mark.slow
def test_the_pydantic_plugin_would_hide_wrong_arguments(tmp_path: Path) -> None:
    """Why mypy runs without the plugin, here and as the documentation advises."""
    assert verdict("mypy", tmp_path, PLUGIN) == [7]
    (tmp_path / "mypy.ini").write_text("[mypy]\nplugins = pydantic.mypy\n")
    assert verdict("mypy", tmp_path, PLUGIN) == []
    assert "plugins" not in SETTINGS["tool"]["mypy"]
    assert "pydantic-mypy" not in SETTINGS["tool"]
