"""Checking and encoding a payload, beside the least that could be done and beside other validators."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jsonschema
import jsonschema_rs
import orjson

from benchmarks.bindings import PAYLOADS, SCHEMAS, payload_channel
from benchmarks.peers import peer
from benchmarks.report import Bound, Report, Table, us
from benchmarks.side_by_side import Timing, side_by_side
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode

__all__ = ["measure"]

_FLOOR = "floor"
_OURS = "Tightbeam"
_Call = Callable[[], object]


def measure(*, quick: bool = False) -> Report:
    """Every size, from a dictionary and a model, by a closed and an open schema; then what is refused."""
    report = Report(
        "payload",
        "One payload checked and encoded. The floor is `jsonschema_rs.is_valid` and `orjson.dumps`,"
        " for models after `SchemaSerializer.to_python` of the same class. CPU time in microseconds.",
    )
    rounds = 5 if quick else 21
    for kind in ("closed", "open"):
        module = payload_channel(kind)
        channel = getattr(module, f"{kind}_payloads_channel")(id="1")
        for form, contestants in (("dict", _dict_contestants), ("model", _model_contestants)):
            sizes = {
                size: side_by_side(
                    contestants(getattr(channel, size), SCHEMAS[kind][size], PAYLOADS[size], quick=quick),
                    reference=_FLOOR,
                    rounds=rounds,
                )
                for size in PAYLOADS
            }
            report.tables.append(_table(f"{kind} schema, from a {form}", sizes))
            report.bounds.extend(_bounds(kind, form, sizes))
        if kind == "closed":
            refused = {
                size: side_by_side(
                    _rejections(getattr(channel, size), SCHEMAS[kind][size], PAYLOADS[size], quick=quick),
                    reference="floor, first error",
                    rounds=rounds,
                )
                for size in PAYLOADS
            }
            report.tables.append(_table("closed schema, a dict with one wrong value, refused", refused))
    return report


def _dict_contestants(ref: Any, schema: dict[str, Any], data: Any, *, quick: bool) -> dict[str, _Call]:
    is_valid = jsonschema_rs.validator_for(schema, offline=True).is_valid
    model = ref.payload_type
    model.model_rebuild()
    validate, to_json = model.__pydantic_validator__.validate_python, model.__pydantic_serializer__.to_json
    calls: dict[str, _Call] = {
        _FLOOR: lambda: (is_valid(data), orjson.dumps(data)),
        _OURS: lambda: encode(ref, data),
        "Pydantic": lambda: to_json(validate(data), by_alias=True),
    }
    return calls | _python_validators(schema, lambda: data, quick=quick)


def _model_contestants(ref: Any, schema: dict[str, Any], data: Any, *, quick: bool) -> dict[str, _Call]:
    is_valid = jsonschema_rs.validator_for(schema, offline=True).is_valid
    model = ref.payload_type
    model.model_rebuild()
    payload = model.model_validate_json(orjson.dumps(data))
    serializer, validate = model.__pydantic_serializer__, model.__pydantic_validator__.validate_python
    to_python, to_json = serializer.to_python, serializer.to_json

    def floor() -> None:
        plain = to_python(payload, mode="python", by_alias=True)
        is_valid(plain)
        orjson.dumps(plain)

    def by_dump() -> None:
        plain = payload.model_dump(mode="json", by_alias=True)
        is_valid(plain)
        orjson.dumps(plain)

    calls: dict[str, _Call] = {
        _FLOOR: floor,
        _OURS: lambda: encode(ref, payload),
        "model_dump, is_valid, orjson": by_dump,
        "Pydantic (an instance isn't checked again)": lambda: to_json(validate(payload), by_alias=True),
    }
    return calls | _python_validators(schema, lambda: to_python(payload, by_alias=True), quick=quick)


def _python_validators(schema: dict[str, Any], plain: Callable[[], Any], *, quick: bool) -> dict[str, _Call]:
    calls: dict[str, _Call] = {}
    if (fastjsonschema := peer("fastjsonschema")) is not None:
        check = fastjsonschema.compile(schema)
        calls["fastjsonschema, orjson"] = lambda: orjson.dumps(check(plain()))
    if not quick:
        validator = jsonschema.Draft202012Validator(schema)
        calls["jsonschema, orjson"] = lambda: (validator.is_valid(data := plain()), orjson.dumps(data))
    return calls


def _rejections(ref: Any, schema: dict[str, Any], data: Any, *, quick: bool) -> dict[str, _Call]:
    """What it takes to say why: the last value of the payload is a list, where none may be."""
    bad = copy.deepcopy(data)
    last = bad["items"][-1] if "items" in bad else bad
    last[list(last)[-1]] = []
    validator = jsonschema_rs.validator_for(schema, offline=True)
    adapter = ref.payload_type.__pydantic_validator__
    calls: dict[str, _Call] = {
        "floor, first error": lambda: next(iter(validator.iter_errors(bad))).message,
        _OURS: lambda: _refused(lambda: encode(ref, bad), InvalidPayload),
        "Pydantic": lambda: _refused(lambda: adapter.validate_python(bad), ValueError),
    }
    if (fastjsonschema := peer("fastjsonschema")) is not None:
        check = fastjsonschema.compile(schema)
        calls["fastjsonschema"] = lambda: _refused(lambda: check(bad), ValueError)
    if not quick:
        slow = jsonschema.Draft202012Validator(schema)
        calls["jsonschema"] = lambda: next(slow.iter_errors(bad)).message
    return calls


def _refused(call: _Call, error: type[Exception]) -> str:
    try:
        call()
    except error as refusal:
        return str(refusal)
    raise AssertionError("it should have been refused")


def _table(title: str, sizes: dict[str, dict[str, Timing]]) -> Table:
    rows = []
    for name in next(iter(sizes.values())):
        cells = [name]
        for timings in sizes.values():
            cells += [us(timings[name].seconds), f"{timings[name].ratio:.2f}"]
        rows.append(tuple(cells))
    headings = ("", *(heading for size in sizes for heading in (size, "÷ floor")))
    return Table(title[0].upper() + title[1:], headings, tuple(rows))


def _bounds(kind: str, form: str, sizes: dict[str, dict[str, Timing]]) -> list[Bound]:
    ours = {size: timings[_OURS] for size, timings in sizes.items()}
    where = f"{form}, {kind} schema"
    tiny = Bound(f"tiny {where}: over the floor", ours["tiny"].over * 1e6, "≤", 0.4, " µs", None)
    limit = 1.3 if form == "dict" or kind == "open" else 1.2
    large = Bound(f"large {where}: ÷ floor", ours["large"].ratio, "≤", limit, margin=2)
    if kind == "closed":
        return [tiny, Bound(f"medium {where}: ÷ floor", ours["medium"].ratio, "≤", limit, margin=2.5), large]
    floor = sizes["medium"][_FLOOR].seconds
    allowed = (floor * (1.3 if form == "dict" else 1.2) + 0.5e-6) / floor
    return [
        tiny,
        Bound(f"medium {where}: ÷ floor, 0.5 µs allowed", ours["medium"].ratio, "≤", allowed, margin=2.5),
        large,
    ]
