"""Names of channels: what node computes with the bindings is byte for byte what Python computes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.tightbeam_codegen.compiling import compile_files, write_files
from tests.typescript.node_tools import needs_node, project, run, tsc
from tightbeam import InvalidParam

pytestmark = pytest.mark.slow

SAFE = 2**53 - 1
DEFINITIONS: dict[str, dict[str, Any]] = {
    "plain": {"name": "plain:{text}", "params": {"text": {"type": "string"}}},
    "kinds": {
        "name": "kinds/v1-{n}-x/{flag}/{text}.json",
        "separator": "/",
        "params": {"n": {"type": "integer"}, "flag": {"type": "boolean"}, "text": {"type": "string"}},
    },
    "listed": {
        "name": "listed:{a}:{b}:{c}",
        "params": {
            "a": {"enum": ["eu", "us", "$&", "é😀"]},
            "b": {"enum": [1, -3, SAFE + 1]},
            "c": {"const": True},
        },
    },
    "odd": {
        "name": "odd$$1:{order-id}:{class}:{__proto__}:{1}",
        "params": {name: {"type": "string"} for name in ("order-id", "class", "__proto__", "1")},
    },
    "bounded": {
        "name": "bounded:{short}:{n}:{word}",
        "params": {
            "short": {"type": "string", "minLength": 2, "maxLength": 3},
            "n": {"type": "integer", "minimum": 1, "exclusiveMaximum": 100, "multipleOf": 3},
            "word": {"type": "string", "pattern": "^[a-z]+$"},
        },
    },
}

TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=5),
    st.text(":/${}&%2F \x00\n\x85\ud800\u2028éü😀abc", max_size=6),
    st.sampled_from(["eu", "us", "$&", "é😀", "a", "$1", "%3A", "true", "1", "{text}", "ab", "abc"]),
)
NUMBERS = st.one_of(
    st.integers(), st.integers(-SAFE - 3, SAFE + 3), st.integers(-3, 100), st.sampled_from([-0, 1e300, 0.5])
)
VALUES = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())

PROGRAM = """
const modules = { plain: await import("./js/plain.js"), kinds: await import("./js/kinds.js"),
  listed: await import("./js/listed.js"), odd: await import("./js/odd.js"),
  bounded: await import("./js/bounded.validators.js") };
