"""Somebody else's text in every place: refused with a place and a reason, or as inert as any other."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tightbeam_codegen.allowed import NotAllowed, check_package, check_source
from tests.tightbeam_codegen.compiling import write_files
from tests.tightbeam_codegen.hostile.attacks import ATTACKS
from tests.tightbeam_codegen.hostile.compiled import Outcome, everywhere
from tests.tightbeam_codegen.hostile.places import DESCRIBING, PLACES
from tests.tightbeam_codegen.hostile.visiting import runs, visit

ACTING = [name for name, attack in ATTACKS.items() if attack.careless is not None]
VISITED = [
    "call",
    "carriage return",
    "hexadecimal escapes",
    "three quotes inside a class",
    "template expression",
]
OFTEN = [*VISITED, "line feed", "backslash at the end", "form feed", "bidirectional controls", "our tokens"]
MARK = "Zq7"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Outcome]:
    """What came of an attack, once for all tests."""
    known: dict[str, Outcome] = {}
    folder = tmp_path_factory.mktemp("hostile")

    def outcome(name: str) -> Outcome:
        if name not in known:
            known[name] = everywhere(ATTACKS[name].text, folder / str(len(known)))
        return known[name]

    return outcome


@pytest.mark.parametrize(
    "name",
    [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in ATTACKS],
)
def test_nothing_of_it_becomes_code(name: str, compiled: Callable[[str], Outcome]) -> None:
    outcome = compiled(name)
    check_package(outcome.files)
    assert DESCRIBING.isdisjoint(outcome.refused)
    made = {path.split("/")[0] for path in outcome.files}
    assert {outcome.folders[place] for place in PLACES.keys() - outcome.refused.keys()} <= made


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTING)
def test_it_would_act_in_careless_hands(name: str, tmp_path: Path) -> None:
    assert runs(ATTACKS[name].program(), tmp_path)


@pytest.mark.slow
def test_nothing_runs(tmp_path: Path, compiled: Callable[[str], Outcome]) -> None:
    for index, name in enumerate(VISITED):
        write_files(tmp_path / f"attack{index}", compiled(name).files)
    assert visit(tmp_path) == ""


@pytest.mark.slow
def test_nothing_runs_whatever_the_text(tmp_path: Path, compiled: Callable[[str], Outcome]) -> None:
    for index, name in enumerate(ATTACKS):
        write_files(tmp_path / f"attack{index}", compiled(name).files)
    assert visit(tmp_path) == ""


def test_a_visit_notices_what_runs(tmp_path: Path) -> None:
    for index, source in enumerate(
        [
            "import canary",
            "class X:\n    a: 'list[__import__(\"canary\")]'",
            "class X(dict):\n    a: '__import__(\"canary\")'",
            "def f(*, a: '__import__(\"canary\")') -> None: ...",
        ]
    ):
        folder = tmp_path / str(index)
        write_files(folder, {"made/__init__.py": f'"""x"""\n{source}\n'})
        with pytest.raises(AssertionError, match="the canary fired"):
            visit(folder)


def test_every_part_of_a_package_is_attacked(tmp_path: Path) -> None:
    """Text comes into the bundled schemas, and the packages, from as many places as into the modules."""
    outcome = everywhere(MARK, tmp_path)
    reached: dict[str, set[str]] = {"modules": set(), "bundles": set(), "packages": set()}
    for place, folder in outcome.folders.items():
        for path, text in outcome.files.items():
            parts = path.split("/")
            if folder in parts and re.search(MARK, path + text, re.IGNORECASE):
                bundled = parts[0] == "_schemas"
                kind = "packages" if parts[-1] == "__init__.py" else "bundles" if bundled else "modules"
                reached[kind].add(place)
    assert len(reached["modules"]) >= 40
    assert len(reached["bundles"] | reached["packages"]) >= len(reached["modules"])
    assert len(reached["packages"]) >= 5


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "from os import path",
        "from . import os",
        "import datetime as _dt, os",
        "x = 1",
        "print(1)",
        "SCHEMAS = '' + ''",
        "SCHEMAS = f''",
        "SCHEMAS = ''.strip()",
        "__all__ = [x]",
        "__all__ = ['x', *y]",
        "class X(v1.Payload, metaclass=M): ...",
        "class X(v1.Payload, extra=f()):\n    pass",
        "class X(v1.Payload):\n    a: f()",
        "class X(v1.Payload):\n    a: int = f()",
        "class X(v1.Payload):\n    a: 'f()'",
        "class X(v1.Payload):\n    a: _t.Literal[f()]",
        "class X(v1.Payload):\n    a: _t.Annotated[int, f()]",
        "class X(v1.Payload):\n    a: _t.Annotated[int, _p.Field(default_factory=f)]",
        "class X(v1.Payload):\n    a: os.system",
        "class X(v1.Payload):\n    a: _t.get_type_hints",
        "class X(v1.Payload):\n    def f(self): ...",
        "@f\nclass X(v1.Payload): ...",
        "@f\ndef g(): ...",
        "def g(a=1): ...",
        "X: _t.TypeAlias = f()",
        "X: _t.TypeAlias = 'f()'",
        "X = _te.TypeAliasType('X', 'f()')",
        "X = _te.TypeAliasType('Y', 'int')",
        "if f():\n    pass",
        "if TYPE_CHECKING:\n    import os",
        "__getattr__, __dir__ = f(__name__, {})",
        "__getattr__, __dir__ = v1.lazy_package(__name__, {f(): ()})",
        "lambda: 0",
        "[x for x in y]",
        "while True: pass",
        "x: int",
        "# a\rimport os",
        "# \u202e",
        "'''\u2028'''",
    ],
)
def test_the_oracle_refuses(source: str) -> None:
    with pytest.raises((NotAllowed, SyntaxError)):
        check_source(source)
