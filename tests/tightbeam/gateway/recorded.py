"""The channel of the recordings: its topics take anything."""

from __future__ import annotations

import typing as _t

from tightbeam._codegen import v1


class UserChannel(
    v1.Channel[v1.Message[str, _t.Any]],
    template="user:{userId}",
    params={"userId": "string"},
    schemas="tests.tightbeam.gateway.recorded_schemas",
):
    ai: v1.TopicRef[[_t.Any], _t.Literal["ai"], _t.Any] = v1.topic("ai", _t.Any)
    bare: v1.TopicRef[[_t.Any], _t.Literal["bare"], _t.Any] = v1.topic("bare", _t.Any)


def user_channel(*, user_id: str) -> UserChannel:
    return v1.open_channel(UserChannel, {"userId": user_id})
