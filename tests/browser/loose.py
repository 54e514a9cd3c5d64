"""A channel whose schemas leave much open, in the form generated modules have."""

from __future__ import annotations

import typing as _t

from tightbeam._codegen import v1

LineMessage: _t.TypeAlias = v1.Message[_t.Literal["line"], str]
AnyMessage: _t.TypeAlias = v1.Message[_t.Literal["any"], _t.Any]
AmountMessage: _t.TypeAlias = v1.Message[_t.Literal["amount"], int | float | str]
CountMessage: _t.TypeAlias = v1.Message[_t.Literal["count"], int]
RecordMessage: _t.TypeAlias = v1.Message[_t.Literal["record"], dict[str, _t.Any]]


class LooseChannel(
    v1.Channel[LineMessage | AnyMessage | AmountMessage | CountMessage | RecordMessage],
    template="loose:{name}",
    params={"name": "string"},
    schemas="tests.browser.loose_schemas",
):
    line: v1.TopicRef[[str], _t.Literal["line"], str] = v1.topic("line", str)
    any: v1.TopicRef[[_t.Any], _t.Literal["any"], _t.Any] = v1.topic("any", _t.Any)
    amount: v1.TopicRef[[int | float | str], _t.Literal["amount"], int | float | str] = v1.topic(
        "amount", int | float | str
    )
    count: v1.TopicRef[[int], _t.Literal["count"], int] = v1.topic("count", int)
    record: v1.TopicRef[[dict[str, _t.Any]], _t.Literal["record"], dict[str, _t.Any]] = v1.topic(
        "record", dict[str, _t.Any]
    )
