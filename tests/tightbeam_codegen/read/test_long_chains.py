"""Chains of classes, and lists and maps inside one another, as far as the limits and beyond."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from tests.tightbeam_codegen.compiling import Compiled, channel, compile_files, errors
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

FORMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "property": lambda inner: inner,
    "list": lambda inner: {"type": "array", "items": inner},
    "map": lambda inner: {"type": "object", "additionalProperties": inner},
    "union": lambda inner: {"anyOf": [inner, {"type": "string"}]},
    "list of unions": lambda inner: {"type": "array", "items": {"anyOf": [inner, {"type": "string"}]}},
    "allOf": lambda inner: {"allOf": [inner, {"description": "More of it."}]},
    "nullable": lambda inner: {"anyOf": [inner, {"type": "null"}]},
}
VALUES: dict[str, Callable[[Any], Any]] = {
    "list": lambda value: [value],
    "map": lambda value: {"k": value},
    "list of unions": lambda value: ["x", value],
}


def link(index: int, inner: dict[str, Any] | None) -> dict[str, Any]:
    properties: dict[str, Any] = {"v": {"type": "integer"}}
    if inner is not None:
        properties["n"] = inner
    return {
        "type": "object",
        "properties": properties,
        "required": ["v"],
        "additionalProperties": False,
        "description": f"Number {index}.",
    }


def chain(length: int, form: str = "property", *, closed: bool = False) -> dict[str, Any]:
    """A definition with a topic of the first of so many classes, each with the next, or in a ring."""
    definition = channel("c", t={"$ref": "#/$defs/C0"})
    definition["$defs"] = {
        f"C{index}": link(
            index,
            FORMS[form]({"$ref": f"#/$defs/C{(index + 1) % length}"})
            if closed or index + 1 < length
            else None,
        )
        for index in range(length)
    }
    return definition


def exercise(compiled: Compiled, form: str) -> None:
    """Construct, publish and load, at both ends and in the middle."""
    module = compiled.module("c")
    ch = module.c_channel
    assert module.C0(v=1).v == 1
    for name in ("C500", "C999") if form != "allOf" else ("C500N", "C998N"):
        assert getattr(module, name)(v=1).v == 1
    value: Any = {"v": 0}
    for _ in range(20):
        value = {"v": 1, "n": VALUES.get(form, lambda inner: inner)(value)}
    raw = encode(ch.t, value)
    loaded = load(ch.t, raw)
    assert json.loads(encode(ch.t, loaded)) == value


def in_a_thread(work: Callable[[], None], stack: int) -> None:
    """Run in a thread with so many KiB of stack."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised again below
            failed.append(error)

    usual = threading.stack_size(stack * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(usual)
    thread.join()
    if failed:
        raise failed[0]


def deep_in(frames: int, work: Callable[[], None]) -> None:
    """Run below so many other frames, as in a web framework."""
    if frames:
        deep_in(frames - 1, work)
    else:
        work()


@pytest.mark.slow
@pytest.mark.parametrize("closed", [False, True], ids=["chain", "ring"])
@pytest.mark.parametrize("form", FORMS)
def test_a_thousand_classes(form: str, closed: bool, tmp_path: Path) -> None:
    limit = sys.getrecursionlimit()
    compiled = compile_files(tmp_path, {"c.channel.json": chain(1_000, form, closed=closed)})
    assert errors(compiled) == []
    exercise(compiled, form)
    assert sys.getrecursionlimit() == limit


@pytest.mark.slow
def test_in_small_stacks_and_below_many_frames(tmp_path: Path) -> None:
    compiled: list[Compiled] = []

    def generate() -> None:
        compiled.append(compile_files(tmp_path, {"c.channel.json": chain(1_000, "list of unions")}))

    in_a_thread(generate, 256)
    in_a_thread(lambda: exercise(compiled[0], "list of unions"), 256)
    deep_in(800, generate)
    deep_in(800, lambda: exercise(compiled[1], "list of unions"))


@pytest.mark.slow
def test_over_files(tmp_path: Path) -> None:
    files: dict[str, Any] = {"c.channel.json": channel("c", t={"$ref": "f0.json"})}
    for index in range(60):
        files[f"f{index}.json"] = link(index, {"$ref": f"f{index + 1}.json"} if index < 59 else None)
    compiled = compile_files(tmp_path, files)
    assert errors(compiled) == []
    ch = compiled.module("c").c_channel
    assert load(ch.t, encode(ch.t, {"v": 1, "n": {"v": 2}})).n.v == 2


def test_a_chain_that_used_to_end_in_a_recursion_error(tmp_path: Path) -> None:
    module = compile_files(tmp_path, {"c.channel.json": chain(120, "list of unions")}).module("c")
    assert module.C0(v=1).v == 1
    assert load(module.c_channel.t, b'{"v":1,"n":[{"v":2}]}').n[0].v == 2


def test_from_the_inside_out(tmp_path: Path) -> None:
    """Each class built by itself, those inside it before it: nothing grows with what was built."""
    module = compile_files(tmp_path, {"c.channel.json": chain(200)}).module("c")
    for index in reversed(range(200)):
        getattr(module, f"C{index}")(v=1)
    assert load(module.c_channel.t, b'{"v":1,"n":{"v":2}}').n.v == 2


def test_in_models_and_adapters_of_others(tmp_path: Path) -> None:
    """FastAPI and users have generators of their own, with definitions of their own."""
    module = compile_files(tmp_path, {"c.channel.json": chain(120, "union", closed=True)}).module("c")

    class Mine(BaseModel):
        first: module.C3  # type: ignore[name-defined]  # made at run time
        second: list[module.C4]  # type: ignore[name-defined]

    raw = {"first": {"v": 1, "n": {"v": 2}}, "second": [{"v": 1, "n": "x"}]}
    assert Mine.model_validate(raw).first.n.v == 2
    assert TypeAdapter(dict[str, module.C5 | module.C6]).validate_python({"a": {"v": 1}})["a"].v == 1
    assert module.C7.model_json_schema()["$ref"] == "#/$defs/C7"


@pytest.mark.slow
def test_beyond_the_limit_of_a_chain_is_a_located_error(tmp_path: Path) -> None:
    compiled = compile_files(tmp_path, {"c.channel.json": chain(5_200)})
    (problem,) = compiled.result.problems
    assert problem.message.startswith("schemas are nested more than 5000 levels deep")
    assert problem.place is not None


# -- lists and maps inside one another -----------------------------------------------------------------------


def nested(depth: int, form: str, *, inline: bool) -> dict[str, Any]:
    innermost: dict[str, Any] = {"type": "integer"}
    if inline:
        for _ in range(depth):
            innermost = FORMS[form](innermost)
        return channel("c", t=innermost)
    definition = channel("c", t={"$ref": "#/$defs/n0"})
    definition["$defs"] = {
        f"n{index}": FORMS[form]({"$ref": f"#/$defs/n{index + 1}"} if index + 1 < depth else innermost)
        for index in range(depth)
    }
    return definition


@pytest.mark.slow
@pytest.mark.parametrize("form", ["list", "map", "list of unions"])
def test_containers_as_deep_as_the_limit(form: str, tmp_path: Path) -> None:
    compiled = compile_files(tmp_path, {"c.channel.json": nested(99, form, inline=False)})
    assert errors(compiled) == []
    ch = compiled.module("c").c_channel
    value: Any = {} if form == "map" else []
    for _ in range(90):
        value = VALUES[form](value)

    def use() -> None:
        assert json.loads(encode(ch.t, load(ch.t, encode(ch.t, value)))) == value

    deep_in(600, use)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["list", "map", "list of unions"])
