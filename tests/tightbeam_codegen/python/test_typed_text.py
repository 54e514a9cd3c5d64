"""Text of a typed format in plain data: sent as it was given, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel
from tests.tightbeam_codegen.conftest import Compile
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode


@pytest.mark.parametrize("schema", [{"format": "uuid"}, {"format": "date-time"}])
def test_text_of_a_typed_format_is_sent_as_it_was_given_or_refused(
    schema: dict[str, Any], compile_here: Compile
) -> None:
    """Never spelt anew on the way, though the model's type would read it."""
    text = {"type": "string", **schema}
    made = compile_here({"x.channel.json": channel(t=text, many={"type": "array", "items": text})})
    ch = made.module("x").x_channel
    bad = "2eb8aa08aa9811eab4aa73b441d16380" if schema["format"] == "uuid" else "2026-01-31T12:00:60Z"
    good = "2EB8AA08-aa98-11ea-b4aa-73b441d16380" if schema["format"] == "uuid" else "2026-01-31t12:00:00z"
    assert json.loads(encode(ch.t, good)) == good
    assert json.loads(encode(ch.many, [good])) == [good]
    for topic, payload in ((ch.t, bad), (ch.many, [good, bad])):
        with pytest.raises(InvalidPayload):
            encode(topic, payload)
