"""The bindings of a release that can't read what others send: `app/upload` needs a reason."""

from __future__ import annotations

import typing as _t

import typing_extensions as _te

from tightbeam._codegen import v1


class Upload(v1.Payload, extra="forbid"):
    upload_id: _t.Annotated[str, v1.wire("uploadId")]
    reason: str


class UploadDict(_te.TypedDict):
    uploadId: str
    reason: str


UploadEvent: _t.TypeAlias = v1.Event[_t.Literal["app/upload"], Upload]
upload_event: v1.DataEventRef[Upload | UploadDict, _t.Literal["app/upload"], Upload] = v1.event(
    "app/upload", Upload, module=__name__, schemas=".breaking_schemas"
)