// An integer that no number is comes as text; it's a bigint then.
const value = (given) => given !== null && typeof given === "object" ? BigInt(given.integer) : given;
const names = input.map(([channel, params]) => {
  const given = Object.fromEntries(Object.entries(params).map(([name, one]) => [name, value(one)]));
  try {
    return modules[channel][`${channel}Channel`](given).name;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return null;
  }
});
console.log(JSON.stringify(names));
"""


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A channel, and a value for each of its parameters: mostly of the right kind."""
    channel = draw(st.sampled_from(sorted(DEFINITIONS)))
    params = {}
    for name, schema in DEFINITIONS[channel]["params"].items():
        values = [
            VALUES,
            {"string": TEXTS, "integer": NUMBERS, "boolean": st.booleans()}.get(schema.get("type"), VALUES),
        ]
        listed = schema.get("enum", [schema["const"]] if "const" in schema else [])
        params[name] = draw(st.one_of(*values, *([st.sampled_from(listed)] * 3 if listed else [])))
    return channel, params


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The bindings of both languages in one folder, the TypeScript ones compiled."""
    needs_node()
    folder = tmp_path_factory.mktemp("names")
    files = {
        f"{name}.channel.json": {**d, "topics": {"t": {"schema": {"type": "string"}}}}
        for name, d in DEFINITIONS.items()
    }
    made = compile_files(
        folder, files, typescript=Path("web"), typescript_validators=True, typescript_import_extension="js"
    )
    assert not made.result.problems
    write_files(folder / "name_bindings", made.files)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    project(folder / "web", made.typescript)
    assert tsc(folder / "web", emit=True) == []
    yield folder / "web"
    sys.path.remove(str(folder))


def in_python(channel: str, params: dict[str, Any]) -> str | None:
    module = importlib.import_module(f"name_bindings.{channel}")
    make = getattr(module, f"{channel}_channel")
    attributes = make.__code__.co_varnames[: make.__code__.co_kwonlyargcount]
    try:
        name: str = make(**dict(zip(attributes, params.values(), strict=True))).name
    except InvalidParam:
        return None
    return name


def for_json(value: Any) -> Any:
    return {"integer": str(value)} if type(value) is int and abs(value) > SAFE else value


def in_node(folder: Path, wanted: list[tuple[str, dict[str, Any]]]) -> list[str | None]:
    given = [[channel, {name: for_json(one) for name, one in params.items()}] for channel, params in wanted]
    names: list[str | None] = run(folder, PROGRAM, given)
    return names


EDGES = [
    ("kinds", {"n": n, "flag": False, "text": "x"})
    for n in (0, -1, SAFE, -SAFE, SAFE + 1, -SAFE - 1, SAFE + 2, 2**64, 10**400)
]


@settings(
    max_examples=15,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(st.lists(calls(), min_size=50, max_size=150))
@example(EDGES)
def test_names_are_the_same(compiled: Path, wanted: list[tuple[str, dict[str, Any]]]) -> None:
    expected = [in_python(channel, params) for channel, params in wanted]
    found = in_node(compiled, wanted)
    assert found == expected
    assert [name and name.encode() for name in found] == [name and name.encode() for name in expected]


def test_what_is_compared_is_not_all_refused(compiled: Path) -> None:
    good = [
        ("plain", {"text": "$& é😀%2F{text}"}),
        ("kinds", {"n": -7, "flag": True, "text": "a:b"}),
        ("listed", {"a": "é😀", "b": SAFE + 1, "c": True}),
        ("odd", {"order-id": "1", "class": "2", "__proto__": "3", "1": "4"}),
        ("bounded", {"short": "😀😀", "n": 99, "word": "abc"}),
    ]
    names = [
        "plain:$& é😀%2F{text}",
        "kinds/v1--7-x/true/a:b.json",
        "listed:é😀:9007199254740992:true",
        "odd$$1:1:2:3:4",
        "bounded:😀😀:99:abc",
    ]
    assert in_node(compiled, good) == names
    assert [in_python(*one) for one in good] == names


def test_a_number_that_may_have_been_another_is_refused(compiled: Path) -> None:
    """2^53 + 1 is 2^53 to JavaScript: as a number it can't be told from it, as a bigint it can."""
    program = """
    const { kindsChannel } = await import("./js/kinds.js");
    const tried = [2 ** 53 - 1, 2 ** 53, -(2 ** 53), NaN, Infinity, 1.5, -0].map((n) => {
      try { return kindsChannel({ n, flag: true, text: "x" }).name; } catch (error) { return error.message; }
    });
    console.log(JSON.stringify(tried));
    """
    refused = 'parameter "n" of channel "kinds/v1-{n}-x/{flag}/{text}.json" must be an integer within ±2^53'
    assert run(compiled, program) == [
        "kinds/v1-9007199254740991-x/true/x.json",
        *[refused] * 5,
        "kinds/v1-0-x/true/x.json",
    ]


def test_names_that_are_refused_say_why(compiled: Path) -> None:
    texts = ["", "a:b", "a\nb", "a\ud800b"]
    program = """
    const { plainChannel } = await import("./js/plain.js");
    console.log(JSON.stringify(input.map((text) => {
      try { return plainChannel({ text }).name; } catch (error) { return error.message; }
    })));
    """
    head = 'parameter "text" of channel "plain:{text}" must not '
    assert run(compiled, program, texts) == [
        f"{head}be empty",
        f'{head}contain the separator ":"',
        f"{head}contain control characters",
        f"{head}contain lone surrogates",
    ]
