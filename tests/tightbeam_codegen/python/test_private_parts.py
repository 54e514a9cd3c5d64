"""Pydantic's private parts: without each of them payloads load as they do with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from tests.tightbeam_codegen.compiling import channel
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import INTEGER, closed, ref
from tightbeam._payload import building, core_schema
from tightbeam._payload.load import load


@pytest.fixture
def without_use_prebuilt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Pydantic whose validators can't be told to leave those of nested classes alone."""
    build = core_schema.SchemaValidator

    def public(core: Any) -> object:
        return build(core)

    monkeypatch.setattr(core_schema, "SchemaValidator", public)
    core_schema._takes_use_prebuilt.cache_clear()
    assert not core_schema._takes_use_prebuilt()
    yield
    core_schema._takes_use_prebuilt.cache_clear()


@pytest.fixture(params=["_builder_of", "_refs_are_known"])
def without_builders(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pydantic that doesn't show which schema it builds, or calls classes otherwise."""
    monkeypatch.setattr(building, request.param, lambda *_: None)


EVEN, ODD = {"type": "integer", "multipleOf": 2}, {"type": "integer", "not": {"multipleOf": 2}}


def nested(branches: list[dict[str, Any]]) -> dict[str, Any]:
    """A topic whose union is inside of a class of its own, which lends its validator."""
    holder = closed("here", here={"anyOf": [ref(f"#/$defs/B{n}") for n in range(len(branches))]})
    definitions = {f"B{n}": branch for n, branch in enumerate(branches)}
    return channel("x", t=closed("deep", deep=ref("#/$defs/Holder"))) | {
        "$defs": {"Holder": holder, **definitions}
    }


def built_classes(module: ModuleType) -> list[type[BaseModel]]:
    """Build the classes of a module, so that each can lend its validator."""
    classes = [
        each for each in vars(module).values() if isinstance(each, type) and issubclass(each, BaseModel)
    ]
    assert len(classes) >= 4
    for cls in classes:
        cls.model_rebuild()
    return classes


@pytest.mark.usefixtures("without_use_prebuilt")
def test_the_class_whose_schema_it_fits_without_use_prebuilt(compile_here: Compile) -> None:
    made = compile_here({"x.channel.json": nested([closed("n", n=EVEN), closed("n", n=ODD)])})
    classes = built_classes(made.module("x"))
    topic = made.module("x").x_channel.t
    for n, name in ((2, "B0"), (3, "B1")):
        assert type(load(topic, b'{"deep":{"here":{"n":%d}}}' % n).deep.here).__name__ == name
    assert all(cls.__pydantic_complete__ for cls in classes)


@pytest.mark.usefixtures("without_use_prebuilt")
def test_a_deep_recursive_union_without_use_prebuilt(compile_here: Compile) -> None:
    """With two branches tried at each level it would take for ever."""
    either = {"anyOf": [ref(f"#/$defs/B{n}") for n in range(4)]}
    branches = [closed(f"p{n}", **{f"p{n}": INTEGER, "inner": either}) for n in range(4)]
    made = compile_here({"x.channel.json": nested(branches)})
    built_classes(made.module("x"))
    value: dict[str, Any] = {"p3": 0}
    for n in range(100):
        value = {f"p{n % 4}": n, "inner": value}
    loaded = load(made.module("x").x_channel.t, json.dumps({"deep": {"here": value}}))
    assert (loaded.deep.here.p3, loaded.deep.here.inner.p2) == (99, 98)


@pytest.mark.usefixtures("without_builders")
def test_a_chain_of_classes_without_builders(compile_here: Compile) -> None:
    count = 120
    links = {f"L{n}": closed(n=INTEGER, next=ref(f"#/$defs/L{n + 1}")) for n in range(count)}
    definitions = {**links, f"L{count}": closed(n=INTEGER)}
    made = compile_here({"x.channel.json": channel("x", t=ref("#/$defs/L0")) | {"$defs": definitions}})
    value: dict[str, Any] = {"n": count}
    for n in reversed(range(count)):
        value = {"n": n, "next": value}
    loaded = load(made.module("x").x_channel.t, json.dumps(value))
    for _ in range(count):
        loaded = loaded.next
    assert loaded.n == count
