"""Channels for the engine's tests, in the form generated modules have."""

from __future__ import annotations

import typing as _t

import pydantic as _p

from tightbeam._codegen import v1


class Status(v1.Payload, extra="forbid"):
    message: str
    percent: _t.Annotated[int | None, _p.Field(ge=0, le=100, exclude_if=v1.is_absent)] = None


class StatusDict(_t.TypedDict):
    message: str
    percent: _t.NotRequired[int]


class Tick(v1.Payload, extra="forbid"):
    n: int


class TickDict(_t.TypedDict):
    n: int


StatusMessage: _t.TypeAlias = v1.Message[_t.Literal["status"], Status]
TickMessage: _t.TypeAlias = v1.Message[_t.Literal["tick"], Tick]
TokenMessage: _t.TypeAlias = v1.Message[_t.Literal["token"], str]


class JobChannel(
    v1.Channel[StatusMessage | TickMessage | TokenMessage],
    template="job:{jobId}",
    params={"jobId": "string"},
    schemas="tests.tightbeam.engine.samples_schemas",
):
    status: v1.TopicRef[[Status | StatusDict], _t.Literal["status"], Status] = v1.topic("status", Status)
    tick: v1.TopicRef[[Tick | TickDict], _t.Literal["tick"], Tick] = v1.topic("tick", Tick)
    token: v1.TopicRef[[str], _t.Literal["token"], str] = v1.topic("token", str)


def job_channel(*, job_id: str) -> JobChannel:
    return v1.open_channel(JobChannel, {"jobId": job_id})
