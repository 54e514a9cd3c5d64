"""Recording what is published, at the core that every engine's publishes go through."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from tightbeam import _probes
from tightbeam._channels.refs import Message, TopicRef
from tightbeam._message import Envelope
from tightbeam._payload.load import load

__all__ = ["Published"]

Data = TypeVar("Data")


class Published:
    """What was published since the test began: live messages and, once committed, durable ones.

    ``published(ch.status)`` is a list of the topic's Python type.
    """

    def __init__(self) -> None:
        self._envelopes: list[Envelope] = []

    def __call__(self, topic: TopicRef[..., str, Data], /) -> list[Data]:
        """What was published on this topic, in order, as the topic's Python type."""
        return [
            load(topic, one.data)
            for one in tuple(self._envelopes)
            if (one.channel, one.topic) == (topic.channel, topic.topic)
        ]

    @property
    def messages(self) -> list[Message[str, Any]]:
        """Everything that was published, on all channels, in order; ``data`` is plain JSON here."""
        return [
            Message(
                channel=one.channel,
                topic=one.topic,
                data=json.loads(one.data),
                run_id=one.run_id,
                id=one.id,
                created_at=one.created_at,
                position=None,
            )
            for one in tuple(self._envelopes)
        ]

    def clear(self) -> None:
        """Forget what was published so far."""
        self._envelopes.clear()

    def start(self) -> None:
        """Begin to record; the fixture does it."""
        _probes.observers.append(self._envelopes.append)

    def stop(self) -> None:
        """Stop recording; what was recorded stays."""
        _probes.observers.remove(self._envelopes.append)
