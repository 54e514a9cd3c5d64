"""Unions inside of their own branches: what is nested deep loads, and as what trying all branches gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from tests.suite.property.check import topics
from tests.suite.property.instances import InstanceMaker, mutated
from tests.suite.property.unions import Kind, family, recursive
from tightbeam import InvalidPayload, TopicRef
from tightbeam._payload.compiled import CompiledTopic
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam._payload.unions import branches, multiplied, narrowing
from tightbeam._payload.unions.choosing import Chooser

_DEPTH = 150
"""With two branches that are tried at each level, more than anything can try."""


def _tree(branches: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    inner = {"inner": {"$ref": "#"}, "n": {"type": "integer"}}
    made = [{"type": "object", **one, "properties": {**one["properties"], **inner}} for one in branches]
    return {"oneOf": [*made, *more.get("others", [])]}


def _tagged(tag: Callable[[int], Any]) -> dict[str, Any]:
    return _tree([{"properties": {"kind": tag(i)}, "required": ["kind"]} for i in range(4)])


_CLOSED = {"additionalProperties": False}
_TYPES = ["string", "integer", "boolean", "array"]
_SCHEMAS: dict[str, tuple[dict[str, Any], Callable[[int], dict[str, Any]]]] = {
    "const": (_tagged(lambda i: {"const": f"k{i}"}), lambda i: {"kind": f"k{i}"}),
    "enum": (_tagged(lambda i: {"enum": [f"k{i}", f"l{i}"]}), lambda i: {"kind": f"l{i}"}),
    "number": (_tagged(lambda i: {"const": i}), lambda i: {"kind": i}),
    "boolean": (
        _tree([{"properties": {"is": {"const": one}}, "required": ["is"]} for one in (True, False)]),
        lambda i: {"is": i % 2 == 0},
    ),
    "two tags": (
        _tree(
            [
                {
                    "properties": {"a": {"const": f"a{i // 2}"}, "b": {"const": f"b{i % 2}"}},
                    "required": ["a", "b"],
                }
                for i in range(4)
            ]
        ),
        lambda i: {"a": f"a{i // 2}", "b": f"b{i % 2}"},
    ),
    "beside null and text": (
        _tree(
            [{"properties": {"kind": {"const": f"k{i}"}}, "required": ["kind"]} for i in range(4)],
            others=[{"type": "null"}, {"type": "string"}, {"type": "array", "items": {"$ref": "#"}}],
        ),
        lambda i: {"kind": f"k{i}"},
    ),
    "required": (
        _tree([{"properties": {f"p{i}": {}}, "required": [f"p{i}"], **_CLOSED} for i in range(4)]),
        lambda i: {f"p{i}": None},
    ),
    "types": (
        _tree([{"properties": {"v": {"type": kind}}, "required": ["v"], **_CLOSED} for kind in _TYPES]),
        lambda i: {"v": ["x", 1, True, []][i]},
    ),
    "a tag that may be absent": (
        _tree([{"properties": {"kind": {"const": f"k{i}"}}} for i in range(4)]),
        lambda i: {"kind": f"k{i}"},
    ),
    "optional": (
        {
            "anyOf": _tree([{"properties": {f"p{i}": {"type": "string"}}, **_CLOSED} for i in range(4)])[
                "oneOf"
            ]
        },
        lambda i: {f"p{i}": "x"} if i % 2 else {},
    ),
}


def _deep(made: Callable[[int], dict[str, Any]], innermost: dict[str, Any]) -> dict[str, Any]:
    value = {**made(1), **innermost}
    for level in range(_DEPTH):
        value = {**made(level % 4), "inner": value}
    return value


@pytest.fixture(scope="module", params=_SCHEMAS)
def tree(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[TopicRef[..., str, Any], Callable[[int], dict[str, Any]]]]:
    schema, made = _SCHEMAS[request.param]
    with topics([schema]) as found:
        yield found[0](), made


def test_deep_values_load_and_go_back(
    tree: tuple[TopicRef[..., str, Any], Callable[[int], dict[str, Any]]],
) -> None:
    ref, made = tree
    value = _deep(made, {"n": 1})
    loaded = load(ref, encode(ref, value))
    assert json.loads(encode(ref, loaded)) == value
    for _ in range(_DEPTH):
        loaded = loaded.inner
    assert loaded.n == 1


def test_deep_values_that_do_not_fit_are_refused(
    tree: tuple[TopicRef[..., str, Any], Callable[[int], dict[str, Any]]],
) -> None:
    ref, made = tree
    value = _deep(made, {"n": "x"})
    with pytest.raises(InvalidPayload):
        encode(ref, value)
    with pytest.raises(InvalidPayload):
        load(ref, json.dumps(value))


def test_each_object_is_chosen_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    choose = Chooser.choose

    def counted(chooser: Chooser, value: object) -> int | str | None:
        nonlocal calls
        calls += 1
        return choose(chooser, value)

    monkeypatch.setattr(Chooser, "choose", counted)
    schema, made = _SCHEMAS["required"]
    with topics([schema]) as found:
        ref = found[0]()
        load(ref, json.dumps(_deep(made, {})))
    assert calls == _DEPTH + 1


def _differences(kind: Kind, seeds: range, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[str]]:
    """How many messages loaded, and those that load otherwise than where all branches are tried."""
    loaded, wrong = 0, []
    schemas = [recursive(Random(seed), family(Random(seed), kind)) for seed in seeds]
    with topics(schemas) as found:
        for index, topic in found.items():
            ref = topic()
            new, tried = ref.__topic__.compile(), _trying(ref, monkeypatch)
            loads = [
                partial(validator.validate_json, strict=True, by_alias=True, by_name=False)
                for validator in (one.branch_validator or one.validator for one in (tried, new))
            ]
            published = narrowing.narrowed(new.adapter[2], narrowing.PUBLISHED) or new.adapter[0]
            checks = [partial(one.validate_python, strict=True) for one in (new.adapter[0], published)]
            for value in _values(Random(index), schemas[index]):
                old, *others = (_outcome(read, json.dumps(value)) for read in loads)
                loaded += old is not None
                same = [old] == others and len({_outcome(check, value) for check in checks}) == 1
                wrong += [] if same else [f"{schemas[index]}: {value}"]
    return loaded, wrong


def _trying(ref: TopicRef[..., str, Any], monkeypatch: pytest.MonkeyPatch) -> CompiledTopic:
    """The topic, whose validators try all branches."""
    made = ref.__topic__.compile()
    tried = CompiledTopic(made.payload_type, made.schema, made.bundle)
    with monkeypatch.context() as patch:
        patch.setattr(branches, "narrowed", lambda *_: None)
        patch.setattr(narrowing, "narrowed", lambda *_: None)
        _ = tried.branch_validator, tried.validator
    return tried


def _values(random: Random, schema: dict[str, Any]) -> Iterator[Any]:
    maker = InstanceMaker(random, schema)
    made = [maker.instance() for _ in range(20)]
    for value in [*made, *(mutated(random, one) for one in made)]:
        if len(json.dumps(value)) < 1_500:  # trying all branches takes very long
            yield value


def _outcome(read: Callable[[Any], object], value: Any) -> str | None:
    try:
        return repr(read(value))
    except ValidationError:
        return None


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_class_is_the_one_that_trying_all_branches_gives(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, wrong = _differences(kind, range(8), monkeypatch)
    assert loaded > 50
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize("limit", [pytest.param(0, marks=pytest.mark.soak), 1_000])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_class_is_the_same_in_many_unions(
    kind: Kind, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiplied, "_LIMIT", limit)  # of 0: in every union
    assert not _differences(kind, range(100, 200), monkeypatch)[1]
