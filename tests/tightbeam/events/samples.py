"""Events, in the form generated modules have."""

from __future__ import annotations

import typing as _t

import pydantic as _p
import typing_extensions as _te

from tightbeam._codegen import v1


class Upload(v1.Payload, extra="forbid"):
    upload_id: _t.Annotated[str, v1.wire("uploadId")]
    size: _t.Annotated[int | None, _p.Field(ge=0), v1.optional] = None


class UploadDict(_te.TypedDict):
    uploadId: str
    size: _t.NotRequired[int]


class Deleted(v1.Payload, extra="forbid"):
    reason: str


class DeletedDict(_te.TypedDict):
    reason: str


UploadEvent: _t.TypeAlias = v1.Event[_t.Literal["app/upload"], Upload]
upload_event: v1.DataEventRef[Upload | UploadDict, _t.Literal["app/upload"], Upload] = v1.event(
    "app/upload", Upload, module=__name__, schemas=".samples_schemas"
)

RestoredEvent: _t.TypeAlias = v1.Event[_t.Literal["app/restored"], Upload]
restored_event: v1.DataEventRef[Upload | UploadDict, _t.Literal["app/restored"], Upload] = v1.event(
    "app/restored", Upload, module=__name__, schemas=".samples_schemas"
)

DeletedEvent: _t.TypeAlias = v1.Event[_t.Literal["app/deleted"], Deleted]
deleted_event: v1.DataEventRef[Deleted | DeletedDict, _t.Literal["app/deleted"], Deleted] = v1.event(
    "app/deleted", Deleted, module=__name__, schemas=".samples_schemas"
)

CountsEvent: _t.TypeAlias = v1.Event[_t.Literal["app/counts"], Deleted | dict[str, int]]
counts_event: v1.DataEventRef[
    Deleted | DeletedDict | dict[str, int], _t.Literal["app/counts"], Deleted | dict[str, int]
] = v1.event("app/counts", Deleted | dict[str, int], module=__name__, schemas=".samples_schemas")

PingEvent: _t.TypeAlias = v1.Event[_t.Literal["app/ping"], None]
ping_event: v1.EmptyEventRef[_t.Literal["app/ping"]] = v1.empty_event("app/ping")