def test_deeper_containers_are_a_located_error(form: str, tmp_path: Path) -> None:
    compiled = compile_files(tmp_path, {"c.channel.json": nested(130, form, inline=False)})
    assert errors(compiled) == [
        "schemas are nested more than 100 levels deep, those that they refer to included"
    ]
    assert all(problem.place is not None for problem in compiled.result.problems)


def test_a_class_in_between_begins_anew(tmp_path: Path) -> None:
    inner = nested(60, "list", inline=False)
    inner["$defs"]["n59"] = {"type": "array", "items": link(0, {"$ref": "#/$defs/m0"})}
    inner["$defs"] |= {
        f"m{index}": {"type": "array", "items": {"$ref": f"#/$defs/m{index + 1}"} if index < 59 else True}
        for index in range(60)
    }
    assert errors(compile_files(tmp_path, {"c.channel.json": inner})) == []


def test_files_nested_too_deep_are_refused_where_they_are(tmp_path: Path) -> None:
    for depth in (200, 50_000):
        text = '{"name":"c","topics":{"t":{"schema":' + '{"items":' * depth + "{}" + "}" * depth + "}}}"
        compiled = compile_files(tmp_path, {"c.channel.json": text})
        assert ["nested more than" in message for message in errors(compiled)] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["", "parts/"])
def test_a_chain_over_files(folder: str, tmp_path: Path) -> None:
    """Each module imports the next one: imports nest in Python, and its limit would end them."""
    length = 400
    files: dict[str, Any] = {"c.channel.json": channel("c", t={"$ref": f"{folder}f0.json"})}
    for index in range(length):
        inner = {"$ref": f"f{index + 1}.json"} if index + 1 < length else None
        files[f"{folder}f{index}.json"] = link(index, inner)
    made = compile_files(tmp_path, files)
    assert errors(made) == []
    topic = made.module("c").c_channel.t
    payload = {"v": 0, "n": {"v": 1}}
    assert json.loads(encode(topic, load(topic, encode(topic, payload)))) == payload


def test_no_short_chain_of_files_has_stations(tmp_path: Path) -> None:
    files: dict[str, Any] = {"c.channel.json": channel("c", t={"$ref": "f0.json"})}
    files |= {f"f{index}.json": link(index, {"$ref": f"f{index + 1}.json"}) for index in range(24)}
    made = compile_files(tmp_path, {**files, "f24.json": link(24, None)})
    assert not any("import_first" in text for text in made.files.values())
    longer = compile_files(
        tmp_path, {**files, "f24.json": link(24, {"$ref": "f25.json"}), "f25.json": link(25, None)}
    )
    assert [path for path, text in longer.files.items() if "import_first" in text] == ["f0.py"]
    assert '        ".f1",\n' in longer.files["f0.py"]
