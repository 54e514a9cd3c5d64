"""The bindings of another release: `app/upload` has neither the bound nor the size, and a name."""

from __future__ import annotations

import typing as _t

import typing_extensions as _te

from tightbeam._codegen import v1


class Upload(v1.Payload, extra="forbid"):
    upload_id: _t.Annotated[str, v1.wire("uploadId")]
    file_name: _t.Annotated[str | None, v1.wire("fileName"), v1.optional] = None


class UploadDict(_te.TypedDict):
    uploadId: str
    fileName: _t.NotRequired[str]


UploadEvent: _t.TypeAlias = v1.Event[_t.Literal["app/upload"], Upload]
upload_event: v1.DataEventRef[Upload | UploadDict, _t.Literal["app/upload"], Upload] = v1.event(
    "app/upload", Upload, module=__name__, schemas=".older_schemas"
)
