"""A durable publish on Inngest: what is sent, and what is remembered of it."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tightbeam._channels.refs import TopicRef
from tightbeam._hooks.hook_list import Around
from tightbeam._hooks.info import PublishInfo
from tightbeam._message import Envelope, now_us
from tightbeam._payload.encode import encode_within
from tightbeam._publishing import MAX_PAYLOAD_BYTES, with_metadata
from tightbeam._step_checks import check_step_id
from tightbeam.errors import TightbeamError
from tightbeam.inngest._call import Call, StepUse
from tightbeam.inngest._memo import memo_of

__all__ = ["DurablePublish"]


class DurablePublish:
    """A durable publish: checked and encoded before its step.

    What is wrong is raised in the step, so that a publish that was remembered before stands.
    """

    def __init__(self, call: Call, id: str, ref: TopicRef[..., str, Any], payload: object) -> None:
        check_step_id(id)
        self.use: StepUse = call.use(id, "step.realtime.publish")
        self._call = call
        self._ref = ref
        self._raw: bytes | TightbeamError
        try:
            self._raw = encode_within(ref, payload, MAX_PAYLOAD_BYTES)
        except TightbeamError as error:
            self._raw = error

    @property
    def memo(self) -> object:
        """The memo: the published data, as the server is to remember it."""
        return memo_of(json.loads(self._encoded()))

    @contextmanager
    def sending(self) -> Generator[Envelope]:
        """Surround the sending with hooks; enter it for the message to send.

        Raises:
            InvalidPayload: the data breaks the topic's schema.
            PayloadTooLarge: the server would cut it.
        """
        ref, run_id = self._ref, self._call.run_id
        publish = PublishInfo(ref, run_id, self.use.step_id, server=self._call.carrier.server)
        with Around(self._call.hooks.publish, publish):
            raw, message_id = self._encoded(), f"{run_id}:{self.use.id}:{self.use.number}"
            message = Envelope(ref.channel, ref.topic, raw, run_id, message_id, now_us())
            yield with_metadata(publish, message)

    def _encoded(self) -> bytes:
        if isinstance(self._raw, TightbeamError):
            raise self._raw
        return self._raw
